//! Libraries that are loaded before libc, to change the clocks of one process.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Compiles `tests/support/<source>.c` into a library in `folder`.
///
/// What links Rust programs is there, so the test needs nothing to be installed.
pub(crate) fn compile(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join(format!("{source}.so"));
    let file = format!("{}/tests/support/{source}.c", env!("CARGO_MANIFEST_DIR"));
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(file)
        .status();
    assert!(compiled.expect("`cc` runs").success());
    library
}
