use mongo_lock_runtime::distributed_lock;

struct Service;

impl Service {
    const NAME: &'static str = "nightly report";

    // Found when the function is built, not when it is only checked.
    #[distributed_lock(name = Self::NAME, ttl = "5m")]
    async fn job(&self) {}
}

fn main() {
    drop(Service.job());
}
