//! The rule for names: characters, length, start.
//!
//! `mongo-lock-macros` has a copy of this rule for literals; a test of the workspace
//! (`tests/names/rule.rs`) holds the two together.

/// The violation of the rule for lock names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name has no characters.
    #[error("it is empty; a lock name has 1 to {max} bytes", max = MAX_LEN)]
    Empty,
    /// The name has more than [`LockName::MAX_LEN`](crate::LockName::MAX_LEN) bytes.
    #[error("it has {len} bytes; a lock name has at most {max}", max = MAX_LEN)]
    TooLong {
        /// The length of the name, in bytes.
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
        /// The offset of the character, in bytes.
        at: usize,
    },
    /// A value that goes into the name has no characters.
    #[error("the value of `{{{placeholder}}}` is empty")]
    EmptyValue {
        /// The placeholder that has the value.
        placeholder: &'static str,
    },
    /// A value that goes into the name has a character that is not allowed there.
    #[error(
        "the value of `{{{placeholder}}}` has {found:?}; a value in a lock name has ASCII letters, \
         digits and `- _ . @ + =`"
    )]
    BadValue {
        /// The placeholder that has the value.
        placeholder: &'static str,
        /// The first such character.
        found: char,
    },
    /// A value that goes into the name could not be written: its `Display` reported an error.
    #[error("the value of `{{{placeholder}}}` could not be written as text")]
    NoValue {
        /// The placeholder that has the value.
        placeholder: &'static str,
    },
}

impl NameError {
    /// The message in a `const`, where no text can be put together.
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

/// The greatest length of a name, in bytes.
pub(super) const MAX_LEN: usize = 200;

/// Holds `name` to the rule.
pub(super) const fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_LEN {
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

/// Whether a lock name may have this byte, at least further on.
const fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'@' | b'+' | b'=')
}

/// Whether a value that goes into a name may have this byte.
pub(crate) const fn allowed_in_value(byte: u8) -> bool {
    allowed(byte) && !matches!(byte, b'/' | b':')
}

/// The character that starts at byte `at` of a valid UTF-8 text. For a `const`, where a `str` cannot be
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
