use mongo_lock_runtime::{Outcome, distributed_lock};

#[distributed_lock = "job"]
async fn key_value() {}

#[distributed_lock(= "job")]
async fn equals_only() {}

#[distributed_lock("job")]
async fn one_value() {}

#[distributed_lock(NAME, "30s")]
async fn two_values() {}

#[distributed_lock("job", 300)]
async fn number() {}

#[distributed_lock(name: "job", ttl: "5m")]
async fn colons() {}

#[distributed_lock(name("job"), ttl("5m"))]
async fn calls() {}

#[distributed_lock(name = "job" ttl = "5m")]
async fn no_comma() {}

#[distributed_lock(name == "job", ttl = "5m")]
async fn two_equals() {}

#[distributed_lock(name = "job", ttl = "5m", renew true)]
async fn no_equals() {}

#[distributed_lock(name = "job", timeout = "5m")]
async fn name_of_another_library() {}

#[distributed_lock()]
async fn nothing() {}

const NAME: &str = "name";

async fn callers() -> Result<(), mongo_lock_runtime::Error> {
    let _: [Outcome<()>; 6] = [
        key_value().await?,
        equals_only().await?,
        one_value().await?,
        two_values().await?,
        number().await?,
        colons().await?,
    ];
    let _: [Outcome<()>; 6] = [
        calls().await?,
        no_comma().await?,
        two_equals().await?,
        no_equals().await?,
        name_of_another_library().await?,
        nothing().await?,
    ];
    Ok(())
}

fn main() {
    let _ = (NAME, callers());
}
