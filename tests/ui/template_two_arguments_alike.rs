use mongo_lock_runtime::distributed_lock;

// Both arguments are spelled `x` where the caller says `x`; only the compiler tells them apart.
macro_rules! template {
    ($name:ident, $argument:ident) => {
        #[distributed_lock(name = "job/{x}", ttl = "5m")]
        async fn $name($argument: u8, x: u8) {}
    };
}

template!(of_the_caller, x);

macro_rules! argument {
    ($name:ident, $argument:ident) => {
        #[distributed_lock(name = x, ttl = "5m")]
        async fn $name($argument: &str, x: &str) {}
    };
}

argument!(named_alike, x);

fn main() {}
