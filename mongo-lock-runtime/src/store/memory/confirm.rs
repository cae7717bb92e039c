//! Confirmations of places in a queue.

use std::time::Duration;

use super::document::{Document, Holder, QueueEntry, compatible, millis};
use crate::store::protocol::{CONFIRMED, Confirmation, NEAR, QUEUE_ENTRY_TTL, Standing};

impl Document {
    /// Keeps the entry for longer, and looks whether its turn has come. Changes nothing else.
    pub(super) fn confirm(&mut self, now: i64, place: &Confirmation) -> Standing {
        let until = now + millis(QUEUE_ENTRY_TTL);
        for entry in &mut self.queue {
            if entry.id == place.queue_id && entry.until > now {
                entry.seen_at = now;
                entry.until = until;
            }
        }
        let queue: Vec<&QueueEntry> = self.queue.iter().filter(|it| it.until > now).collect();
        let held: Vec<&Holder> = self.holders.iter().filter(|it| it.live(now)).collect();
        let at = queue.iter().position(|it| it.id == place.queue_id);
        let (Some(at), Some(first)) = (at, queue.first()) else {
            return Standing::Ask;
        };
        let terms = held.iter().map(|it| it.terms());
        let room = at == 0 && compatible(first.mode, first.permits, terms);
        if room || queue[at].until < now + millis(CONFIRMED) {
            return Standing::Ask;
        }
        let look_at = if at == 0 {
            held.iter().map(|it| it.expires_at).min()
        } else {
            let near = queue.iter().take(NEAR).map(|it| it.until);
            // Those at the front look for each other; others look in case that all of them are dead.
            if at < NEAR { near.min() } else { near.max() }
        };
        let look_in = look_at.unwrap_or(until) - now;
        Standing::Waits {
            skipped: self.skipped(&place.name, place.permits, &held, first),
            look_in: Duration::from_millis(look_in.unsigned_abs()),
            near: at < NEAR,
        }
    }
}
