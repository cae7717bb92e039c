//! The prose of the repository, as tests: comments name no indefinite person, and `ARCHITECTURE.md` names
//! no test that does not exist.
//!
//! "The holder", "a waiter" and "the caller" say which party is meant. `CONTRIBUTING.md` has the other
//! rules for prose, which a test cannot check.

use std::{collections::BTreeSet, fs, path::Path};

/// The words that name no party.
const INDEFINITE: &[&str] = &[
    "whoever",
    "somebody",
    "nobody",
    "everybody",
    "anybody",
    "anyone",
    "someone",
    "everyone",
];

/// The sources whose comments are checked, relative to this crate.
const FOLDERS: &[&str] = &["src", "../mongo-lock-macros/src"];

/// Calls `visit` with each file below `path` whose extension is `kind`, and its text.
fn each_file(path: &Path, kind: &str, visit: &mut dyn FnMut(&Path, &str)) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("the sources are there") {
            each_file(&entry.expect("the sources can be read").path(), kind, visit);
        }
    } else if path.extension().is_some_and(|extension| extension == kind) {
        visit(
            path,
            &fs::read_to_string(path).expect("the sources can be read"),
        );
    }
}

fn check(path: &Path, text: &str, is_markdown: bool, found: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        let prose = if is_markdown {
            line
        } else {
            line.split_once("//").map_or("", |(_, comment)| comment)
        };
        if let Some(word) = indefinite(prose) {
            found.push(format!("{}:{}: {word}", path.display(), number + 1));
        }
    }
}

fn indefinite(prose: &str) -> Option<&'static str> {
    let prose = prose.to_lowercase();
    let mut words = prose.split(|c: char| !c.is_alphabetic());
    words.find_map(|word| INDEFINITE.iter().find(|&&it| it == word).copied())
}

#[test]
fn comments_name_no_indefinite_person() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in FOLDERS {
        for (kind, is_markdown) in [("rs", false), ("md", true)] {
            each_file(&root.join(folder), kind, &mut |path, text| {
                check(path, text, is_markdown, &mut found);
            });
        }
    }
    assert!(
        found.is_empty(),
        "name the party (the caller, the holder, a waiter, the client) instead: {found:#?}"
    );
}

#[test]
fn indefinite_persons_are_found() {
    assert_eq!(indefinite(" Nobody's lock, whoever asks."), Some("nobody"));
    assert_eq!(indefinite(" Whoever asks."), Some("whoever"));
    assert_eq!(indefinite(" No body runs, and some bodies wait."), None);
}

#[test]
fn the_architecture_names_tests_that_exist() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = workspace.join("ARCHITECTURE.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let (_, invariants) = page.split_once("\n## Invariants").expect("a section");
    let invariants = invariants.split("\n## ").next().unwrap_or_default();
    // Every second piece between backticks is code; a test's name has words, and no path.
    let code = invariants.split('`').skip(1).step_by(2);
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_test = |name: &&str| name.contains('_') && name.chars().all(is_word);
    let mut missing: BTreeSet<&str> = code.filter(is_test).collect();
    assert!(missing.len() > 20, "too few names were found: {missing:?}");
    for folder in ["tests", "mongo-lock-runtime/src", "mongo-lock-macros/src"] {
        each_file(&workspace.join(folder), "rs", &mut |_, text| {
            missing.retain(|name| !text.contains(&format!("fn {name}(")));
        });
    }
    assert!(missing.is_empty(), "no test has these names: {missing:#?}");
}
