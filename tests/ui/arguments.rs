use mongo_lock_runtime::distributed_lock;

#[distributed_lock]
async fn none() {}

#[distributed_lock(name = "job")]
async fn no_ttl() {}

#[distributed_lock(name = "job", ttl = "5m", nmae = "x")]
async fn unknown() {}

#[distributed_lock(name = "job", ttl = "5m", ttl = "6m")]
async fn twice() {}

#[distributed_lock(name = "job", ttl)]
async fn no_value() {}

#[distributed_lock(name = "job", ttl = )]
async fn no_value_either() {}

#[distributed_lock("job", ttl = "5m")]
async fn positional() {}

fn main() {}
