//! A lease without a use is released (7, 8), and a shutdown reports what was not.

use super::{Lease, Oracle, mirror::Stored};

impl Oracle {
    /// Whether the clock was set back under a lease: it lasts longer than its holder can know (5).
    pub(super) fn is_set_back(&self, lease: &Lease) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|(step, by)| *by < 0 && *step >= lease.sent)
    }

    /// 7, 8: once a call has ended without a lease, or its guard or body is gone, and the network has
    /// been healthy for a while, no lease of it is live.
    pub(super) fn nothing_is_left(&mut self, at: u64, now: i64) {
        let mut found = None;
        for (name, document) in &self.mirror.documents {
            for stored in document.live(now) {
                let Some(facts) = self.leases.get(&stored.id) else {
                    continue;
                };
                let client = &self.clients[stored.who];
                let Some(unwanted) = self.unwanted(stored) else {
                    continue;
                };
                let since = unwanted.max(self.healthy_since(client.slot, at));
                let set_back = self.is_set_back(facts);
                let excused =
                    stored.released || facts.came_back || facts.wiped || client.dead || set_back;
                if !excused && at > since + self.clean_up() {
                    found = Some((name.clone(), stored.call, unwanted));
                }
            }
        }
        if let Some((name, call, unwanted)) = found {
            self.broken("P7 nothing is left behind", at, |_| {
                format!("a lease of `{name}` is live, and call {call} has no use for it since {unwanted}")
            });
        }
    }

    /// Since when no call has a use for the leases that this holder keeps.
    fn unwanted(&self, stored: &Stored) -> Option<u64> {
        let mut since = None;
        for lease in self.members(stored.id) {
            let call = lease.call;
            let calls = if lease.delivered {
                std::slice::from_ref(&call)
            } else {
                self.alike(call, &lease.name)
            };
            for call in calls {
                since = since.max(Some(self.calls.get(call)?.unwanted?));
            }
        }
        since
    }

    /// 7: a shutdown that says that every lock was released is right.
    pub(crate) fn shut_down(&mut self, at: u64, now: i64, who: usize, clean: bool) {
        if !clean {
            return;
        }
        self.clients[who].clean_since = Some(at);
        let documents = self.mirror.documents.values();
        let mut live = documents.flat_map(|document| document.live(now));
        let left = live.find(|it| {
            let facts = &self.leases[&it.id];
            let set_back = self.is_set_back(facts);
            it.who == who && !it.released && !facts.came_back && !facts.wiped && !set_back
        });
        let left = left.map(|it| it.call);
        drop(live);
        if let Some(call) = left {
            self.broken("P7 a clean shutdown is clean", at, |_| {
                format!("every lock was released, but that of call {call}")
            });
        }
    }

    /// 7: nor does anything appear later.
    pub(super) fn not_after_clean_shutdown(&mut self, at: u64, new: &Stored) {
        let client = &self.clients[new.who];
        let wiped = self.leases[&new.id].wiped;
        if let Some(since) = client.clean_since.filter(|_| !client.dead && !wiped) {
            let call = new.call;
            self.broken("P7 a clean shutdown is the end", at, |_| {
                format!("call {call} was granted a lease; since {since}, every lock was released")
            });
        }
    }
}
