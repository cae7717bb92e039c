use mongo_lock_runtime::distributed_lock;

struct Pair {
    a: u32,
}

#[distributed_lock(name = "job/{a}", ttl = "5m")]
async fn tuple((a, _): (u32, u32)) {}

#[distributed_lock(name = "job/{a}", ttl = "5m")]
async fn field(Pair { a }: Pair) {}

#[distributed_lock(name = "job/{whole}", ttl = "5m")]
async fn at(whole @ Pair { .. }: Pair) {}

fn main() {}
