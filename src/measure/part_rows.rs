//! The file of simulated parts, `predicted-parts.csv`: where the time of requests goes by the model, one row for each of a simulated run.
//!
//! Owns the columns, and how many rows are kept: when there are too many, every other one goes, so that what is left is spread over the whole
//! run. Refuses files (`command` writes and reads them). A row is of an admitted attempt after the warm-up.
//!
//! Columns: `session`, `seq`, `attempt` (which step of the script), `series` (its name), `total_ns` (from the first byte written to the end),
//! `network_ns`, `gateway_ns`, `authorizer_ns`, `integration_ns`; a part that a request does not have is empty.

use std::collections::BTreeMap;
use std::io::Write as _;

use sluicegate_policy::time::{Instant, Span};

use crate::traffic::SeriesId;

use super::Record;
use super::csv_line;
use super::parts::{Known, Part, Parts};
use super::sample::Sample;

/// The first line of the file, without its line end.
pub const HEADER: &str = "session,seq,attempt,series,total_ns,network_ns,gateway_ns,authorizer_ns,integration_ns";
/// Values in a line.
const COLUMNS: usize = 9;
/// Most rows that are kept.
const ROWS_MAX: usize = 1 << 17;

/// One simulated attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRow {
    /// Session, step and attempt.
    pub step: (u32, u32, u8),
    /// Where it is counted.
    pub series: SeriesId,
    /// Where its time went.
    pub parts: Parts,
}

/// Keeps the parts of a simulated run, thinned evenly.
#[derive(Clone, Debug, Default)]
pub struct PartRows {
    warmup: Span,
    rows: Vec<PartRow>,
    /// One of so many is kept, as a power of two.
    stride_log2: u32,
    seen: u64,
}

impl PartRows {
    /// Of a run of which so much of the beginning is left out.
    pub fn new(warmup: Span) -> Self {
        Self { warmup, ..Self::default() }
    }

    /// What is kept.
    pub fn rows(&self) -> &[PartRow] {
        &self.rows
    }

    /// Leaves out these series: those that the model does not predict.
    pub fn leave_out(&mut self, series: &[SeriesId]) {
        self.rows.retain(|row| !series.contains(&row.series));
    }

    /// The file; `series` are the names of all series, in the order of their ids.
    pub fn write(&self, series: &[String]) -> Vec<u8> {
        let mut out = Vec::from(HEADER.as_bytes());
        out.push(b'\n');
        for PartRow { step: (session, seq, attempt), series: id, parts } in &self.rows {
            write!(out, "{session},{seq},{attempt},").expect("a vector takes everything");
            csv_line::push(series.get(usize::from(id.0)).map_or("", String::as_str), &mut out);
            write!(out, ",{}", parts.total.as_ns()).expect("a vector takes everything");
            for part in Part::ALL {
                out.push(b',');
                if let Some(known) = parts.of(part) {
                    write!(out, "{}", known.value.as_ns()).expect("a vector takes everything");
                }
            }
            out.push(b'\n');
        }
        out
    }
}

impl Record for PartRows {
    fn on_sample(&mut self, _: &Sample) {}

    fn on_parts(&mut self, sample: &Sample, parts: &Parts) {
        if sample.status == 429 || sample.intended.since(Instant::ZERO) < self.warmup {
            return;
        }
        if self.seen.is_multiple_of(1 << self.stride_log2) {
            if self.rows.len() == ROWS_MAX {
                let mut at = 0_usize;
                self.rows.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.stride_log2 += 1;
            }
            if self.seen.is_multiple_of(1 << self.stride_log2) {
                let step = (sample.session, sample.seq, sample.attempt);
                self.rows.push(PartRow { step, series: sample.series, parts: *parts });
            }
        }
        self.seen += 1;
    }
}

/// Reads the file's lines but for its first; `None` at a line that is none of it.
pub fn read(text: &str, series: &[String]) -> Option<Vec<PartRow>> {
    let ids: BTreeMap<&str, SeriesId> = series.iter().map(String::as_str).zip((0..=u16::MAX).map(SeriesId)).collect();
    text.lines().skip(1).map(|line| row(line, &ids)).collect()
}

fn row(line: &str, ids: &BTreeMap<&str, SeriesId>) -> Option<PartRow> {
    let values: [_; COLUMNS] = csv_line::split(line)?.try_into().ok()?;
    let number = |at: usize| values[at].parse::<u64>().ok();
    let narrow = |at: usize| number(at).and_then(|n| u32::try_from(n).ok());
    // Empty is absent, and anything else a number.
    if (5..COLUMNS).any(|at| !values[at].is_empty() && number(at).is_none()) {
        return None;
    }
    let part = |at: usize| number(at).map(|ns| Known::exactly(Span::from_ns(ns)));
    let parts =
        Parts { total: Span::from_ns(number(4)?), network: part(5), gateway: part(6), authorizer: part(7), integration: part(8) };
    let step = (narrow(0)?, narrow(1)?, u8::try_from(number(2)?).ok()?);
    Some(PartRow { step, series: *ids.get(&*values[3])?, parts })
}

#[cfg(test)]
mod tests {
    use super::super::scripted::answered;
    use super::*;

    fn parts(ns: u64) -> Parts {
        Parts::exact(
            Span::from_ns(ns + 30),
            Span::from_ns(ns + 20),
            ns.is_multiple_of(2).then(|| Span::from_ns(5)),
            Some(Span::from_ns(ns)),
        )
    }

    #[test]
    fn rows_read_back_as_they_were_written() {
        let series = vec!["GET /a".to_owned(), "a, \"b\"".to_owned()];
        let mut rows = PartRows::new(Span::from_secs(1));
        for n in 0..10 {
            rows.on_parts(
                &Sample { session: n, ..answered(0.5 + f64::from(n), 1.0).of_series((n % 2) as u16) },
                &parts(u64::from(n)),
            );
        }
        rows.on_parts(&answered(5.0, 1.0).status(429), &parts(3));
        assert_eq!(rows.rows().len(), 9, "the warm-up and what was throttled are left out");
        let text = String::from_utf8(rows.write(&series)).unwrap();
        assert_eq!(read(&text, &series).as_deref(), Some(rows.rows()));
        assert_eq!(read(&text.replace("GET /a", "GET /z"), &series), None);
    }

    #[test]
    fn a_long_run_is_thinned_evenly() {
        let mut rows = PartRows::new(Span::ZERO);
        let all = ROWS_MAX as u32 * 5;
        for n in 0..all {
            rows.on_parts(&Sample { session: n, ..answered(1.0, 1.0) }, &parts(1));
        }
        let sessions: Vec<u32> = rows.rows().iter().map(|row| row.step.0).collect();
        assert!((ROWS_MAX / 2..=ROWS_MAX).contains(&sessions.len()), "{}", sessions.len());
        assert!(sessions.windows(2).all(|pair| pair[1] - pair[0] == 8), "every eighth is kept");
        assert!(sessions.last().is_some_and(|last| *last > all - 9));
    }
}
