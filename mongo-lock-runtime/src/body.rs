//! Running a body under a lease, and stopping it before the lease can pass on.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

use crate::{Error, lease::Lease};

/// What happens to a body whose lease is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLost {
    /// It is dropped at the await where it is.
    #[default]
    Cancel,
    /// It goes on, and can ask its lease.
    Continue,
}

/// Polls `body` to its end, or to the end of the lease, whichever comes first.
///
/// The lease is checked before every poll, so that a process that was paused beyond it does not go
/// on with the body for even one step. Whatever came of it, the body has been dropped when this is
/// done: what it holds must be gone before the lock is.
pub(crate) async fn run<F: Future>(
    body: Pin<Box<F>>,
    lease: &Lease,
    on_lost: OnLost,
) -> Result<F::Output, Error> {
    let mut body = pin!(lease.clone().scope(body));
    if on_lost == OnLost::Continue {
        return Ok(body.await);
    }
    let mut lost = pin!(lease.lost());
    poll_fn(|cx| {
        if let Err(lost) = lease.check() {
            return Poll::Ready(Err(lost));
        }
        if let Poll::Ready(output) = body.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        lost.as_mut().poll(cx).map(Err)
    })
    .await
}
