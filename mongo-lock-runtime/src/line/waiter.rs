//! Whoever attends to a line: one task per lock that callers of this process wait for. It asks the
//! server for the first of them, and gives up the client's place when nobody waits any more.

use std::sync::Arc;

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{
    LockName,
    client::Inner,
    command::{Command, Failed},
    hold::Hold,
    lease::Lease,
    line::{Ask, Next},
    store::{AcquireReply, AttemptError},
};

pub(crate) fn attend(client: &Arc<Inner>, name: LockName, news: Arc<Notify>) {
    let waiter = Waiter {
        client: Arc::clone(client),
        name,
        done: false,
    };
    client.spawn(waiter.run(news));
}

struct Waiter {
    client: Arc<Inner>,
    name: LockName,
    done: bool,
}

impl Waiter {
    async fn run(mut self, news: Arc<Notify>) {
        loop {
            match self.client.lines.next(&self.client, &self.name) {
                Next::Ask(ask) => self.ask(*ask).await,
                Next::Leave => self.leave().await,
                Next::Wait(Some(until)) => drop(timeout_at(until, news.notified()).await),
                Next::Wait(None) => news.notified().await,
                Next::Over => break,
            }
        }
        self.done = true;
    }

    async fn ask(&self, ask: Ask) {
        let (client, request, spec) = (
            Arc::clone(&self.client),
            ask.request.clone(),
            ask.spec.clone(),
        );
        let (sent, again) = (ask.sent, ask.again);
        let command = Command::start(&self.client, |answer| async move {
            let inner = Arc::clone(&client);
            let attempt = async {
                let reply = client.attempt(client.store.acquire(&request)).await;
                Ok(match reply {
                    // Here, since it must be given back even if nobody waits for it any more.
                    Ok(AcquireReply::Granted(mut grant)) => {
                        // Where one had to wait, another is likely to, now or soon.
                        grant.contended |= again;
                        let client = Arc::clone(&client);
                        let lease = Lease::new(client, spec, request.lease, grant, sent);
                        Got::Granted(Hold::new(lease))
                    }
                    other => Got::Other(other),
                })
            };
            inner.answer_in_time(sent, attempt, answer).await;
        });
        let lines = &self.client.lines;
        match command.await {
            Ok(Ok(Got::Granted(hold))) => lines.granted(&self.name, hold),
            Ok(Ok(Got::Other(reply))) => lines.replied(&self.client, &self.name, &ask, reply),
            Ok(Err(failed)) => lines.fail(&self.client, &self.name, failed, Some(&ask)),
            Err(_) => lines.fail(&self.client, &self.name, Failed::Late, Some(&ask)),
        }
    }

    /// If it fails, the place ends by itself.
    async fn leave(&self) {
        let id = Arc::clone(self.client.lines.id());
        let (client, name) = (Arc::clone(&self.client), self.name.clone());
        let command = Command::start(&self.client, |answer| async move {
            let inner = Arc::clone(&client);
            let attempt = async {
                drop(client.attempt(client.store.leave(&name, &id)).await);
                Ok(())
            };
            inner.answer_in_time(Instant::now(), attempt, answer).await;
        });
        drop(command.await);
    }
}

enum Got {
    Granted(Hold),
    Other(Result<AcquireReply, AttemptError>),
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if !self.done {
            self.client.lines.abandon(&self.client, &self.name);
        }
    }
}
