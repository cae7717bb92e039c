//! One call of an annotated function: acquire, run the body, release.
//!
//! A service has hundreds of bodies, each of a type of its own. Code that is generic over the body is
//! compiled for each of them, so [`Run`] does as little as possible: it polls the body, drops the body, and
//! keeps its value. All else is [`Machine`].

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tracing::Span;

use super::{acquisition::Acquisition, guard::LockGuard};
use crate::{
    error::Error,
    events::{RunOutcome, span},
    lease::{Scope, within},
    outcome::Skipped,
    spec::OnLost,
};

pub(crate) type Acquired = Pin<Box<dyn Future<Output = Result<Acquisition, Error>> + Send>>;

/// A call as a future: gives the body's value, or the refusal for which the body did not run, or an error
/// of the lock.
pub(crate) struct Run<F: Future, J> {
    machine: Box<Machine>,
    body: Option<Pin<Box<F>>>,
    output: Option<F::Output>,
    judge: PhantomData<fn() -> J>,
}

/// Says of a body's value whether the run was a success. A type, which takes no room in the caller's future.
pub(crate) trait Judge<T> {
    fn succeeded(value: &T) -> bool;
}

/// Every value is a success.
pub(crate) struct Value;

impl<T> Judge<T> for Value {
    fn succeeded(_: &T) -> bool {
        true
    }
}

impl<F: Future, J> Run<F, J> {
    pub(crate) fn new(acquired: Acquired, on_lost: OnLost, body: Pin<Box<F>>) -> Self {
        Self {
            machine: Box::new(Machine {
                state: State::Acquiring(acquired),
                on_lost,
            }),
            body: Some(body),
            output: None,
            judge: PhantomData,
        }
    }
}

/// All futures in a `Run` are pinned in boxes of their own.
impl<F: Future, J> Unpin for Run<F, J> {}

impl<F: Future, J: Judge<F::Output>> Future for Run<F, J> {
    type Output = Result<Result<F::Output, Skipped>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            machine,
            body,
            output,
            ..
        } = self.get_mut();
        let done = ready!(machine.poll(cx, &mut |step| match step {
            Step::Poll(cx) => match body.as_mut().map(|body| body.as_mut().poll(cx)) {
                Some(Poll::Ready(value)) => {
                    let succeeded = J::succeeded(&value);
                    *output = Some(value);
                    Some(succeeded)
                }
                _ => None,
            },
            Step::Drop => {
                *body = None;
                None
            }
        }));
        Poll::Ready(done.map(|skipped| match (skipped, output.take()) {
            (Some(skipped), _) => Err(skipped),
            (None, Some(value)) => Ok(value),
            (None, None) => unreachable!("a body that was run gave its value"),
        }))
    }
}

impl<F: Future, J> Drop for Run<F, J> {
    /// Drops the body before the lock: the caller's future was dropped, or the body has panicked. While the
    /// body's values are dropped, they still find the lease.
    fn drop(&mut self) {
        let body = &mut self.body;
        self.machine.abandon(&mut || *body = None);
    }
}

/// One step with the body.
enum Step<'a, 'b> {
    /// Polls the body. With a result, the body is done: the result says whether it succeeded.
    Poll(&'a mut Context<'b>),
    Drop,
}

/// A call, without its body.
struct Machine {
    state: State,
    on_lost: OnLost,
}

enum State {
    Acquiring(Acquired),
    Running(Running),
    Releasing(Pin<Box<dyn Future<Output = ()> + Send>>),
    Done,
}

struct Running {
    guard: LockGuard,
    scope: Arc<Scope>,
    /// The end of the lease; `None` when the body goes on whatever happens.
    lost: Option<Pin<Box<dyn Future<Output = Error> + Send>>>,
    /// The span of the run, in which the body is polled and dropped.
    span: Span,
    /// Whether the body is being polled, or has panicked while it was.
    in_poll: bool,
}

impl Machine {
    /// Advances the call. Ready with `None` when the body has given its value.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut dyn FnMut(Step<'_, '_>) -> Option<bool>,
    ) -> Poll<Result<Option<Skipped>, Error>> {
        loop {
            match &mut self.state {
                State::Acquiring(acquired) => match ready!(acquired.as_mut().poll(cx)) {
                    Ok(Acquisition::Acquired(guard)) => {
                        self.state = State::Running(Running::new(guard, self.on_lost));
                    }
                    Ok(Acquisition::Skipped(skipped)) => {
                        return self.stop(body, Ok(Some(skipped)));
                    }
                    Err(error) => return self.stop(body, Err(error)),
                },
                State::Running(running) => match ready!(running.poll(cx, body)) {
                    Ok(true) => self.release(body, RunOutcome::Succeeded),
                    Ok(false) => self.release(body, RunOutcome::Failed),
                    Err(lost) => return self.stop(body, Err(lost)),
                },
                State::Releasing(released) => {
                    ready!(released.as_mut().poll(cx));
                    self.state = State::Done;
                    return Poll::Ready(Ok(None));
                }
                State::Done => panic!("polled after it was done"),
            }
        }
    }

    /// Ends the call without waiting for the release, if there is one.
    fn stop(
        &mut self,
        body: &mut dyn FnMut(Step<'_, '_>) -> Option<bool>,
        result: Result<Option<Skipped>, Error>,
    ) -> Poll<Result<Option<Skipped>, Error>> {
        self.under_lease(&mut || _ = body(Step::Drop));
        self.ended(RunOutcome::Lost);
        self.state = State::Done;
        Poll::Ready(result)
    }

    /// Starts the release, whose failure is an event, not the caller's error.
    fn release(&mut self, body: &mut dyn FnMut(Step<'_, '_>) -> Option<bool>, outcome: RunOutcome) {
        self.under_lease(&mut || _ = body(Step::Drop));
        self.ended(outcome);
        if let State::Running(Running { guard, .. }) =
            std::mem::replace(&mut self.state, State::Done)
        {
            self.state = State::Releasing(Box::pin(async move { drop(guard.release().await) }));
        }
    }

    /// Drops the body, and takes note that the call was dropped, by its caller or because of a panic.
    fn abandon(&mut self, drop_body: &mut dyn FnMut()) {
        self.under_lease(drop_body);
        let panicked = matches!(&self.state, State::Running(running) if running.in_poll);
        self.ended(if panicked {
            RunOutcome::Panicked
        } else {
            RunOutcome::Cancelled
        });
    }

    /// Takes note of the end of the run, if the body ran.
    fn ended(&mut self, outcome: RunOutcome) {
        if let State::Running(Running { guard, span, .. }) = &mut self.state {
            span.record("lock.outcome", outcome.as_str());
            guard.set_outcome(outcome);
        }
    }

    /// Calls `f` where `current_lease` gives the call's lease, if the call has one, and in its span.
    fn under_lease(&self, f: &mut dyn FnMut()) {
        match &self.state {
            State::Running(running) => {
                let _in = running.span.enter();
                within(&running.scope, f);
            }
            _ => f(),
        }
    }
}

impl Running {
    fn new(guard: LockGuard, on_lost: OnLost) -> Self {
        let lease = guard.lease().clone();
        let scope = Scope::around(lease.clone());
        let span = span(lease.spec(), lease.token());
        let lost: Option<Pin<Box<dyn Future<Output = Error> + Send>>> = match on_lost {
            OnLost::Cancel => Some(Box::pin(async move { lease.lost().await })),
            OnLost::Continue => None,
        };
        Self {
            guard,
            scope,
            lost,
            span,
            in_poll: false,
        }
    }

    /// Polls the body to its end, or to the end of the lease, whichever comes first. Says whether the body
    /// succeeded.
    ///
    /// The lease is checked before every poll, so that a process that was paused beyond it does not
    /// go on with the body for even one step.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut dyn FnMut(Step<'_, '_>) -> Option<bool>,
    ) -> Poll<Result<bool, Error>> {
        let _in = self.span.enter();
        if self.lost.is_some() {
            self.guard.lease().check()?;
        }
        let mut done = None;
        self.in_poll = true;
        within(&self.scope, &mut || done = body(Step::Poll(cx)));
        self.in_poll = false;
        if let Some(succeeded) = done {
            self.guard.lease().body_ended();
            return Poll::Ready(Ok(succeeded));
        }
        match &mut self.lost {
            Some(lost) => lost.as_mut().poll(cx).map(Err),
            None => Poll::Pending,
        }
    }
}
