//! The slot of one argument: a value of its kind, given at most once.

use proc_macro2::Span;
use syn::{Expr, Ident, LitBool, Path, Token, parse::ParseStream};

/// `renew`, or `renew = true`, or `renew = false`.
pub(crate) struct Flag(bool);

/// The kind of value that an argument takes.
pub(crate) trait Value: Sized {
    fn read(input: ParseStream<'_>) -> syn::Result<Self>;

    /// The value of the key on its own, if it may stand alone.
    fn bare() -> Option<Self> {
        None
    }
}

impl Value for Expr {
    fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse()
    }
}

impl Value for Path {
    fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse().map_err(|error| {
            let message = "this is the path of a crate, without quotes: `crate = my_locks`";
            syn::Error::new(error.span(), message)
        })
    }
}

impl Value for Flag {
    fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        match input.parse::<LitBool>() {
            Ok(value) => Ok(Self(value.value)),
            Err(error) => Err(syn::Error::new(
                error.span(),
                "this is a switch: write it alone, or with `= true` or `= false`",
            )),
        }
    }

    fn bare() -> Option<Self> {
        Some(Self(true))
    }
}

/// One argument, which may be given once.
pub(crate) struct Slot<T>(Option<(Ident, Option<T>)>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Value> Slot<T> {
    /// Reads what follows the key: `= value`, or nothing.
    pub(crate) fn set(&mut self, key: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let repeated = self
            .0
            .is_some()
            .then(|| syn::Error::new(key.span(), format!("`{key}` is given twice; keep one")));
        let span = key.span();
        let missing = |span| syn::Error::new(span, format!("`{key}` needs a value: `{key} = …`"));
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>().and_then(|_| {
                if input.is_empty() || input.peek(Token![,]) {
                    Err(missing(span))
                } else {
                    T::read(input)
                }
            })
        } else {
            T::bare().ok_or_else(|| missing(span))
        };
        if let Some(repeated) = repeated {
            return Err(repeated);
        }
        match value {
            Ok(value) => {
                self.0 = Some((key, Some(value)));
                Ok(())
            }
            Err(error) => {
                // The key was given, so "missing" would be a second error for one mistake.
                self.0 = Some((key, None));
                Err(error)
            }
        }
    }
}

impl<T> Slot<T> {
    /// The location of the key.
    pub(crate) fn span(&self) -> Option<Span> {
        self.0.as_ref().map(|(key, _)| key.span())
    }

    pub(crate) fn given(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn value(self) -> Option<T> {
        self.0.and_then(|(_, value)| value)
    }

    /// The value, with its key for messages.
    pub(crate) fn entry(self) -> Option<(Ident, T)> {
        self.0.and_then(|(key, value)| Some((key, value?)))
    }
}

impl Slot<Flag> {
    /// The switch, or `None` when it was not given.
    pub(crate) fn flag(self) -> Option<bool> {
        self.value().map(|Flag(yes)| yes)
    }
}
