use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "5m")]
struct Job;

#[distributed_lock(name = "job", ttl = "5m")]
impl Job {}

#[distributed_lock(name = "job", ttl = "5m")]
pub trait Run {}

#[distributed_lock(name = "job", ttl = "5m")]
const NAME: &str = "job";

fn main() {
    let _ = (Job, NAME);
}
