//! The slot of one argument: a value of its kind, given at most once.

use proc_macro2::{Span, TokenTree};
use syn::{Expr, Ident, Lit, LitBool, LitFloat, LitInt, LitStr, Path, Token, parse::ParseStream};

use crate::duration;

/// `renew`, or `renew = true`, or `renew = false`.
pub(crate) struct Flag(bool);

/// A value that stands for a time.
pub(crate) enum Period {
    Expr(Expr),
    /// A time without quotes, of several tokens: `5 m`, `1h 30m`.
    Words(Span, String),
}

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

impl Value for Period {
    fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        let span = input.span();
        let mut words = Vec::new();
        while let Some(word) = word_of_a_time(&ahead, words.is_empty())? {
            words.push(word);
        }
        if words.len() < 2 {
            return input.parse().map(Self::Expr);
        }
        for _ in &words {
            input.parse::<TokenTree>()?;
        }
        Ok(Self::Words(span, words.concat()))
    }
}

/// The next token if it belongs to a time without quotes: a number, or after one, a unit.
fn word_of_a_time(input: ParseStream<'_>, is_first: bool) -> syn::Result<Option<String>> {
    if input.peek(LitInt) || input.peek(LitFloat) {
        return Ok(match input.parse::<Lit>()? {
            Lit::Int(number) => Some(number.to_string()),
            Lit::Float(number) => Some(number.to_string()),
            _ => None,
        });
    }
    if is_first || !input.peek(Ident) || input.peek2(Token![=]) {
        return Ok(None);
    }
    let word = input.parse::<Ident>()?.to_string();
    Ok(duration::is_unit(&word).then_some(word))
}

impl Value for Path {
    /// A path, also in quotes, as other macros have it.
    fn read(input: ParseStream<'_>) -> syn::Result<Self> {
        let message = "this is the path of a crate, such as `crate = my_locks`";
        if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            return text
                .parse_with(Self::parse_mod_style)
                .map_err(|_| syn::Error::new(text.span(), message));
        }
        let span = input.span();
        input
            .call(Self::parse_mod_style)
            .map_err(|_| syn::Error::new(span, message))
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
        let value = value(&key, input);
        if self.0.is_some() {
            let message = format!("`{key}` is given twice; keep one");
            return Err(syn::Error::new(key.span(), message));
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

/// The start of the message for another sign than `=`.
pub(crate) const AFTER_EQUALS: &str = "a value stands after `=`";

fn value<T: Value>(key: &Ident, input: ParseStream<'_>) -> syn::Result<T> {
    let bare = |what: &str| {
        let message = format!("`{key}` {what}: `{key} = …`");
        T::bare().ok_or_else(|| syn::Error::new(key.span(), message))
    };
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        if ends(input) || input.peek(Token![;]) {
            return bare("needs a value");
        }
        let message = format!("{AFTER_EQUALS}: `{key} = …`");
        return Err(syn::Error::new(input.span(), message));
    }
    let mut last = input.parse::<Token![=]>()?.span;
    if ends(input) {
        let message = format!("`{key}` needs a value: `{key} = …`");
        return Err(syn::Error::new(key.span(), message));
    }
    let start = input.fork();
    T::read(input).map_err(|error| {
        if !ends(input) {
            return error;
        }
        // The parser places an error at the end of its input at the whole attribute.
        while start.cursor() != input.cursor() {
            match start.parse::<TokenTree>() {
                Ok(token) => last = token.span(),
                Err(_) => break,
            }
        }
        if error.to_string().starts_with("unexpected end of input") {
            return syn::Error::new(last, format!("the value of `{key}` is not complete"));
        }
        error
    })
}

/// Whether the argument ends here.
fn ends(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

impl<T> Slot<T> {
    /// The location of the key.
    pub(crate) fn span(&self) -> Option<Span> {
        self.0.as_ref().map(|(key, _)| key.span())
    }

    /// Leaves the value out.
    pub(crate) fn refuse(&mut self) {
        if let Some((_, value)) = &mut self.0 {
            *value = None;
        }
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
