//! The ledger of a process about itself: one line per event, in a file of its own.
//!
//! Each line is one `write` to a file opened for appending, without a buffer in between: what was
//! written before a SIGKILL is there afterwards, since the kernel has it.
//!
//! A line is `<time> <kind> <key>=<value> …`; the value of `text`, always last, may have spaces.

use std::{
    fmt,
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use anyhow::{Context as _, Result};

use super::clock::{Micros, now, seconds};

pub(crate) const EXTENSION: &str = "ledger";

/// A ledger to write to.
#[derive(Debug)]
pub(crate) struct Ledger(File);

impl Ledger {
    /// `name` is the process's label, and the name of the file.
    pub(crate) fn create(folder: &Path, name: &str) -> Result<Self> {
        let path = path(folder, name);
        let file = File::options().create_new(true).append(true).open(&path);
        Ok(Self(file.context("creating a ledger")?))
    }

    /// Writes a line, and gives its time.
    ///
    /// # Panics
    ///
    /// When the line cannot be written: a run without evidence must not go on.
    pub(crate) fn write(&self, kind: &str, fields: fmt::Arguments<'_>) -> Micros {
        let at = now();
        self.write_at(at, kind, fields);
        at
    }

    pub(crate) fn write_at(&self, at: Micros, kind: &str, fields: fmt::Arguments<'_>) {
        let line = format!("{at} {kind} {fields}").replace('\n', " ") + "\n";
        if let Err(error) = (&self.0).write_all(line.as_bytes()) {
            panic!("the ledger cannot be written: {error}");
        }
    }
}

/// A line that was read.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) at: Micros,
    /// The label of the process that wrote it.
    pub(crate) by: Arc<str>,
    pub(crate) kind: String,
    fields: String,
}

impl Line {
    pub(crate) fn parse(by: &Arc<str>, line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ');
        Some(Self {
            at: parts.next()?.parse().ok()?,
            by: Arc::clone(by),
            kind: parts.next()?.to_owned(),
            fields: parts.next()?.to_owned(),
        })
    }

    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        let mut rest = self.fields.as_str();
        while let Some((name, after)) = rest.split_once('=') {
            if name == "text" {
                return (key == "text").then_some(after);
            }
            let (value, next) = after.split_once(' ').unwrap_or((after, ""));
            if name == key {
                return Some(value);
            }
            rest = next;
        }
        None
    }

    pub(crate) fn text(&self, key: &str) -> Result<&str> {
        self.find(key)
            .with_context(|| format!("`{key}` is missing in: {self}"))
    }

    pub(crate) fn number<T: FromStr>(&self, key: &str) -> Result<T> {
        self.text(key)?
            .parse()
            .ok()
            .with_context(|| format!("`{key}` cannot be read in: {self}"))
    }

    /// For people: times count from `start`.
    pub(crate) fn show(&self, start: Micros) -> String {
        let at = seconds(self.at - start);
        format!("{at:>10}  {:<6} {} {}", self.by, self.kind, self.fields)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            by,
            kind,
            fields,
            ..
        } = self;
        write!(f, "{by}: {at} {kind} {fields}")
    }
}

/// The lines of one process, in the order in which it wrote them. One that a SIGKILL cut off is left
/// out.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Vec<Line>> {
    let text = match fs::read_to_string(path(folder, name)) {
        // It was killed before it began.
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        result => result.context("reading a ledger")?,
    };
    let by = Arc::from(name);
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| Line::parse(&by, line).with_context(|| format!("ledger of {name}: {line}")))
        .collect()
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{EXTENSION}"))
}
