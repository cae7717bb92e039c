//! The name of the runtime crate in the user's `Cargo.toml`, where the dependency is renamed.
//!
//! `cargo` hands a dependency to the compiler by the key in the manifest: `locks = { package =
//! "mongo-lock-runtime", … }` is the crate `locks`. What is not found here (a crate that re-exports this one,
//! another build tool) is what `crate = …` is for.

use std::{env, fs, path::Path};

const PACKAGE: &str = "mongo-lock-runtime";

/// The renamed dependency of the package that is being compiled.
pub(crate) fn renamed() -> Option<String> {
    let folder = env::var_os("CARGO_MANIFEST_DIR")?;
    let read = |folder: &Path| fs::read_to_string(folder.join("Cargo.toml")).ok();
    let folder = Path::new(&folder);
    let own = dependencies(&read(folder)?, false);
    if own.iter().any(|it| it.key == PACKAGE) {
        return None;
    }
    let renamed = |it: &&Dependency| it.package.as_deref() == Some(PACKAGE);
    if let Some(found) = only(own.iter().filter(renamed)) {
        return Some(found);
    }
    if !own.iter().any(|it| it.inherited) {
        return None;
    }
    let all = folder.ancestors().filter_map(read);
    let all: Vec<Dependency> = all.flat_map(|text| dependencies(&text, true)).collect();
    let inherits = |it: &&Dependency| own.iter().any(|own| own.inherited && own.key == it.key);
    only(all.iter().filter(renamed).filter(inherits))
}

/// The crate's name, if all are one.
fn only<'a>(mut found: impl Iterator<Item = &'a Dependency>) -> Option<String> {
    let key = &found.next()?.key;
    found
        .all(|it| it.key == *key)
        .then(|| key.replace('-', "_"))
}

struct Dependency {
    key: String,
    package: Option<String>,
    /// Whether the workspace says the rest.
    inherited: bool,
}

/// The dependencies in a manifest; or those of a workspace, which its members inherit.
fn dependencies(manifest: &str, of_the_workspace: bool) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    let mut section = Section::Other;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|line| line.split(']').next())
        {
            section = Section::of(header, of_the_workspace);
            if let Section::One(key) = &section {
                found.push(Dependency::new(key));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim().trim_matches('"'), value.trim());
        match &section {
            Section::All => {
                let (key, field) = key.split_once('.').unwrap_or((key, ""));
                let mut dependency = Dependency::new(key);
                if field.is_empty() {
                    let fields = value.trim_start_matches('{').trim_end_matches('}');
                    for (field, value) in fields.split(',').filter_map(|it| it.split_once('=')) {
                        dependency.set(field.trim(), value.trim());
                    }
                } else {
                    dependency.set(field.trim(), value);
                }
                found.push(dependency);
            }
            Section::One(_) => {
                if let Some(last) = found.last_mut() {
                    last.set(key, value);
                }
            }
            Section::Other => {}
        }
    }
    found
}

impl Dependency {
    fn new(key: &str) -> Self {
        Self {
            key: key.trim().to_owned(),
            package: None,
            inherited: false,
        }
    }

    fn set(&mut self, field: &str, value: &str) {
        match field {
            "package" => self.package = value.split('"').nth(1).map(str::to_owned),
            "workspace" => self.inherited = value.starts_with("true"),
            _ => {}
        }
    }
}

enum Section {
    /// `[dependencies]`
    All,
    /// `[dependencies.locks]`
    One(String),
    Other,
}

impl Section {
    fn of(header: &str, of_the_workspace: bool) -> Self {
        if header.starts_with("workspace.") != of_the_workspace {
            return Self::Other;
        }
        let (before, last) = header.rsplit_once('.').unwrap_or(("", header));
        let is_list = |name: &str| {
            let name = name.rsplit('.').next().unwrap_or(name).trim();
            ["dependencies", "dev-dependencies", "build-dependencies"].contains(&name)
        };
        if is_list(last) {
            Self::All
        } else if is_list(before) {
            Self::One(last.trim().trim_matches('"').to_owned())
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PACKAGE, dependencies};

    /// The keys of the package, and whether it is inherited under each.
    fn keys(manifest: &str, of_the_workspace: bool) -> String {
        let all = dependencies(manifest, of_the_workspace);
        let keys = all.iter().filter_map(|it| {
            let ours = it.package.as_deref() == Some(PACKAGE) || it.key == PACKAGE;
            match it.inherited {
                _ if ours => Some(it.key.clone()),
                true => Some(format!("{}?", it.key)),
                false => None,
            }
        });
        keys.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_form_of_a_dependency() {
        for (manifest, found) in [
            (
                "[dependencies]\nmongo-lock-runtime = \"1\"",
                "mongo-lock-runtime",
            ),
            (
                "[dependencies]\nmongo-lock-runtime.workspace = true",
                "mongo-lock-runtime",
            ),
            (
                "[dependencies]\nlocks = { package = \"mongo-lock-runtime\", version = \"1\" }",
                "locks",
            ),
            (
                "[dependencies]\nother = \"1\" # package = \"mongo-lock-runtime\"\n\
                 \"locks\" = { features = [\"a\", \"b\"], package = \"mongo-lock-runtime\" }",
                "locks",
            ),
            (
                "[dependencies]\nlocks.package = \"mongo-lock-runtime\"",
                "locks",
            ),
            (
                "[dependencies.locks]\nversion = \"1\"\npackage = \"mongo-lock-runtime\"\n[features]\n",
                "locks",
            ),
            (
                "[target.'cfg(unix)'.dependencies]\nlocks = { package = \"mongo-lock-runtime\" }",
                "locks",
            ),
            (
                "[target.'cfg(unix)'.dev-dependencies.locks]\npackage = \"mongo-lock-runtime\"",
                "locks",
            ),
            ("[dependencies]\nlocks = { workspace = true }", "locks?"),
            ("[dependencies]\nlocks.workspace = true", "locks?"),
            ("[package]\nname = \"mongo-lock-runtime\"", ""),
            (
                "[workspace.dependencies]\nlocks = { package = \"mongo-lock-runtime\" }",
                "",
            ),
            ("", ""),
        ] {
            assert_eq!(keys(manifest, false), found, "{manifest}");
        }
        let workspace = "[workspace.dependencies]\nlocks = { package = \"mongo-lock-runtime\" }\n\
                         [dependencies]\nx = { package = \"mongo-lock-runtime\" }";
        assert_eq!(keys(workspace, true), "locks");
    }
}
