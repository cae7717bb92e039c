use mongo_lock_runtime::{Error, distributed_lock};

struct UpdateResult;

struct QueryResult<T>(T);

#[distributed_lock(name = "job", ttl = "5m")]
async fn without_arguments() -> UpdateResult {
    UpdateResult
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn with_arguments() -> QueryResult<u8> {
    QueryResult(1)
}

// Both work inside a `Result`.
#[distributed_lock(name = "job", ttl = "5m")]
async fn in_a_result() -> Result<UpdateResult, Error> {
    Ok(UpdateResult)
}

#[distributed_lock(name = "job", ttl = "5m")]
async fn with_arguments_in_a_result() -> Result<QueryResult<u8>, Error> {
    Ok(QueryResult(1))
}

async fn callers() -> Result<(), Error> {
    let _ = without_arguments().await?.executed();
    let _ = in_a_result().await?.executed();
    let _ = with_arguments_in_a_result().await?.executed();
    let _ = with_arguments().await;
    Ok(())
}

fn main() {
    drop(callers());
}
