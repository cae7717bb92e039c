//! The settings that need no server to be checked.

use std::{panic, time::Duration};

use crate::{error::Error, operation::Margin};

const LONGEST_OPERATION_TIMEOUT: Duration = Duration::from_secs(60 * 60);
const LONGEST_MARGIN: Duration = Duration::from_secs(60 * 60);

pub(super) fn check_limit(limit: Duration) -> Result<Duration, Error> {
    if (Duration::from_millis(1)..=LONGEST_OPERATION_TIMEOUT).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::InvalidArgument {
        argument: "operation_timeout",
        problem: format!("{limit:?} is out of range; at least 1 ms and at most 1 h are allowed"),
    })
}

pub(super) fn check_margin(margin: Margin) -> Result<Margin, Error> {
    match margin {
        Margin::Fixed(time) if time > LONGEST_MARGIN => Err(Error::InvalidArgument {
            argument: "margin",
            problem: format!("{time:?} is out of range; at most 1 h is allowed"),
        }),
        other => Ok(other),
    }
}

/// The server's rules for names, which it would otherwise explain at the first command.
/// <https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions>
pub(super) fn check_collection(name: &str) -> Result<(), Error> {
    let ok = !name.is_empty()
        && name.len() <= 120
        && !name.starts_with("system.")
        && !name.starts_with('.')
        && !name.contains(['$', '\0']);
    ok.then_some(()).ok_or_else(|| Error::InvalidArgument {
        argument: "collection",
        problem: format!(
            "{name:?} cannot be one: 1 to 120 bytes without `$`, and not starting with `system.` \
             or `.`"
        ),
    })
}

/// The databases of the server itself, and the reason for which none of them can keep locks.
const RESERVED: [(&str, &str); 3] = [
    (
        "local",
        "it is not replicated, so that after a change of primary a second holder would be let in",
    ),
    ("admin", "it is for users and roles"),
    ("config", "it is for the cluster's own settings"),
];

pub(super) fn check_database(name: &str) -> Result<(), Error> {
    let invalid = |problem| Error::InvalidArgument {
        argument: "database",
        problem,
    };
    if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
        return Err(invalid(format!(
            "locks cannot be kept in {name:?}: {why}; name another one with `.database(\"…\")`, or in \
             the address: `mongodb://host/jobs?authSource={name}`"
        )));
    }
    let ok = (1..=63).contains(&name.len())
        && !name.contains([
            '/', '\\', '.', ' ', '"', '$', '*', '<', '>', ':', '|', '?', '\0',
        ]);
    ok.then_some(()).ok_or_else(|| {
        invalid(format!(
            "{name:?} cannot be one: 1 to 63 bytes without any of `/\\. \"$*<>:|?`"
        ))
    })
}

/// Checks that the runtime has a timer: without one, the first time limit would panic, in the middle of an
/// operation.
pub(super) fn check_timer() -> Result<(), Error> {
    // There is no way to ask. Tokio prints the panic, which says what to do, too.
    let timer = panic::catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO)));
    timer.map_err(|_| Error::StartUp {
        problem:
            "there is no tokio runtime with a timer here; build it with `enable_all()`, or with \
                  `enable_io()` and `enable_time()`"
                .into(),
        source: None,
    })
}
