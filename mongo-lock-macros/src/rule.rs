//! The rule for names, for literals. The runtime applies the same one to every name, so a slip
//! here costs a later error, never a wrong lock. Tests hold the two against each other:
//! `tests/locks/bad_input.rs` and `tests/ui`.

/// The longest name, in bytes: `LockName::MAX_LEN` of the runtime.
pub(crate) const MAX_LEN: usize = 200;

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
