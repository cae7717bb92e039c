//! Times: literals, constants, and what is meant by those without quotes.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{BinOp, Expr, ExprLit, ExprPath, Ident, Lit, spanned::Spanned as _};

use super::{at, peel};
use crate::{duration, slot::Period};

#[derive(Clone)]
pub(crate) enum Time {
    Literal(Duration),
    Constant(ExprPath),
    /// A constant that is not known where these terms are written.
    Later,
}

impl Time {
    pub(crate) fn constant(&self) -> Option<&ExprPath> {
        match self {
            Self::Literal(_) | Self::Later => None,
            Self::Constant(path) => Some(path),
        }
    }

    /// The time, unless it is not known here.
    pub(crate) fn expand(&self, private: &TokenStream) -> Option<TokenStream> {
        match self {
            Self::Literal(time) => {
                let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                Some(quote!(#private::millis(#millis)))
            }
            Self::Constant(path) => Some(path.into_token_stream()),
            Self::Later => None,
        }
    }

    /// `rt::Some(…)`, or `rt::None` for a time that is not known here.
    pub(crate) fn option(&self, private: &TokenStream) -> TokenStream {
        if let Some(time) = self.expand(private) {
            quote!(#private::Some(#time))
        } else {
            quote!(#private::None)
        }
    }

    pub(super) fn known(&self, known: impl Fn(&ExprPath) -> bool) -> Self {
        match self {
            Self::Constant(path) if !known(path) => Self::Later,
            other => other.clone(),
        }
    }
}

/// Checks the time that `key` was given.
pub(super) fn check_time(key: &Ident, value: Period) -> syn::Result<Time> {
    let value = match value {
        Period::Expr(value) => peel(value),
        Period::Words(span, text) => return Err(unquoted(key, span, &text)),
    };
    let text = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => text,
        Expr::Path(path) => return Ok(Time::Constant(path)),
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => {
            let text = match number.suffix() {
                // Of a hexadecimal number, too.
                "" => number.base10_digits().to_owned(),
                suffix if is_numeric(suffix) => number.base10_digits().to_owned(),
                _ => number.to_string(),
            };
            return Err(unquoted(key, number.span(), &text));
        }
        Expr::Lit(ExprLit {
            lit: Lit::Float(number),
            ..
        }) => return Err(unquoted(key, number.span(), &number.to_string())),
        other => {
            let message = match seconds_of(&other).as_deref().and_then(duration::meant) {
                Some(meant) => format!("`{key}` is a string: write `{key} = \"{meant}\"`"),
                None => format!(
                    "`{key}` is a string such as `\"5m\"`, or the path of a `Duration` constant"
                ),
            };
            return Err(at(other.span(), message));
        }
    };
    match duration::parse(&text.value()) {
        Ok(time) => Ok(Time::Literal(time)),
        Err(problem) => Err(at(
            text.span(),
            format!("`{key}` cannot be this: {problem}"),
        )),
    }
}

/// The error for a time without quotes: `5m`, `300`, `5 m`.
fn unquoted(key: &Ident, span: Span, text: &str) -> syn::Error {
    let problem = if text.contains(char::is_alphabetic) {
        "is a string"
    } else {
        "needs a unit"
    };
    let write = duration::meant(text).unwrap_or_else(|| "5m".to_owned());
    at(
        span,
        format!("`{key}` {problem}: write `{key} = \"{write}\"`"),
    )
}

fn is_numeric(suffix: &str) -> bool {
    let kind = suffix.trim_end_matches(|c: char| c.is_ascii_digit());
    matches!(kind, "u" | "i" | "usize" | "isize")
}

/// The time of `5 * 60` in seconds, or of `Duration::from_secs(300)`, as text with its unit.
fn seconds_of(value: &Expr) -> Option<String> {
    let Expr::Call(call) = value else {
        return number_of(value).map(|number| number.to_string());
    };
    let Expr::Path(function) = &*call.func else {
        return None;
    };
    let unit = match &*function.path.segments.last()?.ident.to_string() {
        "from_millis" => "ms",
        "from_secs" => "s",
        "from_mins" | "from_minutes" => "m",
        "from_hours" => "h",
        "from_days" => "d",
        _ => return None,
    };
    match call.args.iter().collect::<Vec<_>>()[..] {
        [argument] => Some(format!("{}{unit}", number_of(argument)?)),
        _ => None,
    }
}

/// The value of a whole number, or of a product of some.
fn number_of(value: &Expr) -> Option<u64> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_parse().ok(),
        Expr::Binary(binary) if matches!(binary.op, BinOp::Mul(_)) => {
            number_of(&binary.left)?.checked_mul(number_of(&binary.right)?)
        }
        Expr::Paren(inner) => number_of(&inner.expr),
        Expr::Group(inner) => number_of(&inner.expr),
        _ => None,
    }
}
