//! Each rule finds what it is for, and excuses what it must. All times are milliseconds, and every
//! lease has a ttl of a second and so a margin of 200 ms.

use std::{fmt::Write as _, sync::Arc};

use super::{
    super::{
        evidence::Evidence,
        history::{Applied, History},
        jobs::TRANSFERS,
        ledger::Line,
    },
    Findings, check,
};

/// The lines of one process.
#[derive(Default)]
struct Ledger {
    by: &'static str,
    text: String,
}

/// The properties of a hold that is not plain.
const PLAIN: &str = "renew=false max_hold=0 min_hold=0";
const RENEWED: &str = "renew=true max_hold=0 min_hold=0";

impl Ledger {
    fn of(by: &'static str) -> Self {
        let text = String::new();
        Self { by, text }
    }

    fn line(mut self, at: i64, line: &str) -> Self {
        writeln!(self.text, "{at}000 {line}").unwrap();
        self
    }

    /// A lease that was asked for a millisecond before it began.
    fn began(self, at: i64, token: i64, terms: &str) -> Self {
        let began = format!(
            "began call={token} name=a job=Plain token={token} acquired_at={at}000 ttl=1000000 \
             longest=1000000 {terms} polled={at}000 left=799000"
        );
        self.line(at - 1, &format!("asked call={token} name=a job=Plain"))
            .line(at, &began)
    }

    fn step(self, at: i64, token: i64, left: i64) -> Self {
        self.polled("step", at, at, token, left)
    }

    fn ended(self, at: i64, token: i64) -> Self {
        self.polled("ended", at, at, token, 0)
    }

    /// A line of a body whose poll began earlier.
    fn polled(self, kind: &str, polled: i64, at: i64, token: i64, left: i64) -> Self {
        let line = format!("{kind} call={token} polled={polled}000 left={left}000");
        self.line(at, &line)
    }

    fn skipped(self, at: i64, holder: &str, token: i64, since: i64, until: i64) -> Self {
        let line = format!(
            "skipped call={at} name=a holder={holder} token={token} since={since}000 until={until}000"
        );
        self.line(at - 1, &format!("asked call={at} name=a job=Plain"))
            .line(at, &line)
    }

    fn wrote(self, at: i64, token: i64, result: &str) -> Self {
        self.line(at, &format!("wrote-late call={token} write={at} {result}"))
    }
}

fn findings(ledgers: Vec<Ledger>, writes: &[(i64, &str)]) -> Findings {
    let read = |ledger: Ledger| {
        let by = Arc::from(ledger.by);
        let lines = ledger.text.lines();
        lines.map(|line| Line::parse(&by, line).unwrap()).collect()
    };
    let evidence = Evidence::new(ledgers.into_iter().map(read).collect()).unwrap();
    let applied = |&(token, id): &(i64, &str)| Applied {
        token,
        id: id.to_owned(),
    };
    let writes = [("a".to_owned(), writes.iter().map(applied).collect())];
    let history = History {
        writes: writes.into(),
        accounts: None,
    };
    check(&evidence, &history)
}

#[track_caller]
fn broken(ledgers: Vec<Ledger>, expected: &str) {
    broken_writes(ledgers, &[], expected);
}

#[track_caller]
fn broken_writes(ledgers: Vec<Ledger>, writes: &[(i64, &str)], expected: &str) {
    let violations = findings(ledgers, writes).violations;
    let whats: Vec<_> = violations.iter().map(|it| it.what.as_str()).collect();
    assert!(
        whats.iter().any(|what| what.contains(expected)),
        "{whats:?}"
    );
}

#[track_caller]
fn fine(ledgers: Vec<Ledger>) -> Findings {
    let findings = findings(ledgers, &[]);
    assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    findings
}

fn first() -> Ledger {
    Ledger::of("w0.1").began(1000, 1, PLAIN)
}

fn next(at: i64) -> Ledger {
    Ledger::of("w1.1").began(at, 2, PLAIN).ended(at + 1, 2)
}

fn faults() -> Ledger {
    Ledger::of("faults")
}

#[test]
fn a_lock_passes_on_when_it_was_released_or_has_expired() {
    fine(vec![first().ended(1100, 1), next(1100)]);
    fine(vec![first().step(1500, 1, 299), next(2000)]);
    fine(vec![
        first(),
        next(2000),
        faults()
            .line(1200, "killing label=w0.1")
            .line(1201, "killed label=w0.1"),
    ]);
}

#[test]
fn two_leases_at_a_time_are_found() {
    let early = "before the end of its holder's lease";
    broken(vec![first().ended(1700, 1), next(1100)], early);
    broken(vec![first(), next(1900)], early);
    let renewed = Ledger::of("w0.1").began(1000, 1, RENEWED);
    let believes = "before its holder believed so";
    broken(vec![renewed.step(1700, 1, 799), next(2100)], believes);
    let spaced = || Ledger::of("w0.1").began(1000, 1, "renew=false max_hold=0 min_hold=400000");
    let spaced = || spaced().ended(1010, 1);
    broken(vec![spaced(), next(1300)], "`min_hold`");
    let removed = faults().line(1200, "removed name=a from=1198000 ok=true");
    fine(vec![spaced(), removed, next(1300)]);
}

#[test]
fn a_stamp_from_before_the_release_is_no_violation() {
    let late = Ledger::of("w1.1")
        .line(1099, "asked call=2 name=a job=Plain")
        .line(
            1150,
            &format!(
                "began call=2 name=a job=Plain token=2 acquired_at=1100000 ttl=1000000 \
                 longest=1000000 {PLAIN} polled=1150000 left=700000"
            ),
        );
    let found = fine(vec![first().ended(1120, 1), late]);
    assert_eq!(found.stamped_early.time, 20_000);
}

#[test]
fn a_body_that_goes_on_is_found() {
    let renewed = || Ledger::of("w0.1").began(1000, 1, RENEWED);
    let went_on = "after its lock had passed on";
    broken(vec![renewed().step(2050, 1, 0), next(2000)], went_on);
    broken(vec![renewed().ended(2050, 1), next(2000)], went_on);
    let after_its_end = "after the end of its lease";
    broken(vec![first().step(1900, 1, 0)], after_its_end);
}

#[test]
fn a_pause_excuses_one_line_and_the_end() {
    let faults = || {
        faults()
            .line(1500, "stopping label=w0.1")
            .line(1501, "stopped label=w0.1")
            .line(2500, "continuing label=w0.1")
            .line(2501, "continued label=w0.1")
    };
    let paused = || {
        let before = first().step(1490, 1, 309);
        // It was stopped between the beginning of the poll and the line.
        before.polled("step", 1499, 2501, 1, 0)
    };
    let end = |ledger: Ledger| ledger.polled("ended", 2502, 2502, 1, 0);
    let excused = fine(vec![faults(), end(paused()), next(2000)]);
    assert_eq!(excused.excused, 1);
    let went_on = "after its lock had passed on";
    let one_more = paused().step(2510, 1, 0);
    broken(vec![faults(), one_more, next(2000)], went_on);
    // The library could have looked.
    let not_in_a_step = first().step(1490, 1, 309).step(2501, 1, 0);
    broken(vec![faults(), not_in_a_step, next(2000)], went_on);
}

#[test]
fn a_lease_that_is_relied_on_for_too_long_is_found() {
    let longer = "longer than its ttl, less the margin";
    broken(vec![first().step(1100, 1, 790)], longer);
    let renewed = Ledger::of("w0.1").began(1000, 1, RENEWED);
    let longer = "longer than one renewal can make it last";
    broken(vec![renewed.step(1100, 1, 900)], longer);
    let limited = Ledger::of("w0.1").began(1000, 1, "renew=true max_hold=1500000 min_hold=0");
    broken(vec![limited.step(1900, 1, 700)], "`max_hold`");
}

#[test]
fn a_holder_that_does_not_notice_a_removal_is_found() {
    let renewed = || Ledger::of("w0.1").began(1000, 1, RENEWED);
    let removed = || faults().line(1200, "removed name=a from=1198000 ok=true");
    fine(vec![renewed().step(1190, 1, 799), removed(), next(1300)]);
    broken(
        vec![renewed().step(1900, 1, 700), removed()],
        "had been removed",
    );
}

#[test]
fn tokens_that_do_not_grow_are_found() {
    let twice = Ledger::of("w1.1").began(1200, 1, PLAIN).ended(1210, 1);
    broken(vec![first().ended(1100, 1), twice], "the token 1");
    let smaller = Ledger::of("w1.1").began(1101, 0, PLAIN).ended(1110, 0);
    broken(vec![first().ended(1100, 1), smaller], "larger token");
}

#[test]
fn a_fence_that_lets_an_older_one_through_is_found() {
    let ledgers = || {
        vec![
            first().ended(1100, 1).wrote(1400, 1, "result=applied"),
            Ledger::of("w1.1")
                .began(1200, 2, PLAIN)
                .ended(1300, 2)
                .wrote(1301, 2, "result=applied"),
        ]
    };
    broken_writes(ledgers(), &[(2, "1301"), (1, "1400")], "came after");
    broken_writes(ledgers(), &[(1, "1400")], "is not in the document");
    let refused = |newer| {
        let result = format!("result=refused newer={newer}");
        vec![first().ended(1100, 1).wrote(1400, 1, &result)]
    };
    broken_writes(refused(2), &[(2, "x"), (1, "1400")], "is in the document");
    broken_writes(refused(3), &[(2, "x")], "never wrote");
}

#[test]
fn half_a_transfer_is_found() {
    let found = |from, to| {
        let applied = |token| Applied {
            token,
            id: token.to_string(),
        };
        let writes = [(TRANSFERS.to_owned(), vec![applied(1), applied(2)])];
        let history = History {
            writes: writes.into(),
            accounts: Some((from, to)),
        };
        let evidence = Evidence::new(Vec::new()).unwrap();
        !check(&evidence, &history).violations.is_empty()
    };
    assert!(!found(-2, 2));
    assert!(found(-2, 1) && found(-3, 3) && found(-1, 1));
}

#[test]
fn a_lease_that_blocks_for_too_long_is_found() {
    let waits = || Ledger::of("w1.1");
    fine(vec![first(), waits().skipped(1990, "w0.1", 1, 1000, 2000)]);
    broken(
        vec![first(), waits().skipped(2100, "w0.1", 1, 1000, 2000)],
        "had been over",
    );
    let dead = faults().line(1100, "killed label=w0.1");
    broken(
        vec![first(), dead, waits().skipped(3000, "w0.1", 1, 1000, 3200)],
        "could not renew",
    );
    let ended = || first().ended(1050, 1);
    broken(
        vec![ended(), waits().skipped(2100, "w0.1", 1, 1000, 2200)],
        "not released when its body was over",
    );
    let trouble = || faults().line(1060, "trouble by=X").line(1900, "calm by=X");
    fine(vec![
        ended(),
        trouble(),
        waits().skipped(2100, "w0.1", 1, 1000, 2200),
    ]);
    broken(
        vec![waits().skipped(2100, "w0.1", 1, 1000, 2200)],
        "for a call that had failed",
    );
    let shut_down = || {
        let worker = first().line(1040, "finished clean=true text=every lock was released");
        let dead = faults().line(1050, "killed label=w0.1");
        vec![worker, dead]
    };
    fine(shut_down());
    let mut blocked = shut_down();
    blocked.push(waits().skipped(2100, "w0.1", 1, 1000, 2200));
    broken(blocked, "not released");
    let stuck = Ledger::of("probe").line(9000, "stuck name=a token=1");
    broken(vec![stuck], "not free long after");
}

const READER: &str = "renew=false max_hold=0 min_hold=0 shared=true";

#[test]
fn readers_share_and_writers_do_not() {
    let reader = |by, at, token| Ledger::of(by).began(at, token, READER);
    let both = || {
        vec![
            reader("w0.1", 1000, 1).ended(1500, 1),
            reader("w1.1", 1200, 2).ended(1300, 2),
        ]
    };
    assert_eq!(fine(both()).shared, 1);
    let mut after = both();
    after.push(Ledger::of("w2.1").began(1500, 3, PLAIN).ended(1510, 3));
    after.push(reader("w3.1", 1510, 4).ended(1600, 4));
    fine(after);
    // The first of two readers is still there.
    let early = "before the end of its holder's lease";
    let mut during = both();
    during.push(Ledger::of("w2.1").began(1350, 3, PLAIN).ended(1351, 3));
    broken(during, early);
    let writer = first().ended(1500, 1);
    broken(vec![writer, reader("w1.1", 1200, 2).ended(1300, 2)], early);
}

#[test]
fn a_waiter_that_is_overtaken_is_found() {
    let waits = |got: bool| {
        let asked = Ledger::of("w0.1").line(1000, "asked call=9 name=a job=Waiting waits=true");
        if got {
            let began = format!(
                "began call=9 name=a job=Waiting token=9 acquired_at=8000000 ttl=1000000 \
                 longest=1000000 {PLAIN} polled=8000000 left=799000"
            );
            asked.line(8000, &began).polled("ended", 8001, 8001, 9, 0)
        } else {
            let skipped = "skipped call=9 name=a holder=w1.1 token=5 since=7000000 until=9000000";
            asked.line(8000, skipped)
        }
    };
    let others = |from: i64| {
        (0..3).fold(Ledger::of("w1.1"), |ledger, nth| {
            let (at, token) = (from + 100 * nth, nth + 1);
            ledger.began(at, token, PLAIN).ended(at + 10, token)
        })
    };
    for got in [true, false] {
        broken(vec![waits(got), others(4000)], "overtaken by 3");
        // They had asked before, or together with it.
        fine(vec![waits(got), others(2000)]);
        // Its place was lost with the document.
        let removed = faults().line(3000, "removed name=a from=2998000 ok=true");
        fine(vec![waits(got), others(4000), removed]);
    }
}

#[test]
fn a_dead_waiter_that_keeps_its_place_is_found() {
    let refused = |at: i64| {
        let line = format!(
            "skipped call={at} name=a holder=w0.1 token=1 since=900000 until={}000 waiting=true",
            at + 100
        );
        let asked = Ledger::of("w1.1").line(at - 1, &format!("asked call={at} name=a job=Plain"));
        let dead = faults()
            .line(1000, "killing label=w0.1")
            .line(1001, "killed label=w0.1");
        vec![asked.line(at, &line), dead]
    };
    fine(refused(6000));
    broken(refused(7100), "a dead waiter kept its place");
}

#[test]
fn a_failure_that_no_fault_explains_is_found() {
    let failed = |kind| {
        let line = format!("failed call=1 kind={kind} text=lock `a`: something");
        let asked = Ledger::of("w0.1").line(1, "asked call=1 name=a job=Plain");
        vec![asked.line(2, &line)]
    };
    fine(failed("timeout"));
    broken(failed("other"), "no fault explains");
}
