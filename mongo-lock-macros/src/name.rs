//! The rule for names, for literals. The runtime applies the same one to every name, so a slip
//! here costs a later error, never a wrong lock. Tests hold the two against each other:
//! `tests/locks/bad_input.rs` and `tests/ui`.

/// The longest name, in bytes: `LockName::MAX_LEN` of the runtime.
const MAX_LEN: usize = 200;

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
    let allowed = |c: char| c.is_ascii_alphanumeric() || PUNCTUATION.contains(c);
    if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
        return Err(format!(
            "it has {bad:?}; a lock name has ASCII letters, digits and `- _ . : / @ + =`"
        ));
    }
    if name.starts_with(|c: char| PUNCTUATION.contains(c)) {
        return Err(
            "it starts with punctuation; a lock name starts with an ASCII letter or digit"
                .to_owned(),
        );
    }
    Ok(())
}
