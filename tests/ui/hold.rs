use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "1m", min_hold = "2m")]
async fn min_hold_beyond_the_ttl() {}

#[distributed_lock(name = "job", ttl = "1m", max_hold = "2h")]
async fn max_hold_without_renew() {}

#[distributed_lock(name = "job", ttl = "1m", max_hold = "2h", renew = false)]
async fn max_hold_without_renewal() {}

#[distributed_lock(name = "job", ttl = "1m", renew, max_hold = 7200)]
async fn max_hold_without_unit() {}

#[distributed_lock(name = "job", ttl = "1m", min_hold = "0s")]
async fn min_hold_of_nothing() {}

#[distributed_lock(name = "job", ttl = "1m", renew = "yes")]
async fn renew_is_no_string() {}

fn main() {}
