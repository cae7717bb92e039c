use std::path::PathBuf;

use crate::Error;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn cached_or_fetched() -> Result<PathBuf, Error> {
    use std::{
        env,
        process::{Command, Stdio},
    };

    /// Python, since it is what has pip: it also unpacks, and locks out concurrent fetches.
    const FETCH: &str = include_str!("fetch.py");
    /// The folder below the cache folder: another version must never be taken for this one.
    const VERSION: &str = "6.0.5";

    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        // The specification of base directories has relative ones ignored.
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| {
            Error::no_server("no `mongod` on the PATH, and no home folder to fetch one into")
        })?;
    let folder = cache.join("mongo-lock-testkit").join(VERSION);
    let mongod = folder.join("mongod");
    if mongod.is_file() {
        return Ok(mongod);
    }

    let fetched = Command::new("python3")
        .args(["-c", FETCH])
        .arg(&folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Error::no_server(format!(
                "no `mongod` on the PATH, and `python3`, which would fetch one, does not run: {error}"
            ))
        })?;
    if fetched.status.success() && mongod.is_file() {
        return Ok(mongod);
    }
    let output = String::from_utf8_lossy(&fetched.stderr);
    Err(Error::no_server(format!(
        "no `mongod` on the PATH, and fetching one into {} failed ({}):\n{}",
        folder.display(),
        fetched.status,
        output.trim()
    )))
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn cached_or_fetched() -> Result<PathBuf, Error> {
    Err(Error::no_server(
        "no `mongod` on the PATH, and there is none to fetch for this platform",
    ))
}
