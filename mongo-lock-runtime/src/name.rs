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
        match Self::check(name) {
            Ok(()) => Ok(Self(name.into())),
            Err(reason) => Err(Error::InvalidName {
                name: excerpt(name),
                reason,
            }),
        }
    }

    /// Whether `name` is one, for use in a `const`.
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
    /// What is wrong with it.
    pub const fn check(name: &str) -> Result<(), NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(NameError::TooLong { len: name.len() });
        }
        let bytes = name.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !allowed(bytes[at]) {
                let found = char_at(bytes, at);
                return Err(NameError::BadCharacter { found, at });
            }
            at += 1;
        }
        if !bytes[0].is_ascii_alphanumeric() {
            return Err(NameError::BadStart(bytes[0] as char));
        }
        Ok(())
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
    /// A value that goes into the name has no characters.
    #[error("the value of `{{{placeholder}}}` is empty")]
    EmptyValue {
        /// Which one.
        placeholder: &'static str,
    },
    /// A value that goes into the name has a character that is not allowed there.
    #[error(
        "the value of `{{{placeholder}}}` has {found:?}; a value in a lock name has ASCII letters, \
         digits and `- _ . @ + =`"
    )]
    BadValue {
        /// Which one.
        placeholder: &'static str,
        /// The first such character.
        found: char,
    },
    /// A value that goes into the name could not be written: its `Display` reported an error.
    #[error("the value of `{{{placeholder}}}` could not be written as text")]
    NoValue {
        /// Which one.
        placeholder: &'static str,
    },
}

impl NameError {
    /// The same in a `const`, where no text can be put together.
    pub(crate) const fn in_const(self) -> &'static str {
        match self {
            Self::Empty => "this lock name is empty; it has 1 to 200 bytes",
            Self::TooLong { .. } => "this lock name is too long; it has at most 200 bytes",
            Self::BadStart(_) => "this lock name does not start with an ASCII letter or digit",
            Self::BadCharacter { .. }
            | Self::EmptyValue { .. }
            | Self::BadValue { .. }
            | Self::NoValue { .. } => {
                "this lock name has a character other than ASCII letters, digits and \
                 `- _ . : / @ + =`"
            }
        }
    }
}

/// Whether a lock name may have this byte, at least further on.
pub(crate) const fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'@' | b'+' | b'=')
}

/// Whether a value that goes into a name may have this byte.
pub(crate) const fn allowed_in_value(byte: u8) -> bool {
    allowed(byte) && !matches!(byte, b'/' | b':')
}

/// The character that starts at byte `at` of a valid UTF-8 text. In a `const`, where `str` cannot be
/// cut.
const fn char_at(bytes: &[u8], at: usize) -> char {
    let first = bytes[at];
    let (len, mut code) = match first {
        0..=0x7f => (1, first as u32),
        0x80..=0xdf => (2, (first & 0x1f) as u32),
        0xe0..=0xef => (3, (first & 0x0f) as u32),
        _ => (4, (first & 0x07) as u32),
    };
    let mut next = at + 1;
    while next < at + len {
        code = code << 6 | (bytes[next] & 0x3f) as u32;
        next += 1;
    }
    match char::from_u32(code) {
        Some(found) => found,
        None => char::REPLACEMENT_CHARACTER,
    }
}

/// Enough of a refused name to recognise it; a hostile one must not flood a log.
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
