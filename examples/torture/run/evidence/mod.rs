//! All ledgers of a run, put together: the leases of each holder, the refusals and their reasons, and the
//! faults that the parent caused.

mod hold;
mod process;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, Result};

use self::hold::Asked;
pub(crate) use self::{
    hold::{Hold, Refusal, Write},
    process::{Process, Span},
};
use super::{
    clock::Micros,
    ledger::{EXTENSION, Line, read},
};

/// The name of the ledger in which the parent writes what it does to others.
pub(crate) const FAULTS: &str = "faults";

#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// By label.
    pub(crate) processes: HashMap<Arc<str>, Process>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) writes: Vec<Write>,
    pub(crate) removals: Vec<Removal>,
    /// Of each slot: when what its workers sent could take so long to arrive.
    hung: HashMap<String, Vec<Span>>,
    /// The times in which a node was down, paused or stepping down, and its requests could take so long.
    troubles: Vec<Span>,
    /// Locks that no caller could take after their holder's death.
    pub(crate) stuck: Vec<Line>,
    /// Calls that failed in a way for which no fault is a reason.
    pub(crate) unexplained: Vec<Line>,
    /// The number of times that each kind of event happened.
    pub(crate) counts: BTreeMap<String, u64>,
    /// The time of the first line.
    pub(crate) start: Micros,
}

/// A lock document was deleted at some time in `span`, if not for certain.
#[derive(Debug, Clone)]
pub(crate) struct Removal {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// A removal that failed may still happen for so long.
const LATE_REMOVAL: Micros = 10_000_000;

impl Evidence {
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).context("reading the ledgers")? {
            let path = entry?.path();
            if path.extension().is_some_and(|known| known == EXTENSION) {
                let name = path.file_stem().context("it has a name")?;
                names.push(name.to_string_lossy().into_owned());
            }
        }
        names.sort();
        let ledgers = names.iter().map(|name| read(folder, name));
        Self::new(ledgers.collect::<Result<_>>()?)
    }

    /// One list of lines per ledger.
    pub(crate) fn new(ledgers: Vec<Vec<Line>>) -> Result<Self> {
        let times = ledgers.iter().flatten().map(|line| line.at);
        let mut evidence = Self {
            start: times.min().unwrap_or_default(),
            ..Self::default()
        };
        for lines in ledgers {
            if lines.first().is_some_and(|line| &*line.by == FAULTS) {
                for line in lines {
                    evidence.fault(&line)?;
                }
            } else {
                evidence.process(lines)?;
            }
        }
        Ok(evidence)
    }

    /// The last time, up to `at`, at which something that this process had sent could arrive.
    pub(crate) fn last_sent(&self, label: &str, at: Micros) -> Micros {
        let ran = self.processes.get(label).map_or(at, |it| it.last_ran(at));
        let late = [self.hung(label), &self.troubles].map(|spans| Span::end_after(spans, ran));
        late.into_iter().flatten().fold(ran, Micros::max)
    }

    /// Whether nothing was done, in all this time, to this process or to MongoDB.
    pub(crate) fn undisturbed(&self, label: &str, time: Span) -> bool {
        let runs = self.processes.get(label).is_none_or(|it| it.runs(time));
        let calm = |spans: &[Span]| !spans.iter().any(|span| span.overlaps(time));
        runs && calm(self.hung(label)) && calm(&self.troubles)
    }

    fn hung(&self, label: &str) -> &[Span] {
        let slot = label.split('.').next().unwrap_or_default();
        self.hung.get(slot).map_or(&[], Vec::as_slice)
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn fault(&mut self, line: &Line) -> Result<()> {
        let at = line.at;
        self.count(&line.kind);
        if let Some(label) = line.find("label") {
            self.processes.entry(label.into()).or_default().add(line);
            return Ok(());
        }
        match line.kind.as_str() {
            "hung" | "healed" => {
                self.count(&format!("{} {}", line.kind, line.text("by")?));
                let hung = self.hung.entry(format!("w{}", line.text("slot")?));
                Span::toggle(hung.or_default(), at, line.kind == "hung");
            }
            "trouble" | "calm" => {
                self.count(&format!("{} {}", line.kind, line.text("by")?));
                Span::toggle(&mut self.troubles, at, line.kind == "trouble");
            }
            "removed" => {
                let late = if line.number("ok")? { 0 } else { LATE_REMOVAL };
                let (from, to) = (line.number("from")?, at + late);
                self.removals.push(Removal {
                    name: line.text("name")?.to_owned(),
                    span: Span { from, to },
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn process(&mut self, lines: Vec<Line>) -> Result<()> {
        let mut asked = HashMap::new();
        // Of each call, the index of its lease.
        let mut holds = HashMap::new();
        for line in lines {
            self.count(&line.kind);
            match line.kind.as_str() {
                "stuck" => self.stuck.push(line.clone()),
                "finished" => {
                    let process = self.processes.entry(Arc::clone(&line.by)).or_default();
                    process.clean = line.text("clean")? == "true";
                }
                _ => {}
            }
            let Some(call) = line.find("call").map(str::to_owned) else {
                continue;
            };
            let asked_at = || {
                let asked = asked.get(&call).copied();
                asked.with_context(|| format!("it was never asked: {line}"))
            };
            match line.kind.as_str() {
                "asked" => {
                    let this = Asked {
                        at: line.at,
                        waits: line.find("waits") == Some("true"),
                        shared: line.find("job") == Some("Reads"),
                    };
                    asked.insert(call, this);
                }
                "began" => {
                    self.count(&format!("began {}", line.text("job")?));
                    let hold = Hold::begin(line.clone(), asked_at()?)?;
                    holds.insert(call, self.holds.len());
                    self.holds.push(hold);
                }
                "skipped" => {
                    let refusal = Refusal::new(line.clone(), asked_at()?)?;
                    self.refusals.push(refusal);
                }
                "failed" => {
                    let kind = line.text("kind")?.to_owned();
                    self.count(&format!("failed {kind}"));
                    if kind == "other" {
                        self.unexplained.push(line);
                    }
                }
                kind => {
                    let Some(index) = holds.get(&call) else {
                        continue;
                    };
                    let hold = &mut self.holds[*index];
                    if kind.starts_with("wrote") {
                        let write = Write::new(hold, line.clone())?;
                        let result = format!("write {}", line.text("result")?);
                        *self.counts.entry(result).or_default() += 1;
                        self.writes.push(write);
                    }
                    hold.add(line)?;
                }
            }
        }
        Ok(())
    }
}
