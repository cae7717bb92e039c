//! Futures that are not treated well: dropped, left alone, unwound.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Duration, sleep};

use super::{script::GiveUp, world::World};

/// Polls `future`, and gives it up as it says. `None`: it was dropped.
pub(crate) async fn given_up<F: Future>(
    world: &World,
    call: usize,
    how: GiveUp,
    future: F,
) -> Option<F::Output> {
    let mut future = Box::pin(future);
    match how {
        GiveUp::Never => Some(future.await),
        GiveUp::After(time) => {
            tokio::select! {
                biased;
                output = &mut future => Some(output),
                () = sleep(Duration::from_millis(time)) => None,
            }
        }
        GiveUp::AtPoll(polls) => poll_times(&mut future, polls).await,
        GiveUp::AtWake(polls) => {
            let output = poll_times(&mut future, polls).await;
            if output.is_none() {
                woken().await;
            }
            output
        }
        GiveUp::Unpolled(polls, time) => {
            let output = poll_times(&mut future, polls).await;
            if output.is_none() {
                world.tell(|state, at, _| {
                    state.note(at, format_args!("call {call} is left unpolled"));
                    state.oracle.left_unpolled(call);
                });
                sleep(Duration::from_millis(time)).await;
            }
            output
        }
    }
}

/// Polls a future so often, whenever it is woken.
pub(crate) async fn poll_times<F: Future + Unpin>(
    future: &mut F,
    mut polls: u32,
) -> Option<F::Output> {
    poll_fn(|cx| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        match Pin::new(&mut *future).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until what was polled last has something to say.
async fn woken() {
    let mut first = true;
    poll_fn(|_| {
        if std::mem::take(&mut first) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

/// Gives `None` for a future that panics, which is dropped then.
pub(crate) struct Guarded<F>(Option<Pin<Box<F>>>);

impl<F> Guarded<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else {
            return Poll::Ready(None);
        };
        if let Ok(polled) = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            return polled.map(Some);
        }
        self.0 = None;
        Poll::Ready(None)
    }
}
