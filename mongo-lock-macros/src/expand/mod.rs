//! Writing the function that takes the lock.

mod lock;
mod run;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::{AttrStyle, Attribute, FnArg, Pat, PatIdent, PatType, ReturnType, Type};

use crate::{
    function::{Function, mentions},
    name::Name,
    pinned,
    returns::Returns,
    valid::Annotation,
};

// Input:
//
//     #[distributed_lock(name = "report", ttl = "5m")]
//     async fn report(&self, day: Date, (a, b): Pair) -> Result<Report, E> { body }
//
// Output, with `rt` for `::mongo_lock_runtime::__private`, and what `lock` writes:
//
//     async fn report(&self, day: Date, __arg2: Pair) -> Result<rt::Outcome<Report>, E> {
//         let call = rt::Call::new(…);
//         rt::run_result(
//             call,
//             rt::error,
//             rt::Boxed::pin(async move {
//                 if let rt::Some(ret) = rt::returns::<Result<Report, E>>() { return ret; }
//                 rt::used(&self);
//                 let day = day;
//                 let __arg2 = __arg2;
//                 let (a, b) = __arg2;
//                 let ret: Result<Report, E> = { body };
//                 ret
//             }),
//         ).await
//     }
pub(crate) fn expand(annotation: &Annotation, function: &Function) -> TokenStream {
    let Function {
        attrs,
        inner_attrs,
        vis,
        defaultness,
        sig,
        body,
        pinned,
        ..
    } = function;
    let private = annotation.private(Span::mixed_site());

    let mut sig = sig.clone();
    let declared = annotation.returns.declared(|span| annotation.private(span));
    let mut moved = Vec::new();
    if pinned.is_some() {
        // The pinned block moves the arguments itself.
        if let Some(value) = pinned::value_of(&mut sig.output) {
            *value = Type::Verbatim(declared);
        }
    } else {
        for (index, argument) in sig.inputs.iter_mut().enumerate() {
            moved.push(match argument {
                // Mentioned as a whole, since the block would else capture only the fields that
                // the body uses, and the rest would outlive the lock.
                FnArg::Receiver(receiver) => {
                    let this = receiver.self_token;
                    quote!(#private::used(&#this);)
                }
                FnArg::Typed(argument) => rebind(argument, index, &private, annotation),
            });
        }
        let arrow = syn::Token![->](Span::mixed_site());
        sig.output = ReturnType::Type(arrow, Box::new(Type::Verbatim(declared)));
    }

    let run = run::run(annotation, &sig, body, &moved);
    let run = match pinned {
        Some(pinned) => pinned.expand(&run),
        None => run,
    };
    let inner_attrs = inner_attrs.iter().map(as_outer);
    // The author wrote no `Result`: the expansion adds it.
    let no_result = matches!(annotation.returns, Returns::Value(_))
        .then(|| quote!(#[allow(clippy::double_must_use, clippy::missing_errors_doc)]));
    // A function may give a future, which its caller awaits; to the lint, the body is a block that should
    // have.
    let gives = matches!(annotation.returns, Returns::Value(Some(_)))
        .then(|| quote!(#[allow(clippy::async_yields_async)]));
    // A refused attribute uses no argument of the function, and a warning about that would stand
    // beside the error.
    let quiet = annotation.faulty.then(|| quote!(#[allow(unused)]));
    // In the user's braces: lints such as `dead_code` skip a function whose braces a macro made.
    let mut block = Group::new(Delimiter::Brace, run);
    block.set_span(body.span());
    quote! {
        #(#attrs)*
        #(#inner_attrs)*
        #quiet
        #no_result
        #gives
        #vis #defaultness #sig #block
    }
}

// `day: Date`         → `day: Date`,    `let day = day;`
// `mut day: Date`     → `day: Date`,    `let mut day = day;`
// `_day: Date`        → `_day: Date`,   `let _day = _day;`, the first and third with our hygiene
// `(a, b): Pair`      → `__arg0: Pair`, `let __arg0 = __arg0; let (a, b) = __arg0;`
//
// These are the statements that the compiler itself makes of an `async fn`'s arguments, in its
// order, which is what decides when each is dropped.
fn rebind(
    argument: &mut PatType,
    index: usize,
    private: &TokenStream,
    annotation: &Annotation,
) -> TokenStream {
    // Others, such as `#[case]` of rstest, are for the macro that reads the argument.
    let of_a_binding = |attr: &&Attribute| {
        let names = [
            "allow", "cfg", "cfg_attr", "deny", "expect", "forbid", "warn",
        ];
        names.iter().any(|name| attr.path().is_ident(name))
    };
    let attrs: Vec<_> = argument
        .attrs
        .iter()
        .filter(of_a_binding)
        .cloned()
        .collect();
    // An `#[expect(…)]` stays once: at the binding that the body sees.
    argument
        .attrs
        .retain(|attr| !attr.path().is_ident("expect"));
    match &mut *argument.pat {
        Pat::Ident(PatIdent {
            by_ref: None,
            mutability,
            ident,
            subpat: None,
            ..
        }) => {
            let mutability = mutability.take();
            let binding = ident.clone();
            // A use of `_day` is a lint, unless the identifier has our span; then the attribute cannot
            // use it.
            let unused = is_unused(&binding);
            let is_used = is_used(annotation, index, &binding);
            if unused && !is_used {
                *ident = Ident::new(
                    &binding.to_string(),
                    Span::mixed_site().located_at(binding.span()),
                );
            }
            // An argument that the attribute uses is used, also if the body does not.
            let used_anyway = unused.then(|| quote!(#[allow(clippy::used_underscore_binding)]));
            let used = is_used.then(|| quote!(#(#attrs)* #used_anyway #private::used(&#binding);));
            // The lints mean a binding that the user has written; this one is ours.
            let no_effect = unused.then(|| {
                quote!(
                    clippy::no_effect_underscore_binding,
                    clippy::used_underscore_binding,
                )
            });
            quote! {
                #(#attrs)*
                #[allow(#no_effect clippy::shadow_same)]
                let #mutability #binding = #ident;
                #used
            }
        }
        pattern => {
            let whole = format_ident!("__arg{index}", span = Span::mixed_site());
            let pattern = std::mem::replace(pattern, syn::parse_quote!(#whole));
            quote! {
                #(#attrs)* let #whole = #whole;
                #(#attrs)* let #pattern = #whole;
            }
        }
    }
}

fn is_unused(argument: &Ident) -> bool {
    argument.to_string().starts_with('_')
}

fn is_used(annotation: &Annotation, index: usize, argument: &Ident) -> bool {
    let in_name = match &annotation.name {
        Name::Template(template) => template.uses(index),
        Name::Argument(_, used) => *used == index,
        _ => false,
    };
    let in_terms = annotation
        .terms
        .constants()
        .any(|path| path.path.is_ident(argument));
    in_name || in_terms || in_client(annotation, argument)
}

fn in_client(annotation: &Annotation, argument: &Ident) -> bool {
    annotation
        .client
        .as_ref()
        .is_some_and(|client| mentions(client.to_token_stream(), argument))
}

/// `#![allow(x)]` → `#[allow(x)]`
fn as_outer(attr: &Attribute) -> Attribute {
    Attribute {
        style: AttrStyle::Outer,
        ..attr.clone()
    }
}
