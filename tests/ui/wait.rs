use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "zero", ttl = "1m", wait = "0s")]
async fn zero() {}

#[distributed_lock(name = "number", ttl = "1m", wait = 10)]
async fn number() {}

#[distributed_lock(name = "overflow", ttl = "1m", wait = "99999999999999999999d")]
async fn overflow() {}

#[distributed_lock(name = "long", ttl = "1m", wait = "367d")]
async fn long() {}

#[distributed_lock(name = "bare", ttl = "1m", wait)]
async fn bare() {}

fn main() {
    let _ = (zero(), number(), overflow(), long(), bare());
}
