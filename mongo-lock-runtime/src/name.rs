//! The name of a lock, and the one rule that every name obeys.

use std::{borrow::Borrow, fmt, sync::Arc};

use crate::Error;

/// A lock's name: 1 to [`LockName::MAX_LEN`] bytes, ASCII letters, digits and `- _ . : / @ + =`,
/// the first one a letter or a digit.
///
/// These characters need no quoting in a shell, no escaping in a log line or a metrics label, and
/// no thought in a MongoDB query. The attribute checks a literal name by the same rule while
/// compiling.
///
/// Cloning is cheap: clones share one allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockName(Arc<str>);

impl LockName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 200;

    /// Checks `name` and keeps it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], which says what is wrong with it.
    pub fn new(name: impl AsRef<str>) -> Result<Self, Error> {
        let name = name.as_ref();
        match check(name) {
            Ok(()) => Ok(Self(name.into())),
            Err(reason) => Err(Error::InvalidName {
                name: excerpt(name),
                reason,
            }),
        }
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

/// What is wrong with a lock name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name has no characters.
    #[error("it is empty; a lock name has 1 to {max} bytes", max = LockName::MAX_LEN)]
    Empty,
    /// The name has more than [`LockName::MAX_LEN`] bytes.
    #[error("it has {len} bytes; a lock name has at most {max}", max = LockName::MAX_LEN)]
    TooLong {
        /// How many bytes it has.
        len: usize,
    },
    /// The name starts with a character that is allowed only further on.
    #[error("it starts with {0:?}; a lock name starts with an ASCII letter or digit")]
    BadStart(char),
    /// The name has a character that is not allowed.
    #[error(
        "it has {found:?} at byte {at}; a lock name has ASCII letters, digits and `- _ . : / @ + =`"
    )]
    BadCharacter {
        /// The first such character.
        found: char,
        /// Its offset in bytes.
        at: usize,
    },
}

fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > LockName::MAX_LEN {
        return Err(NameError::TooLong { len: name.len() });
    }
    for (at, found) in name.char_indices() {
        if found.is_ascii_alphanumeric() {
            continue;
        }
        if !"-_.:/@+=".contains(found) {
            return Err(NameError::BadCharacter { found, at });
        }
        if at == 0 {
            return Err(NameError::BadStart(found));
        }
    }
    Ok(())
}

/// Enough of a refused name to recognise it; a hostile one must not flood a log.
fn excerpt(name: &str) -> String {
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
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let over = "x".repeat(LockName::MAX_LEN + 1);
        assert_eq!(check(""), Err(NameError::Empty));
        assert_eq!(check(&over), Err(NameError::TooLong { len: 201 }));
        assert_eq!(check("-x"), Err(NameError::BadStart('-')));
        for (bad, found, at) in [
            ("a b", ' ', 1),
            ("a\u{7}", '\u{7}', 1),
            ("né", 'é', 1),
            ("$x", '$', 0),
        ] {
            assert_eq!(check(bad), Err(NameError::BadCharacter { found, at }));
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
