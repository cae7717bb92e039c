use std::time::Duration;

use mongo_lock_runtime::distributed_lock;

struct Config;

impl Config {
    const TTL: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(1000 * 24 * 60 * 60);
    const NAME: &'static str = "a b";
    const NOBODY: u32 = 0;
}

const NOBODY: u32 = 0;

// Each is found when the function is built: the tokens do not tell a type from a generic parameter.
#[distributed_lock(name = "ttl", ttl = Config::TTL)]
async fn ttl() {}

#[distributed_lock(name = "wait", ttl = "5m", wait = Config::TTL)]
async fn wait() {}

#[distributed_lock(name = "min_hold", ttl = "5m", min_hold = Config::LONG)]
async fn min_hold() {}

#[distributed_lock(name = "max_hold", ttl = "5m", renew, max_hold = Config::LONG)]
async fn max_hold() {}

#[distributed_lock(name = "permits", ttl = "5m", permits = Config::NOBODY)]
async fn permits() {}

#[distributed_lock(name = "bare-permits", ttl = "5m", permits = NOBODY)]
async fn bare_permits() {}

#[distributed_lock(name = Config::NAME, ttl = Config::TTL)]
async fn name() {}

#[distributed_lock(name = "job/{id}", ttl = Config::TTL)]
async fn template(id: u32) {}

#[distributed_lock(name = queue, ttl = Config::TTL)]
async fn named_by_an_argument(queue: &str) {}

#[distributed_lock(name = "lease", ttl = lease, wait = Config::TTL)]
async fn beside_an_argument(lease: Duration) {}

impl Config {
    #[distributed_lock(name = "method", ttl = Self::TTL)]
    async fn method(&self) {}
}

fn main() {
    drop((ttl(), wait(), min_hold(), max_hold(), permits(), bare_permits(), name()));
    drop((template(1), named_by_an_argument("q")));
    drop((beside_an_argument(Duration::MAX), Config.method()));
}
