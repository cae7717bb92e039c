//! Parsing arguments: which were given, each at most once.
//!
//! Half-written arguments pass through here at every key that is pressed in an editor: a slip costs one
//! error, at its token, and the arguments around it are read.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    Expr, ExprLit, Ident, Lit, Token,
    ext::IdentExt as _,
    parse::{ParseStream, Parser as _},
    spanned::Spanned as _,
};

use crate::{
    argument::{Argument, Arguments, Place},
    duration,
    errors::Errors,
    slot, text,
};

/// The arguments between the parentheses, parsed. `valid` checks their values.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) arguments: Arguments,
    pub(crate) errors: Errors,
    /// Whether a slip in the syntax or an unknown argument may stand for an argument that is missing.
    pub(crate) half_written: bool,
    /// Whether another sign than `=` was reported.
    wrong_sign: bool,
}

/// A value without the name of its argument.
struct Positional(Span, Option<Argument>, String);

impl Args {
    /// Reads the arguments that are valid in `place`. Never fails: all that is wrong is in `errors`.
    pub(crate) fn parse(tokens: TokenStream, place: Place) -> Self {
        let mut args = Self::default();
        let mut positional = Vec::new();
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let read = args.argument(input, place, &mut positional);
                let argument = read.unwrap_or_else(|error| {
                    args.slip(error);
                    skip(input);
                    None
                });
                args.separator(input, place, argument);
            }
            Ok(())
        };
        // The parser reports the rest of a value that was not read to its end, after the error there.
        if let Err(error) = parse.parse2(tokens)
            && !args.half_written
        {
            args.slip(error);
            // A value that was not read to its end, inside brackets. It is not known which.
            args.arguments.refuse_all();
        }
        args.name_values(positional, place);
        args
    }

    /// The arguments of `#[distributed_lock = "job"]`, for which the compiler has an error of its own.
    pub(crate) fn of_key_value() -> Self {
        Self {
            half_written: true,
            ..Self::default()
        }
    }

    fn slip(&mut self, error: syn::Error) {
        // `name: "job", ttl: "5m"` is one mistake.
        let again = error.to_string().starts_with(slot::AFTER_EQUALS) && self.wrong_sign;
        self.wrong_sign |= error.to_string().starts_with(slot::AFTER_EQUALS);
        if !again {
            self.errors.push(error);
        }
        self.half_written = true;
    }

    /// Reads one argument, and gives it, unless it is a value without its name.
    fn argument(
        &mut self,
        input: ParseStream<'_>,
        place: Place,
        positional: &mut Vec<Positional>,
    ) -> syn::Result<Option<Argument>> {
        let valid = Argument::valid_in(place);
        if input.peek(Token![=]) || input.peek(Token![,]) || input.peek(Token![;]) {
            let message = format!("expected an argument before this: one of {valid}");
            return Err(syn::Error::new(input.span(), message));
        }
        if is_value(input) {
            let value: Expr = input.parse().map_err(|error| {
                let message = format!("expected an argument: one of {valid}");
                syn::Error::new(error.span(), message)
            })?;
            positional.push(Positional::of(&value));
            return Ok(None);
        }
        // `crate` is a keyword, and an argument.
        let key = input.call(Ident::parse_any)?;
        match Argument::find(&key.to_string()) {
            Some(argument) if argument.is_valid_in(place) => {
                self.arguments.set(argument, key, input)?;
                Ok(Some(argument))
            }
            Some(_) => {
                let message = format!("`{key}` belongs into the attribute; valid here are {valid}");
                Err(syn::Error::new(key.span(), message))
            }
            None => {
                let message = match Argument::meant(&key.to_string(), place) {
                    Some(meant) => {
                        let meant = meant.name();
                        format!("unknown argument `{key}`; did you mean `{meant}`?")
                    }
                    None => format!("unknown argument `{key}`; valid ones are {valid}"),
                };
                Err(syn::Error::new(key.span(), message))
            }
        }
    }

    /// Reads the comma, and what stands there instead.
    fn separator(&mut self, input: ParseStream<'_>, place: Place, before: Option<Argument>) {
        if input.is_empty() || input.parse::<Token![,]>().is_ok() {
            return;
        }
        self.slip(syn::Error::new(
            input.span(),
            "expected `,` between two arguments",
        ));
        if input.parse::<Token![;]>().is_err() && !starts_argument(input, place) {
            if let Some(before) = before {
                self.arguments.refuse(before);
            }
            skip(input);
            let _ = input.parse::<Token![,]>();
        }
    }

    /// One error for all values without a name, which says the names.
    fn name_values(&mut self, values: Vec<Positional>, place: Place) {
        let Some(Positional(span, ..)) = values.first() else {
            return;
        };
        let span = *span;
        let mut free = vec![Argument::Name, Argument::Ttl];
        free.retain(|it| it.is_valid_in(place) && !self.arguments.given(*it));
        let mut write = Vec::new();
        for Positional(_, argument, value) in values {
            let at = match argument {
                Some(argument) => free.iter().position(|it| *it == argument),
                None => (!free.is_empty()).then_some(0),
            };
            if let Some(at) = at {
                let name = free.remove(at).name();
                write.push(format!("{name} = {value}"));
            }
        }
        self.slip(syn::Error::new(
            span,
            if write.is_empty() {
                let valid = Argument::valid_in(place);
                format!("a value needs the name of its argument: one of {valid}")
            } else {
                let write = write.join(", ");
                format!("a value needs the name of its argument: write `{write}`")
            },
        ));
    }
}

impl Positional {
    fn of(value: &Expr) -> Self {
        let (argument, text) = match value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(value),
                ..
            }) if duration::meant(&value.value()).is_none() => {
                (Some(Argument::Name), value.to_token_stream().to_string())
            }
            Expr::Lit(ExprLit { lit, .. }) => {
                let text = match lit {
                    Lit::Str(value) => value.value(),
                    other => other.to_token_stream().to_string(),
                };
                let meant = duration::meant(&text).unwrap_or(text);
                (Some(Argument::Ttl), format!("{meant:?}"))
            }
            other => (None, text::of(&other.to_token_stream())),
        };
        Self(value.span(), argument, text)
    }
}

/// Whether a value stands here, and no `key` or `key = value`.
fn is_value(input: ParseStream<'_>) -> bool {
    if !input.peek(Ident::peek_any) {
        return true;
    }
    let ahead = input.fork();
    let Ok(first) = ahead.call(Ident::parse_any) else {
        return true;
    };
    if ahead.peek(Token![=]) && !ahead.peek(Token![==]) {
        return false;
    }
    let name = first.to_string();
    if ahead.peek(Token![::]) || ahead.peek(Token![.]) || ahead.peek(Token![!]) {
        return true;
    }
    // `REPORT`, `report_name()`; and a keyword is no expression.
    Argument::find(&name).is_none()
        && (name.starts_with(char::is_uppercase) || ahead.peek(syn::token::Paren))
}

/// Whether `key =` stands here, or a key that may stand alone.
fn starts_argument(input: ParseStream<'_>, place: Place) -> bool {
    let ahead = input.fork();
    let Ok(key) = ahead.call(Ident::parse_any) else {
        return false;
    };
    let known = Argument::find(&key.to_string()).is_some_and(|it| it.is_valid_in(place));
    known || ahead.peek(Token![=])
}

/// Skips to the next comma, or to the next argument after a semicolon.
fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}
