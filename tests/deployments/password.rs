//! The password is in no text: no error, no event of any crate at any level, no `Debug`.

use std::{error::Error as _, fmt::Write as _};

use mongo_lock_runtime::{Error, LockClient, LockClientBuilder};
use mongo_lock_testkit::{Server, Topology};

use crate::{
    privileges::LEAST,
    support::{COLLECTION, Log, acquire, ms, refused, spec},
};

const PASSWORD: &str = "hunter2";
const WRONG: &str = "hunter3";

/// All texts that an error can give, a panic's included.
fn texts(error: &Error) -> String {
    let mut texts = format!("{error}\n{error:?}\n{error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(texts, "\n{error}\n{error:?}");
        source = error.source();
    }
    texts
}

async fn refusal(builder: LockClientBuilder) -> String {
    texts(&builder.build().await.unwrap_err())
}

#[tokio::test]
async fn is_in_no_text() {
    let log = Log::of_all();
    let server = Server::builder().topology(Topology::Standalone);
    let server = server.auth("root", PASSWORD).start().await.unwrap();
    let db = server.database().await;
    let uri = db.create_user("bob", PASSWORD, LEAST).await.unwrap();
    assert!(uri.contains(PASSWORD));
    let mut said = String::new();

    let builder = LockClient::builder().uri(&uri).operation_timeout(ms(2000));
    let client = builder.create_index(false).build().await.unwrap();
    let _ = write!(said, "{client:?}");
    let guard = acquire(&client, &spec("job", 60_000)).await;
    let _ = write!(said, "{guard:?} {:?}", guard.lease());
    let other = LockClient::connect(&uri).await.unwrap();
    let _ = write!(said, "{:?}", refused(&other, &spec("job", 60_000)).await);

    let wrong = uri.replace(PASSWORD, WRONG);
    said += &refusal(LockClient::builder().uri(&wrong)).await;
    let reader = db.create_user("reader", PASSWORD, &["find"]).await.unwrap();
    said += &refusal(LockClient::builder().uri(&reader)).await;

    server.nodes()[0].kill();
    said += &texts(&client.try_acquire(&spec("down", 60_000)).await.unwrap_err());
    said += &texts(&guard.release().await.unwrap_err());
    let down = LockClient::builder().uri(&uri).operation_timeout(ms(500));
    said += &refusal(down).await;

    let events = log.take();
    assert!(
        said.contains(COLLECTION) && said.contains("uthent"),
        "{said}"
    );
    assert!(events.len() >= 3, "{events:?}");
    for text in events.iter().chain([&said]) {
        for secret in [PASSWORD, WRONG] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// Not even parts of it, where a character of it was not escaped.
#[tokio::test]
async fn is_in_no_text_about_an_address_that_is_none() {
    let log = Log::of_all();
    let addresses = [
        "bob:hunter2@",
        "bob:hunter2@host:no-port/",
        "bob:hunter2@host:99999/",
        "bob:hunter2@/jobs",
        "bob:hun%ter2@host/jobs",
        "bob:hun/ter2@host/jobs",
        "bob:hun@ter2@host/jobs",
        "bob:hun:ter2@host/jobs",
        "bob:hun?ter2@host/jobs",
        "bob:hun#ter2@host/jobs",
        "bob:hun ter2@host,/jobs",
        "bob:hunter2@host/?authMechanism=hunter",
        "bob:hunter2@host/?authMechanism=MONGODB-X509",
        "bob:hunter2@host/?replicaSet",
        "bob:hunter2@host/?tls=perhaps",
        "bob:hunter2@host/?readPreference=often",
        "bob:hunter2@host/?maxPoolSize=-1",
        "bob:hunter2@host,other/?directConnection=true",
        "bob:hunter2@host/jo$bs",
    ];
    for address in addresses {
        for scheme in ["mongodb://", "mongodb+srv://", "mongo://", ""] {
            let uri = format!("{scheme}{address}");
            let limited = LockClient::builder().operation_timeout(ms(300));
            let text = refusal(limited.uri(&uri)).await;
            for part in ["hunter2", "hunt", "ter2", "hun%", "hun/"] {
                let asked = address.contains("=hunter") && part == "hunt";
                assert!(asked || !text.contains(part), "{uri}: {text}");
            }
        }
    }
    for line in log.take() {
        assert!(!line.contains("ter2"), "{line}");
    }
}
