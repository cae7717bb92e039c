//! Arguments, locals and temporaries drop in the plain function's order. In edition 2024 here, and
//! in edition 2021 in the crate of that name, which includes this file.

use std::sync::{Arc, Mutex};

use mongo_lock_runtime::LockClient;

type Log = Arc<Mutex<Vec<&'static str>>>;

/// Says its name when it is dropped.
struct Loud(&'static str, Log);

impl Loud {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn temporary(&self, name: &'static str) -> Loud {
        Loud(name, Arc::clone(&self.1))
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

struct Pair(Loud, #[allow(dead_code)] Loud);

/// Twins: the same function, with and without the attribute.
macro_rules! twins {
    ($plain:ident, $locked:ident, $name:literal, ($($pat:pat_param => $ty:ty),*) $body:block) => {
        #[allow(clippy::unused_async)]
        async fn $plain($($pat: $ty),*) -> usize $body

        #[mongo_lock_runtime::distributed_lock(name = $name, ttl = "1m")]
        async fn $locked($($pat: $ty),*) -> usize $body
    };
}

twins!(plain_arguments, arguments, "drop-arguments",
    (_a => Loud, Pair(b, _) => Pair, _ => Loud, mut c => Loud, d => Loud) {
        c.0 = "c, renamed";
        drop(d);
        let local = b.temporary("local");
        local.len()
    }
);

twins!(plain_tail, tail, "drop-tail", (a => Loud, _ => Loud) {
    let _local = a.temporary("local");
    a.temporary("temporary of the tail").len()
});

twins!(plain_match, matched, "drop-match", (a => Loud) {
    let _local = a.temporary("local");
    match a.temporary("scrutinee").len() {
        0 => 0,
        n => a.temporary("in the arm").len() + n,
    }
});

twins!(plain_if_let, if_let, "drop-if-let", (a => Loud) {
    let _local = a.temporary("local");
    if let Some(n) = a.temporary("condition").len().checked_sub(100) {
        n
    } else {
        a.temporary("in the else").len()
    }
});

twins!(plain_return, returned, "drop-return", (a => Loud, _b => Loud) {
    let _local = a.temporary("local");
    if a.len() == 1 {
        return a.temporary("returned").len();
    }
    0
});

struct Owner(Loud, #[allow(dead_code)] Loud);

impl Owner {
    #[allow(clippy::unused_async)]
    async fn plain(self, _other: Loud) -> usize {
        self.0.len()
    }

    #[mongo_lock_runtime::distributed_lock(name = "drop-self", ttl = "1m")]
    async fn locked(self, _other: Loud) -> usize {
        self.0.len()
    }
}

macro_rules! same {
    ($log:ident, $plain:expr, $locked:expr) => {{
        let n = $plain.await;
        let expected = std::mem::take(&mut *$log.lock().unwrap());
        let outcome = LockClient::in_memory().scope($locked).await.unwrap();
        assert_eq!(outcome.executed(), Some(n));
        let found = std::mem::take(&mut *$log.lock().unwrap());
        assert_eq!(found, expected);
        assert!(expected.len() > 1, "{expected:?}");
        expected
    }};
}

#[tokio::test]
async fn in_the_plain_function_s_order() {
    let log = Log::default();
    let loud = |name| Loud(name, Arc::clone(&log));
    let pair = || Pair(loud("b"), loud("b2"));
    same!(
        log,
        plain_arguments(loud("a"), pair(), loud("wild"), loud("c"), loud("d")),
        arguments(loud("a"), pair(), loud("wild"), loud("c"), loud("d"))
    );
    let order = same!(
        log,
        plain_tail(loud("a"), loud("wild")),
        tail(loud("a"), loud("wild"))
    );
    // The one rule that the editions differ in.
    let first = if crate::TAIL_TEMPORARIES_FIRST {
        "temporary of the tail"
    } else {
        "local"
    };
    assert_eq!(order[0], first);
    same!(log, plain_match(loud("a")), matched(loud("a")));
    same!(log, plain_if_let(loud("a")), if_let(loud("a")));
    same!(
        log,
        plain_return(loud("a"), loud("b")),
        returned(loud("a"), loud("b"))
    );
    let owner = || Owner(loud("first"), loud("second"));
    same!(
        log,
        owner().plain(loud("other")),
        owner().locked(loud("other"))
    );
}

#[tokio::test]
async fn a_call_that_is_never_polled_drops_its_arguments() {
    let log = Log::default();
    let loud = |name| Loud(name, Arc::clone(&log));
    drop(plain_tail(loud("a"), loud("b")));
    let expected = std::mem::take(&mut *log.lock().unwrap());
    drop(tail(loud("a"), loud("b")));
    assert_eq!(*log.lock().unwrap(), expected);
}
