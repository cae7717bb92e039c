//! `lock_names!`: the locks of a service, each with its name and its terms.

use std::collections::{HashMap, HashSet};

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, LitStr, Path, Token, Visibility, braced,
    ext::IdentExt as _,
    parse::{Parse, ParseStream, Parser as _},
};

use crate::{
    args::Args,
    argument::{Arguments, Place},
    errors::Errors,
    name::{check_literal, is_upper_camel},
    template,
    terms::Terms,
    valid, with_errors,
};

const SYNTAX: &str = "write `mod locks { Report = \"report\", ttl = \"5m\"; … }`";

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

struct Declaration {
    krate: Option<Path>,
    attrs: Vec<Attribute>,
    vis: Visibility,
    module: Ident,
    locks: Vec<Lock>,
    errors: Errors,
}

struct Lock {
    attrs: Vec<Attribute>,
    ident: Ident,
    name: LitStr,
    args: Args,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let krate = if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            let path = input.parse()?;
            input.parse::<Token![;]>()?;
            Some(path)
        } else {
            None
        };
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if !input.peek(Token![mod]) {
            return Err(input.error(format!("the locks stand in a module: {SYNTAX}")));
        }
        input.parse::<Token![mod]>()?;
        let module = input.parse()?;
        let content;
        braced!(content in input);
        let (mut locks, mut errors) = (Vec::new(), Errors::default());
        while !content.is_empty() {
            match Lock::parse(&content) {
                Ok(lock) => locks.push(lock),
                Err(error) => {
                    errors.push(error);
                    rest(&content);
                }
            }
            if !content.is_empty() {
                content.parse::<Token![;]>()?;
            }
        }
        if !input.is_empty() {
            return Err(input.error("expected nothing after the module; use `lock_names!` again"));
        }
        Ok(Self {
            krate,
            attrs,
            vis,
            module,
            locks,
            errors,
        })
    }
}

impl Parse for Lock {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let ident: Ident = input
            .parse()
            .map_err(|error| syn::Error::new(error.span(), format!("expected a lock: {SYNTAX}")))?;
        if !is_upper_camel(&ident.unraw().to_string()) {
            return Err(syn::Error::new(
                ident.span(),
                "a lock becomes a type: write its name in upper camel case, such as \
                 `NightlyReport`",
            ));
        }
        input.parse::<Token![=]>()?;
        let name = input.parse().map_err(|error| {
            let message = "a lock's name is a string, such as `\"nightly-report\"`";
            syn::Error::new(error.span(), message)
        })?;
        if !input.is_empty() && !input.peek(Token![;]) {
            input.parse::<Token![,]>()?;
        }
        let args = Args::parse(rest(input), Place::Declaration);
        Ok(Self {
            attrs,
            ident,
            name,
            args,
        })
    }
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
        } = args;
        if let Some(error) = mistakes.into_inner() {
            errors.push(error);
        }
        // The others are refused as invalid in a declaration.
        let Arguments { terms, .. } = arguments;
        let private = &valid::private(krate, Span::mixed_site());
        let terms = Terms::check(terms, true, half_written, errors);
        let valid = check_name(&name)
            .map_err(|error| errors.push(error))
            .is_ok();
        let text = if valid {
            quote!(#name)
        } else {
            quote!("error")
        };
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
            let doc = format!("The lock `{}`.", name.value());
            quote!(#[doc = #doc])
        });
        // All items of the lock have the conditions of the lock.
        let cfgs: Vec<_> = attrs
            .iter()
            .filter(|attr| attr.path().is_ident("cfg"))
            .collect();
        let claim = format_ident!("__lock_{}", ident.unraw(), span = Span::mixed_site());
        let ty = quote! {
            #(#attrs)*
            #doc
            #[allow(clippy::exhaustive_structs)] // an attribute names the struct as a value
            #[derive(::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy)]
            pub struct #ident;
            // By this name, the attribute tells whether its crate declares the lock.
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(dead_code, non_camel_case_types)]
            pub(crate) type #claim = #ident;
        };
        // Evaluates the author's constants here, not only where the lock is used.
        let check = terms.constants().next().map(|_| {
            quote! {
                #(#cfgs)*
                const _: #private::Declaration = <#module::#ident as #private::Lock>::DECLARATION;
            }
        });
        // The compiler reports an error of the terms at the lock.
        let at = Span::mixed_site().located_at(ident.span());
        let private_at = valid::private(krate, ident.span());
        let declared = quote_spanned!(at=> #private_at::check(#declared));
        let implementation = quote! {
            #(#cfgs)*
            impl #private::Lock for #module::#ident {
                const DECLARATION: #private::Declaration =
                    #private::Declaration(#declared);
            }
            #check
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
        } else if let Some(first) = names.insert(lock.name.value(), &lock.ident) {
            let name = lock.name.value();
            errors.at(
                lock.name.span(),
                format!(
                    "`{name}` is the name of `{first}` already; two locks of one name are one lock"
                ),
            );
        }
    }
}

/// The tokens up to the next semicolon.
fn rest(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![;]) {
        match input.parse::<TokenTree>() {
            Ok(token) => rest.extend([token]),
            Err(_) => break,
        }
    }
    rest
}

fn undocumented(attrs: &[Attribute]) -> bool {
    !attrs.iter().any(|attr| attr.path().is_ident("doc"))
}
