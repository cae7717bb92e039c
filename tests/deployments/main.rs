//! Deployments of many kinds: what start-up says where locks cannot work, and what has to work. One file
//! per behaviour.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod client_options;
mod collections;
mod overload;
mod password;
mod privileges;
mod stable_api;
mod tls;
mod transient;
mod unreachable;
mod write_concern;

#[path = "../support/mod.rs"]
mod support;

use mongo_lock_runtime::{Error, LockClientBuilder};

/// The text that the user reads when the client is built, which is an error of start-up.
async fn refusal(builder: LockClientBuilder) -> String {
    let error = builder.build().await.unwrap_err();
    let fits = matches!(error, Error::StartUp { .. } | Error::InvalidArgument { .. });
    assert!(fits, "{error:?}");
    error.to_string()
}

#[track_caller]
fn says(text: &str, phrases: &[&str]) {
    for phrase in phrases {
        assert!(text.contains(phrase), "`{phrase}` is not in: {text}");
    }
    // No dump of a reply or of an error.
    for dump in ["server response", "labels: {", "Kind: ", "Topology"] {
        assert!(!text.contains(dump), "`{dump}` is in: {text}");
    }
}
