use mongo_lock_runtime::{Error, Outcome, distributed_lock};

#[distributed_lock(name = "job", ttl = "5m")]
fn not_async(id: u32) -> Result<u32, Error> {
    Ok(id)
}

#[distributed_lock(name = "job", ttl = "5m")]
fn not_async_and_plain(id: u32) -> u32 {
    id
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn no_body(id: u32) -> Result<u32, Error>;

#[distributed_lock(name = "job", ttl = "5m")]
fn neither();

struct Service;

impl Service {
    #[distributed_lock(name = "job", ttl = "5m")]
    fn method(&self) -> Result<(), Error> {
        Ok(())
    }
}

trait Job {
    #[distributed_lock(name = "job", ttl = "5m")]
    async fn run(&self) -> Result<Outcome<()>, Error>;
}

impl Job for Service {
    #[distributed_lock(name = "service", ttl = "5m")]
    async fn run(&self) -> Result<Outcome<()>, Error> {
        Ok(Outcome::Executed(()))
    }
}

async fn callers() -> Result<(), Error> {
    let _: Outcome<u32> = not_async(1).await?;
    let _: Outcome<u32> = not_async_and_plain(1).await?;
    let _: Outcome<u32> = no_body(1).await?;
    let _: Outcome<()> = neither().await?;
    let _: Outcome<()> = Service.method().await?;
    let _: Outcome<()> = Service.run().await?;
    Ok(())
}

fn main() {
    drop(callers());
}
