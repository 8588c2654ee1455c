//! What went wrong, by whose fault it is and what kind of error, in both worlds.
//!
//! Owns the table, and its order: by blame, within it by kind. Refuses to class anything (the record has it) and the words for kinds
//! ([`explain`](super::super::explain)). Called by [`super::report`].

use std::collections::BTreeMap;

use sluicegate_policy::call::{Blame, ErrorKind};

use crate::measure::Outcome;
use crate::measure::record::{OutcomeRecord, RunRecord, SeriesRecord};

use super::super::explain::{blame_in_words, meaning_of_error};
use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{count, counted, share_of};

/// What orders the rows: known blames and kinds in the order of reports, unknown words last.
type Key<'a> = (usize, &'a str, usize, &'a str);

/// One kind of error, in both worlds.
#[derive(Clone, Copy, Default)]
struct Row {
    seen: u64,
    predicted: u64,
}

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let Some(total) = &record.total else { return };
    let predicted = record.predicted_total.as_ref();
    let mut rows: BTreeMap<Key<'_>, Row> = BTreeMap::new();
    for it in errors(total) {
        let row = rows.entry(key(it)).or_default();
        row.seen = row.seen.saturating_add(it.count);
    }
    for it in predicted.into_iter().flat_map(errors) {
        let row = rows.entry(key(it)).or_default();
        row.predicted = row.predicted.saturating_add(it.count);
    }
    if rows.is_empty() {
        return;
    }
    page.heading(&format!("Errors among {}, by blame and kind", counted(total.count, "action")));
    let full = table(&rows, total, predicted, Meanings::Beside);
    if page.fits(&full) {
        page.table(&full);
    } else {
        page.table(&table(&rows, total, predicted, Meanings::Left));
    }
}

/// Whether there is room for what a kind means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meanings {
    Beside,
    Left,
}

fn table(rows: &BTreeMap<Key<'_>, Row>, total: &SeriesRecord, predicted: Option<&SeriesRecord>, meanings: Meanings) -> Table {
    let mut titles = vec!["<fault of", "count", "share"];
    titles.extend(predicted.map(|_| "(model)"));
    titles.extend((meanings == Meanings::Beside).then_some("<meaning"));
    let mut table = Table::new(titles);
    let line = |name: Cell, row: Row, meaning: &str| {
        let mut cells = vec![name, Cell::from(count(row.seen)), Cell::from(share_of(row.seen, total.count))];
        cells.extend(predicted.map(|predicted| Cell::from(share_of(row.predicted, predicted.count))));
        cells.extend((meanings == Meanings::Beside).then(|| Cell::from(meaning)));
        cells
    };
    let mut last = None;
    for (place, blame, ..) in rows.keys() {
        if last.replace((place, blame)) == Some((place, blame)) {
            continue;
        }
        let of_blame = rows.iter().filter(|((_, other, ..), _)| other == blame);
        let all = of_blame.clone().fold(Row::default(), |sum, (_, row)| Row {
            seen: sum.seen.saturating_add(row.seen),
            predicted: sum.predicted.saturating_add(row.predicted),
        });
        table.row(line(Cell::toned(Tone::Unsure, &blame_in_words(blame)), all, ""));
        for ((_, _, _, kind), row) in of_blame {
            table.row(line(Cell::from(format!("- {kind}")), *row, meaning_of_error(kind)));
        }
    }
    table
}

/// What is somebody's fault.
fn errors(series: &SeriesRecord) -> impl Iterator<Item = &OutcomeRecord> {
    series.outcomes.iter().filter(|it| it.blame != Blame::Nobody.as_str() && it.count > 0)
}

fn key(it: &OutcomeRecord) -> Key<'_> {
    let (blame, kind) = (it.blame.as_str(), it.kind.as_deref().unwrap_or(&it.outcome));
    let known = ErrorKind::ALL.iter().map(|kind| kind.as_str()).chain(Outcome::ALL.iter().map(|outcome| outcome.as_str()));
    let place_of_kind = known.clone().position(|word| word == kind).unwrap_or_else(|| known.count());
    let place = Blame::ALL.iter().position(|known| known.as_str() == blame).unwrap_or(Blame::ALL.len());
    (place, blame, place_of_kind, kind)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;
    use crate::report::look::Look;

    fn outcome(outcome: &str, status: Option<u16>, (blame, kind): (Blame, Option<ErrorKind>), count: u64) -> OutcomeRecord {
        let (outcome, blame) = (outcome.to_owned(), blame.as_str().to_owned());
        OutcomeRecord { outcome, status, blame, kind: kind.map(|kind| kind.as_str().to_owned()), count }
    }

    fn answered(status: u16, kind: ErrorKind, count: u64) -> OutcomeRecord {
        outcome("answered", Some(status), (kind.blame(), Some(kind)), count)
    }

    #[test]
    fn a_504_is_told_by_its_kinds_and_what_a_blame_has_is_the_sum_of_them() {
        let mut record = sample::holding();
        let total = record.total.as_mut().unwrap();
        total.outcomes = vec![
            outcome("answered", Some(200), (Blame::Nobody, None), 3_000),
            answered(504, ErrorKind::IntegrationTimeout, 4),
            answered(504, ErrorKind::IntegrationUnreachable, 3),
            answered(500, ErrorKind::ServerError, 2),
            outcome("reset", None, (Blame::Network, None), 1),
        ];
        total.count = 3_010;
        record.predicted_total.as_mut().unwrap().outcomes = vec![answered(504, ErrorKind::IntegrationTimeout, 36)];
        let mut page = Page::new(Look::default());
        write(&mut page, &record);
        insta::assert_snapshot!(page.into_text(), @r"
        Errors among 3,010 actions, by blame and kind
          fault of                   count   share  (model)  meaning
          integration                    7  0.23 %    0.1 %
          - integration-timeout          4  0.13 %    0.1 %  the integration did not answer in time
          - integration-unreachable      3   0.1 %      0 %  unreachable, or it broke off
          gateway or integration         2  0.07 %      0 %
          - server-error                 2  0.07 %      0 %  5xx; the answer does not say whose
          network                        1  0.03 %      0 %
          - reset                        1  0.03 %      0 %  the peer reset the connection
        ");
    }

    #[test]
    fn without_an_error_there_is_no_table() {
        let mut record = sample::holding();
        for series in record.total.iter_mut().chain(&mut record.predicted_total) {
            series.outcomes.retain(|it| it.blame == "nobody");
        }
        let mut page = Page::new(Look::default());
        write(&mut page, &record);
        assert_eq!(page.into_text(), "");
    }
}
