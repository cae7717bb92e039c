//! Terms that are accepted and refused, and the fields that they become.

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
        let terms = Terms::check(terms, all, &mut errors);
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
        let terms = Terms::check(args.arguments.terms, all, &mut errors);
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
        let terms = Terms::check(args.arguments.terms, true, &mut errors);
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
        check_time(&key, syn::parse_quote!(#text)).is_ok()
    };
    assert!(time("366d") && time("1ms") && time("365d24h"));
    assert!(!time("366d1ms") && !time("0s"));
}

#[test]
fn every_constant_is_known() {
    let constants = |args: TokenStream| {
        let args = Args::parse(args, Place::Declaration);
        let mut errors = args.errors;
        let terms = Terms::check(args.arguments.terms, true, &mut errors);
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
