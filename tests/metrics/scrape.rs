//! A scrape: over HTTP, taken apart as Prometheus does.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::LazyLock,
    thread,
};

use tokio::{net::TcpListener, runtime};

use crate::exporter;

/// The exporter of this process.
static EXPORTER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let handle = exporter::install();
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            exporter::serve(listener, handle).await
        })
    });
    address
});

/// Has the exporter there before the first client.
pub(crate) fn start() {
    LazyLock::force(&EXPORTER);
}

/// One row of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// All rows that the exporter gives now.
#[derive(Debug)]
pub(crate) struct Scrape(pub(crate) Vec<Sample>);

impl Scrape {
    pub(crate) fn now() -> Self {
        let mut stream = TcpStream::connect(*EXPORTER).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let rows = body.lines().filter(|line| !line.is_empty());
        Self(rows.filter_map(sample).collect())
    }

    /// The rows of a metric that have these labels, perhaps with others.
    pub(crate) fn rows(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let has = |row: &Sample| {
            labels
                .iter()
                .all(|(key, value)| row.labels.get(*key).is_some_and(|it| it == value))
        };
        let rows = self.0.iter().filter(|row| row.name == name);
        rows.filter(|row| has(row)).collect()
    }

    /// The value of the only row with these labels.
    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        match &self.rows(name, labels)[..] {
            [row] => row.value,
            other => panic!("not one {name} {labels:?}: {other:?}"),
        }
    }
}

/// `name{label="value",…} 1`
fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (row, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = row.split_once('{').unwrap_or((row, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    let pairs = labels.split("\",").filter(|pair| !pair.is_empty());
    let labels = pairs.map(|pair| {
        let (key, value) = pair.split_once("=\"").unwrap();
        (key.to_owned(), value.trim_end_matches('"').to_owned())
    });
    Some(Sample {
        name: name.to_owned(),
        labels: labels.collect(),
        value: value.parse().unwrap(),
    })
}
