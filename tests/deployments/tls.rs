//! Servers that require TLS, and users that prove who they are by a certificate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mongo_lock_runtime::LockClient;
use mongo_lock_testkit::{Server, TestDb, Topology};
use mongodb::bson::doc;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use tempfile::TempDir;
use tokio::spawn;

use crate::{
    refusal, says,
    support::{COLLECTION, acquire, eventually, patient, refused, spec},
};

/// An authority, and what it has signed, as files.
struct Certificates {
    folder: TempDir,
    authority: Issuer<'static, KeyPair>,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = named("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        fs::write(folder.path().join("authority.pem"), certificate).unwrap();
        let authority = Issuer::new(params, key);
        Self { folder, authority }
    }

    /// Writes a certificate and its key.
    fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> PathBuf {
        let mut params = named(name);
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let path = self.file(name);
        fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    fn authority(&self) -> PathBuf {
        self.file("authority")
    }
}

/// For 127.0.0.1. The unit differs, since the server takes a client whose unit is its own for a member of its
/// set.
fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let unit = DnType::OrganizationalUnitName;
    params
        .distinguished_name
        .push(unit, format!("unit of {name}"));
    params
}

/// A server that refuses connections without TLS.
async fn guarded(certificates: &Certificates) -> (Server, TestDb) {
    let server = certificates.issue("server", ExtendedKeyUsagePurpose::ServerAuth);
    let server = Server::builder()
        .topology(Topology::ReplicaSet)
        .tls(&server, &certificates.authority())
        .auth("root", "hunter2");
    let server = server.start().await.unwrap();
    let db = server.database().await;
    let required = doc! { "setParameter": 1, "tlsMode": "requireTLS" };
    let admin = db.client().database("admin");
    admin.run_command(required).await.unwrap();
    (server, db)
}

fn with_tls(uri: &str, authority: &Path) -> String {
    format!("{uri}&tls=true&tlsCAFile={}", escaped(authority))
}

fn escaped(path: &Path) -> String {
    path.to_str()
        .unwrap()
        .replace('%', "%25")
        .replace('/', "%2F")
}

/// A lock is taken, refused, waited for and released.
async fn works(uri: &str) {
    let [a, b] = [
        LockClient::connect(uri).await,
        LockClient::connect(uri).await,
    ];
    let (a, b) = (a.unwrap(), b.unwrap());
    let held = acquire(&a, &spec("job", 60_000)).await;
    let _ = refused(&b, &spec("job", 60_000)).await;
    let waiter = spawn(async move {
        let spec = patient("job").build().unwrap();
        b.acquire(&spec).await.map(drop)
    });
    held.release().await.unwrap();
    eventually(waiter).await.unwrap().unwrap();
    assert!(eventually(a.shutdown()).await.is_clean());
}

#[tokio::test]
async fn is_required() {
    let certificates = Certificates::new();
    let (_server, db) = guarded(&certificates).await;
    works(&with_tls(&db.uri(), &certificates.authority())).await;

    let text = refusal(LockClient::builder().uri(db.uri())).await;
    says(&text, &["check the address", "tls=true"]);
    assert!(!text.contains("hunter2"), "{text}");

    // Signed by an authority that is not trusted.
    let other = Certificates::new();
    let untrusted = with_tls(&db.uri(), &other.authority());
    let text = refusal(LockClient::builder().uri(untrusted)).await;
    says(&text, &["certificate"]);
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn proves_the_user() {
    let certificates = Certificates::new();
    let (_server, db) = guarded(&certificates).await;
    let client = certificates.issue("billing", ExtendedKeyUsagePurpose::ClientAuth);
    let on = |collection: &str, actions: &[&str]| {
        let resource = doc! { "db": db.name(), "collection": collection };
        doc! { "resource": resource, "actions": actions }
    };
    let role = doc! { "createRole": "locks", "roles": [], "privileges": [
        on(COLLECTION, crate::privileges::LEAST),
        on(&format!("{COLLECTION}_wakeups"), crate::privileges::WAKEUPS),
    ] };
    db.run_command(role).await.unwrap();
    let subject = doc! {
        "createUser": "OU=unit of billing,CN=billing",
        "roles": [{ "role": "locks", "db": db.name() }],
    };
    let external = db.client().database("$external");
    external.run_command(subject).await.unwrap();

    // Without the user name and the password of `db`.
    let address = db.uri();
    let (_, servers) = address.split_once('@').unwrap();
    let (servers, options) = servers.split_once('/').unwrap();
    let set = options
        .split(['?', '&'])
        .find(|it| it.starts_with("replicaSet"));
    let uri = format!(
        "mongodb://{servers}/{}?{}&authMechanism=MONGODB-X509&authSource=$external\
         &tlsCertificateKeyFile={}",
        db.name(),
        set.unwrap(),
        escaped(&client)
    );
    works(&with_tls(&uri, &certificates.authority())).await;

    let stranger = certificates.issue("stranger", ExtendedKeyUsagePurpose::ClientAuth);
    let uri = uri.replace(&escaped(&client), &escaped(&stranger));
    let uri = with_tls(&uri, &certificates.authority());
    let text = refusal(LockClient::builder().uri(uri)).await;
    says(&text, &["uthent"]);
}
