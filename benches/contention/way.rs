//! The contenders.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::{Error, bail};

/// A way to wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `LockClient::acquire`
    Ours,
    /// Inserts the lock's document again and again.
    Polled(Every),
}

/// The pause between two tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Every {
    TenMs,
    HundredMs,
}

/// In the order of the table.
pub(crate) const ALL: [Way; 3] = [
    Way::Ours,
    Way::Polled(Every::TenMs),
    Way::Polled(Every::HundredMs),
];

impl Way {
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Ours => 0,
            Self::Polled(Every::TenMs) => 1,
            Self::Polled(Every::HundredMs) => 2,
        }
    }

    /// The longest time between two looks of one that waits.
    pub(crate) fn pause(self) -> Duration {
        match self {
            Self::Ours | Self::Polled(Every::TenMs) => Duration::from_millis(10),
            Self::Polled(Every::HundredMs) => Duration::from_millis(100),
        }
    }

    /// For people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Polled(Every::TenMs) => "polled every 10 ms",
            Self::Polled(Every::HundredMs) => "polled every 100 ms",
        }
    }
}

impl fmt::Display for Way {
    /// For another process.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Polled(Every::TenMs) => "10",
            Self::Polled(Every::HundredMs) => "100",
        })
    }
}

impl FromStr for Way {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "ours" => Self::Ours,
            "10" => Self::Polled(Every::TenMs),
            "100" => Self::Polled(Every::HundredMs),
            _ => bail!("`{text}` is no way to wait"),
        })
    }
}
