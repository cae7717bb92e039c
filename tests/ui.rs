//! The refusals of the attribute and of `lock_names!`, as a user sees them: one file per rule in
//! `tests/ui`, with the compiler's errors beside it.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test ui` writes the errors anew; review the difference.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects, helpers included; a failure names the line"
)]

mod rustc;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use self::rustc::{Artifacts, Until, compile, compile_with, essential, files_in, in_parallel};

static ARTIFACTS: LazyLock<Artifacts> = LazyLock::new(Artifacts::of_this_test);

/// The folder of the executables that a test makes.
fn out() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Checks that the file is refused with the errors beside it.
fn refused(file: &Path, until: Until, out: &Path) -> Result<(), String> {
    let compiled = compile(&ARTIFACTS, file, until, out);
    let name = file.display();
    if compiled.ok {
        return Err(format!("{name}: compiled, and is to be refused"));
    }
    let errors = essential(&compiled.stderr, "tests/ui");
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(file)
        .with_extension("stderr");
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&beside, &errors).unwrap();
    }
    if fs::read_to_string(beside).unwrap_or_default() == errors {
        return Ok(());
    }
    Err(format!("{name}: other errors than beside it:\n\n{errors}"))
}

fn assert_refused(files: &[PathBuf], until: Until, at_least: usize) {
    let out = out();
    let complaints = in_parallel(files, |file| refused(file, until, out.path()));
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    assert!(files.len() >= at_least, "{}", files.len());
}

#[test]
fn refused_when_checked() {
    assert_refused(&files_in("tests/ui"), Until::Checked, 40);
}

#[test]
fn refused_when_built() {
    assert_refused(&files_in("tests/ui/build"), Until::Built, 1);
}

#[test]
fn accepted_and_run() {
    let out = out();
    let complaints = in_parallel(&files_in("tests/ui/pass"), |file| {
        let compiled = compile(&ARTIFACTS, file, Until::Built, out.path());
        let name = file.display();
        if !compiled.ok {
            return Err(format!("{name}: {}", compiled.stderr));
        }
        let run = Command::new(compiled.executable).output().unwrap();
        if run.status.success() {
            return Ok(());
        }
        Err(format!("{name}: {}", String::from_utf8_lossy(&run.stderr)))
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

/// An input on the way to a good one, and the lines of its module in the source.
struct Written {
    text: String,
    complete: bool,
    module: String,
}

/// All that is on the way to the good inputs in a file: every beginning, alone and before the next
/// argument, and every token left out.
fn half_written(
    file: &str,
    separator: &str,
    module: impl Fn(usize, &str) -> String,
) -> Vec<Written> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/half_written");
    let good = fs::read_to_string(folder.join(file)).unwrap();
    let mut all = Vec::new();
    for line in good.lines() {
        let tokens: Vec<&str> = line.split_whitespace().collect();
        let mut inputs = Vec::new();
        for at in 0..=tokens.len() {
            inputs.push(tokens[..at].to_vec());
            if let Some(rest) = tokens[at..].iter().position(|it| *it == separator) {
                inputs.push([&tokens[..at], &tokens[at + rest..]].concat());
            }
            if at < tokens.len() {
                inputs.push([&tokens[..at], &tokens[at + 1..]].concat());
            }
        }
        // Without those that are no Rust: the macro does not see them.
        inputs.retain(|tokens| {
            let open = |open, close| {
                let count = |it: &str| tokens.iter().filter(|token| **token == it).count();
                count(open) == count(close)
            };
            open("(", ")") && open("[", "]") && open("{", "}")
        });
        for tokens in inputs {
            let text = tokens.join(" ");
            let module = module(all.len(), &text);
            let complete = text == line;
            all.push(Written {
                text,
                complete,
                module,
            });
        }
    }
    all
}

/// Compiles all inputs at once, each in a module of its own. Those that have errors are taken out, and the
/// rest is compiled again, until there is no error: an error of one kind hides those of the next.
fn at_most_one_error_each(name: &str, head: &str, mut inputs: Vec<Written>) -> usize {
    let out = out();
    let count = inputs.len();
    let file = out.path().join(name).with_extension("rs");
    for round in 0.. {
        let mut source = head.to_owned();
        let mut starts = Vec::new();
        for input in &inputs {
            starts.push(source.lines().count() + 1);
            source += &input.module;
        }
        source += "fn main() {}\n";
        fs::write(&file, source).unwrap();
        let compiled = compile_with(&ARTIFACTS, &file, Until::Checked, out.path(), |command| {
            command.args(["--error-format=json", "--cap-lints=allow"]);
        });
        if compiled.ok {
            assert!(inputs.iter().filter(|it| it.complete).count() > 0);
            return count;
        }
        assert!(round < 6, "{}", compiled.stderr);
        let mut errors: Vec<Vec<String>> = inputs.iter().map(|_| Vec::new()).collect();
        for line in compiled.stderr.lines() {
            let message: serde_json::Value = serde_json::from_str(line).unwrap();
            let spans = message["spans"].as_array().unwrap();
            let primary = spans.iter().find(|it| it["is_primary"] == true);
            let (Some(primary), Some("error")) = (primary, message["level"].as_str()) else {
                continue;
            };
            let at = usize::try_from(primary["line_start"].as_u64().unwrap()).unwrap();
            let input = starts.partition_point(|start| *start <= at) - 1;
            errors[input].push(message["message"].to_string());
        }
        assert!(
            errors.iter().any(|it| !it.is_empty()),
            "{}",
            compiled.stderr
        );
        for (input, errors) in inputs.iter().zip(&errors) {
            let text = &input.text;
            assert!(errors.len() <= 1, "({text}): {errors:#?}");
            assert!(!input.complete || errors.is_empty(), "({text}): {errors:?}");
        }
        let mut errors = errors.into_iter();
        inputs.retain(|_| errors.next().unwrap().is_empty());
    }
    unreachable!()
}

/// Each half-written attribute has one error, and the callers of its function have none.
#[test]
fn a_half_written_attribute() {
    let head = "
        use mongo_lock_runtime::{Error, LockClient, Outcome, distributed_lock, lock_names};
        use std::time::Duration;
        pub const NAME: &str = \"name\";
        pub const TTL: Duration = Duration::from_secs(60);
        pub const WAIT: Duration = Duration::from_secs(1);
        pub const PERMITS: u32 = 3;
        pub const REGION: &str = \"eu\";
        pub struct Config;
        impl Config { pub const TTL: Duration = TTL; pub const PERMITS: u32 = 2; }
        pub trait Named { const NAME: &str; const TTL: Duration; }
        impl Named for u8 { const NAME: &str = \"u8\"; const TTL: Duration = crate::TTL; }
    \n";
    let inputs = half_written("attributes.txt", ",", |n, args| {
        format!(
            "mod m{n} {{
                use super::*;
                lock_names! {{ pub mod locks {{ Report = \"report\", ttl = \"5m\"; }} }}
                #[distributed_lock({args})]
                pub async fn job(
                    id: u32, queue: &str, lease: Duration, clients: &[LockClient],
                ) -> Result<u32, Error> {{ Ok(id) }}
                pub async fn caller() -> Result<u32, Error> {{
                    let outcome: Outcome<u32> = job(1, \"q\", TTL, &[]).await?;
                    Ok(outcome.executed().unwrap_or_default())
                }}
            }}\n"
        )
    });
    let count = at_most_one_error_each("attributes", head, inputs);
    assert!(count > 690, "{count}");
}

/// Each half-written declaration has one error, and the functions that name its locks have none.
#[test]
fn a_half_written_declaration() {
    let head = "
        use mongo_lock_runtime::{Error, Outcome, distributed_lock, lock_names};
        use std::time::Duration;
        pub const TTL: Duration = Duration::from_secs(60);
    \n";
    let inputs = half_written("declarations.txt", ";", |n, declaration| {
        let uses = ["Report", "Import", "CleanUp", "Other"].into_iter();
        let uses = uses.filter(|lock| declaration.contains(lock)).map(|lock| {
            format!(
                "#[distributed_lock(name = locks::{lock}, ttl = \"1m\", renew)]
                 pub async fn use_{lock}() -> u32 {{ 1 }}\n"
            )
        });
        let uses: String = uses.collect();
        format!(
            "mod m{n} {{
                use super::*;
                lock_names! {{ pub mod locks {{ {declaration} }} }}
                {uses}
            }}\n"
        )
    });
    let count = at_most_one_error_each("declarations", head, inputs);
    assert!(count > 230, "{count}");
}

/// No lint finds fault with an expansion.
#[test]
fn accepted_by_clippy() {
    let out = out();
    let files = files_in("tests/ui/clippy");
    let complaints = in_parallel(&files, |file| {
        let compiled = compile(&ARTIFACTS, file, Until::Linted, out.path());
        if compiled.ok && compiled.stderr.is_empty() {
            return Ok(());
        }
        Err(format!("{}: {}", file.display(), compiled.stderr))
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    assert!(!files.is_empty());
}

/// The dependency under another name: found in the manifest, and one error where it is not.
#[test]
fn a_renamed_dependency() {
    let out = out();
    let file = out.path().join("renamed.rs");
    let source = "
        use other_name::{Error, Outcome, distributed_lock, lock_names};
        lock_names! { mod locks { Report = \"report\", ttl = \"5m\"; } }
        #[distributed_lock(name = locks::Report)] async fn declared() -> Result<u32, Error> { Ok(1) }
        #[distributed_lock(name = \"job/{id:?}\", ttl = \"5m\", renew, wait = \"1s\")] async fn job(id: u32) {}
        async fn callers() -> Result<(), Error> {
            let _: Outcome<u32> = declared().await?;
            let _: Outcome<()> = job(1).await?;
            Ok(())
        }
        fn main() { drop(callers()); }
    ";
    fs::write(&file, source).unwrap();
    let renamed = ARTIFACTS.renamed("mongo_lock_runtime", "other_name");
    let compiled = |manifest: &str| {
        fs::write(out.path().join("Cargo.toml"), manifest).unwrap();
        compile_with(&renamed, &file, Until::Checked, out.path(), |command| {
            command.env("CARGO_MANIFEST_DIR", out.path());
        })
    };
    let named = compiled("[dependencies]\nother-name = { package = \"mongo-lock-runtime\" }");
    assert!(named.ok, "{}", named.stderr);
    // As with a facade, or another build tool. Each macro call has one error.
    let unknown = compiled("[dependencies]\nfacade = \"1\"");
    let errors: Vec<&str> = unknown
        .stderr
        .lines()
        .filter(|it| it.starts_with("error"))
        .collect();
    let expected = "error[E0433]: cannot find `mongo_lock_runtime` in the crate root";
    let (sum, errors) = errors.split_last().unwrap();
    assert!(sum.starts_with("error: aborting"), "{}", unknown.stderr);
    assert!(
        errors.iter().all(|it| *it == expected),
        "{}",
        unknown.stderr
    );
    assert!(errors.len() <= 3, "{}", unknown.stderr);
    assert!(!unknown.stderr.contains("std::"), "{}", unknown.stderr);
}
