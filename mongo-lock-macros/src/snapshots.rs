//! Readable expansions: one file each in `snapshots/`.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p mongo-lock-macros` writes them anew; review the difference.

#![allow(clippy::needless_raw_string_hashes)] // they quote code

use std::{env, fs, path::PathBuf};

use proc_macro2::TokenStream;
use syn::parse::Parser as _;

use crate::{annotate, declare::declare};

/// The path that every expansion names, shortened in the snapshots.
const PRIVATE: &str = ":: mongo_lock_runtime :: __private";

fn check(name: &str, input: &str, output: &TokenStream) {
    let output = output.to_string().replace(PRIVATE, "rt");
    let file = syn::parse_file(&output).unwrap_or_else(|error| panic!("{name}: {error}"));
    let output = prettyplease::unparse(&file);
    let input: String = input
        .lines()
        .map(|line| format!("// {line}").trim_end().to_owned() + "\n")
        .collect();
    let private = PRIVATE.replace(' ', "");
    let text = format!("{input}\n// with `rt` for `{private}`:\n\n{output}");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("snapshots/{name}.rs"));
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{} differs from the expansion; with UPDATE_SNAPSHOTS=1 this test writes it anew:\n\n{text}",
        path.display()
    );
}

/// Checks the snapshot of an annotated function.
fn function(name: &str, source: &str) {
    let split = |input: syn::parse::ParseStream<'_>| {
        let attr = input.call(syn::Attribute::parse_outer)?.remove(0);
        let args: TokenStream = attr.parse_args()?;
        Ok((args, input.parse::<TokenStream>()?))
    };
    let (args, item) = split.parse_str(source).unwrap();
    check(name, source, &annotate(args, item));
}

#[test]
fn literal_and_unit() {
    function(
        "literal",
        r#"#[distributed_lock(name = "clean-up", ttl = "5m")]
async fn clean_up() {
    println!("cleaning up");
}"#,
    );
}

#[test]
fn arguments_of_a_method() {
    function(
        "method",
        r#"#[distributed_lock(name = "report", ttl = "1h30m", client = &self.locks)]
pub async fn report(&self, mut day: Date, (a, b): Pair, _: u32, _unused: u32) -> Result<Report, JobError> {
    day.add(a)?;
    Ok(b)
}"#,
    );
}

#[test]
fn every_term() {
    function(
        "terms",
        r#"#[distributed_lock(
    name = "import",
    ttl = "30s",
    renew,
    max_hold = "4h",
    min_hold = HOLD,
    on_lost = "continue",
    wait = "10s",
    permits = PERMITS,
    shared = false,
    reuse
)]
async fn import() -> Result<Outcome<u32>, Error> {
    Ok(Outcome::Executed(1))
}"#,
    );
}

#[test]
fn template() {
    function(
        "template",
        r#"#[distributed_lock(name = "invoice/{id:03}/{REGION}", ttl = "1m")]
async fn pay(id: u32, amount: u64) -> u64 {
    amount
}"#,
    );
}

#[test]
fn constant_and_declared() {
    function(
        "constant",
        r#"#[distributed_lock(name = m::NAME, ttl = TTL)]
async fn job() {}"#,
    );
    function(
        "declared",
        r#"#[distributed_lock(name = locks::Import, max_hold = "1h")]
async fn import() {}"#,
    );
    function(
        "reused",
        r#"#[distributed_lock(name = locks::Import, ttl = "1m", reuse)]
async fn import() {}"#,
    );
}

#[test]
fn names_that_depend_on_the_call() {
    function(
        "associated",
        r#"#[distributed_lock(name = Self::NAME, ttl = "1m")]
async fn job(&self) {}"#,
    );
    function(
        "argument",
        r#"#[distributed_lock(name = queue, ttl = lease)]
async fn drain(queue: &str, lease: Duration) {}"#,
    );
}

#[test]
fn async_trait() {
    function(
        "async_trait",
        r#"#[distributed_lock(name = "job", ttl = "1m", client = &self.locks)]
fn run<'life0, 'async_trait>(
    &'life0 self,
) -> Pin<Box<dyn Future<Output = Result<Outcome<u32>, Error>> + Send + 'async_trait>>
where
    'life0: 'async_trait,
    Self: 'async_trait,
{
    Box::pin(async move {
        let __self = self;
        let __ret: Result<Outcome<u32>, Error> = { Ok(Outcome::Executed(__self.n)) };
        __ret
    })
}"#,
    );
}

#[test]
fn a_faulty_argument() {
    function(
        "faulty",
        r#"#[distributed_lock(name = "nightly report", ttl = "5min")]
async fn report(day: Date) -> u32 {
    7
}"#,
    );
}

#[test]
fn declaration() {
    let source = r#"/// What this service locks.
pub mod locks {
    /// Once a night.
    NightlyReport = "nightly-report", ttl = "5m";
    Import = "import", ttl = TTL, renew;
}"#;
    check("lock_names", source, &declare(source.parse().unwrap()));
}

/// The output of `#[tokio::test]`, which is expanded before an attribute below it. Not a case of
/// `tests/ui`, where no tests are compiled.
#[test]
fn below_tokio_test_the_error_says_what_to_do() {
    let item = r#"#[::core::prelude::v1::test]
fn job() {
    let body = async { assert!(true); };
    tokio::pin!(body);
    return tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body);
}"#;
    let args = r#"name = "job", ttl = "5m""#.parse().unwrap();
    let output = annotate(args, item.parse().unwrap()).to_string();
    assert!(
        output.contains("`#[tokio::test]` has made this function synchronous; move"),
        "{output}"
    );
}

/// `#[case]` is for rstest, which reads the arguments; a lint level and a condition are for the binding too.
#[test]
fn an_attribute_of_another_macro_stays_at_the_argument() {
    let item = "async fn job(#[case] n: u8, #[allow(x)] #[future] m: u8, #[cfg(c)] (a, b): P) {}";
    let args = r#"name = "job/{n}", ttl = "5m""#.parse().unwrap();
    let output = annotate(args, item.parse().unwrap()).to_string();
    for (attribute, count) in [("case", 1), ("future", 1), ("allow (x)", 2), ("cfg (c)", 3)] {
        let attribute = format!("# [{attribute}]");
        assert_eq!(output.matches(&attribute).count(), count, "{output}");
    }
}
