//! Commands that a database administrator can read: one file each in `snapshots/`.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p mongo-lock-runtime snapshots` writes them anew; review the
//! difference.

use std::{env, fs, path::PathBuf, sync::Arc, time::Duration};

use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, Uuid, doc};

use super::{
    super::protocol::{
        AcquireRequest, Confirmation, LeaseId, ReleaseRequest, Renewal, Ticket, Wakeup,
    },
    Namespace,
    clock::Stamp,
    command::Commands,
    wakeup::command as wakeup,
};
use crate::{name::LockName, spec::Mode};

const LISTENER: &str = "3f0d2c5e-0000-4000-8000-00000000c11e";
const CLIENT: &str = "3f0d2c5e-0000-4000-8000-00000000c11e:1";

#[test]
fn acquire() {
    let commands = commands();
    check_raw(
        "acquire_plain",
        &commands.acquire_plain(&exclusive(), Stamp::NONE),
    );
    let general = |request| commands.acquire_general(&request, None, id(), Stamp::NONE);
    check_raw("acquire_reader", &general(reader()));
    check_raw("acquire_permit", &general(permit()));
    check_raw("acquire_queued", &general(queued()));
    let hand_over = commands.acquire_general(&queued(), Some(&release()), id(), Stamp::NONE);
    check_raw("hand_over", &hand_over);
    check_raw("dry_run", &commands.dry_run(lease(1)));
}

#[test]
fn releases() {
    let commands = commands();
    check("release", &commands.release_simple(&release()));
    let update = commands.release(&release(), id(), Stamp::NONE);
    check("release_contended", &update);
    let min_hold = ReleaseRequest {
        min_hold: Some(Duration::from_secs(5)),
        ..release()
    };
    let update = commands.release(&min_hold, id(), Stamp::NONE);
    check("release_min_hold", &update);
    let revoke = ReleaseRequest {
        revoke: true,
        ..release()
    };
    check(
        "release_revoke",
        &commands.revoke(&revoke, id(), Stamp::NONE),
    );
    let leave = commands.leave(&name(), CLIENT, id(), Stamp::NONE);
    check("leave", &leave);
}

#[test]
fn shared_holder() {
    let join = commands().join(&reader(), lease(2), Stamp::NONE);
    check("join", &join);
}

#[test]
fn renewals() {
    let leases = [renewal(1, 30, false)];
    check("renew", &commands().renew(&leases));
    check("compare", &commands().compare(&leases));
}

#[test]
fn confirmations() {
    let places = [place()];
    check(
        "confirm_one",
        &commands().confirm_one(&places[0], Stamp::NONE),
    );
    check("confirm", &commands().confirm(&places));
    check("look", &commands().look(&places));
}

/// The commands behind a router. What a stamp changes in an acquisition is equal for the others.
#[test]
fn stamped() {
    let commands = commands().stamped();
    let stamp = commands.stamp().unwrap();
    check("stamp_new", &commands.stamp_new(&name(), stamp));
    let holds = doc! { "_id": name().as_str(), "holders.lease": lease(2).0 };
    check("stamp_present", &commands.stamp_present(holds, stamp));
    check(
        "stamp_each",
        &commands.stamp_each(&[name().as_str()], stamp),
    );
    check("stamp_places", &commands.stamp_places(&[place()], stamp));
    let stamp = Stamp::at(DateTime::from_millis(1_767_319_200_000));
    let plain = commands.acquire_plain(&exclusive(), stamp);
    check_raw("stamped_acquire_plain", &plain);
    let hand_over = commands.acquire_general(&queued(), Some(&release()), id(), stamp);
    check_raw("stamped_hand_over", &hand_over);
    let update = commands.release(&release(), id(), stamp);
    check("stamped_release_contended", &update);
    let revoke = ReleaseRequest {
        revoke: true,
        ..release()
    };
    let revoke = commands.revoke(&revoke, id(), stamp);
    check("stamped_release_revoke", &revoke);
    let leave = commands.leave(&name(), CLIENT, id(), stamp);
    check("stamped_leave", &leave);
    check("stamped_renew", &commands.renew(&[renewal(1, 30, false)]));
    check(
        "stamped_compare",
        &commands.compare(&[renewal(1, 30, false)]),
    );
    let confirm = commands.confirm_one(&place(), stamp);
    check("stamped_confirm_one", &confirm);
}

#[test]
fn setup() {
    check("create_index", &commands().create_index());
}

#[test]
fn wakeups() {
    let collection = wakeup::collection("distributed_locks");
    let wakeup = Wakeup {
        lock: name(),
        waiters: vec![CLIENT.into()],
    };
    check("wakeups_create", &wakeup::create(&collection, 5000));
    check("wakeups_wake", &wakeup::wake(&collection, &wakeup, 5000));
    check("wakeups_open", &wakeup::open(&collection, LISTENER));
    check("wakeups_more", &wakeup::more(&collection, 42, 5000));
    check("wakeups_kill", &wakeup::kill(&collection, &[42]));
    check(
        "wakeups_left_behind",
        &wakeup::left_behind("app.locks_wakeups", 42, 10_000, 1000),
    );
}

fn commands() -> Commands {
    let namespace = Namespace {
        database: "app".into(),
        collection: "distributed_locks".into(),
    };
    Commands::new(namespace, 5000, "$$NOW".into())
}

fn name() -> LockName {
    LockName::new("nightly-report").unwrap()
}

/// The id of a command.
fn id() -> Uuid {
    Uuid::from_bytes([0xc0; 16])
}

fn lease(id: u128) -> LeaseId {
    LeaseId::from_u128(0xcafe << 112 | id)
}

fn renewal(id: u128, ttl: u64, alone: bool) -> Renewal {
    Renewal {
        name: name(),
        lease: lease(id),
        ttl: Duration::from_secs(ttl),
        alone,
    }
}

fn place() -> Confirmation {
    Confirmation {
        name: name(),
        queue_id: CLIENT.into(),
        permits: 1,
    }
}

fn exclusive() -> AcquireRequest {
    AcquireRequest {
        name: name(),
        lease: lease(1),
        attempt: 0,
        owner: "web-3:4711".into(),
        ttl: Duration::from_secs(300),
        mode: Mode::Exclusive,
        permits: 1,
        ticket: None,
        share: None,
    }
}

fn reader() -> AcquireRequest {
    AcquireRequest {
        mode: Mode::Shared,
        permits: u32::MAX,
        ..exclusive()
    }
}

fn permit() -> AcquireRequest {
    AcquireRequest {
        permits: 3,
        ..exclusive()
    }
}

fn queued() -> AcquireRequest {
    AcquireRequest {
        ticket: Some(Ticket {
            queue_id: Arc::from(CLIENT),
            waited: Duration::from_millis(1200),
        }),
        ..exclusive()
    }
}

fn release() -> ReleaseRequest {
    ReleaseRequest {
        name: name(),
        lease: lease(2),
        min_hold: None,
        contended: false,
        revoke: false,
    }
}

fn check_raw(name: &str, command: &RawDocumentBuf) {
    check(name, &Document::try_from(command.as_ref()).unwrap());
}

fn check(name: &str, command: &Document) {
    let mut text = String::new();
    print(&command.into(), 0, &mut text);
    text.push('\n');
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = path.join(format!("src/store/mongo/snapshots/{name}.json"));
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{} differs from the command; with UPDATE_SNAPSHOTS=1 this test writes it anew:\n\n{text}",
        path.display()
    );
}

/// Prints relaxed extended JSON. A short value takes one line, however deep it is.
fn print(value: &Bson, indent: usize, text: &mut String) {
    const WIDTH: usize = 100;
    let line = value.clone().into_relaxed_extjson().to_string();
    let (open, close) = match value {
        Bson::Document(_) => ('{', '}'),
        Bson::Array(_) => ('[', ']'),
        _ => return text.push_str(&line),
    };
    if line.len() <= WIDTH / 2 || indent + line.len() <= WIDTH {
        return text.push_str(&line);
    }
    let mut items: Vec<(String, &Bson)> = Vec::new();
    match value {
        Bson::Document(document) => items.extend(document.iter().map(|(key, value)| {
            let key = Bson::from(key.as_str()).into_relaxed_extjson();
            (format!("{key}: "), value)
        })),
        Bson::Array(array) => items.extend(array.iter().map(|value| (String::new(), value))),
        _ => {}
    }
    text.push(open);
    let last = items.len().saturating_sub(1);
    for (i, (key, value)) in items.into_iter().enumerate() {
        text.push('\n');
        text.push_str(&" ".repeat(indent + 2));
        text.push_str(&key);
        print(value, indent + 2, text);
        if i < last {
            text.push(',');
        }
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push(close);
}
