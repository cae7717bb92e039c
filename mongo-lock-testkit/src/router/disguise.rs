//! The changes that a router makes to commands and replies.

use std::time::{SystemTime, UNIX_EPOCH};

use mongodb::bson::{
    DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, Timestamp, doc, rawdoc,
};

/// The commands to which a router adds its own clock. The shard takes that for `$$NOW`.
const WITH_A_CLOCK: [&str; 6] = [
    "aggregate",
    "delete",
    "find",
    "findAndModify",
    "findandmodify",
    "update",
];

/// The fields of a reply to `hello` by which a client knows a member of a replica set.
const OF_A_MEMBER: [&str; 17] = [
    "arbiterOnly",
    "arbiters",
    "compression",
    "electionId",
    "hidden",
    "hosts",
    "isreplicaset",
    "lastWrite",
    "me",
    "passive",
    "passives",
    "primary",
    "secondary",
    "setName",
    "setVersion",
    "tags",
    // A router has one of its own. Without it, a driver asks again in intervals.
    "topologyVersion",
];

/// The errors of a shard that is no primary any more. A router says `HostUnreachable` in their place, or
/// its clients would take the router for a member of a replica set.
const NO_PRIMARY_ANY_MORE: [i32; 6] = [91, 189, 10107, 11600, 11602, 13435];

pub(super) const HOST_UNREACHABLE: i32 = 6;
pub(super) const NO_PRIMARY_FOUND: i32 = 133;
const SHARD_KEY_NOT_FOUND: i32 = 61;

/// The name of a command: that of its first field.
pub(super) fn name(command: &RawDocument) -> &str {
    let first = command.iter().next().and_then(Result::ok);
    first.map_or("", |(name, _)| name)
}

pub(super) fn is_hello(name: &str) -> bool {
    ["hello", "ismaster"].contains(&name.to_ascii_lowercase().as_str())
}

/// The command as the shard gets it from a router whose clock is ahead of this machine's by `offset_ms`.
pub(super) fn command(mut command: RawDocumentBuf, offset_ms: i64) -> RawDocumentBuf {
    if !WITH_A_CLOCK.contains(&name(&command)) {
        return command;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    let now = now.saturating_add(offset_ms);
    let constants = rawdoc! {
        "localNow": DateTime::from_millis(now),
        "clusterTime": Timestamp {
            time: u32::try_from(now / 1000).unwrap_or(u32::MAX),
            increment: 1,
        },
    };
    command.append("runtimeConstants", constants);
    command
}

/// A reply to `hello`, as a router gives it.
pub(super) fn hello(reply: &RawDocument) -> RawDocumentBuf {
    let mut hello = RawDocumentBuf::new();
    for (key, value) in reply.iter().filter_map(Result::ok) {
        if OF_A_MEMBER.contains(&key) {
            continue;
        }
        if ["isWritablePrimary", "ismaster"].contains(&key) {
            hello.append(key, true);
        } else {
            hello.append_ref(key, value);
        }
    }
    hello.append("msg", "isdbgrid");
    hello
}

/// The reply with the router's error in place of the shard's, when the shard is no primary any more.
pub(super) fn rewritten(reply: &RawDocument) -> Option<RawDocumentBuf> {
    let of = |document: &RawDocument| match document.get("code") {
        Ok(Some(RawBsonRef::Int32(code))) => NO_PRIMARY_ANY_MORE.contains(&code),
        _ => false,
    };
    if of(reply) {
        return Some(error(HOST_UNREACHABLE, "the shard has another primary"));
    }
    let concern = reply.get_document("writeConcernError").ok()?;
    if !of(concern) {
        return None;
    }
    let mut reply = Document::try_from(reply).ok()?;
    let concern = reply.get_document_mut("writeConcernError").ok()?;
    concern.insert("code", HOST_UNREACHABLE);
    concern.insert("codeName", "HostUnreachable");
    RawDocumentBuf::try_from(&reply).ok()
}

pub(super) fn error(code: i32, message: &str) -> RawDocumentBuf {
    rawdoc! { "ok": 0.0, "errmsg": message, "code": code }
}

/// The error for a command that does not say which shard it is for, given the shard key of its
/// collection. Routers of MongoDB 7.0 and later carry such a command out, on all shards.
pub(super) fn without_shard_key(command: &RawDocument, key: &Document) -> Option<RawDocumentBuf> {
    let command = Document::try_from(command).ok()?;
    let lacks = |query: &Document| key.keys().any(|field| !query.contains_key(field));
    let untargeted = match command.iter().next()?.0.as_str() {
        "findAndModify" | "findandmodify" => {
            lacks(command.get_document("query").unwrap_or(&doc! {}))
        }
        "update" => command.get_array("updates").is_ok_and(|updates| {
            updates.iter().any(|update| {
                let update = update.as_document();
                update.is_some_and(|update| {
                    let one = !update.get_bool("multi").unwrap_or_default();
                    one && lacks(update.get_document("q").unwrap_or(&doc! {}))
                })
            })
        }),
        _ => false,
    };
    untargeted.then(|| {
        error(
            SHARD_KEY_NOT_FOUND,
            "Query for sharded findAndModify must contain the shard key",
        )
    })
}
