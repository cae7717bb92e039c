//! Two functions that claim one lock.

use std::collections::HashSet;

use crate::{
    error::Error,
    registered_lock::{LockConflict, NameKind, RegisteredLock},
    registry::{overlap::overlap, registered::DeclaredLock},
};

inventory::collect!(RegisteredLock);
inventory::collect!(DeclaredLock);

/// All locks of this binary, sorted by name: the `#[distributed_lock]` attributes, and the locks of
/// [`lock_names!`](crate::lock_names) that no function takes.
///
/// The linker leaves out a crate of which nothing is used, and the functions in it.
///
/// ```
/// # use mongo_lock_runtime::distributed_lock;
/// #[distributed_lock(name = "nightly-report", ttl = "5m")]
/// async fn nightly_report() {}
///
/// for lock in mongo_lock_runtime::registered_locks() {
///     // nightly-report (ttl 300s): billing::nightly_report at billing/src/lib.rs:3:1
///     println!("{lock}");
/// }
/// # assert!(mongo_lock_runtime::registered_locks().iter().any(|l| l.name() == "nightly-report"));
/// ```
#[must_use]
pub fn registered_locks() -> Vec<&'static RegisteredLock> {
    let mut locks = functions();
    let taken: HashSet<&str> = locks.iter().map(|lock| lock.name()).collect();
    let declared = inventory::iter::<DeclaredLock>().map(|DeclaredLock(lock)| lock);
    locks.extend(declared.filter(|lock| !taken.contains(lock.name())));
    sort(&mut locks);
    locks
}

/// The functions of this binary that take a lock, sorted by the name of the lock.
fn functions() -> Vec<&'static RegisteredLock> {
    let mut locks: Vec<&RegisteredLock> = inventory::iter::<RegisteredLock>().collect();
    sort(&mut locks);
    locks
}

fn sort(locks: &mut [&RegisteredLock]) {
    locks.sort_by_key(|lock| (lock.name(), lock.file(), lock.line(), lock.column()));
}

/// Checks that no two functions of this binary claim one lock, for a test.
///
/// Building a [`LockClient`](crate::LockClient) makes this check too, and fails with
/// [`Error::LockConflict`]; a test finds the conflict in CI. In any crate that depends on all locks:
///
/// ```
/// #[test]
/// fn every_lock_has_one_function() {
///     mongo_lock_runtime::assert_locks_unique();
/// }
/// ```
///
/// # Panics
///
/// When two functions claim one lock. The message names both, and their places.
#[track_caller]
#[allow(clippy::test_attr_in_doctest)] // the test is for the user's crate
pub fn assert_locks_unique() {
    if let Err(error) = check_locks_unique() {
        panic!("{error}");
    }
}

/// Checks that no two functions of this binary claim one lock.
pub(crate) fn check_locks_unique() -> Result<(), Error> {
    let conflicts = conflicts(&functions());
    if conflicts.is_empty() {
        return Ok(());
    }
    Err(Error::LockConflict { conflicts })
}

/// Whether two functions claim one lock without saying `reuse`.
fn conflict(first: &RegisteredLock, second: &RegisteredLock) -> bool {
    let known = first.kind() != NameKind::Unknown && second.kind() != NameKind::Unknown;
    known
        && !(first.reuse() && second.reuse())
        && overlap(first.name(), second.name())
        && !first.is_same(second)
}

fn conflicts(mut locks: &[&'static RegisteredLock]) -> Vec<LockConflict> {
    let mut conflicts = Vec::new();
    while let Some((first, rest)) = locks.split_first() {
        locks = rest;
        let template = first.kind() == NameKind::Template;
        // Sorted by name. Of many functions with one name, each is reported beside the next.
        let alike = rest
            .iter()
            .take_while(|second| second.name() == first.name());
        let alike = alike.filter(|second| conflict(first, second)).take(1);
        // Only templates can conflict with another name.
        let others = rest.iter().filter(|second| second.name() != first.name());
        let others = others.filter(|second| template || second.kind() == NameKind::Template);
        let others = others.filter(|second| conflict(first, second));
        for second in alike.chain(others) {
            conflicts.push(LockConflict { first, second });
        }
    }
    conflicts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::registry::LockTerms;

    const fn terms(name: &'static str) -> LockTerms {
        LockTerms::new(name, Duration::from_secs(60))
    }

    /// Functions with these paths, whose texts a function pointer cannot hold.
    fn of(function: &'static str) -> (&'static str, fn() -> &'static str) {
        macro_rules! functions {
            ($($path:literal)*) => {
                match function {
                    $($path => || concat!($path, "::{{closure}}::__here"),)*
                    other => panic!("add {other}"),
                }
            };
        }
        let path: fn() -> &'static str = functions!(
            "a::f" "a::g" "a::h" "a::i" "b::f2" "a::literal" "a::template" "a::twin" "a::other"
            "a::last" "lib::jobs::f" "bin::jobs::f" "lib::jobs::g" "<lib::S as lib::Job>::f"
            "<bin::S as bin::Job>::f"
        );
        let (name, _) = function.split_once("::").unwrap();
        (name.trim_start_matches('<'), path)
    }

    #[track_caller]
    fn lock(name: &'static str, function: &'static str) -> &'static RegisteredLock {
        let (module, function) = of(function);
        Box::leak(Box::new(RegisteredLock::new(terms(name), module, function)))
    }

    fn pairs(locks: &[&'static RegisteredLock]) -> Vec<String> {
        let text = |c: &LockConflict| {
            let function = |lock: &RegisteredLock| lock.function().unwrap();
            format!("{} {}", function(c.first), function(c.second))
        };
        conflicts(locks).iter().map(text).collect()
    }

    #[test]
    fn one_name_twice_is_a_conflict_that_names_both_places() {
        let (a, b, c) = (lock("x", "a::f"), lock("x", "b::f2"), lock("y", "a::g"));
        let found = conflicts(&[a, b, c]);
        assert_eq!(found.len(), 1);
        let text = Error::LockConflict { conflicts: found }.to_string();
        let here = file!();
        for part in ["`x`", "`a::f` at ", "`b::f2` at ", "`reuse`"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(text.matches(here).count(), 2, "{text}");
    }

    #[test]
    fn of_many_each_is_reported_once() {
        let locks = ["a::f", "a::g", "a::h", "a::i"].map(|function| lock("x", function));
        assert_eq!(pairs(&locks), ["a::f a::g", "a::g a::h", "a::h a::i"]);
    }

    #[test]
    fn reuse_counts_when_both_say_it() {
        let sharing = |function| -> &'static RegisteredLock {
            let reuse = true;
            let terms = LockTerms {
                reuse,
                ..terms("x")
            };
            let (module, function) = of(function);
            Box::leak(Box::new(RegisteredLock::new(terms, module, function)))
        };
        assert!(pairs(&[sharing("a::f"), sharing("a::g")]).is_empty());
        assert_eq!(pairs(&[sharing("a::f"), lock("x", "a::g")]), ["a::f a::g"]);
    }

    #[test]
    fn templates_are_held_against_all_others() {
        let locks = [
            lock("invoice-7", "a::literal"),
            lock("invoice-{id}", "a::template"),
            lock("invoice-{n}", "a::twin"),
            lock("order/{id}", "a::other"),
            lock("zz", "a::last"),
        ];
        assert_eq!(
            pairs(&locks),
            [
                "a::literal a::template",
                "a::literal a::twin",
                "a::template a::twin"
            ]
        );
    }

    #[test]
    fn placeholders_make_a_template() {
        for (name, kind) in [
            ("invoice-7", NameKind::Fixed),
            ("invoice-{id}", NameKind::Template),
            ("{id}", NameKind::Template),
            ("", NameKind::Fixed),
        ] {
            assert_eq!(lock(name, "a::f").kind(), kind, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_conflicts_with_nothing() {
        let unknown = |function| -> &'static RegisteredLock {
            let (module, function) = of(function);
            let lock = RegisteredLock::unknown(terms("Self::NAME"), module, function);
            Box::leak(Box::new(lock))
        };
        assert!(pairs(&[unknown("a::f"), unknown("a::g")]).is_empty());
        assert!(pairs(&[lock("Self::NAME", "a::f"), unknown("a::g")]).is_empty());
        assert!(pairs(&[unknown("a::f"), lock("Self::NAME", "a::g")]).is_empty());
    }

    #[test]
    fn one_attribute_that_was_compiled_twice_is_no_conflict() {
        let twice = ["lib::jobs::f", "bin::jobs::f"].map(|function| lock("x", function));
        assert!(pairs(&twice).is_empty());
        let methods =
            ["<lib::S as lib::Job>::f", "<bin::S as bin::Job>::f"].map(|it| lock("x", it));
        assert!(pairs(&methods).is_empty());
        let two_functions = ["lib::jobs::f", "lib::jobs::g"].map(|function| lock("x", function));
        assert_eq!(pairs(&two_functions), ["lib::jobs::f lib::jobs::g"]);
    }
}
