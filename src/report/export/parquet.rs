//! The samples of a run as Parquet: a row for each attempt, for `DuckDB`, pandas, Spark and their like.
//!
//! Owns the columns, their types, and how many rows are held at a time: a row group is written as soon as it is full, so memory does not grow with
//! the run. Refuses files (`command` names them) and what is secret: a row has no header, path, body or key of its request.
//!
//! | column | type | what it is |
//! |---|---|---|
//! | `series` | string | name of the series |
//! | `session`, `seq` | u32 | which step of the script |
//! | `attempt` | u8 | 0, then one for each retry |
//! | `intended_ns`, `started_ns`, `sent_ns`, `first_byte_ns`, `done_ns` | i64 | instants in nanoseconds of the run's clock, whose zero is the script's; null for what did not happen |
//! | `waited_ns` | i64 | how long it waited by no fault of the generator |
//! | `response_time_ns`, `service_time_ns`, `time_to_first_byte_ns` | i64 | of complete answers, of any status; null for all others |
//! | `schedule_lag_ns` | i64 | from the intended instant to the start; null if it never started |
//! | `status` | u16 | HTTP status; null without an answer |
//! | `outcome` | string | `answered`, `timed-out`, ... |
//! | `error` | string | what kind of error an answer is; null if it is none |
//! | `blame` | string | whose fault: `nobody`, `client`, `gateway`, ... |
//! | `request_id` | string | what the gateway calls it; null without an answer that says so |
//!
//! The file's metadata has keys of the form `sluicegate.*` ([`About`]). Rows of the warm-up are in it: leave out those with `intended_ns` below
//! `sluicegate.warmup_ns` to see what the report counts.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};
use sluicegate_policy::call::ErrorKind;
use sluicegate_policy::time::{Instant, Span};

use crate::measure::Outcome;
use crate::measure::rows::Row;

/// Version of the columns and of the metadata.
pub const VERSION: u32 = 1;

/// Rows that are held, and written together. Readers read groups side by side; `DuckDB` makes them as large as this.
pub const ROWS_PER_GROUP: usize = 122_880;

/// What is said of the run in the file's metadata.
#[derive(Clone, Debug)]
pub struct About {
    /// `sluicegate.run`: its name among all runs.
    pub run: Option<String>,
    /// `sluicegate.profile`: the path of its profile.
    pub profile: String,
    /// `sluicegate.target`: where its traffic went.
    pub target: String,
    /// `sluicegate.started_at`: wall clock at its start, RFC 3339.
    pub started_at: String,
    /// `sluicegate.warmup_ns`: how much of the beginning is in no statistics.
    pub warmup_ns: u64,
    /// `sluicegate.complete`: whether it came to its end with all of its samples. `false` where it was killed, or its disk was full.
    pub complete: bool,
    /// `sluicegate.refused`: attempts that found no room on their way to the samples; absent where that is not known.
    pub refused: Option<u64>,
}

/// Writes rows, one after the other.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    words: Words,
    columns: Vec<Column>,
    held: usize,
    per_group: usize,
}

/// Of what type a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Text of which there are few different ones.
    Word,
    /// Any text.
    Text,
    /// A whole number of so many bits.
    Whole(i8),
    /// Nanoseconds.
    Ns,
}

/// A column's name, type, and whether each row has a value.
const COLUMNS: [(&str, Kind, Repetition); 19] = {
    use Kind::{Ns, Text, Whole, Word};
    const REQUIRED: Repetition = Repetition::REQUIRED;
    const OPTIONAL: Repetition = Repetition::OPTIONAL;
    [
        ("series", Word, REQUIRED),
        ("session", Whole(32), REQUIRED),
        ("seq", Whole(32), REQUIRED),
        ("attempt", Whole(8), REQUIRED),
        ("intended_ns", Ns, REQUIRED),
        ("started_ns", Ns, OPTIONAL),
        ("sent_ns", Ns, OPTIONAL),
        ("first_byte_ns", Ns, OPTIONAL),
        ("done_ns", Ns, OPTIONAL),
        ("waited_ns", Ns, REQUIRED),
        ("response_time_ns", Ns, OPTIONAL),
        ("service_time_ns", Ns, OPTIONAL),
        ("time_to_first_byte_ns", Ns, OPTIONAL),
        ("schedule_lag_ns", Ns, OPTIONAL),
        ("status", Whole(16), OPTIONAL),
        ("outcome", Word, REQUIRED),
        ("error", Word, OPTIONAL),
        ("blame", Word, REQUIRED),
        ("request_id", Text, OPTIONAL),
    ]
};

/// The values of a column that are held.
struct Column {
    values: Values,
    /// For each row whether it has a value; empty where each has.
    defined: Vec<i16>,
    optional: bool,
}

enum Values {
    Texts(Vec<ByteArray>),
    Wholes(Vec<i32>),
    Longs(Vec<i64>),
}

/// A value of a row.
enum Value {
    Absent,
    Text(ByteArray),
    Whole(u32),
    Long(i64),
}

/// Words that are written again and again, each held once.
struct Words {
    series: Vec<ByteArray>,
    others: BTreeMap<&'static str, ByteArray>,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file for a run whose series have these names, in the order of their ids.
    pub fn new(out: W, about: &About, series: &[String]) -> Result<Self, ParquetError> {
        Self::in_groups(out, about, series, ROWS_PER_GROUP)
    }

    fn in_groups(out: W, about: &About, series: &[String], per_group: usize) -> Result<Self, ParquetError> {
        let file = SerializedFileWriter::new(out, Arc::new(schema()?), Arc::new(properties(about)))?;
        let columns = COLUMNS.map(|(_, kind, repetition)| Column::of(kind, repetition)).into();
        Ok(Self { file, words: Words::of(series), columns, held: 0, per_group })
    }

    /// Takes a row; with the last one of a group the group is written.
    pub fn push(&mut self, row: &Row) -> Result<(), ParquetError> {
        for (column, value) in self.columns.iter_mut().zip(self.words.values(row)) {
            column.push(value);
        }
        self.held += 1;
        if self.held == self.per_group { self.write_group() } else { Ok(()) }
    }

    /// Writes what is held, and what makes it a file.
    pub fn finish(mut self) -> Result<(), ParquetError> {
        if self.held > 0 {
            self.write_group()?;
        }
        self.file.close().map(drop)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            let missing = || ParquetError::General("the schema has fewer columns than a row".to_owned());
            let mut writer = group.next_column()?.ok_or_else(missing)?;
            column.write(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
        self.held = 0;
        // The group has gone into a buffer of the writer; now it goes out.
        self.file.flush().map_err(|error| ParquetError::External(Box::new(error)))
    }
}

impl Column {
    fn of(kind: Kind, repetition: Repetition) -> Self {
        let values = match kind {
            Kind::Word | Kind::Text => Values::Texts(Vec::new()),
            Kind::Whole(_) => Values::Wholes(Vec::new()),
            Kind::Ns => Values::Longs(Vec::new()),
        };
        Self { values, defined: Vec::new(), optional: repetition == Repetition::OPTIONAL }
    }

    fn push(&mut self, value: Value) {
        if self.optional {
            self.defined.push(i16::from(!matches!(value, Value::Absent)));
        }
        match (&mut self.values, value) {
            (_, Value::Absent) => {}
            (Values::Texts(all), Value::Text(text)) => all.push(text),
            (Values::Wholes(all), Value::Whole(number)) => all.push(number.cast_signed()),
            (Values::Longs(all), Value::Long(number)) => all.push(number),
            (Values::Texts(_) | Values::Wholes(_) | Values::Longs(_), Value::Text(_) | Value::Whole(_) | Value::Long(_)) => {
                unreachable!("the values of a row have the types of the columns")
            }
        }
    }

    /// Writes what is held of it; then nothing is, and the room for it stays.
    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let defined = self.optional.then_some(&*self.defined);
        match &mut self.values {
            Values::Texts(all) => {
                writer.typed::<ByteArrayType>().write_batch(all, defined, None)?;
                all.clear();
            }
            Values::Wholes(all) => {
                writer.typed::<Int32Type>().write_batch(all, defined, None)?;
                all.clear();
            }
            Values::Longs(all) => {
                writer.typed::<Int64Type>().write_batch(all, defined, None)?;
                all.clear();
            }
        }
        self.defined.clear();
        Ok(())
    }
}

impl Words {
    fn of(series: &[String]) -> Self {
        Self { series: series.iter().map(|name| ByteArray::from(&**name)).collect(), others: BTreeMap::new() }
    }

    fn word(&mut self, word: &'static str) -> Value {
        Value::Text(self.others.entry(word).or_insert_with(|| ByteArray::from(word)).clone())
    }

    /// The values of a row, in the order of the columns.
    fn values(&mut self, row: &Row) -> [Value; COLUMNS.len()] {
        let sample = &row.sample;
        // What the report calls these times they are of complete answers alone.
        let answered = |time: Option<Span>| time.filter(|_| sample.outcome == Outcome::Answered);
        let series = self.series.get(usize::from(sample.series.0)).cloned().unwrap_or_default();
        [
            Value::Text(series),
            Value::Whole(sample.session),
            Value::Whole(sample.seq),
            Value::Whole(sample.attempt.into()),
            instant(sample.intended),
            instant(sample.started),
            instant(sample.sent),
            instant(sample.first_byte),
            instant(sample.done),
            span(Some(sample.waited)),
            span(answered(sample.response_time())),
            span(answered(sample.service_time())),
            span(answered(sample.time_to_first_byte())),
            span(sample.schedule_lag()),
            if sample.status == 0 { Value::Absent } else { Value::Whole(sample.status.into()) },
            self.word(sample.outcome.as_str()),
            sample.kind.map_or(Value::Absent, |kind| self.word(ErrorKind::as_str(kind))),
            self.word(sample.blame().as_str()),
            row.id.as_deref().map_or(Value::Absent, |id| Value::Text(ByteArray::from(id))),
        ]
    }
}

fn instant(at: Instant) -> Value {
    if at == Instant::MAX { Value::Absent } else { long(at.as_ns()) }
}

fn span(span: Option<Span>) -> Value {
    span.map_or(Value::Absent, |span| long(span.as_ns()))
}

/// Signed, as readers of nanoseconds expect them; three centuries fit.
fn long(ns: u64) -> Value {
    Value::Long(i64::try_from(ns).unwrap_or(i64::MAX))
}

fn schema() -> Result<Type, ParquetError> {
    let columns = COLUMNS.iter().map(|(name, kind, repetition)| {
        let (physical, logical, converted) = match kind {
            Kind::Word | Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), ConvertedType::UTF8),
            Kind::Whole(8) => (Physical::INT32, Some(LogicalType::integer(8, false)), ConvertedType::UINT_8),
            Kind::Whole(16) => (Physical::INT32, Some(LogicalType::integer(16, false)), ConvertedType::UINT_16),
            Kind::Whole(_) => (Physical::INT32, Some(LogicalType::integer(32, false)), ConvertedType::UINT_32),
            Kind::Ns => (Physical::INT64, None, ConvertedType::NONE),
        };
        let column = Type::primitive_type_builder(name, physical).with_repetition(*repetition);
        column.with_logical_type(logical).with_converted_type(converted).build().map(Arc::new)
    });
    Type::group_type_builder("samples").with_fields(columns.collect::<Result<_, _>>()?).build()
}

/// Instants of neighbours are near each other, and words come again and again: each is written so that this is used.
fn properties(about: &About) -> WriterProperties {
    let common = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(about.metadata()));
    let of_columns = COLUMNS.iter().fold(common, |properties, (name, kind, _)| {
        let column = ColumnPath::from(*name);
        match kind {
            Kind::Word => properties.set_column_dictionary_enabled(column, true),
            Kind::Text => properties,
            Kind::Whole(_) | Kind::Ns => properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
        }
    });
    of_columns.build()
}

impl About {
    fn metadata(&self) -> Vec<KeyValue> {
        let Self { run, profile, target, started_at, warmup_ns, complete, refused } = self.clone();
        let pairs = [
            ("version", Some(VERSION.to_string())),
            ("program", Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("run", run),
            ("profile", Some(profile)),
            ("target", Some(target)),
            ("started_at", Some(started_at)),
            ("warmup_ns", Some(warmup_ns.to_string())),
            ("complete", Some(complete.to_string())),
            ("refused", refused.map(|refused| refused.to_string())),
        ];
        let known = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
        known.map(|(key, value)| KeyValue::new(format!("sluicegate.{key}"), value)).collect()
    }
}

#[cfg(test)]
mod tests;
