//! The dashboard and the alerts of `examples/observability` name what is exported, and the documentation has all of
//! it.

use std::{collections::BTreeSet, fs, path::Path};

use mongo_lock_runtime::{LockClient, LockSpec, distributed_lock, observe::Metrics};
use mongo_lock_testkit::Server;
use serde_json::Value;

use crate::{
    scrape::{self, Scrape},
    support::{acquire, eventually, ms, until},
};

#[distributed_lock(name = "nightly-report", ttl = "5m")]
async fn nightly_report() {}

/// A scrape in which every metric has a row.
async fn full() -> Scrape {
    scrape::start();
    let db = Server::shared().await.database().await;
    let builder = LockClient::builder().uri(db.uri());
    let client = builder.observer(Metrics::new()).build().await.unwrap();
    assert!(client.scope(nightly_report()).await.unwrap().is_executed());
    let renewed = LockSpec::builder("renewed", ms(100)).renew(true).build();
    let guard = acquire(&client, &renewed.unwrap()).await;
    let lag = "mongo_lock_renewal_lag_seconds_count";
    let renewed = async || !Scrape::now().rows(lag, &[]).is_empty();
    eventually(until(renewed)).await;
    guard.release().await.unwrap();
    Scrape::now()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words of a text, with what stands before and after each.
fn words(text: &str) -> Vec<(&str, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_word) {
        let from = &rest[at..];
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        words.push((&from[..end], &from[end..]));
        rest = &from[end..];
    }
    words
}

/// A query's metrics, each with its matchers; and the labels by which it adds up.
struct Query {
    selectors: Vec<(String, Vec<(String, String)>)>,
    by: Vec<String>,
}

fn query(text: &str) -> Query {
    let mut query = Query {
        selectors: Vec::new(),
        by: Vec::new(),
    };
    for (word, after) in words(text) {
        let list = |open, close| {
            let list = after.trim_start().strip_prefix(open)?;
            Some(list.split_once(close)?.0)
        };
        if word.starts_with("mongo_lock_") {
            let matchers = list('{', '}').unwrap_or_default().split(',');
            let matchers = matchers.filter(|it| !it.is_empty()).map(|matcher| {
                let (label, value) = matcher.split_once('=').unwrap();
                let value = value.trim_matches(['~', '"']);
                (label.trim_end_matches('!').to_owned(), value.to_owned())
            });
            query.selectors.push((word.to_owned(), matchers.collect()));
        } else if word == "by" {
            let labels = list('(', ')').unwrap().split(',');
            query.by.extend(labels.map(|it| it.trim().to_owned()));
        }
    }
    query
}

/// Checks that a query, and the labels that its legend shows, are found in the scrape.
fn check(scrape: &Scrape, text: &str, shown: &[&str]) {
    let query = query(text);
    assert!(!query.selectors.is_empty(), "{text}");
    for (name, matchers) in &query.selectors {
        let rows = scrape.rows(name, &[]);
        assert!(!rows.is_empty(), "{name} is not exported: {text}");
        for (label, value) in matchers {
            let values: BTreeSet<_> = rows.iter().filter_map(|it| it.labels.get(label)).collect();
            assert!(!values.is_empty(), "{name} has no label {label}: {text}");
            // A variable of the dashboard is a text of its reader.
            let known = value.starts_with('$') || values.contains(value);
            assert!(known, "{label} of {name} is one of {values:?}: {text}");
        }
        for label in query.by.iter().map(String::as_str) {
            let has = rows.iter().any(|row| row.labels.contains_key(label));
            assert!(has, "{name} has no label {label}: {text}");
        }
    }
    for label in shown {
        assert!(
            query.by.iter().any(|by| by == label),
            "{label} is not there: {text}"
        );
    }
}

/// The labels in `{{lock}} {{outcome}}`, or in `{{ $labels.lock }}`.
fn shown(text: &str) -> Vec<&str> {
    let parts = text.split("{{").skip(1);
    let label = parts.filter_map(|part| Some(part.split_once("}}")?.0.trim()));
    label.map(|it| it.trim_start_matches("$labels.")).collect()
}

#[tokio::test]
async fn the_dashboard_shows_what_is_exported() {
    let scrape = full().await;
    let dashboard: Value =
        serde_json::from_str(&read("examples/observability/dashboard.json")).unwrap();
    let mut metrics = BTreeSet::new();
    let mut count = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let text = target["expr"].as_str().unwrap();
            check(
                &scrape,
                text,
                &shown(target["legendFormat"].as_str().unwrap()),
            );
            let selectors = query(text).selectors.into_iter();
            metrics.extend(selectors.map(|(name, _)| base(&name)));
            count += 1;
        }
    }
    assert!(count >= 15, "{count}");
    let variable = &dashboard["templating"]["list"][1];
    assert_eq!(variable["definition"], variable["query"]["query"]);
    let values = variable["definition"].as_str().unwrap();
    assert_eq!(values, "label_values(mongo_lock_acquisitions_total, lock)");
    // And all that is exported.
    assert_eq!(metrics, exported(&scrape));
}

#[tokio::test]
async fn the_alerts_ask_for_what_is_exported() {
    let scrape = full().await;
    let rules = read("examples/observability/alerts.yml");
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 8, "{}", alerts.len());
    for alert in alerts {
        let mut lines = alert.lines().map(str::trim);
        let text = lines.find_map(|line| line.strip_prefix("expr: ")).unwrap();
        check(&scrape, text, &shown(alert));
        assert!(
            alert.contains("severity: ") && alert.contains("summary: "),
            "{alert}"
        );
        // What the text of an alert names is there, too.
        for (word, _) in words(alert) {
            let is_metric = word.starts_with("mongo_lock_");
            assert!(!is_metric || !scrape.rows(word, &[]).is_empty(), "{word}");
        }
    }
}

#[tokio::test]
async fn the_documentation_has_each_metric() {
    let scrape = full().await;
    let page = read("mongo-lock-runtime/src/metrics/mod.rs");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("/// | `mongo_lock_"));
    let documented: BTreeSet<_> = rows
        .map(|row| {
            let (name, rest) = row.split_once('`').unwrap();
            let labels = rest.split('|').nth(2).unwrap();
            let mut labels: Vec<_> = words(labels).into_iter().map(|(word, _)| word).collect();
            labels.sort_unstable();
            let name = format!("mongo_lock_{name}");
            // Each row of the metric has these labels, and no other.
            let found = scrape.0.iter().find(|row| base(&row.name) == name);
            let found = found.unwrap_or_else(|| panic!("{name} is not exported"));
            let has = found.labels.keys().filter(|it| *it != "le");
            assert_eq!(has.collect::<Vec<_>>(), labels, "{name}");
            name
        })
        .collect();
    assert_eq!(documented, exported(&scrape));
}

/// The name of the metric, of which a histogram has several rows.
fn base(name: &str) -> String {
    let suffixes = ["_bucket", "_sum", "_count"];
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    base.unwrap_or(name).to_owned()
}

fn exported(scrape: &Scrape) -> BTreeSet<String> {
    let names = scrape.0.iter().map(|row| base(&row.name));
    names
        .filter(|name| name.starts_with("mongo_lock_"))
        .collect()
}
