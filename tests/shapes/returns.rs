//! The result of a function, and how it follows from the body's value.

use std::{error::Error as StdError, fmt::Display};

use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock};

use crate::call;

#[distributed_lock(name = "ret-unit", ttl = "1m")]
async fn unit() {}

#[distributed_lock(name = "ret-written-unit", ttl = "1m")]
async fn written_unit() -> () {}

#[distributed_lock(name = "ret-dyn", ttl = "1m")]
async fn boxed(text: bool) -> Box<dyn Display + Send> {
    if text {
        return Box::new("text");
    }
    Box::new(5)
}

#[distributed_lock(name = "ret-slice", ttl = "1m")]
async fn slice(array: &[u32; 3]) -> &[u32] {
    array
}

#[distributed_lock(name = "ret-fn", ttl = "1m")]
async fn pointer(double: bool) -> fn(u32) -> u32 {
    if double { |n| n * 2 } else { |n| n }
}

#[distributed_lock(name = "ret-hidden", ttl = "1m")]
async fn hidden(n: u32) -> impl Iterator<Item = u32> {
    (0..n).map(|n| n * n)
}

#[distributed_lock(name = "ret-hidden-ok", ttl = "1m")]
async fn hidden_in_result(text: &str) -> Result<(impl Display + use<'_>, u32), Error> {
    Ok((text, 1))
}

#[distributed_lock(name = "ret-dyn-error", ttl = "1m")]
async fn dyn_error(text: &str) -> Result<u32, Box<dyn StdError + Send + Sync>> {
    if text.is_empty() {
        return Err("empty".into());
    }
    Ok(text.parse()?)
}

type AppResult<T, E = Box<dyn StdError>> = Result<T, E>;

#[distributed_lock(name = "ret-alias", ttl = "1m")]
async fn alias(text: &str) -> AppResult<u32> {
    Ok(text.parse()?)
}

#[distributed_lock(name = "ret-std-path", ttl = "1m")]
async fn std_path() -> ::std::result::Result<(u8, u8), Error> {
    Ok((1, 2))
}

#[distributed_lock(name = "ret-written-out", ttl = "1m")]
async fn written_out(run: bool) -> Result<Outcome<u32>, Error> {
    if !run {
        Err(Error::NoClient)?;
    }
    Ok(Outcome::Executed(7))
}

#[distributed_lock(name = "ret-option", ttl = "1m")]
async fn option(text: &str) -> Option<u32> {
    let n: u32 = text.parse().ok()?;
    Some(n)
}

#[distributed_lock(name = "ret-closure", ttl = "1m")]
async fn closure(n: u32) -> impl Fn(u32) -> u32 {
    move |m| n + m
}

#[tokio::test]
async fn values_coerce_and_errors_convert_as_in_the_plain_function() {
    call(unit()).await;
    call(written_unit()).await;
    assert_eq!(call(boxed(true)).await.to_string(), "text");
    assert_eq!(call(boxed(false)).await.to_string(), "5");
    assert_eq!(call(slice(&[1, 2, 3])).await, [1, 2, 3]);
    assert_eq!(call(pointer(true)).await(4), 8);
    assert_eq!(call(hidden(3)).await.collect::<Vec<_>>(), [0, 1, 4]);
    assert_eq!(call(hidden_in_result("x")).await.0.to_string(), "x");
    assert_eq!(call(dyn_error("7")).await, 7);
    let error = LockClient::in_memory().scope(dyn_error("")).await;
    assert_eq!(error.unwrap_err().to_string(), "empty");
    assert_eq!(call(alias("7")).await, 7);
    assert_eq!(call(std_path()).await, (1, 2));
    assert_eq!(call(written_out(true)).await, 7);
    assert_eq!(call(option("7")).await, Some(7));
    assert_eq!(call(option("x")).await, None);
    assert_eq!(call(closure(1)).await(2), 3);
}

#[tokio::test]
async fn without_a_client_the_error_is_the_function_s_own() {
    let error = dyn_error("7").await.unwrap_err();
    assert!(error.downcast_ref::<Error>().is_some(), "{error}");
    assert!(matches!(unit().await, Err(Error::NoClient)));
}
