//! The one clock of a run, and a look at whether it can be trusted.
//!
//! All processes, the MongoDB nodes among them, are on one machine, so its wall clock is the
//! server's clock: a body's step and `acquired_at` can be compared directly, to the millisecond that
//! the server rounds down to. A monotonic clock could not be compared with the server's times at
//! all. The price: if the clock is set during the run, the run proves nothing, so [`Watch`] compares the
//! wall clock with the monotonic one all the while.

use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Microseconds since 1970.
pub(crate) type Micros = i64;

pub(crate) const MILLISECOND: Micros = 1000;

pub(crate) fn now() -> Micros {
    micros(SystemTime::now())
}

pub(crate) fn micros(time: SystemTime) -> Micros {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    span(since)
}

pub(crate) fn span(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

/// For people. Negative times do not need to look good.
pub(crate) fn seconds(span: Micros) -> String {
    let positive = Duration::from_micros(span.unsigned_abs());
    let sign = if span < 0 { "-" } else { "" };
    format!("{sign}{:.3} s", positive.as_secs_f64())
}

/// A thread that looks for jumps of the wall clock.
pub(crate) struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Micros>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let mut jump = 0;
            let mut last = offset();
            while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout)
            {
                let next = offset();
                jump = jump.max((next - last).abs());
                last = next;
            }
            jump
        });
        Self { stop, thread }
    }

    /// The largest jump that was seen.
    pub(crate) fn stop(self) -> Micros {
        drop(self.stop);
        self.thread.join().unwrap_or(Micros::MAX)
    }
}

/// The lead of the wall clock over the monotonic one, of which only the change means anything.
fn offset() -> Micros {
    thread_local! {
        static START: Instant = Instant::now();
    }
    let monotonic = || START.with(|start| span(start.elapsed()));
    loop {
        let before = monotonic();
        let wall = now();
        // A thread that was not scheduled in between has seen nothing.
        if monotonic() - before < MILLISECOND {
            return wall - before;
        }
    }
}
