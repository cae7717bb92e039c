use std::{borrow::Cow, fmt::Debug};

use mongo_lock_runtime::distributed_lock;

#[distributed_lock(name = "job/{id:?}", ttl = "5m")]
async fn borrowed(id: &str) {}

#[distributed_lock(name = "job/{id:?}", ttl = "5m")]
async fn owned(id: String) {}

#[distributed_lock(name = "job/{id:?}", ttl = "5m")]
async fn behind_pointers(id: &Box<Cow<'static, str>>) {}

#[distributed_lock(name = "job/{id:#?}", ttl = "5m")]
async fn character(id: char) {}

const REGION: &str = "eu";

#[distributed_lock(name = "job/{REGION:?}", ttl = "5m")]
async fn constant() {}

// Known at the call only; and types without quotes.
#[distributed_lock(name = "job/{id:?}/{n:?}", ttl = "5m")]
async fn generic<T: Debug + ?Sized>(id: &T, n: u32) {}

fn main() {}
