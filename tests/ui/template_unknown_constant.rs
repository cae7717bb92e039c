use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job/{REGION}", ttl = "5m")]
async fn unknown(invoice_id: u32) {}

fn main() {}
