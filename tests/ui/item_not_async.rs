use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "5m")]
fn job() {}

#[distributed_lock(name = "job", ttl = "5m")]
const fn constant() {}

#[tokio::main]
#[distributed_lock(name = "job", ttl = "5m")]
async fn main() {
    job();
    constant();
}
