use mongo_lock_runtime::distributed_lock;

const MINUTES: u64 = 5;

#[distributed_lock(name = "job", ttl = MINUTES)]
async fn another_type() {}

#[distributed_lock(name = "job", ttl = 5 * MINUTES)]
async fn computed() {}

fn main() {}
