//! The lines of a holder about its lease, and those of other callers about theirs.

use std::sync::Arc;

use anyhow::Result;

use super::{
    super::{
        clock::{MILLISECOND, Micros},
        ledger::Line,
    },
    Span,
};

/// One lease, as its holder saw it.
#[derive(Debug, Clone)]
#[allow(
    clippy::struct_field_names,
    clippy::struct_excessive_bools,
    reason = "the words of the library"
)]
pub(crate) struct Hold {
    pub(crate) by: Arc<str>,
    pub(crate) name: String,
    pub(crate) token: i64,
    /// By the server's clock.
    pub(crate) acquired_at: Micros,
    /// Before the call that acquired it.
    pub(crate) asked: Micros,
    pub(crate) ttl: Micros,
    /// The longest that one request could make it last.
    pub(crate) longest: Micros,
    pub(crate) renew: bool,
    pub(crate) max_hold: Micros,
    pub(crate) min_hold: Micros,
    /// Whether the lease is that of a reader.
    pub(crate) shared: bool,
    /// Whether the caller waited for its turn.
    pub(crate) waited: bool,
    pub(crate) extended: bool,
    /// All that its body wrote, in order. In the first, it began.
    pub(crate) lines: Vec<Line>,
    /// The latest end of the lease that its body was told, and the line in which.
    pub(crate) relied: (Micros, usize),
    /// The end of the body, in whatever way; never, when its process was killed.
    pub(crate) ended: Option<Micros>,
}

impl Hold {
    pub(super) fn begin(line: Line, asked: Asked) -> Result<Self> {
        Ok(Self {
            by: Arc::clone(&line.by),
            name: line.text("name")?.to_owned(),
            token: line.number("token")?,
            acquired_at: line.number("acquired_at")?,
            asked: asked.at,
            waited: asked.waits,
            shared: line.find("shared") == Some("true"),
            ttl: line.number("ttl")?,
            longest: line.number("longest")?,
            renew: line.number("renew")?,
            max_hold: line.number("max_hold")?,
            min_hold: line.number("min_hold")?,
            extended: false,
            relied: (line.at + line.number::<Micros>("left")?, 0),
            lines: vec![line],
            ended: None,
        })
    }

    /// Takes the lines that the body itself wrote.
    pub(super) fn add(&mut self, line: Line) -> Result<()> {
        match line.kind.as_str() {
            "ended" => self.ended = Some(line.at),
            "extended" => self.extended = true,
            "step" | "wrote" | "blocks" | "blocked" => {}
            _ => return Ok(()),
        }
        let left: Micros = line.number("left")?;
        // With nothing left, it ended at some time before.
        if left > 0 && line.at + left > self.relied.0 {
            self.relied = (line.at + left, self.lines.len());
        }
        self.lines.push(line);
        Ok(())
    }

    pub(crate) fn began(&self) -> &Line {
        &self.lines[0]
    }

    /// From when it began to when the other one did.
    pub(crate) fn until(&self, next: &Self) -> Span {
        Span {
            from: self.acquired_at,
            to: next.acquired_at + MILLISECOND,
        }
    }

    /// The end of the lease as the server granted it, without later renewals.
    pub(crate) fn granted(&self) -> Micros {
        self.acquired_at + self.ttl
    }

    /// The safety margin that the library states: a fifth of the ttl, at most a second.
    pub(crate) fn margin(&self) -> Micros {
        (self.ttl / 5).min(1_000_000)
    }
}

/// A call before it has an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) at: Micros,
    pub(super) waits: bool,
    pub(super) shared: bool,
}

/// A call that was skipped, and what it was told.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) name: String,
    /// Before the call.
    pub(crate) asked: Micros,
    pub(crate) holder: Arc<str>,
    pub(crate) token: i64,
    pub(crate) since: Micros,
    pub(crate) until: Micros,
    /// Whether the call was told of the next waiter, which had no lease yet.
    pub(crate) waiting: bool,
    /// Whether the call waited, in vain.
    pub(crate) waited: bool,
    /// Whether the call was a reader's.
    pub(crate) shared: bool,
    pub(crate) line: Line,
}

impl Refusal {
    pub(super) fn new(line: Line, asked: Asked) -> Result<Self> {
        Ok(Self {
            name: line.text("name")?.to_owned(),
            asked: asked.at,
            waited: asked.waits,
            shared: asked.shared,
            waiting: line.find("waiting") == Some("true"),
            holder: line.text("holder")?.into(),
            token: line.number("token")?,
            since: line.number("since")?,
            until: line.number("until")?,
            line,
        })
    }
}

/// A fenced write, of which its writer knows what came.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) name: String,
    pub(crate) token: i64,
    pub(crate) id: String,
    pub(crate) line: Line,
}

impl Write {
    pub(super) fn new(hold: &Hold, line: Line) -> Result<Self> {
        Ok(Self {
            name: hold.name.clone(),
            token: hold.token,
            id: line.text("write")?.to_owned(),
            line,
        })
    }
}
