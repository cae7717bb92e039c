//! The macro crate's copy of the rule for names, held against the runtime's.

use mongo_lock_runtime::LockName;

#[path = "../../mongo-lock-macros/src/rule.rs"]
#[allow(dead_code, unreachable_pub)] // templates use the parts of the rule, this test the whole
mod macros;

#[track_caller]
fn agree(name: &str) {
    let (at_compile_time, at_run_time) = (macros::check(name), LockName::check(name));
    assert_eq!(
        at_compile_time.is_ok(),
        at_run_time.is_ok(),
        "{name:?}: {at_compile_time:?} and {at_run_time:?}"
    );
}

#[test]
fn both_allow_the_same_characters_in_the_same_places() {
    let characters = (0..=0x2ff).filter_map(char::from_u32).chain(['€', '🔒']);
    for c in characters {
        for name in [
            format!("{c}"),
            format!("{c}a"),
            format!("a{c}"),
            format!("a{c}b"),
        ] {
            agree(&name);
        }
    }
}

#[test]
fn both_allow_the_same_lengths() {
    assert_eq!(macros::MAX_LEN, LockName::MAX_LEN);
    for len in 0..=2 * LockName::MAX_LEN {
        agree(&"x".repeat(len));
    }
    // Bytes count, not characters.
    agree(&"é".repeat(LockName::MAX_LEN));
}
