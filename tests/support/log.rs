//! The events of the library, kept.

use std::{
    fmt::{Debug, Write as _},
    ops::Deref,
    sync::{Arc, Mutex},
};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span, subscriber,
};

/// Keeps every event of the library, as `LEVEL message field=value …`.
#[derive(Clone, Default)]
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    /// Those of other crates, too.
    of_all: bool,
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let _ = write!(self.fields, " {}={value:?}", field.name());
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.of_all || metadata.target() == "mongo_lock"
    }
    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level: &Level = event.metadata().level();
        let text = format!("{level} {}{}", line.message, line.fields);
        self.lines.lock().unwrap().push(text);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Log {
    /// Keeps the events of this thread until the value is dropped.
    pub(crate) fn here() -> Kept {
        Self::default().keep()
    }

    /// Keeps the events of all crates, at all levels, until the value is dropped.
    #[allow(dead_code, reason = "for one of the programs that share this file")]
    pub(crate) fn of_all() -> Kept {
        let log = Self {
            of_all: true,
            ..Self::default()
        };
        log.keep()
    }

    fn keep(self) -> Kept {
        let log = self;
        // While there is only one subscriber in the process, `tracing` asks the subscriber of the thread
        // that comes to an event first, and another test's thread has none: the event would be off for
        // good.
        let another = Dispatch::new(Self::default());
        let guard = subscriber::set_default(log.clone());
        Kept {
            log,
            _guard: guard,
            _another: another,
        }
    }

    /// The events at level WARN or above since the last [`take`](Self::take).
    pub(crate) fn warnings(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let warns = |line: &&String| line.starts_with("WARN") || line.starts_with("ERROR");
        lines.iter().filter(warns).cloned().collect()
    }

    /// The events whose line starts so.
    pub(crate) fn starting(&self, start: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .filter(|line| line.starts_with(start))
            .cloned()
            .collect()
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

/// A [`Log`] of this thread's events.
pub(crate) struct Kept {
    log: Log,
    _guard: subscriber::DefaultGuard,
    _another: Dispatch,
}

impl Deref for Kept {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.log
    }
}
