//! How the actions ended: by status, by kind of error, and whose fault that was.
//!
//! Owns the table of outcomes. Refuses the words for them ([`explain`](super::super::explain)). Called by [`super::report`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::measure::Outcome;
use crate::measure::record::{RunRecord, SeriesRecord};

use super::super::explain::{blame, meaning, meaning_of_error, outcome};
use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{count, counted, share_of};

/// What orders the rows: known outcomes in the order of reports (unknown words last), then by status.
type Key<'a> = (usize, &'a str, Option<u16>);

/// One way to end, in both worlds.
#[derive(Default)]
struct Row<'a> {
    seen: u64,
    predicted: u64,
    faults: Vec<Cow<'a, str>>,
    kinds: Vec<&'a str>,
}

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let Some(total) = record.total.as_ref().filter(|total| !total.outcomes.is_empty()) else {
        page.heading("Outcomes");
        page.paragraph(2, Tone::Plain, "n/a: no action ended after the warm-up");
        return;
    };
    let noun = if record.retries.is_some() { "attempt" } else { "action" };
    page.heading(&format!("Outcomes of {}", counted(total.count, noun)));
    let predicted = record.predicted_total.as_ref();
    let rows = rows(total, predicted);
    let full = table(&rows, total.count, predicted, Meanings::Beside);
    if page.fits(&full) {
        page.table(&full);
        return;
    }
    page.table(&table(&rows, total.count, predicted, Meanings::Below));
    for ((_, word, status), row) in &rows {
        let fault = if row.faults.is_empty() { String::new() } else { format!(" (fault of {})", row.faults.join(", ")) };
        let explained = format!("{}{fault}", row.meaning(word, *status));
        if !explained.is_empty() {
            page.paragraph(2, Tone::Faint, &format!("{}: {explained}", name(word, *status)));
        }
    }
}

/// Where there is room for what a row means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meanings {
    Beside,
    Below,
}

fn table(rows: &BTreeMap<Key<'_>, Row<'_>>, total: u64, predicted: Option<&SeriesRecord>, meanings: Meanings) -> Table {
    let mut titles = vec!["<outcome", "count", "share"];
    titles.extend(predicted.map(|_| "(model)"));
    if meanings == Meanings::Beside {
        titles.extend(["<fault of", "<meaning"]);
    }
    let mut table = Table::new(titles);
    for ((_, word, status), row) in rows {
        let name = Cell::toned(tone(word, *status), &name(word, *status));
        let mut cells = vec![name, Cell::from(count(row.seen)), Cell::from(share_of(row.seen, total))];
        cells.extend(predicted.map(|predicted| Cell::from(share_of(row.predicted, predicted.count))));
        if meanings == Meanings::Beside {
            cells.extend([Cell::from(row.faults.join(", ")), Cell::from(row.meaning(word, *status))]);
        }
        table.row(cells);
    }
    table
}

impl Row<'_> {
    /// Of a status that always was one kind of error, what that is; else what the status means.
    fn meaning(&self, word: &str, status: Option<u16>) -> &'static str {
        match self.kinds[..] {
            [kind] => meaning_of_error(kind),
            _ => meaning(word, status),
        }
    }
}

fn name(word: &str, status: Option<u16>) -> String {
    status.map_or_else(|| word.to_owned(), |status| format!("{word} {status}"))
}

/// What was seen, and what the model expected and was not seen.
fn rows<'a>(total: &'a SeriesRecord, predicted: Option<&'a SeriesRecord>) -> BTreeMap<Key<'a>, Row<'a>> {
    let mut rows: BTreeMap<Key<'a>, Row<'a>> = BTreeMap::new();
    for it in &total.outcomes {
        let row = rows.entry(key(&it.outcome, it.status)).or_default();
        row.seen = row.seen.saturating_add(it.count);
        let fault = blame(&it.blame);
        if !fault.is_empty() && !row.faults.contains(&fault) {
            row.faults.push(fault);
        }
        row.kinds.extend(it.kind.as_deref().filter(|_| it.count > 0));
    }
    for it in predicted.into_iter().flat_map(|predicted| &predicted.outcomes).filter(|it| it.count > 0) {
        let row = rows.entry(key(&it.outcome, it.status)).or_default();
        row.predicted = row.predicted.saturating_add(it.count);
        row.kinds.extend(it.kind.as_deref());
    }
    for row in rows.values_mut() {
        row.kinds.sort_unstable();
        row.kinds.dedup();
    }
    rows
}

fn key(word: &str, status: Option<u16>) -> Key<'_> {
    let place = Outcome::ALL.iter().position(|outcome| outcome.as_str() == word);
    (place.unwrap_or(Outcome::ALL.len()), word, status)
}

fn tone(word: &str, status: Option<u16>) -> Tone {
    match (outcome(word), status) {
        (Some(Outcome::Answered), Some(..400)) => Tone::Plain,
        (Some(Outcome::Answered), _) => Tone::Unsure,
        _ => Tone::Bad,
    }
}
