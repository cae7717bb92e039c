//! The cost of waiting for a lock, beside the recipe that polls.
//!
//! ```text
//! cargo bench --bench contention                  # below three minutes
//! cargo bench --bench contention -- '8 × 1'       # only the contests whose name has that in it
//! cargo bench --bench contention -- --standalone hand-off   # on a standalone server
//! ```
//!
//! Two things are measured, on a replica set of one node unless another is asked for, with processes of this very program:
//!
//! * **A hand-off** between two processes: from the moment at which one calls `release` until the
//!   other, which waits, has the lock. Beside pings and majority writes of the same rounds.
//! * **Contests**: so many tasks in so many processes want one lock, hold it for nothing, and want
//!   it again at once. How often they get it, how evenly, and what the server saw of it.
//!
//! Ours and the polling recipe take turns throughout, in an order that is shuffled anew in every
//! round. Commands and turns, which are counted, decide the exit status. Timings are for the reader to
//! judge; nothing asserts on them.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark talks to the person who runs it, in rounded figures"
)]

mod bars;
mod contest;
mod count;
mod dice;
mod fleet;
mod hand_off;
mod recipe;
mod table;
mod way;
mod worker;

#[path = "../../examples/support/instance.rs"]
mod instance;
#[allow(dead_code, reason = "shared with round_trips")]
#[path = "../round_trips/stats.rs"]
mod stats;

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use mongo_lock_testkit::{Server, Topology};
use mongodb::bson::doc;
use tokio::time::timeout;

use self::{contest::Contest, fleet::Fleet, hand_off::HandOffs, table::Table};

/// The extent of a run.
#[derive(Debug, Clone)]
struct Size {
    /// Whether this run only shows that the code works.
    smoke: bool,
    /// Rounds of hand-offs.
    hand_offs: usize,
    /// Rounds of contests.
    contests: usize,
    /// The time for which a contest is watched in a round, once every waiter is in the queue.
    watched: Duration,
    /// No contests of more waiters.
    waiters: usize,
    /// Only what has this in its name.
    only: Option<String>,
    /// Whether the server is a standalone one, in place of a replica set.
    standalone: bool,
}

impl Size {
    /// `cargo bench` says `--bench`; `cargo test` does not, and only the code is on trial there.
    fn new(args: impl Iterator<Item = String>) -> Self {
        let (mut bench, mut test, mut only) = (false, false, None);
        let mut standalone = false;
        for arg in args {
            match arg.as_str() {
                "--bench" => bench = true,
                "--test" => test = true,
                "--standalone" => standalone = true,
                _ => only = Some(arg),
            }
        }
        if !bench || test {
            return Self {
                smoke: true,
                hand_offs: 2,
                contests: 1,
                watched: Duration::from_millis(60),
                waiters: 8,
                only: None,
                standalone: false,
            };
        }
        Self {
            smoke: false,
            hand_offs: 80,
            contests: 3,
            watched: Duration::from_secs(1),
            waiters: usize::MAX,
            only,
            standalone,
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut args = env::args().skip(1).peekable();
    if let Some(number) = args.peek().and_then(|arg| worker::number(arg)) {
        let uri = args.nth(1).context("the URI is missing")?;
        worker::serve(number, &uri).await?;
        return Ok(ExitCode::SUCCESS);
    }
    timeout(Duration::from_secs(600), run(Size::new(args)))
        .await
        .context("the benchmark did not end within ten minutes")?
}

async fn run(size: Size) -> Result<ExitCode> {
    let (started, load) = (Instant::now(), load());
    let own;
    let (server, topology) = if size.standalone {
        let server = Server::builder().topology(Topology::Standalone);
        own = server.start().await?;
        (&own, "a standalone server")
    } else {
        (Server::shared().await, "a replica set of one node")
    };
    let db = server.database().await;
    let build = db.run_command(doc! { "buildInfo": 1 }).await?;
    let cores = std::thread::available_parallelism()?;
    println!(
        "MongoDB {}, {topology}; {cores} cores for all",
        build.get_str("version")?
    );

    let mut fleet = Fleet::start(&db).await?;
    let mut hand_offs = HandOffs::default();
    if size.wants("hand-off") {
        hand_off::run(&mut fleet, &mut hand_offs, size.hand_offs).await?;
    }
    let mut contests: Vec<_> = contest::all()
        .filter(|crowd| crowd.waiters() <= size.waiters && size.wants(&crowd.to_string()))
        .map(Contest::new)
        .collect();
    for _ in 0..size.contests {
        contest::round(&mut fleet, &mut contests, size.watched).await?;
    }
    fleet.stop().await?;

    println!(
        "{:.0} s; load average at the start {load}, at the end {}\n",
        started.elapsed().as_secs_f64(),
        self::load()
    );
    let table = Table {
        judges: !size.smoke,
        hand_offs,
        contests,
    };
    println!("{table}");
    Ok(if table.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The number of processes that want a processor, averaged over a minute. Linux only.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
