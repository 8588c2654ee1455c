//! Each series (usually a route) in one line, the busiest first.
//!
//! Owns the table of series and which columns a narrow page keeps. Refuses all actions together. Called by [`super::report`].

use crate::measure::Outcome;
use crate::measure::record::{Quantiles, RunRecord, SeriesRecord};

use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{count, counted, duration_or_absent, share_of};

/// More series than this are left to `run.json`.
const SHOWN_MAX: usize = 20;

/// A series, and what the model said of it.
struct Pair<'a> {
    seen: &'a SeriesRecord,
    model: Option<&'a SeriesRecord>,
}

/// Title, and what stands below it.
type Column = (&'static str, fn(&Pair<'_>) -> String);

/// From the most important to the least: on a narrow page the last go first, but not the first three.
const COLUMNS: [Column; 7] = [
    ("count", |it| count(it.seen.count)),
    ("p50", |it| at(Some(it.seen), |q| q.p50_ns)),
    ("p95", |it| at(Some(it.seen), |q| q.p95_ns)),
    ("ok", |it| share_of(answered_well(it.seen), it.seen.count)),
    ("p99", |it| at(Some(it.seen), |q| q.p99_ns)),
    ("max", |it| at(Some(it.seen), |q| q.max_ns)),
    ("min", |it| at(Some(it.seen), |q| q.min_ns)),
];

/// The same, where there is a model to compare with.
const COLUMNS_BESIDE_MODEL: [Column; 8] = [
    ("count", |it| count(it.seen.count)),
    ("p50", |it| at(Some(it.seen), |q| q.p50_ns)),
    ("(model)", |it| at(it.model, |q| q.p50_ns)),
    ("p95", |it| at(Some(it.seen), |q| q.p95_ns)),
    ("(model)", |it| at(it.model, |q| q.p95_ns)),
    ("ok", |it| share_of(answered_well(it.seen), it.seen.count)),
    ("p99", |it| at(Some(it.seen), |q| q.p99_ns)),
    ("max", |it| at(Some(it.seen), |q| q.max_ns)),
];

const COLUMNS_MIN: usize = 3;

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    if record.series.is_empty() {
        return;
    }
    page.heading("Series (response time; ok: answered with a status below 400)");
    let mut pairs: Vec<Pair<'_>> = record.series.iter().map(|seen| Pair { seen, model: model_of(record, seen) }).collect();
    pairs.sort_by_key(|it| (std::cmp::Reverse(it.seen.count), &it.seen.name));
    let rows_max = page.rows_max(SHOWN_MAX);
    let shown = &pairs[..pairs.len().min(rows_max)];
    let mut columns: &[Column] = if record.predicted_series.is_empty() { &COLUMNS } else { &COLUMNS_BESIDE_MODEL };
    while columns.len() > COLUMNS_MIN && !page.fits(&table(shown, columns)) {
        columns = &columns[..columns.len() - 1];
    }
    page.table(&table(shown, columns));
    if pairs.len() > rows_max {
        let rest = counted((pairs.len() - rows_max) as u64, "more line");
        page.paragraph(2, Tone::Faint, &format!("{rest} in run.json"));
    }
}

fn table(pairs: &[Pair<'_>], columns: &[Column]) -> Table {
    let mut table = Table::new(std::iter::once("<series").chain(columns.iter().map(|(title, _)| *title)).collect());
    for pair in pairs {
        let cells = columns.iter().map(|(_, text)| Cell::from(text(pair)));
        table.row(std::iter::once(Cell::from(&pair.seen.name)).chain(cells).collect());
    }
    table
}

fn model_of<'a>(record: &'a RunRecord, seen: &SeriesRecord) -> Option<&'a SeriesRecord> {
    record.predicted_series.iter().find(|predicted| predicted.name == seen.name)
}

fn at(series: Option<&SeriesRecord>, pick: fn(&Quantiles) -> u64) -> String {
    duration_or_absent(series.and_then(|it| it.response_time.as_ref()).map(pick))
}

fn answered_well(series: &SeriesRecord) -> u64 {
    let answered = series.outcomes.iter().filter(|it| it.outcome == Outcome::Answered.as_str());
    // A message that was answered has no status, unless it was answered by an error.
    answered.filter(|it| it.status.is_none_or(|status| status < 400)).map(|it| it.count).fold(0, u64::saturating_add)
}
