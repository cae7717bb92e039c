//! The lease under which a task runs.

use std::sync::Arc;

use tokio::task_local;

use super::lease::Lease;
use crate::{error::Error, name::LockName, operation::Context};

task_local! {
    static CURRENT: Arc<Scope>;
}

/// A lease, and those around it: a body that holds a lock may take another.
pub(crate) struct Scope {
    lease: Lease,
    outer: Option<Arc<Scope>>,
}

impl Scope {
    /// A scope of this lease, inside those of the calling task.
    pub(crate) fn around(lease: Lease) -> Arc<Self> {
        let outer = CURRENT.try_with(Clone::clone).ok();
        Arc::new(Self { lease, outer })
    }
}

/// Calls `f` where [`current_lease`] gives the scope's lease.
pub(crate) fn within(scope: &Arc<Scope>, f: &mut dyn FnMut()) {
    CURRENT.sync_scope(Arc::clone(scope), f);
}

/// The lease under which the calling task runs: that of the innermost annotated function, or
/// [`Lease::scope`]. `None` outside of one.
///
/// A spawned task does not inherit the lease. Hand the lease over, and know that nothing stops that task
/// when the lease ends; the task must ask:
///
/// ```no_run
/// use mongo_lock_runtime::{current_lease, distributed_lock};
///
/// #[distributed_lock(name = "import", ttl = "1m")]
/// async fn import() {
///     let lease = current_lease().expect("this runs under a lock");
///     let half = tokio::spawn(lease.clone().scope(async move {
///         while lease.check().is_ok() {
///             // …
///         }
///     }));
///     half.await.expect("it does not panic");
/// }
/// ```
#[must_use]
pub fn current_lease() -> Option<Lease> {
    CURRENT.try_with(|scope| scope.lease.clone()).ok()
}

/// For code that must run under a lock: gives the lease of the lock `name` under which the calling
/// task runs.
///
/// In a unit test, an in-memory client satisfies it:
///
/// ```
/// use std::time::Duration;
/// use mongo_lock_runtime::{LockClient, LockSpec, assert_locked};
///
/// fn post_invoice() -> i64 {
///     // Called without the lock, it would number two invoices alike.
///     assert_locked("invoices").token()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mongo_lock_runtime::Error> {
/// let client = LockClient::in_memory();
/// let spec = LockSpec::new("invoices", Duration::from_secs(60))?;
/// let guard = client.try_acquire(&spec).await?.acquired().expect("the lock is free");
/// let token = guard.lease().clone().scope(async { post_invoice() }).await;
/// assert_eq!(token, guard.token());
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// When the task does not run under that lock, or the lease has ended.
#[track_caller]
#[must_use = "it gives the lease; use `let _ =` for the assertion alone"]
pub fn assert_locked(name: impl AsRef<str>) -> Lease {
    let name = name.as_ref();
    let innermost = CURRENT.try_with(Clone::clone).ok();
    let mut scope = innermost.as_ref();
    let mut found: Vec<String> = Vec::new();
    while let Some(Scope { lease, outer }) = scope.map(|scope| &**scope) {
        if lease.name().as_str() == name {
            if let Err(lost) = lease.check() {
                panic!("this code must run under the lock `{name}`: {lost}");
            }
            return lease.clone();
        }
        found.push(format!("`{}`", lease.name()));
        scope = outer.as_ref();
    }
    let found = if found.is_empty() {
        "no lock".to_owned()
    } else {
        found.join(", ")
    };
    panic!("this code must run under the lock `{name}`, and runs under {found}");
}

/// Refuses a caller that is about to wait for a lock under which its task runs already: such a wait would
/// never end. Leases of other clients of the same locks count too.
pub(crate) fn check_not_held(context: &Context, name: &LockName) -> Result<(), Error> {
    let innermost = CURRENT.try_with(Clone::clone).ok();
    let mut scope = innermost.as_ref();
    while let Some(Scope { lease, outer }) = scope.map(|scope| &**scope) {
        let same_lock = lease.name() == name && lease.context().store.is_same_place(&context.store);
        if same_lock && lease.check().is_ok() {
            return Err(Error::WouldDeadlock { lock: name.clone() });
        }
        scope = outer.as_ref();
    }
    Ok(())
}

impl Lease {
    /// Runs `future` under this lease: [`current_lease`] finds the lease there. The scope does not stop the
    /// future when the lease ends, and does not keep the lock taken.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(Scope::around(self), future).await
    }
}
