//! A store behind a simulated network.

use std::{pin::Pin, sync::Arc};

use tokio::sync::broadcast;

use super::{
    failure::AttemptError,
    protocol::{Reply, Request, Wakeup},
};

/// The result of a request: its reply, and the queue ids of the waiters that the client is to wake.
pub type Answered = Result<(Reply, Vec<Arc<str>>), AttemptError>;

/// The way to a simulated store, which may lose, delay and repeat requests and replies.
pub trait Network: Send + Sync {
    /// Sends a request.
    fn call(&self, request: Request) -> Pin<Box<dyn Future<Output = Answered> + Send>>;

    /// The wake-ups that arrive at the client.
    fn wakeups(&self) -> broadcast::Receiver<Wakeup>;
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use super::{
        super::{
            News, Store,
            failure::Persistence,
            memory::locks::Locks,
            protocol::{AcquireReply, AcquireRequest, LeaseId, ReleaseRequest},
        },
        *,
    };
    use crate::{name::LockName, spec::Mode};

    /// A network that loses every second reply.
    struct Lossy {
        state: Mutex<(Locks, u32)>,
        wakeups: broadcast::Sender<Wakeup>,
    }

    impl Network for Lossy {
        fn call(&self, request: Request) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
            let (locks, count) = &mut *self.state.lock().unwrap();
            let reply = locks.apply(i64::from(*count), &request);
            *count += 1;
            if let Request::Wake(wakeup) = request {
                drop(self.wakeups.send(wakeup));
            }
            let lost = || AttemptError::new("lost", Persistence::Transient, true);
            let reply = if count.is_multiple_of(2) {
                Ok((reply, locks.take_turn()))
            } else {
                Err(lost())
            };
            Box::pin(async { reply })
        }

        fn wakeups(&self) -> broadcast::Receiver<Wakeup> {
            self.wakeups.subscribe()
        }
    }

    #[tokio::test]
    async fn a_store_can_be_simulated() {
        let network = Arc::new(Lossy {
            state: Mutex::default(),
            wakeups: broadcast::Sender::new(8),
        });
        let store = Store::Simulated(network.clone());
        let request = AcquireRequest {
            name: LockName::new("a").unwrap(),
            lease: LeaseId::from_u128(7),
            attempt: 0,
            owner: "web-3:4711".into(),
            ttl: Duration::from_secs(1),
            mode: Mode::Exclusive,
            permits: 1,
            ticket: None,
            share: None,
        };
        let lost = store.acquire(&request).await.unwrap_err();
        assert!(lost.is_transient() && lost.effect_unknown);
        let again = AcquireRequest {
            attempt: 1,
            ..request.clone()
        };
        match store.acquire(&again).await.unwrap().0 {
            AcquireReply::Granted(grant) => assert_eq!(grant.attempt, 0),
            other => panic!("{other:?}"),
        }
        let release = ReleaseRequest {
            name: request.name.clone(),
            lease: request.lease,
            min_hold: None,
            contended: false,
            revoke: true,
        };
        store.release(&release).await.unwrap_err();
        assert!(!store.release(&release).await.unwrap().0);
        let mut stream = store.listen("client", Duration::ZERO).await.unwrap();
        let wakeup = Wakeup {
            lock: request.name.clone(),
            waiters: vec!["client:0".into()],
        };
        // It arrives, and its reply is lost.
        store.wake(&wakeup).await.unwrap_err();
        match stream.next().await {
            Ok(News::Wakeups(wakeups)) => assert_eq!(wakeups, [wakeup]),
            _ => panic!("no wake-up"),
        }
        assert!(store.acquire(&again).await.is_ok());
        store.acquire(&again).await.unwrap_err();
        let late = store.acquire(&again).await.unwrap();
        assert_eq!(late.0, AcquireReply::Revoked);
    }
}
