//! The items and the expression that give the lock and its terms to the runtime.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::{
    ExprPath, FnArg, LitStr, Pat, Path, Signature, ext::IdentExt as _, spanned::Spanned as _,
};

use crate::{
    name::{Name, arguments, is_fixed, is_fixed_number},
    template::{Part, Template, Value},
    terms::Terms,
    text,
    valid::Annotation,
};

// `name = "report", ttl = "5m", client = client`, in `fn report`:
//
//     rt::Call::new({
//         const __LOCK: rt::LockTerms =
//             rt::LockTerms::new("report", rt::millis(300000));
//         fn __here() {}
//         rt::submit! { rt::RegisteredLock::new(__LOCK, rt::module_path!(), rt::path_of(&__here)) }
//         __LOCK
//     })
//     .client(&client)
//
// The items are in a block of their own, where no name of the body can find them.
//
// `name = locks::Report, renew`: the terms are
//
//     rt::check_terms(rt::LockTerms {
//         renew: true,
//         ..rt::check_name({ use rt::Declares as _; rt::Named(locks::Report).declared_terms() })
//     })
//
// and there is a claim besides. `name = Self::NAME, ttl = lease`, which no item in the function can name:
// the item has what it can, the next constant all that is known without a call, and the call the rest,
//
//     rt::LockTerms {
//         ttl: rt::Some(lease),
//         ..const { rt::LockTerms { ttl: rt::None, ..rt::check_name(…Self::NAME…) } }
//     }
pub(crate) fn call(annotation: &Annotation, sig: &Signature) -> TokenStream {
    let private = annotation.private(Span::mixed_site());
    let fixed_name = match &annotation.name {
        Name::Path { path, .. } => is_fixed(path, sig),
        _ => true,
    };
    let register = match &annotation.name {
        Name::Argument(..) => quote!(unknown),
        _ if !fixed_name => quote!(unknown),
        _ => quote!(new),
    };
    let fixed = annotation.terms.known(|path, is_number| {
        if is_number {
            is_fixed_number(path, sig)
        } else {
            is_fixed(path, sig)
        }
    });
    let item = lock_terms(annotation, &fixed, fixed_name);
    let claim = claim(annotation, &private);
    // What is known without a call, and what only an argument tells.
    let known = annotation
        .terms
        .known(|path, _| arguments(path, sig).is_empty());
    let terms = if fixed_name && fixed.known_as(&known) {
        quote!(__LOCK)
    } else {
        let terms = lock_terms(annotation, &known, true);
        quote!(const { #terms })
    };
    let terms = if known.complete() {
        terms
    } else {
        let fields = annotation.terms.fields_beside(&known, &private);
        quote!(#private::LockTerms { #fields ..#terms })
    };
    let mut call = quote! {
        #private::Call::new({
            const __LOCK: #private::LockTerms = #item;
            // Its path is that of the function, with the type of a method.
            fn __here() {}
            #private::submit! {
                #private::RegisteredLock::#register(
                    __LOCK,
                    #private::module_path!(),
                    #private::path_of(&__here),
                )
            }
            #claim
            #terms
        })
    };
    if let Some(client) = &annotation.client {
        let method = Ident::new("client", Span::mixed_site().located_at(client.span()));
        call.extend(quote!(.#method(&#client)));
    }
    match &annotation.name {
        Name::Template(template) => {
            let parts = template.parts.iter();
            let parts = parts.map(|part| part_of(part, template, sig, &private));
            call.extend(quote!(.template(&[#(#parts),*])));
        }
        Name::Argument(path, _) => {
            let method = Ident::new("name", Span::mixed_site().located_at(path.span()));
            call.extend(quote!(.#method(&#path)));
        }
        _ => {}
    }
    call
}

/// The `LockTerms`, checked as far as constants make that necessary. When the name is not `known` here, its
/// text stands for it.
fn lock_terms(annotation: &Annotation, terms: &Terms, known: bool) -> TokenStream {
    let private = &annotation.private(Span::mixed_site());
    let path = match &annotation.name {
        Name::Path { path, .. } if known => Some(path),
        _ => None,
    };
    let mut fields = terms.fields(!is_path(&annotation.name), private);
    if annotation.reuse {
        fields.extend(quote!(reuse: true,));
    }
    let ttl = terms.ttl.as_ref();
    let base = if let Some(path) = path {
        if let Some(ttl) = ttl {
            let ttl = ttl.option(private);
            fields.extend(quote!(ttl: #ttl,));
        }
        named(annotation, path)
    } else {
        let name = name_text(&annotation.name);
        if let Some(ttl) = ttl.and_then(|ttl| ttl.expand(private)) {
            quote!(#private::LockTerms::new(#name, #ttl))
        } else {
            quote!(#private::LockTerms::named(#name))
        }
    };
    let all = if fields.is_empty() {
        base
    } else {
        quote!(#private::LockTerms { #fields ..#base })
    };
    // The compiler reports a wrong term at a constant, or at the declared lock that it contradicts.
    match terms.constants().next().or(path) {
        Some(path) => {
            let span = end_of(path);
            let private = annotation.private(span);
            quote_spanned! {Span::mixed_site().located_at(span)=> #private::check_terms(#all) }
        }
        None => all,
    }
}

const fn is_path(name: &Name) -> bool {
    matches!(name, Name::Path { .. })
}

/// The terms of a constant or a declared lock, with a checked name.
fn named(annotation: &Annotation, path: &ExprPath) -> TokenStream {
    // The compiler reports errors of the path at the path.
    let span = Span::mixed_site().located_at(end_of(path));
    let private = annotation.private(span);
    let (reached, terms) = if annotation.terms.ttl.is_some() {
        (quote!(Names), quote_spanned!(span=> terms))
    } else {
        (quote!(Declares), quote_spanned!(span=> declared_terms))
    };
    quote_spanned! {span=> #private::check_name({
        #[allow(unused_imports)] // needed for the error message, if there is one
        use #private::#reached as _;
        #private::Named(#path).#terms()
    })}
}

/// The name, template or expression as text, for people.
fn name_text(name: &Name) -> TokenStream {
    match name {
        Name::Literal(text) => text.to_token_stream(),
        Name::Template(template) => template.text.to_token_stream(),
        Name::Path { path, .. } | Name::Argument(path, _) => {
            let text = text::of(&path.to_token_stream());
            Literal::string(&text).into_token_stream()
        }
        Name::Refused => quote!("error"),
    }
}

// `{id:03}` → `rt::Part::Value("id", rt::format_args!("{:03}", id))`
fn part_of(
    part: &Part,
    template: &Template,
    sig: &Signature,
    private: &TokenStream,
) -> TokenStream {
    let span = template.text.span();
    match part {
        Part::Text(text) => quote!(#private::Part::Text(#text)),
        Part::Value { name, value, spec } => {
            let format = LitStr::new(&format!("{{{spec}}}"), span);
            let value = match value {
                Value::Argument(index) => argument(*index, sig, span),
                Value::Constant(ident) => ident.clone(),
            };
            let value = if spec.ends_with('?') {
                // Reports a string, whose quotes no name can have, at the literal.
                let at = Span::mixed_site().located_at(span);
                quote_spanned! {at=> {
                    #[allow(unused_imports)] // needed for a type that is no string
                    use #private::Debugged as _;
                    #private::Debugs(&#value).value()
                }}
            } else {
                value.into_token_stream()
            };
            quote!(#private::Part::Value(#name, #private::format_args!(#format, #value)))
        }
    }
}

/// The argument that the placeholder names, as `format!` finds it: by the literal's place, which tells two
/// arguments apart that a macro and its caller spell alike.
fn argument(index: usize, sig: &Signature, span: Span) -> Ident {
    match &sig.inputs[index] {
        FnArg::Receiver(_) => Ident::new("self", span),
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(pat) => {
                let mut ident = pat.ident.clone();
                ident.set_span(span);
                ident
            }
            // No placeholder names a pattern.
            _ => Ident::new("_", span),
        },
    }
}

// `name = locks::Report`:
//
//     const _: () = {
//         struct __lock_Report;
//         { use locks::*; impl<T> rt::OneFunctionUnlessAllSayReuse<T> for __lock_Report {} }
//     };
//
// In the crate that declares the lock, `locks` has a `__lock_Report` of its own, which is the lock, so
// that a second claim does not compile. In another crate, which could not implement the trait for the
// lock, that name is not visible, and the claim is for the struct above.
fn claim(annotation: &Annotation, private: &TokenStream) -> Option<TokenStream> {
    let Name::Path {
        path,
        declared: true,
    } = &annotation.name
    else {
        return None;
    };
    let (module, lock) = split(path)?;
    let span = Span::mixed_site().located_at(lock.span());
    let lock = format_ident!("__lock_{}", lock.unraw(), span = lock.span());
    // A function that reuses the lock claims it for a type of its own, which conflicts with none
    // but the claim for all types.
    let claim = if annotation.reuse {
        quote_spanned! {span=>
            struct Reuse;
            impl #private::OneFunctionUnlessAllSayReuse<Reuse> for #lock {}
        }
    } else {
        quote_spanned!(span=> impl<T> #private::OneFunctionUnlessAllSayReuse<T> for #lock {})
    };
    Some(quote_spanned! {span=>
        #[allow(non_local_definitions)] // the claim must count outside
        const _: () = {
            #[allow(dead_code, non_camel_case_types)]
            struct #lock;
            {
                #[allow(unused_imports, clippy::wildcard_imports)]
                use #module::*;
                #claim
            }
        };
    })
}

/// The last segment of a path: a message can stand at one token only.
fn end_of(path: &ExprPath) -> Span {
    path.path
        .segments
        .last()
        .map_or_else(|| path.span(), |last| last.ident.span())
}

/// `a::b::Lock` → `a::b`, `Lock`
fn split(path: &ExprPath) -> Option<(Path, Ident)> {
    let mut module = path.path.clone();
    let lock = module.segments.pop()?.ident;
    module.segments.pop_punct();
    (!module.segments.is_empty()).then_some((module, lock))
}
