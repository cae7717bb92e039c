use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "0s")]
async fn zero() {}

#[distributed_lock(name = "job", ttl = "367d")]
async fn too_long() {}

#[distributed_lock(name = "job", ttl = "99999999999999999999d")]
async fn overflow() {}

fn main() {}
