//! The faults that the parent caused in a process.

use super::super::{clock::Micros, ledger::Line};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Micros,
    pub(crate) to: Micros,
}

impl Span {
    /// The end of what `at` is in the middle of, if it is.
    pub(crate) fn end_after(spans: &[Self], at: Micros) -> Option<Micros> {
        let around = spans.iter().filter(|span| span.from <= at && at <= span.to);
        around.map(|span| span.to).max()
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Something begins, or what has begun ends.
    pub(crate) fn toggle(spans: &mut Vec<Self>, at: Micros, begins: bool) {
        if begins {
            let to = Micros::MAX;
            spans.push(Self { from: at, to });
        } else {
            for span in spans.iter_mut().filter(|span| span.to == Micros::MAX) {
                span.to = at;
            }
        }
    }
}

/// A process, as its tormentor saw it. Between the moments before and after a signal was sent, its state is
/// unknown.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// The time at which the process was surely dead.
    pub(crate) dead: Option<Micros>,
    /// Whether the process was shut down before, and said that it released all locks.
    pub(crate) clean: bool,
    pub(crate) pauses: Vec<Pause>,
}

#[derive(Debug, Clone)]
pub(crate) struct Pause {
    /// The time before the process was stopped.
    pub(crate) stopping: Micros,
    /// The time from which the process surely was stopped.
    pub(crate) stopped: Micros,
    /// The time until which the process surely was stopped; for ever, when it was killed then.
    pub(crate) continuing: Micros,
}

impl Process {
    pub(super) fn add(&mut self, line: &Line) {
        let at = line.at;
        match line.kind.as_str() {
            "stopping" => self.pauses.push(Pause {
                stopping: at,
                stopped: Micros::MAX,
                continuing: Micros::MAX,
            }),
            "stopped" => {
                if let Some(pause) = self.pauses.last_mut() {
                    pause.stopped = at;
                }
            }
            "continuing" => {
                if let Some(pause) = self.pauses.last_mut() {
                    pause.continuing = at;
                }
            }
            "killed" => self.dead = Some(at),
            _ => {}
        }
    }

    /// The last time, up to `at`, at which it may have been running.
    pub(crate) fn last_ran(&self, at: Micros) -> Micros {
        let alive = at.min(self.dead.unwrap_or(at));
        let paused = |pause: &&Pause| pause.stopped <= alive && alive <= pause.continuing;
        let pause = self.pauses.iter().find(paused);
        pause.map_or(alive, |pause| pause.stopped)
    }

    /// Whether it was neither killed nor paused in all this time. To be shut down is no excuse.
    pub(crate) fn runs(&self, time: Span) -> bool {
        let paused = self.pauses.iter().any(|pause| {
            let (from, to) = (pause.stopping, pause.continuing);
            Span { from, to }.overlaps(time)
        });
        !paused && (self.clean || self.dead.is_none_or(|dead| dead > time.to))
    }

    /// Whether it may have been paused after `before` and before `after`.
    pub(crate) fn paused_between(&self, before: Micros, after: Micros) -> bool {
        let mut pauses = self.pauses.iter();
        pauses.any(|pause| before <= pause.stopped && pause.stopping <= after)
    }
}
