//! The name of a lock.

pub(crate) mod lock_name;
pub(crate) mod rule;

use crate::error::Error;

pub(crate) use self::rule::allowed_in_value;
pub use self::{lock_name::LockName, rule::NameError};

impl LockName {
    /// Checks `name` and keeps it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], which names the rule that the name breaks.
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
