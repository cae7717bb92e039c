//! The look at the server: one command at a time, however many callers ask.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use crate::operation::Context;

/// The longest time for which an answer is waited for.
const LIMIT: Duration = Duration::from_secs(1);

/// The time that the server took to answer, or the reason for which it did not.
pub(super) type Answer = Result<Duration, String>;

/// The look that is under way, if there is one. An address that many clients ask for the health of a service must
/// not open a connection for each.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<Option<watch::Receiver<Option<Answer>>>>);

impl Pulse {
    /// Asks the server, or waits for the answer to a question that is under way.
    pub(super) async fn ask(&self, context: &Arc<Context>) -> Answer {
        let (sender, mut answer) = {
            // No code in the critical section panics.
            let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let open = under_way.as_ref().filter(|it| it.borrow().is_none());
            if let Some(open) = open.filter(|it| it.has_changed().is_ok()) {
                (None, open.clone())
            } else {
                let (sender, answer) = watch::channel(None);
                *under_way = Some(answer.clone());
                (Some(sender), answer)
            }
        };
        if let Some(sender) = sender {
            let of_task = Arc::clone(context);
            // The driver wants its commands polled to the end, whatever becomes of the caller.
            context.spawn_aside(async move { ping(&of_task, &sender).await });
        }
        let answer = answer.wait_for(Option::is_some).await;
        let answer = answer.ok().and_then(|answer| answer.clone());
        answer.unwrap_or_else(|| Err("the runtime of the client has shut down".into()))
    }
}

async fn ping(context: &Context, sender: &watch::Sender<Option<Answer>>) {
    let limit = LIMIT.min(context.operation_timeout);
    let sent = context.clock.now();
    let ping = context.attempt(context.store.ping());
    let mut ping = std::pin::pin!(ping);
    if let Ok(result) = timeout(limit, &mut ping).await {
        let answer = match result {
            Ok(()) => Ok(context.clock.elapsed(sent)),
            Err(error) => Err(error.cause.to_string()),
        };
        sender.send_replace(Some(answer));
    } else {
        sender.send_replace(Some(Err(format!("no answer within {limit:?}"))));
        drop(ping.await);
    }
}
