use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "", ttl = "5min", retries = 3)]
async fn job() {}

fn main() {}
