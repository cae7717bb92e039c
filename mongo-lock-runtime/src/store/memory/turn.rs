//! The waiters that a step wakes.

use std::sync::Arc;

use super::document::{Document, Holder, QueueEntry, compatible};
use crate::spec::Mode;

/// A document before a step, as far as wake-ups depend on it.
pub(super) struct Before {
    pub(super) holders: usize,
    first: Option<Arc<str>>,
}

impl Document {
    pub(super) fn before(&self) -> Before {
        Before {
            holders: self.holders.len(),
            first: self.queue.first().map(|first| Arc::clone(&first.id)),
        }
    }

    /// The waiters that are to be woken. The first waiter in the queue is woken when its lease would be
    /// granted; if that is a reader, so are all readers up to the first writer.
    pub(super) fn next(&self) -> Vec<Arc<str>> {
        let held = self.holders.iter().map(Holder::terms);
        let mut woken: Vec<&QueueEntry> = self.queue.iter().take(1).collect();
        woken.retain(|first| compatible(first.mode, first.permits, held.clone()));
        if woken.iter().any(|first| first.mode == Mode::Shared) {
            let readers = self.queue.iter();
            woken = readers.take_while(|it| it.mode == Mode::Shared).collect();
        }
        woken.iter().map(|entry| Arc::clone(&entry.id)).collect()
    }
}

impl Before {
    /// The waiters to be woken after an acquisition, in whose queue entry is `queue_id`. A client is not
    /// woken by its own request, since the reply says all. Nor is a waiter that was woken already:
    /// `changed` says whether the step has granted or ended a lease.
    pub(super) fn wakes(
        &self,
        after: &Document,
        changed: bool,
        queue_id: Option<&str>,
    ) -> Vec<Arc<str>> {
        let first = after.queue.first().map(|first| &first.id);
        let is_news = changed || first != self.first.as_ref();
        let is_ours = first.is_some_and(|first| queue_id == Some(&**first));
        if is_news && !is_ours {
            after.next()
        } else {
            Vec::new()
        }
    }
}
