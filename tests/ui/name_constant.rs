use std::time::Duration;

use mongo_lock_runtime::distributed_lock;

const EMPTY: &str = "";
const SPACE: &str = "nightly report";
const NUMBER: u32 = 5;
const ZERO: Duration = Duration::ZERO;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[distributed_lock(name = EMPTY, ttl = "5m")]
async fn empty() {}

#[distributed_lock(name = SPACE, ttl = "5m")]
async fn character() {}

#[distributed_lock(name = NUMBER, ttl = "5m")]
async fn another_type() {}

#[distributed_lock(name = "job", ttl = ZERO)]
async fn ttl() {}

#[distributed_lock(name = "job", ttl = "5m", min_hold = DAY)]
async fn min_hold() {}

#[distributed_lock(name = JOBS, ttl = "5m")]
async fn unknown() {}

#[distributed_lock(name = LONG)]
async fn no_ttl() {}

const LONG: &str = "long";

fn main() {}
