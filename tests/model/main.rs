//! The protocol, explored: every state that a few clients and the store can reach within stated bounds
//! is held to the promises.
//!
//! The store is the real one, the state machine that keeps locks in memory; a conformance suite holds
//! the commands for MongoDB to it. The clients and the network are models. A client does what its
//! `PendingLease`, `OwnedLease` and release service do: it numbers its attempts, knows which of them
//! are unaccounted for, counts a lease from when the granted attempt was sent, and revokes the id of a
//! lease that a straggler could still bring.
//!
//! - **Time** passes in ticks of half a ttl, for all clocks alike: a client knows only how many have
//!   passed. The server's clock can be set back besides. The safety margin is nought, so that a
//!   deadline is held to the last moment.
//! - **The network** delivers requests in any order, at any time, or never, and may repeat one. It
//!   does not repeat an attempt whose answer has arrived: a connection is read in order, and the
//!   driver does not send `runCommand` twice.
//! - **A client** takes any of its steps at any time, or none: it may be paused, or dead. An answer
//!   that it no longer waits for is lost.
//! - **A release** is repeated until it is answered. What its end without an answer leaves behind, the
//!   ttl limits.
//!
//! `eventually` is not used: a client that takes no step may end every run. Where the promise is that
//! nothing is left in the end, the property says so of each state in which a call is over, with
//! requests still on their way.
//!
//! | test | clients, calls | ticks | attempts | renewals | copies | set back |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `attempts` | 2, 2 exclusive | 2 | 2 | 1 | | |
//! | `copies` | 2, 2 exclusive | 2 | 2 | | 1 | |
//! | `clock_set_back` | 2, 2 exclusive | 2 | 2 | | | 1 |
//! | `waiting` | 2, 3 exclusive, of which 2 wait | 2 | 1 | | | |
//! | `sharing` | 3, 2 of three permits and a reader, of which 2 wait | 2 | 1 | | | |
//!
//! Attempts are those of each call, renewals those of each lease, and the rest is in all. States and
//! depth: `cargo test --test model -- --nocapture`. Larger bounds, for minutes and gigabytes:
//! `cargo test --release --test model -- --ignored --nocapture --test-threads 1`.

mod account;
mod client;
mod properties;
mod server;
mod setup;
mod state;
mod steps;

use std::time::Instant;

use setup::{Bounds, Call, Setup};
use stateright::{Checker, Model};

/// Explores all states, and holds each of them to the promises.
fn check(title: &str, calls: &[Call], bounds: Bounds) {
    let started = Instant::now();
    let checker = Setup::new(calls, bounds).checker().threads(2);
    let checker = checker.spawn_bfs().join();
    #[expect(clippy::print_stdout, reason = "the numbers for a person to read")]
    {
        println!(
            "{title}: {} states, {} of them different, depth {}, {:.1?}",
            checker.state_count(),
            checker.unique_state_count(),
            checker.max_depth(),
            started.elapsed(),
        );
    }
    // A panic gives the steps that lead to the state.
    checker.assert_properties();
}

const RIVALS: [Call; 2] = [Call::exclusive(0), Call::exclusive(1)];

/// The first may hand over to the second, of one client; the third is another client's.
const WAITING: [Call; 3] = [
    Call::exclusive(0),
    Call::exclusive(0).waits(),
    Call::exclusive(1).waits(),
];

const SHARING: [Call; 3] = [
    Call::permits(0, 3),
    Call::permits(1, 3).waits(),
    Call::reader(2).waits(),
];

#[test]
fn attempts() {
    let bounds = Bounds {
        attempts: 2,
        renewals: 1,
        ..Bounds::LEAST
    };
    check("attempts", &RIVALS, bounds);
}

#[test]
fn copies() {
    let bounds = Bounds {
        attempts: 2,
        copies: 1,
        ..Bounds::LEAST
    };
    check("copies", &RIVALS, bounds);
}

#[test]
fn clock_set_back() {
    let bounds = Bounds {
        attempts: 2,
        set_backs: 1,
        ..Bounds::LEAST
    };
    check("clock set back", &RIVALS, bounds);
}

#[test]
fn waiting() {
    check("waiting", &WAITING, Bounds::LEAST);
}

#[test]
fn sharing() {
    check("sharing", &SHARING, Bounds::LEAST);
}

#[test]
#[ignore = "minutes, and gigabytes"]
fn more_attempts() {
    let bounds = Bounds {
        ticks: 3,
        attempts: 2,
        releases: 2,
        renewals: 1,
        copies: 1,
        ..Bounds::LEAST
    };
    check("more attempts", &RIVALS, bounds);
}

#[test]
#[ignore = "minutes, and gigabytes"]
fn more_set_backs() {
    let bounds = Bounds {
        ticks: 3,
        attempts: 2,
        renewals: 1,
        set_backs: 2,
        ..Bounds::LEAST
    };
    check("more set backs", &RIVALS, bounds);
}

#[test]
#[ignore = "minutes, and gigabytes"]
fn more_waiting() {
    let bounds = Bounds {
        attempts: 2,
        leaves: 1,
        ..Bounds::LEAST
    };
    check("more waiting", &WAITING, bounds);
}

#[test]
#[ignore = "minutes, and gigabytes"]
fn more_sharing() {
    let bounds = Bounds {
        attempts: 2,
        ..Bounds::LEAST
    };
    check("more sharing", &SHARING, bounds);
}
