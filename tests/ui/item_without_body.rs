use mongo_lock_runtime::{Error, Outcome, distributed_lock};

trait Job {
    #[distributed_lock(name = "job", ttl = "5m")]
    async fn run(&self) -> Result<Outcome<()>, Error>;
}

fn main() {}
