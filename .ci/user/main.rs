//! A service as its author writes it after the first page of the guide.
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings)]

use mongo_lock_runtime::{distributed_lock, Error, LockClient, Outcome};

#[distributed_lock(name = "nightly-report", ttl = "5m")]
async fn nightly_report() -> u32 {
    42
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let uri = std::env::var("MONGODB_URI").unwrap_or_else(|_| "mongodb://localhost".into());
    LockClient::connect(uri).await?.install_global()?;
    match nightly_report().await? {
        Outcome::Executed(pages) => println!("{pages} pages"),
        Outcome::Skipped(skipped) => println!("{skipped}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mongo_lock_runtime::{LockSpec, SkipReason};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_instance_of_two_writes_the_report() -> Result<(), Error> {
        let here = LockClient::in_memory();
        let elsewhere = here.with_owner("web-2")?;
        let spec = LockSpec::new("nightly-report", Duration::from_secs(300))?;
        let held = elsewhere.try_acquire(&spec).await?.acquired();
        let held = held.expect("the lock is free");

        let skipped = here.scope(nightly_report()).await?.skipped();
        let reason = skipped.expect("the lock is held").reason;
        assert!(matches!(reason, SkipReason::Held(holder) if holder.owner == "web-2"));

        held.release().await?;
        assert_eq!(here.scope(nightly_report()).await?.executed(), Some(42));
        Ok(())
    }

    #[test]
    fn every_lock_has_one_function() {
        mongo_lock_runtime::assert_locks_unique();
    }
}
