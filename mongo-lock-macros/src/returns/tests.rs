//! Return types and what becomes of them.

use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{ReturnType, Type, TypeGroup, parse_quote, token};

use super::Returns;

/// The return type of the function, and the type of its body.
fn both(output: &ReturnType) -> [String; 2] {
    let (returns, None) = Returns::read(output) else {
        panic!("refused");
    };
    let declared = returns.declared(|_| quote!(rt));
    [declared, returns.of_body()].map(|it| it.to_string().replace(' ', ""))
}

/// A type as a `$ty:ty` of `macro_rules` brings it.
fn fragment(ty: TokenStream) -> Type {
    let group = TypeGroup {
        attrs: Vec::new(),
        group_token: token::Group::default(),
        elem: Box::new(syn::parse2(ty).unwrap()),
    };
    Type::Group(group)
}

#[test]
fn the_success_type_becomes_an_outcome() {
    for (output, declared, body) in [
        (quote!(), "rt::Result<rt::Outcome<()>,rt::Error>", "()"),
        (
            quote!(-> u32),
            "rt::Result<rt::Outcome<u32>,rt::Error>",
            "u32",
        ),
        (
            quote!(-> Result<u32, E>),
            "Result<rt::Outcome<u32>,E>",
            "Result<u32,E>",
        ),
        (
            quote!(-> (Result<u32, E>)),
            "Result<rt::Outcome<u32>,E>",
            "Result<u32,E>",
        ),
        (
            quote!(-> io::Result<()>),
            "io::Result<rt::Outcome<()>>",
            "io::Result<()>",
        ),
        (
            quote!(-> Result<Outcome<u32>, E>),
            "Result<Outcome<u32>,E>",
            "Result<Outcome<u32>,E>",
        ),
        (
            quote!(-> my::Outcome),
            "rt::Result<rt::Outcome<my::Outcome>,rt::Error>",
            "my::Outcome",
        ),
        (
            quote!(-> Result<Outcome, E>),
            "Result<rt::Outcome<Outcome>,E>",
            "Result<Outcome,E>",
        ),
        (
            quote!(-> Result<Outcome<u8, u8>, E>),
            "Result<rt::Outcome<Outcome<u8,u8>>,E>",
            "Result<Outcome<u8,u8>,E>",
        ),
        (
            quote!(-> Result<UpdateResult, E>),
            "Result<rt::Outcome<UpdateResult>,E>",
            "Result<UpdateResult,E>",
        ),
        (
            quote!(-> Result<(Outcome<u32>), E>),
            "Result<(Outcome<u32>),E>",
            "Result<(Outcome<u32>),E>",
        ),
    ] {
        assert_eq!(both(&syn::parse2(output).unwrap()), [declared, body]);
    }
}

#[test]
fn a_fragment_is_what_it_holds() {
    let ty = fragment(quote!(Result<u32, E>));
    let [declared, body] = both(&parse_quote!(-> #ty));
    assert_eq!(declared, "Result<rt::Outcome<u32>,E>");
    assert_eq!(body, "Result<u32,E>");
}

#[test]
fn a_hidden_type_has_no_name_in_the_body() {
    for (ty, body) in [
        (quote!(impl Display), "_"),
        (quote!(Vec<impl Display>), "Vec<_>"),
        (quote!((u32, impl Display)), "(u32,_)"),
        (quote!((impl Display)), "(_)"),
        (quote!(&'static impl Display), "&'static_"),
        (quote!([impl Display; 3]), "[_;3]"),
        (quote!(Box<[impl Display]>), "Box<[_]>"),
        (quote!(Result<impl Display, E>), "Result<_,E>"),
    ] {
        assert_eq!(both(&parse_quote!(-> #ty))[1], body);
    }
    let ty = fragment(quote!(impl Display));
    assert_eq!(both(&parse_quote!(-> Vec<#ty>))[1], "Vec<_>");
}

#[test]
fn the_error_type_has_a_place() {
    let place = |output: TokenStream| {
        let (returns, _) = Returns::read(&syn::parse2(output).unwrap());
        returns.error_span().is_some()
    };
    assert!(place(quote!(-> Result<u32, E>)));
    assert!(place(quote!(-> io::Result<u32>)));
    assert!(place(quote!(-> Result<Outcome<u32>, E>)));
    assert!(!place(quote!(-> u32)));
    assert!(!place(quote!()));
}

#[test]
fn what_has_no_visible_success_type_is_refused() {
    let group = Group::new(Delimiter::None, quote!(!));
    for ty in [
        quote!(!),
        quote!(#group),
        quote!(Outcome<u32>),
        quote!(Result),
        quote!(m::MyResult),
        quote!(Result<'a>),
    ] {
        let output: ReturnType = parse_quote!(-> #ty);
        let text = output.to_token_stream();
        assert!(Returns::read(&output).1.is_some(), "{text}");
    }
}
