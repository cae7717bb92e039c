//! An operator deletes a lock's document under its holder.

use std::time::Duration;

use mongo_lock_runtime::{Error, LockSpec, LossReason, Release, distributed_lock};
use mongodb::bson::doc;

use crate::support::{
    Fixture, SOON, acquire, body, delete, live, locks, ms, only, refused, spec, within,
};

const TTL: Duration = ms(1500);

#[distributed_lock(name = "deleted-renewed", ttl = TTL, renew)]
async fn renewed<F: Future>(body: F) -> F::Output {
    body.await
}

#[tokio::test]
async fn a_renewed_lease_is_lost_at_the_next_renewal() {
    for passes_on in [false, true] {
        let fixture = Fixture::new().await;
        let Fixture { db, client } = &fixture;
        let other = fixture.other().await;
        let (body, hand) = body();
        let scoped = client.clone();
        let call = tokio::spawn(async move { scoped.scope(renewed(body)).await });
        hand.started().await;
        delete(db, "deleted-renewed").await;
        let mut successor = None;
        if passes_on {
            successor = Some(acquire(&other, &spec("deleted-renewed", 60_000)).await);
        }
        // A third of the ttl, and not at the deadline.
        let error = within(TTL * 2 / 3, call).await.unwrap().unwrap_err();
        let fits = matches!(
            error,
            Error::LeaseLost {
                reason: LossReason::Gone,
                ..
            }
        );
        assert!(fits, "{error}");
        assert!(!hand.is_running());
        client.shutdown().await;
        if let Some(successor) = successor {
            let lease = only(&live(db, "deleted-renewed").await);
            assert_eq!(lease.token, successor.token());
            assert_eq!(lease.expires_at, successor.expires_at());
        }
    }
}

/// As the guide says for three in the morning: the holder's element alone is taken out.
#[tokio::test]
async fn a_holder_that_is_taken_out_stops_and_its_successor_has_a_larger_token() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let (body, hand) = body();
    let scoped = client.clone();
    let call = tokio::spawn(async move { scoped.scope(renewed(body)).await });
    hand.started().await;
    let token = only(&live(db, "deleted-renewed").await).token;

    let holder = doc! { "$pull": { "holders": { "owner": client.owner() } } };
    let lock = doc! { "_id": "deleted-renewed" };
    locks(db).update_one(lock, holder).await.unwrap();
    let successor = acquire(&other, &spec("deleted-renewed", 60_000)).await;
    assert!(successor.token() > token);

    let error = within(TTL * 2 / 3, call).await.unwrap().unwrap_err();
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::Gone,
            ..
        }
    );
    assert!(fits, "{error}");
    client.shutdown().await;
    let lease = only(&live(db, "deleted-renewed").await);
    assert_eq!(lease.token, successor.token());
}

#[tokio::test]
async fn without_renewal_its_release_touches_no_successor() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let minimum = LockSpec::builder("b", ms(60_000)).min_hold(ms(30_000));
    for spec in [spec("a", 60_000), minimum.build().unwrap()] {
        let name = spec.name().as_str();
        let gone = acquire(client, &spec).await;
        delete(db, name).await;
        let successor = acquire(&other, &spec).await;
        assert!(successor.token() > gone.token());
        let before = only(&live(db, name).await);
        let release = within(SOON, gone.release()).await.unwrap();
        assert_eq!(release, Release::AlreadyGone);
        assert_eq!(only(&live(db, name).await), before);
        assert_eq!(successor.release().await.unwrap(), Release::Freed);
    }
}

#[distributed_lock(name = "deleted", ttl = "60s")]
async fn plain<F: Future>(body: F) -> F::Output {
    body.await
}

/// While the body of the deleted lease runs, its own client lets no second one in; other clients know
/// nothing of it.
#[tokio::test]
async fn its_own_client_refuses_a_second_call_while_the_body_runs() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let other = fixture.other().await;
    let (body, hand) = body();
    let scoped = client.clone();
    let call = tokio::spawn(async move { scoped.scope(plain(body)).await });
    hand.started().await;
    delete(db, "deleted").await;

    let second = client.scope(plain(async {})).await.unwrap();
    let skipped = second.skipped().expect("the first body runs");
    assert_eq!(skipped.holder().unwrap().owner, client.owner());
    assert_eq!(live(db, "deleted").await, [], "no command was sent");
    let successor = acquire(&other, &spec("deleted", 60_000)).await;
    assert!(successor.token() > skipped.holder().unwrap().token);

    hand.finish();
    within(SOON, call)
        .await
        .unwrap()
        .unwrap()
        .executed()
        .unwrap();
    // From here on, the client asks the server.
    let second = client.scope(plain(async {})).await.unwrap();
    let skipped = second.skipped().expect("the successor has it");
    assert_eq!(skipped.holder().unwrap().token, successor.token());
    successor.release().await.unwrap();
    let third = client.scope(plain(async {})).await.unwrap();
    assert!(third.is_executed());
}

/// An operator who reads the refusal, and finds no document, learns where it comes from.
#[tokio::test]
async fn the_refusal_says_that_it_comes_from_this_process() {
    let fixture = Fixture::new().await;
    let Fixture { db, client } = &fixture;
    let held = acquire(client, &spec("deleted", 60_000)).await;
    delete(db, "deleted").await;
    let skipped = refused(client, &spec("deleted", 60_000)).await;
    let text = skipped.to_string();
    assert!(text.contains("this process"), "{text}");
    drop(held);
}
