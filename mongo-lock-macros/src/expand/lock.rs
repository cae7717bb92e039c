//! The items and the expression that give the lock and its terms to the runtime.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::{
    ExprPath, FnArg, LitStr, Pat, Path, Signature, ext::IdentExt as _, spanned::Spanned as _,
};

use crate::{
    name::{Name, is_fixed},
    template::{Part, Template, Value},
    terms::Time,
    valid::Annotation,
};

// `name = "report", ttl = "5m"`, in `fn report`:
//
//     const __LOCK: rt::LockTerms = rt::LockTerms::new("report", rt::Duration::from_millis(300000));
//     rt::submit! { rt::RegisteredLock::new(__LOCK, rt::concat!(rt::module_path!(), "::report")) }
//
// `name = locks::Report, renew`: besides,
//
//     const __LOCK: rt::LockTerms = rt::check(rt::LockTerms {
//         renew: true,
//         ..{ use rt::Declares as _; rt::Named(locks::Report).declared_terms() }
//     });
//
// and a claim. `name = Self::NAME, ttl = "5m"`, which no item in the function can name: no `const`,
//
//     rt::submit! { rt::RegisteredLock::unknown(rt::LockTerms::new("Self::NAME", …), …) }
pub(crate) fn items(annotation: &Annotation, sig: &Signature) -> TokenStream {
    let private = annotation.private(Span::mixed_site());
    let function = LitStr::new(&format!("::{}", sig.ident.unraw()), Span::mixed_site());
    let function = quote!(#private::concat!(#private::module_path!(), #function));
    let fixed = Fixed::of(annotation, sig);
    if fixed.all() {
        let terms = checked(annotation, &private);
        let claim = claim(annotation, &private);
        return quote! {
            const __LOCK: #private::LockTerms = #terms;
            #private::submit! { #private::RegisteredLock::new(__LOCK, #function) }
            #claim
        };
    }
    let ttl = annotation.terms.ttl.as_ref().filter(|_| fixed.ttl);
    let ttl = ttl.map(|ttl| some_ttl(ttl, &private));
    let reuse = annotation.reuse.then(|| quote!(reuse: true,));
    let (new, base) = if fixed.name {
        (quote!(new), base(annotation, &private))
    } else {
        let text = text(&annotation.name);
        (quote!(unknown), quote!(#private::LockTerms::named(#text)))
    };
    let claim = claim(annotation, &private);
    quote! {
        #private::submit! {
            #private::RegisteredLock::#new(
                #private::LockTerms { #ttl #reuse ..#base },
                #function,
            )
        }
        #claim
    }
}

// `rt::Call::new(__LOCK).client(&(client)).template(&[…])`
pub(crate) fn call(annotation: &Annotation, sig: &Signature) -> TokenStream {
    let private = annotation.private(Span::mixed_site());
    let fixed = Fixed::of(annotation, sig);
    let terms = if fixed.all() {
        quote!(__LOCK)
    } else if fixed.terms && !matches!(annotation.name, Name::Argument(..)) {
        // A constant all the same, where the generic parameters are known.
        let terms = checked(annotation, &private);
        quote!(const { #terms })
    } else {
        lock_terms(annotation, &private)
    };
    let mut call = quote!(#private::Call::new(#terms));
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
        Name::Argument(path, index) => {
            let argument = argument(*index, sig, path.span());
            let method = Ident::new("name", Span::mixed_site().located_at(path.span()));
            call.extend(quote!(.#method(&#argument)));
        }
        _ => {}
    }
    call
}

/// The parts of the terms that an item inside the function can name.
struct Fixed {
    name: bool,
    ttl: bool,
    /// All terms, the ttl among them.
    terms: bool,
}

impl Fixed {
    fn of(annotation: &Annotation, sig: &Signature) -> Self {
        let name = match &annotation.name {
            Name::Path { path, .. } => is_fixed(path, sig),
            Name::Argument(..) => false,
            Name::Literal(_) | Name::Template(_) | Name::Refused => true,
        };
        let ttl = annotation.terms.ttl.as_ref().and_then(Time::constant);
        let mut constants = annotation.terms.constants();
        Self {
            name,
            ttl: ttl.is_none_or(|path| is_fixed(path, sig)),
            terms: constants.all(|path| is_fixed(path, sig)),
        }
    }

    fn all(&self) -> bool {
        self.name && self.terms
    }
}

/// The `LockTerms`, checked as far as constants make that necessary.
fn checked(annotation: &Annotation, private: &TokenStream) -> TokenStream {
    let terms = lock_terms(annotation, private);
    match &annotation.name {
        Name::Path { path, .. } => {
            let span = end_of(path);
            let private = annotation.private(span);
            quote_spanned!(Span::mixed_site().located_at(span)=> #private::check(#terms))
        }
        _ => match annotation.terms.constants().next() {
            Some(path) => {
                let span = end_of(path);
                let private = annotation.private(span);
                quote_spanned! {Span::mixed_site().located_at(span)=>
                    #private::check_terms(#terms)
                }
            }
            None => terms,
        },
    }
}

/// `rt::LockTerms { renew: true, ..rt::LockTerms::new("report", …) }`
fn lock_terms(annotation: &Annotation, private: &TokenStream) -> TokenStream {
    let all = !matches!(annotation.name, Name::Path { .. });
    let mut fields = annotation.terms.fields(all, private);
    if annotation.reuse {
        fields.extend(quote!(reuse: true,));
    }
    let base = if all {
        let name = text(&annotation.name);
        if let Some(ttl) = &annotation.terms.ttl {
            let ttl = ttl.expand(private);
            quote!(#private::LockTerms::new(#name, #ttl))
        } else {
            quote!(#private::LockTerms::named(#name))
        }
    } else {
        if let Some(ttl) = &annotation.terms.ttl {
            fields.extend(some_ttl(ttl, private));
        }
        base(annotation, private)
    };
    if fields.is_empty() {
        return base;
    }
    quote!(#private::LockTerms { #fields ..#base })
}

fn some_ttl(ttl: &Time, private: &TokenStream) -> TokenStream {
    let ttl = ttl.expand(private);
    quote!(ttl: #private::Some(#ttl),)
}

/// The `LockTerms` without the terms that the attribute gives itself.
fn base(annotation: &Annotation, private: &TokenStream) -> TokenStream {
    let Name::Path { path, .. } = &annotation.name else {
        let name = text(&annotation.name);
        return quote!(#private::LockTerms::named(#name));
    };
    // The compiler reports errors of the path at the path.
    let span = Span::mixed_site().located_at(end_of(path));
    let private = annotation.private(span);
    let (reached, terms) = if annotation.terms.ttl.is_some() {
        (quote!(Names), quote_spanned!(span=> terms))
    } else {
        (quote!(Declares), quote_spanned!(span=> declared_terms))
    };
    quote_spanned! {span=> {
        #[allow(unused_imports)] // needed for the error message, if there is one
        use #private::#reached as _;
        #private::Named(#path).#terms()
    }}
}

/// The name, template or expression as text, for people.
fn text(name: &Name) -> TokenStream {
    match name {
        Name::Literal(text) => text.to_token_stream(),
        Name::Template(template) => template.text.to_token_stream(),
        Name::Path { path, .. } | Name::Argument(path, _) => {
            let text = crate::text::of(&path.to_token_stream());
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
            quote!(#private::Part::Value(#name, #private::format_args!(#format, #value)))
        }
    }
}

/// The argument as the expanded signature has it, located where the attribute uses it.
fn argument(index: usize, sig: &Signature, span: Span) -> Ident {
    let mut ident = match &sig.inputs[index] {
        FnArg::Receiver(receiver) => Ident::new("self", receiver.self_token.span()),
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(pat) => pat.ident.clone(),
            _ => format_ident!("__arg{index}", span = Span::mixed_site()),
        },
    };
    ident.set_span(ident.span().located_at(span));
    ident
}

// `name = locks::Report`:
//
//     const _: () = {
//         struct __lock_Report;
//         { use locks::*; impl<T> rt::OneFunctionPerLock<T> for __lock_Report {} }
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
            impl #private::OneFunctionPerLock<Reuse> for #lock {}
        }
    } else {
        quote_spanned!(span=> impl<T> #private::OneFunctionPerLock<T> for #lock {})
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
