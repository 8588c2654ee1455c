//! The percentiles: what the five instants of an action are apart, and what the model said beside what was measured.
//!
//! Owns the table of all actions together and the advice how to read it. Refuses single series. Called by [`super::report`].

use crate::measure::open_estimate::profile_rate;
use crate::measure::record::{LoadModel, OpenEstimate, Quantiles, RunRecord, SeriesRecord};

use super::super::look::Tone;
use super::super::page::{Page, Table};
use super::super::quantity::{ABSENT, counted, duration, duration_ns};

/// A percentile with fewer values beyond it than this says little; the same gate as the verdicts' (method 3.2).
const TAIL_MIN: f64 = 10.0;

type Pick = fn(&Quantiles) -> u64;

/// Title, share of values beyond, and the value.
const ROWS: [(&str, f64, Pick); 7] = [
    ("p50", 0.5, |q| q.p50_ns),
    ("p75", 0.25, |q| q.p75_ns),
    ("p90", 0.1, |q| q.p90_ns),
    ("p95", 0.05, |q| q.p95_ns),
    ("p99", 0.01, |q| q.p99_ns),
    ("p99.9", 0.001, |q| q.p999_ns),
    ("p99.99", 0.000_1, |q| q.p9999_ns),
];

/// A column of the table.
struct Column<'a> {
    title: &'static str,
    short: &'static str,
    times: Option<&'a Quantiles>,
}

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let total = record.total.as_ref();
    let Some(response) = total.and_then(|total| total.response_time.as_ref()) else {
        page.heading("Latency");
        page.paragraph(2, Tone::Plain, "n/a: no complete answer was read after the warm-up");
        return;
    };
    page.heading(&format!("Latency of {}", counted(response.count, "complete answer")));
    let predicted = record.predicted_total.as_ref().and_then(|total| total.response_time.as_ref());
    let service = total.and_then(|total| total.service_time.as_ref());
    let lag = total.and_then(|total| total.schedule_lag.as_ref());
    let mut columns = vec![Column { title: "response time", short: "response", times: Some(response) }];
    if record.predicted_total.is_some() {
        columns.push(Column { title: "(model)", short: "(model)", times: predicted });
    }
    columns.push(Column { title: "service time", short: "service", times: service });
    let waited = total.and_then(|total| total.waited.as_ref());
    let first_byte = total.and_then(|total| total.time_to_first_byte.as_ref());
    columns.push(Column { title: "schedule lag", short: "lag", times: lag });
    columns.push(Column { title: "of it waited", short: "waited", times: waited });
    columns.push(Column { title: "first byte", short: "first byte", times: first_byte });
    page.table(&fitting(page, &mut columns));
    advise(page, record, response);
}

/// With shorter titles, and at last with fewer columns, on a narrow page: the first says most.
fn fitting(page: &Page, columns: &mut Vec<Column<'_>>) -> Table {
    let long = table(columns);
    if page.fits(&long) {
        return long;
    }
    for column in columns.iter_mut() {
        column.title = column.short;
    }
    while columns.len() > 1 && !page.fits(&table(columns)) {
        columns.pop();
    }
    table(columns)
}

fn table(columns: &[Column<'_>]) -> Table {
    let mut table = Table::new(std::iter::once("<").chain(columns.iter().map(|column| column.title)).collect());
    let row = |title: String, cell: &dyn Fn(&Quantiles) -> String| {
        let cells = columns.iter().map(|column| column.times.map_or_else(|| ABSENT.to_owned(), cell));
        std::iter::once(title).chain(cells).map(Into::into).collect()
    };
    let counted = columns.first().and_then(|column| column.times).map_or(0, |times| times.count);
    table.row(row("min".to_owned(), &|q| duration_ns(q.min_ns)));
    for (title, beyond, pick) in ROWS {
        let mark = if is_thin(counted, beyond) { "*" } else { "" };
        table.row(row(format!("{title}{mark}"), &|q| duration_ns(pick(q))));
    }
    table.row(row("max".to_owned(), &|q| duration_ns(q.max_ns)));
    table.row(row("mean".to_owned(), &|q| duration(q.mean_ns)));
    table.row(row("std dev".to_owned(), &|q| duration(q.stdev_ns)));
    table
}

fn advise(page: &mut Page, record: &RunRecord, response: &Quantiles) {
    page.paragraph(2, Tone::Faint, match record.plan.model {
        LoadModel::Open => {
            "Read response time: it runs from the instant the script intended, so what waited is in it. Service time and first \
             byte run from the first byte written. Lag runs from the intended instant to the start; what of it waited for a \
             connection, a ceiling or the step before is the target's or the plan's doing, the rest the generator's."
        }
        LoadModel::Closed => {
            "Read response time, for a user who waits: it runs from when the user meant to ask. It does not say what \
             arrivals that do not wait would have seen: see the estimate below. Service time and first byte run from the first \
             byte written, lag from the intended instant to the start."
        }
    });
    if let Some(estimate) = &record.open_estimate {
        page.paragraph(2, Tone::Unsure, &estimated(estimate));
    }
    if let Some(first) = record.total.as_ref().and_then(come_bit_by_bit) {
        let text = format!(
            "Answers come bit by bit: the first byte was there {} (p50) and {} (p99) after the request was sent.",
            duration_ns(first.p50_ns),
            duration_ns(first.p99_ns)
        );
        page.paragraph(2, Tone::Plain, &text);
    }
    if ROWS.iter().any(|(_, beyond, _)| is_thin(response.count, *beyond)) {
        page.paragraph(2, Tone::Faint, "* Fewer than 10 answers lie beyond this percentile: it may change much from run to run.");
    }
    let saturated = record.total.as_ref().map_or(0, |total| total.saturated);
    if saturated > 0 {
        let text = format!("{} above the recorder's range, counted at its end.", counted(saturated, "value"));
        page.paragraph(2, Tone::Unsure, &text);
    }
}

/// What an open model might have shown, and how to ask it.
fn estimated(estimate: &OpenEstimate) -> String {
    let times = &estimate.response_time;
    let [p50, p90, p99, p999, max] = [times.p50_ns, times.p90_ns, times.p99_ns, times.p999_ns, times.max_ns].map(duration_ns);
    let ask = profile_rate(estimate.rate_per_s)
        .map(|rate| format!(" To measure it, replace `closed` by `arrivals: {{ constant: {rate} }}`."))
        .unwrap_or_default();
    format!(
        "Estimate for arrivals that do not wait, at the rate of this run: response time p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p999}, \
         max {max}. It is HdrHistogram's correction for coordinated omission, with {} from one request of a user to its next; the \
         backlog that such arrivals would have left is not in it.{ask}",
        duration_ns(estimate.expected_interval_ns)
    )
}

/// How long the first byte took, if the rest of an answer came clearly later.
fn come_bit_by_bit(total: &SeriesRecord) -> Option<&Quantiles> {
    let (first, whole) = total.time_to_first_byte.as_ref().zip(total.service_time.as_ref())?;
    (first.p50_ns < whole.p50_ns / 10 * 9).then_some(first)
}

fn is_thin(count: u64, beyond: f64) -> bool {
    count as f64 * beyond < TAIL_MIN
}
