//! The compiler, called for one file at a time, with the libraries that this test itself was built with.
//!
//! A file costs a run of the compiler, half a second, and nothing else: no project is made for it, and no
//! dependency is built a second time.

mod artifacts;
mod text;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

pub(crate) use self::{artifacts::Artifacts, text::essential};

/// How far a file is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// As by `cargo check`.
    Checked,
    /// To an executable: constants that depend on a type are evaluated only now.
    Built,
    /// As by `cargo clippy`, with the lints that are on by default and the pedantic ones.
    Linted,
}

/// The result of compiling a file.
pub(crate) struct Compiled {
    pub(crate) ok: bool,
    pub(crate) stderr: String,
    pub(crate) executable: PathBuf,
}

/// Compiles the source in `file`, a path below the package.
pub(crate) fn compile(artifacts: &Artifacts, file: &Path, until: Until, out: &Path) -> Compiled {
    compile_with(artifacts, file, until, out, |_| {})
}

/// As [`compile`], after a change of the command.
pub(crate) fn compile_with(
    artifacts: &Artifacts,
    file: &Path,
    until: Until,
    out: &Path,
    change: impl FnOnce(&mut Command),
) -> Compiled {
    let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
    let executable = out.join(&stem);
    let (program, component) = match until {
        Until::Linted => ("clippy-driver", "clippy"),
        Until::Checked | Until::Built => ("rustc", "rustc"),
    };
    let mut command = Command::new(program);
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("RUSTC_WRAPPER")
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "bin",
            "--color",
            "never",
        ])
        .args(["--diagnostic-width", "140"])
        .arg("--crate-name")
        .arg(stem.replace('-', "_"))
        .arg(file)
        .arg("-o")
        .arg(&executable);
    if until != Until::Built {
        command.arg("--emit=metadata");
    }
    artifacts.pass_to(&mut command);
    change(&mut command);
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program} does not start: {error}; `rustup component add {component}`")
    });
    Compiled {
        ok: output.status.success(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        executable,
    }
}

/// Runs `check` for each file on all processors, and gives the complaints, sorted.
pub(crate) fn in_parallel<T: Sync>(
    files: &[T],
    check: impl Fn(&T) -> Result<(), String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let complaints = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(complaint) = check(file) {
                        complaints.lock().unwrap().push(complaint);
                    }
                }
            });
        }
    });
    let mut complaints = complaints.into_inner().unwrap();
    complaints.sort_unstable();
    complaints
}

/// The `.rs` files in a folder of the package, sorted.
pub(crate) fn files_in(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
        .map(|path| path.strip_prefix(root).unwrap().to_owned())
        .collect();
    files.sort_unstable();
    files
}
