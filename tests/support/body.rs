//! A body that a test watches and finishes.

use std::sync::Arc;

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::eventually;

/// A body, and a handle to watch and finish it.
pub(crate) fn body() -> (impl Future<Output = u32> + Send + 'static, BodyHandle) {
    let handle = BodyHandle {
        state: Arc::new(watch::Sender::new(State::default())),
        finish: Arc::default(),
    };
    let inside = handle.clone();
    let body = async move {
        let _end = End(inside.clone());
        inside.state.send_modify(|state| state.started = true);
        inside.finish.notified().await;
        RESULT
    };
    (body, handle)
}

/// The result of a body that was let finish.
pub(crate) const RESULT: u32 = 42;

#[derive(Clone)]
pub(crate) struct BodyHandle {
    state: Arc<watch::Sender<State>>,
    finish: Arc<Notify>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    started: bool,
    ended: Option<Instant>,
}

impl BodyHandle {
    /// Waits until the body runs.
    pub(crate) async fn started(&self) {
        let mut state = self.state.subscribe();
        eventually(state.wait_for(|state| state.started))
            .await
            .unwrap();
    }

    /// Waits until the body has finished or was dropped, and says when.
    pub(crate) async fn ended(&self) -> Instant {
        let mut state = self.state.subscribe();
        let state = eventually(state.wait_for(|state| state.ended.is_some())).await;
        state.unwrap().ended.unwrap()
    }

    pub(crate) fn is_running(&self) -> bool {
        let state = *self.state.borrow();
        state.started && state.ended.is_none()
    }

    pub(crate) fn never_ran(&self) -> bool {
        !self.state.borrow().started
    }

    pub(crate) fn finish(&self) {
        self.finish.notify_one();
    }
}

struct End(BodyHandle);

impl Drop for End {
    fn drop(&mut self) {
        self.0
            .state
            .send_modify(|state| state.ended = Some(Instant::now()));
    }
}
