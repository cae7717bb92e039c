use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "my job/{id}", ttl = "5m")]
async fn character(id: u32) {}

#[distributed_lock(name = "/{id}", ttl = "5m")]
async fn start(id: u32) {}

#[distributed_lock(name = "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789{id}", ttl = "5m")]
async fn too_long(id: u32) {}

fn main() {}
