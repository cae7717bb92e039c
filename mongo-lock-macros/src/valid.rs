//! Checking what was parsed: from here on everything is known to make sense.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, ExprLit, ExprPath, Lit, Path, spanned::Spanned as _};

use crate::{args::Args, duration, function::Function, name, returns::Returns};

/// A checked annotation.
pub(crate) struct Job {
    pub(crate) name: TokenStream,
    pub(crate) ttl: Ttl,
    pub(crate) client: Option<Expr>,
    /// The path of the runtime crate, where it is not the usual one.
    pub(crate) krate: Option<Path>,
    pub(crate) returns: Returns,
}

pub(crate) enum Ttl {
    Literal(Duration),
    Constant(ExprPath),
}

/// `LockSpec::MAX_TTL` of the runtime, which checks every ttl again.
const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Job {
    /// The job, unless the function's return type leaves none to be made, and all errors.
    ///
    /// A wrong argument is replaced with something harmless, so that the function is still there,
    /// with its new return type, and the error is the only one that its author sees.
    pub(crate) fn check(args: Args, function: &Function) -> (Option<Self>, Option<syn::Error>) {
        let mut errors = args.errors;
        for (key, example, given) in [
            ("name", "name = \"nightly-report\"", args.name.given()),
            ("ttl", "ttl = \"5m\"", args.ttl.given()),
        ] {
            if !given {
                // No token of the arguments is at fault: the name of the job is the closest.
                let message = format!("`#[distributed_lock]` needs `{key}`: write `{example}`");
                errors.at(function.sig.ident.span(), message);
            }
        }
        let name = args
            .name
            .value()
            .and_then(|name| errors.keep(check_name(name)))
            .unwrap_or_else(|| quote!("error"));
        let ttl = args
            .ttl
            .value()
            .and_then(|ttl| errors.keep(check_ttl(ttl)))
            .unwrap_or(Ttl::Literal(Duration::from_secs(1)));
        let returns = errors.keep(Returns::read(&function.sig.output));
        let job = returns.map(|returns| Self {
            name,
            ttl,
            client: args.client.value(),
            krate: args.krate.value(),
            returns,
        });
        (job, errors.into_inner())
    }
}

impl Job {
    /// The runtime's module for expansions. A message about it stands at `span`.
    pub(crate) fn private(&self, span: Span) -> TokenStream {
        // The user's location, our own names.
        let span = Span::mixed_site().located_at(span);
        if let Some(path) = &self.krate {
            quote_spanned!(span=> #path::__private)
        } else {
            quote_spanned!(span=> ::mongo_lock_runtime::__private)
        }
    }
}

fn check_name(value: Expr) -> syn::Result<TokenStream> {
    match peel(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => match name::check(&text.value()) {
            Ok(()) => Ok(text.into_token_stream()),
            Err(problem) => Err(at(
                text.span(),
                format!("this is not a lock name: {problem}"),
            )),
        },
        Expr::Path(path) => Ok(path.into_token_stream()),
        other => Err(at(
            other.span(),
            "a lock name is a string literal, or the path of a `&'static str` constant",
        )),
    }
}

fn check_ttl(value: Expr) -> syn::Result<Ttl> {
    let text = match peel(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => text,
        Expr::Path(path) => return Ok(Ttl::Constant(path)),
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => {
            return Err(at(
                number.span(),
                format!("a ttl needs a unit: write `ttl = \"{number}s\"`"),
            ));
        }
        other => {
            return Err(at(
                other.span(),
                "a ttl is a string such as `\"5m\"`, or the path of a `Duration` constant",
            ));
        }
    };
    let problem = match duration::parse(&text.value()) {
        Ok(Duration::ZERO) => "a lease lasts at least one millisecond".to_owned(),
        Ok(ttl) if ttl > MAX_TTL => "a lease lasts at most 366 days".to_owned(),
        Ok(ttl) => return Ok(Ttl::Literal(ttl)),
        Err(problem) => problem,
    };
    Err(at(text.span(), format!("this is not a ttl: {problem}")))
}

/// Without the invisible group of a `macro_rules` fragment.
fn peel(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => peel(*group.expr),
        other => other,
    }
}

fn at(span: Span, message: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(span, message)
}
