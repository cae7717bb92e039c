use std::{thread, time::Duration};

use tokio::{runtime, time::timeout};

use crate::Error;

/// Runs what a drop has to do at a server, and waits for it. On a thread of its own: the runtime
/// of the test may be about to end, and cannot be blocked on from within.
///
/// Best effort, and not for long: a failure here must not hide that of a test.
pub(crate) fn finish(work: impl Future<Output = Result<(), Error>> + Send + 'static) {
    const LIMIT: Duration = Duration::from_secs(5);
    let thread = thread::spawn(move || {
        if let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() {
            let _ = runtime.block_on(async { timeout(LIMIT, work).await });
        }
    });
    let _ = thread.join();
}
