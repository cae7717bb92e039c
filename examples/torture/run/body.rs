//! The body of a job: its steps, and the lines that it writes to the ledger.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use mongo_lock_runtime::{FencedTransaction, FencedWrite, Lease, LockClient};
use mongodb::{
    Collection,
    bson::{Document, doc},
};

use super::{
    clock::{now, span},
    history::{FROM, TO},
    jobs::{Kind, TRANSFERS},
    ledger::Ledger,
    lines,
    random::Random,
};

/// One call of a job.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) locks: LockClient,
    /// The collection of the fenced writes, with one document per lock.
    pub(crate) data: Collection<Document>,
    /// Whether there are transactions: not through the stand-in for a router.
    pub(crate) transacts: bool,
    /// Of the process. With the call's number, it makes a write's id.
    pub(crate) label: Arc<str>,
    pub(crate) number: u64,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) plan: Plan,
    /// The time at which the last poll of the body began.
    pub(crate) polled: Arc<AtomicI64>,
}

/// The plan of a call's body.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) steps: u64,
    pub(crate) pace: Duration,
    pub(crate) extends_at: Option<u64>,
    pub(crate) panics_at: Option<u64>,
    pub(crate) drops: bool,
    pub(crate) late_writes: u64,
    /// The time at which the caller loses patience and drops the call.
    pub(crate) cancelled_after: Option<Duration>,
    first_write: u64,
}

/// Fenced writes are for every so many steps, to keep the documents small that show all of them.
const WRITE_EVERY: u64 = 20;

impl Plan {
    pub(crate) fn new(kind: Kind, random: &mut Random) -> Self {
        let quick = kind == Kind::Quick;
        let pace = random.millis(if quick { 1..5 } else { 8..25 });
        // Rather short.
        let work = random.millis(kind.work()).min(random.millis(kind.work()));
        let steps = u64::try_from(work.as_millis() / pace.as_millis()).unwrap_or(1) + 1;
        let mut rarely = |times| random.one_in(times).then(|| random.within(0..steps));
        let panics_at = rarely(if quick { 200 } else { 40 });
        let extends_at = (kind == Kind::Extended).then(|| random.within(0..steps));
        Self {
            steps,
            pace,
            extends_at,
            panics_at,
            drops: random.one_in(2),
            late_writes: random.within(0..4),
            cancelled_after: random
                .one_in(10)
                .then(|| random.millis(1..if quick { 20 } else { 1500 })),
            first_write: random.within(0..if quick { 2 * WRITE_EVERY } else { WRITE_EVERY }),
        }
    }

    pub(crate) fn writes_at(&self, step: u64) -> bool {
        step % WRITE_EVERY == self.first_write
    }
}

/// Notes when each poll of a body begins. The library looks at the deadline just before it polls: so
/// a line of the body can be late without a fault of the library when its process was paused after the
/// poll had begun, and for no other reason.
pub(crate) async fn watched<F: Future>(call: &Call, body: F) -> F::Output {
    let mut body = pin!(body);
    poll_fn(|cx| {
        call.polled.store(now(), Ordering::Relaxed);
        body.as_mut().poll(cx)
    })
    .await
}

/// A body under its lease. Between two of its awaits, it writes one line.
pub(crate) struct Hold<'a> {
    call: &'a Call,
    lease: Lease,
    writes: u64,
    /// Whether the lock's document has been seen to exist.
    exists: bool,
    ended: bool,
}

impl<'a> Hold<'a> {
    pub(crate) fn begin(call: &'a Call, lease: &Lease) -> Self {
        let polled = call.polled.load(Ordering::Relaxed);
        lines::began(&call.ledger, call.number, call.kind, lease, polled);
        Self {
            call,
            lease: lease.clone(),
            writes: 0,
            exists: false,
            ended: false,
        }
    }

    pub(crate) fn step(&self) {
        self.line("step", format_args!(""));
    }

    fn line(&self, kind: &str, more: std::fmt::Arguments<'_>) {
        // In this order, as in `lines::began`.
        let at = now();
        let left = span(self.lease.time_left());
        let call = self.call;
        let polled = call.polled.load(Ordering::Relaxed);
        call.ledger.write_at(
            at,
            kind,
            format_args!("call={} polled={polled} left={left} {more}", call.number),
        );
    }

    pub(crate) async fn extend(&mut self, ttl: Duration) {
        let extended = self.lease.extend(ttl).await;
        self.line("extended", format_args!("text={extended:?}"));
    }

    pub(crate) async fn write(&mut self) {
        let written = self.send().await;
        self.wrote(&written);
    }

    pub(crate) async fn send(&mut self) -> String {
        self.writes += 1;
        let id = format!("{}.{}.{}", self.call.label, self.call.number, self.writes);
        if let Some(time) = self.call.kind.blocks() {
            self.line("blocks", format_args!("write={id}"));
            thread::sleep(time);
            // Late by its own fault alone. The write is sent before the next await.
            self.line("blocked", format_args!("write={id}"));
        }
        let result = write(self.call, &self.lease, &id, &mut self.exists).await;
        format!("write={id} {result}")
    }

    pub(crate) fn wrote(&self, written: &str) {
        self.line("wrote", format_args!("{written}"));
    }

    pub(crate) fn end(mut self) -> Late<'a> {
        self.set_ended();
        Late {
            call: self.call,
            lease: self.lease.clone(),
            exists: self.exists,
        }
    }

    fn set_ended(&mut self) {
        if !self.ended {
            self.ended = true;
            self.line("ended", format_args!(""));
        }
    }
}

/// Also when the body was dropped, or panicked.
impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.set_ended();
    }
}

/// The task that still writes when the body is over.
pub(crate) struct Late<'a> {
    call: &'a Call,
    lease: Lease,
    exists: bool,
}

impl Late<'_> {
    pub(crate) async fn write(&mut self) {
        let call = self.call;
        let id = format!("{}.{}.{:x}", call.label, call.number, now());
        call.ledger
            .write("late", format_args!("call={} write={id}", call.number));
        let result = write(call, &self.lease, &id, &mut self.exists).await;
        call.ledger.write(
            "wrote-late",
            format_args!("call={} write={id} {result}", call.number),
        );
    }
}

/// A write that proves itself: it appends its id and its token to the document of the lock, so that
/// the document shows who wrote in which order.
async fn write(call: &Call, lease: &Lease, id: &str, exists: &mut bool) -> String {
    if call.name == TRANSFERS && call.transacts {
        return transfer(call, lease, id).await;
    }
    let filter = doc! { "_id": call.name };
    let push = doc! { "$push": { "history": { "token": lease.token(), "write": id } } };
    let fence = lease.fenced(&call.data);
    let written = if *exists {
        fence.update_one(filter, push).await
    } else {
        fence.upsert_one(filter, push).await
    };
    *exists |= written.is_ok();
    match written {
        Ok(FencedWrite::Applied) => "result=applied".into(),
        Ok(FencedWrite::Refused { newer }) => format!("result=refused newer={newer}"),
        Ok(other) => format!("result=other text={other:?}"),
        Err(error) => format!("result=unknown text={error}"),
    }
}

/// Moves 1 between two accounts, in collections of their own, and proves itself as [`write`] does.
async fn transfer(call: &Call, lease: &Lease, id: &str) -> String {
    let database = call.data.client().database(&call.data.namespace().db);
    let collection = |name: &str| database.collection::<Document>(name);
    let (work, from, to) = (
        collection(call.data.name()),
        collection(FROM),
        collection(TO),
    );
    let lock = doc! { "_id": call.name };
    let push = doc! { "$push": { "history": { "token": lease.token(), "write": id } } };
    let change = |by: i64| doc! { "$inc": { "sum": by } };
    let writes = lease.transaction(call.data.client(), async |mut session| {
        for (account, update) in [(&from, change(-1)), (&work, push.clone()), (&to, change(1))] {
            let written = account.update_one(lock.clone(), update).upsert(true);
            written.session(&mut *session).await?;
        }
        anyhow::Ok(())
    });
    match writes.await {
        Ok(FencedTransaction::Committed(())) => "result=applied".into(),
        Ok(FencedTransaction::Refused { newer }) => format!("result=refused newer={newer}"),
        Ok(other) => format!("result=other text={other:?}"),
        Err(error) => format!("result=unknown text={error}"),
    }
}
