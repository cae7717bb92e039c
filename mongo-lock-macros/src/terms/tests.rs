//! Terms that are accepted and refused, and the fields that they become.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::Ident;

use super::*;
use crate::{
    args::Args,
    argument::{Arguments, Place},
};

/// The fields of an attribute with all the terms, and of one beside a declaration.
fn fields(args: &TokenStream) -> [String; 2] {
    [true, false].map(|all| {
        let args = Args::parse(args.clone(), Place::Attribute);
        let Arguments { terms, .. } = args.arguments;
        let mut errors = args.errors;
        let terms = Terms::check(terms, all, false, &mut errors);
        assert!(errors.is_empty());
        terms.fields(all, &quote!(rt)).to_string().replace(' ', "")
    })
}

#[test]
fn beside_a_declaration_a_default_is_written_too() {
    for (args, alone, beside) in [
        (quote!(), "", ""),
        (quote!(renew), "renew:true,", "renew:true,"),
        (quote!(renew = false), "", "renew:false,max_hold:rt::None,"),
        (
            quote!(on_lost = "cancel"),
            "",
            "on_lost:rt::OnLost::Cancel,",
        ),
        (
            quote!(on_lost = "continue"),
            "on_lost:rt::OnLost::Continue,",
            "on_lost:rt::OnLost::Continue,",
        ),
        (
            quote!(shared),
            "shared:true,",
            "shared:true,permits:rt::None,",
        ),
        (quote!(shared = false), "", "shared:false,"),
        (
            quote!(permits = 3),
            "permits:rt::Some(3),",
            "permits:rt::Some(3),shared:false,",
        ),
        (
            quote!(permits = 3, shared = false),
            "permits:rt::Some(3),",
            "permits:rt::Some(3),shared:false,",
        ),
    ] {
        assert_eq!(fields(&args), [alone, beside]);
    }
}

#[test]
fn max_hold_needs_a_renewal_which_a_declaration_can_have() {
    let check = |args: TokenStream, all| {
        let args = Args::parse(args, Place::Attribute);
        let mut errors = args.errors;
        let terms = Terms::check(args.arguments.terms, all, false, &mut errors);
        (terms.max_hold.is_some(), errors.is_empty())
    };
    assert_eq!(check(quote!(max_hold = "1h", renew), true), (true, true));
    assert_eq!(check(quote!(max_hold = "1h"), true), (false, false));
    assert_eq!(check(quote!(max_hold = "1h"), false), (true, true));
    let off = quote!(max_hold = "1h", renew = false);
    assert_eq!(check(off, false), (false, false));
}

#[test]
fn min_hold_may_be_as_long_as_the_ttl() {
    let min_hold = |args: TokenStream| {
        let args = Args::parse(args, Place::Attribute);
        let mut errors = args.errors;
        let terms = Terms::check(args.arguments.terms, true, false, &mut errors);
        assert_eq!(terms.min_hold.is_some(), errors.is_empty());
        errors.is_empty()
    };
    assert!(min_hold(quote!(ttl = "1m", min_hold = "59s")));
    assert!(min_hold(quote!(ttl = "1m", min_hold = "1m")));
    assert!(!min_hold(quote!(ttl = "1m", min_hold = "61s")));
    assert!(min_hold(quote!(ttl = TTL, min_hold = "61s")));
}

#[test]
fn the_longest_and_the_shortest_time() {
    let time = |text: &str| {
        let key = Ident::new("ttl", Span::call_site());
        check_time(&key, Period::Expr(syn::parse_quote!(#text))).is_ok()
    };
    assert!(time("366d") && time("1ms") && time("365d24h"));
    assert!(!time("366d1ms") && !time("0s"));
}

/// For every time argument, with and without a unit, in every form of a number.
#[test]
fn the_proposal_is_the_time_that_is_meant() {
    for key in ["ttl", "max_hold", "min_hold", "wait"] {
        for (value, proposal) in [
            ("5m", Some("5m")),
            ("30s", Some("30s")),
            ("2h", Some("2h")),
            ("1d", Some("1d")),
            ("250ms", Some("250ms")),
            ("1h30m", Some("1h30m")),
            ("5min", Some("5m")),
            ("90sec", Some("90s")),
            ("1.5h", Some("1h30m")),
            ("5 m", Some("5m")),
            ("1h 30m", Some("1h30m")),
            ("10 minutes", Some("10m")),
            ("300", Some("300s")),
            ("5_000", Some("5000s")),
            ("300u64", Some("300s")),
            ("0x10", Some("16s")),
            ("86400000", Some("86400000ms")),
            ("60 * 5", Some("300s")),
            ("Duration::from_secs(300)", Some("300s")),
            ("std::time::Duration::from_millis(5 * 1000)", Some("5000ms")),
            ("\"5min\"", Some("5m")),
            ("\"5 m\"", Some("5m")),
            ("\"300\"", Some("300s")),
            ("5x", Some("5m")), // no time: the usual example
            ("0", Some("5m")),
            ("-5", None),
            ("true", None),
            ("5 * MINUTE", None),
            ("soon()", None),
        ] {
            let args = format!("{key} = {value}, renew").parse().unwrap();
            let args = Args::parse(args, Place::Declaration);
            assert!(args.errors.is_empty(), "{value}");
            let mut errors = args.errors;
            Terms::check(args.arguments.terms, false, false, &mut errors);
            let errors: Vec<_> = errors.into_inner().into_iter().flatten().collect();
            let [error] = &errors[..] else {
                panic!("{value}: {errors:?}");
            };
            let error = error.to_string();
            assert!(error.contains(&format!("`{key}`")), "{value}: {error}");
            match proposal {
                Some(proposal) => {
                    let write = format!("\"{proposal}\"`");
                    assert!(error.ends_with(&write), "{value}: {error}");
                }
                None => assert!(error.contains("a string such as `\"5m\"`"), "{error}"),
            }
        }
    }
}

#[test]
fn every_constant_is_known() {
    let constants = |args: TokenStream| {
        let args = Args::parse(args, Place::Declaration);
        let mut errors = args.errors;
        let terms = Terms::check(args.arguments.terms, true, false, &mut errors);
        let constants = terms.constants();
        let constants = constants.map(|path| path.to_token_stream().to_string());
        constants.collect::<Vec<_>>().join(" ")
    };
    let all = quote!(
        ttl = A,
        renew,
        max_hold = B,
        min_hold = C,
        wait = D,
        permits = E
    );
    assert_eq!(constants(all), "A B C D E");
    assert_eq!(constants(quote!(permits = E)), "E");
    let none = quote!(ttl = "1m", wait = "1s", permits = 3, on_lost = "continue");
    assert_eq!(constants(none), "");
}
