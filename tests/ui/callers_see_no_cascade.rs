use mongo_lock_runtime::{Error, Outcome, distributed_lock};

#[distributed_lock(name = "nightly report", ttl = "5m")]
async fn bad_name(id: u32) -> Result<u32, Error> {
    Ok(id)
}

#[distributed_lock(name = "job/{}", ttl = "5m")]
async fn bad_template(id: u32) -> u32 {
    id
}

#[distributed_lock(name = "job", ttl = "5min", max_hold = "2h", on_lost = "ignore")]
async fn bad_terms(id: u32) -> u32 {
    id
}

#[distributed_lock]
async fn nothing(id: u32) {
    drop(id);
}

#[distributed_lock(name = "job", ttl = "5m", nmae = "x")]
async fn unknown(id: u32) -> Result<Outcome<u32>, Error> {
    Ok(Outcome::Executed(id))
}

async fn callers() -> Result<(), Error> {
    let _: Outcome<u32> = bad_name(1).await?;
    let _: Outcome<u32> = bad_template(1).await?;
    let _: Outcome<u32> = bad_terms(1).await?;
    let _: Outcome<()> = nothing(1).await?;
    let _: Outcome<u32> = unknown(1).await?;
    Ok(())
}

fn main() {
    drop(callers());
}
