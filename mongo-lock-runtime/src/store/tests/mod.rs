//! Both stores under one set of tests.
//!
//! * [`conformance`]: each rule of the protocol, one test per store, on a clock that the test sets.
//! * [`queue`], [`sharing`], [`fairness`]: the rules for requests that wait, or share a lock.
//! * [`places`]: the rules for confirmations of places.
//! * [`revocation`]: the rules for attempts that are repeated, or come too late.
//! * [`set_back`]: the rules for a clock that is set back.
//! * [`property`]: random sequences of commands, which both stores must answer alike.
//! * [`documents`]: documents that another version wrote, or an operator.
//! * [`turn`]: the waiters that a step wakes; [`wakeups`]: the steps that wake any, in memory.
//! * [`server_clock`]: the rules that depend on time, on the clocks that production uses.

#[macro_use]
mod script;
mod conformance;
mod documents;
mod fairness;
mod fixture;
mod joining;
mod mixed_generator;
mod mixed_oracle;
mod places;
mod plain_generator;
mod plain_oracle;
mod property;
mod queue;
mod requests;
mod revocation;
mod server_clock;
mod set_back;
mod sharing;
mod shrink;
mod turn;
mod wakeups;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongo_lock_testkit::{Router, Server, TestDb};
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
    options::ClientOptions,
};

use self::fixture::{Action, Answer, Fixture};
use super::{
    failure::AttemptError,
    memory::locks::Locks,
    mongo::{Connections, MongoStore, Namespace},
    protocol::{Reply, Request, Turn},
};

/// The start of the tests' clock, in milliseconds after 1970: 2026-01-02T02:00:00Z.
///
/// Far enough from the server's clock for the two to be told apart. A `purge_at` in the past does no harm,
/// since no TTL index is created here.
const START: i64 = 1_767_319_200_000;

const COLLECTION: &str = "locks";

/// The number of connections, and of sequences at a time. An acquisition waits for the journal, which is
/// flushed for all sequences together.
const CONNECTIONS: u32 = 32;

/// A store on the test's clock: each command says what time it is.
enum Timed {
    Memory(Mutex<Locks>),
    Mongo(Box<Mongo>),
}

struct Mongo {
    /// On the clock of production.
    store: MongoStore,
    /// On the test's clock, one for each time that it has shown.
    timed: Mutex<HashMap<i64, Arc<MongoStore>>>,
    documents: Collection<Document>,
    /// Drops its data, where the server does not go with the test.
    database: TestDb,
    _router: Option<Router>,
}

impl Timed {
    fn memory() -> Self {
        Self::Memory(Mutex::default())
    }

    async fn mongo() -> Self {
        Self::Mongo(Box::new(Mongo::start().await))
    }

    /// As [`Timed::mongo`], behind a router whose clock is an hour ahead.
    async fn router() -> Self {
        Self::Mongo(Box::new(Mongo::behind_router().await))
    }

    async fn answer(&self, fixture: &Fixture, now: i64, action: &Action) -> Answer {
        let now = START + now;
        match self {
            Self::Memory(locks) => {
                fixture.answer_in_memory(&mut locks.lock().unwrap(), now, action)
            }
            Self::Mongo(mongo) => mongo.answer(fixture, now, action).await,
        }
    }
}

impl Mongo {
    async fn start() -> Self {
        let database = Server::shared().await.database().await;
        let uri = database.uri();
        Self::at_uri(database, uri, None).await
    }

    async fn behind_router() -> Self {
        let server = Server::shared().await;
        let database = server.database().await;
        let router = server.router(60 * 60 * 1000).unwrap();
        let uri = router.uri_for(&database);
        let mongo = Self::at_uri(database, uri, Some(router)).await;
        mongo.store.choose_clock(true);
        mongo
    }

    async fn at_uri(database: TestDb, uri: String, router: Option<Router>) -> Self {
        let mut options = ClientOptions::parse(uri).await.unwrap();
        options.max_pool_size = Some(CONNECTIONS);
        let client = Client::with_options(options).unwrap();
        let namespace = Namespace {
            database: database.name().to_owned(),
            collection: COLLECTION.to_owned(),
        };
        let connections = Connections::shared(client.clone());
        Self {
            documents: client.database(database.name()).collection(COLLECTION),
            // Long, since a test on a busy machine must not fail for being late.
            store: MongoStore::new(connections, namespace, Duration::from_secs(60)),
            timed: Mutex::default(),
            database,
            _router: router,
        }
    }

    fn at(&self, now: i64) -> Arc<MongoStore> {
        let mut timed = self.timed.lock().unwrap();
        let store = timed.entry(now);
        Arc::clone(store.or_insert_with(|| Arc::new(self.store.at(now))))
    }

    async fn answer(&self, fixture: &Fixture, now: i64, action: &Action) -> Answer {
        let store = self.at(now);
        let Some(request) = fixture.request_of(action) else {
            let Action::Delete { name } = action else {
                unreachable!("{action:?} is a request");
            };
            let filter = doc! { "_id": fixture.name(*name).as_str() };
            let deleted = self.documents.delete_one(filter).await.unwrap();
            return Answer::Deleted(deleted.deleted_count == 1);
        };
        match store.call(&request).await {
            Ok((reply, _)) => fixture.answer(reply),
            Err(failure) => Answer::Failed(failure.to_string()),
        }
    }
}

impl MongoStore {
    async fn call(&self, request: &Request) -> Result<(Reply, Turn), AttemptError> {
        Ok(match request {
            Request::Acquire(request) => {
                let (reply, turn) = self.acquire(request).await?;
                (Reply::Acquire(reply), turn)
            }
            Request::HandOver(release, request) => {
                let ((there, reply), turn) = self.hand_over(release, request).await?;
                (Reply::HandOver(there, reply), turn)
            }
            Request::Leave { name, queue_id } => {
                let ((), turn) = self.leave(name, queue_id).await?;
                (Reply::Left, turn)
            }
            Request::Release(request) => {
                let (there, turn) = self.release(request).await?;
                (Reply::Released(there), turn)
            }
            Request::Renew(leases) => (Reply::Renewed(self.renew(leases).await?), Turn::new()),
            Request::Confirm(places) => {
                (Reply::Confirmed(self.confirm(places).await?), Turn::new())
            }
            Request::Wake(wakeup) => {
                self.wake(wakeup).await?;
                (Reply::Woken, Turn::new())
            }
        })
    }
}
