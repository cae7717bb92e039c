//! Random sequences of commands, which both stores must answer alike.
//!
//! The generator is our own: `fastrand` comes with the build anyway, and a crate such as `proptest`
//! runs one sequence after the other, where it takes many at a time for the journal's flushes not
//! to be the whole run time.

use std::{
    env,
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
};

use tokio::task::JoinSet;

use super::{
    CONNECTIONS, Timed,
    fixture::Fixture,
    mixed_generator::mixed,
    mixed_oracle::MixedOracle,
    plain_generator::{Step, random},
    plain_oracle::{Event, Events, Oracle, PlainOracle},
    shrink::simpler,
};

const SEQUENCES: u64 = 10_000;

/// The number of sequences with queues, readers and permits.
const MIXED: u64 = 2_500;

/// Seeds of mixed sequences that an oracle once took for broken promises: it forgot the remainder of a
/// `min_hold` that a clock set back makes live again, and took a reservation for a lease.
const MISJUDGED: [u64; 3] = [
    9_295_317_860_084_082_878,
    363_752_377_749_665_009,
    5_451_082_278_616_274_336,
];

/// The number of sequences without a server: the rarest meetings of an oracle's rules are found there.
const IN_MEMORY: u64 = 20_000;

/// The number of sequences of each kind behind a router, where a command needs a stamp, too.
const ROUTED: u64 = 500;

/// The seed of one sequence to run alone, as a failure prints it.
const SEED: &str = "MONGO_LOCK_SEED";

/// The events that must happen once in so many sequences, or the test tests too little. Each number is
/// about twice the real one.
const FREQUENT: &[(Event, u64)] = &[
    (Event::Granted, 1),
    (Event::TakenOver, 3),
    (Event::SentAgain, 5),
    (Event::TokenAheadOfClock, 50),
    (Event::Refused, 2),
    (Event::Released, 4),
    (Event::KeptByMinHold, 7),
    (Event::RefusedByMinHold, 16),
    (Event::ReleaseOfGone, 3),
    (Event::Renewed, 2),
    (Event::RenewalOfGone, 2),
    (Event::RenewalOfMixed, 8),
    (Event::DeletedWhileHeld, 20),
    (Event::ClockSetBack, 6),
];

const FREQUENT_IN_MIXED: &[(Event, u64)] = &[
    (Event::Granted, 1),
    (Event::GrantedBeside, 3),
    (Event::Refused, 3),
    (Event::Queued, 2),
    (Event::QueuedForFree, 10),
    (Event::HandedOver, 10),
    (Event::HandedToNobody, 20),
    (Event::DeletedWhileHeld, 50),
    (Event::Revoked, 4),
    (Event::RefusedAsRevoked, 8),
    (Event::ClockSetBack, 2),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stores_give_the_same_answers() {
    let mongo = Timed::mongo().await;
    compare::<PlainOracle>(mongo, SEQUENCES, random, FREQUENT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stores_give_the_same_answers_to_mixed_requests() {
    let mongo = Timed::mongo().await;
    compare::<MixedOracle>(mongo, MIXED, mixed, FREQUENT_IN_MIXED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_behind_a_router_gives_the_same_answers() {
    compare::<PlainOracle>(Timed::router().await, ROUTED, random, &[]).await;
    compare::<MixedOracle>(Timed::router().await, ROUTED, mixed, &[]).await;
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_promises() {
    for seed in MISJUDGED {
        let judged = check::<MixedOracle>(None, seed, mixed(seed)).await;
        assert!(judged.is_ok(), "{judged:?}");
    }
    in_memory::<PlainOracle>(random).await;
    in_memory::<MixedOracle>(mixed).await;
}

async fn in_memory<J: Oracle>(random: fn(u64) -> Vec<Step>) {
    let (first, count) = seeds(IN_MEMORY);
    for number in 0..count {
        let seed = first.wrapping_add(number);
        if let Err(failure) = check::<J>(None, seed, random(seed)).await {
            panic!("{failure}");
        }
    }
}

/// The first seed, and the number of sequences.
fn seeds(sequences: u64) -> (u64, u64) {
    match env::var(SEED) {
        Ok(seed) => (seed.parse().expect("a seed is a number"), 1),
        Err(_) => (fastrand::u64(..), sequences),
    }
}

async fn compare<J: Oracle + 'static>(
    mongo: Timed,
    sequences: u64,
    random: fn(u64) -> Vec<Step>,
    frequent: &[(Event, u64)],
) {
    let mongo = Arc::new(mongo);
    let (first, count) = seeds(sequences);
    let left = Arc::new(Mutex::new(0..count));
    let mut workers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (mongo, left) = (Arc::clone(&mongo), Arc::clone(&left));
        workers.spawn(async move {
            let mut events = Events::new();
            let next = || left.lock().unwrap().next();
            while let Some(number) = next() {
                let this = first.wrapping_add(number);
                match check::<J>(Some(&mongo), this, random(this)).await {
                    Ok(seen) => add(&mut events, seen),
                    Err(failure) => {
                        // One failure is enough: the other workers end with their present sequence.
                        *left.lock().unwrap() = 0..0;
                        return Err(failure);
                    }
                }
            }
            Ok(events)
        });
    }
    let results = workers.join_all().await;
    let mut events = Events::new();
    for result in results {
        match result {
            Ok(seen) => add(&mut events, seen),
            Err(failure) => panic!("{failure}"),
        }
    }
    if count == sequences {
        frequent_enough(&events, sequences, frequent);
    }
}

fn frequent_enough(events: &Events, sequences: u64, frequent: &[(Event, u64)]) {
    #[expect(clippy::print_stdout, reason = "for tuning the sequences")]
    {
        println!("{sequences} sequences: {events:#?}");
    }
    for (event, once_in) in frequent {
        let times = events.get(event).copied().unwrap_or(0);
        assert!(
            times * once_in >= sequences,
            "{event:?} is rare: {events:#?}"
        );
    }
}

fn add(events: &mut Events, more: Events) {
    for (event, times) in more {
        *events.entry(event).or_default() += times;
    }
}

/// One sequence. An error shows its shortest version that fails.
async fn check<J: Oracle>(
    mongo: Option<&Timed>,
    seed: u64,
    steps: Vec<Step>,
) -> Result<Events, String> {
    let run = Run::<J>::of(mongo, &steps).await;
    if run.problem.is_none() {
        return Ok(run.oracle.events());
    }
    let short = shrink::<J>(mongo, steps).await;
    let run = Run::<J>::of(mongo, &short).await;
    let again = format!("{SEED}={seed} cargo test -p mongo-lock-runtime property");
    Err(format!("{run}\nto run it again: {again}"))
}

async fn shrink<J: Oracle>(mongo: Option<&Timed>, mut steps: Vec<Step>) -> Vec<Step> {
    'smaller: loop {
        for candidate in simpler(&steps) {
            if Run::<J>::of(mongo, &candidate).await.problem.is_some() {
                steps = candidate;
                continue 'smaller;
            }
        }
        return steps;
    }
}

/// The answers of both stores, or of the one in memory alone, up to the first problem.
struct Run<J> {
    log: String,
    problem: Option<String>,
    oracle: J,
}

impl<J: Oracle> Run<J> {
    async fn of(mongo: Option<&Timed>, steps: &[Step]) -> Self {
        let (fixture, memory) = (Fixture::new(), Timed::memory());
        let mut run = Self {
            log: String::new(),
            problem: None,
            oracle: J::default(),
        };
        let mut now = 0;
        for Step { wait, action } in steps {
            now += wait;
            let expected = memory.answer(&fixture, now, action).await;
            let answer = match mongo {
                Some(mongo) => mongo.answer(&fixture, now, action).await,
                None => expected.clone(),
            };
            writeln!(run.log, "at {now} ms: {action:?}\n    {answer:?}").unwrap();
            if answer != expected {
                run.problem = Some(format!("says MongoDB, but in memory:\n    {expected:?}"));
            } else if let Err(broken) = run.oracle.check(now, action, &answer) {
                run.problem = Some(format!("is an answer that breaks a promise: {broken}"));
            }
            if run.problem.is_some() {
                break;
            }
        }
        run
    }
}

impl<J> fmt::Display for Run<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = self.problem.as_deref().unwrap_or("it did not fail again");
        write!(f, "{}    {problem}", self.log)
    }
}
