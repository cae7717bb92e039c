//! The keeper: one task per client, while it holds leases. It ends each at its deadline, and starts
//! what renews them. It never waits for MongoDB.
//!
//! It runs on the client's runtime, and so do all time limits: a caller on another runtime, or on
//! none, just waits to be woken. When the client's runtime ends, so do the leases, since nobody
//! would renew or end them any more.

use std::sync::{Arc, Weak};

use tokio::time::Instant;

use crate::{client::Inner, live::Live, renewal};

pub(crate) fn start(live: &Arc<Live>, client: &Arc<Inner>) {
    let keeper = Keeper {
        live: Arc::clone(live),
        // It may outlast the last lease, and must not keep the client's connections for that.
        client: Arc::downgrade(client),
        done: false,
    };
    // Not one of the client's tasks: shutdown does not wait for it.
    client.runtime.spawn(keeper.run());
}

struct Keeper {
    live: Arc<Live>,
    client: Weak<Inner>,
    done: bool,
}

impl Keeper {
    async fn run(mut self) {
        while self.live.wait().await {
            // Every lease has the client, so without it there is none.
            let Some(client) = self.client.upgrade() else {
                break;
            };
            let now = Instant::now();
            let due = self.live.look(now, client.operation_timeout);
            if !due.is_empty() {
                client.spawn(renewal::attempt(Arc::clone(&client), due, now));
            }
        }
        self.done = true;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if !self.done {
            self.live.abandon();
        }
    }
}
