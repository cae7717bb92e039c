//! The macros `#[distributed_lock]` and `lock_names!`. Depend on `mongo-lock-runtime`, which
//! re-exports and documents them; this crate knows nothing of MongoDB.
//!
//! Three steps: `argument` (the table), `slot`, `args`, `function` and `pinned` parse; `valid`,
//! `name`, `template`, `terms` and `returns` check; `expand` writes. `declare` does the three for
//! `lock_names!`.

mod args;
mod argument;
mod declare;
mod duration;
mod errors;
mod expand;
mod function;
#[cfg(test)]
mod half_written;
mod manifest;
mod name;
mod pinned;
#[cfg(test)]
mod refusals;
mod returns;
mod rule;
mod slot;
#[cfg(test)]
mod snapshots;
mod template;
mod terms;
mod text;
mod valid;

use syn::parse::Parser as _;

use crate::{args::Args, argument::Place, function::Function, valid::Annotation};

#[allow(missing_docs)] // documented where it is re-exported
#[proc_macro_attribute]
pub fn distributed_lock(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    annotate(args.into(), item.into()).into()
}

#[allow(missing_docs)] // documented where it is re-exported
#[proc_macro]
pub fn lock_names(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    declare::declare(input.into()).into()
}

fn annotate(
    args: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> proc_macro2::TokenStream {
    let function = match Function::parse.parse2(item.clone()) {
        Ok(function) => function,
        // The item stays, so that its callers get no errors of their own.
        Err(error) => return with_errors(item, Some(error)),
    };
    let args = if is_key_value(&args) {
        Args::of_key_value()
    } else {
        Args::parse(args, Place::Attribute)
    };
    let (annotation, errors) = Annotation::check(args, &function);
    with_errors(expand::expand(&annotation, &function), errors)
}

/// Whether the attribute is `#[distributed_lock = "job"]`, which the compiler refuses itself. The tokens are
/// those of `#[distributed_lock("job")]`.
fn is_key_value(args: &proc_macro2::TokenStream) -> bool {
    let mut tokens = args.clone().into_iter();
    let (Some(proc_macro2::TokenTree::Literal(_)), None) = (tokens.next(), tokens.next()) else {
        return false;
    };
    let attribute = proc_macro2::Span::call_site().source_text();
    attribute.is_some_and(|text| {
        text.find(['=', '('])
            .is_some_and(|at| text[at..].starts_with('='))
    })
}

fn with_errors(
    mut output: proc_macro2::TokenStream,
    errors: Option<syn::Error>,
) -> proc_macro2::TokenStream {
    output.extend(errors.map(syn::Error::into_compile_error));
    output
}
