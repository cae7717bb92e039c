//! The libraries that a file of these tests can use.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

/// The crates that a file can name.
const CRATES: &[&str] = &[
    "anyhow",
    "async_trait",
    "mongo_lock_runtime",
    "mongodb",
    "tokio",
    "tracing",
];

/// The libraries of this test, as cargo has built them.
#[derive(Clone)]
pub(crate) struct Artifacts {
    /// The crates with their files.
    crates: Vec<(&'static str, PathBuf)>,
    /// The folder of their dependencies.
    folder: PathBuf,
    /// Folders of libraries that build scripts have made.
    native: Vec<String>,
}

impl Artifacts {
    /// Asks cargo for the libraries of this test, which cargo has built before the test began.
    pub(crate) fn of_this_test() -> Self {
        let test = env::current_exe().unwrap();
        let folder = test.parent().unwrap().to_owned();
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["test", "--no-run", "--test", "ui"])
            .arg("--message-format=json-render-diagnostics")
            .stderr(Stdio::inherit());
        // What cargo has told this test about its package would make build scripts run again, and
        // with them everything that depends on their crates.
        for (key, _) in env::vars_os() {
            let of_the_package = [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ];
            let key = key.to_string_lossy().into_owned();
            if of_the_package.iter().any(|start| key.starts_with(start)) {
                cargo.env_remove(key);
            }
        }
        if folder.parent().is_some_and(|it| it.ends_with("release")) {
            cargo.arg("--release");
        }
        let output = cargo.output().expect("cargo starts");
        assert!(output.status.success(), "cargo: {}", output.status);
        let (mut crates, mut native) = (Vec::new(), Vec::new());
        for line in output.stdout.split(|byte| *byte == b'\n') {
            let Ok(message) = serde_json::from_slice::<Value>(line) else {
                continue;
            };
            match message["reason"].as_str() {
                Some("compiler-artifact") => {
                    let name = message["target"]["name"].as_str().unwrap_or_default();
                    let name = name.replace('-', "_");
                    let Some(name) = CRATES.iter().copied().find(|it| *it == name) else {
                        continue;
                    };
                    let files = message["filenames"].as_array().unwrap();
                    let files = files.iter().filter_map(Value::as_str).map(PathBuf::from);
                    let library = |path: &PathBuf| {
                        path.extension()
                            .is_some_and(|it| it == "rlib" || it == env::consts::DLL_EXTENSION)
                    };
                    crates.extend(files.filter(library).map(|file| (name, file)));
                }
                Some("build-script-executed") => {
                    let paths = message["linked_paths"].as_array().unwrap();
                    native.extend(paths.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                _ => {}
            }
        }
        for name in CRATES {
            let count = crates.iter().filter(|(it, _)| it == name).count();
            assert_eq!(count, 1, "the libraries of `{name}`: {crates:?}");
        }
        Self {
            crates,
            folder,
            native,
        }
    }

    /// The same libraries, with another name for one crate.
    pub(crate) fn renamed(&self, crate_name: &str, other: &'static str) -> Self {
        let mut renamed = self.clone();
        for (name, _) in &mut renamed.crates {
            if *name == crate_name {
                *name = other;
            }
        }
        renamed
    }

    pub(super) fn pass_to(&self, command: &mut Command) {
        for (name, file) in &self.crates {
            command
                .arg("--extern")
                .arg(format!("{name}={}", file.display()));
        }
        command
            .arg("-L")
            .arg(format!("dependency={}", self.folder.display()));
        for path in &self.native {
            command.args(["-L", path]);
        }
    }
}
