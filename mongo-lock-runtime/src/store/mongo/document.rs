//! Reading a lock document that may have been edited by hand.

use std::time::SystemTime;

use mongodb::bson::{Bson, Document, Uuid};

use super::{
    super::protocol::{
        AcquireReply, AcquireRequest, CONFIRMED, Confirmation, Grant, NEAR, Queued, Standing, Turn,
    },
    expression::PROTOCOL,
};
use crate::{
    name::LockName,
    outcome::{self, Skipped},
    spec::Mode,
};

/// A lock document, as far as it could be read. Errors name the field.
pub(super) struct LockDocument<'a> {
    holders: Vec<Holder<'a>>,
    token: i64,
    /// The queue as it is, perhaps with entries of waiters that are long gone.
    queue: &'a [Bson],
    revoked: &'a [Bson],
    /// The number of entries ahead of ours, where the server has counted them.
    ahead: Option<usize>,
}

struct Holder<'a> {
    lease: &'a Bson,
    /// 0 where the element has none.
    attempt: u32,
    owner: &'a str,
    mode: &'a str,
    /// `None` for a value that is no number, which counts as one permit.
    permits: Option<i64>,
    token: i64,
    acquired_at: SystemTime,
    expires_at: SystemTime,
}

struct QueueEntry<'a> {
    id: &'a str,
    owner: &'a str,
    since: SystemTime,
    seen_at: SystemTime,
    until: SystemTime,
}

impl<'a> LockDocument<'a> {
    pub(super) fn read(document: &'a Document) -> Result<Self, String> {
        check_protocol(document)?;
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
        let array = |field| document.get_array(field).map_or(&[][..], Vec::as_slice);
        Ok(Self {
            holders,
            token,
            queue: array("queue"),
            revoked: array("revoked"),
            ahead: document
                .get("ahead")
                .and_then(integer)
                .and_then(|ahead| ahead.try_into().ok()),
        })
    }

    /// The reply to `request`; `None` when the reply depends on a queue, or on several holders, at
    /// which the server has not `looked`.
    pub(super) fn reply(
        &self,
        request: &AcquireRequest,
        looked: bool,
    ) -> Result<Option<AcquireReply>, String> {
        let ours = Bson::from(request.lease.0);
        let holder = self.holders.iter().find(|holder| *holder.lease == ours);
        if holder.is_none() && self.is_revoked(&ours) {
            return Ok(Some(AcquireReply::Revoked));
        }
        // Without a look at the queue, the holders are as they were: some may have expired, unless the
        // only one is there by what was just decided.
        let conclusive = looked || self.queue.is_empty() && self.holders.len() == 1;
        if !conclusive {
            return Ok(None);
        }
        if let Some(holder) = holder {
            return Ok(Some(AcquireReply::Granted(Grant {
                holder: request.lease,
                token: holder.token,
                attempt: holder.attempt,
                acquired_at: holder.acquired_at,
                expires_at: holder.expires_at,
                contended: !self.queue.is_empty(),
            })));
        }
        let entries = self.entries()?;
        let skipped = self.skipped(&request.name, request.permits, &entries)?;
        let Some(ticket) = &request.ticket else {
            return Ok(Some(AcquireReply::Refused(skipped)));
        };
        let mut ids = entries.iter().map(|entry| entry.id);
        let at = ids.position(|id| *id == *ticket.queue_id);
        let at = at.ok_or("it has no queue entry of ours, yet the server refused the lease")?;
        // Of a long queue, the reply has the front alone.
        let ahead = self.ahead.unwrap_or(at);
        let ends = if ahead == 0 {
            self.holders.iter().map(|holder| holder.expires_at).min()
        } else {
            let front = entries[..at].iter().take(NEAR);
            front.map(|entry| entry.until).min()
        };
        Ok(Some(AcquireReply::Queued(Queued {
            skipped,
            ahead,
            seen_at: entries[at].seen_at,
            look_at: ends.unwrap_or(entries[at].until),
        })))
    }

    /// The result of a confirmation, by what the server `found`, besides holders and queue; `None`: the
    /// client has no entry.
    pub(super) fn standing(
        &self,
        place: &Confirmation,
        found: &Document,
    ) -> Result<Option<Standing>, String> {
        let now = date(found, "now")?;
        let entries = self.entries()?;
        let ours = entries.iter().find(|entry| *entry.id == *place.queue_id);
        let Some(ours) = ours.filter(|ours| ours.until >= now + CONFIRMED) else {
            return Ok(None);
        };
        let is_first = entries.first().is_some_and(|first| first.id == ours.id);
        if is_first && found.get_bool("room").unwrap_or(true) {
            return Ok(Some(Standing::Ask));
        }
        let mut near = found.get_array("near").into_iter().flatten();
        let near = near.any(|id| id.as_str() == Some(&*place.queue_id));
        let look_at = match (is_first, near) {
            (true, _) => date(found, "ends_at"),
            (false, true) => date(found, "next_at"),
            // Those at the front look for each other; others look in case that all of them are dead.
            (false, false) => date(found, "front_until"),
        };
        let look_at = look_at.unwrap_or(ours.until);
        Ok(Some(Standing::Waits {
            skipped: self.skipped(&place.name, place.permits, &entries)?,
            look_in: look_at.duration_since(now).unwrap_or_default(),
            near,
        }))
    }

    fn is_revoked(&self, lease: &Bson) -> bool {
        let mut entries = self.revoked.iter().filter_map(Bson::as_document);
        entries.any(|entry| entry.get("lease") == Some(lease))
    }

    /// The first holder, other than readers, with another number of permits than the request: the
    /// number, and the owner.
    pub(super) fn other_permits(&self, request: &AcquireRequest) -> Option<(i64, &'a str)> {
        let ours = i64::from(request.permits);
        let exclusive = Mode::Exclusive.as_str();
        let mut holders = self.holders.iter().filter(|it| it.mode == exclusive);
        let other = holders.find_map(|it| {
            let theirs = it.permits.unwrap_or(1);
            (theirs != ours).then_some((theirs, it.owner))
        });
        other.filter(|_| request.mode == Mode::Exclusive)
    }

    fn entries(&self) -> Result<Vec<QueueEntry<'a>>, String> {
        let entries = self.queue.iter().enumerate();
        entries
            .map(|(i, entry)| read_at("queue", i, entry, QueueEntry::read))
            .collect()
    }

    fn skipped(
        &self,
        name: &LockName,
        permits: u32,
        entries: &[QueueEntry<'_>],
    ) -> Result<Skipped, String> {
        let holders = self.holders.iter();
        // Of several holders, the one that ends first tells when there is room for one more permit, and
        // the one that ends last when the lock is free.
        let holder = if permits > 1 {
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
                is_this_client: false,
            };
            return Ok(Skipped::held(name.clone(), holder));
        }
        // The lock is free, and reserved for the first in the queue.
        let next = entries.first();
        let next = next.ok_or("it has no holders, yet the server refused the lease")?;
        let reservation = outcome::Reservation {
            owner: next.owner.to_owned(),
            waiting_since: next.since,
            kept_until: next.until,
            last_token: self.token,
        };
        Ok(Skipped::reserved(name.clone(), reservation))
    }
}

impl<'a> Holder<'a> {
    fn read(holder: &'a Document) -> Result<Self, String> {
        Ok(Self {
            lease: field(holder, "lease", "a UUID", Some)?,
            attempt: holder
                .get("attempt")
                .and_then(integer)
                .and_then(|attempt| attempt.try_into().ok())
                .unwrap_or_default(),
            owner: field(holder, "owner", "a string", Bson::as_str)?,
            mode: holder.get_str("mode").unwrap_or_default(),
            permits: holder.get("permits").and_then(integer),
            token: field(holder, "token", "a 64-bit integer", integer)?,
            acquired_at: date(holder, "acquired_at")?,
            expires_at: date(holder, "expires_at")?,
        })
    }
}

impl<'a> QueueEntry<'a> {
    fn read(entry: &'a Document) -> Result<Self, String> {
        Ok(Self {
            id: field(entry, "id", "a string", Bson::as_str)?,
            owner: field(entry, "owner", "a string", Bson::as_str)?,
            since: date(entry, "since")?,
            seen_at: date(entry, "seen_at")?,
            until: date(entry, "until")?,
        })
    }
}

/// The waiters for which this command has made room, by the document after it.
pub(super) fn turn(document: &Document, command: Uuid) -> Turn {
    let Ok(turn) = document.get_document("turn") else {
        return Turn::new();
    };
    if turn.get("command") != Some(&command.into()) {
        return Turn::new();
    }
    let waiters = turn.get_array("waiters").into_iter().flatten();
    waiters.filter_map(Bson::as_str).map(Into::into).collect()
}

/// A missing protocol is this version's.
fn check_protocol(document: &Document) -> Result<(), String> {
    let protocol = document.get("protocol").unwrap_or(&Bson::Null);
    let known = match protocol {
        Bson::Null => true,
        Bson::Double(number) => (number - f64::from(PROTOCOL)).abs() < f64::EPSILON,
        other => integer(other) == Some(i64::from(PROTOCOL)),
    };
    if known {
        return Ok(());
    }
    Err(format!(
        "it is of protocol {protocol}, which this version does not know; use a version that does, or \
         another collection"
    ))
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

pub(super) fn date(document: &Document, key: &str) -> Result<SystemTime, String> {
    field(document, key, "a date", |value| {
        value.as_datetime().map(|date| date.to_system_time())
    })
}

/// An integer. A number typed into a shell may become an `int`, with an equal value.
pub(super) fn integer(value: &Bson) -> Option<i64> {
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}

pub(super) fn field<'a, T>(
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
