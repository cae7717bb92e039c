use mongo_lock_runtime::{Error, distributed_lock};

type R = Result<u8, Error>;
type Generic<T> = Result<T, Error>;

trait Job {
    type Answer;
}

struct Import;

impl Job for Import {
    type Answer = Result<u8, std::io::Error>;
}

impl Import {
    #[distributed_lock(name = "job", ttl = "5m")]
    async fn associated(&self) -> Answer {
        Ok(1)
    }
}

type Answer = <Import as Job>::Answer;

#[distributed_lock(name = "job", ttl = "5m")]
async fn alias() -> R {
    Ok(1)
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn alias_with_arguments() -> Generic<u8> {
    Ok(1)
}

async fn callers() -> Result<(), Error> {
    let _ = alias().await?.executed();
    let _ = alias_with_arguments().await?.executed();
    let _ = Import.associated().await?.executed();
    Ok(())
}

fn main() {
    drop(callers());
}
