//! The type of a lock name.

use std::{borrow::Borrow, fmt, sync::Arc};

use super::rule::{self, NameError};

/// The name of a lock: 1 to [`LockName::MAX_LEN`] bytes, ASCII letters, digits and `- _ . : / @ + =`,
/// the first one a letter or a digit.
///
/// These characters need no quoting in a shell, no escaping in a log line or a metrics label, and
/// no thought in a MongoDB query. The attribute holds a literal name to this rule while compiling.
///
/// A clone is cheap: all clones share one allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockName(pub(super) Arc<str>);

impl LockName {
    /// The greatest length of a name, in bytes.
    pub const MAX_LEN: usize = rule::MAX_LEN;

    /// Checks `name`, also in a `const`.
    ///
    /// ```
    /// use mongo_lock_runtime::LockName;
    ///
    /// const JOBS: &str = "jobs";
    /// const _: () = assert!(LockName::check(JOBS).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// The rule that the name breaks.
    pub const fn check(name: &str) -> Result<(), NameError> {
        rule::check(name)
    }

    /// A name for a command that writes no document.
    pub(crate) fn rehearsal() -> Self {
        Self("start-up".into())
    }

    /// A name for a document that does not stay.
    pub(crate) fn rehearsal_of(id: &str) -> Self {
        Self(format!("start-up/{id}").into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for LockName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for LockName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
