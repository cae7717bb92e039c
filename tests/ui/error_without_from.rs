use mongo_lock_runtime::distributed_lock;

struct JobError;

#[distributed_lock(name = "job", ttl = "5m")]
async fn job() -> Result<u32, JobError> {
    Ok(1)
}

fn main() {}
