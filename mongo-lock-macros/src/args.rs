//! Parsing arguments: which were given, each at most once.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Ident, Token,
    ext::IdentExt as _,
    parse::{ParseStream, Parser as _},
};

use crate::{
    argument::{Argument, Arguments, Place},
    errors::Errors,
};

/// The arguments between the parentheses, parsed. `valid` checks their values.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) arguments: Arguments,
    pub(crate) errors: Errors,
    /// Whether a slip in the syntax kept the rest from being read.
    pub(crate) cut_short: bool,
}

impl Args {
    /// Reads the arguments that are valid in `place`. Never fails: all that is wrong is in `errors`.
    pub(crate) fn parse(tokens: TokenStream, place: Place) -> Self {
        let mut args = Self::default();
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.argument(input, place) {
                    args.errors.push(error);
                    skip_to_comma(input);
                }
                if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                    let message = "expected `,` between two arguments";
                    args.errors.at(input.span(), message);
                    args.cut_short = true;
                    while input.parse::<TokenTree>().is_ok() {}
                }
            }
            Ok(())
        };
        if let Err(error) = parse.parse2(tokens) {
            args.errors.push(error);
        }
        args
    }

    fn argument(&mut self, input: ParseStream<'_>, place: Place) -> syn::Result<()> {
        // `crate` is a keyword, and an argument.
        let key = input.call(Ident::parse_any).map_err(|error| {
            let valid = Argument::valid_in(place);
            let message = format!("expected an argument: one of {valid}");
            syn::Error::new(error.span(), message)
        })?;
        match Argument::find(&key.to_string()) {
            Some(argument) if argument.is_valid_in(place) => {
                self.arguments.set(argument, key, input)
            }
            elsewhere => {
                let valid = Argument::valid_in(place);
                let message = match elsewhere {
                    Some(_) => {
                        format!("`{key}` belongs into the attribute; valid here are {valid}")
                    }
                    None => format!("unknown argument `{key}`; valid ones are {valid}"),
                };
                Err(syn::Error::new(key.span(), message))
            }
        }
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}
