use std::time::Duration;

use mongo_lock_runtime::distributed_lock;

// The argument is the caller's, and what the macro writes cannot see it: as with `format!`.
macro_rules! hidden {
    ($name:ident, $argument:ident) => {
        #[distributed_lock(name = "job/{x}", ttl = "5m")]
        async fn $name($argument: u8) {}
    };
}

hidden!(of_the_caller_only, x);

macro_rules! hidden_term {
    ($name:ident, $argument:ident) => {
        #[distributed_lock(name = "job", ttl = x)]
        async fn $name($argument: Duration) {}
    };
}

hidden_term!(ttl_of_the_caller_only, x);

macro_rules! hidden_name {
    ($name:ident, $argument:ident) => {
        #[distributed_lock(name = x, ttl = "5m")]
        async fn $name($argument: String) {}
    };
}

hidden_name!(name_of_the_caller_only, x);

fn main() {}
