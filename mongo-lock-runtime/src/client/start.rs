//! The runtime on which a client is built, and works.

use std::panic::resume_unwind;

use crate::{error::Error, operation::Runtime};

/// The runtime for the tasks of a client with a database. `shared`: on the connections of a driver's client
/// that was made on the current runtime.
pub(super) fn runtime(shared: bool) -> Result<Runtime, Error> {
    let own = Runtime::own().map_err(|error| {
        start_up_error(format!(
            "the thread for the tasks of lock clients could not be started: {error}"
        ))
    })?;
    if !shared {
        return Ok(own);
    }
    own.with_connections_here()
        .ok_or_else(|| Error::InvalidArgument {
            argument: "client",
            problem:
                "`build()` was called outside of a tokio runtime; call it on the runtime on which \
                      the `mongodb::Client` was made"
                    .into(),
        })
}

/// Builds a client in a task. The driver's sockets and timers belong to the runtime on which its client is
/// made, and the driver wants its commands polled to the end.
pub(super) async fn run<T: Send + 'static>(
    runtime: &Runtime,
    build: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let ended = runtime.spawn_always(build).await;
    ended.unwrap_or_else(|stopped| match stopped.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(stopped) => Err(start_up_error(format!("it was stopped: {stopped}"))),
    })
}

fn start_up_error(problem: String) -> Error {
    Error::StartUp {
        problem,
        source: None,
    }
}
