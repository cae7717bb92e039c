//! The items and the expression that say which lock, and on what terms.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::{
    ExprPath, FnArg, LitStr, Pat, Path, Signature, ext::IdentExt as _, spanned::Spanned as _,
};

use crate::{
    name::{Name, is_fixed},
    template::{Part, Template, Value},
    terms::Time,
    valid::Job,
};

// `name = "report", ttl = "5m"`, in `fn report`:
//
//     const __LOCK: rt::Attribute = rt::Attribute::new("report", rt::Duration::from_millis(300000));
//     rt::submit! { rt::RegisteredLock::new(__LOCK, rt::concat!(rt::module_path!(), "::report")) }
//
// `name = locks::Report, renew`: besides,
//
//     const __LOCK: rt::Attribute = rt::check(rt::Attribute {
//         renew: true,
//         ..{ use rt::Declares as _; rt::Named(locks::Report).declared_terms() }
//     });
//
// and a claim. `name = Self::NAME, ttl = "5m"`, which no item in the function can name: no `const`,
//
//     rt::submit! { rt::RegisteredLock::unknown(rt::Attribute::new("Self::NAME", …), …) }
pub(crate) fn items(job: &Job, sig: &Signature) -> TokenStream {
    let private = job.private(Span::mixed_site());
    let function = LitStr::new(&format!("::{}", sig.ident.unraw()), Span::mixed_site());
    let function = quote!(#private::concat!(#private::module_path!(), #function));
    let fixed = Fixed::of(job, sig);
    if fixed.all() {
        let attribute = checked(job, &private);
        let claim = claim(job, &private);
        return quote! {
            const __LOCK: #private::Attribute = #attribute;
            #private::submit! { #private::RegisteredLock::new(__LOCK, #function) }
            #claim
        };
    }
    let ttl = job.terms.ttl.as_ref().filter(|_| fixed.ttl);
    let ttl = ttl.map(|ttl| some_ttl(ttl, &private));
    let reuse = job.reuse.then(|| quote!(reuse: true,));
    let (new, base) = if fixed.name {
        (quote!(new), base(job, &private))
    } else {
        let text = text(&job.name);
        (quote!(unknown), quote!(#private::Attribute::named(#text)))
    };
    let claim = claim(job, &private);
    quote! {
        #private::submit! {
            #private::RegisteredLock::#new(
                #private::Attribute { #ttl #reuse ..#base },
                #function,
            )
        }
        #claim
    }
}

// `rt::Call::new(__LOCK).client(&(client)).template(&[…])`
pub(crate) fn call(job: &Job, sig: &Signature) -> TokenStream {
    let private = job.private(Span::mixed_site());
    let fixed = Fixed::of(job, sig);
    let attribute = if fixed.all() {
        quote!(__LOCK)
    } else if fixed.times() && !matches!(job.name, Name::Argument(..)) {
        // Known where the generic parameters are.
        let attribute = checked(job, &private);
        quote!(const { #attribute })
    } else {
        attribute(job, &private)
    };
    let mut call = quote!(#private::Call::new(#attribute));
    if let Some(client) = &job.client {
        let method = Ident::new("client", Span::mixed_site().located_at(client.span()));
        call.extend(quote!(.#method(&#client)));
    }
    match &job.name {
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

/// What an item inside the function can name.
struct Fixed {
    name: bool,
    ttl: bool,
    holds: bool,
}

impl Fixed {
    fn of(job: &Job, sig: &Signature) -> Self {
        let name = match &job.name {
            Name::Path { path, .. } => is_fixed(path, sig),
            Name::Argument(..) => false,
            Name::Literal(_) | Name::Template(_) | Name::Refused => true,
        };
        let fixed = |time: &Option<Time>| {
            let path = time.as_ref().and_then(Time::constant);
            path.is_none_or(|path| is_fixed(path, sig))
        };
        let terms = &job.terms;
        Self {
            name,
            ttl: fixed(&terms.ttl),
            holds: fixed(&terms.max_hold)
                && fixed(&terms.min_hold)
                && fixed(&terms.wait)
                && terms.permits.as_ref().is_none_or(|permits| {
                    permits.constant().is_none_or(|path| is_fixed(path, sig))
                }),
        }
    }

    fn times(&self) -> bool {
        self.ttl && self.holds
    }

    fn all(&self) -> bool {
        self.name && self.times()
    }
}

/// The attribute's arguments, checked as far as constants make that necessary.
fn checked(job: &Job, private: &TokenStream) -> TokenStream {
    let attribute = attribute(job, private);
    match &job.name {
        Name::Path { path, .. } => {
            let span = end_of(path);
            let private = job.private(span);
            quote_spanned!(Span::mixed_site().located_at(span)=> #private::check(#attribute))
        }
        _ => match job.terms.constants().next() {
            Some(path) => {
                let span = end_of(path);
                let private = job.private(span);
                quote_spanned! {Span::mixed_site().located_at(span)=>
                    #private::check_terms(#attribute)
                }
            }
            None => attribute,
        },
    }
}

fn attribute(job: &Job, private: &TokenStream) -> TokenStream {
    let all = !matches!(job.name, Name::Path { .. });
    let mut fields = job.terms.fields(all, private);
    if job.reuse {
        fields.extend(quote!(reuse: true,));
    }
    let base = if all {
        let name = text(&job.name);
        let ttl = ttl(job, private);
        quote!(#private::Attribute::new(#name, #ttl))
    } else {
        if let Some(ttl) = &job.terms.ttl {
            fields.extend(some_ttl(ttl, private));
        }
        base(job, private)
    };
    if fields.is_empty() {
        return base;
    }
    quote!(#private::Attribute { #fields ..#base })
}

fn ttl(job: &Job, private: &TokenStream) -> TokenStream {
    if let Some(ttl) = &job.terms.ttl {
        return ttl.expand(private);
    }
    // It was refused. The error is on its way.
    quote!(#private::Duration::from_millis(1000))
}

fn some_ttl(ttl: &Time, private: &TokenStream) -> TokenStream {
    let ttl = ttl.expand(private);
    quote!(ttl: #private::Some(#ttl),)
}

/// The attribute's arguments without those that it gives itself.
fn base(job: &Job, private: &TokenStream) -> TokenStream {
    let Name::Path { path, .. } = &job.name else {
        let name = text(&job.name);
        return quote!(#private::Attribute::named(#name));
    };
    // What is wrong with the path is reported at the path.
    let span = Span::mixed_site().located_at(end_of(path));
    let private = job.private(span);
    let (reached, terms) = if job.terms.ttl.is_some() {
        (quote!(Names), quote_spanned!(span=> terms))
    } else {
        (quote!(Declares), quote_spanned!(span=> declared_terms))
    };
    quote_spanned! {span=> {
        #[allow(unused_imports)] // needed for the error, if there is one
        use #private::#reached as _;
        #private::Named(#path).#terms()
    }}
}

/// A name, a template or an expression, for people.
fn text(name: &Name) -> TokenStream {
    match name {
        Name::Literal(text) => text.to_token_stream(),
        Name::Template(template) => template.text.to_token_stream(),
        Name::Path { path, .. } | Name::Argument(path, _) => {
            let text = path.to_token_stream().to_string().replace(' ', "");
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

/// The argument as the signature now has it, located where the attribute uses it.
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
// In the crate that declares it, `locks` has a `__lock_Report` of its own, which is the lock, so that
// a second claim does not compile. In another crate, which could not implement the trait for the
// lock, that name is not visible, and the claim is for the struct above.
fn claim(job: &Job, private: &TokenStream) -> Option<TokenStream> {
    let Name::Path {
        path,
        declared: true,
    } = &job.name
    else {
        return None;
    };
    let (module, lock) = split(path)?;
    let span = Span::mixed_site().located_at(lock.span());
    let lock = format_ident!("__lock_{}", lock.unraw(), span = lock.span());
    // A function that reuses the lock claims it for a type of its own, which conflicts with none
    // but the claim for all types.
    let claim = if job.reuse {
        quote_spanned! {span=>
            struct Reuse;
            impl #private::OneFunctionPerLock<Reuse> for #lock {}
        }
    } else {
        quote_spanned!(span=> impl<T> #private::OneFunctionPerLock<T> for #lock {})
    };
    Some(quote_spanned! {span=>
        #[allow(non_local_definitions)] // that it counts outside is the point
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

/// The last word of a path: of several tokens, a message can stand at one only.
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
