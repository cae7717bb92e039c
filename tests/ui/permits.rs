use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "none", ttl = "1m", permits = 0)]
async fn none() {}

#[distributed_lock(name = "text", ttl = "1m", permits = "3")]
async fn text() {}

#[distributed_lock(name = "negative", ttl = "1m", permits = -1)]
async fn negative() {}

#[distributed_lock(name = "too-many", ttl = "1m", permits = 4294967296)]
async fn too_many() {}

#[distributed_lock(name = "readers", ttl = "1m", permits = 3, shared)]
async fn readers() {}

const NOBODY: u32 = 0;

#[distributed_lock(name = "constant", ttl = "1m", permits = self::NOBODY)]
async fn constant() {}

#[distributed_lock(name = "bare", ttl = "1m", permits)]
async fn bare() {}

fn main() {
    let _ = (none(), text(), negative(), too_many(), readers(), constant(), bare());
}
