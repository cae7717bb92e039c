//! The rule for names, for literals and templates.
//!
//! The runtime has a copy of this rule (`name/rule.rs`) and applies it to every name, so an error here
//! costs a later message, never a wrong lock. `tests/names/rule.rs` compiles this file and holds the
//! two copies together.

/// The greatest length of a name, in bytes: `LockName::MAX_LEN` of the runtime.
pub(crate) const MAX_LEN: usize = 200;

/// The characters beside ASCII letters and digits.
const PUNCTUATION: &str = "-_.:/@+=";

pub(crate) fn check(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("it is empty; a lock name has 1 to {MAX_LEN} bytes"));
    }
    if name.len() > MAX_LEN {
        return Err(format!(
            "it has {} bytes; a lock name has at most {MAX_LEN}",
            name.len()
        ));
    }
    check_characters(name)?;
    check_start(name)
}

pub(crate) fn check_characters(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || PUNCTUATION.contains(c);
    match text.chars().find(|c| !allowed(*c)) {
        Some(bad) => Err(format!(
            "it has {bad:?}; a lock name has ASCII letters, digits and `- _ . : / @ + =`"
        )),
        None => Ok(()),
    }
}

pub(crate) fn check_start(text: &str) -> Result<(), String> {
    if text.starts_with(|c: char| PUNCTUATION.contains(c)) {
        return Err(
            "it starts with punctuation; a lock name starts with an ASCII letter or digit"
                .to_owned(),
        );
    }
    Ok(())
}
