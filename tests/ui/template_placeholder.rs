use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job/{}", ttl = "5m")]
async fn without_a_name(id: u32) {}

#[distributed_lock(name = "job/{0}", ttl = "5m")]
async fn by_number(id: u32) {}

#[distributed_lock(name = "job/{:03}", ttl = "5m")]
async fn format_only(id: u32) {}

#[distributed_lock(name = "job/{id + 1}", ttl = "5m")]
async fn expression(id: u32) {}

#[distributed_lock(name = "job/{_}", ttl = "5m")]
async fn wildcard(_: u32) {}

#[distributed_lock(name = "job/{type}", ttl = "5m")]
async fn keyword() {}

#[distributed_lock(name = "job/{self}", ttl = "5m")]
async fn no_self() {}

fn main() {}
