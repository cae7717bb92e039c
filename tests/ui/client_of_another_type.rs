use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "5m", client = 5)]
async fn job() {}

fn main() {}
