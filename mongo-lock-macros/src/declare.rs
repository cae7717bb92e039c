//! `lock_names!`: the locks of a service, each with its name and its terms.

mod parse;

use std::collections::{HashMap, HashSet};

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, LitStr, Path,
    ext::IdentExt as _,
    parse::{Parse as _, Parser as _},
};

use self::parse::{Declaration, Lock};
use crate::{
    args::Args,
    argument::Arguments,
    errors::Errors,
    name::{check_literal, is_upper_camel},
    template,
    terms::Terms,
    valid, with_errors,
};

// Input:
//
//     pub mod locks {
//         /// Of the accounting.
//         Report = "report", ttl = "5m";
//     }
//
// Output, with `rt` for `::mongo_lock_runtime::__private`:
//
//     pub mod locks {
//         /// Of the accounting.
//         #[derive(Debug, Clone, Copy)]
//         pub struct Report;
//         pub(crate) type __lock_Report = Report;
//     }
//     const _: () = {
//         impl rt::Lock for locks::Report {
//             const DECLARATION: rt::Declaration = rt::Declaration(rt::check(…));
//         }
//         const _: () = { rt::submit! { rt::DeclaredLock::new(…) } };
//     };
//
// The `impl` is outside the module, where the author's constants are in scope.
pub(crate) fn declare(input: TokenStream) -> TokenStream {
    let declaration = match Declaration::parse.parse2(input) {
        Ok(declaration) => declaration,
        Err(error) => return error.into_compile_error(),
    };
    let Declaration {
        krate,
        attrs,
        vis,
        module,
        locks,
        mut errors,
    } = declaration;
    let krate = krate.or_else(valid::renamed);
    check_repeated(&locks, &mut errors);
    let (mut types, mut impls) = (TokenStream::new(), TokenStream::new());
    let mut seen = Vec::new();
    for lock in locks {
        // The compiler would report a repeated type a second time.
        if seen.contains(&lock.ident) {
            continue;
        }
        seen.push(lock.ident.clone());
        let (ty, implementation) = lock.expand(&module, krate.as_ref(), &mut errors);
        types.extend(ty);
        impls.extend(implementation);
    }
    let doc = undocumented(&attrs).then(|| quote!(#[doc = "The locks of this service."]));
    let output = quote! {
        #(#attrs)*
        #doc
        #vis mod #module { #types }
        const _: () = { #impls };
    };
    with_errors(output, errors.into_inner())
}

impl Lock {
    fn expand(
        self,
        module: &Ident,
        krate: Option<&Path>,
        errors: &mut Errors,
    ) -> (TokenStream, TokenStream) {
        let Self {
            attrs,
            ident,
            name,
            args,
        } = self;
        let Args {
            arguments,
            errors: mistakes,
            half_written,
            ..
        } = args;
        if let Some(error) = mistakes.into_inner() {
            errors.push(error);
        }
        // The others are refused as invalid in a declaration.
        let Arguments { terms, .. } = arguments;
        let private = &valid::private(krate, Span::mixed_site());
        let terms = Terms::check(terms, true, half_written, errors);
        let written = name.as_ref().map(LitStr::value).unwrap_or_default();
        let name = name.filter(|name| errors.keep(check_name(name)).is_some());
        let text = name.map_or_else(|| quote!("error"), |name| quote!(#name));
        let mut fields = terms.fields(true, private);
        if let Some(ttl) = &terms.ttl {
            let ttl = ttl.option(private);
            fields.extend(quote!(ttl: #ttl,));
        }
        let named = quote!(#private::LockTerms::named(#text));
        let declared = if fields.is_empty() {
            named
        } else {
            quote!(#private::LockTerms { #fields ..#named })
        };
        let doc = undocumented(&attrs).then(|| {
            let doc = format!("The lock `{written}`.");
            quote!(#[doc = #doc])
        });
        // All items of the lock have the conditions of the lock.
        let cfgs: Vec<_> = attrs
            .iter()
            .filter(|attr| attr.path().is_ident("cfg"))
            .collect();
        let claim = format_ident!("__lock_{}", ident.unraw(), span = Span::mixed_site());
        // The error of a name in lower case is reported.
        let quiet = (!is_upper_camel(&ident.unraw().to_string()))
            .then(|| quote!(#[allow(non_camel_case_types)]));
        let ty = quote! {
            #(#attrs)*
            #doc
            #quiet
            #[allow(clippy::exhaustive_structs)] // an attribute names the struct as a value
            #[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
            pub struct #ident;
            // By this name, the attribute tells whether its crate declares the lock.
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(dead_code, deprecated, non_camel_case_types)]
            pub(crate) type #claim = #ident;
        };
        // The compiler reports an error of the terms at the lock.
        let at = Span::mixed_site().located_at(ident.span());
        let private_at = valid::private(krate, ident.span());
        let declared = quote_spanned!(at=> #private_at::check(#declared));
        let declared_at = quote_spanned! {at=>
            #private_at::DeclaredLock::new(
                <#module::#ident as #private_at::Lock>::DECLARATION,
                #private_at::module_path!(),
            )
        };
        let implementation = quote! {
            #(#cfgs)*
            #[allow(deprecated)] // to name the lock here is no use of it
            impl #private::Lock for #module::#ident {
                const DECLARATION: #private::Declaration =
                    #private::Declaration(#declared);
            }
            // For the list of all locks. It also evaluates the author's constants here, not only where the
            // lock is used.
            #(#cfgs)*
            #[allow(deprecated)]
            const _: () = {
                #private::submit! { #declared_at }
            };
        };
        (ty, implementation)
    }
}

fn check_name(name: &LitStr) -> syn::Result<()> {
    if template::is_one(&name.value()) {
        return Err(syn::Error::new(
            name.span(),
            "a name with placeholders belongs into the attribute, where the arguments are",
        ));
    }
    check_literal(name)
}

fn check_repeated(locks: &[Lock], errors: &mut Errors) {
    let (mut idents, mut names) = (HashSet::new(), HashMap::new());
    for lock in locks {
        if !idents.insert(lock.ident.to_string()) {
            let message = format!(
                "there is a lock `{}` already; give it another name",
                lock.ident
            );
            errors.at(lock.ident.span(), message);
        } else if let Some(name) = &lock.name
            && let Some(first) = names.insert(name.value(), &lock.ident)
        {
            let message = format!(
                "`{}` is the name of `{first}` already; two locks of one name are one lock",
                name.value()
            );
            errors.at(name.span(), message);
        }
    }
}

fn undocumented(attrs: &[Attribute]) -> bool {
    !attrs.iter().any(|attr| attr.path().is_ident("doc"))
}
