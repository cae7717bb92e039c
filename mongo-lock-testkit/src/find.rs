use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{Error, fetch};

/// The `mongod` binary that owned servers run: `MONGOD`, the `PATH`, an earlier fetch, a new one.
///
/// Blocks; a fetch takes as long as a download of 42 MB.
///
/// # Errors
///
/// [`Error::NoServer`] when there is none and it cannot be fetched here; the message lists the
/// ways to supply one.
pub fn find_mongod() -> Result<PathBuf, Error> {
    if let Some(path) = env::var_os("MONGOD").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        // A wrong path must not silently test another version than the one that was asked for.
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::no_server(format!(
                "MONGOD is {}, which is not a file",
                path.display()
            )))
        };
    }
    if let Some(path) = on_path() {
        return Ok(path);
    }
    fetch::cached_or_fetched()
}

/// `MONGODB_URI`, unless it is unset or empty (as CI matrices leave it).
pub(crate) fn running_server() -> Option<String> {
    env::var("MONGODB_URI").ok().filter(|uri| !uri.is_empty())
}

fn on_path() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join("mongod"))
        .find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
