//! Three nodes, of which the primary stands still, steps down or dies in mid-body: the body goes on,
//! and stays alone. With two of them dead, every call still ends in time.

use std::time::Duration;

use mongo_lock_runtime::{Acquisition, Error, LockClient, LossReason, Outcome, distributed_lock};
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::bson::doc;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{
    BodyHandle, PATIENCE, RESULT, SOON, ServerClock, acquire, body, client, free, live, ms, only,
    renewed_spec, spec, until, within,
};

/// An election takes some three seconds; the deadline is a second earlier than this.
const TTL: Duration = ms(8000);

#[distributed_lock(name = "job", ttl = TTL, renew, reuse)]
async fn job<F: Future>(body: F) -> F::Output {
    body.await
}

type Job = JoinHandle<Result<Outcome<u32>, Error>>;

async fn start(client: &LockClient) -> (Job, BodyHandle) {
    let (body, hand) = body();
    let client = client.clone();
    let call = tokio::spawn(async move { client.scope(job(body)).await });
    hand.started().await;
    (call, hand)
}

/// A job under way, and a rival of another process that must not get in.
struct Scene {
    db: TestDb,
    client: LockClient,
    call: Job,
    hand: BodyHandle,
    rival: JoinHandle<()>,
    token: i64,
}

impl Scene {
    async fn new(server: &Server) -> Self {
        let db = server.database().await;
        let ours = client(&db).await;
        let rival = client(&db).await;
        let (call, hand) = start(&ours).await;
        let token = only(&live(&db, "job").await).token;
        let rival = tokio::spawn(async move {
            let spec = spec("job", 60_000);
            loop {
                if let Ok(Acquisition::Acquired(guard)) = rival.try_acquire(&spec).await {
                    panic!("let in beside the body: {guard:?}");
                }
                sleep(ms(20)).await;
            }
        });
        Self {
            db,
            client: ours,
            call,
            hand,
            rival,
            token,
        }
    }

    /// The lease is renewed after the fault, the body is there as long as it wants, and the next
    /// lease's token is larger.
    async fn survived(self, server: &Server) {
        server.primary().await.unwrap();
        let clock = ServerClock::read(&self.db).await;
        let later = clock.at_most(Instant::now()) + TTL;
        let renewed = async || only(&live(&self.db, "job").await).expires_at > later;
        within(TTL, until(renewed)).await;
        assert!(self.hand.is_running());
        assert!(!self.rival.is_finished(), "let in beside the body");
        self.rival.abort();
        self.hand.finish();
        let done = within(PATIENCE, self.call).await.unwrap();
        assert_eq!(done.unwrap(), Outcome::Executed(RESULT));
        let next = acquire(&self.client, &spec("job", 60_000)).await;
        assert!(next.token() > self.token);
    }
}

/// One after the other: a server of three takes its time to start.
#[tokio::test]
async fn a_body_survives_the_loss_of_one_node_but_not_of_two() {
    let builder = Server::builder().topology(Topology::ReplicaSetOfThree);
    let server = builder.start().await.unwrap();
    the_primary_stands_still(&server).await;
    the_primary_steps_down(&server).await;
    the_primary_dies(&server).await;
    no_secondary_follows(&server).await;
    the_majority_dies(&server).await;
}

async fn the_primary_stands_still(server: &Server) {
    let scene = Scene::new(server).await;
    let paused = server.primary().await.unwrap();
    paused.pause().unwrap();
    assert_ne!(server.primary().await.unwrap().port(), paused.port());
    scene.survived(server).await;
    paused.resume().unwrap();
    server.ready().await.unwrap();
}

async fn the_primary_steps_down(server: &Server) {
    let scene = Scene::new(server).await;
    let before = server.primary().await.unwrap().port();
    server.step_down().await.unwrap();
    assert_ne!(server.primary().await.unwrap().port(), before);
    scene.survived(server).await;
}

async fn the_primary_dies(server: &Server) {
    let scene = Scene::new(server).await;
    let dead = server.primary().await.unwrap();
    dead.kill();
    scene.survived(server).await;
    dead.restart().await.unwrap();
    server.ready().await.unwrap();
}

/// A client with a short time limit, once the nodes have caught up with each other and it can be kept.
async fn impatient(db: &TestDb, limit: Duration) -> LockClient {
    let caught_up = async {
        loop {
            let builder = LockClient::builder().uri(db.uri()).operation_timeout(limit);
            let Ok(client) = builder.build().await else {
                continue;
            };
            let tried = client.try_acquire(&spec("caught-up", 1000)).await;
            if let Ok(Acquisition::Acquired(guard)) = tried {
                guard.release().await.unwrap();
                return client;
            }
        }
    };
    within(PATIENCE, caught_up).await
}

/// The primary goes on alone, and does not know it yet: what it acknowledges by itself is undone when
/// another one takes over. So no holder may rely on it.
async fn no_secondary_follows(server: &Server) {
    const SHORT: Duration = ms(3000);
    let db = server.database().await;
    let client = impatient(&db, ms(1000)).await;
    let alone = acquire(&client, &renewed_spec("alone", SHORT)).await;
    let primary = server.primary().await.unwrap().port();
    let follow = async |mode: &str| {
        for node in server.nodes().iter().filter(|it| it.port() != primary) {
            let command = doc! { "configureFailPoint": "stopReplProducer", "mode": mode };
            let admin = node.client().await.database("admin");
            admin.run_command(command).await.unwrap();
        }
    };
    follow("alwaysOn").await;
    // It may have been renewed once more, not after this.
    let latest = Instant::now() + SHORT;
    let refused = client.try_acquire(&spec("more", 60_000)).await;
    assert!(refused.is_err(), "{refused:?}");
    let error = within(SHORT, alone.lease().lost()).await;
    assert!(Instant::now() < latest);
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::NotRenewed { .. },
            ..
        }
    );
    assert!(fits, "{error}");
    follow("off").await;
    within(PATIENCE, free(&db, "more")).await;
    drop(alone);
}

async fn the_majority_dies(server: &Server) {
    const LIMIT: Duration = ms(1000);
    const SHORT: Duration = ms(3000);
    let db = server.database().await;
    let client = impatient(&db, LIMIT).await;
    let stopped = client.with_owner("stopped").unwrap();
    // One job that goes on until it is lost, and one that a shutdown stops.
    let lost = acquire(&client, &renewed_spec("lost", SHORT)).await;
    let (call, hand) = start(&stopped).await;

    let primary = server.primary().await.unwrap();
    primary.kill();
    let other = server.nodes().iter().find(|node| node.is_running());
    other.unwrap().kill();
    // It may have been renewed once more, not after this.
    let latest = Instant::now() + SHORT;

    let refused = within(LIMIT + SOON, client.try_acquire(&spec("more", 1000))).await;
    let error = refused.unwrap_err();
    let fits = matches!(error, Error::Timeout { .. } | Error::Database { .. });
    assert!(fits, "{error}");

    let report = within(LIMIT + SOON, stopped.shutdown()).await;
    assert_eq!(report.to_string(), "left until their ttl ends: job");
    let error = within(SOON, call).await.unwrap().unwrap_err();
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::ShutDown,
            ..
        }
    );
    assert!(fits, "{error}");
    assert!(!hand.is_running());

    let error = within(SHORT, lost.lease().lost()).await;
    assert!(Instant::now() < latest);
    let fits = matches!(
        error,
        Error::LeaseLost {
            reason: LossReason::NotRenewed { .. },
            ..
        }
    );
    assert!(fits, "{error}");
}
