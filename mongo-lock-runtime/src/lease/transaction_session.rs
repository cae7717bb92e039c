//! The session that the body of a transaction has.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use mongodb::ClientSession;

/// The driver's session, lent to the body of a [transaction](crate::Lease::transaction). It dereferences to
/// [`ClientSession`], for `.session(&mut *session)`.
///
/// Lent as a value, and not as a reference: so the future of a body that borrows from its surroundings stays
/// `Send`. The session goes back when this is dropped, with the body's future at the latest. A body must
/// neither commit nor abort by itself.
pub struct TransactionSession {
    session: Option<ClientSession>,
    home: Home,
}

/// The place to which a session goes back.
#[derive(Clone, Default)]
pub(super) struct Home(Arc<Mutex<Option<ClientSession>>>);

impl Home {
    pub(super) fn lend(&self, session: ClientSession) -> TransactionSession {
        TransactionSession {
            session: Some(session),
            home: self.clone(),
        }
    }

    /// The session, once it is back.
    pub(super) fn take(&self) -> Option<ClientSession> {
        // No code in a critical section panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn give_back(&self, session: Option<ClientSession>) {
        let mut home = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *home = session;
    }
}

const LENT: &str = "the session is taken out by the drop alone";

impl Deref for TransactionSession {
    type Target = ClientSession;

    fn deref(&self) -> &ClientSession {
        self.session.as_ref().expect(LENT)
    }
}

impl DerefMut for TransactionSession {
    fn deref_mut(&mut self) -> &mut ClientSession {
        self.session.as_mut().expect(LENT)
    }
}

impl Drop for TransactionSession {
    fn drop(&mut self) {
        self.home.give_back(self.session.take());
    }
}

impl fmt::Debug for TransactionSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionSession").finish_non_exhaustive()
    }
}
