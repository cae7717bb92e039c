//! Every topology starts, and is what its name says.

use mongo_lock_testkit::{Server, Topology};
use mongodb::bson::{Document, doc};

async fn start(topology: Topology) -> (Server, Document) {
    let server = Server::builder().topology(topology).start().await.unwrap();
    let admin = server.client().await.database("admin");
    let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
    assert!(hello.get_bool("isWritablePrimary").unwrap(), "{hello}");
    (server, hello)
}

#[tokio::test]
async fn standalone() {
    let (server, hello) = start(Topology::Standalone).await;
    assert_eq!(server.nodes().len(), 1);
    assert!(!hello.contains_key("setName"), "{hello}");
    let refused = server.step_down().await;
    assert!(refused.is_err(), "it cannot step down");
}

#[tokio::test]
async fn replica_set_steps_down_and_comes_back() {
    let (server, hello) = start(Topology::ReplicaSet).await;
    assert_eq!(server.nodes().len(), 1);
    assert_eq!(hello.get_array("hosts").unwrap().len(), 1, "{hello}");
    assert_eq!(hello.get_str("me").unwrap(), server.nodes()[0].address());
    server.step_down().await.unwrap();
    let primary = server.primary().await.unwrap();
    assert_eq!(primary.port(), server.nodes()[0].port());
}

#[tokio::test]
async fn parameters_reach_every_node() {
    let server = Server::builder()
        .topology(Topology::ReplicaSetOfThree)
        .ttl_monitor(false)
        .parameter("ttlMonitorSleepSecs", 7)
        .start()
        .await
        .unwrap();
    assert_eq!(server.nodes().len(), 3);
    for node in server.nodes() {
        let admin = node.client().await.database("admin");
        let ask = doc! { "getParameter": 1, "ttlMonitorEnabled": 1, "ttlMonitorSleepSecs": 1 };
        let reply = admin.run_command(ask).await.unwrap();
        assert!(!reply.get_bool("ttlMonitorEnabled").unwrap(), "{reply}");
        assert_eq!(reply.get_i32("ttlMonitorSleepSecs").unwrap(), 7, "{reply}");
        let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
        assert_eq!(hello.get_array("hosts").unwrap().len(), 3, "{hello}");
    }
}

#[tokio::test]
async fn a_parameter_that_mongod_does_not_know_is_named_in_the_error() {
    let started = Server::builder().parameter("noSuchThing", 1).start().await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("noSuchThing"), "{error}");
}
