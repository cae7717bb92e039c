use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "nightly report", ttl = "5m")]
async fn space() {}

#[distributed_lock(name = "nightly\nreport", ttl = "5m")]
async fn control() {}

#[distributed_lock(name = "-report", ttl = "5m")]
async fn start() {}

fn main() {}
