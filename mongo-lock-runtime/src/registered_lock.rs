//! An annotated function of the binary, and two that claim one lock: plain values.

use std::{fmt, panic::Location, time::Duration};

/// One lock of the binary: a `#[distributed_lock]`, its function and its place in the source; or a lock of
/// [`lock_names!`](crate::lock_names) that no function of the binary takes.
///
/// The `Display` text is a line for people:
/// `nightly-report (ttl 300s): billing::report at billing/src/lib.rs:12:1`.
#[derive(Clone)]
pub struct RegisteredLock {
    name: &'static str,
    kind: NameKind,
    ttl: Option<Duration>,
    module: &'static str,
    /// Gives the path of an item in the function. `None` in a declaration.
    here: Option<fn() -> &'static str>,
    location: &'static Location<'static>,
    reuse: bool,
}

/// The kind of a registered name: how much of it is known before the first call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameKind {
    /// The name of every call.
    Fixed,
    /// A template, which the values of a call complete.
    Template,
    /// An expression that depends on generic parameters, on `Self` or on an argument.
    Unknown,
}

impl RegisteredLock {
    /// A registered lock at this place in the source.
    pub(crate) const fn at(
        location: &'static Location<'static>,
        (module, here): (&'static str, Option<fn() -> &'static str>),
        name: &'static str,
        kind: NameKind,
        ttl: Option<Duration>,
        reuse: bool,
    ) -> Self {
        Self {
            name,
            kind,
            ttl,
            module,
            here,
            location,
            reuse,
        }
    }

    /// The lock's name; or the template, or the expression that gives the name, as
    /// [`kind`](Self::kind) says.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The kind of [`name`](Self::name).
    #[must_use]
    pub const fn kind(&self) -> NameKind {
        self.kind
    }

    /// The ttl. `None` when the ttl depends on generic parameters, on `Self` or on an argument.
    #[must_use]
    pub const fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// The function, with its module and the type of a method: `billing::jobs::report`,
    /// `billing::jobs::Service::run`, `<billing::jobs::Service as billing::Job>::run`. For people: the compiler
    /// may write the path of a type in another way.
    ///
    /// `None` for a lock of [`lock_names!`](crate::lock_names) that no function of the binary takes.
    #[must_use]
    pub fn function(&self) -> Option<String> {
        // `billing::Service::run::{{closure}}::__here`, where the closure is the body of an `async fn`.
        let path = self.here?().replace("::{{closure}}", "");
        path.rsplit_once("::")
            .map(|(function, _)| function.to_owned())
    }

    /// The module of the function or the declaration: `billing::jobs`.
    #[must_use]
    pub const fn module(&self) -> &'static str {
        self.module
    }

    /// The source file, as the compiler was given it.
    #[must_use]
    pub const fn file(&self) -> &'static str {
        self.location.file()
    }

    /// The line of the attribute, or of `lock_names!`.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.location.line()
    }

    /// The column of the attribute, or of `lock_names!`.
    #[must_use]
    pub const fn column(&self) -> u32 {
        self.location.column()
    }

    /// Whether the attribute says `reuse`: other functions take this lock too.
    #[must_use]
    pub const fn reuse(&self) -> bool {
        self.reuse
    }

    /// The function's path without its crate, which differs when a binary and a library both compile a
    /// file.
    fn path_in_crate(&self) -> Option<String> {
        let name = self.module.split("::").next().unwrap_or_default();
        let function = self.function()?;
        Some(function.replace(&format!("{name}::"), ""))
    }

    /// Whether both are one attribute, compiled twice into the binary.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.location == other.location && self.path_in_crate() == other.path_in_crate()
    }

    /// The place of the attribute in the source.
    pub(crate) const fn location(&self) -> &'static Location<'static> {
        self.location
    }
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
        match self.function() {
            Some(function) => write!(f, "): {function} at {}", self.location),
            None => write!(f, "): declared at {}, without a function", self.location),
        }
    }
}

impl PartialEq for RegisteredLock {
    fn eq(&self, other: &Self) -> bool {
        let key = |it: &Self| (it.name, it.kind, it.ttl, it.module, it.location, it.reuse);
        key(self) == key(other) && self.function() == other.function()
    }
}

impl Eq for RegisteredLock {}

impl fmt::Debug for RegisteredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Two functions that claim one lock, or whose templates can give one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockConflict {
    /// One of the two.
    pub first: &'static RegisteredLock,
    /// The other.
    pub second: &'static RegisteredLock,
}

impl fmt::Display for LockConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = (self.first, self.second);
        if first.name() == second.name() {
            write!(f, "two functions claim the lock `{}`: ", first.name())?;
        } else {
            let (a, b) = (first.name(), second.name());
            write!(f, "the locks `{a}` and `{b}` can be one: ")?;
        }
        let function = |lock: &RegisteredLock| lock.function().unwrap_or_default();
        write!(f, "`{}` at {}", function(first), first.location())?;
        write!(f, " and `{}` at {}", function(second), second.location())
    }
}
