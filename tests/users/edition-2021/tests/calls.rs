//! The calls, and the order of drops in this edition.

// The name that the file of the drops uses.
extern crate locks as mongo_lock_runtime;

#[path = "../../../shapes/drops.rs"]
mod drops;

use locks::{registered_locks, Error, LockClient, Outcome};
use user_of_edition_2021 as user;

/// The rule of this edition, for `drops`.
const TAIL_TEMPORARIES_FIRST: bool = false;

struct Job;

impl user::Job for Job {
    const NAME: &'static str = "edition-2021-job";
}

#[tokio::test]
async fn calls() -> Result<(), Error> {
    let client = LockClient::in_memory();
    let outcome = client.scope(user::report(&client)).await?;
    assert_eq!(outcome.executed(), Some(client.owner().len() as u32));
    assert_eq!(user::template(&client, 7).await?, Outcome::Executed(7));
    // Safety: the pointer is made of a reference.
    let raw = client.scope(unsafe { user::raw(&5) }).await?;
    assert_eq!(raw, Outcome::Executed(5));
    let keywords = client.scope(user::keywords(3)).await?;
    assert_eq!(keywords, Outcome::Executed(3));
    let job = client.scope(user::Job::run(&Job)).await?;
    assert_eq!(job, Outcome::Executed(1));
    Ok(())
}

#[test]
fn the_library_s_locks_are_listed() {
    let names: Vec<_> = registered_locks().iter().map(|lock| lock.name()).collect();
    for name in ["edition-2021-report", "edition-2021/{id}", "Self::NAME"] {
        assert!(names.contains(&name), "{names:?}");
    }
    locks::assert_locks_unique();
}
