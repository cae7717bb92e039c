//! Arguments and declarations as an editor shows them to the macros while they are written: each gives at
//! most one error, and the function or the lock is there. `tests/ui.rs` compiles the same inputs, with their
//! callers.
//!
//! The inputs are made from good ones, token by token: every beginning; every argument that is not
//! complete, among the others; and every token left out.

use std::{fs, path::Path};

use proc_macro2::{TokenStream, TokenTree};

use crate::{annotate, declare::declare};

fn good(file: &str) -> Vec<TokenStream> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/half_written");
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let lines: Vec<_> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(!lines.is_empty());
    lines
}

/// All that is on the way to the tokens.
fn half_written(good: &TokenStream, separator: char) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = good.clone().into_iter().collect();
    let len = tokens.len();
    let is_separator =
        |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == separator);
    let join = |a: &[TokenTree], b: &[TokenTree]| a.iter().chain(b).cloned().collect();
    let mut all: Vec<TokenStream> = Vec::new();
    for at in 0..=len {
        // Every beginning, alone and before the next argument.
        all.push(join(&tokens[..at], &[]));
        let rest = tokens[at..].iter().position(is_separator);
        if let Some(rest) = rest {
            all.push(join(&tokens[..at], &tokens[at + rest..]));
        }
        if at < len {
            all.push(join(&tokens[..at], &tokens[at + 1..]));
        }
    }
    all
}

/// The output without its errors, and their number.
fn split(output: &TokenStream) -> (TokenStream, Vec<String>) {
    let file: syn::File = syn::parse2(output.clone()).unwrap_or_else(|error| {
        panic!("{error}: {output}");
    });
    let mut errors = Vec::new();
    let mut items = TokenStream::new();
    for item in file.items {
        match item {
            syn::Item::Macro(call)
                if call.mac.path.segments.last().unwrap().ident == "compile_error" =>
            {
                errors.push(call.mac.tokens.to_string());
            }
            item => quote::ToTokens::to_tokens(&item, &mut items),
        }
    }
    (items, errors)
}

#[test]
fn an_attribute_has_one_error_and_its_function() {
    let item: TokenStream =
        "pub async fn job(id: u32, queue: &str, lease: Duration, clients: &[LockClient]) \
                             -> Result<u32, Error> { Ok(id) }"
            .parse()
            .unwrap();
    let mut count = 0;
    for good in good("attributes.txt") {
        assert_eq!(
            split(&annotate(good.clone(), item.clone())).1,
            [""; 0],
            "{good}"
        );
        for args in half_written(&good, ',') {
            count += 1;
            let (function, errors) = split(&annotate(args.clone(), item.clone()));
            assert!(errors.len() <= 1, "({args}): {errors:?}");
            let function = function.to_string();
            assert!(function.contains("async fn job"), "({args}): {function}");
            assert!(
                function.contains(":: Outcome < u32 > , Error >"),
                "({args}): {function}"
            );
        }
    }
    assert!(count > 700, "{count}");
}

#[test]
fn a_declaration_has_one_error_and_its_locks() {
    let mut count = 0;
    for good in good("declarations.txt") {
        let module = |locks: &TokenStream| declare(quote::quote!(pub mod locks { #locks }));
        assert_eq!(split(&module(&good)).1, [""; 0], "{good}");
        for locks in half_written(&good, ';') {
            count += 1;
            let (module, errors) = split(&module(&locks));
            assert!(errors.len() <= 1, "{locks}: {errors:?}");
            let module = module.to_string();
            for lock in ["Report", "Import", "CleanUp", "Other"] {
                // Whose name is there, is there.
                if locks.to_string().contains(lock) {
                    assert!(
                        module.contains(&format!("pub struct {lock}")),
                        "{locks}: {module}"
                    );
                }
            }
        }
    }
    let good: TokenStream = "crate = facade; #[doc = \"x\"] pub mod locks { Report = \"report\"; }"
        .parse()
        .unwrap();
    for all in half_written(&good, ';') {
        count += 1;
        let (module, errors) = split(&declare(all.clone()));
        assert!(errors.len() <= 1, "{all}: {errors:?}");
        if all.to_string().contains("mod locks") {
            let module = module.to_string();
            assert!(
                module.contains("mod locks") || all.to_string().contains("# pub"),
                "{all}"
            );
        }
    }
    assert!(count > 250, "{count}");
}
