//! How often a line asks the server.

use std::time::{Duration, SystemTime};

use mongodb::bson::Uuid;
use tokio::time::Instant;

use crate::store::Queued;

/// When to ask again.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The server's clock, and when it was, or was later.
    clock: Option<(SystemTime, Instant)>,
    /// How often it was in vain.
    asked: u32,
    /// Since when nobody answers.
    pub(super) trouble: Option<Instant>,
}

impl Pace {
    /// Without news, a place is confirmed this often. It is kept for [`QUEUE_ENTRY_TTL`](crate::store::QUEUE_ENTRY_TTL).
    const BEAT: Duration = Duration::from_millis(1800);
    /// The first and the longest pause where nobody brings news.
    const POLL: (Duration, Duration) = (Duration::from_millis(8), Duration::from_millis(500));
    /// What is over by our reckoning may not be over for the server.
    const SHORTEST: Duration = Duration::from_millis(5);

    pub(super) fn next(&mut self, queued: &Queued, news: bool) -> Instant {
        let now = Instant::now();
        if self.clock.is_none_or(|(at, _)| at != queued.seen_at) {
            self.clock = Some((queued.seen_at, now));
        }
        let (at, then) = self.clock.unwrap_or((queued.seen_at, now));
        // At least this late.
        let server = at + now.duration_since(then);
        let ends = queued.look_at.duration_since(server).unwrap_or_default();
        let mut pause = ends.max(Self::SHORTEST).min(jittered(Self::BEAT));
        if !news {
            // Whoever is not first can take it easy.
            let first = if queued.ahead == 0 { 0 } else { 6 };
            let (shortest, longest) = Self::POLL;
            let poll = shortest * 2_u32.pow(self.asked.max(first).min(16) / 2);
            pause = pause.min(jittered(poll.min(longest)));
        }
        self.asked += 1;
        now + pause
    }

    /// After a failure.
    pub(super) fn pause(&mut self) -> Duration {
        self.asked += 1;
        jittered(Duration::from_millis(10) * 2_u32.pow(self.asked.min(6)))
    }
}

/// Something between three and five quarters of it, so that waiters do not march in step.
fn jittered(time: Duration) -> Duration {
    let [.., random] = Uuid::new().bytes();
    time * (384 + u32::from(random)) / 512
}
