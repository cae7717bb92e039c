//! The bars of the benchmark, and whether each is reached.

use std::fmt;

use crate::{
    contest::{Contest, Score},
    hand_off::HandOffs,
    way::Way,
};

/// Commands per turn in one process, and across processes.
const IN_ONE: f64 = 1.2;
/// The wake-up is one of them.
const ACROSS: f64 = 5.0;
/// The turns of the waiter that had most over those of the waiter that had fewest.
const FAIR: f64 = 1.1;
/// Commands per turn over those of the next smaller crowd.
const GROWTH: f64 = 1.05;
/// The number of turns of each waiter in a watch below which chance decides the ratio.
const ENOUGH: u64 = 10;

/// One bar.
pub(crate) struct Bar {
    what: String,
    found: String,
    verdict: Verdict,
}

enum Verdict {
    Counted(bool),
    Timed(&'static str),
}

impl Bar {
    pub(crate) fn is_good(&self) -> bool {
        !matches!(self.verdict, Verdict::Counted(false))
    }

    fn counted(what: String, found: String, met: bool) -> Self {
        let verdict = Verdict::Counted(met);
        Self {
            what,
            found,
            verdict,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Counted(true) => "met",
            Verdict::Counted(false) => "MISSED",
            Verdict::Timed(verdict) => verdict,
        };
        let timed = match self.verdict {
            Verdict::Timed(_) => ", timed",
            Verdict::Counted(_) => "",
        };
        write!(f, "  {:<58}{:<28}{verdict}{timed}", self.what, self.found)
    }
}

pub(crate) fn bars(hand_offs: &HandOffs, contests: &[Contest]) -> Vec<Bar> {
    let mut bars = Vec::new();
    if !hand_offs.is_empty() {
        bars.push(latency(hand_offs));
    }
    for contest in contests {
        bars.push(commands(contest));
    }
    for contest in contests {
        bars.push(fairness(contest));
    }
    for contest in contests {
        bars.extend(growth(contest, contests));
    }
    bars
}

fn latency(hand_offs: &HandOffs) -> Bar {
    let ratio = hand_offs.of_allowed(Way::Ours);
    let verdict = if ratio.high <= 1.0 {
        "met"
    } else if ratio.low > 1.0 {
        "missed"
    } else {
        "unclear"
    };
    Bar {
        what: "hand-off, p50, at most 6 pings + 2 majority writes".into(),
        found: format!(
            "× {:.2} [{:.2}, {:.2}]",
            ratio.median, ratio.low, ratio.high
        ),
        verdict: Verdict::Timed(verdict),
    }
}

fn commands(contest: &Contest) -> Bar {
    let (crowd, score) = (contest.crowd, contest.score(Way::Ours));
    let bar = if crowd.processes == 1 { IN_ONE } else { ACROSS };
    let seen = score.commands();
    Bar::counted(
        format!("{crowd}: commands per acquisition, at most {bar}"),
        format!("{seen:.2}"),
        // A watch may begin or end in the middle of a turn, whose commands are one turn's at most.
        score.commands.all() as f64 <= bar * (score.turns() + score.rounds) as f64,
    )
}

fn fairness(contest: &Contest) -> Bar {
    let (crowd, score) = (contest.crowd, contest.score(Way::Ours));
    let (least, most) = (score.least(), score.most());
    if least >= ENOUGH * score.rounds || most == 0 {
        let ratio = fairest(score);
        return Bar::counted(
            format!("{crowd}: turns of the waiters, max/min at most {FAIR}"),
            format!("{ratio:.3}"),
            ratio <= FAIR,
        );
    }
    // Each watch begins and ends in the middle of a turn.
    let chance = score.rounds;
    Bar::counted(
        format!("{crowd}: turns of the waiters, at most 1 apart per watch"),
        format!("{} apart in {chance} watches", most - least),
        most - least <= chance,
    )
}

/// The most turns over the fewest.
pub(crate) fn fairest(score: &Score) -> f64 {
    score.most() as f64 / score.least() as f64
}

fn growth(contest: &Contest, contests: &[Contest]) -> Option<Bar> {
    let crowd = contest.crowd;
    let fewer = contests
        .iter()
        .filter(|it| it.crowd.processes == crowd.processes)
        .filter(|it| it.crowd.waiters() < crowd.waiters())
        .max_by_key(|it| it.crowd.waiters())?;
    let grown = contest.score(Way::Ours).commands() / fewer.score(Way::Ours).commands();
    Some(Bar::counted(
        format!(
            "{crowd}: commands over those of {}, at most {GROWTH}",
            fewer.crowd
        ),
        format!("× {grown:.2}"),
        grown <= GROWTH,
    ))
}

/// Our score with eight waiters in as many processes.
pub(crate) fn with_eight<'a>(contest: &Contest, contests: &'a [Contest]) -> Option<&'a Score> {
    contests
        .iter()
        .find(|it| it.crowd.processes == contest.crowd.processes && it.crowd.waiters() == 8)
        .map(|few| few.score(Way::Ours))
}
