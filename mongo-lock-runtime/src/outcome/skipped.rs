//! The reasons for which a call is skipped, and the holder who is in the way.

use std::{fmt, time::SystemTime};

use mongodb::bson::DateTime;

use crate::name::LockName;

/// A skipped call: the lock, and the reason.
///
/// The `Display` text is a part of a sentence for people: `held by web-3:4711 until 02:05:00Z`, or
/// `about to be held by web-3:4711, which is next in line`.
///
/// ```
/// use mongo_lock_runtime::{SkipReason, Skipped};
///
/// fn describe(skipped: &Skipped) -> String {
///     match &skipped.reason {
///         SkipReason::Held(holder) => format!("{} has it, token {}", holder.owner, holder.token),
///         SkipReason::Reserved(next) => format!("{} is next", next.owner),
///         _ => skipped.to_string(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The lock that was requested.
    pub name: LockName,
    /// The reason, as the server knew it at the moment of the refusal.
    pub reason: SkipReason,
}

/// The reason for which a call was skipped. All times are the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// The lock is held: a lease is live.
    Held(Holder),
    /// The lock is free, and reserved for the first caller in the queue.
    Reserved(Reservation),
}

/// The holder of a lock. Of several holders, the one that ends last, or with
/// [`permits`](crate::LockSpecBuilder::permits), the one that ends first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The owner label of the process that holds the lock, by default `host:pid`.
    pub owner: String,
    /// The time at which the holder acquired the lock.
    pub since: SystemTime,
    /// The time at which the lease ends unless it is renewed or released.
    pub until: SystemTime,
    /// The fencing token of the lease.
    pub token: i64,
    /// Whether the holder is the client that refused the call: then the refusal comes from the client's own
    /// memory, without a command, and lasts while the holder's body may still run, also when an operator
    /// has deleted the lock's document.
    pub is_this_client: bool,
}

/// The place of the first caller in the queue of a free lock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reservation {
    /// The owner label of the process that is next, by default `host:pid`.
    pub owner: String,
    /// The time at which the caller began to wait.
    pub waiting_since: SystemTime,
    /// The time until which the place is kept if the process is not heard of.
    pub kept_until: SystemTime,
    /// The last fencing token that was given out for the lock. The lease with this token has ended.
    pub last_token: i64,
}

impl Skipped {
    /// The holder of the lock, or `None` when the lock was free but reserved.
    #[must_use]
    pub fn holder(&self) -> Option<&Holder> {
        match &self.reason {
            SkipReason::Held(holder) => Some(holder),
            SkipReason::Reserved(_) => None,
        }
    }

    /// The reservation of a free lock, or `None` when the lock was held.
    #[must_use]
    pub fn reservation(&self) -> Option<&Reservation> {
        match &self.reason {
            SkipReason::Held(_) => None,
            SkipReason::Reserved(reservation) => Some(reservation),
        }
    }

    /// A refusal because of a live lease.
    pub(crate) fn held(name: LockName, holder: Holder) -> Self {
        let reason = SkipReason::Held(holder);
        Self { name, reason }
    }

    /// A refusal because of a waiter that is next.
    pub(crate) fn reserved(name: LockName, reservation: Reservation) -> Self {
        let reason = SkipReason::Reserved(reservation);
        Self { name, reason }
    }

    /// The owner label of the holder, or of the process that is next in the queue.
    pub(crate) fn owner(&self) -> &str {
        match &self.reason {
            SkipReason::Held(holder) => &holder.owner,
            SkipReason::Reserved(reservation) => &reservation.owner,
        }
    }

    /// The fencing token of the holder, or the last one that was given out.
    pub(crate) fn token(&self) -> i64 {
        match &self.reason {
            SkipReason::Held(holder) => holder.token,
            SkipReason::Reserved(reservation) => reservation.last_token,
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = match self {
            Self::Held(holder) => holder,
            Self::Reserved(reservation) => {
                let owner = &reservation.owner;
                return write!(f, "about to be held by {owner}, which is next in line");
            }
        };
        if holder.is_this_client {
            write!(f, "held by this process ({}) until ", holder.owner)?;
        } else {
            write!(f, "held by {} until ", holder.owner)?;
        }
        let (since, until) = (utc(holder.since), utc(holder.until));
        match (since.split_once('T'), until.split_once('T')) {
            // A lease that ends on the day it began needs no date.
            (Some((began, _)), Some((ends, time))) if began == ends => f.write_str(time),
            _ => f.write_str(&until),
        }
    }
}

/// The time as RFC 3339 to the second, rounded up: a reader who waits until then must not be early.
fn utc(time: SystemTime) -> String {
    let millis = DateTime::from_system_time(time).timestamp_millis();
    let seconds = millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0);
    DateTime::from_millis(seconds.saturating_mul(1000))
        .try_to_rfc3339_string()
        .unwrap_or_else(|_| format!("{seconds} s since 1970"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OWNER: &str = "web-3:4711";

    fn skipped(reason: SkipReason) -> Skipped {
        let name = LockName::new("nightly-report").unwrap();
        Skipped { name, reason }
    }

    fn since() -> SystemTime {
        // 2026-01-02T02:00:00Z
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_319_200)
    }

    fn held(ttl_ms: u64) -> Skipped {
        skipped(SkipReason::Held(Holder {
            owner: OWNER.into(),
            since: since(),
            until: since() + Duration::from_millis(ttl_ms),
            token: 7,
            is_this_client: false,
        }))
    }

    #[test]
    fn a_held_lock_reads_as_a_sentence() {
        for (ttl_ms, text) in [
            (300_000, "held by web-3:4711 until 02:05:00Z"),
            (1, "held by web-3:4711 until 02:00:01Z"),
            (
                3 * 86_400_000,
                "held by web-3:4711 until 2026-01-05T02:00:00Z",
            ),
        ] {
            assert_eq!(held(ttl_ms).to_string(), text);
        }
    }

    #[test]
    fn a_reserved_lock_reads_as_a_sentence() {
        let next = skipped(SkipReason::Reserved(Reservation {
            owner: OWNER.into(),
            waiting_since: since(),
            kept_until: since() + Duration::from_secs(5),
            last_token: 7,
        }));
        let text = "about to be held by web-3:4711, which is next in line";
        assert_eq!(next.to_string(), text);
        assert!(next.holder().is_none() && next.reservation().is_some());
    }
}
