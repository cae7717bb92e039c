//! Tests spawn what they do here as tasks.

use mongo_lock_testkit::{FailPoint, Node, Proxy, ProxyMode, Server, ServerBuilder, TestDb};
use mongodb::bson::doc;

fn send<T: Send>(_: T) {}
fn send_and_sync<T: Send + Sync>() {}

#[test]
fn all_futures_are_send() {
    send_and_sync::<(Server, ServerBuilder, TestDb, Node, Proxy, FailPoint)>();
    let _ = |server: &Server, db: &TestDb, node: &Node, proxy: &Proxy| {
        send(Server::shared());
        send(Server::builder().start());
        send(server.client());
        send(server.database());
        send(server.primary());
        send(server.ready());
        send(server.step_down());
        send(server.proxy());
        send(server.fail_commands("", &[], "off", doc! {}));
        send(db.create_user("", "", &[]));
        send(node.client());
        send(node.restart());
        send(proxy.set(ProxyMode::Hang));
    };
    let _ = |point: FailPoint| {
        send(point.hit(1));
        send(point.off());
    };
}
