//! Parsing arguments: which were given, each at most once.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{
    Expr, Ident, LitBool, Path, Token,
    ext::IdentExt as _,
    parse::{ParseStream, Parser as _},
};

use crate::errors::Errors;

/// The arguments as written. Whether their values make sense is for `valid` to say.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) name: Slot<Expr>,
    pub(crate) terms: Terms,
    pub(crate) reuse: Slot<Flag>,
    pub(crate) client: Slot<Expr>,
    pub(crate) krate: Slot<Path>,
    pub(crate) errors: Errors,
    /// Whether a slip in the syntax kept the rest from being read.
    pub(crate) cut_short: bool,
}

/// What an attribute can say, and a declaration in `lock_names!` for it.
#[derive(Default)]
pub(crate) struct Terms {
    pub(crate) ttl: Slot<Expr>,
    pub(crate) renew: Slot<Flag>,
    pub(crate) max_hold: Slot<Expr>,
    pub(crate) min_hold: Slot<Expr>,
    pub(crate) on_lost: Slot<Expr>,
    pub(crate) wait: Slot<Expr>,
    pub(crate) permits: Slot<Expr>,
    pub(crate) shared: Slot<Flag>,
}

/// Sorted, for messages.
const KNOWN: &str = "`client`, `crate`, `max_hold`, `min_hold`, `name`, `on_lost`, `permits`, \
                     `renew`, `reuse`, `shared`, `ttl`, `wait`";

/// Those of a declaration.
const DECLARED: &str =
    "`max_hold`, `min_hold`, `on_lost`, `permits`, `renew`, `shared`, `ttl`, `wait`";

impl Args {
    /// Of an attribute. Never fails: what is wrong is in `errors`, all of it.
    pub(crate) fn parse(tokens: TokenStream) -> Self {
        Self::read(tokens, KNOWN)
    }

    /// Of a declaration, what follows the name.
    pub(crate) fn parse_declared(tokens: TokenStream) -> Self {
        Self::read(tokens, DECLARED)
    }

    fn read(tokens: TokenStream, valid: &str) -> Self {
        let mut args = Self::default();
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.argument(input, valid) {
                    args.errors.push(error);
                    skip_to_comma(input);
                }
                if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                    let message = "expected `,` between two arguments";
                    args.errors.at(input.span(), message);
                    args.cut_short = true;
                    while input.parse::<TokenTree>().is_ok() {}
                }
            }
            Ok(())
        };
        if let Err(error) = parse.parse2(tokens) {
            args.errors.push(error);
        }
        args
    }

    fn argument(&mut self, input: ParseStream<'_>, valid: &str) -> syn::Result<()> {
        // `crate` is a keyword, and an argument.
        let key = input.call(Ident::parse_any).map_err(|error| {
            let message = format!("expected an argument: one of {valid}");
            syn::Error::new(error.span(), message)
        })?;
        let name = key.to_string();
        if !valid.contains(&format!("`{name}`")) {
            let message = if KNOWN.contains(&format!("`{name}`")) {
                format!("`{name}` belongs into the attribute; valid here are {valid}")
            } else {
                format!("unknown argument `{name}`; valid ones are {valid}")
            };
            return Err(syn::Error::new(key.span(), message));
        }
        let terms = &mut self.terms;
        match name.as_str() {
            "name" => self.name.set(key, input),
            "ttl" => terms.ttl.set(key, input),
            "renew" => terms.renew.set(key, input),
            "max_hold" => terms.max_hold.set(key, input),
            "min_hold" => terms.min_hold.set(key, input),
            "on_lost" => terms.on_lost.set(key, input),
            "wait" => terms.wait.set(key, input),
            "permits" => terms.permits.set(key, input),
            "shared" => terms.shared.set(key, input),
            "reuse" => self.reuse.set(key, input),
            "client" => self.client.set(key, input),
            _ => self.krate.set(key, input),
        }
    }
}

/// `renew`, or `renew = true`, or `renew = false`.
pub(crate) struct Flag(pub(crate) bool);

/// What a key may stand for.
pub(crate) trait Value: Sized {
    fn read(input: ParseStream<'_>) -> syn::Result<Self>;

    /// What the key means on its own, if that is allowed.
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
    /// Every argument comes through here, so none can be checked against another one's slot.
    fn set(&mut self, key: Ident, input: ParseStream<'_>) -> syn::Result<()> {
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
                // It was given, so "missing" would be a second error for one mistake.
                self.0 = Some((key, None));
                Err(error)
            }
        }
    }
}

impl<T> Slot<T> {
    /// Where it was given.
    pub(crate) fn span(&self) -> Option<Span> {
        self.0.as_ref().map(|(key, _)| key.span())
    }

    pub(crate) fn given(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn value(self) -> Option<T> {
        self.0.and_then(|(_, value)| value)
    }
}

impl Slot<Flag> {
    /// None when it was not given.
    pub(crate) fn flag(self) -> Option<bool> {
        self.value().map(|Flag(yes)| yes)
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}
