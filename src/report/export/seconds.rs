//! Comma-separated values, a row for each second of the run (RFC 4180).
//!
//! Owns the columns, which are the keys of a second in `run.json`: by intended second, from the first, the warm-up included. Times are whole
//! nanoseconds; absent is an empty cell, and never zero. Refuses series ([`super::csv`]). Called by `command`.

use std::io::Write as _;

use crate::measure::record::{RunRecord, SecondRecord};

/// The first line, without its end.
const HEADER: &str = "second,intended,retries,answered,throttled,errors,p50_ns,p99_ns";

/// The seconds of a run.
pub fn write(record: &RunRecord) -> Vec<u8> {
    let mut out = format!("{HEADER}\n").into_bytes();
    for row in &record.seconds {
        let SecondRecord { second, intended, retries, answered, throttled, errors, p50_ns, p99_ns } = row;
        let [p50, p99] = [p50_ns, p99_ns].map(|ns| ns.map(|ns| ns.to_string()).unwrap_or_default());
        writeln!(out, "{second},{intended},{retries},{answered},{throttled},{errors},{p50},{p99}")
            .expect("a vector takes everything");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn a_second_without_answers_has_empty_cells_for_its_times() {
        let mut record = sample::holding();
        record.seconds = vec![
            SecondRecord {
                second: 0,
                intended: 198,
                answered: 198,
                p50_ns: Some(24_500_000),
                p99_ns: Some(91_300_000),
                ..SecondRecord::default()
            },
            SecondRecord { second: 1, intended: 201, errors: 201, ..SecondRecord::default() },
        ];
        let text = String::from_utf8(write(&record)).unwrap();
        assert_eq!(text, format!("{HEADER}\n0,198,0,198,0,0,24500000,91300000\n1,201,0,0,0,201,,\n"));
    }

    #[test]
    fn a_run_that_measured_nothing_has_a_header_alone() {
        assert_eq!(String::from_utf8(write(&sample::interrupted())).unwrap(), format!("{HEADER}\n"));
    }
}
