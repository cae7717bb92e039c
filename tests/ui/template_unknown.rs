use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job/{invoice_idd}", ttl = "5m")]
async fn unknown(invoice_id: u32, day: &str) {}

fn main() {
    // Still there, with its new return type: one error, not two.
    let _ = async { unknown(1, "").await.unwrap().is_executed() };
}
