//! The checks of a new client, repeated within the operation time limit after what passes by itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::monitor::Monitor;
use crate::{
    error::Error,
    operation::Pauses,
    store::{MongoStore, StartUp, StartUpFailure},
};

/// The failure of the last round of checks.
type Trouble = Arc<Mutex<Option<StartUpFailure>>>;

/// Runs the checks of a store, and gives the store back once they have passed.
pub(super) async fn start_up(
    store: MongoStore,
    todo: StartUp,
    limit: Duration,
    monitor: Option<&Monitor>,
) -> Result<MongoStore, Error> {
    let trouble = Trouble::default();
    let last = Arc::clone(&trouble);
    // A task of its own: the driver wants its commands polled to the end.
    let check =
        tokio::spawn(async move { check(&store, todo, limit, &last).await.map(|()| store) });
    let failure = match timeout(limit, check).await {
        Ok(Ok(Ok(store))) => return Ok(store),
        Ok(Ok(Err(failure))) => Some(failure),
        Ok(Err(stopped)) => {
            return Err(Error::StartUp {
                problem: format!("its check was stopped: {stopped}"),
                source: None,
            });
        }
        Err(_) => trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(),
    };
    Err(match failure {
        Some(failure) if failure.is_unreachable() => unreachable(limit, monitor, Some(failure)),
        Some(failure) => failure.into_error(),
        None => unreachable(limit, monitor, None),
    })
}

async fn check(
    store: &MongoStore,
    todo: StartUp,
    limit: Duration,
    trouble: &Trouble,
) -> Result<(), StartUpFailure> {
    let started = Instant::now();
    let mut pauses = Pauses::new();
    loop {
        let Err(failure) = store.start_up(todo).await else {
            return Ok(());
        };
        let left = limit.saturating_sub(started.elapsed());
        let pause = failure.transient().map(|cause| pauses.within(left, cause));
        let Some(Some(pause)) = pause else {
            return Err(failure);
        };
        *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        sleep(pause).await;
    }
}

/// The error where no primary was found, or none answered.
fn unreachable(
    limit: Duration,
    monitor: Option<&Monitor>,
    failure: Option<StartUpFailure>,
) -> Error {
    if failure.is_none()
        && let Some(primary) = monitor.and_then(Monitor::primary)
    {
        return Error::StartUp {
            problem: format!(
                "no answer within {limit:?} from `{primary}`, which is up; it may be overloaded, or \
                 another command may have locked the collection"
            ),
            source: None,
        };
    }
    let seen = match (monitor, &failure) {
        (Some(monitor), _) => monitor.explain(),
        (None, Some(failure)) => failure.to_string(),
        (None, None) => "the driver client that was given did not say why; its \
                         `server_selection_timeout`, when it is shorter than the operation time \
                         limit of the lock client, has it say so"
            .into(),
    };
    Error::StartUp {
        problem: format!(
            "no primary could be reached within {limit:?}; check the address, and that MongoDB is up \
             and has a primary: {seen}"
        ),
        source: failure.and_then(StartUpFailure::into_source).map(Box::new),
    }
}
