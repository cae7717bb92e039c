use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job/{id", ttl = "5m")]
async fn not_closed(id: u32) {}

#[distributed_lock(name = "job/id}", ttl = "5m")]
async fn not_opened(id: u32) {}

#[distributed_lock(name = "job/{{id}}", ttl = "5m")]
async fn escaped(id: u32) {}

fn main() {}
