//! Each function of the package's tests, annotated in this process: a case of `tests/ui` is refused with
//! the messages beside it, and all the others are accepted. `tests/ui.rs` holds the same cases to their
//! locations, with the compiler.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::{annotate, declare::declare};

/// Errors without a number that only a compiler adds to a case.
const OF_THE_COMPILER: &[&str] = &[
    "arguments_with_other_signs: key-value macro attributes are not supported",
    "body_borrow_errors: lifetime may not live long enough",
    // `#[tokio::main]` above the attribute is expanded first.
    "item_not_async: `#[tokio::main]` or `#[tokio::test]` has made this function synchronous; move \
     `#[distributed_lock]` above it",
    "template_format: unknown format trait `nonsense`",
    // Of functions that a macro of the case makes.
    "template_two_arguments_alike: this is not a lock name: two arguments are spelled `x`, one of them \
     by a macro, and this can mean either; give one of them another name",
    "template_two_arguments_alike: two arguments are spelled `x`, one of them by a macro, and this can \
     mean either; give one of them another name",
];

fn tests(folder: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.join("../tests").join(folder)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    files
}

/// The errors of all expansions in these tokens, and their number.
fn expand(tokens: TokenStream, errors: &mut Vec<String>) -> usize {
    let mut count = 0;
    let mut tokens = tokens.into_iter().peekable();
    let mut before = None;
    while let Some(token) = tokens.next() {
        if matches!(&token, TokenTree::Ident(ident) if ident == "macro_rules") {
            // The `!` and the name: nothing in the braces is a function yet.
            tokens.nth(2);
            continue;
        }
        if let TokenTree::Group(group) = &token {
            match &before {
                Some(TokenTree::Punct(punct)) if punct.as_char() == '#' => {
                    if let Some(args) = arguments(group) {
                        let item = item(&mut tokens);
                        count += 1;
                        let mut own = Vec::new();
                        messages(item.clone(), &mut own);
                        let mut all = Vec::new();
                        messages(annotate(args, item.clone()), &mut all);
                        errors.extend(all.into_iter().filter(|it| !own.contains(it)));
                        // Functions in the item.
                        count += expand(item, errors);
                    }
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == '!' => {
                    // Of a declaration, since other macros take no module.
                    let text = group.to_string();
                    if group.delimiter() == Delimiter::Brace && is_declaration(&text) {
                        count += 1;
                        messages(declare(group.stream()), errors);
                    }
                }
                _ => count += expand(group.stream(), errors),
            }
        }
        before = Some(token);
    }
    count
}

fn is_declaration(text: &str) -> bool {
    text.contains("mod locks") || text.contains("Report = \"report\"")
}

/// The arguments of `[distributed_lock(…)]`.
fn arguments(attribute: &Group) -> Option<TokenStream> {
    let mut inside = attribute.stream().into_iter();
    match inside.next() {
        Some(TokenTree::Ident(name)) if name == "distributed_lock" => match inside.next() {
            Some(TokenTree::Group(args)) => Some(args.stream()),
            None => Some(TokenStream::new()),
            Some(_) => None,
        },
        _ => None,
    }
}

/// The next item: the tokens up to the first braces or semicolon.
fn item(tokens: &mut impl Iterator<Item = TokenTree>) -> TokenStream {
    let mut item = TokenStream::new();
    for token in tokens {
        let last = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        item.extend([token]);
        if last {
            break;
        }
    }
    item
}

/// The texts of all `compile_error!`.
fn messages(output: TokenStream, errors: &mut Vec<String>) {
    let mut is_error = false;
    for token in output {
        match token {
            TokenTree::Ident(ident) => is_error = ident == "compile_error",
            TokenTree::Group(group) if is_error => {
                let text: syn::LitStr = syn::parse2(group.stream()).unwrap();
                errors.push(text.value());
                is_error = false;
            }
            TokenTree::Group(group) => messages(group.stream(), errors),
            _ => {}
        }
    }
}

#[test]
fn each_case_is_refused_with_its_messages() {
    let (mut count, mut others) = (0, Vec::new());
    for path in sources(&tests("ui")) {
        let file = path.file_stem().unwrap().to_string_lossy();
        let source = fs::read_to_string(&path).unwrap();
        let mut errors = Vec::new();
        count += expand(source.parse().unwrap(), &mut errors);
        let expected = fs::read_to_string(path.with_extension("stderr")).unwrap_or_default();
        let mut expected: Vec<&str> = expected
            .lines()
            .filter_map(|line| line.strip_prefix("error: "))
            .collect();
        for error in errors {
            let at = expected.iter().position(|it| *it == error);
            let at = at.unwrap_or_else(|| panic!("{file}: {error}"));
            expected.remove(at);
        }
        others.extend(expected.into_iter().map(|it| format!("{file}: {it}")));
    }
    assert!(count > 100, "{count}");
    others.sort_unstable();
    assert_eq!(others, OF_THE_COMPILER);
}

#[test]
fn all_others_are_accepted() {
    let mut count = 0;
    for folder in ["locks", "names", "shapes", "users", "waiting", "faults"] {
        for path in sources(&tests(folder)) {
            let source = fs::read_to_string(&path).unwrap();
            let mut errors = Vec::new();
            count += expand(source.parse().unwrap(), &mut errors);
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        }
    }
    assert!(count > 100, "{count}");
}
