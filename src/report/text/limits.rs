//! How much of each of the gateway's limits was used, and which of them is the bottleneck.
//!
//! Owns the table, and the word for the limit that is reached first. Refuses to measure. Called by [`super::report`].

use crate::measure::record::{LimitRecord, RunRecord, UseRecord};

use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{ABSENT, count, share};

/// More limits than this are left to `run.json`.
const SHOWN_MAX: usize = 12;
/// A limit that is used less than this, and refuses nothing, is no bottleneck.
const BOTTLENECK_SHARE: f64 = 0.5;

/// Title, and what stands below it.
type Column = (&'static str, fn(&LimitRecord) -> String);

/// From the most important to the least: on a narrow page the last go first.
const COLUMNS: [Column; 7] = [
    ("used", |it| of(it.observed.as_ref(), |used| share(used.share))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| share(used.share))),
    ("of", |it| whole(it.limit)),
    ("refused", |it| of(it.observed.as_ref(), |used| count(used.refused))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| count(used.refused))),
    ("peak", |it| of(it.observed.as_ref(), peak)),
    ("(model)", |it| of(it.predicted.as_ref(), peak)),
];
const COLUMNS_MIN: usize = 2;

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    if record.limits.is_empty() {
        return;
    }
    page.heading("Limits (used: in the mean, of what there is)");
    let mut limits: Vec<&LimitRecord> = record.limits.iter().collect();
    limits.sort_by(|one, other| used(other).share.total_cmp(&used(one).share));
    let bottleneck = limits.iter().max_by(|one, other| tightness(one).total_cmp(&tightness(other)));
    let bottleneck = bottleneck.filter(|limit| tightness(limit) >= BOTTLENECK_SHARE).map(|limit| limit.name.clone());
    let shown = &limits[..limits.len().min(SHOWN_MAX)];
    let mut columns = &COLUMNS[..];
    while columns.len() > COLUMNS_MIN && !page.fits(&table(shown, columns)) {
        columns = &columns[..columns.len() - 1];
    }
    let table = table(shown, columns);
    page.table(&table);
    if limits.len() > SHOWN_MAX {
        page.paragraph(2, Tone::Faint, &format!("{} more in run.json", count((limits.len() - SHOWN_MAX) as u64)));
    }
    match bottleneck {
        Some(name) => page.paragraph(2, Tone::Plain, &format!("The bottleneck is {name}: of all limits it is the nearest.")),
        None => page.paragraph(2, Tone::Faint, "No limit is near."),
    }
}

fn table(limits: &[&LimitRecord], columns: &[Column]) -> Table {
    let mut table = Table::new(std::iter::once("<limit").chain(columns.iter().map(|(title, _)| *title)).collect());
    for limit in limits {
        let cells = columns.iter().map(|(_, text)| Cell::from(text(limit)));
        table.row(std::iter::once(Cell::from(&limit.name)).chain(cells).collect());
    }
    table
}

fn of(used: Option<&UseRecord>, text: fn(&UseRecord) -> String) -> String {
    used.map_or_else(|| ABSENT.to_owned(), text)
}

fn peak(used: &UseRecord) -> String {
    used.peak.map_or_else(|| ABSENT.to_owned(), count)
}

/// What is known of its use: what was observed, else what is predicted.
fn used(limit: &LimitRecord) -> UseRecord {
    limit.observed.or(limit.predicted).unwrap_or_default()
}

/// One that said no was reached, whatever it was in the mean.
fn tightness(limit: &LimitRecord) -> f64 {
    let used = used(limit);
    if used.refused > 0 { 1.0 + used.share } else { used.share }
}

fn whole(limit: f64) -> String {
    if limit.is_finite() { count(limit.round() as u64) } else { ABSENT.to_owned() }
}
