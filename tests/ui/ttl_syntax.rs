use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = 300)]
async fn number() {}

#[distributed_lock(name = "job", ttl = "300")]
async fn no_unit() {}

#[distributed_lock(name = "job", ttl = "5min")]
async fn unknown_unit() {}

#[distributed_lock(name = "job", ttl = "1.5h")]
async fn fraction() {}

#[distributed_lock(name = "job", ttl = "30m1h")]
async fn out_of_order() {}

#[distributed_lock(name = "job", ttl = "")]
async fn empty() {}

fn main() {}
