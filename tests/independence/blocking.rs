//! A body that blocks its thread for longer than its ttl keeps a lease that is renewed: no renewal needs
//! a thread of the body's runtime.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use mongo_lock_runtime::{Acquisition, LockClient, Outcome, current_lease, distributed_lock};
use mongo_lock_testkit::Server;
use tokio::{
    runtime::Builder,
    sync::oneshot,
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use crate::{
    rounds,
    support::{client, eventually, ms, spec},
};

/// The runs at the same time.
const AT_ONCE: usize = 5;

/// What a run says of itself.
struct Signs {
    begun: oneshot::Sender<()>,
    /// Set before the end of the body, and so before the release.
    over: Arc<AtomicBool>,
}

/// Blocks its thread after some time, in which renewals may be sent or not. Says whether the lease
/// was kept.
#[distributed_lock(name = "blocks/{run}", ttl = "2s", renew)]
async fn blocks(run: usize, signs: Signs) -> bool {
    signs.begun.send(()).unwrap();
    sleep([ms(0), ms(50), ms(1000)][run % 3]).await;
    thread::sleep(Duration::from_secs(5));
    let kept = current_lease().unwrap().check().is_ok();
    signs.over.store(true, SeqCst);
    kept
}

/// A service of its own: a runtime, and a client that was built there.
fn service(uri: &str, workers: Option<usize>, run: usize, signs: Signs) -> bool {
    let mut builder = match workers {
        Some(_) => Builder::new_multi_thread(),
        None => Builder::new_current_thread(),
    };
    if let Some(workers) = workers {
        builder.worker_threads(workers);
    }
    let uri = uri.to_owned();
    let service = async move {
        let client = LockClient::connect(uri).await.unwrap();
        client.scope(blocks(run, signs)).await.unwrap()
    };
    let runtime = builder.enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::spawn(service).await });
    done.unwrap() == Outcome::Executed(true)
}

/// Asks for the lock while the body runs. Gives how often that was, all of them in vain.
async fn refused(other: &LockClient, run: usize, over: &AtomicBool) -> usize {
    let wanted = spec(&format!("blocks/{run}"), 1000);
    let mut refused = 0;
    loop {
        let answer = other.try_acquire(&wanted).await.unwrap();
        if over.load(SeqCst) {
            return refused;
        }
        match answer {
            Acquisition::Skipped(_) => refused += 1,
            Acquisition::Acquired(_) => panic!("run {run}: acquired beside the body"),
        }
        sleep(ms(100)).await;
    }
}

async fn keep_their_leases(workers: Option<usize>) {
    let db = Server::shared().await.database().await;
    let other = client(&db).await;
    let mut runs = (0..rounds().max(AT_ONCE)).peekable();
    while runs.peek().is_some() {
        let mut batch = JoinSet::new();
        for run in runs.by_ref().take(AT_ONCE) {
            let (begun, has_begun) = oneshot::channel();
            let over = Arc::new(AtomicBool::new(false));
            let signs = Signs {
                begun,
                over: Arc::clone(&over),
            };
            let uri = db.uri();
            let service = spawn_blocking(move || service(&uri, workers, run, signs));
            let other = other.clone();
            batch.spawn(async move {
                has_begun.await.unwrap();
                let refused = refused(&other, run, &over).await;
                assert!(refused > 5, "run {run}: asked {refused} times");
                assert!(service.await.unwrap(), "run {run}: the lease was lost");
            });
        }
        while let Some(run) = eventually(batch.join_next()).await {
            run.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_of_four_workers() {
    keep_their_leases(Some(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_only_thread() {
    keep_their_leases(None).await;
}
