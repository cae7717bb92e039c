//! The layers of this crate, as a test: a module imports only what stands below it.
//!
//! `ARCHITECTURE.md` at the root of the repository describes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The layers, the lowest first. A module imports from lower layers, and from its own folder.
const LAYERS: &[&[&str]] = &[
    &["clock", "random"],
    &["error", "name", "outcome", "registered_lock", "spec"],
    &["events", "registry"],
    &["metrics"],
    &["store"],
    &["operation"],
    &["lease"],
    &["queue"],
    &["client"],
    &["macro_support"],
    &["simulation"],
    &["guide"],
];

/// The most lines that a file may have.
const LONGEST: usize = 400;

type Modules = BTreeMap<String, String>;

fn source_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// The source of each module, by its path: `lease/table`, `lease` for `lease/mod.rs`.
fn modules() -> Modules {
    let mut modules = Modules::new();
    collect(source_folder(), &mut modules);
    modules
}

fn collect(folder: &Path, modules: &mut Modules) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be read").path();
        if path.is_dir() {
            collect(&path, modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(source_folder()).expect("it is a source");
            let name = name.with_extension("").to_string_lossy().replace('\\', "/");
            let name = name.strip_suffix("/mod").map(str::to_owned).unwrap_or(name);
            let source = fs::read_to_string(&path).expect("the sources can be read");
            modules.insert(name, source);
        }
    }
}

/// The paths in the `use` declarations of a source, with the braces taken apart. The declarations of its
/// tests are left out.
fn imports(source: &str) -> Vec<String> {
    let source = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let mut paths = Vec::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        let code = ["pub(crate) ", "pub(super) ", "pub "]
            .iter()
            .find_map(|visible| code.strip_prefix(visible))
            .unwrap_or(code);
        let Some(first) = code.strip_prefix("use ") else {
            continue;
        };
        let mut declaration = first.to_owned();
        while !declaration.contains(';') {
            declaration.push_str(lines.next().unwrap_or(";").trim());
        }
        let declaration: String = declaration.split_whitespace().collect();
        take_apart("", declaration.trim_end_matches(';'), &mut paths);
    }
    paths
}

/// `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn take_apart(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((path, branches)) = tree.split_once('{') else {
        paths.push(format!("{prefix}{tree}"));
        return;
    };
    let prefix = format!("{prefix}{path}");
    let branches = branches.strip_suffix('}').unwrap_or(branches);
    let (mut depth, mut start) = (0, 0);
    for (at, character) in branches.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                take_apart(&prefix, &branches[start..at], paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < branches.len() {
        take_apart(&prefix, &branches[start..], paths);
    }
}

/// The module that an import of `module` names: the longest prefix of the path that is a module.
fn target(modules: &Modules, module: &str, import: &str) -> Option<String> {
    let mut segments: Vec<&str> = import.split("::").collect();
    let mut path: Vec<&str> = match segments.first()? {
        &"crate" => Vec::new(),
        &"self" | &"super" => module.split('/').collect(),
        _ => return None,
    };
    while let Some(first) = segments.first() {
        match *first {
            "crate" | "self" => {}
            "super" => drop(path.pop()),
            _ => break,
        }
        segments.remove(0);
    }
    path.extend(segments);
    (1..=path.len())
        .rev()
        .map(|length| path[..length].join("/"))
        .find(|path| modules.contains_key(path))
}

fn edges(modules: &Modules) -> BTreeMap<&str, BTreeSet<String>> {
    let mut edges = BTreeMap::new();
    for (module, source) in modules {
        let targets = imports(source).into_iter();
        let targets = targets.filter_map(|import| target(modules, module, &import));
        let targets = targets.filter(|target| target != module);
        edges.insert(module.as_str(), targets.collect());
    }
    edges
}

fn layer(module: &str) -> Option<usize> {
    let folder = module.split('/').next()?;
    LAYERS.iter().position(|layer| layer.contains(&folder))
}

fn is_test(module: &str) -> bool {
    matches!(module, "lib" | "layers" | "prose") || module.contains("/tests")
}

#[test]
fn every_import_points_down() {
    let modules = modules();
    let mut upward = Vec::new();
    for (module, targets) in edges(&modules) {
        if is_test(module) {
            continue;
        }
        let from = layer(module).unwrap_or_else(|| panic!("`{module}` is in no layer"));
        for target in targets {
            let to = layer(&target);
            let same_folder = module.split('/').next() == target.split('/').next();
            if !same_folder && to.is_none_or(|to| to > from) {
                upward.push(format!("{module} -> {target}"));
            }
        }
    }
    assert!(upward.is_empty(), "imports that point upward: {upward:#?}");
}

#[test]
fn there_is_no_circle_of_imports() {
    let modules = modules();
    let mut edges = edges(&modules);
    edges.retain(|module, _| !is_test(module));
    // A module that imports none of the modules that are left is not in a circle.
    loop {
        let left: BTreeSet<String> = edges.keys().map(|&module| module.to_owned()).collect();
        for targets in edges.values_mut() {
            targets.retain(|target| left.contains(target));
        }
        let before = edges.len();
        edges.retain(|_, targets| !targets.is_empty());
        if edges.len() == before {
            break;
        }
    }
    assert!(edges.is_empty(), "these import each other: {edges:#?}");
}

#[test]
fn nothing_is_imported_from_the_crate_root() {
    let modules = modules();
    let from_root = |(module, source): (&String, &String)| {
        let imports = imports(source).into_iter();
        let names = imports.filter_map(|path| path.strip_prefix("crate::").map(str::to_owned));
        let mut root = names.filter(|path| layer(path.split("::").next().unwrap_or("")).is_none());
        root.next().map(|path| format!("{module}: {path}"))
    };
    let found: Vec<_> = modules.iter().filter_map(from_root).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_file_is_too_long() {
    let modules = modules();
    let lines = |(module, source): (&String, &String)| {
        let lines = source.lines().count();
        (lines > LONGEST).then(|| format!("{module}: {lines} lines"))
    };
    let long: Vec<_> = modules.iter().filter_map(lines).collect();
    assert!(long.is_empty(), "{long:#?}");
}
