//! The names of the expansion and those of the body do not meet.

#![allow(non_upper_case_globals, non_camel_case_types)]

use std::time::Duration;

use mongo_lock_runtime::{current_lease, distributed_lock};

use crate::call;

const ret: u8 = 3;
const terms: u8 = 4;
struct call_;
const __LOCK: &str = "hidden-user";

mod unit_structs {
    use mongo_lock_runtime::distributed_lock;

    struct call;
    struct ret;

    #[distributed_lock(name = "hidden-unit", ttl = "5m")]
    pub(super) async fn unit_structs() -> u8 {
        let (_, _) = (call, ret);
        7
    }
}

#[distributed_lock(name = "hidden-constants", ttl = "5m")]
async fn constants() -> u8 {
    let _ = call_;
    ret + terms
}

#[distributed_lock(name = "hidden-items", ttl = "5m")]
async fn items() -> &'static str {
    // The body's own, not the expansion's.
    __LOCK
}

struct Limited<const LIMIT: u32>;

impl<const LIMIT: u32> Limited<LIMIT> {
    #[distributed_lock(name = "hidden-permits", ttl = "5m", permits = LIMIT)]
    async fn of_the_impl() -> u32 {
        LIMIT
    }

    #[distributed_lock(name = "hidden-permits-{LIMIT}", ttl = Self::TTL, permits = Self::TWICE)]
    async fn associated(&self) -> String {
        current_lease().unwrap().name().to_string()
    }

    const TTL: Duration = Duration::from_secs(60);
    const TWICE: u32 = LIMIT * 2;
}

#[distributed_lock(name = "hidden-function", ttl = "5m", permits = N)]
async fn of_the_function<const N: u32>() -> u32 {
    N
}

#[distributed_lock(name = "hidden-arguments", ttl = _ttl, permits = count, wait = "1s")]
async fn of_the_call(_ttl: Duration, count: u32) -> u32 {
    count
}

#[tokio::test]
async fn the_body_has_its_own_names() {
    assert_eq!(call(constants()).await, 7);
    assert_eq!(call(items()).await, "hidden-user");
    assert_eq!(call(unit_structs::unit_structs()).await, 7);
}

#[tokio::test]
async fn permits_depend_on_a_parameter() {
    assert_eq!(call(Limited::<2>::of_the_impl()).await, 2);
    assert_eq!(call(Limited::<3>.associated()).await, "hidden-permits-3");
    assert_eq!(call(of_the_function::<4>()).await, 4);
    assert_eq!(call(of_the_call(Duration::from_secs(60), 5)).await, 5);
}
