//! The keeper: one task per client, while the client holds leases. The keeper ends each lease at its
//! deadline and starts renewals, and never waits for MongoDB.
//!
//! The keeper runs on the runtime of the client's tasks, and so do all time limits: a caller on another
//! runtime, or on none, just waits to be woken. When that runtime ends, or the one to which shared
//! connections belong, so do the leases, since no task would renew them any more.

use std::sync::{Arc, Weak};

use super::{renewal, table::LeaseTable};
use crate::operation::Context;

pub(super) fn start(table: &Arc<LeaseTable>, context: &Arc<Context>) {
    let keeper = Keeper {
        table: Arc::clone(table),
        // The keeper may outlast the last lease, and must not keep the client's connections for that.
        context: Arc::downgrade(context),
        done: false,
    };
    // Not one of the client's tasks: no shutdown waits for it.
    context.spawn_aside(keeper.run());
}

struct Keeper {
    table: Arc<LeaseTable>,
    context: Weak<Context>,
    done: bool,
}

impl Keeper {
    async fn run(mut self) {
        while self.table.wait().await {
            // Every lease holds the context: without a context, there is no lease.
            let Some(context) = self.context.upgrade() else {
                break;
            };
            let now = context.clock.now();
            let due = self.table.collect_due(now, context.operation_timeout);
            if !due.is_empty() {
                let table = Arc::clone(&self.table);
                let of_task = Arc::clone(&context);
                context.spawn(async move {
                    let renewed = renewal::attempt(&of_task, &due).await;
                    renewed.apply(&table, due, now);
                });
            }
        }
        self.done = true;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if !self.done {
            self.table.abandon();
        }
    }
}
