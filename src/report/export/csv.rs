//! Comma-separated values, a row for each series and one for all together (RFC 4180).
//!
//! Owns the columns. Times are whole nanoseconds; absent is an empty cell, and never zero. Names are as they are: whoever opens the file in a
//! program that takes a cell for a formula must tell it not to. Refuses seconds ([`super::seconds`]). Called by `command`.
//!
//! | column | what it is |
//! |---|---|
//! | `series` | its name; `all` in the first row |
//! | `actions` | after the warm-up, each attempt one; the next five make up this number |
//! | `ok`, `client_errors`, `throttled`, `server_errors` | answered: below 400 or without a status; 4xx but 429; 429; 5xx and above |
//! | `unanswered` | anything else: refused, timed out, reset, never sent |
//! | `response_time_*_ns` | from the intended instant, complete answers of any status |
//! | `service_time_*_ns`, `time_to_first_byte_*_ns`, `schedule_lag_*_ns`, `waited_*_ns` | the other times of `run.json` |
//! | `predicted_*` | what the model said of the same series |

use crate::measure::Outcome;
use crate::measure::csv_line;
use crate::measure::record::{OutcomeRecord, Quantiles, RunRecord, SeriesRecord};

/// Name of a column, and its cell.
type Count = (&'static str, fn(&SeriesRecord) -> u64);
/// Name of a distribution, and where it stands.
type Times = (&'static str, fn(&SeriesRecord) -> Option<&Quantiles>);
/// Name of a statistic, and its value in nanoseconds.
type Statistic = (&'static str, fn(&Quantiles) -> f64);

const COUNTS: [Count; 6] = [
    ("actions", |it| it.count),
    ("ok", |it| sum(it, Ended::Ok)),
    ("client_errors", |it| sum(it, Ended::ClientError)),
    ("throttled", |it| sum(it, Ended::Throttled)),
    ("server_errors", |it| sum(it, Ended::ServerError)),
    ("unanswered", |it| sum(it, Ended::Unanswered)),
];

const OTHER_TIMES: [Times; 4] = [
    ("service_time", |it| it.service_time.as_ref()),
    ("time_to_first_byte", |it| it.time_to_first_byte.as_ref()),
    ("schedule_lag", |it| it.schedule_lag.as_ref()),
    ("waited", |it| it.waited.as_ref()),
];

/// All there are, of the response time.
const STATISTICS: [Statistic; 11] = [
    ("min", |q| q.min_ns as f64),
    ("mean", |q| q.mean_ns),
    ("stdev", |q| q.stdev_ns),
    ("p50", |q| q.p50_ns as f64),
    ("p75", |q| q.p75_ns as f64),
    ("p90", |q| q.p90_ns as f64),
    ("p95", |q| q.p95_ns as f64),
    ("p99", |q| q.p99_ns as f64),
    ("p99_9", |q| q.p999_ns as f64),
    ("p99_99", |q| q.p9999_ns as f64),
    ("max", |q| q.max_ns as f64),
];

/// Of the other times.
const FEW: [Statistic; 3] = [("p50", |q| q.p50_ns as f64), ("p99", |q| q.p99_ns as f64), ("max", |q| q.max_ns as f64)];

/// How an action ended, for a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Ok,
    ClientError,
    Throttled,
    ServerError,
    Unanswered,
}

/// All series of a run; a run that measured nothing has the header alone.
pub fn write(record: &RunRecord) -> Vec<u8> {
    let mut out = header().join(",").into_bytes();
    out.push(b'\n');
    let total = record.total.iter().map(|total| (total, record.predicted_total.as_ref()));
    let predicted = |seen: &SeriesRecord| record.predicted_series.iter().find(|it| it.name == seen.name);
    for (seen, model) in total.chain(record.series.iter().map(|seen| (seen, predicted(seen)))) {
        csv_line::push(&seen.name, &mut out);
        for cell in cells(seen, model) {
            out.push(b',');
            out.extend_from_slice(cell.as_bytes());
        }
        out.push(b'\n');
    }
    out
}

fn header() -> Vec<String> {
    let of = |times: &str, statistics: &[Statistic]| -> Vec<String> {
        statistics.iter().map(|(name, _)| format!("{times}_{name}_ns")).collect()
    };
    let mut titles = vec!["series".to_owned()];
    titles.extend(COUNTS.iter().map(|(name, _)| (*name).to_owned()));
    titles.extend(of("response_time", &STATISTICS));
    titles.extend(OTHER_TIMES.iter().flat_map(|(times, _)| of(times, &FEW)));
    titles.extend(COUNTS.iter().map(|(name, _)| format!("predicted_{name}")));
    titles.extend(of("predicted_response_time", &STATISTICS));
    titles
}

fn cells(seen: &SeriesRecord, model: Option<&SeriesRecord>) -> Vec<String> {
    let mut cells: Vec<String> = COUNTS.iter().map(|(_, count)| count(seen).to_string()).collect();
    cells.extend(times(seen.response_time.as_ref(), &STATISTICS));
    cells.extend(OTHER_TIMES.iter().flat_map(|(_, pick)| times(pick(seen), &FEW)));
    cells.extend(COUNTS.iter().map(|(_, count)| model.map(|model| count(model).to_string()).unwrap_or_default()));
    cells.extend(times(model.and_then(|model| model.response_time.as_ref()), &STATISTICS));
    cells
}

fn times(quantiles: Option<&Quantiles>, statistics: &[Statistic]) -> Vec<String> {
    let cell = |of: fn(&Quantiles) -> f64| quantiles.map(of).filter(|ns| ns.is_finite()).map(|ns| format!("{ns:.0}"));
    statistics.iter().map(|(_, of)| cell(*of).unwrap_or_default()).collect()
}

fn sum(series: &SeriesRecord, ended: Ended) -> u64 {
    // The numbers may come from a file: no sum is too high.
    let counts = series.outcomes.iter().filter(|it| ended_of(it) == ended).map(|it| it.count);
    counts.fold(0, u64::saturating_add)
}

fn ended_of(it: &OutcomeRecord) -> Ended {
    if it.outcome != Outcome::Answered.as_str() {
        return Ended::Unanswered;
    }
    match it.status {
        // A message that was answered has no status, unless it was answered by an error.
        None | Some(..400) => Ended::Ok,
        Some(429) => Ended::Throttled,
        Some(400..500) => Ended::ClientError,
        Some(500..) => Ended::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{arbitrary, sample};
    use super::*;
    use proptest::prelude::*;

    /// As another program reads it.
    fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    fn cell<'a>(rows: &'a [Vec<String>], series: &str, column: &str) -> &'a str {
        let at = rows[0].iter().position(|title| title == column).unwrap();
        &rows.iter().find(|row| row[0] == series).unwrap()[at]
    }

    #[test]
    fn each_series_has_a_row_with_what_was_seen_and_what_was_predicted() {
        let rows = read(&write(&sample::violated()));
        assert_eq!(
            rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
            ["series", "all", "GET /health", "GET /orders/{id}"]
        );
        assert_eq!(cell(&rows, "all", "actions"), "3612");
        assert_eq!((cell(&rows, "all", "throttled"), cell(&rows, "all", "ok")), ("12", "3600"));
        assert_eq!(cell(&rows, "all", "response_time_p50_ns"), "24500000");
        assert_eq!(cell(&rows, "all", "predicted_response_time_p50_ns"), "24255000");
        assert_eq!(cell(&rows, "GET /health", "service_time_p99_ns"), "9084350");
    }

    #[test]
    fn what_is_absent_is_an_empty_cell() {
        let mut record = sample::holding();
        record.predicted_series.clear();
        record.series[0].waited = None;
        let rows = read(&write(&record));
        for column in ["predicted_actions", "predicted_response_time_max_ns", "waited_p50_ns"] {
            assert_eq!(cell(&rows, "GET /health", column), "", "{column}");
        }
        assert_eq!(read(&write(&sample::interrupted())).len(), 1, "a header alone");
    }

    proptest! {
        #[test]
        fn any_record_is_a_table_that_reads_back(record in arbitrary::record()) {
            let rows = read(&write(&record));
            let series = record.total.iter().chain(&record.series);
            prop_assert_eq!(rows.len(), 1 + series.clone().count());
            prop_assert!(rows.iter().all(|row| row.len() == rows[0].len()));
            for (row, series) in rows[1..].iter().zip(series) {
                prop_assert_eq!(&row[0], &series.name);
                let counted: u64 = series.outcomes.iter().map(|it| it.count).fold(0, u64::saturating_add);
                let told = row[2..7].iter().map(|cell| cell.parse::<u64>().unwrap()).fold(0, u64::saturating_add);
                prop_assert_eq!(told, counted, "every action is in one column");
            }
        }
    }
}
