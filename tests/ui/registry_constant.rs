use std::time::Duration;

use mongo_lock_runtime::lock_names;

const NOTHING: Duration = Duration::ZERO;

lock_names! {
    mod locks {
        Report = "report", ttl = NOTHING;
    }
}

fn main() {
    let _ = locks::Report;
}
