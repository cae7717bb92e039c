use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "5m")]
struct Job;

#[distributed_lock(name = "job", ttl = "5m")]
impl Job {}

fn main() {
    let _ = Job;
}
