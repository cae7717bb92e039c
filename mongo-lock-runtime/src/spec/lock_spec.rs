//! A lock and the terms of its lease, validated.

use std::time::Duration;

use crate::name::LockName;

/// The description of an acquisition: the name of the lock and the terms of the lease.
///
/// ```
/// # use std::time::Duration;
/// use mongo_lock_runtime::LockSpec;
///
/// let five_minutes = LockSpec::new("nightly-report", Duration::from_secs(300))?;
///
/// // A short ttl for a long job: a crash blocks the lock for half a minute, not for hours.
/// let renewed = LockSpec::builder("import", Duration::from_secs(30))
///     .renew(true)
///     .max_hold(Duration::from_secs(4 * 60 * 60))
///     .build()?;
/// # Ok::<(), mongo_lock_runtime::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockSpec {
    pub(super) name: LockName,
    pub(super) label: Option<&'static str>,
    pub(super) ttl: Duration,
    pub(super) renew: bool,
    pub(super) max_hold: Option<Duration>,
    pub(super) min_hold: Option<Duration>,
    pub(super) mode: Mode,
    pub(super) permits: u32,
    pub(super) wait: Option<Duration>,
}

/// The mode of a lease: which other leases it excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    not(feature = "__simulation"),
    allow(
        unreachable_pub,
        reason = "the feature `__simulation` exports this type"
    )
)]
pub enum Mode {
    /// Excludes shared leases, and exclusive ones beyond the permits of the lock.
    Exclusive,
    /// Excludes exclusive leases.
    Shared,
}

impl Mode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Shared => "shared",
        }
    }
}

/// The treatment of a body whose lease is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLost {
    /// The body is dropped at the await where it is.
    #[default]
    Cancel,
    /// The body goes on, and can ask its lease.
    Continue,
}

impl LockSpec {
    /// The shortest ttl: MongoDB's dates count milliseconds.
    pub const MIN_TTL: Duration = Duration::from_millis(1);

    /// The longest ttl, 366 days. A dead holder blocks its lock for the whole ttl, so a longer one
    /// is a slip of the unit, not a wish.
    pub const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// The lock's name.
    #[must_use]
    pub fn name(&self) -> &LockName {
        &self.name
    }

    /// The label for metrics and spans; for the spec of a [declared lock](crate::Lock), its name.
    #[must_use]
    pub fn label(&self) -> Option<&'static str> {
        self.label
    }

    /// The lease's ttl, in whole milliseconds.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Whether the lease is renewed while it is held.
    #[must_use]
    pub fn renew(&self) -> bool {
        self.renew
    }

    /// The longest that a renewed lease may be held in all.
    #[must_use]
    pub fn max_hold(&self) -> Option<Duration> {
        self.max_hold
    }

    /// The time for which the lock stays taken even when it is released earlier.
    #[must_use]
    pub fn min_hold(&self) -> Option<Duration> {
        self.min_hold
    }

    /// Whether the lease is for a reader among readers.
    #[must_use]
    pub fn shared(&self) -> bool {
        self.mode == Mode::Shared
    }

    /// The number of leases that may be live at once. For a reader, there is no limit: `u32::MAX`.
    #[must_use]
    pub fn permits(&self) -> u32 {
        self.permits
    }

    /// The longest time to wait for a held lock.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether no other lease can be live beside this one.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.mode == Mode::Exclusive && self.permits == 1
    }
}
