//! `run.json` read back, with an error that says what is wrong and where.
//!
//! Owns the question whether bytes are a record of a run that this version understands. Refuses files. Called by `command`
//! for `report`, and wherever else a kept run is looked at.

use serde::Deserialize;
use serde_json::error::Category;

use crate::measure::record::{RunRecord, VERSION};

/// As much of a line as an error shows.
const EXCERPT_MAX: usize = 60;

/// Why bytes are not a record of a run. Whoever knows the file's name puts it before the message.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is nothing.
    #[error("the file is empty; the run was stopped before it wrote its header, or the disk was full")]
    Empty,
    /// JSON that stops.
    #[error("the file ends in the middle, at line {line}; it was cut off when it was written or copied")]
    Truncated {
        /// Last line there is.
        line: usize,
    },
    /// Not JSON.
    #[error("line {line}, column {column}: not JSON ({why}), in `{excerpt}`")]
    Syntax {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
        /// What the parser says.
        why: String,
        /// What stands there.
        excerpt: String,
    },
    /// JSON of something else.
    #[error("not a record of a run: it has no number under the key \"version\"; name the run's folder or its run.json")]
    NoRecord,
    /// Written by a later version.
    #[error(
        "format version {found}, and this sluicegate reads version {VERSION}; read it with the version that wrote it, or a later one"
    )]
    Newer {
        /// Version of the file.
        found: u64,
    },
    /// Written by an earlier version.
    #[error("format version {found}, and this sluicegate reads version {VERSION}; read it with the version that wrote it")]
    Older {
        /// Version of the file.
        found: u64,
    },
    /// A record, but a key is missing or has the wrong kind of value.
    #[error("line {line}, column {column}: {why}, in `{excerpt}`; was it edited by hand?")]
    Shape {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
        /// What is wrong.
        why: String,
        /// What stands there.
        excerpt: String,
    },
}

/// The version alone, whatever else there is.
#[derive(Deserialize)]
struct Versioned {
    version: Option<serde_json::Value>,
}

/// The record in the bytes of a `run.json`.
pub fn read(bytes: &[u8]) -> Result<RunRecord, ReadError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ReadError::Empty);
    }
    // First whether it is JSON at all: a cut-off record lacks keys too, and that would be the wrong complaint.
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| explained(bytes, &error))?;
    let versioned = Versioned::deserialize(value).map_err(|_| ReadError::NoRecord)?;
    match versioned.version.and_then(|version| version.as_u64()) {
        None => Err(ReadError::NoRecord),
        Some(found) if found > u64::from(VERSION) => Err(ReadError::Newer { found }),
        Some(found) if found < u64::from(VERSION) => Err(ReadError::Older { found }),
        Some(_) => serde_json::from_slice(bytes).map_err(|error| explained(bytes, &error)),
    }
}

fn explained(bytes: &[u8], error: &serde_json::Error) -> ReadError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let why = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
    let excerpt = excerpt(bytes, line);
    match error.classify() {
        Category::Eof => ReadError::Truncated { line },
        Category::Data => ReadError::Shape { line, column, why, excerpt },
        Category::Syntax | Category::Io => ReadError::Syntax { line, column, why, excerpt },
    }
}

fn excerpt(bytes: &[u8], line: usize) -> String {
    let line = bytes.split(|byte| *byte == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let text = super::page::clean(String::from_utf8_lossy(line).trim());
    match text.char_indices().nth(EXCERPT_MAX) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{arbitrary, json, sample};
    use super::*;
    use proptest::prelude::*;

    fn complaint(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let records: [fn() -> RunRecord; 7] = [
            sample::holding,
            sample::violated,
            sample::inconclusive,
            sample::invalid,
            sample::aborted,
            sample::closed,
            sample::interrupted,
        ];
        for record in records {
            let bytes = json::write(&record()).unwrap();
            assert_eq!(json::write(&read(&bytes).unwrap()).unwrap(), bytes);
        }
    }

    #[test]
    fn an_interval_without_an_upper_end_reads_back_without_one() {
        let record = read(&json::write(&sample::inconclusive()).unwrap()).unwrap();
        assert_eq!(record.verdicts[1].interval, Some((70.2e6, f64::INFINITY)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let text = String::from_utf8(json::write(&sample::holding()).unwrap()).unwrap();
        let half = &text[..text.len() / 2];
        let cut_off = format!("the file ends in the middle, at line {}; it was cut off", half.lines().count());
        assert!(complaint(half).starts_with(&cut_off), "{}", complaint(half));
        insta::assert_snapshot!(
            [
                complaint(""),
                complaint("{\n  \"version\" 1\n}"),
                complaint("[1, 2]"),
                complaint("{\"openapi\": \"3.1.0\"}"),
                complaint(&text.replacen("\"version\": 1", "\"version\": 2", 1)),
                complaint(&text.replacen("\"version\": 1", "\"version\": 0", 1)),
                complaint(&text.replacen("\"seed\": 42", "\"seed\": \"forty-two\"", 1)),
                complaint(&text.replacen("\"seed\": 42,", "", 1)),
            ]
            .join("\n"),
            @r#"
            the file is empty; the run was stopped before it wrote its header, or the disk was full
            line 2, column 13: not JSON (expected `:`), in `"version" 1`
            not a record of a run: it has no number under the key "version"; name the run's folder or its run.json
            not a record of a run: it has no number under the key "version"; name the run's folder or its run.json
            format version 2, and this sluicegate reads version 1; read it with the version that wrote it, or a later one
            format version 0, and this sluicegate reads version 1; read it with the version that wrote it
            line 16, column 23: invalid type: string "forty-two", expected u64, in `"seed": "forty-two",`; was it edited by hand?
            line 26, column 3: missing field `seed`, in `},`; was it edited by hand?
            "#
        );
    }

    /// Nobody records NaN or infinity here, and a `null` would be refused.
    fn with_finite_means(mut record: RunRecord) -> RunRecord {
        let of_baseline = record.baseline.iter_mut().flat_map(|baseline| &mut baseline.verdicts);
        record.verdicts.iter_mut().chain(of_baseline).for_each(|it| it.planned_power = it.planned_power.map(|_| 0.1));
        let totals = record.total.iter_mut().chain(&mut record.predicted_total);
        let all = totals.chain(&mut record.series).chain(&mut record.predicted_series);
        let times = all.flat_map(|it| {
            let from_sent = [&mut it.service_time, &mut it.time_to_first_byte];
            [&mut it.response_time, &mut it.schedule_lag, &mut it.waited].into_iter().chain(from_sent)
        });
        let estimate = record.open_estimate.iter_mut().map(|it| {
            it.rate_per_s = 0.1;
            &mut it.response_time
        });
        let load = record.load.iter_mut().map(|load| {
            (load.intended_per_s, load.achieved_per_s) = (0.1, 1.0 / 3.0);
            let wait = load.overload.iter_mut().map(|it| &mut it.wait);
            let jitter = load.watch.iter_mut().map(|it| {
                it.stolen_share = it.stolen_share.map(|_| 0.1);
                &mut it.jitter
            });
            [&mut load.schedule_lag, &mut load.own_lag].into_iter().chain(wait).chain(jitter)
        });
        let retries = record.retries.iter_mut().flat_map(|it| it.predicted.iter_mut().chain(&mut it.observed)).map(|it| {
            it.first_throttled = it.first_throttled.map(|_| 0.1);
            &mut it.user_time
        });
        let attributed = record.parts.iter_mut().flat_map(|it| &mut it.attributed).flat_map(|it| {
            let parts = it.parts.iter_mut().map(|part| {
                part.explains = part.explains.map(|_| 0.1);
                &mut part.times
            });
            std::iter::once(&mut it.total).chain(parts).flat_map(|it| {
                it.distance_ns = it.distance_ns.map(|_| 0.1);
                [&mut it.predicted, &mut it.observed]
            })
        });
        let receiver = record.receiver.iter_mut().map(|it| &mut it.behind_schedule);
        for times in times.chain(load.flatten()).chain(receiver).chain(retries).chain(attributed).flatten().chain(estimate) {
            (times.mean_ns, times.stdev_ns) = (times.count as f64 / 3.0, 0.0);
        }
        record
    }

    proptest! {
        #[test]
        fn any_record_reads_back_as_it_was_written(record in arbitrary::record()) {
            let bytes = json::write(&with_finite_means(record)).unwrap();
            let back = read(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(json::write(&back).unwrap() == bytes, "read back differently");
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_cut_of_a_record_panics_or_passes(share in 0.0..1.0_f64) {
            let bytes = json::write(&sample::holding()).unwrap();
            let cut = (bytes.len() as f64 * share) as usize;
            prop_assert!(read(&bytes[..cut.min(bytes.len() - 3)]).is_err());
        }
    }
}
