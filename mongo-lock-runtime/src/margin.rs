//! How much earlier than the server we consider a lease over.

use std::time::Duration;

/// The part of a ttl that the body does not get.
///
/// It covers what the local monotonic clock cannot see: that it runs at another rate than the
/// server's, that the next primary's clock is ahead of this one's, and the time between "stop" and
/// a body's actually being dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Margin {
    /// A fifth of the ttl, at most [`Margin::MOST`].
    Proportional,
}

impl Margin {
    pub(crate) const MOST: Duration = Duration::from_secs(1);

    pub(crate) fn of(self, ttl: Duration) -> Duration {
        match self {
            Self::Proportional => (ttl / 5).min(Self::MOST),
        }
    }
}
