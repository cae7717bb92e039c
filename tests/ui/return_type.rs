use mongo_lock_runtime::{Error, Outcome, distributed_lock};

type Result = std::result::Result<u32, Error>;

#[distributed_lock(name = "job", ttl = "5m")]
async fn alias() -> Result {
    Ok(1)
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn bare_outcome() -> Outcome<u32> {
    Outcome::Executed(1)
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn never() -> ! {
    loop {}
}

fn main() {}
