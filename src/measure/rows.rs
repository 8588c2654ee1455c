//! The file of samples, `samples.csv`: one row for each attempt, for whoever joins, fits or plots them.
//!
//! Owns the columns and their text: times in whole nanoseconds of the run's clock (zero is the script's zero), absent is an empty value.
//! Refuses files (`command` writes and reads them) and what is secret: a row has no header, path, body or key of its request.
//!
//! | column | what it is |
//! |---|---|
//! | `session`, `seq` | which step of the script |
//! | `attempt` | 0, then one for each retry |
//! | `series` | name of the series |
//! | `intended_ns`, `started_ns`, `sent_ns`, `first_byte_ns`, `done_ns` | the instants of a [`Sample`] |
//! | `waited_ns` | how long it waited by no fault of the generator |
//! | `status` | HTTP status; empty without an answer |
//! | `outcome` | `answered`, `timed-out`, ... |
//! | `error` | what kind of error an answer is; empty if it is none |
//! | `request_id` | what the gateway calls it, by its answer's head (`apigw-requestid`, `x-amzn-requestid`) |

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;

use sluicegate_policy::call::ErrorKind;
use sluicegate_policy::time::{Instant, Span};

use crate::traffic::SeriesId;

use super::csv_line;
use super::sample::{Outcome, Sample};

/// The first line of the file, without its line end.
pub const HEADER: &str =
    "session,seq,attempt,series,intended_ns,started_ns,sent_ns,first_byte_ns,done_ns,waited_ns,status,outcome,error,request_id";

/// Values in a line.
const COLUMNS: usize = 14;

/// One attempt, and what the gateway calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The attempt.
    pub sample: Sample,
    /// Its request id; absent without an answer that has one.
    pub id: Option<Box<str>>,
}

impl Row {
    /// Appends its line, with the line end; `series` are the names of all series, in the order of their ids.
    pub fn write(&self, series: &[String], out: &mut Vec<u8>) {
        let Sample { intended, started, sent, first_byte, done, waited, session, seq, status, outcome, kind, attempt, .. } =
            self.sample;
        write_to(out, format_args!("{session},{seq},{attempt},"));
        csv_line::push(series.get(usize::from(self.sample.series.0)).map_or("", String::as_str), out);
        for instant in [intended, started, sent, first_byte, done] {
            out.push(b',');
            if instant != Instant::MAX {
                write_to(out, format_args!("{}", instant.as_ns()));
            }
        }
        write_to(out, format_args!(",{},", waited.as_ns()));
        if status > 0 {
            write_to(out, format_args!("{status}"));
        }
        write_to(out, format_args!(",{},{},", outcome.as_str(), kind.map_or("", ErrorKind::as_str)));
        csv_line::push(self.id.as_deref().unwrap_or_default(), out);
        out.push(b'\n');
    }
}

/// Reads lines; knows the names of the series.
#[derive(Clone, Debug)]
pub struct Reader {
    series: BTreeMap<String, SeriesId>,
}

impl Reader {
    /// Of a run whose series have these names, in the order of their ids.
    pub fn new(series: &[String]) -> Self {
        let ids = (0..=u16::MAX).map(SeriesId);
        Self { series: series.iter().cloned().zip(ids).collect() }
    }

    /// The row of a line without its end; `None` if it is none.
    pub fn read(&self, line: &str) -> Option<Row> {
        let values: [Cow<'_, str>; COLUMNS] = csv_line::split(line)?.try_into().ok()?;
        let number = |at: usize| values[at].parse::<u64>().ok();
        let instant = |at: usize| if values[at].is_empty() { Some(Instant::MAX) } else { number(at).map(Instant::from_ns) };
        let narrow = |at: usize| number(at).and_then(|n| u32::try_from(n).ok());
        let sample = Sample {
            intended: instant(4)?,
            started: instant(5)?,
            sent: instant(6)?,
            first_byte: instant(7)?,
            done: instant(8)?,
            waited: Span::from_ns(number(9)?),
            session: narrow(0)?,
            seq: narrow(1)?,
            series: *self.series.get(&*values[3])?,
            status: if values[10].is_empty() { 0 } else { u16::try_from(number(10)?).ok()? },
            outcome: Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == values[11])?,
            kind: if values[12].is_empty() { None } else { Some(ErrorKind::named(&values[12])?) },
            attempt: u8::try_from(number(2)?).ok()?,
        };
        let id = if values[13].is_empty() { None } else { Some(values[13].as_ref().into()) };
        Some(Row { sample, id })
    }
}

fn write_to(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes everything");
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{answered, failed};
    use super::*;
    use proptest::prelude::*;

    fn series() -> Vec<String> {
        vec!["GET /a".to_owned(), "say \"a, b\"".to_owned()]
    }

    fn line(row: &Row) -> String {
        let mut out = Vec::new();
        row.write(&series(), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_row_is_written_in_whole_nanoseconds_and_what_is_absent_is_empty() {
        let row = Row { sample: answered(1.5, 20.0), id: Some("abc=".into()) };
        assert_eq!(line(&row), "0,0,0,GET /a,1500000000,1500000000,1500000000,1520000000,1520000000,0,200,answered,,abc=\n");
        let lost = Row { sample: failed(1.0, Outcome::Refused), id: None };
        assert_eq!(line(&lost), "0,0,0,GET /a,1000000000,1000000000,,,1001000000,0,,refused,,\n");
        assert_eq!(HEADER.split(',').count(), COLUMNS);
    }

    proptest! {
        #[test]
        fn every_row_reads_back(second in 0.0_f64..1e5, ms in 0.0_f64..1e5, at in 0_u16..2, ending in 0_usize..Outcome::ALL.len(), id in "[a-z=]{0,8}") {
            let outcome = Outcome::ALL[ending];
            let sample = if outcome == Outcome::Answered { answered(second, ms).status(502) } else { failed(second, outcome) };
            let row = Row { sample: sample.of_series(at), id: (!id.is_empty()).then(|| id.as_str().into()) };
            prop_assert_eq!(Reader::new(&series()).read(line(&row).trim_end()), Some(row));
        }

        #[test]
        fn no_line_panics(text in "[0-9,\"a]{0,40}") {
            let _ = Reader::new(&series()).read(&text);
        }
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let good = line(&Row { sample: answered(1.0, 1.0), id: None });
        let good = good.trim_end();
        let reader = Reader::new(&series());
        assert!(reader.read(good).is_some());
        for bad in [
            HEADER.to_owned(),
            good.replace("GET /a", "GET /of another run"),
            good.replace("answered", "laughed"),
            good.replacen("0,", "-1,", 1),
            format!("{good},"),
            good[..20].to_owned(),
        ] {
            assert_eq!(reader.read(&bad), None, "{bad}");
        }
    }
}
