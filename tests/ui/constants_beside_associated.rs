use std::time::Duration;

use mongo_lock_runtime::distributed_lock;

struct Config;

impl Config {
    const TTL: Duration = Duration::from_secs(60);
}

const SPACE: &str = "a b";
const ZERO: Duration = Duration::ZERO;

// What an item can name is checked by `cargo check` too, whatever stands beside it.
#[distributed_lock(name = SPACE, ttl = Config::TTL)]
async fn name() {}

#[distributed_lock(name = "job", ttl = Config::TTL, wait = ZERO)]
async fn wait() {}

#[distributed_lock(name = "job", ttl = lease, min_hold = ZERO)]
async fn beside_an_argument(lease: Duration) {}

#[distributed_lock(name = Self::NAME, ttl = Duration::MAX)]
async fn of_the_standard_library() {}

mod config {
    pub(crate) struct Config;

    impl Config {
        pub(crate) const TTL: std::time::Duration = std::time::Duration::ZERO;
    }
}

// With a module before the type, it is no generic parameter.
#[distributed_lock(name = "job", ttl = config::Config::TTL)]
async fn with_its_module() {}

fn main() {}
