//! How much of each of the gateway's limits was used, which of them is the bottleneck, and how private links' targets fared.
//!
//! Owns the tables, and the word for the limit that is reached first. Refuses to measure. Called by [`super::report`].

use crate::measure::record::{LimitRecord, RunRecord, UseRecord};

use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{ABSENT, count, counted, share};

/// More limits than this are left to `run.json`.
const SHOWN_MAX: usize = 12;

/// Title, and what stands below it.
type Column = (&'static str, fn(&LimitRecord) -> String);

/// From the most important to the least: on a narrow page the last go first.
const COLUMNS: [Column; 7] = [
    ("used", |it| of(it.observed.as_ref(), in_the_mean)),
    ("(model)", |it| of(it.predicted.as_ref(), in_the_mean)),
    ("of", most),
    ("refused", |it| of(it.observed.as_ref(), |used| count(used.refused))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| count(used.refused))),
    ("peak", |it| of(it.observed.as_ref(), |used| number(used.peak))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| number(used.peak))),
];

/// The same of the targets of private links.
const TARGETS: [Column; 9] = [
    ("unhealthy", |it| of(it.observed.as_ref(), |used| number(used.unhealthy))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| number(used.unhealthy))),
    ("in flight", |it| of(it.observed.as_ref(), |used| number(used.peak))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| number(used.peak))),
    ("of", most),
    ("queue", |it| of(it.observed.as_ref(), |used| number(used.waiting_peak))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| number(used.waiting_peak))),
    ("refused", |it| of(it.observed.as_ref(), |used| count(used.refused))),
    ("(model)", |it| of(it.predicted.as_ref(), |used| count(used.refused))),
];
const COLUMNS_MIN: usize = 2;

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    if record.limits.is_empty() {
        return;
    }
    let mut limits: Vec<&LimitRecord> = record.limits.iter().filter(|limit| limit.limit.is_some()).collect();
    limits.sort_by(|one, other| utilisation(other).total_cmp(&utilisation(one)));
    if !limits.is_empty() {
        page.heading("Limits (used: in the mean, of what there is)");
        rows(page, &limits, "<limit", &COLUMNS);
        match LimitRecord::bottleneck(&record.limits) {
            Some(limit) => page.paragraph(2, Tone::Plain, &in_words(limit)),
            None => page.paragraph(2, Tone::Faint, "No limit is near."),
        }
    }
    let targets: Vec<&LimitRecord> = record.limits.iter().filter(|limit| limit.used().unhealthy.is_some()).collect();
    if !targets.is_empty() {
        page.heading("Targets of private links (unhealthy: how often it left; in flight and queue: at most)");
        rows(page, &targets, "<target", &TARGETS);
    }
}

fn rows(page: &mut Page, limits: &[&LimitRecord], title: &'static str, columns: &[Column]) {
    let rows_max = page.rows_max(SHOWN_MAX);
    let shown = &limits[..limits.len().min(rows_max)];
    let mut columns = columns;
    while columns.len() > COLUMNS_MIN && !page.fits(&table(shown, title, columns)) {
        columns = &columns[..columns.len() - 1];
    }
    let table = table(shown, title, columns);
    page.table(&table);
    if limits.len() > rows_max {
        page.paragraph(2, Tone::Faint, &format!("{} more in run.json", count((limits.len() - rows_max) as u64)));
    }
}

fn table(limits: &[&LimitRecord], title: &'static str, columns: &[Column]) -> Table {
    let mut table = Table::new(std::iter::once(title).chain(columns.iter().map(|(title, _)| *title)).collect());
    for limit in limits {
        let cells = columns.iter().map(|(_, text)| Cell::from(text(limit)));
        table.row(std::iter::once(Cell::from(&limit.name)).chain(cells).collect());
    }
    table
}

fn of(used: Option<&UseRecord>, text: fn(&UseRecord) -> String) -> String {
    used.map_or_else(|| ABSENT.to_owned(), text)
}

/// The bottleneck, with its utilisation.
fn in_words(limit: &LimitRecord) -> String {
    let used = limit.used();
    let how = match (used.share, used.refused) {
        (Some(mean), 0) => format!("{} of it are used in the mean", share(mean)),
        (Some(mean), refused) => {
            format!("{} of it are used in the mean, and it refused {}", share(mean), counted(refused, "time"))
        }
        (None, refused) => format!("it refused {}", counted(refused, "time")),
    };
    format!("The bottleneck is {}: of all limits it is the nearest; {how}.", limit.name)
}

fn most(limit: &LimitRecord) -> String {
    limit.limit.filter(|limit| limit.is_finite()).map_or_else(|| ABSENT.to_owned(), |limit| count(limit.round() as u64))
}

fn in_the_mean(used: &UseRecord) -> String {
    used.share.map_or_else(|| ABSENT.to_owned(), share)
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| ABSENT.to_owned(), count)
}

fn utilisation(limit: &LimitRecord) -> f64 {
    limit.used().share.unwrap_or(0.0)
}
