//! Releasing: by the lease's id, until it is done or the lease has ended by itself. A release takes
//! the first waiter of this client along, in one command.

use std::sync::Arc;

use super::{
    driver::{answer, answered},
    queue::{Answer, PendingRequest},
    queues::WaitQueues,
};
use crate::{
    clock::Moment,
    error::Operation,
    events::Event,
    lease::{LeaseTable, Left, ReleaseJob, Releaser},
    operation::{Context, InFlight, Pauses, Trouble},
    outcome::Release,
    store::{AttemptError, LeaseId, StoreError},
};

/// Releases the leases of a client.
pub(crate) struct ReleaseService {
    context: Arc<Context>,
    table: Arc<LeaseTable>,
    queues: Arc<WaitQueues>,
}

impl ReleaseService {
    pub(crate) fn new(
        context: &Arc<Context>,
        table: &Arc<LeaseTable>,
        queues: &Arc<WaitQueues>,
    ) -> Arc<Self> {
        Arc::new(Self {
            context: Arc::clone(context),
            table: Arc::clone(table),
            queues: Arc::clone(queues),
        })
    }
}

impl ReleaseService {
    /// The end of a shared holder depends on the readers that ask to join it.
    fn hurry_those_that_ask(&self, job: &ReleaseJob) {
        if job.left == Left::Asking {
            self.table.move_to_tasks(&job.request.name);
        }
    }
}

impl Releaser for ReleaseService {
    fn release(&self, job: ReleaseJob) -> InFlight<Release> {
        self.table.releasing(job.id, &job.request.name);
        self.hurry_those_that_ask(&job);
        let work = Work {
            context: Arc::clone(&self.context),
            table: Arc::clone(&self.table),
            queues: Arc::clone(&self.queues),
            job,
            handed_over: false,
            done: false,
        };
        let released = InFlight::start(&self.context, |answer| async move {
            let context = Arc::clone(&work.context);
            let started = context.clock.now();
            let trouble = Trouble::default();
            let operation = work.run(started, &trouble);
            context
                .answer_in_time(started, &trouble, operation, answer)
                .await;
        });
        // Other callers wait for the release, in this process or another, whether or not its own caller goes
        // on polling.
        released.running().move_to_task();
        released
    }

    fn release_in_background(&self, job: ReleaseJob) {
        if !self.context.store.is_in_memory() {
            drop(self.release(job));
            return;
        }
        // A drop frees a lock in memory at once, as that of a local mutex does.
        let (id, name) = (job.id, job.request.name.clone());
        self.table.releasing(id, &name);
        self.hurry_those_that_ask(&job);
        let release = job
            .without_a_command()
            .unwrap_or_else(|| Release::of(self.context.store.release_in_memory(&job.request)));
        report(&self.context, &job, Ok(&release), self.context.clock.now());
        self.table.remove(id);
        self.queues.wake(name.as_str());
    }
}

/// A release under way.
struct Work {
    context: Arc<Context>,
    table: Arc<LeaseTable>,
    queues: Arc<WaitQueues>,
    job: ReleaseJob,
    /// Whether a waiter of the client went along.
    handed_over: bool,
    done: bool,
}

impl Work {
    async fn run(mut self, started: Moment, trouble: &Trouble) -> Result<Release, StoreError> {
        let result = self.release(trouble).await;
        report(&self.context, &self.job, result.as_ref(), started);
        match &result {
            Ok(_) => self.over(None),
            Err(_) => self.over(Some(self.job.until)),
        }
        result
    }

    async fn release(&mut self, trouble: &Trouble) -> Result<Release, StoreError> {
        if let Some(release) = self.job.without_a_command() {
            return Ok(release);
        }
        let mut pauses = Pauses::new();
        let takes_waiter = self.job.held.is_some() && !self.job.request.revoke;
        let next = takes_waiter.then(|| {
            let name = &self.job.request.name;
            self.queues.take_for_hand_over(name)
        });
        if let Some(next) = next.flatten() {
            match self.hand_over(*next).await {
                Ok(release) => {
                    self.handed_over = true;
                    return Ok(release);
                }
                // For want of a majority, say, which a release does not need.
                Err(error) => {
                    self.in_trouble(&error.cause);
                    if error.overload.is_some() {
                        tokio::time::sleep(pauses.after(&error)).await;
                    }
                }
            }
        }
        let request = &self.job.request;
        loop {
            match self.context.release(request).await {
                Ok(freed) => return Ok(Release::of(freed)),
                Err(error) => {
                    let next = pauses.after(&error);
                    let ended = self.context.clock.now() + next >= self.job.until;
                    if error.is_final() || ended {
                        return Err(error.cause);
                    }
                    self.in_trouble(&error.cause);
                    trouble.set(error.cause);
                    tokio::time::sleep(next).await;
                }
            }
        }
    }

    /// Releases the lease and asks for that of the first waiter, in one step; gives the queue the answer.
    async fn hand_over(&self, next: PendingRequest) -> Result<Release, AttemptError> {
        let name = &self.job.request.name;
        let PendingRequest {
            pending,
            attempt,
            request,
            again,
        } = next;
        let reply = self.context.hand_over(&self.job.request, &request).await;
        let id: LeaseId = pending.id();
        let (released, reply) = match reply {
            Ok((freed, reply)) => (Ok(Release::of(freed)), Ok(reply)),
            Err(error) => (Err(error.clone()), Err(error)),
        };
        let answer: Answer = answer(pending, attempt, again, reply);
        answered(&self.queues, name, id, answer);
        released
    }

    /// Has callers that wait for this release ask the server themselves.
    fn in_trouble(&self, error: &StoreError) {
        let (id, name) = (self.job.id, &self.job.request.name);
        self.context.observers.step(|| Event::Retrying {
            lock: self.context.observed(&self.job.spec),
            operation: Operation::Release,
            error: error.to_string(),
        });
        self.table.release_in_trouble(id, name);
        self.queues.wake(name.as_str());
    }

    /// Ends the release in the table. `failed`: the moment until which the lock stays taken.
    fn over(&mut self, failed: Option<Moment>) {
        self.done = true;
        let (id, name) = (self.job.id, &self.job.request.name);
        match failed {
            None => self.table.remove(id),
            Some(until) => self.table.give_up(id, until),
        }
        // After a hand-over, the queue has its answer already.
        if !self.handed_over {
            self.queues.wake(name.as_str());
        }
    }
}

impl Drop for Work {
    /// The client's runtime is gone.
    fn drop(&mut self) {
        if !self.done {
            self.over(Some(self.job.until));
        }
    }
}

fn report(
    context: &Context,
    job: &ReleaseJob,
    result: Result<&Release, &StoreError>,
    started: Moment,
) {
    let took = context.clock.elapsed(started);
    let observers = &context.observers;
    let lock = || context.observed(&job.spec);
    let held = job.held.as_ref().filter(|held| held.delivered);
    match (result, held) {
        (Ok(release), Some(held)) => {
            let event = || held.released(*release, took);
            if *release == Release::AlreadyGone && !held.lost {
                observers.report(&event());
            } else {
                observers.step(event);
            }
        }
        (Ok(&release), None) => observers.step(|| Event::CleanedUp {
            lock: lock(),
            release,
            took,
        }),
        (Err(error), Some(held)) => observers.report(&Event::ReleaseFailed {
            lock: lock(),
            token: held.lease.token(),
            held: held.lease.held(),
            error: error.to_string(),
        }),
        (Err(error), None) => observers.step(|| Event::CleanUpFailed {
            lock: lock(),
            error: error.to_string(),
        }),
    }
}
