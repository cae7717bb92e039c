//! The settings, from the environment.

use std::{env, str::FromStr, time::Duration};

use anyhow::Context as _;

pub(crate) struct Settings {
    /// `MONGODB_URI`, with the database of the locks.
    pub(crate) mongodb: String,
    /// `INSTANCE`: the name in the locks. Default: the host's name and the process id.
    pub(crate) instance: Option<String>,
    /// `LISTEN`. Default: `127.0.0.1:8080`.
    pub(crate) listen: String,
    /// `EVERY`: the period of the jobs in seconds, a divisor of 60. Default: 30.
    pub(crate) every: u64,
    /// `GRACE`: the seconds for which jobs may go on after SIGTERM. Default: 20, with which the whole end stays
    /// below the 30 seconds after which Kubernetes sends SIGKILL.
    pub(crate) grace: Duration,
}

impl Settings {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        Ok(Self {
            mongodb: env::var("MONGODB_URI").context("MONGODB_URI")?,
            instance: env::var("INSTANCE").ok(),
            listen: setting("LISTEN", "127.0.0.1:8080".to_owned())?,
            every: setting("EVERY", 30)?,
            grace: Duration::from_secs(setting("GRACE", 20)?),
        })
    }
}

fn setting<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    name: &str,
    default: T,
) -> anyhow::Result<T> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}
