//! `lock_names!`: the locks of a service, each with its name and its terms.

use std::collections::{HashMap, HashSet};

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    AttrStyle, Attribute, LitStr, Path, Token, Visibility, braced, bracketed,
    ext::IdentExt as _,
    parse::{Parse, ParseStream, Parser as _},
    token,
};

use crate::{
    args::Args,
    argument::{Arguments, Place},
    errors::Errors,
    name::{check_literal, is_upper_camel},
    slot::Value as _,
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
    /// `None` when the name is missing or wrong, and the error is reported.
    name: Option<LitStr>,
    args: Args,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut errors = Errors::default();
        let krate = if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            let path = errors.keep(Path::read(input));
            if input.parse::<Token![;]>().is_err() && errors.is_empty() {
                errors.at(input.span(), "expected `;` after the crate");
            }
            path
        } else {
            None
        };
        let attrs = errors.keep(attributes(input)).unwrap_or_default();
        let mut vis = input.parse()?;
        let syntax = |span| syn::Error::new(span, format!("the locks stand in a module: {SYNTAX}"));
        if !input.peek(Token![mod]) {
            let error = syntax(input.span());
            // A slip before the module: who uses its locks sees no error of it.
            while !input.is_empty() && !input.peek(Token![mod]) {
                input.parse::<TokenTree>()?;
            }
            if input.is_empty() {
                return Err(errors.into_inner().unwrap_or(error));
            }
            if errors.is_empty() {
                errors.push(error);
            }
            vis = syn::parse_quote!(pub(crate));
        }
        input.parse::<Token![mod]>()?;
        let module: Ident = input.parse().map_err(|error| syntax(error.span()))?;
        let mut locks = Vec::new();
        if input.peek(token::Brace) {
            let content;
            braced!(content in input);
            while !content.is_empty() {
                locks.extend(Lock::read(&content, &mut errors));
            }
        } else {
            if errors.is_empty() {
                errors.push(syntax(module.span()));
            }
            let _ = input.parse::<Token![;]>();
        }
        if !input.is_empty() {
            let message = "expected nothing after the module; use `lock_names!` again";
            errors.at(input.span(), message);
            input.parse::<TokenStream>()?;
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

impl Lock {
    /// Reads a lock and its semicolon. Of a half-written one, all that is there; `None` only without the
    /// lock's own name.
    fn read(input: ParseStream<'_>, errors: &mut Errors) -> Option<Self> {
        let (attrs, mut slip) = match attributes(input) {
            Ok(attrs) => (attrs, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let ident = match input.parse::<Ident>() {
            Ok(ident) => ident,
            Err(error) => {
                let message = format!("expected a lock: {SYNTAX}");
                errors.push(slip.unwrap_or_else(|| syn::Error::new(error.span(), message)));
                rest(input);
                let _ = input.parse::<Token![;]>();
                return None;
            }
        };
        if slip.is_none() && !is_upper_camel(&ident.unraw().to_string()) {
            slip = Some(syn::Error::new(
                ident.span(),
                "a lock becomes a type: write its name in upper camel case, such as \
                 `NightlyReport`",
            ));
        }
        let name = match Self::read_name(&ident, input) {
            Ok(name) => Some(name),
            Err(error) => {
                slip = slip.or(Some(error));
                None
            }
        };
        let mut args = Args::default();
        if slip.is_some() {
            // One error for the lock; a ttl stands in for what was not read.
            args.half_written = true;
            rest(input);
        } else {
            args = Args::parse(rest(input), Place::Declaration);
        }
        if let Some(error) = slip {
            errors.push(error);
        }
        if !input.is_empty() && input.parse::<Token![;]>().is_err() {
            errors.at(input.span(), "expected `;` between two locks");
        }
        Some(Self {
            attrs,
            ident,
            name,
            args,
        })
    }

    /// `= "report",`
    fn read_name(lock: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
        let needs = |span| {
            let message = format!("a lock needs a name: write `{lock} = \"nightly-report\"`");
            syn::Error::new(span, message)
        };
        if input.is_empty() || input.peek(Token![;]) {
            return Err(needs(lock.span()));
        }
        input
            .parse::<Token![=]>()
            .map_err(|error| needs(error.span()))?;
        if input.is_empty() || input.peek(Token![;]) || starts_lock(input) {
            return Err(needs(lock.span()));
        }
        let name: LitStr = input.parse().map_err(|error| {
            let message = "a lock's name is a string, such as `\"nightly-report\"`";
            syn::Error::new(error.span(), message)
        })?;
        if !input.is_empty() && !input.peek(Token![;]) && !starts_lock(input) {
            let span = input.span();
            input
                .parse::<Token![,]>()
                .map_err(|_| syn::Error::new(span, "expected `,` before the terms"))?;
        }
        Ok(name)
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

/// Reads the attributes that stand here. Half-written ones are skipped, at the cost of one error.
fn attributes(input: ParseStream<'_>) -> syn::Result<Vec<Attribute>> {
    let (mut attrs, mut slip) = (Vec::new(), None);
    while input.peek(Token![#]) {
        match attribute(input) {
            Ok(attr) => attrs.push(attr),
            Err(error) => slip = slip.or(Some(error)),
        }
    }
    slip.map_or(Ok(attrs), Err)
}

fn attribute(input: ParseStream<'_>) -> syn::Result<Attribute> {
    let pound_token: Token![#] = input.parse()?;
    let slip = || {
        let message = "expected an attribute, such as `#[cfg(unix)]`";
        syn::Error::new(pound_token.span, message)
    };
    if !input.peek(token::Bracket) {
        return Err(slip());
    }
    let content;
    let bracket_token = bracketed!(content in input);
    let meta = content.parse();
    // What is left unread would be an error of the parser's, at the end.
    let is_all = content.is_empty();
    content.parse::<TokenStream>()?;
    match meta {
        Ok(meta) if is_all => Ok(Attribute {
            pound_token,
            style: AttrStyle::Outer,
            bracket_token,
            meta,
        }),
        _ => Err(slip()),
    }
}

/// The tokens up to the next semicolon, or to the next lock where the semicolon is missing.
fn rest(input: ParseStream<'_>) -> TokenStream {
    let mut rest = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![;]) && !starts_lock(input) {
        match input.parse::<TokenTree>() {
            Ok(token) => rest.extend([token]),
            Err(_) => break,
        }
    }
    rest
}

/// Whether a lock stands here, and no argument or value: `Report =`.
fn starts_lock(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let attrs = ahead.call(Attribute::parse_outer);
    let lock = attrs.and_then(|_| Ok(ahead.parse::<Ident>()?.to_string()));
    lock.is_ok_and(|lock| is_upper_camel(&lock)) && ahead.peek(Token![=])
}

fn undocumented(attrs: &[Attribute]) -> bool {
    !attrs.iter().any(|attr| attr.path().is_ident("doc"))
}
