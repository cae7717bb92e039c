use mongo_lock_runtime::{distributed_lock, lock_names};

lock_names! {
    mod locks {
        NightlyReport = "nightly-report", ttl = "5m";
        Import = "import", ttl = "5m";
    }
}

#[distributed_lock(name = locks::NightlyReport)]
async fn one() {}

mod elsewhere {
    use super::*;

    #[distributed_lock(name = crate::locks::NightlyReport)]
    async fn another<T>(_: T) {}
}

#[distributed_lock(name = locks::Import, reuse)]
async fn says_reuse() {}

#[distributed_lock(name = locks::Import)]
async fn does_not() {}

fn main() {}
