//! Documents that another version wrote, or an operator.

use mongodb::bson::{Bson, DateTime, Document, doc};

use super::{
    Mongo, START,
    conformance::{acquire, gone, granted, release, released, renew, revoke},
    fixture::{Action, Answer, Fixture, Slot},
    requests::{handed, leave, permits, reads, waits},
};

const A: Slot = Slot { name: 0, nth: 0 };
const B: Slot = Slot { name: 0, nth: 1 };

#[tokio::test]
async fn every_document_says_its_protocol() {
    for action in [
        acquire(A, 10),
        reads(A).request(),
        waits(A, 1).request(),
        revoke(A),
    ] {
        let lock = Lock::start().await;
        lock.answer(0, &action).await;
        let document = lock.document().await;
        let protocol = document.get("protocol");
        assert_eq!(protocol, Some(&Bson::Int32(1)), "{action:?}");
        let token = document.get("token").unwrap();
        assert!(matches!(token, Bson::Int64(_)), "{action:?}: {token:?}");
        assert!(document.get_datetime("purge_at").is_ok(), "{action:?}");
    }
}

#[tokio::test]
async fn another_protocol_is_refused_and_left_alone() {
    for held in [true, false] {
        let lock = Lock::start().await;
        let mut document = lock.with_holder("exclusive");
        document.insert("protocol", 2);
        let queue = vec![lock.entry("exclusive")];
        document.insert("queue", queue);
        if !held {
            document.insert("holders", Vec::<Bson>::new());
        }
        lock.insert(&document).await;
        for action in [
            acquire(A, 10),
            reads(A).request(),
            waits(A, 2).request(),
            waits(A, 2).instead_of(B, None),
            waits(A, 2).instead_of_revoked(B),
            revoke(B),
            revoke(A),
        ] {
            let Answer::Failed(problem) = lock.answer(0, &action).await else {
                panic!("{action:?}");
            };
            let says = "it is of protocol 2, which this version does not know";
            assert!(problem.contains(says), "{problem}");
        }
        assert_eq!(lock.answer(0, &release(B)).await, released(false));
        assert_eq!(lock.answer(0, &renew(&[(B, 99)])).await, gone(&[B]));
        assert_eq!(lock.answer(0, &leave(1)).await, Answer::Left);
        assert_eq!(lock.document().await, document);
    }
}

#[tokio::test]
async fn a_missing_protocol_is_this_one() {
    for protocol in [None, Some(Bson::Int64(1)), Some(Bson::Double(1.0))] {
        let lock = Lock::start().await;
        let mut document = doc! { "_id": lock.id(), "holders": [], "token": 5 };
        if let Some(protocol) = protocol {
            document.insert("protocol", protocol);
        }
        lock.insert(&document).await;
        assert_eq!(lock.answer(7, &acquire(A, 10)).await, granted(7, 7, 17));
    }
}

#[tokio::test]
async fn a_holder_of_an_unknown_mode_blocks_all_others() {
    for mode in [Bson::Null, "intent".into(), 5.into(), Bson::Undefined] {
        let lock = Lock::start().await;
        let mut document = lock.with_holder(mode.clone());
        let holder = document.get_array_mut("holders").unwrap()[0].as_document_mut();
        let holder = holder.unwrap();
        holder.insert("permits", i64::from(u32::MAX));
        if mode == Bson::Undefined {
            holder.remove("mode");
        }
        lock.insert(&document).await;
        for action in [acquire(A, 10), reads(A).request(), permits(A, 9)] {
            let answer = lock.answer(0, &action).await;
            assert!(
                matches!(answer, Answer::Refused(_)),
                "{action:?}: {answer:?}"
            );
        }
        let answer = lock.answer(0, &reads(A).client(2).request()).await;
        assert!(matches!(answer, Answer::Queued { .. }), "{answer:?}");
    }
}

#[tokio::test]
async fn a_waiter_of_an_unknown_mode_is_not_overtaken() {
    for mode in [Bson::Null, "intent".into(), Bson::Undefined] {
        let lock = Lock::start().await;
        let mut entry = lock.entry(mode.clone());
        entry.insert("permits", i64::from(u32::MAX));
        if mode == Bson::Undefined {
            entry.remove("mode");
        }
        let document = doc! { "_id": lock.id(), "holders": [], "token": 5, "queue": [entry] };
        lock.insert(&document).await;
        for action in [acquire(A, 10), reads(A).request(), permits(A, 9)] {
            let answer = lock.answer(0, &action).await;
            assert!(
                matches!(answer, Answer::Refused(_)),
                "{action:?}: {answer:?}"
            );
        }
        let answer = lock.answer(0, &reads(A).client(2).request()).await;
        assert!(
            matches!(answer, Answer::Queued { ahead: 1, .. }),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn revocations_that_are_no_array_are_none() {
    for revoked in [
        Bson::Null,
        "no list".into(),
        5.into(),
        true.into(),
        doc! { "lease": 1 }.into(),
        DateTime::now().into(),
        vec![1, 2].into(),
    ] {
        let lock = Lock::start().await;
        let document = doc! { "_id": lock.id(), "holders": [], "token": 5, "revoked": &revoked };
        lock.insert(&document).await;
        assert_eq!(lock.answer(7, &acquire(A, 10)).await, granted(7, 7, 17));
        let released = lock.answer(8, &release(A)).await;
        assert_eq!(released, Answer::Released(true), "{revoked:?}");
        let answer = lock.answer(9, &reads(B).request()).await;
        assert_eq!(answer, granted(9, 9, 1009), "{revoked:?}");
        assert_eq!(lock.answer(9, &revoke(B)).await, Answer::Released(true));
        assert_eq!(lock.answer(9, &acquire(B, 10)).await, Answer::Revoked);
    }
}

#[tokio::test]
async fn a_ttl_that_is_no_number_cuts_nothing() {
    for ttl in [
        Bson::Undefined,
        Bson::Null,
        "10".into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
        (-5).into(),
        0.into(),
        i64::MAX.into(),
    ] {
        let lock = Lock::start().await;
        let mut document = lock.with_holder("exclusive");
        let holder = document.get_array_mut("holders").unwrap()[0].as_document_mut();
        holder.unwrap().insert("ttl_ms", ttl.clone());
        lock.insert(&document).await;
        for action in [acquire(A, 10), reads(A).request()] {
            let Answer::Refused(refusal) = lock.answer(0, &action).await else {
                panic!("{ttl:?}: {action:?}");
            };
            assert_eq!(refusal.until, 60_000, "{ttl:?}");
        }
        assert_eq!(lock.answer(0, &renew(&[(B, 99)])).await, gone(&[]));
        let answer = lock.answer(0, &waits(A, 1).instead_of(B, None)).await;
        assert_eq!(answer, handed(true, granted(6, 0, 1000)), "{ttl:?}");
    }
}

#[tokio::test]
async fn a_ttl_of_any_numeric_type_cuts() {
    for ttl in [Bson::Int32(100), Bson::Int64(100), Bson::Double(100.0)] {
        let lock = Lock::start().await;
        let mut document = lock.with_holder("exclusive");
        let holder = document.get_array_mut("holders").unwrap()[0].as_document_mut();
        holder.unwrap().insert("ttl_ms", ttl);
        lock.insert(&document).await;
        let Answer::Refused(refusal) = lock.answer(0, &acquire(A, 10)).await else {
            panic!();
        };
        assert_eq!(refusal.until, 100);
    }
}

#[tokio::test]
async fn a_refusal_writes_nothing() {
    for holder in [acquire(B, 1000), reads(B).request(), permits(B, 2)] {
        let lock = Lock::start().await;
        lock.answer(0, &holder).await;
        // The general pipeline adds what the plain one leaves out.
        lock.answer(1, &permits(B, 2)).await;
        let before = lock.document().await;
        for (now, action) in [
            (2, acquire(A, 10)),
            (3, permits(A, 1)),
            (999, acquire(A, 10)),
        ] {
            let answer = lock.answer(now, &action).await;
            assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
            assert_eq!(lock.document().await, before, "{action:?}");
        }
    }
}

/// One lock, in a document that a test writes.
pub(super) struct Lock(Mongo, Fixture);

impl Lock {
    pub(super) async fn start() -> Self {
        Self(Mongo::start().await, Fixture::new())
    }

    fn id(&self) -> String {
        self.1.name(0).to_string()
    }

    /// A document with lease B, for a minute, with more than its ttl to go.
    fn with_holder(&self, mode: impl Into<Bson>) -> Document {
        let holder = doc! {
            "lease": self.1.lease(B).0,
            "owner": B.owner(),
            "mode": mode,
            "permits": 1_i64,
            "token": START + 5,
            "acquired_at": DateTime::from_millis(START),
            "expires_at": DateTime::from_millis(START + 60_000),
        };
        doc! { "_id": self.id(), "holders": [holder], "token": START + 5 }
    }

    /// A queue entry of client 1.
    fn entry(&self, mode: impl Into<Bson>) -> Document {
        doc! {
            "id": "client-1",
            "lease": self.1.lease(B).0,
            "owner": B.owner(),
            "mode": mode,
            "permits": 1_i64,
            "since": DateTime::from_millis(START - 5),
            "seen_at": DateTime::from_millis(START - 5),
            "until": DateTime::from_millis(START + 4995),
        }
    }

    async fn insert(&self, document: &Document) {
        self.0.documents.insert_one(document).await.unwrap();
    }

    pub(super) async fn replace(&self, document: &Document) {
        let lock = doc! { "_id": self.id() };
        self.0.documents.replace_one(lock, document).await.unwrap();
    }

    pub(super) async fn document(&self) -> Document {
        let lock = doc! { "_id": self.id() };
        self.0.documents.find_one(lock).await.unwrap().unwrap()
    }

    pub(super) async fn answer(&self, now: i64, action: &Action) -> Answer {
        self.0.answer(&self.1, START + now, action).await
    }
}
