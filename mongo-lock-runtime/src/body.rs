//! Running a body under a lease, and stopping it before the lease can pass on.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::time::{Sleep, sleep_until};

use crate::{Error, lease::Lease};

/// Polls `body` to its end, or to the lease's deadline, whichever comes first.
///
/// The deadline is checked before every poll, so that a process that was paused beyond it does not
/// go on with the body for even one step.
pub(crate) async fn run<F: Future>(body: Pin<&mut F>, lease: &Lease) -> Result<F::Output, Error> {
    let sleep = pin!(sleep_until(lease.deadline()));
    UntilDeadline { body, lease, sleep }.await
}

struct UntilDeadline<'a, F> {
    body: Pin<&'a mut F>,
    lease: &'a Lease,
    sleep: Pin<&'a mut Sleep>,
}

impl<F: Future> Future for UntilDeadline<'_, F> {
    type Output = Result<F::Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(lost) = self.lease.lost() {
            return Poll::Ready(Err(lost));
        }
        if let Poll::Ready(output) = self.body.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        self.sleep
            .as_mut()
            .poll(cx)
            .map(|()| Err(self.lease.over()))
    }
}
