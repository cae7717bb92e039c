//! The call of the runtime with the boxed body.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, Pat, Signature, spanned::Spanned as _};

use super::{is_unused, is_used, lock};
use crate::{returns::Returns, valid::Annotation};

/// The statements from the acquisition on, with `moved`, which take the arguments into the body.
pub(super) fn run(
    annotation: &Annotation,
    sig: &Signature,
    body: &Group,
    moved: &[TokenStream],
) -> TokenStream {
    let private = annotation.private(Span::mixed_site());
    let lock_call = lock::call(annotation, sig);
    // A type that is not what its name says is an error at the type, and all tokens of the call say so
    // at one place: the compiler reports it once.
    let named = match &annotation.returns {
        Returns::Outcome(_) => annotation.returns.name_span(),
        returns if returns.is_alias() => returns.name_span(),
        _ => None,
    };
    // A missing `From` is reported at the function's error type.
    let error = annotation.returns.error_span().map(|span| {
        let span = named.unwrap_or(span);
        let private = annotation.private(span);
        let error = Ident::new("error", Span::mixed_site().located_at(span));
        quote!(#private::#error,)
    });
    let run = match &annotation.returns {
        Returns::Value(_) => "run_value",
        returns if returns.is_alias() => "run_alias",
        Returns::Result(_) => "run_result",
        Returns::Outcome(_) => "run_outcome",
    };
    let at = Span::mixed_site().located_at(named.unwrap_or_else(Span::mixed_site));
    let (run, private_at) = (Ident::new(run, at), annotation.private(at));
    let run = quote_spanned!(at=> #private_at::#run);
    let boxed = quote_spanned!(at=> #private_at::Boxed::pin);
    let wait = quote_spanned!(at=> .await);
    let used_anyway =
        uses_unused(annotation, sig).then(|| quote!(#[allow(clippy::used_underscore_binding)]));
    let ty = annotation.returns.of_body();
    let returns = returns(annotation, &ty, &private);
    let (ret, call) = (local("__mongo_lock_ret"), local("__mongo_lock_call"));
    quote! {
        // A statement of its own: what its expressions borrow must not live across the await.
        #used_anyway
        let #call = #lock_call;
        return #run(
            #call,
            #error
            #boxed(async move {
                // Tells the block its type before the body's first `return` or `?`.
                if let #private::Some(#ret) = #returns {
                    return #ret;
                }
                #(#moved)*
                // A statement, so that the temporaries of the body's tail are dropped before
                // the arguments, as in a plain function. Both lints mean bodies that only
                // panic, which a plain function may have without a warning.
                #[allow(clippy::diverging_sub_expression)]
                let #ret: #ty = #body;
                #[allow(unreachable_code)]
                return #ret;
            }),
        )
        #wait;
    }
}

/// `None` of the body's type. Where that may be a `Result` under another name, the compiler refuses it.
fn returns(annotation: &Annotation, ty: &TokenStream, private: &TokenStream) -> TokenStream {
    match annotation.returns.may_hide_a_result() {
        // One error is enough.
        Some(ty) if !annotation.faulty => {
            let at = Span::mixed_site().located_at(ty.span());
            let private = annotation.private(at);
            quote_spanned! {at=> {
                #[allow(unused_imports)] // needed for a type that is no `Result`
                use #private::Plain as _;
                #private::Returns::<#ty>::NEW.value()
            }}
        }
        _ => quote!(#private::returns::<#ty>()),
    }
}

/// Whether the attribute uses an argument such as `_day`, for its author.
fn uses_unused(annotation: &Annotation, sig: &Signature) -> bool {
    let mut inputs = sig.inputs.iter().enumerate();
    inputs.any(|(index, input)| match input {
        FnArg::Typed(input) => match &*input.pat {
            Pat::Ident(pat) => is_unused(&pat.ident) && is_used(annotation, index, &pat.ident),
            _ => false,
        },
        FnArg::Receiver(_) => false,
    })
}

/// A variable that no name in the body can refer to.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
