//! Makes a scenario that breaks a promise as short as it can be: pieces are removed, and what is left is
//! made simpler, as long as the same promise is broken.

use super::{
    oracle::Rules,
    script::{Body, Call, End, Fault, GiveUp, Scenario},
    stage::run,
};

/// How many scenarios are tried at most.
const TRIES: u32 = 3000;

pub(crate) fn shrink(scenario: &Scenario, rule: &str) -> Scenario {
    let mut shrinking = Shrinking {
        best: scenario.clone(),
        rules: Rules::only(rule),
        tries: 0,
    };
    while shrinking.round() {}
    shrinking.best
}

struct Shrinking {
    best: Scenario,
    rules: Rules,
    tries: u32,
}

impl Shrinking {
    /// Whether anything became shorter.
    fn round(&mut self) -> bool {
        let mut shorter = self.remove(|scenario| &mut scenario.calls);
        shorter |= self.remove(|scenario| &mut scenario.faults);
        for at in 0..self.best.calls.len() {
            for simpler in simpler_calls(&self.best.calls[at]) {
                shorter |= self.try_with(|scenario| scenario.calls[at] = simpler);
            }
        }
        for at in 0..self.best.faults.len() {
            for simpler in simpler_faults(&self.best.faults[at]) {
                shorter |= self.try_with(|scenario| scenario.faults[at] = simpler);
            }
        }
        if self.best.routers {
            shorter |= self.try_with(|scenario| scenario.routers = false);
        }
        if self.best.latency != (1, 1) {
            shorter |= self.try_with(|scenario| scenario.latency = (1, 1));
        }
        shorter && self.tries < TRIES
    }

    /// Half of them, a quarter, and so on, down to one.
    fn remove<T: Clone>(&mut self, of: fn(&mut Scenario) -> &mut Vec<T>) -> bool {
        let mut shorter = false;
        let mut size = of(&mut self.best).len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < of(&mut self.best).len() {
                let to = (from + size).min(of(&mut self.best).len());
                if self.try_with(|scenario| drop(of(scenario).drain(from..to))) {
                    shorter = true;
                } else {
                    from = to;
                }
            }
            size /= 2;
        }
        shorter
    }

    fn try_with(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        if self.tries >= TRIES {
            return false;
        }
        self.tries += 1;
        let mut candidate = self.best.clone();
        change(&mut candidate);
        let fails = run(&candidate, &self.rules, false).violation.is_some();
        if fails {
            self.best = candidate;
        }
        fails
    }
}

fn simpler_calls(call: &Call) -> Vec<Call> {
    let mut simpler = Vec::new();
    let mut with = |change: &dyn Fn(&mut Call)| {
        let mut other = call.clone();
        change(&mut other);
        simpler.push(other);
    };
    if call.give_up != GiveUp::Never {
        with(&|call| call.give_up = GiveUp::Never);
    }
    if call.body.again {
        with(&|call| call.body.again = false);
    }
    if call.body.extend.is_some() {
        with(&|call| call.body.extend = None);
    }
    if call.body.end != End::Release {
        with(&|call| call.body.end = End::Release);
    }
    if call.terms.min_hold.is_some() {
        with(&|call| call.terms.min_hold = None);
    }
    if call.terms.max_hold.is_some() {
        with(&|call| call.terms.max_hold = None);
    }
    if call.body.stay > 0 {
        with(&|call| {
            call.body = Body {
                stay: 0,
                ..call.body
            }
        });
        with(&|call| call.body.stay /= 2);
    }
    if call.at > 0 {
        with(&|call| call.at = 0);
        with(&|call| call.at /= 2);
        with(&|call| call.at -= 1);
    }
    simpler
}

fn simpler_faults(fault: &Fault) -> Vec<Fault> {
    let mut simpler = Vec::new();
    if let Fault::Requests {
        from,
        to,
        client,
        what,
        count,
        fate,
    } = *fault
    {
        let with = |from, to, count| Fault::Requests {
            from,
            to,
            client,
            what,
            count,
            fate,
        };
        for fewer in [1, 2, 3, 6, 12] {
            if fewer < count {
                simpler.push(with(from, to, fewer));
            }
        }
        let length = to - from;
        if length > 1 {
            simpler.push(with(from, from + length / 2, count));
            simpler.push(with(from + length / 2, to, count));
        }
        if from > 0 {
            simpler.push(with(0, to, count));
            simpler.push(with(from / 2, from / 2 + length, count));
        }
    }
    simpler
}
