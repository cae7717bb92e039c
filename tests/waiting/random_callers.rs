//! Many callers in memory, on a clock that jumps: whatever they want, give up, or leave unreleased,
//! no caller is let in beside another or waits for ever, and nothing stays behind.

use std::{cell::RefCell, collections::HashMap, future::pending, rc::Rc, time::Duration};

use fastrand::Rng;
use mongo_lock_runtime::{Acquisition, Error, LockClient, LockGuard, LockSpec};
use tokio::{
    select,
    task::{LocalSet, spawn_local, yield_now},
    time::{Instant, sleep, timeout},
};

use crate::support::ms;

const SEEDS: u64 = 60;
const TASKS: usize = 24;
const ROUNDS: usize = 12;

/// Who is inside, by lock.
type Inside = Rc<RefCell<HashMap<String, Vec<(u64, bool, mongo_lock_runtime::Lease)>>>>;

#[tokio::test(start_paused = true)]
async fn all_of_them_get_through() {
    for seed in 0..SEEDS {
        LocalSet::new().run_until(run(seed)).await;
    }
}

async fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let first = LockClient::in_memory();
    let clients = [
        first.clone(),
        first.with_owner("second").unwrap(),
        first.with_owner("third").unwrap(),
    ];
    let inside = Inside::default();
    let begun = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let client = clients[number % clients.len()].clone();
            let (inside, rng) = (Rc::clone(&inside), rng.fork());
            spawn_local(member(client, inside, rng, seed))
        })
        .collect();
    let mut served = 0;
    for task in tasks {
        let done = timeout(Duration::from_secs(60 * 60), task).await;
        served += done
            .unwrap_or_else(|_| panic!("seed {seed}: a caller waits for ever"))
            .unwrap();
    }
    assert!(served > TASKS, "seed {seed}: {served}");
    let virtual_time = begun.elapsed();
    for client in &clients {
        let shut = Instant::now();
        let report = client.shutdown().limit(Duration::from_secs(30)).await;
        // Its tasks are at their ends, save those that look for late grants.
        let took = shut.elapsed();
        assert!(took < Duration::from_secs(10), "seed {seed}: {took:?}");
        assert!(
            report.is_clean(),
            "seed {seed}, after {virtual_time:?}: {report}"
        );
    }
}

/// Says how often it had a lock.
async fn member(client: LockClient, inside: Inside, mut rng: Rng, seed: u64) -> usize {
    let mut served = 0;
    for _ in 0..ROUNDS {
        let (spec, shared, permits, patient) = wish(&mut rng);
        let asked = Instant::now();
        let answer = select! {
            answer = client.acquire_within(&spec, spec.wait().unwrap_or_default()) => answer,
            () = out_of_patience(&mut rng) => continue,
        };
        match answer {
            Ok(Acquisition::Acquired(guard)) => {
                served += 1;
                stay(&guard, &inside, shared, permits, &mut rng, seed).await;
                if rng.bool() {
                    guard.release().await.unwrap();
                }
            }
            Ok(Acquisition::Skipped(skipped)) => {
                let waited = asked.elapsed();
                let limit = spec.wait().unwrap_or_default();
                assert!(waited >= limit, "seed {seed}: {skipped} after {waited:?}");
                assert!(!patient, "seed {seed}: skipped after {waited:?}: {skipped}");
            }
            // It was granted too late for its short ttl.
            Err(error) => assert!(
                matches!(error, Error::GrantedTooLate { .. }),
                "seed {seed}: {error}"
            ),
        }
        sleep(ms(rng.u64(..100))).await;
    }
    served
}

/// Never, or some time later, or in the middle of things: while others, who are answered at this very
/// moment, are under way.
async fn out_of_patience(rng: &mut Rng) {
    match rng.u8(..8) {
        0 => sleep(ms(rng.u64(..400))).await,
        1 => {
            for _ in 0..rng.u8(..20) {
                yield_now().await;
            }
        }
        2 => {
            // When a lease ends, a request is sent.
            sleep(ms([150, 400, 500][rng.usize(..3)])).await;
            for _ in 0..rng.u8(..20) {
                yield_now().await;
            }
        }
        _ => pending().await,
    }
}

/// What to ask for, whether it is a reader's, how many may be inside with it, and whether it must
/// not be in vain.
fn wish(rng: &mut Rng) -> (LockSpec, bool, usize, bool) {
    let name = ["exclusive", "readers", "permits"][rng.usize(..3)];
    let ttl = ms([150, 400, 2000][rng.usize(..3)]);
    let shared = name == "readers" && rng.u8(..3) > 0;
    let permits = if name == "permits" { 2 } else { 1 };
    let mut spec = LockSpec::builder(name, ttl).shared(shared);
    if name == "permits" {
        spec = spec.permits(2);
    }
    if rng.u8(..4) == 0 {
        spec = spec.min_hold(ttl / 3);
    }
    if rng.u8(..4) == 0 {
        spec = spec.renew(true);
    }
    let wait = [0, 30, 700, 600_000][rng.usize(..4)];
    if wait > 0 {
        spec = spec.wait(ms(wait));
    }
    let permits = if shared { usize::MAX } else { permits };
    (spec.build().unwrap(), shared, permits, wait == 600_000)
}

/// Is inside for a while, for longer than its lease now and then.
async fn stay(
    guard: &LockGuard,
    inside: &Inside,
    shared: bool,
    permits: usize,
    rng: &mut Rng,
    seed: u64,
) {
    let name = guard.name().to_string();
    let us = rng.u64(..);
    {
        let mut inside = inside.borrow_mut();
        let others = inside.entry(name.clone()).or_default();
        others.retain(|(_, _, lease)| lease.check().is_ok());
        let fits = if shared {
            others.iter().all(|(_, shared, _)| *shared)
        } else {
            others.iter().all(|(_, shared, _)| !shared) && others.len() < permits
        };
        assert!(
            fits,
            "seed {seed}: {name} has {others:?}, and lets {guard:?} in"
        );
        others.push((us, shared, guard.lease().clone()));
    }
    sleep(ms(rng.u64(..300))).await;
    let mut inside = inside.borrow_mut();
    let all = inside.entry(name).or_default();
    all.retain(|(it, ..)| *it != us);
}
