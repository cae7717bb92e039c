//! Writing the function that takes the lock.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote};
use syn::{AttrStyle, Attribute, Expr, FnArg, Pat, PatIdent, PatType, spanned::Spanned as _};

use crate::{
    function::Function,
    returns::Returns,
    valid::{Job, Time},
};

// Input:
//
//     #[distributed_lock(name = "report", ttl = "5m")]
//     async fn report(&self, day: Date, (a, b): Pair) -> Result<Report, E> { body }
//
// Output, with `rt` for `::mongo_lock_runtime::__private`:
//
//     async fn report(&self, day: Date, __arg2: Pair) -> Result<rt::Outcome<Report>, E> {
//         let client = rt::None;
//         rt::run_result(
//             rt::Attribute::new("report", rt::Duration::from_millis(300000)),
//             client,
//             rt::error,
//             rt::Box::pin(async move {
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
pub(crate) fn expand(job: &Job, function: &Function) -> TokenStream {
    let Function {
        attrs,
        inner_attrs,
        vis,
        defaultness,
        sig,
        body,
    } = function;
    let private = job.private(Span::mixed_site());

    let mut moved = Vec::new();
    let mut sig = sig.clone();
    for (index, argument) in sig.inputs.iter_mut().enumerate() {
        moved.push(match argument {
            // Mentioned as a whole, since the block would else capture only the fields that the
            // body uses, and the rest would outlive the lock.
            FnArg::Receiver(receiver) => {
                let this = receiver.self_token;
                quote!(#private::used(&#this);)
            }
            FnArg::Typed(argument) => rebind(argument, index, &private, job.client.as_ref()),
        });
    }
    let output = job.returns.declared(|span| job.private(span));
    sig.output = syn::parse_quote!(-> #output);

    let attribute = attribute(job, &private);
    let client = if let Some(client) = &job.client {
        let private = job.private(client.span());
        quote!(#private::client(&#client))
    } else {
        quote!(#private::None)
    };
    // A missing `From` is reported at the function's error type.
    let error = job.returns.error_span().map(|span| {
        let private = job.private(span);
        let error = Ident::new("error", Span::mixed_site().located_at(span));
        quote!(#private::#error,)
    });
    let run = match &job.returns {
        Returns::Value(_) => quote!(run_value),
        Returns::Result(_) => quote!(run_result),
        Returns::Outcome(_) => quote!(run_outcome),
    };
    let inner_attrs = inner_attrs.iter().map(as_outer);
    let ty = job.returns.of_body();
    let (ret, lock_client) = (local("ret"), local("client"));
    quote! {
        #(#attrs)*
        #(#inner_attrs)*
        #vis #defaultness #sig {
            // A statement of its own: what the expression borrows must not live across the await.
            let #lock_client = #client;
            #private::#run(
                #attribute,
                #lock_client,
                #error
                #private::Box::pin(async move {
                    // Tells the block its type before the body's first `return` or `?`.
                    if let #private::Some(#ret) = #private::returns::<#ty>() {
                        return #ret;
                    }
                    #(#moved)*
                    // A statement, so that the temporaries of the body's tail are dropped before
                    // the arguments, as in a plain function. Both lints mean bodies that only
                    // panic, which are no news in a plain function.
                    #[allow(clippy::diverging_sub_expression)]
                    let #ret: #ty = #body;
                    #[allow(unreachable_code)]
                    #ret
                }),
            )
            .await
        }
    }
}

fn attribute(job: &Job, private: &TokenStream) -> TokenStream {
    let name = &job.name;
    let ttl = time(&job.ttl, private);
    let required = quote!(#private::Attribute::new(#name, #ttl));
    let mut given = Vec::new();
    if job.renew {
        given.push(quote!(renew: true));
    }
    for (field, value) in [
        (quote!(max_hold), &job.max_hold),
        (quote!(min_hold), &job.min_hold),
    ] {
        if let Some(value) = value {
            let value = time(value, private);
            given.push(quote!(#field: #private::Some(#value)));
        }
    }
    if job.continues {
        given.push(quote!(on_lost: #private::OnLost::Continue));
    }
    if given.is_empty() {
        return required;
    }
    quote!(#private::Attribute { #(#given,)* ..#required })
}

fn time(time: &Time, private: &TokenStream) -> TokenStream {
    match time {
        Time::Literal(time) => {
            let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            quote!(#private::Duration::from_millis(#millis))
        }
        Time::Constant(path) => path.into_token_stream(),
    }
}

// `day: Date`         → `day: Date`,    `let day = day;`
// `mut day: Date`     → `day: Date`,    `let mut day = day;`
// `_day: Date`        → `_day: Date`,   `let _day = _day;`, the first and third of them ours
// `(a, b): Pair`      → `__arg0: Pair`, `let __arg0 = __arg0; let (a, b) = __arg0;`
//
// These are the statements that the compiler itself makes of an `async fn`'s arguments, in its
// order, which is what decides when each is dropped.
fn rebind(
    argument: &mut PatType,
    index: usize,
    private: &TokenStream,
    client: Option<&Expr>,
) -> TokenStream {
    let attrs = argument.attrs.clone();
    // A lint that is expected is expected once: at the binding that the body sees.
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
            // A use of `_day` is a lint, unless it is plainly ours.
            if binding.to_string().starts_with('_') {
                *ident = Ident::new(
                    &binding.to_string(),
                    Span::mixed_site().located_at(binding.span()),
                );
            }
            // An argument that `client = …` uses is used, also if the body does not.
            let used = client
                .is_some_and(|client| mentions(client.to_token_stream(), &binding))
                .then(|| quote!(#(#attrs)* #private::used(&#binding);));
            quote!(#(#attrs)* let #mutability #binding = #ident; #used)
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

/// `#![allow(x)]` → `#[allow(x)]`
fn as_outer(attr: &Attribute) -> Attribute {
    Attribute {
        style: AttrStyle::Outer,
        ..attr.clone()
    }
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// A variable that no name in the body can refer to.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
