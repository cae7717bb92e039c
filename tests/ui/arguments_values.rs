use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "5m", reuse = 5)]
async fn no_switch() {}

#[distributed_lock(name = "job", ttl = "5m", crate = "locks")]
async fn no_path() {}

#[distributed_lock(name, ttl = "5m")]
async fn no_name() {}

#[distributed_lock(name = "job", ttl = "5m", client)]
async fn no_client() {}

#[distributed_lock(name = "job"; ttl = "5m")]
async fn semicolon() {}

fn main() {}
