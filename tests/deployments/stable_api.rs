//! Servers that require the Stable API.

use mongo_lock_runtime::{LockClient, LockClientBuilder};
use mongo_lock_testkit::{Server, Topology};
use mongodb::{
    Client,
    bson::doc,
    options::{ClientOptions, ServerApi, ServerApiVersion},
};

use crate::{
    refusal, says,
    support::{acquire, ms, spec},
};

fn v1() -> ServerApi {
    ServerApi::builder().version(ServerApiVersion::V1).build()
}

#[tokio::test]
async fn are_told_apart_and_can_be_used() {
    for topology in [Topology::ReplicaSet, Topology::Standalone] {
        let server = Server::builder().topology(topology).start().await.unwrap();
        let db = server.database().await;
        let require = doc! { "setParameter": 1, "requireApiVersion": true };
        let admin = db.client().database("admin");
        admin.run_command(require).await.unwrap();

        let builder = || {
            LockClient::builder()
                .uri(db.uri())
                .operation_timeout(ms(3000))
        };
        let text = refusal(builder()).await;
        says(
            &text,
            &[
                "requires the Stable API",
                "`server_api(ServerApi::builder()",
            ],
        );

        let short = format!("{}&serverSelectionTimeoutMS=1000", db.uri());
        let without = Client::with_uri_str(short).await.unwrap();
        let text = refusal(LockClient::builder().client(without).database(db.name())).await;
        for phrase in ["requires the Stable API", "in its `ClientOptions`"] {
            assert!(text.contains(phrase), "{text}");
        }

        let strict = ServerApi::builder()
            .version(ServerApiVersion::V1)
            .strict(true)
            .deprecation_errors(true)
            .build();
        let mut options = ClientOptions::parse(db.uri()).await.unwrap();
        let by_options = LockClient::builder().client_options(options.clone());
        options.server_api = Some(v1());
        let builders: [LockClientBuilder; 5] = [
            builder().server_api(v1()),
            builder().server_api(strict),
            by_options.server_api(v1()),
            LockClient::builder().client_options(options.clone()),
            LockClient::builder()
                .client(Client::with_options(options).unwrap())
                .database(db.name()),
        ];
        for (number, builder) in builders.into_iter().enumerate() {
            let client = builder.build().await.unwrap();
            let guard = acquire(&client, &spec(&format!("api-{number}"), 60_000)).await;
            guard.release().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_client_that_exists_has_its_own() {
    let client = Client::with_uri_str("mongodb://127.0.0.1:1").await.unwrap();
    let text = refusal(LockClient::builder().client(client).server_api(v1())).await;
    says(&text, &["invalid server_api", "`ClientOptions`"]);
}
