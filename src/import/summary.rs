//! What became of a log: counted by line, by reason and by route.
//!
//! Owns [`Imported`], the value that a user reads and from which a profile is derived (`derive`). Refuses to print.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use super::parsed::Rejected;

/// Refused lines that are kept with their text; all are counted.
pub const REJECTED_KEPT: usize = 100;

/// Bytes of a refused line that are kept.
const EXCERPT_BYTES: usize = 120;

/// What an import did.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The log.
    pub source: PathBuf,
    /// The format it was read in.
    pub format: &'static str,
    /// Lines in it, empty ones too.
    pub lines: u64,
    /// Lines that became calls: as many entries has the trace.
    pub accepted: u64,
    /// Lines that are empty or about something else.
    pub skipped: u64,
    /// Lines that should be calls and cannot be read.
    pub rejected: Rejections,
    /// Lines whose time is before that of an earlier line.
    pub out_of_order: u64,
    /// First and last time as logged (be it start or end of a call): nanoseconds since 1970 UTC.
    pub stamps: (i64, i64),
    /// First and last arrival: nanoseconds since 1970 UTC.
    pub arrivals: (i64, i64),
    /// The coarsest stamp.
    pub resolution: Span,
    /// Different clients, at most [`CLIENTS_MAX`](super::CLIENTS_MAX).
    pub clients: u32,
    /// What a user should know.
    pub notes: Vec<String>,
    /// Each route; the order is that of the trace's series.
    pub series: Vec<SeriesStat>,
}

/// Refused lines.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    /// All of them.
    pub count: u64,
    /// By reason.
    pub by_reason: BTreeMap<Rejected, u64>,
    /// The first [`REJECTED_KEPT`].
    pub first: Vec<RejectedLine>,
}

/// A refused line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// Its number, from one.
    pub line: u64,
    /// Why.
    pub reason: Rejected,
    /// Its beginning, with what cannot be printed replaced.
    pub excerpt: String,
}

/// What the log says about one route.
#[derive(Clone, Debug)]
pub struct SeriesStat {
    /// Route key: `GET /orders/{id}`.
    pub name: String,
    /// Method of the key: one that a gateway knows, or `ANY`.
    pub method: &'static str,
    /// Path of the key.
    pub path: String,
    /// Calls.
    pub count: u64,
    /// Calls with a query.
    pub with_query: u64,
    /// Calls whose path has slashes at its ends that a REST API ignores and an HTTP API does not.
    pub with_slash: u64,
    /// Calls by method.
    pub methods: BTreeMap<String, u64>,
    /// Calls by status; those without one are in `count` only.
    pub statuses: BTreeMap<u16, u64>,
    /// Latencies in nanoseconds; empty if the log has none.
    pub latencies: Histogram<u64>,
    /// Length of all answers together.
    pub bytes: u64,
}

impl Imported {
    /// From the first arrival to the last.
    pub fn span(&self) -> Span {
        Span::from_ns(self.arrivals.1.abs_diff(self.arrivals.0))
    }

    /// From the first time as logged to the last.
    pub fn stamped_span(&self) -> Span {
        Span::from_ns(self.stamps.1.abs_diff(self.stamps.0))
    }

    /// Calls by status, over all routes.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        sums(self.series.iter().flat_map(|series| series.statuses.iter().map(|(status, count)| (*status, *count))))
    }

    /// Calls by method, over all routes.
    pub fn methods(&self) -> BTreeMap<String, u64> {
        sums(self.series.iter().flat_map(|series| series.methods.iter().map(|(method, count)| (method.clone(), *count))))
    }
}

fn sums<K: Ord>(counts: impl Iterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
    let mut sums = BTreeMap::new();
    for (key, count) in counts {
        *sums.entry(key).or_insert(0) += count;
    }
    sums
}

impl Rejections {
    /// Counts a refused line.
    pub(super) fn add(&mut self, line: u64, reason: Rejected, text: &[u8]) {
        self.count += 1;
        *self.by_reason.entry(reason).or_insert(0) += 1;
        if self.first.len() < REJECTED_KEPT {
            self.first.push(RejectedLine { line, reason, excerpt: excerpt(text) });
        }
    }

    /// The most frequent reason, and the first line that is known to be refused for it.
    pub(super) fn most_frequent(&self) -> Option<&RejectedLine> {
        let (reason, _) = self.by_reason.iter().max_by_key(|(_, count)| **count)?;
        self.first.iter().find(|line| line.reason == *reason).or(self.first.first())
    }
}

/// The beginning of a line that may be printed.
pub(super) fn excerpt(text: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&text[..text.len().min(EXCERPT_BYTES)]);
    let mut shown: String = shown.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.len() > EXCERPT_BYTES {
        shown.push_str("...");
    }
    shown
}

impl SeriesStat {
    pub(super) fn new(name: String, method: &'static str, path: String) -> Self {
        // 1 us to 24 h at three digits, as the recorder's; it grows only as far as the values go.
        let mut latencies = Histogram::new_with_bounds(1_000, 2_000, 3).expect("the bounds are legal");
        latencies.auto(true);
        let (methods, statuses) = (BTreeMap::new(), BTreeMap::new());
        Self { name, method, path, count: 0, with_query: 0, with_slash: 0, methods, statuses, latencies, bytes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_lines_are_all_counted_and_the_first_are_kept() {
        let mut rejections = Rejections::default();
        for line in 1..=250 {
            rejections.add(line, if line == 1 { Rejected::Nul } else { Rejected::NoMatch }, b"a\x1b[31m\xff");
        }
        assert_eq!((rejections.count, rejections.first.len()), (250, REJECTED_KEPT));
        assert_eq!(rejections.by_reason[&Rejected::NoMatch], 249);
        assert_eq!(rejections.most_frequent().map(|line| line.line), Some(2));
        assert_eq!(rejections.first[0].excerpt, "a\u{fffd}[31m\u{fffd}");
    }
}
