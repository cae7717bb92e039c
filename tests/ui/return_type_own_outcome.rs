use mongo_lock_runtime::{Error, distributed_lock};

mod game {
    pub(crate) enum Outcome<T> {
        Won(T),
    }
}

type Answer = game::Outcome<u8>;

#[distributed_lock(name = "job", ttl = "5m")]
async fn own_in_a_result() -> Result<game::Outcome<u8>, Error> {
    Ok(game::Outcome::Won(1))
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn under_another_name() -> Result<Answer, Error> {
    Ok(game::Outcome::Won(1))
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn under_another_name_and_plain() -> Answer {
    game::Outcome::Won(1)
}

async fn callers() -> Result<(), Error> {
    let _ = own_in_a_result().await?;
    let _ = under_another_name().await?.executed();
    let _ = under_another_name_and_plain().await?.executed();
    Ok(())
}

fn main() {
    drop(callers());
}
