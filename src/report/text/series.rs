//! Each series (usually a route) in one line, the busiest first.

use crate::measure::Outcome;
use crate::measure::record::{Quantiles, RunRecord, SeriesRecord};

use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{count, counted, duration_or_absent, share_of};

/// More series than this are left to `run.json`.
const SHOWN_MAX: usize = 20;

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    if record.series.is_empty() {
        return;
    }
    page.heading("Series (response time)");
    let mut series: Vec<&SeriesRecord> = record.series.iter().collect();
    series.sort_by_key(|it| (std::cmp::Reverse(it.count), &it.name));
    let has_model = !record.predicted_series.is_empty();
    let mut titles = vec!["<series", "count", "ok", "p50"];
    titles.extend(has_model.then_some("(model)"));
    titles.push("p95");
    titles.extend(has_model.then_some("(model)"));
    titles.extend(["p99", "max"]);
    let mut table = Table::new(titles);
    for it in series.iter().take(SHOWN_MAX) {
        let model = record.predicted_series.iter().find(|predicted| predicted.name == it.name);
        table.row(row(it, model, has_model));
    }
    page.table(&table);
    page.paragraph(2, Tone::Faint, "ok: answered with a status below 400");
    if series.len() > SHOWN_MAX {
        let rest = counted((series.len() - SHOWN_MAX) as u64, "more line");
        page.paragraph(2, Tone::Faint, &format!("{rest} in run.json"));
    }
}

fn row(seen: &SeriesRecord, model: Option<&SeriesRecord>, has_model: bool) -> Vec<Cell> {
    let at = |series: Option<&SeriesRecord>, pick: fn(&Quantiles) -> u64| {
        Cell::from(duration_or_absent(series.and_then(|it| it.response_time.as_ref()).map(pick)))
    };
    let mut cells =
        vec![Cell::from(&seen.name), Cell::from(count(seen.count)), Cell::from(share_of(answered_well(seen), seen.count))];
    cells.push(at(Some(seen), |q| q.p50_ns));
    cells.extend(has_model.then(|| at(model, |q| q.p50_ns)));
    cells.push(at(Some(seen), |q| q.p95_ns));
    cells.extend(has_model.then(|| at(model, |q| q.p95_ns)));
    cells.extend([at(Some(seen), |q| q.p99_ns), at(Some(seen), |q| q.max_ns)]);
    cells
}

fn answered_well(series: &SeriesRecord) -> u64 {
    let well =
        series.outcomes.iter().filter(|it| it.outcome == Outcome::Answered.as_str() && it.status.is_some_and(|it| it < 400));
    well.map(|it| it.count).fold(0, u64::saturating_add)
}
