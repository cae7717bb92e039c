//! The table of arguments: the only place that lists them.

use syn::{Expr, Ident, Path, parse::ParseStream};

use crate::slot::{Flag, Period, Slot};

/// The place of arguments, which decides those that are valid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `#[distributed_lock(…)]`
    Attribute,
    /// A lock of `lock_names!`, after its name.
    Declaration,
}

// Input, a row for each argument:
//
//     terms: { ttl: Ttl(Period) = "ttl", … }
//     others: { krate: Crate(Path) = "crate", … }
//
// Output: `Argument` with a variant for each row; `Terms` and `Arguments` with a slot for each; and
// `Arguments::set`, which is the only function that fills a slot. So a new row has its own slot, is
// parsed, and is in the messages; and `valid` and `terms`, which take the two structs apart
// without `..`, do not compile until they handle the new one.
macro_rules! arguments {
    (
        terms: { $($term:ident: $Term:ident($Term_value:ty) = $term_name:literal,)* }
        others: { $($other:ident: $Other:ident($Other_value:ty) = $other_name:literal,)* }
    ) => {
        /// An argument of the attribute or of a declaration.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Argument {
            $($Term,)*
            $($Other,)*
        }

        impl Argument {
            const ALL: &[Self] = &[$(Self::$Term,)* $(Self::$Other,)*];

            /// The key, as users write it.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$Term => $term_name,)*
                    $(Self::$Other => $other_name,)*
                }
            }

            /// Whether a declaration can have the argument: the terms of the lease only.
            const fn is_term(self) -> bool {
                match self {
                    $(Self::$Term => true,)*
                    $(Self::$Other => false,)*
                }
            }
        }

        /// The terms of the lease, as written in an attribute or a declaration.
        #[derive(Default)]
        pub(crate) struct Terms {
            $(pub(crate) $term: Slot<$Term_value>,)*
        }

        /// All arguments, as written.
        #[derive(Default)]
        pub(crate) struct Arguments {
            pub(crate) terms: Terms,
            $(pub(crate) $other: Slot<$Other_value>,)*
        }

        impl Arguments {
            pub(crate) fn given(&self, argument: Argument) -> bool {
                match argument {
                    $(Argument::$Term => self.terms.$term.given(),)*
                    $(Argument::$Other => self.$other.given(),)*
                }
            }

            /// Leaves out the value of an argument that goes on after it, as `ttl = Config TTL` does.
            pub(crate) fn refuse(&mut self, argument: Argument) {
                match argument {
                    $(Argument::$Term => self.terms.$term.refuse(),)*
                    $(Argument::$Other => self.$other.refuse(),)*
                }
            }

            pub(crate) fn refuse_all(&mut self) {
                for argument in Argument::ALL {
                    self.refuse(*argument);
                }
            }

            /// Reads what follows `key` into the slot of `argument`.
            pub(crate) fn set(
                &mut self,
                argument: Argument,
                key: Ident,
                input: ParseStream<'_>,
            ) -> syn::Result<()> {
                match argument {
                    $(Argument::$Term => self.terms.$term.set(key, input),)*
                    $(Argument::$Other => self.$other.set(key, input),)*
                }
            }
        }
    };
}

arguments! {
    terms: {
        ttl: Ttl(Period) = "ttl",
        renew: Renew(Flag) = "renew",
        max_hold: MaxHold(Period) = "max_hold",
        min_hold: MinHold(Period) = "min_hold",
        on_lost: OnLost(Expr) = "on_lost",
        wait: Wait(Period) = "wait",
        permits: Permits(Expr) = "permits",
        shared: Shared(Flag) = "shared",
    }
    others: {
        name: Name(Expr) = "name",
        reuse: Reuse(Flag) = "reuse",
        client: Client(Expr) = "client",
        krate: Crate(Path) = "crate",
    }
}

impl Argument {
    /// The argument with this name, wherever it is valid.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|argument| argument.name() == name)
    }

    /// The argument that is meant by an unknown name: of two that are as close, the first in the table.
    pub(crate) fn meant(name: &str, place: Place) -> Option<Self> {
        let name = name.to_lowercase();
        if let Some((_, meant)) = MEANT.iter().find(|(other, _)| *other == name) {
            return Some(*meant).filter(|it| it.is_valid_in(place));
        }
        let valid = Self::ALL.iter().copied().filter(|it| it.is_valid_in(place));
        let slips = |it: &Self| match it.name() {
            whole if name.len() > 1 && whole.starts_with(&name) => 1,
            whole => distance(whole, &name),
        };
        let closest = valid.min_by_key(slips)?;
        (slips(&closest) <= 1 + name.len() / 4).then_some(closest)
    }

    pub(crate) const fn is_valid_in(self, place: Place) -> bool {
        match place {
            Place::Attribute => true,
            Place::Declaration => self.is_term(),
        }
    }

    /// The valid arguments, sorted, for messages: `` `max_hold`, `min_hold`, … ``.
    pub(crate) fn valid_in(place: Place) -> String {
        let valid = Self::ALL.iter().filter(|it| it.is_valid_in(place));
        let mut names: Vec<String> = valid.map(|it| format!("`{}`", it.name())).collect();
        names.sort();
        names.join(", ")
    }
}

/// Names by which other libraries know the arguments.
const MEANT: &[(&str, Argument)] = &[
    ("id", Argument::Name),
    ("key", Argument::Name),
    ("lock", Argument::Name),
    ("lock_name", Argument::Name),
    ("duration", Argument::Ttl),
    ("expire", Argument::Ttl),
    ("expires", Argument::Ttl),
    ("expiry", Argument::Ttl),
    ("lease", Argument::Ttl),
    ("lease_time", Argument::Ttl),
    ("lock_at_most_for", Argument::Ttl),
    ("timeout", Argument::Ttl),
    ("auto_renew", Argument::Renew),
    ("extend", Argument::Renew),
    ("heartbeat", Argument::Renew),
    ("keep_alive", Argument::Renew),
    ("lock_at_least_for", Argument::MinHold),
    ("acquire_timeout", Argument::Wait),
    ("wait_time", Argument::Wait),
    ("concurrency", Argument::Permits),
    ("limit", Argument::Permits),
    ("read", Argument::Shared),
];

/// The number of letters to add, drop, change or swap with the next, from one name to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Argument, MEANT, Place};

    #[test]
    fn a_slip_finds_its_argument() {
        let meant = |name: &str, place| Argument::meant(name, place).map_or("none", Argument::name);
        for (name, argument) in [
            ("nmae", "name"),
            ("tll", "ttl"),
            ("tt", "ttl"),
            ("Name", "name"),
            ("max", "max_hold"),
            ("minhold", "min_hold"),
            ("onlost", "on_lost"),
            ("permit", "permits"),
            ("crat", "crate"),
            ("lock", "name"),
            ("timeout", "ttl"),
            ("retries", "none"),
            ("x", "none"),
        ] {
            assert_eq!(meant(name, Place::Attribute), argument, "{name}");
        }
        // Every argument with a letter dropped, doubled, or swapped with the next.
        let mut slips = 0;
        for argument in Argument::ALL {
            let name = argument.name();
            for at in 0..name.len() {
                let (before, after) = name.split_at(at);
                let mut swapped: Vec<char> = name.chars().collect();
                swapped.swap(at, (at + 1) % name.len());
                for slip in [
                    format!("{before}{}", &after[1..]),
                    format!("{before}{}{after}", &after[..1]),
                    swapped.into_iter().collect(),
                ] {
                    if Argument::find(&slip).is_none() && at + 1 < name.len() {
                        slips += 1;
                        assert_eq!(meant(&slip, Place::Attribute), name, "{slip}");
                    }
                }
            }
        }
        assert!(slips > 100, "{slips}");
        assert_eq!(meant("nmae", Place::Declaration), "none");
        for (other, _) in MEANT {
            assert!(Argument::find(other).is_none(), "{other}");
        }
    }

    #[test]
    fn each_name_finds_its_own_argument() {
        let names: HashSet<&str> = Argument::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Argument::ALL.len());
        for argument in Argument::ALL {
            assert!(Argument::find(argument.name()) == Some(*argument));
        }
        assert!(Argument::find("nmae").is_none());
    }
}
