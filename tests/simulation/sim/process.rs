//! The process of a client: it can be paused, and it can die.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use super::api::{Boxed, Process};

/// Whether the tasks of a process are polled.
#[derive(Default)]
pub(crate) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    /// How many pauses are not over.
    pauses: u32,
    dead: bool,
    panicked: bool,
    tasks: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Gate {
    pub(crate) fn pause(&self) {
        self.with(|state| state.pauses += 1);
    }

    pub(crate) fn resume(&self) {
        self.with(|state| state.pauses = state.pauses.saturating_sub(1));
        self.wake_all();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.with(|state| state.pauses > 0)
    }

    /// Its tasks are dropped, and what they start meanwhile never runs.
    pub(crate) fn kill(&self) {
        self.with(|state| state.dead = true);
        self.wake_all();
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.with(|state| state.dead)
    }

    /// Whether a task of the library has panicked.
    pub(crate) fn panicked(&self) -> bool {
        self.with(|state| state.panicked)
    }

    fn wake_all(&self) {
        let wakers = self.with(|state| std::mem::take(&mut state.wakers));
        wakers.into_values().for_each(Waker::wake);
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) struct Gated(pub(crate) Arc<Gate>);

impl Process for Gated {
    fn wrap(&self, task: Boxed<()>) -> Boxed<()> {
        let number = self.0.with(|state| {
            state.tasks += 1;
            state.tasks
        });
        Box::pin(Task {
            gate: Arc::clone(&self.0),
            number,
            inner: Some(task),
        })
    }
}

struct Task {
    gate: Arc<Gate>,
    number: u64,
    inner: Option<Boxed<()>>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let number = self.number;
        let runs = self.gate.with(|state| {
            match state.wakers.get_mut(&number) {
                Some(waker) => waker.clone_from(cx.waker()),
                None => drop(state.wakers.insert(number, cx.waker().clone())),
            }
            (!state.dead).then_some(state.pauses == 0)
        });
        match (runs, &mut self.inner) {
            (Some(false), _) => return Poll::Pending,
            (Some(true), Some(task)) => {
                let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx)));
                match polled {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(())) => {}
                    Err(_) => self.gate.with(|state| state.panicked = true),
                }
            }
            (Some(true), None) | (None, _) => {}
        }
        // Dropped last: that may start other tasks.
        let task = self.inner.take();
        self.gate.with(|state| state.wakers.remove(&number));
        drop(catch_unwind(AssertUnwindSafe(|| drop(task))));
        Poll::Ready(())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let task = self.inner.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(task))));
    }
}
