use mongo_lock_runtime::{LockSpec, assert_locks_unique};
use rstest::{fixture, rstest};

use super::*;

const EVERY: Duration = Duration::from_secs(30);

/// Two instances of the service, on the same locks.
#[fixture]
fn instances() -> [LockClient; 2] {
    ["web-1", "web-2"].map({
        let locks = LockClient::in_memory();
        move |name| locks.with_owner(name).unwrap()
    })
}

#[test]
fn every_lock_has_one_function() {
    assert_locks_unique();
}

/// Of jobs that differ in their moments, each runs; of two with one moment, one.
#[rstest]
#[case::the_same_moment(60, false)]
#[case::the_next_moment(90, true)]
#[tokio::test(start_paused = true)]
async fn a_moment_has_its_totals_once(
    instances: [LockClient; 2],
    #[case] due: u64,
    #[case] executed: bool,
) {
    let [first, second] = instances.map(|locks| Totals::new(&locks, EVERY));
    assert!(first.run(60).await.unwrap().is_executed());
    sleep(Duration::from_secs(20)).await;
    assert_eq!(second.run(due).await.unwrap().is_executed(), executed);
}

/// Behind the trait object, as the registry calls it. The clock is paused: the import takes no time.
#[rstest]
#[case::a_failure(0, None)]
#[case::a_short_one(1, Some(1))]
#[case::an_hour(3600, Some(3600))]
#[tokio::test(start_paused = true)]
async fn an_import_gives_the_lock_back(
    instances: [LockClient; 2],
    #[case] batches: u64,
    #[case] imported: Option<u64>,
) {
    let [first, second] = instances;
    let job: Box<dyn Job> = Box::new(Import::new(&first, EVERY, batches));
    let outcome = job.run(60).await.ok();
    assert_eq!(outcome.and_then(Outcome::executed), imported);
    let spec = LockSpec::new("import", EVERY).unwrap();
    assert!(
        second
            .try_acquire(&spec)
            .await
            .unwrap()
            .acquired()
            .is_some()
    );
}

// The attribute on a test with cases, on both sides of `#[rstest]`. Each call has its locks in memory, so the
// outcome is `Executed`, and the test passes when its body does.

/// Outside: the attribute sees the arguments, and rstest finds its `#[case]` at them.
#[distributed_lock(name = "outside/{batches}", ttl = "1m", client = LockClient::in_memory())]
#[rstest]
#[case::one(1, "outside/1")]
#[case::two(2, "outside/2")]
#[tokio::test]
async fn the_lock_outside_of_the_cases(#[case] batches: u64, #[case] name: &str) {
    assert!(batches > 0);
    assert_eq!(held(), name);
}

/// Inside: rstest hands the attribute on to the functions of the cases. They have no arguments, so the name is a
/// constant, and they are two, so they say `reuse`.
#[rstest]
#[case::one(1)]
#[case::two(2)]
#[distributed_lock(name = "inside", ttl = "1m", reuse, client = LockClient::in_memory())]
#[tokio::test]
async fn the_lock_inside_of_the_cases(#[case] batches: u64) {
    assert!(batches > 0);
    assert_eq!(held(), "inside");
}

/// The name of the lock under which the caller runs.
fn held() -> String {
    let lease = mongo_lock_runtime::current_lease().expect("a test under a lock");
    lease.name().as_str().to_owned()
}
