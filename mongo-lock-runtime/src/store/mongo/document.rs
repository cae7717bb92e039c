//! Reading a lock document that anybody could have edited.

use std::time::SystemTime;

use mongodb::bson::{Bson, Document};

use super::super::{Grant, Reply, Request};
use crate::Skipped;

/// A lock document, as far as it could be read. Errors name the field.
pub(super) struct LockDocument<'a> {
    holders: Vec<Holder<'a>>,
}

struct Holder<'a> {
    lease: &'a Bson,
    owner: &'a str,
    token: i64,
    acquired_at: SystemTime,
    expires_at: SystemTime,
}

impl<'a> LockDocument<'a> {
    pub(super) fn read(document: &'a Document) -> Result<Self, String> {
        let holders = field(document, "holders", "an array", Bson::as_array)?;
        let token = field(document, "token", "a 64-bit integer", integer)?;
        if token == i64::MAX {
            return Err("field `token` is the largest there is, so none can follow it".into());
        }
        let holders = holders
            .iter()
            .enumerate()
            .map(|(i, holder)| {
                let at = |problem| format!("`holders[{i}]`: {problem}");
                let holder = holder
                    .as_document()
                    .ok_or_else(|| at(other_type(holder, "a document")))?;
                Holder::read(holder).map_err(at)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { holders })
    }

    /// What the document says to whoever sent `request`.
    pub(super) fn reply(&self, request: &Request) -> Result<Reply, String> {
        let ours = Bson::from(request.lease.0);
        if let Some(holder) = self.holders.iter().find(|holder| *holder.lease == ours) {
            return Ok(Reply::Granted(Grant {
                token: holder.token,
                acquired_at: holder.acquired_at,
                expires_at: holder.expires_at,
            }));
        }
        // Of several, the one that ends first says best when there will be room.
        let holder = self
            .holders
            .iter()
            .min_by_key(|holder| holder.expires_at)
            .ok_or("it has no holders, yet the server refused the lease")?;
        Ok(Reply::Refused(Skipped {
            name: request.name.clone(),
            holder: holder.owner.to_owned(),
            since: holder.acquired_at,
            until: holder.expires_at,
            token: holder.token,
        }))
    }
}

impl<'a> Holder<'a> {
    fn read(holder: &'a Document) -> Result<Self, String> {
        let date = |key| {
            field(holder, key, "a date", |value| {
                value.as_datetime().map(|date| date.to_system_time())
            })
        };
        Ok(Self {
            lease: field(holder, "lease", "a UUID", Some)?,
            owner: field(holder, "owner", "a string", Bson::as_str)?,
            token: field(holder, "token", "a 64-bit integer", integer)?,
            acquired_at: date("acquired_at")?,
            expires_at: date("expires_at")?,
        })
    }
}

/// A number typed into a shell may become an `int`; it is the same number.
fn integer(value: &Bson) -> Option<i64> {
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}

fn field<'a, T>(
    document: &'a Document,
    key: &str,
    expected: &str,
    read: impl FnOnce(&'a Bson) -> Option<T>,
) -> Result<T, String> {
    let value = document
        .get(key)
        .ok_or_else(|| format!("field `{key}` is missing"))?;
    read(value).ok_or_else(|| format!("field `{key}` {}", other_type(value, expected)))
}

fn other_type(value: &Bson, expected: &str) -> String {
    format!("is {:?}, not {expected}", value.element_type())
}
