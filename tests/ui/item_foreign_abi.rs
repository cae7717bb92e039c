use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job", ttl = "5m")]
extern "C" fn foreign() {}

#[distributed_lock(name = "job", ttl = "5m")]
pub unsafe extern "system" fn system() {}

fn main() {
    foreign();
}
