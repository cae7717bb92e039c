//! The refusals of the attribute and of `lock_names!`, as a user sees them: one file per rule in
//! `tests/ui`, with the compiler's errors beside it.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test ui` writes the errors anew; review the difference.

mod rustc;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use self::rustc::{Artifacts, Until, compile, essential, files_in, in_parallel};

static ARTIFACTS: LazyLock<Artifacts> = LazyLock::new(Artifacts::of_this_test);

/// The folder of the executables that a test makes.
fn out() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Checks that the file is refused with the errors beside it.
fn refused(file: &Path, until: Until, out: &Path) -> Result<(), String> {
    let compiled = compile(&ARTIFACTS, file, until, out);
    let name = file.display();
    if compiled.ok {
        return Err(format!("{name}: compiled, and is to be refused"));
    }
    let errors = essential(&compiled.stderr, "tests/ui");
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(file)
        .with_extension("stderr");
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&beside, &errors).unwrap();
    }
    if fs::read_to_string(beside).unwrap_or_default() == errors {
        return Ok(());
    }
    Err(format!("{name}: other errors than beside it:\n\n{errors}"))
}

fn assert_refused(files: &[PathBuf], until: Until, at_least: usize) {
    let out = out();
    let complaints = in_parallel(files, |file| refused(file, until, out.path()));
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    assert!(files.len() >= at_least, "{}", files.len());
}

#[test]
fn refused_when_checked() {
    assert_refused(&files_in("tests/ui"), Until::Checked, 40);
}

#[test]
fn refused_when_built() {
    assert_refused(&files_in("tests/ui/build"), Until::Built, 1);
}

#[test]
fn accepted_and_run() {
    let out = out();
    let complaints = in_parallel(&files_in("tests/ui/pass"), |file| {
        let compiled = compile(&ARTIFACTS, file, Until::Built, out.path());
        let name = file.display();
        if !compiled.ok {
            return Err(format!("{name}: {}", compiled.stderr));
        }
        let run = Command::new(compiled.executable).output().unwrap();
        if run.status.success() {
            return Ok(());
        }
        Err(format!("{name}: {}", String::from_utf8_lossy(&run.stderr)))
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}
