//! Checking the parsed arguments and the return type: the expansion gets valid values only.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, Ident, Path, ext::IdentExt as _};

use crate::{
    args::Args, argument::Arguments, function::Function, manifest, name::Name, returns::Returns,
    rule, terms::Terms,
};

/// A checked `#[distributed_lock(…)]` and the return type of its function.
pub(crate) struct Annotation {
    pub(crate) name: Name,
    pub(crate) terms: Terms,
    /// Whether other functions take the lock too.
    pub(crate) reuse: bool,
    pub(crate) client: Option<Expr>,
    /// The path of the runtime crate, where it is not the usual one.
    pub(crate) krate: Option<Path>,
    pub(crate) returns: Returns,
    /// Whether a placeholder stands in for an argument that was refused.
    pub(crate) faulty: bool,
}

impl Annotation {
    /// Checks the arguments and the return type. Gives the annotation and all errors.
    ///
    /// What is wrong is replaced with something harmless, so that the function is still there,
    /// with its new return type, and the error is the only one that its author sees.
    pub(crate) fn check(args: Args, function: &Function) -> (Self, Option<syn::Error>) {
        let Args {
            arguments,
            mut errors,
            half_written,
            ..
        } = args;
        let Arguments {
            terms,
            name,
            reuse,
            client,
            krate,
        } = arguments;
        let name_given = name.given();
        let name = match name.value() {
            Some(value) => Name::check(value, &function.sig, &mut errors),
            None => Name::Refused,
        };
        // A declared lock may have its ttl, and all other terms, from its declaration.
        let all = !matches!(name, Name::Path { .. });
        let no_ttl = all && !terms.ttl.given();
        if !half_written && (!name_given || no_ttl) {
            errors.push(missing(&function.sig.ident, !name_given, no_ttl));
        }
        // Without a ttl, what is named only would be a second error.
        let terms = Terms::check(terms, all, no_ttl || half_written, &mut errors);
        let (returns, error) = Returns::read(&function.output);
        if let Some(error) = error {
            errors.push(error);
        }
        if let Some(error) = &function.mended {
            errors.push(error.clone());
        }
        let faulty = half_written || !errors.is_empty();
        let annotation = Self {
            faulty,
            name,
            terms,
            reuse: reuse.flag().unwrap_or(false),
            client: client.value(),
            krate: krate.value().or_else(renamed),
            returns,
        };
        (annotation, errors.into_inner())
    }

    /// The runtime's module for expansions. A message about it stands at `span`.
    pub(crate) fn private(&self, span: Span) -> TokenStream {
        private(self.krate.as_ref(), span)
    }
}

/// The error for arguments that are not there, which says what to write.
fn missing(function: &Ident, name: bool, ttl: bool) -> syn::Error {
    let mut keys = Vec::new();
    let mut write = Vec::new();
    if name {
        let name = function.unraw().to_string().replace('_', "-");
        let name = if rule::check(&name).is_ok() {
            name
        } else {
            "nightly-report".to_owned()
        };
        keys.push("`name`");
        write.push(format!("name = \"{name}\""));
    }
    if ttl {
        keys.push("`ttl`");
        write.push("ttl = \"5m\"".to_owned());
    }
    let (keys, write) = (keys.join(" and "), write.join(", "));
    // No token of the arguments is at fault: the name of the function is the closest.
    let message = format!("`#[distributed_lock]` needs {keys}: write `{write}`");
    syn::Error::new(function.span(), message)
}

/// The runtime crate under the name that the user's manifest gives it.
pub(crate) fn renamed() -> Option<Path> {
    let name = Ident::new(&manifest::renamed()?, Span::call_site());
    Some(syn::parse_quote!(::#name))
}

/// The runtime's module for expansions, in the crate of `crate = …` or the usual one.
pub(crate) fn private(krate: Option<&Path>, span: Span) -> TokenStream {
    // The user's location, our own names.
    let span = Span::mixed_site().located_at(span);
    if let Some(path) = krate {
        quote_spanned!(span=> #path::__private)
    } else {
        // At one place in all paths of an expansion, so that the compiler reports it once where this name
        // is not the crate's.
        let name = Ident::new("mongo_lock_runtime", Span::mixed_site());
        quote_spanned!(span=> ::#name::__private)
    }
}
