//! The name of a lock.

mod rule;

use std::{borrow::Borrow, fmt, sync::Arc};

use crate::error::Error;

pub use self::rule::NameError;
pub(crate) use self::rule::allowed_in_value;

/// The name of a lock: 1 to [`LockName::MAX_LEN`] bytes, ASCII letters, digits and `- _ . : / @ + =`,
/// the first one a letter or a digit.
///
/// These characters need no quoting in a shell, no escaping in a log line or a metrics label, and
/// no thought in a MongoDB query. The attribute holds a literal name to this rule while compiling.
///
/// A clone is cheap: all clones share one allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockName(Arc<str>);

impl LockName {
    /// The greatest length of a name, in bytes.
    pub const MAX_LEN: usize = rule::MAX_LEN;

    /// Checks `name` and keeps it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], which says what is wrong with the name.
    pub fn new(name: impl AsRef<str>) -> Result<Self, Error> {
        let name = name.as_ref();
        match Self::check(name) {
            Ok(()) => Ok(Self(name.into())),
            Err(reason) => Err(Error::InvalidName {
                name: excerpt(name),
                reason,
            }),
        }
    }

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

/// The start of a refused name, enough to recognise the name: a hostile one must not flood a log.
pub(crate) fn excerpt(name: &str) -> String {
    const CHARS: usize = 40;
    let mut excerpt: String = name.chars().take(CHARS).collect();
    if excerpt.len() < name.len() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_the_edges_of_the_rule() {
        let longest = "x".repeat(LockName::MAX_LEN);
        for good in ["a", "7", "nightly-report", "a/b:c@d+e=f_g.h", &longest] {
            assert_eq!(LockName::check(good), Ok(()), "{good}");
        }
        let over = "x".repeat(LockName::MAX_LEN + 1);
        assert_eq!(LockName::check(""), Err(NameError::Empty));
        assert_eq!(LockName::check(&over), Err(NameError::TooLong { len: 201 }));
        assert_eq!(LockName::check("-x"), Err(NameError::BadStart('-')));
        for (bad, found, at) in [
            ("a b", ' ', 1),
            ("a\u{7}", '\u{7}', 1),
            ("né", 'é', 1),
            ("n€", '€', 1),
            ("n🔒", '🔒', 1),
            ("$x", '$', 0),
        ] {
            assert_eq!(
                LockName::check(bad),
                Err(NameError::BadCharacter { found, at })
            );
        }
    }

    #[test]
    fn a_refused_name_is_quoted_escaped_and_short() {
        let error = LockName::new(format!("a\n{}", "x".repeat(1000)))
            .unwrap_err()
            .to_string();
        assert!(error.contains(r"a\nxxx") && error.len() < 250, "{error}");
    }
}
