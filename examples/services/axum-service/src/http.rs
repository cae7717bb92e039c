//! The routes: health, and a request that runs under a lock.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use mongo_lock_runtime::{Error, Outcome, distributed_lock};
use tokio_util::sync::CancellationToken;
use tracing::error;

pub(crate) fn router(stopping: CancellationToken) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/accounts/{account}/close", post(close))
        .with_state(stopping)
}

/// The process works. This does not depend on MongoDB: a restart would not mend it.
async fn live() {}

/// The process takes requests. An instance that is about to end does not.
async fn ready(State(stopping): State<CancellationToken>) -> StatusCode {
    if stopping.is_cancelled() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

async fn close(Path(account): Path<u64>) -> StatusCode {
    // In a task: when the HTTP client goes, the work goes on.
    match tokio::spawn(close_account(account)).await {
        Ok(result) => status(&result),
        Err(panic) => {
            error!(account, %panic, "closing the account");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// A request for an account waits for an earlier one, on whatever instance, for two seconds.
#[distributed_lock(name = "account/{account}", ttl = "30s", wait = "2s")]
async fn close_account(account: u64) -> Result<(), Error> {
    tracing::info!(account, "account closed");
    Ok(())
}

fn status(result: &Result<Outcome<()>, Error>) -> StatusCode {
    match result {
        Ok(Outcome::Executed(())) => StatusCode::NO_CONTENT,
        // Another request is at it.
        Ok(Outcome::Skipped(_)) => StatusCode::CONFLICT,
        // The body did not run, and may do so on another instance or later.
        Err(error) if error.is_retryable() || matches!(error, Error::ShutDown { .. }) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        // The body was stopped in the middle, or the program is at fault.
        Err(error) => {
            error!("{error}");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mongo_lock_runtime::{LockClient, LockSpec};

    use super::*;

    #[tokio::test]
    async fn an_instance_that_is_about_to_end_is_not_ready() {
        let stopping = CancellationToken::new();
        assert_eq!(ready(State(stopping.clone())).await, StatusCode::OK);
        stopping.cancel();
        let status = ready(State(stopping)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }

    /// The two seconds of waiting pass at once.
    #[tokio::test(start_paused = true)]
    async fn one_request_at_a_time_closes_an_account() {
        let here = LockClient::in_memory();
        let elsewhere = here.with_owner("web-2").unwrap();
        let spec = LockSpec::new("account/7", Duration::from_secs(30)).unwrap();
        let held = elsewhere.acquire(&spec).await.unwrap();

        let busy = here.scope(close_account(7)).await;
        assert_eq!(status(&busy), StatusCode::CONFLICT);
        let other = here.scope(close_account(8)).await;
        assert_eq!(status(&other), StatusCode::NO_CONTENT);

        held.release().await.unwrap();
        let free = here.scope(close_account(7)).await;
        assert_eq!(status(&free), StatusCode::NO_CONTENT);

        assert!(here.shutdown().await.is_clean());
        let ended = here.scope(close_account(7)).await;
        assert_eq!(status(&ended), StatusCode::SERVICE_UNAVAILABLE);
    }
}
