//! The words of comments, as a test: no indefinite person is the subject or the object of a sentence.
//!
//! "The holder", "a waiter" and "the caller" say which party is meant. `CONTRIBUTING.md` has the other
//! rules for prose, which a test cannot check.

use std::{fs, path::Path};

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

fn check(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("the sources are there") {
            check(&entry.expect("the sources can be read").path(), found);
        }
        return;
    }
    let (is_rust, is_markdown) = ["rs", "md"]
        .map(|kind| path.extension().is_some_and(|extension| extension == kind))
        .into();
    if !is_rust && !is_markdown {
        return;
    }
    let text = fs::read_to_string(path).expect("the sources can be read");
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
        check(&root.join(folder), &mut found);
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
