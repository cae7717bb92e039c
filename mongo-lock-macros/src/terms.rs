//! Checking the terms of a lease, which an attribute and a declaration can give.

mod time;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Expr, ExprLit, ExprPath, Lit, LitInt, spanned::Spanned as _};

pub(crate) use self::time::Time;
use self::time::check_time;

use crate::{
    argument, duration,
    errors::Errors,
    slot::{Period, Slot},
};

/// Checked terms. `None` stands for a term that was not given, or was refused.
#[derive(Default)]
pub(crate) struct Terms {
    pub(crate) ttl: Option<Time>,
    pub(crate) renew: Option<bool>,
    pub(crate) max_hold: Option<Time>,
    pub(crate) min_hold: Option<Time>,
    /// Whether the body goes on when its lease is lost.
    pub(crate) continues: Option<bool>,
    pub(crate) wait: Option<Time>,
    pub(crate) permits: Option<Permits>,
    pub(crate) shared: Option<bool>,
}

#[derive(Clone)]
pub(crate) enum Permits {
    Literal(LitInt),
    Constant(ExprPath),
    /// A constant that is not known where these terms are written.
    Later,
}

impl Terms {
    /// Checks the terms that were written. A refused one is left out, so that the rest can be used.
    ///
    /// `all`: whether these are all the terms. Otherwise others may come from a declaration, and the
    /// compiler finds the contradictions that depend on those.
    ///
    /// `reported`: whether an error has been reported that may stand for a term which is not there. A ttl
    /// stands in for it then, as for one that is refused: the error is the only one.
    pub(crate) fn check(
        terms: argument::Terms,
        all: bool,
        reported: bool,
        errors: &mut Errors,
    ) -> Self {
        // Without `..`: a new term does not compile until it is checked here.
        let argument::Terms {
            ttl,
            renew,
            max_hold,
            min_hold,
            on_lost,
            wait,
            permits,
            shared,
        } = terms;
        let (max_hold_at, min_hold_at) = (max_hold.span(), min_hold.span());
        let no_ttl = reported || ttl.given();
        let renew_given = renew.given();
        let mut time = |slot: Slot<Period>| {
            slot.entry()
                .and_then(|(key, value)| errors.keep(check_time(&key, value)))
        };
        let mut ttl = time(ttl);
        let mut max_hold = time(max_hold);
        let mut min_hold = time(min_hold);
        let wait = time(wait);
        let permits_at = permits.span();
        let permits = permits.value();
        let mut permits = permits.and_then(|value| errors.keep(check_permits(value)));
        let shared = shared.flag();
        if let (Some(at), Some(true)) = (permits_at, shared) {
            errors.at(
                at,
                "readers share a lock without a limit: drop `permits`, or `shared`",
            );
            permits = None;
        }
        let renew = renew.flag();
        if let Some(at) = max_hold_at
            && (renew == Some(false) || (all || reported) && renew.is_none())
        {
            if !reported && (renew == Some(false) || !renew_given) {
                errors.at(
                    at,
                    "`max_hold` limits renewal, and there is none: add `renew`, or make the `ttl` \
                     the limit",
                );
            }
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
        if no_ttl && ttl.is_none() {
            // The longest, which contradicts no other term.
            ttl = Some(Time::Literal(duration::LONGEST));
        }
        let continues = on_lost
            .value()
            .and_then(|value| errors.keep(check_on_lost(value)));
        Self {
            ttl,
            renew,
            max_hold,
            min_hold,
            continues,
            wait,
            permits,
            shared,
        }
    }

    /// The constants that the terms depend on.
    pub(crate) fn constants(&self) -> impl Iterator<Item = &ExprPath> {
        let Self {
            ttl,
            renew: _,
            max_hold,
            min_hold,
            continues: _,
            wait,
            permits,
            shared: _,
        } = self;
        let times = [ttl, max_hold, min_hold, wait];
        let times = times.into_iter().flatten().filter_map(Time::constant);
        let permits = permits.iter().filter_map(Permits::constant);
        times.chain(permits)
    }

    /// The terms as they are known in a place where `known` constants can be named: of `permits`, those
    /// for which `known` is true with `true`, and of times with `false`.
    pub(crate) fn known(&self, known: impl Fn(&ExprPath, bool) -> bool) -> Self {
        let time =
            |time: &Option<Time>| time.as_ref().map(|it| it.known(|path| known(path, false)));
        let Self {
            ttl,
            renew,
            max_hold,
            min_hold,
            continues,
            wait,
            permits,
            shared,
        } = self;
        Self {
            ttl: time(ttl),
            renew: *renew,
            max_hold: time(max_hold),
            min_hold: time(min_hold),
            continues: *continues,
            wait: time(wait),
            permits: permits.as_ref().map(|permits| match permits {
                Permits::Constant(path) if !known(path, true) => Permits::Later,
                other => other.clone(),
            }),
            shared: *shared,
        }
    }

    /// Whether the same constants are known in `other`.
    pub(crate) fn known_as(&self, other: &Self) -> bool {
        self.constants().count() == other.constants().count()
    }

    /// The fields of those terms that are not known in `known`.
    pub(crate) fn fields_beside(&self, known: &Self, private: &TokenStream) -> TokenStream {
        let mut fields = TokenStream::new();
        for (field, all, known) in [
            (quote!(ttl), &self.ttl, &known.ttl),
            (quote!(max_hold), &self.max_hold, &known.max_hold),
            (quote!(min_hold), &self.min_hold, &known.min_hold),
            (quote!(wait), &self.wait, &known.wait),
        ] {
            if let (Some(time), Some(Time::Later)) = (all, known) {
                let time = time.option(private);
                fields.extend(quote!(#field: #time,));
            }
        }
        if let (Some(Permits::Constant(path)), Some(Permits::Later)) =
            (&self.permits, &known.permits)
        {
            fields.extend(quote!(permits: #private::Some(#path),));
        }
        fields
    }

    /// Whether all is known.
    pub(crate) fn complete(&self) -> bool {
        let times = [&self.ttl, &self.max_hold, &self.min_hold, &self.wait];
        let mut times = times.into_iter().flatten();
        !times.any(|time| matches!(time, Time::Later))
            && !matches!(self.permits, Some(Permits::Later))
    }

    /// The fields of `LockTerms` that were given, without the ttl: `renew: true, min_hold: Some(…),`.
    ///
    /// `all`: as for `check`. When it is true, a switch that has its default value is left out.
    pub(crate) fn fields(&self, all: bool, private: &TokenStream) -> TokenStream {
        let Self {
            ttl: _,
            renew,
            max_hold,
            min_hold,
            continues,
            wait,
            permits,
            shared,
        } = self;
        let mut fields = TokenStream::new();
        match renew {
            Some(true) => fields.extend(quote!(renew: true,)),
            // Without renewal, a limit to renewal that a declaration has does not apply.
            Some(false) if !all => {
                fields.extend(quote!(renew: false, max_hold: #private::None,));
            }
            _ => {}
        }
        for (field, value) in [
            (quote!(max_hold), max_hold),
            (quote!(min_hold), min_hold),
            (quote!(wait), wait),
        ] {
            if let Some(value) = value {
                let value = value.option(private);
                fields.extend(quote!(#field: #value,));
            }
        }
        match continues {
            Some(true) => fields.extend(quote!(on_lost: #private::OnLost::Continue,)),
            Some(false) if !all => fields.extend(quote!(on_lost: #private::OnLost::Cancel,)),
            _ => {}
        }
        match permits {
            Some(Permits::Literal(number)) => {
                fields.extend(quote!(permits: #private::Some(#number),));
            }
            Some(Permits::Constant(path)) => {
                fields.extend(quote!(permits: #private::Some(#path),));
            }
            Some(Permits::Later) => fields.extend(quote!(permits: #private::None,)),
            None => {}
        }
        match shared {
            // `shared` replaces the `permits` of a declaration, and the other way round.
            Some(true) if !all => fields.extend(quote!(shared: true, permits: #private::None,)),
            Some(true) => fields.extend(quote!(shared: true,)),
            Some(false) if !all => fields.extend(quote!(shared: false,)),
            None if !all && permits.is_some() => fields.extend(quote!(shared: false,)),
            _ => {}
        }
        fields
    }
}

impl Permits {
    pub(crate) fn constant(&self) -> Option<&ExprPath> {
        match self {
            Self::Literal(_) | Self::Later => None,
            Self::Constant(path) => Some(path),
        }
    }
}

fn check_permits(value: Expr) -> syn::Result<Permits> {
    let number = match peel(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number,
        Expr::Path(path) => return Ok(Permits::Constant(path)),
        other => {
            return Err(at(
                other.span(),
                "`permits` is a number such as `3`, or the path of a `u32` constant",
            ));
        }
    };
    match number.base10_parse::<u32>() {
        Ok(0) => Err(at(
            number.span(),
            "with no permits, no caller could ever hold the lock; at least 1 is needed",
        )),
        Ok(_) => Ok(Permits::Literal(number)),
        Err(_) => Err(at(
            number.span(),
            format!("`permits` is at most {}", u32::MAX),
        )),
    }
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

/// The expression without the invisible group of a `macro_rules` fragment.
pub(crate) fn peel(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => peel(*group.expr),
        other => other,
    }
}

fn at(span: Span, message: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(span, message)
}

#[cfg(test)]
mod tests;
