//! The build time of a crate of 400 annotated functions, beside 400 functions with
//! `#[tracing::instrument]` and 400 plain ones.
//!
//! `cargo bench --bench build_time`. It makes three crates in a temporary folder, builds their
//! dependencies once, and then times `cargo check` and `cargo build` of the crates alone, in turn, the
//! best of several rounds.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

const FUNCTIONS: u32 = 400;
const ROUNDS: u32 = 5;

struct Kind {
    name: &'static str,
    shown: &'static str,
    attribute: fn(u32) -> String,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "plain",
        shown: "plain",
        attribute: |_| String::new(),
    },
    Kind {
        name: "instrumented",
        shown: "#[tracing::instrument]",
        attribute: |_| "#[tracing::instrument]\n".into(),
    },
    Kind {
        name: "locked",
        shown: "#[distributed_lock]",
        attribute: |n| {
            format!("#[mongo_lock_runtime::distributed_lock(name = \"job-{n}\", ttl = \"5m\")]\n")
        },
    },
];

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for kind in &KINDS {
        write_crate(folder.path(), kind)?;
    }
    let members = KINDS.map(|kind| format!("\"{}\"", kind.name)).join(", ");
    fs::write(
        folder.path().join("Cargo.toml"),
        format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"),
    )?;
    // The versions that this workspace has, and its built dependencies where they fit.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock"))?;

    println!(
        "seconds for a crate of {FUNCTIONS} functions, its dependencies built; best of {ROUNDS}\n"
    );
    println!(
        "{:24}{:>10}{:>10}{:>10}{:>10}",
        "", "check", "", "build", ""
    );
    let check = best(folder.path(), "check")?;
    let build = best(folder.path(), "build")?;
    for (index, kind) in KINDS.iter().enumerate() {
        let ratio = |times: &[Duration]| times[index].as_secs_f64() / times[0].as_secs_f64();
        println!(
            "{:24}{:>10.2}{:>9.2}x{:>10.2}{:>9.2}x",
            kind.shown,
            check[index].as_secs_f64(),
            ratio(&check),
            build[index].as_secs_f64(),
            ratio(&build),
        );
    }
    let beside = |times: &[Duration]| times[2].as_secs_f64() / times[1].as_secs_f64();
    println!(
        "\n#[distributed_lock] takes {:.2} times as long as #[tracing::instrument] to check, {:.2} \
         times to build",
        beside(&check),
        beside(&build)
    );
    Ok(())
}

fn write_crate(folder: &Path, kind: &Kind) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = folder.join(kind.name);
    fs::create_dir_all(folder.join("src"))?;
    // All three depend on the same, so that only the functions differ.
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nmongo-lock-runtime = {{ path = '{}' }}\n\
             tracing = {{ version = \"0.1\", features = [\"attributes\"] }}\n",
            kind.name,
            root.join("mongo-lock-runtime").display(),
        ),
    )?;
    fs::write(source(&folder), functions(kind))?;
    Ok(())
}

fn source(folder: &Path) -> PathBuf {
    folder.join("src/lib.rs")
}

fn functions(kind: &Kind) -> String {
    let mut text = String::from("pub use mongo_lock_runtime::Error;\n");
    for n in 0..FUNCTIONS {
        let attribute = (kind.attribute)(n);
        let _ = write!(
            text,
            "{attribute}pub async fn job_{n}(day: u32, text: &str) -> Result<usize, Error> {{\n    \
                 let parts = text.split(',').map(str::len).collect::<Vec<_>>();\n    \
                 Ok(parts.into_iter().sum::<usize>() + day as usize)\n\
             }}\n"
        );
    }
    text
}

/// For each kind, in turn, so that a busy moment of the machine meets all.
fn best(folder: &Path, command: &str) -> anyhow::Result<Vec<Duration>> {
    let mut best = vec![Duration::MAX; KINDS.len()];
    for kind in &KINDS {
        cargo(folder, command, kind)?;
    }
    for _ in 0..ROUNDS {
        for (kind, best) in KINDS.iter().zip(&mut best) {
            // A change of the source is what makes cargo build the crate, and it alone.
            let source = source(&folder.join(kind.name));
            let text = fs::read_to_string(&source)?;
            fs::write(&source, text + "\n")?;
            let start = Instant::now();
            cargo(folder, command, kind)?;
            *best = start.elapsed().min(*best);
        }
    }
    Ok(best)
}

fn cargo(folder: &Path, command: &str, kind: &Kind) -> anyhow::Result<()> {
    let output = Command::new(env!("CARGO"))
        .args([command, "--package", kind.name])
        .current_dir(folder)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .with_context(|| format!("cargo {command}"))?;
    ensure!(
        output.status.success(),
        "cargo {command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
