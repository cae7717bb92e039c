use locks::Report;
use mongo_lock_runtime::{distributed_lock, lock_names};

lock_names! {
    mod locks {
        Report = "report", ttl = "5m";
    }
}

#[distributed_lock(name = Report)]
async fn job() {}

fn main() {
    let _ = Report;
}
