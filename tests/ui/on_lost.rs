use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "1m", on_lost = "ignore")]
async fn unknown() {}

#[distributed_lock(name = "job", ttl = "1m", on_lost)]
async fn no_value() {}

#[distributed_lock(name = "job", ttl = "1m", on_lost = false)]
async fn other_type() {}

fn main() {}
