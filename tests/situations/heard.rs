//! What an observer has heard.

use std::sync::{Arc, Mutex};

use mongo_lock_runtime::observe::{Event, Observer};

/// Keeps all events.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Event>>>);

impl Observer for Heard {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Heard {
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The events since the last [`take`](Self::take), as short texts.
    pub(crate) fn words(&self) -> Vec<String> {
        self.take().iter().filter_map(word).collect()
    }
}

fn word(event: &Event) -> Option<String> {
    Some(match event {
        Event::AcquisitionBegan { waits, .. } => format!("asks waits={waits}"),
        Event::AcquisitionEnded {
            outcome, waited, ..
        } => format!("{} after {}", outcome.as_str(), waited.as_millis()),
        Event::LeaseEnded { held, reason, .. } => {
            let reason = format!("{reason:?}");
            let reason = reason.split([' ', '{']).next().unwrap_or_default();
            format!("lease ended {reason} after {}", held.as_millis())
        }
        Event::RunEnded {
            held,
            outcome,
            lease_used,
            late,
            margin,
            ..
        } => format!(
            "run {} after {}, used {lease_used:.2}, late {} of {}",
            outcome.as_str(),
            held.as_millis(),
            late.as_millis(),
            margin.as_millis()
        ),
        Event::Released { release, .. } => format!("released {release:?}"),
        Event::BodyLate { late, .. } => format!("body late {}", late.as_millis()),
        _ => return None,
    })
}
