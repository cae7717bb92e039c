use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = 5, ttl = "5m")]
async fn number() {}

#[distributed_lock(name = format!("a"), ttl = "5m")]
async fn computed() {}

fn main() {}
