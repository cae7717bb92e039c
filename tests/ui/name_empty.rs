use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "", ttl = "5m")]
async fn job() {}

fn main() {
    // Still there, with its new return type: one error, not two.
    let _ = async { job().await.unwrap().is_executed() };
}
