//! A store behind a simulated network.

use std::pin::Pin;

use tokio::sync::watch;

use super::{
    failure::AttemptError,
    protocol::{Reply, Request},
};

/// The way to a simulated store, which may lose, delay and repeat requests and replies.
pub trait Network: Send + Sync {
    /// Sends a request, and gives its reply.
    fn call(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, AttemptError>> + Send>>;

    /// A channel that changes with each wake-up of waiting clients.
    fn wakeups(&self) -> watch::Receiver<()>;
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use super::{
        super::{
            Store, Wakeup,
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
        wakeups: watch::Sender<()>,
    }

    impl Network for Lossy {
        fn call(
            &self,
            request: Request,
        ) -> Pin<Box<dyn Future<Output = Result<Reply, AttemptError>> + Send>> {
            let (locks, count) = &mut *self.state.lock().unwrap();
            let reply = locks.apply(i64::from(*count), &request);
            *count += 1;
            if locks.take_wakeup() {
                self.wakeups.send_replace(());
            }
            let lost = || AttemptError::new("lost", Persistence::Transient, true);
            let reply = if count.is_multiple_of(2) {
                Ok(reply)
            } else {
                Err(lost())
            };
            Box::pin(async { reply })
        }

        fn wakeups(&self) -> watch::Receiver<()> {
            self.wakeups.subscribe()
        }
    }

    #[tokio::test]
    async fn a_store_can_be_simulated() {
        let network = Arc::new(Lossy {
            state: Mutex::default(),
            wakeups: watch::Sender::new(()),
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
        };
        let lost = store.acquire(&request).await.unwrap_err();
        assert!(lost.is_transient() && lost.effect_unknown);
        let again = AcquireRequest {
            attempt: 1,
            ..request.clone()
        };
        match store.acquire(&again).await.unwrap() {
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
        assert!(!store.release(&release).await.unwrap());
        let mut stream = store.news("client", Duration::ZERO).await.unwrap();
        network.wakeups.send_replace(());
        assert!(matches!(stream.next().await, Ok(Wakeup::All)));
        store.acquire(&again).await.unwrap_err();
        let late = store.acquire(&again).await.unwrap();
        assert_eq!(late, AcquireReply::Revoked);
    }
}
