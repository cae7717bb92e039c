//! Arguments that make no sense, each with an error that says what does.

use std::time::Duration;

use mongo_lock_runtime::{Error, LockClient, LockName, LockSpec, NameError, distributed_lock};

use crate::support::{database, document};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn names() {
    let over_long = "x".repeat(LockName::MAX_LEN + 1);
    for (name, says) in [
        ("", "it is empty; a lock name has 1 to 200 bytes"),
        (&*over_long, "it has 201 bytes; a lock name has at most 200"),
        ("a\nb", "it has '\\n' at byte 1"),
        ("a\0", "it has '\\0' at byte 1"),
        ("a b", "it has ' ' at byte 1"),
        ("ночь", "it has 'н' at byte 0"),
        ("-a", "it starts with '-'"),
    ] {
        let error = LockSpec::new(name, SECOND).unwrap_err();
        assert!(matches!(error, Error::InvalidName { .. }));
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    assert_eq!(LockName::MAX_LEN, 200);
    LockSpec::new("x".repeat(200), SECOND).unwrap();
    let Err(Error::InvalidName { reason, .. }) = LockName::new("") else {
        panic!("accepted");
    };
    assert_eq!(reason, NameError::Empty);
}

#[test]
fn ttls() {
    for ttl in [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_micros(999),
        LockSpec::MAX_TTL + Duration::from_millis(1),
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ] {
        let error = LockSpec::new("a", ttl).unwrap_err();
        assert!(matches!(
            error,
            Error::InvalidArgument {
                argument: "ttl",
                ..
            }
        ));
        assert!(error.to_string().contains("it is at"), "{error}");
    }
}

#[tokio::test]
async fn the_shortest_and_the_longest_ttl_work() {
    let (_db, client) = database().await;
    for ttl in [Duration::from_millis(1), LockSpec::MAX_TTL] {
        let spec = LockSpec::new(format!("ttl-{}", ttl.as_millis()), ttl).unwrap();
        match client.try_acquire(&spec).await {
            Ok(acquired) => {
                let guard = acquired.acquired().unwrap();
                let lasts = guard.expires_at().duration_since(guard.acquired_at());
                assert_eq!(lasts.unwrap(), ttl);
                guard.release().await.unwrap();
            }
            // A lease of a millisecond is over before its holder hears of it.
            Err(Error::GrantedTooLate { .. }) => assert_eq!(ttl, Duration::from_millis(1)),
            Err(other) => panic!("{other}"),
        }
    }
}

#[distributed_lock(name = "too-short", ttl = ttl, renew)]
async fn renewed(ttl: Duration) {
    panic!("the body ran");
}

#[tokio::test]
async fn a_ttl_that_is_too_short_to_be_renewed() {
    let (db, mongo) = database().await;
    for client in [mongo, LockClient::in_memory()] {
        for ttl in [1, 10, 29].map(Duration::from_millis) {
            let spec = LockSpec::builder("too-short", ttl).renew(true).build();
            let ways = match &spec {
                // Refused before any client knows of it.
                Err(error) => vec![error.to_string()],
                Ok(spec) => vec![
                    client.try_acquire(spec).await.unwrap_err().to_string(),
                    client.acquire(spec).await.unwrap_err().to_string(),
                    client
                        .acquire_all(std::slice::from_ref(spec))
                        .await
                        .unwrap_err()
                        .to_string(),
                    client
                        .lead(spec, async |_| std::ops::ControlFlow::Break(()))
                        .await
                        .unwrap_err()
                        .to_string(),
                ],
            };
            for error in ways {
                assert!(error.starts_with("invalid ttl"), "{ttl:?}: {error}");
                assert!(error.contains("30 ms"), "{ttl:?}: {error}");
            }
            let error = client.scope(renewed(ttl)).await.unwrap_err();
            assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
        }
    }
    assert!(
        document(&db, "too-short").await.is_empty(),
        "no command was sent"
    );
}

#[distributed_lock(name = name, ttl = "1m")]
async fn bad_name(name: &str) {
    panic!("the body ran");
}

#[distributed_lock(name = "bad-ttl", ttl = ttl)]
async fn bad_ttl(ttl: Duration) {
    panic!("the body ran");
}

#[tokio::test]
async fn arguments_are_checked_before_the_body_runs() {
    let (_db, client) = database().await;
    let error = client.scope(bad_name("")).await.unwrap_err();
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    let error = client.scope(bad_ttl(SECOND / 2_000_000)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
}

#[tokio::test]
async fn client_settings() {
    let uri = "mongodb://127.0.0.1:1/";
    let builder = || LockClient::builder().uri(uri);
    for (builder, says) in [
        (
            LockClient::builder(),
            "none of `uri(…)`, `client_options(…)` and `client(…)`",
        ),
        (
            builder().operation_timeout(Duration::ZERO),
            "at least 1 ms and at most 1 h",
        ),
        (
            builder().operation_timeout(Duration::MAX),
            "at least 1 ms and at most 1 h",
        ),
        (builder().database(""), "1 to 63 bytes"),
        (builder().database("a.b"), "1 to 63 bytes"),
        (builder().collection(""), "1 to 120 bytes"),
        (builder().collection("system.locks"), "`system.`"),
        (builder().collection("a$b"), "without `$`"),
        (builder().owner(""), "it is empty"),
        (builder().owner("a\u{1b}[31m"), "control character"),
        (builder().owner("x".repeat(201)), "at most 200"),
    ] {
        let error = builder.build().await.unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test]
async fn wrong_uris_are_explained_without_their_secrets() {
    for uri in [
        "",
        "localhost",
        "http://localhost",
        "mongodb://",
        "mongodb://user:hunter2@",
        "mongodb://user:hunter2@host/?maxPoolSize=hunter2",
        "mongodb://user:hun@ter2@host",
        "mongodb://user:hunter2@host:notaport/",
        "mongodb://user:hunter2@host/?authMechanism=NOPE",
    ] {
        let error = LockClient::connect(uri).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            matches!(error, Error::InvalidArgument { .. }),
            "{uri}: {text}"
        );
        assert!(text.starts_with("invalid uri: "), "{text}");
        assert!(!text.contains("hun"), "{text}");
    }
}
