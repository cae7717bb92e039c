//! Which server it is, in a copy of this program with another environment.

use std::{
    env,
    process::{Command, Output},
};

use mongo_lock_testkit::Server;

fn these_tests(filter: &[&str]) -> Command {
    let mut tests = Command::new(env::current_exe().unwrap());
    tests.args(filter).env_remove("MONGODB_URI");
    // A test that starts one all the same fails.
    tests.env("MONGOD", "/nonexistent/mongod");
    tests
}

fn text(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_running_server_is_shared_and_left_clean() {
    let server = Server::builder()
        .auth("root", "p@ss")
        .start()
        .await
        .unwrap();
    // All that use the shared server.
    let filter = ["shared::", "database::", "fail_point::", "proxy::"];
    let mut tests = these_tests(&filter);
    tests.env("MONGODB_URI", server.uri());
    let output = tokio::task::spawn_blocking(move || tests.output().unwrap())
        .await
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));

    let client = server.client().await;
    let left = client.list_database_names().await.unwrap();
    assert!(
        !left.iter().any(|name| name.starts_with("test_")),
        "{left:?}"
    );
}

#[test]
fn without_a_server_a_test_fails_and_says_what_to_do() {
    let output = these_tests(&["--exact", "shared::one"]).output().unwrap();
    assert!(!output.status.success());
    let text = text(&output);
    for hint in [
        "/nonexistent/mongod",
        "MONGODB_URI=",
        "MONGOD=",
        "on the PATH",
    ] {
        assert!(text.contains(hint), "no {hint} in {text}");
    }
}
