//! The `#[distributed_lock]` attribute. Depend on `mongo-lock-runtime`, which re-exports it and
//! documents it; this crate knows nothing of MongoDB.
//!
//! Three steps, one file each: `args` and `function` parse, `valid` checks, `expand` writes.

mod args;
mod duration;
mod expand;
mod function;
mod name;
mod returns;
mod valid;

use proc_macro::TokenStream;
use syn::parse::Parser as _;

use crate::{args::Args, expand::expand, function::Function, valid::Job};

#[allow(missing_docs)] // documented where it is re-exported
#[proc_macro_attribute]
pub fn distributed_lock(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let function = match Function::parse.parse2(item.clone()) {
        Ok(function) => function,
        // Still there for its callers: they are not what is wrong.
        Err(error) => return with_errors(item, error),
    };
    let args = Args::parse(args.into());
    let (job, errors) = Job::check(args, &function);
    let output = match &job {
        Some(job) => expand(job, &function),
        None => item,
    };
    match errors {
        Some(errors) => with_errors(output, errors),
        None => output.into(),
    }
}

fn with_errors(mut output: proc_macro2::TokenStream, errors: syn::Error) -> TokenStream {
    output.extend(errors.into_compile_error());
    output.into()
}
