use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job/{id:0width$}", ttl = "5m")]
async fn number_from_an_argument(id: u32, width: usize) {}

#[distributed_lock(name = "job/{id:?}", ttl = "5m")]
async fn no_debug(id: NoText) {}

#[distributed_lock(name = "job/{id:nonsense}", ttl = "5m")]
async fn no_format(id: u32) {}

struct NoText;

fn main() {}
