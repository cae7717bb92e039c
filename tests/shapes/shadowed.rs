//! In scopes where the standard names mean something else.

#![allow(dead_code, unused_macros, non_camel_case_types)]

use mongo_lock_runtime::distributed_lock;

struct Result;
struct Option;
struct Some;
struct None;
struct Ok;
struct Err;
struct Box;
struct Pin;
struct Send;
struct Future;
struct Duration;
struct Outcome;
struct Error;
struct LockTerms;
type u64 = String;
type bool = String;
type str = u8;

mod core {}
mod std {}

macro_rules! concat {
    ($($any:tt)*) => {
        compile_error!("the wrong `concat!`")
    };
}
macro_rules! format_args {
    ($($any:tt)*) => {
        compile_error!("the wrong `format_args!`")
    };
}
macro_rules! module_path {
    ($($any:tt)*) => {
        compile_error!("the wrong `module_path!`")
    };
}

#[distributed_lock(
    name = "shadow-value",
    ttl = "1m",
    renew,
    max_hold = "2h",
    min_hold = "1s"
)]
async fn value(id: u32) -> u32 {
    id
}

#[distributed_lock(name = "shadow-template/{id}", ttl = "1m")]
async fn template(id: u32) -> ::std::result::Result<u32, ::mongo_lock_runtime::Error> {
    ::std::result::Result::Ok(id)
}

#[tokio::test]
async fn the_expansion_names_what_it_means() {
    assert_eq!(crate::call(value(1)).await, 1);
    assert_eq!(crate::call(template(2)).await, 2);
}
