use mongo_lock_runtime::{distributed_lock, lock_names};

lock_names! {
    mod locks {
        NightlyReport = "nightly-report", ttl = "5m";
    }
}

#[distributed_lock(name = locks::NightlyReprot)]
async fn typo() {}

fn main() {}
