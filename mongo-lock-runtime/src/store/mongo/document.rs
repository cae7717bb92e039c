//! Reading a lock document that anybody could have edited.

use std::time::SystemTime;

use mongodb::bson::{Bson, Document};

use super::super::{Grant, Queued, Reply, Request};
use crate::{
    outcome::{self, Reservation, SkipReason, Skipped},
    spec::Mode,
};

/// A lock document, as far as it could be read. Errors name the field.
pub(super) struct LockDocument<'a> {
    holders: Vec<Holder<'a>>,
    token: i64,
    /// As it is: it may have the places of waiters that are long gone.
    queue: &'a [Bson],
}

struct Holder<'a> {
    lease: &'a Bson,
    owner: &'a str,
    mode: &'a str,
    /// `None` where it is no number: then it is one.
    permits: Option<i64>,
    token: i64,
    acquired_at: SystemTime,
    expires_at: SystemTime,
}

/// A place in line.
struct Place<'a> {
    id: &'a str,
    owner: &'a str,
    since: SystemTime,
    seen_at: SystemTime,
    until: SystemTime,
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
            .map(|(i, holder)| read_at("holders", i, holder, Holder::read))
            .collect::<Result<_, _>>()?;
        let queue = document.get_array("queue").map_or(&[][..], Vec::as_slice);
        Ok(Self {
            holders,
            token,
            queue,
        })
    }

    /// What the document says to whoever sent `request`; `None` when that depends on a queue, or
    /// on several holders, at which the server has not `looked`.
    pub(super) fn reply(&self, request: &Request, looked: bool) -> Result<Option<Reply>, String> {
        // Without a look at the queue, the holders are as they were: some may have expired, unless the
        // only one is there by what was just decided.
        let conclusive = looked || self.queue.is_empty() && self.holders.len() == 1;
        if !conclusive {
            return Ok(None);
        }
        let ours = Bson::from(request.lease.0);
        if let Some(holder) = self.holders.iter().find(|holder| *holder.lease == ours) {
            return Ok(Some(Reply::Granted(Grant {
                token: holder.token,
                acquired_at: holder.acquired_at,
                expires_at: holder.expires_at,
                contended: !self.queue.is_empty(),
            })));
        }
        let places = self.places()?;
        let skipped = self.skipped(request, &places)?;
        let Some(ticket) = &request.ticket else {
            return Ok(Some(Reply::Refused(skipped)));
        };
        let ahead = places.iter().position(|place| *place.id == *ticket.line);
        let ahead = ahead.ok_or("it has no place for us, yet the server refused the lease")?;
        let ends = if ahead == 0 {
            self.holders.iter().map(|holder| holder.expires_at).min()
        } else {
            places[..ahead].iter().map(|place| place.until).min()
        };
        Ok(Some(Reply::Queued(Queued {
            skipped,
            ahead,
            seen_at: places[ahead].seen_at,
            look_at: ends.unwrap_or(places[ahead].until),
        })))
    }

    /// How many permits somebody else believes that the lock has, who is not a reader; and who.
    pub(super) fn other_permits(&self, request: &Request) -> Option<(i64, &'a str)> {
        let ours = i64::from(request.permits);
        let exclusive = Mode::Exclusive.as_str();
        let mut holders = self.holders.iter().filter(|it| it.mode == exclusive);
        let other = holders.find_map(|it| {
            let theirs = it.permits.unwrap_or(1);
            (theirs != ours).then_some((theirs, it.owner))
        });
        other.filter(|_| request.mode == Mode::Exclusive)
    }

    fn places(&self) -> Result<Vec<Place<'a>>, String> {
        let places = self.queue.iter().enumerate();
        places
            .map(|(i, place)| read_at("queue", i, place, Place::read))
            .collect()
    }

    fn skipped(&self, request: &Request, places: &[Place<'_>]) -> Result<Skipped, String> {
        let holders = self.holders.iter();
        // Of several, the one that ends first says best when there will be room, and the one that
        // ends last when there will be nobody.
        let holder = if request.permits > 1 {
            holders.min_by_key(|holder| holder.expires_at)
        } else {
            holders.max_by_key(|holder| holder.expires_at)
        };
        if let Some(holder) = holder {
            let holder = outcome::Holder {
                owner: holder.owner.to_owned(),
                since: holder.acquired_at,
                until: holder.expires_at,
                token: holder.token,
            };
            return Ok(Skipped {
                name: request.name.clone(),
                reason: SkipReason::Held(holder),
            });
        }
        // It is free, and not for us.
        let next = places.first();
        let next = next.ok_or("it has no holders, yet the server refused the lease")?;
        let next = Reservation {
            owner: next.owner.to_owned(),
            waiting_since: next.since,
            kept_until: next.until,
            last_token: self.token,
        };
        Ok(Skipped {
            name: request.name.clone(),
            reason: SkipReason::Reserved(next),
        })
    }
}

impl<'a> Holder<'a> {
    fn read(holder: &'a Document) -> Result<Self, String> {
        Ok(Self {
            lease: field(holder, "lease", "a UUID", Some)?,
            owner: field(holder, "owner", "a string", Bson::as_str)?,
            mode: holder.get_str("mode").unwrap_or_default(),
            permits: holder.get("permits").and_then(integer),
            token: field(holder, "token", "a 64-bit integer", integer)?,
            acquired_at: date(holder, "acquired_at")?,
            expires_at: date(holder, "expires_at")?,
        })
    }
}

impl<'a> Place<'a> {
    fn read(place: &'a Document) -> Result<Self, String> {
        Ok(Self {
            id: field(place, "id", "a string", Bson::as_str)?,
            owner: field(place, "owner", "a string", Bson::as_str)?,
            since: date(place, "since")?,
            seen_at: date(place, "seen_at")?,
            until: date(place, "until")?,
        })
    }
}

fn read_at<'a, T>(
    key: &str,
    i: usize,
    element: &'a Bson,
    read: impl FnOnce(&'a Document) -> Result<T, String>,
) -> Result<T, String> {
    let at = |problem| format!("`{key}[{i}]`: {problem}");
    let document = element
        .as_document()
        .ok_or_else(|| at(other_type(element, "a document")))?;
    read(document).map_err(at)
}

fn date(document: &Document, key: &str) -> Result<SystemTime, String> {
    field(document, key, "a date", |value| {
        value.as_datetime().map(|date| date.to_system_time())
    })
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
