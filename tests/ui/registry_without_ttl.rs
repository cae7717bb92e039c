use mongo_lock_runtime::{distributed_lock, lock_names};

lock_names! {
    mod locks {
        Report = "report";
    }
}

#[distributed_lock(name = locks::Report)]
async fn job() {}

fn main() {}
