//! The attribute's arguments for waiting and sharing.

use mongo_lock_runtime::{Lock as _, Outcome, distributed_lock, lock_names};
use tokio::{join, time::sleep};

use crate::support::{acquire, eventually, instances, ms, spec};

lock_names! {
    mod locks {
        /// Read and written.
        Prices = "prices", ttl = "1m", wait = "1m";
        /// Two at a time, and its callers wait.
        Api = "api", ttl = "1m", permits = 2;
    }
}

#[distributed_lock(name = locks::Prices, shared, reuse)]
async fn reads() -> bool {
    sleep(ms(100)).await;
    true
}

#[distributed_lock(name = locks::Prices, reuse)]
async fn writes() {}

#[distributed_lock(name = locks::Api)]
async fn calls() {}

#[distributed_lock(name = "item/{id}", ttl = "1m", wait = "200ms")]
async fn item(id: u32) -> u32 {
    id
}

#[tokio::test]
async fn wait_waits_and_then_skips() {
    let (_db, [one, other]) = instances().await;
    let held = acquire(&other, &spec("item/7", 60_000)).await;
    let skipped = one.scope(item(7)).await.unwrap().skipped().unwrap();
    assert_eq!(skipped.holder().unwrap().token, held.token());
    assert_eq!(one.scope(item(8)).await.unwrap(), Outcome::Executed(8));
    let release = async {
        sleep(ms(20)).await;
        held.release().await.unwrap();
    };
    let (outcome, ()) = join!(one.scope(item(7)), release);
    // In time or not, it ends.
    drop(outcome.unwrap());
}

#[tokio::test]
async fn readers_and_a_writer_wait_for_each_other() {
    let (_db, [one, other]) = instances().await;
    let calls = async {
        join!(
            one.scope(reads()),
            other.scope(reads()),
            one.scope(writes()),
            other.scope(reads()),
            other.scope(writes()),
        )
    };
    let (first, second, writer, third, last) = eventually(calls).await;
    assert!(first.unwrap().is_executed() && second.unwrap().is_executed());
    assert!(writer.unwrap().is_executed() && third.unwrap().is_executed());
    assert!(last.unwrap().is_executed());
}

#[tokio::test]
async fn permits_limit_how_many_are_inside() {
    let (_db, [one, other]) = instances().await;
    let api = locks::Api::spec().unwrap();
    let first = acquire(&one, &api).await;
    assert!(other.scope(calls()).await.unwrap().is_executed());
    let second = acquire(&other, &api).await;
    assert!(one.scope(calls()).await.unwrap().is_skipped());
    first.release().await.unwrap();
    assert!(one.scope(calls()).await.unwrap().is_executed());
    second.release().await.unwrap();
}
