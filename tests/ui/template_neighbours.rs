use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job/{a}{b}", ttl = "5m")]
async fn nothing_between(a: u32, b: u32) {}

#[distributed_lock(name = "job/{a}-{b}", ttl = "5m")]
async fn what_a_value_can_have_between(a: u32, b: u32) {}

fn main() {}
