//! Names that are put together from a call's values: `"invoice-{id}"`.
//!
//! Two calls with different values must never get one name, and no value may reach into the fixed
//! part. So a value has neither `/` nor `:`, and the attribute requires one of these between two
//! placeholders: the name can be taken apart again in one way only.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use crate::{
    error::Error,
    name::{LockName, NameError, allowed_in_value, excerpt},
};

/// A piece of a template.
pub enum Part<'a> {
    /// Fixed text, which the attribute has checked.
    Text(&'static str),
    /// A placeholder, and the value to write in its place.
    Value(&'static str, fmt::Arguments<'a>),
}

/// A value of `{value:?}`.
///
/// The `Debug` text of a string has quotes, which no name can have: every call would fail. By autoref
/// specialisation, as in `registry/declared.rs`: for a string, the inherent method is found, whose bound is
/// not met; for every other type that of [`Debugged`].
#[derive(Debug)]
pub struct Debugs<'a, T: ?Sized>(pub &'a T);

/// A type whose `Debug` text has quotes.
pub trait Quoted {}

impl Quoted for str {}
impl Quoted for String {}
impl Quoted for char {}
impl<T: Quoted + ?Sized> Quoted for &T {}
impl<T: Quoted + ?Sized> Quoted for &mut T {}
impl<T: Quoted + ?Sized> Quoted for Box<T> {}
impl<T: Quoted + ?Sized> Quoted for std::sync::Arc<T> {}
impl<T: Quoted + ?Sized> Quoted for std::rc::Rc<T> {}
impl<T: Quoted + ToOwned + ?Sized> Quoted for Cow<'_, T> {}

/// The bound that no [`Quoted`] type meets.
#[diagnostic::on_unimplemented(
    message = "the format `{{:?}}` puts quotes around `{Self}`, which a lock name cannot have",
    label = "write the placeholder without `:?`"
)]
pub trait WithoutQuotes {}

impl<'a, T: Quoted + ?Sized> Debugs<'a, T> {
    /// Never called.
    #[must_use]
    pub const fn value(&self) -> &'a T
    where
        T: WithoutQuotes,
    {
        self.0
    }
}

/// The method for all types that are no strings.
pub trait Debugged<'a, T: ?Sized> {
    /// The value.
    fn value(&self) -> &'a T;
}

impl<'a, T: ?Sized> Debugged<'a, T> for Debugs<'a, T> {
    fn value(&self) -> &'a T {
        self.0
    }
}

/// The name of this call's lock.
pub(crate) fn name(parts: &[Part<'_>]) -> Result<LockName, Error> {
    let mut name = String::new();
    for part in parts {
        match part {
            Part::Text(text) => name.push_str(text),
            Part::Value(placeholder, value) => {
                let start = name.len();
                let mut bounded = Bounded {
                    name: &mut name,
                    full: false,
                };
                let written = bounded.write_fmt(*value);
                if bounded.full {
                    let len = name.len();
                    return invalid(&name, NameError::TooLong { len });
                }
                if let Err(reason) = check_value(placeholder, &name[start..], written) {
                    return invalid(&name, reason);
                }
            }
        }
    }
    LockName::new(name)
}

fn check_value(
    placeholder: &'static str,
    value: &str,
    written: fmt::Result,
) -> Result<(), NameError> {
    if written.is_err() {
        return Err(NameError::NoValue { placeholder });
    }
    if value.is_empty() {
        return Err(NameError::EmptyValue { placeholder });
    }
    let bad = |c: &char| !u8::try_from(*c).is_ok_and(allowed_in_value);
    match value.chars().find(bad) {
        Some(found) => Err(NameError::BadValue { placeholder, found }),
        None => Ok(()),
    }
}

fn invalid(name: &str, reason: NameError) -> Result<LockName, Error> {
    let name = excerpt(name);
    Err(Error::InvalidName { name, reason })
}

/// A writer that stops a value of endless or enormous length.
struct Bounded<'a> {
    name: &'a mut String,
    full: bool,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.name.len() + text.len() > LockName::MAX_LEN {
            // One character over the limit shows that the name is too long, and the excerpt needs the
            // start only.
            self.full = true;
            self.name.extend(
                text.chars()
                    .take((LockName::MAX_LEN + 1).saturating_sub(self.name.len())),
            );
            return Err(fmt::Error);
        }
        self.name.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(value: &dyn fmt::Display) -> NameError {
        match name(&[
            Part::Text("invoice-"),
            Part::Value("id", format_args!("{value}")),
        ]) {
            Err(Error::InvalidName { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_and_text_make_a_name() {
        let name = name(&[
            Part::Value("a", format_args!("{:03}", 7)),
            Part::Text("/"),
            Part::Value("b", format_args!("{}", "x-y_z.@+=")),
        ]);
        assert_eq!(name.unwrap().as_str(), "007/x-y_z.@+=");
    }

    #[test]
    fn a_hostile_value_is_an_error() {
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("xy")?;
                }
            }
        }
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Err(fmt::Error)
            }
        }
        let placeholder = "id";
        assert_eq!(reason(&""), NameError::EmptyValue { placeholder });
        assert_eq!(reason(&Fails), NameError::NoValue { placeholder });
        for found in ['/', ':', ' ', '\0', '\n', '\u{1b}', '{', 'é', '🔒'] {
            assert_eq!(
                reason(&format!("a{found}")),
                NameError::BadValue { placeholder, found }
            );
        }
        assert!(matches!(
            reason(&"x".repeat(1_000_000)),
            NameError::TooLong { .. }
        ));
        assert!(matches!(reason(&Endless), NameError::TooLong { .. }));
    }

    #[test]
    fn the_whole_obeys_the_rule_for_names() {
        let parts = [Part::Value("id", format_args!("-x"))];
        assert!(name(&parts).is_err());
    }
}
