//! The size of the future of an annotated function, for a body of 1 KiB: alone and three deep,
//! beside the plain function and `#[tracing::instrument]`.
//!
//! `cargo bench --bench future_size`

#![allow(clippy::print_stdout, reason = "a benchmark prints")]
#![allow(
    clippy::unused_async,
    reason = "the size is what matters, not what they do"
)]

use std::hint::black_box;

use mongo_lock_runtime::{Error, distributed_lock};

/// Keeps 1 KiB across an await.
macro_rules! body {
    ($inner:expr) => {{
        let kept = black_box([0_u8; 1024]);
        black_box($inner);
        black_box(kept).len()
    }};
}

async fn pause() {
    tokio::task::yield_now().await;
}

mod plain {
    use super::{black_box, pause};

    pub(super) async fn alone() -> usize {
        body!(pause().await)
    }

    async fn two() -> usize {
        body!(alone().await)
    }

    pub(super) async fn three() -> usize {
        body!(two().await)
    }
}

mod instrumented {
    use super::{black_box, pause};

    #[tracing::instrument]
    pub(super) async fn alone() -> usize {
        body!(pause().await)
    }

    #[tracing::instrument]
    async fn two() -> usize {
        body!(alone().await)
    }

    #[tracing::instrument]
    pub(super) async fn three() -> usize {
        body!(two().await)
    }
}

mod locked {
    use super::{Error, black_box, distributed_lock, pause};

    #[distributed_lock(name = "size-alone", ttl = "1m")]
    pub(super) async fn alone() -> usize {
        body!(pause().await)
    }

    #[distributed_lock(name = "size-two", ttl = "1m")]
    async fn two() -> Result<usize, Error> {
        Ok(body!(alone().await?.is_executed()))
    }

    #[distributed_lock(name = "size-three", ttl = "1m")]
    pub(super) async fn three() -> Result<usize, Error> {
        Ok(body!(two().await?.is_executed()))
    }

    #[distributed_lock(name = "size/{id}", ttl = "1m")]
    pub(super) async fn template(id: u64) -> usize {
        body!(pause().await)
    }
}

fn main() {
    let rows = [
        (
            "plain",
            size_of_val(&plain::alone()),
            size_of_val(&plain::three()),
        ),
        (
            "#[tracing::instrument]",
            size_of_val(&instrumented::alone()),
            size_of_val(&instrumented::three()),
        ),
        (
            "#[distributed_lock]",
            size_of_val(&locked::alone()),
            size_of_val(&locked::three()),
        ),
    ];
    println!("bytes of the future of a function that keeps 1 KiB across an await\n");
    println!("{:24}{:>8}{:>14}", "", "alone", "three deep");
    for (what, alone, three) in rows {
        println!("{what:24}{alone:>8}{three:>14}");
    }
    let template = size_of_val(&locked::template(1));
    println!("\n{:24}{template:>8}", "… with a template");
    println!("\nThe body is in a box of its own, so its size does not count for the caller.");
}
