use mongo_lock_runtime::distributed_lock;

struct Day;

#[distributed_lock(name = "job/{day}", ttl = "5m")]
async fn job(day: Day) {}

fn main() {}
