//! Scripts: for each step the time, the action, the answer.

use super::{
    Timed,
    fixture::{Action, Answer, Fixture},
};

pub(super) type Script = Vec<(i64, Action, Answer)>;

/// A test per store for each of these scripts.
macro_rules! on_both_stores {
    ($($case:ident)*) => {
        mod memory {
            use super::super::{Timed, script::play};
            $(#[tokio::test] async fn $case() {
                play(&Timed::memory(), super::$case()).await;
            })*
        }
        mod mongo {
            use super::super::{Timed, script::play};
            $(#[tokio::test] async fn $case() {
                play(&Timed::mongo().await, super::$case()).await;
            })*
        }
        mod router {
            use super::super::{Timed, script::play};
            $(#[tokio::test] async fn $case() {
                play(&Timed::router().await, super::$case()).await;
            })*
        }
    };
}

pub(super) async fn play(store: &Timed, script: Script) {
    let fixture = Fixture::new();
    for (step, (now, action, expected)) in script.into_iter().enumerate() {
        let answer = store.answer(&fixture, now, &action).await;
        assert_eq!(answer, expected, "step {step}, at {now} ms: {action:?}");
    }
}
