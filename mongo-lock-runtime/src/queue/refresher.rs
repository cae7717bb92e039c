//! The task that confirms the places of all clients that share a hub: one command for all of them per
//! interval, as renewals are.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::sleep;

use super::hub::Hub;
use crate::{
    clock::Moment,
    operation::{Context, Pauses, jittered},
    store::{Confirmation, protocol::QUEUE_ENTRY_TTL},
};

/// The time between confirmations. Places far back have every other one.
const INTERVAL: Duration = Duration::from_millis(1600);
// With the jitter of a quarter, twice.
const _: () = assert!(2 * INTERVAL.as_millis() * 5 / 4 < QUEUE_ENTRY_TTL.as_millis());

/// Starts the refresher, unless there is one.
pub(super) fn start(hub: &Arc<Hub>, context: &Arc<Context>) {
    if hub.begins_refreshing() {
        let refresher = Refresher {
            hub: Arc::downgrade(hub),
            context: Arc::downgrade(context),
            done: false,
        };
        // Not one of the client's tasks: no shutdown waits for it.
        context.spawn_aside(refresher.run());
    }
}

/// Holds hub and client weakly, so that the refresher ends with them.
struct Refresher {
    hub: Weak<Hub>,
    context: Weak<Context>,
    done: bool,
}

impl Refresher {
    async fn run(mut self) {
        let mut far = false;
        loop {
            sleep(jittered(INTERVAL)).await;
            let (Some(hub), Some(context)) = (self.hub.upgrade(), self.context.upgrade()) else {
                return;
            };
            let now = context.clock.now();
            let places = hub.places(far, now);
            if !places.is_empty() {
                // One that hangs does not hold up the next one.
                let of_task = Arc::clone(&context);
                context.spawn_aside(async move { confirm(&hub, &of_task, places, now).await });
            } else if far && self.stops(&hub) {
                return;
            }
            far = !far;
        }
    }

    /// Whether to stop, since there is no place. From then on, the next one starts a refresher anew.
    fn stops(&mut self, hub: &Hub) -> bool {
        if hub.is_waiting() {
            return false;
        }
        hub.ends_refreshing();
        // A waiter that came before this found a refresher, which must stay for it, unless another has begun
        // meanwhile.
        self.done = !hub.is_waiting() || !hub.begins_refreshing();
        self.done
    }
}

impl Drop for Refresher {
    /// The client that had started the refresher is gone, or its runtime. The waiters of other clients ask,
    /// and so start another one.
    fn drop(&mut self) {
        if !self.done
            && let Some(hub) = self.hub.upgrade()
        {
            hub.ends_refreshing();
            hub.wake_all();
        }
    }
}

/// Confirms these places, which were due at `sent`; again after a failure, until the next one is due.
async fn confirm(hub: &Hub, context: &Arc<Context>, places: Vec<Confirmation>, sent: Moment) {
    let mut failures = Pauses::new();
    loop {
        let attempted = context.clock.now();
        match context.attempt(context.store.confirm(&places)).await {
            Ok(standings) => {
                for (place, standing) in places.iter().zip(standings) {
                    hub.confirmed(place, standing, attempted);
                }
                return;
            }
            Err(error) => {
                for place in &places {
                    hub.not_confirmed(place, sent, &error.cause);
                }
                let pause = failures.after(&error);
                if !error.is_transient() || context.clock.elapsed(sent) + pause > INTERVAL {
                    return;
                }
                sleep(pause).await;
            }
        }
    }
}
