//! The owner label, which names the holder of a lock.

use std::sync::Arc;

use crate::error::Error;

const MAX_LEN: usize = 200;

/// The default label, `host:pid`: the machine and the process.
pub(crate) fn default_label() -> Arc<str> {
    let host = gethostname::gethostname();
    let host: String = host
        .to_string_lossy()
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    format!("{host}:{}", std::process::id()).into()
}

/// Checks a label, which appears in the logs of other services: it must not be empty, must be short, and
/// must be one line.
pub(crate) fn check_label(label: &str) -> Result<Arc<str>, Error> {
    let problem = if label.is_empty() {
        "it is empty; leave it out for the default, `host:pid`".to_owned()
    } else if label.len() > MAX_LEN {
        format!(
            "it has {} bytes; at most {MAX_LEN} are allowed",
            label.len()
        )
    } else if label.chars().any(char::is_control) {
        "it has a control character".to_owned()
    } else {
        return Ok(label.into());
    };
    Err(Error::InvalidArgument {
        argument: "owner",
        problem,
    })
}
