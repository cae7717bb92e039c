//! Checking what was parsed: from here on everything is known to make sense.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, ExprLit, ExprPath, Lit, Path, spanned::Spanned as _};

use crate::{
    args::{Args, Flag, Slot},
    duration,
    function::Function,
    name,
    returns::Returns,
};

/// A checked annotation.
pub(crate) struct Job {
    pub(crate) name: TokenStream,
    pub(crate) ttl: Time,
    pub(crate) renew: bool,
    pub(crate) max_hold: Option<Time>,
    pub(crate) min_hold: Option<Time>,
    /// Whether the body goes on when its lease is lost.
    pub(crate) continues: bool,
    pub(crate) client: Option<Expr>,
    /// The path of the runtime crate, where it is not the usual one.
    pub(crate) krate: Option<Path>,
    pub(crate) returns: Returns,
}

pub(crate) enum Time {
    Literal(Duration),
    Constant(ExprPath),
}

/// `LockSpec::MAX_TTL` of the runtime, which checks every time again.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

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
        let (max_hold_at, min_hold_at) = (args.max_hold.span(), args.min_hold.span());
        let mut time = |key, slot: Slot<Expr>| {
            slot.value()
                .and_then(|value| errors.keep(check_time(key, value)))
        };
        let ttl = time("ttl", args.ttl);
        let mut max_hold = time("max_hold", args.max_hold);
        let mut min_hold = time("min_hold", args.min_hold);
        let renew = args.renew.value().is_some_and(|Flag(renew)| renew);
        if let (Some(at), false) = (max_hold_at, renew) {
            errors.at(
                at,
                "`max_hold` limits renewal, and there is none: add `renew`, or make the `ttl` the \
                 limit",
            );
            max_hold = None;
        }
        if let (Some(at), Some(Time::Literal(hold)), Some(Time::Literal(ttl))) =
            (min_hold_at, &min_hold, &ttl)
            && hold > ttl
        {
            errors.at(
                at,
                "`min_hold` is longer than the `ttl`, at which the lease ends; write a longer `ttl`",
            );
            min_hold = None;
        }
        let continues = args
            .on_lost
            .value()
            .and_then(|value| errors.keep(check_on_lost(value)))
            .unwrap_or(false);
        let returns = errors.keep(Returns::read(&function.sig.output));
        let job = returns.map(|returns| Self {
            name,
            ttl: ttl.unwrap_or(Time::Literal(Duration::from_secs(1))),
            renew,
            max_hold,
            min_hold,
            continues,
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

fn check_time(key: &str, value: Expr) -> syn::Result<Time> {
    let text = match peel(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => text,
        Expr::Path(path) => return Ok(Time::Constant(path)),
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => {
            return Err(at(
                number.span(),
                format!("`{key}` needs a unit: write `{key} = \"{number}s\"`"),
            ));
        }
        other => {
            return Err(at(
                other.span(),
                format!(
                    "`{key}` is a string such as `\"5m\"`, or the path of a `Duration` constant"
                ),
            ));
        }
    };
    let problem = match duration::parse(&text.value()) {
        Ok(Duration::ZERO) => "at least one millisecond is needed".to_owned(),
        Ok(time) if time > LONGEST => "at most 366 days are allowed".to_owned(),
        Ok(time) => return Ok(Time::Literal(time)),
        Err(problem) => problem,
    };
    Err(at(
        text.span(),
        format!("`{key}` cannot be this: {problem}"),
    ))
}

fn check_on_lost(value: Expr) -> syn::Result<bool> {
    const VALID: &str = "`on_lost` is `\"cancel\"`, which drops the body when its lease is lost, or \
                         `\"continue\"`, which lets it finish";
    match peel(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => match text.value().as_str() {
            "cancel" => Ok(false),
            "continue" => Ok(true),
            _ => Err(at(text.span(), VALID)),
        },
        other => Err(at(other.span(), VALID)),
    }
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
