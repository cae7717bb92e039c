//! Every annotated function of the binary, and whether two of them claim one lock.

use std::{fmt, panic::Location, time::Duration};

use crate::{__private::LockTerms, Error, overlap::overlap};

inventory::collect!(RegisteredLock);

/// One `#[distributed_lock]` of the binary: what it locks, and where it stands.
///
/// Its `Display` is a line for a person:
/// `nightly-report (ttl 300s): billing::report at billing/src/lib.rs:12:1`.
#[derive(Clone, PartialEq, Eq)]
pub struct RegisteredLock {
    name: &'static str,
    kind: NameKind,
    ttl: Option<Duration>,
    function: &'static str,
    location: &'static Location<'static>,
    reuse: bool,
}

/// What the attribute knows of a lock's name before the first call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameKind {
    /// The name is always this one.
    Fixed,
    /// The name is put together from the call's values; known is the template.
    Template,
    /// The name depends on generic parameters, on `Self` or on an argument; known is the expression.
    Unknown,
}

impl RegisteredLock {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn new(terms: LockTerms, function: &'static str) -> Self {
        Self {
            name: terms.name,
            kind: if is_template(terms.name) {
                NameKind::Template
            } else {
                NameKind::Fixed
            },
            ttl: terms.ttl,
            function,
            location: Location::caller(),
            reuse: terms.reuse,
        }
    }

    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn unknown(terms: LockTerms, function: &'static str) -> Self {
        Self {
            kind: NameKind::Unknown,
            ..Self::new(terms, function)
        }
    }

    /// The lock's name; or the template, or the expression that gives the name, as
    /// [`kind`](Self::kind) says.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What [`name`](Self::name) is.
    #[must_use]
    pub const fn kind(&self) -> NameKind {
        self.kind
    }

    /// The ttl. None when it depends on generic parameters, on `Self` or on an argument.
    #[must_use]
    pub const fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// The function, with its module: `billing::jobs::report`. Of a method, the module and the name.
    #[must_use]
    pub const fn function(&self) -> &'static str {
        self.function
    }

    /// The source file, as the compiler was given it.
    #[must_use]
    pub const fn file(&self) -> &'static str {
        self.location.file()
    }

    /// The line of the attribute.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.location.line()
    }

    /// The column of the attribute.
    #[must_use]
    pub const fn column(&self) -> u32 {
        self.location.column()
    }

    /// Whether the attribute says `reuse`: other functions take this lock too.
    #[must_use]
    pub const fn reuse(&self) -> bool {
        self.reuse
    }

    /// The function without its crate, which differs when a binary and a library both compile a
    /// file.
    fn path_in_crate(&self) -> &'static str {
        self.function
            .split_once("::")
            .map_or(self.function, |(_, path)| path)
    }

    /// Whether this is one and the same attribute, compiled twice into the binary.
    fn same(&self, other: &Self) -> bool {
        self.location == other.location && self.path_in_crate() == other.path_in_crate()
    }

    fn conflicts(&self, other: &Self) -> bool {
        let known = self.kind != NameKind::Unknown && other.kind != NameKind::Unknown;
        known && !(self.reuse && other.reuse) && overlap(self.name, other.name) && !self.same(other)
    }
}

const fn is_template(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'{' {
            return true;
        }
        at += 1;
    }
    false
}

impl fmt::Display for RegisteredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (ttl ", self.name)?;
        match self.ttl {
            Some(ttl) => write!(f, "{ttl:?}")?,
            None => f.write_str("varies")?,
        }
        if self.reuse {
            f.write_str(", reuse")?;
        }
        write!(f, "): {} at {}", self.function, self.location)
    }
}

impl fmt::Debug for RegisteredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Two functions that claim one lock, or whose templates can come to one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockConflict {
    /// One of them.
    pub first: &'static RegisteredLock,
    /// The other one.
    pub second: &'static RegisteredLock,
}

impl fmt::Display for LockConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = (self.first, self.second);
        if first.name == second.name {
            write!(f, "two functions claim the lock `{}`: ", first.name)?;
        } else {
            let (a, b) = (first.name, second.name);
            write!(f, "the locks `{a}` and `{b}` can be one: ")?;
        }
        write!(f, "`{}` at {}", first.function, first.location)?;
        write!(f, " and `{}` at {}", second.function, second.location)
    }
}

/// Every `#[distributed_lock]` of this binary, sorted by name.
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
    let mut locks: Vec<&RegisteredLock> = inventory::iter::<RegisteredLock>().collect();
    locks.sort_by_key(|lock| (lock.name, lock.file(), lock.line(), lock.column()));
    locks
}

/// Panics when two functions of this binary claim one lock.
///
/// Building a [`LockClient`](crate::LockClient) checks the same, and fails with
/// [`Error::LockConflict`]; this finds it in CI. In any crate from which all locks can be seen:
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
/// When they do, naming both functions and where they are.
#[track_caller]
#[allow(clippy::test_attr_in_doctest)] // it is for the reader's crate
pub fn assert_locks_unique() {
    if let Err(error) = check() {
        panic!("{error}");
    }
}

pub(crate) fn check() -> Result<(), Error> {
    let conflicts = conflicts(&registered_locks());
    if conflicts.is_empty() {
        return Ok(());
    }
    Err(Error::LockConflict { conflicts })
}

fn conflicts(locks: &[&'static RegisteredLock]) -> Vec<LockConflict> {
    let mut conflicts = Vec::new();
    for (index, first) in locks.iter().enumerate() {
        let rest = &locks[index + 1..];
        let template = first.kind == NameKind::Template;
        // Sorted by name. Of many functions with one name, each is reported beside the next.
        let alike = rest.iter().take_while(|second| second.name == first.name);
        let alike = alike.filter(|second| first.conflicts(second)).take(1);
        // Only templates can conflict with another name.
        let others = rest.iter().filter(|second| second.name != first.name);
        let others = others.filter(|second| template || second.kind == NameKind::Template);
        let others = others.filter(|second| first.conflicts(second));
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

    const fn terms(name: &'static str) -> LockTerms {
        LockTerms::new(name, Duration::from_secs(60))
    }

    #[track_caller]
    fn lock(name: &'static str, function: &'static str) -> &'static RegisteredLock {
        Box::leak(Box::new(RegisteredLock::new(terms(name), function)))
    }

    fn pairs(locks: &[&'static RegisteredLock]) -> Vec<String> {
        let text = |c: &LockConflict| format!("{} {}", c.first.function, c.second.function);
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
            Box::leak(Box::new(RegisteredLock::new(terms, function)))
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
    fn a_name_that_nobody_knows_conflicts_with_nothing() {
        let unknown = |function| -> &'static RegisteredLock {
            let lock = RegisteredLock::unknown(terms("Self::NAME"), function);
            Box::leak(Box::new(lock))
        };
        assert!(pairs(&[unknown("a::f"), unknown("a::g")]).is_empty());
    }

    #[test]
    fn one_attribute_that_was_compiled_twice_is_no_conflict() {
        let twice = ["lib::jobs::f", "bin::jobs::f"].map(|function| lock("x", function));
        assert!(pairs(&twice).is_empty());
        let two_functions = ["lib::jobs::f", "lib::jobs::g"].map(|function| lock("x", function));
        assert_eq!(pairs(&two_functions), ["lib::jobs::f lib::jobs::g"]);
    }
}
