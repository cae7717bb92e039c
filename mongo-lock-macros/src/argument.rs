//! The table of arguments: the only place that lists them.

use syn::{Expr, Ident, Path, parse::ParseStream};

use crate::slot::{Flag, Slot};

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
//     terms: { ttl: Ttl(Expr) = "ttl", … }
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
        ttl: Ttl(Expr) = "ttl",
        renew: Renew(Flag) = "renew",
        max_hold: MaxHold(Expr) = "max_hold",
        min_hold: MinHold(Expr) = "min_hold",
        on_lost: OnLost(Expr) = "on_lost",
        wait: Wait(Expr) = "wait",
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Argument;

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
