//! Stamps that are lost, or fail, on a real server behind a router whose clock is an hour ahead.

use std::time::Duration;

use mongo_lock_testkit::{Router, Server, TestDb};
use mongodb::{
    Client, Collection,
    bson::{DateTime, Document, doc},
};
use tokio::task::JoinSet;

use super::*;
use crate::{
    spec::Mode,
    store::{
        mongo::{Connections, Namespace},
        protocol::{AcquireReply, AcquireRequest, ReleaseRequest, Renewed},
    },
};

const TTL: Duration = Duration::from_secs(60);

struct Fixture {
    store: MongoStore,
    documents: Collection<Document>,
    db: TestDb,
    _router: Router,
}

impl Fixture {
    async fn start() -> Self {
        let server = Server::shared().await;
        let db = server.database().await;
        let router = server.router(3_600_000).unwrap();
        let client = Client::with_uri_str(router.uri_for(&db)).await.unwrap();
        let namespace = Namespace {
            database: db.name().to_owned(),
            collection: "locks".into(),
        };
        let store = MongoStore::new(
            Connections::shared(client),
            namespace,
            Duration::from_secs(60),
        );
        store.choose_clock(true);
        Self {
            store,
            documents: db.collection("locks"),
            db,
            _router: router,
        }
    }

    async fn document(&self, name: &str) -> Option<Document> {
        self.documents.find_one(doc! { "_id": name }).await.unwrap()
    }

    /// What a fail-over does to a stamp that only the old primary had.
    async fn set_clock_back(&self, name: &str) {
        let earlier = doc! { "$set": { "clock": DateTime::from_millis(1_000_000) } };
        let set = self.documents.update_one(doc! { "_id": name }, earlier);
        assert_eq!(set.await.unwrap().modified_count, 1);
    }

    async fn granted(&self, request: &AcquireRequest) {
        let (reply, _) = self.store.acquire(request).await.unwrap();
        assert!(matches!(reply, AcquireReply::Granted(_)), "{reply:?}");
    }
}

fn name(name: &str) -> LockName {
    LockName::new(name).unwrap()
}

fn request(lock: &str, lease: u128) -> AcquireRequest {
    AcquireRequest {
        name: name(lock),
        lease: LeaseId::from_u128(lease),
        attempt: 0,
        owner: "test".into(),
        ttl: TTL,
        mode: Mode::Exclusive,
        permits: 1,
        ticket: None,
        share: None,
    }
}

fn renewal(lock: &str, lease: u128) -> Renewal {
    Renewal {
        name: name(lock),
        lease: LeaseId::from_u128(lease),
        ttl: TTL,
        alone: false,
    }
}

#[track_caller]
fn lost<T>(result: Result<T, AttemptError>) {
    let error = result.map(drop).unwrap_err();
    assert!(error.to_string().contains("no longer there"), "{error}");
    assert!(error.is_transient() && !error.effect_unknown);
}

#[tokio::test]
async fn a_command_whose_stamp_is_lost_does_nothing() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let request = request("lock", 1);
    let (commands, id) = (store.commands(), crate::random::uuid());
    for is_deleted in [false, true] {
        let stamp = store.stamp(&request.name).await.unwrap();
        if is_deleted {
            fixture.documents.delete_many(doc! {}).await.unwrap();
        } else {
            fixture.set_clock_back("lock").await;
        }
        let before = fixture.document("lock").await;
        let plain = commands.acquire_plain(&request, stamp);
        lost(store.find_and_modify(plain, stamp).await);
        let general = commands.acquire_general(&request, None, id, stamp);
        lost(store.find_and_modify(general, stamp).await);
        let release = ReleaseRequest {
            name: request.name.clone(),
            lease: request.lease,
            min_hold: None,
            contended: false,
            revoke: true,
        };
        let revoke = commands.revoke(&release, id, stamp);
        lost(store.step(revoke, id, stamp).await);
        assert_eq!(fixture.document("lock").await, before);
    }
    fixture.granted(&request).await;
    let stamp = store.stamp_lease(&request.name, request.lease).await;
    let stamp = stamp.unwrap().unwrap();
    fixture.set_clock_back("lock").await;
    let before = fixture.document("lock").await;
    let release = ReleaseRequest {
        name: request.name.clone(),
        lease: request.lease,
        min_hold: None,
        contended: true,
        revoke: false,
    };
    let command = commands.release(&release, id, stamp);
    lost(store.step(command, id, stamp).await);
    assert_eq!(fixture.document("lock").await, before);
}

/// The time of the last stamp may be one at which the lease was not yet over.
#[tokio::test]
async fn a_lease_whose_stamp_fails_is_not_renewed() {
    let fixture = Fixture::start().await;
    for (lock, lease) in [("fine", 1), ("fails", 2), ("gone", 3)] {
        fixture.granted(&request(lock, lease)).await;
    }
    fixture
        .documents
        .delete_one(doc! { "_id": "gone" })
        .await
        .unwrap();
    let fails = fixture.document("fails").await.unwrap();
    let validator = doc! { "$or": [
        { "_id": { "$ne": "fails" } },
        { "clock": fails.get_datetime("clock").unwrap() },
    ] };
    let refuse = doc! { "collMod": "locks", "validator": validator };
    fixture.db.run_command(refuse).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let leases = [renewal("fine", 1), renewal("fails", 2), renewal("gone", 3)];
    let renewed: Renewed = fixture.store.renew(&leases).await.unwrap();
    assert_eq!(renewed.gone, [LeaseId::from_u128(3)].into());
    assert_eq!(renewed.behind, [LeaseId::from_u128(2)].into());
    let left = &renewed.left;
    assert_eq!(left[&LeaseId::from_u128(2)].1, Duration::ZERO);
    assert!(left[&LeaseId::from_u128(1)].1 > TTL / 2);
    let trouble = renewed.trouble.unwrap().to_string();
    assert!(trouble.contains("validation"), "{trouble}");
    let after = fixture.document("fails").await;
    assert_eq!(after, Some(fails));
    let fine = fixture.document("fine").await.unwrap();
    let holder = fine.get_array("holders").unwrap()[0].as_document().unwrap();
    let (since, until) = (
        holder.get_datetime("acquired_at").unwrap(),
        holder.get_datetime("expires_at").unwrap(),
    );
    let lasts = until.timestamp_millis() - since.timestamp_millis();
    assert!(lasts > i64::try_from(TTL.as_millis()).unwrap(), "{lasts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_acquisitions_that_meet_do_not_fail() {
    let fixture = std::sync::Arc::new(Fixture::start().await);
    for round in 0..10 {
        let mut requests = JoinSet::new();
        for lease in 0..10 {
            let fixture = std::sync::Arc::clone(&fixture);
            requests.spawn(async move {
                let request = request(&format!("lock-{round}"), lease);
                fixture.store.acquire(&request).await.unwrap().0
            });
        }
        let replies = requests.join_all().await;
        let granted = replies
            .iter()
            .filter(|reply| matches!(reply, AcquireReply::Granted(_)));
        assert_eq!(granted.count(), 1, "{replies:?}");
    }
}
