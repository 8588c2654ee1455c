//! What is written reads back, row by row, and group after group leaves the writer while rows still come.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, RowAccessor};
use proptest::prelude::*;

use super::*;
use crate::measure::Sample;
use crate::measure::scripted::{answered, failed};

const SERIES: [&str; 2] = ["GET /a", "say \"a, b\""];

fn about() -> About {
    About {
        run: Some("20261122T175931-0a1b2c3d".to_owned()),
        profile: "shop.yaml".to_owned(),
        target: "mock".to_owned(),
        started_at: "2026-11-22T17:59:31Z".to_owned(),
        warmup_ns: 2_000_000_000,
        complete: true,
        refused: Some(3),
    }
}

fn series() -> Vec<String> {
    SERIES.map(str::to_owned).into()
}

fn written(rows: &[Row], per_group: usize) -> SerializedFileReader<Bytes> {
    let mut file = Vec::new();
    let mut writer = Writer::in_groups(&mut file, &about(), &series(), per_group).expect("a buffer takes everything");
    for row in rows {
        writer.push(row).expect("a buffer takes everything");
    }
    writer.finish().expect("a buffer takes everything");
    SerializedFileReader::new(Bytes::from(file)).expect("it is a Parquet file")
}

/// The values of a row, as a reader shows them.
fn shown(reader: &SerializedFileReader<Bytes>, at: usize) -> Vec<(String, Field)> {
    let row = reader.get_row_iter(None).expect("it has rows").nth(at).expect("so many").expect("it reads");
    row.into_columns()
}

#[test]
fn a_row_has_every_instant_and_what_did_not_happen_is_null() {
    let row = Row { sample: Sample { session: u32::MAX, seq: 7, attempt: 2, ..answered(1.5, 20.0) }, id: Some("abc=".into()) };
    let lost = Row { sample: failed(1.0, Outcome::Refused).of_series(1), id: None };
    let throttled = Row { sample: answered(2.0, 1.0).status(429), id: None };
    let reader = written(&[row, lost, throttled], 2);
    let whole: Vec<Field> = shown(&reader, 0).into_iter().map(|(_, value)| value).collect();
    let text = |text: &str| Field::Str(text.to_owned());
    let (begun, done) = (Field::Long(1_500_000_000), Field::Long(1_520_000_000));
    let took = Field::Long(20_000_000);
    let expected = [
        text("GET /a"),
        Field::UInt(u32::MAX),
        Field::UInt(7),
        Field::UByte(2),
        begun.clone(),
        begun.clone(),
        begun,
        done.clone(),
        done,
        Field::Long(0),
        took.clone(),
        took.clone(),
        took,
        Field::Long(0),
        Field::UShort(200),
        text("answered"),
        Field::Null,
        text("nobody"),
        text("abc="),
    ];
    assert_eq!(whole, expected);
    let value = |at: usize, name: &str| shown(&reader, at).into_iter().find(|(known, _)| known == name).expect(name).1;
    for name in ["sent_ns", "first_byte_ns", "response_time_ns", "service_time_ns", "status", "error", "request_id"] {
        assert_eq!(value(1, name), Field::Null, "{name}");
    }
    assert_eq!((value(1, "done_ns"), value(1, "series")), (Field::Long(1_001_000_000), text(SERIES[1])));
    assert_eq!((value(1, "outcome"), value(1, "blame")), (text("refused"), text("network")));
    assert_eq!((value(2, "status"), value(2, "blame")), (Field::UShort(429), text("client")));
    assert_ne!(value(2, "error"), Field::Null);
}

#[test]
fn the_metadata_names_the_run_and_the_version_of_the_columns() {
    let reader = written(&[], 10);
    let metadata = reader.metadata().file_metadata();
    assert_eq!((metadata.num_rows(), reader.num_row_groups()), (0, 0));
    let pairs = metadata.key_value_metadata().expect("there is some");
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref());
    assert_eq!(value("sluicegate.version"), Some("1"));
    assert_eq!(value("sluicegate.run"), about().run.as_deref());
    assert_eq!((value("sluicegate.warmup_ns"), value("sluicegate.refused")), (Some("2000000000"), Some("3")));
    assert_eq!(value("sluicegate.complete"), Some("true"));
}

/// Counts what it is given.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Write for &Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_more_than_a_group_of_rows_is_ever_held() {
    let out = Counted::default();
    let mut writer = Writer::in_groups(&out, &about(), &series(), 100).expect("it takes everything");
    let (mut most, mut grown) = (0, 0);
    for n in 0..1_050_u32 {
        let before = out.0.load(Ordering::Relaxed);
        let sample = Sample { session: n, ..answered(f64::from(n), 5.0) };
        writer.push(&Row { sample, id: Some(n.to_string().into()) }).expect("it takes everything");
        let held = writer.columns.iter().map(|column| match &column.values {
            Values::Texts(all) => all.len(),
            Values::Wholes(all) => all.len(),
            Values::Longs(all) => all.len(),
        });
        most = most.max(held.max().unwrap_or_default());
        grown += usize::from(out.0.load(Ordering::Relaxed) > before + 100);
    }
    assert_eq!((most, writer.held, grown), (99, 50, 10), "each full group went out at once");
    writer.finish().expect("it takes everything");
}

proptest! {
    #[test]
    fn every_row_reads_back_whatever_the_groups(rows in proptest::collection::vec((0_u32..100_000, 0_u32..5_000, 0_usize..15, 0_u16..2), 1..60), per_group in 1_usize..20) {
        let rows: Vec<Row> = rows.into_iter().map(|(second, ms, ending, at)| {
            let outcome = Outcome::ALL[ending];
            let sample = if outcome == Outcome::Answered { answered(second.into(), ms.into()) } else { failed(second.into(), outcome) };
            Row { sample: sample.of_series(at), id: None }
        }).collect();
        let reader = written(&rows, per_group);
        prop_assert_eq!(reader.num_row_groups(), rows.len().div_ceil(per_group));
        let read = reader.get_row_iter(None).expect("it has rows").map(|row| row.expect("it reads"));
        let mut count = 0;
        for (row, expected) in read.zip(&rows) {
            let sample = &expected.sample;
            prop_assert_eq!(row.get_string(0).expect("text"), SERIES[usize::from(sample.series.0)]);
            prop_assert_eq!(row.get_long(4).expect("a number") as u64, sample.intended.as_ns());
            prop_assert_eq!(row.get_long(10).is_ok(), sample.outcome == Outcome::Answered);
            prop_assert_eq!(row.get_string(15).expect("text"), sample.outcome.as_str());
            count += 1;
        }
        prop_assert_eq!(count, rows.len());
    }
}
