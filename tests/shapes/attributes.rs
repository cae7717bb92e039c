//! Attributes of the function, of its arguments and of its body.

// A missing one of these would be reported.
#![deny(dead_code, unused_variables, unused_must_use, deprecated)]

use mongo_lock_runtime::distributed_lock;

use crate::call;

/// Documented.
#[distributed_lock(name = "attr-many", ttl = "1m")]
#[doc(alias = "several")]
#[inline]
#[must_use]
#[allow(clippy::unused_async)]
async fn many(
    #[allow(unused_variables)] unused: u32,
    #[cfg(any())] absent: NoSuchType,
    #[cfg(not(any()))] present: u32,
) -> u32 {
    #![allow(unused_mut)]
    //! Documented inside.
    let mut n = present;
    #[cfg(any())]
    compile_error!("not in this configuration");
    n
}

#[distributed_lock(name = "attr-expect", ttl = "1m")]
#[expect(unused_variables, reason = "fulfilled once")]
async fn expected(unused: u32) {}

#[distributed_lock(name = "attr-expect-argument", ttl = "1m")]
async fn expected_argument(#[expect(unused_variables)] unused: u32) {}

#[distributed_lock(name = "attr-expect-dead", ttl = "1m")]
#[expect(dead_code)]
async fn never_called() {}

#[distributed_lock(name = "attr-deprecated", ttl = "1m")]
#[deprecated = "for the test"]
async fn old() -> u32 {
    1
}

#[cfg(any())]
#[distributed_lock(name = "attr-absent", ttl = "1m")]
async fn absent() -> NoSuchType {}

#[cfg_attr(not(any()), distributed_lock(name = "attr-cfg-attr", ttl = "1m"))]
async fn in_cfg_attr() -> u32 {
    2
}

#[distributed_lock(name = "attr-instrument-below", ttl = "1m")]
#[tracing::instrument(ret, fields(day))]
async fn instrument_below(day: u32) -> u32 {
    day
}

#[tracing::instrument(ret)]
#[distributed_lock(name = "attr-instrument-above", ttl = "1m")]
async fn instrument_above(day: u32) -> u32 {
    day
}

#[tokio::test]
async fn attributes_mean_what_they_meant() {
    assert_eq!(call(many(0, 1)).await, 1);
    call(expected(1)).await;
    call(expected_argument(1)).await;
    #[expect(deprecated)]
    let old = old();
    assert_eq!(call(old).await, 1);
    assert_eq!(call(in_cfg_attr()).await, 2);
    assert_eq!(call(instrument_below(3)).await, 3);
    assert_eq!(call(instrument_above(4)).await, 4);
}
