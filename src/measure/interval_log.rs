//! The interval log: an HDR V2 log (`.hlog`) of times, one line for each intended second, series and fate.
//!
//! Owns tags (slugs of the series names, as HDR allows neither spaces nor commas; behind a point what became of the actions, unless they
//! went well) and the format of the lines: nanoseconds,
//! compressed V2 histograms, as `HistogramLogReader` of the Java tools and every port of it read them. Refuses files: it
//! writes to what it is given, as intervals come; a late completion becomes another line of its own second, which readers add.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};

use super::channel::growing;
use super::intervals::Intervals;

/// The line of the head that tells what stands behind a point. Logs without it have the answers of a series, whatever their status, under its
/// tag alone.
pub(super) const FATES: &str = "#[A tag alone: answered, and none of these: .client 4xx, .throttled 429, .failed-PARTY 5xx or no answer (until it \
                                was given up), .cut-off by the end of the run]";

/// Writes an interval log.
pub struct IntervalLog<W> {
    out: W,
    tags: Vec<String>,
    serializer: V2DeflateSerializer,
    /// One for all lines.
    scratch: Histogram<u64>,
}

impl<W: io::Write> IntervalLog<W> {
    /// Writes the head: the format, the wall-clock start of the run that all lines count from, and which tag is which series.
    pub fn new(mut out: W, series: &[String], started: SystemTime) -> io::Result<Self> {
        let tags = slugs(series);
        let told = tags.iter().zip(series).map(|(tag, name)| format!("#[Tag {tag}: {}]", in_one_line(name)));
        head(&mut out, std::iter::once(FATES.to_owned()).chain(told), started)?;
        Ok(Self { out, tags, serializer: V2DeflateSerializer::new(), scratch: growing() })
    }

    /// Writes one line for each interval, in order, and flushes.
    pub fn write(&mut self, intervals: &Intervals) -> io::Result<()> {
        for (second, slot, values) in intervals.iter() {
            let Some(tag) = self.tags.get(usize::from(slot.series.0)).map(|tag| tag.clone() + &slot.fate.tag()) else { continue };
            self.scratch.reset();
            for (ns, count) in values {
                self.scratch.record_n(ns, u64::from(count)).expect("an interval's value fits into a histogram that grows");
            }
            line(&mut self.out, &mut self.serializer, (second, &self.scratch), Tag::new(&tag))?;
        }
        self.out.flush()
    }

    /// The tag of each series, in the order of their ids.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Gives back what it wrote to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// A log without tags, one line for each second, as it is asked for by tools that know no tags, or that look at lines without one unless they
/// are told otherwise (`HistogramLogProcessor` of the Java tools). `whose` times they are stands in the head.
pub fn write_untagged(
    whose: &str,
    seconds: impl Iterator<Item = (u32, Histogram<u64>)>,
    started: SystemTime,
) -> io::Result<Vec<u8>> {
    let (mut out, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let told = format!("#[Complete answers of any status, the warm-up included: {}]", in_one_line(whose));
    head(&mut out, std::iter::once(told), started)?;
    for (second, times) in seconds {
        line(&mut out, &mut serializer, (second, &times), None)?;
    }
    Ok(out)
}

fn head(out: &mut impl io::Write, told: impl Iterator<Item = String>, started: SystemTime) -> io::Result<()> {
    let since_epoch = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    writeln!(out, "#[Histogram log format version 1.3]")?;
    writeln!(out, "#[Response times in nanoseconds, by intended second; written by sluicegate]")?;
    for comment in told {
        writeln!(out, "{comment}")?;
    }
    writeln!(out, "#[StartTime: {since_epoch:.3} (seconds since epoch)]")?;
    writeln!(out, "#[BaseTime: {since_epoch:.3} (seconds since epoch)]")?;
    writeln!(out, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"")
}

fn line(
    out: &mut impl io::Write,
    serializer: &mut V2DeflateSerializer,
    (second, times): (u32, &Histogram<u64>),
    tag: Option<Tag<'_>>,
) -> io::Result<()> {
    let start = Duration::from_secs(u64::from(second));
    let mut log = IntervalLogWriterBuilder::new().begin_log_with(out, serializer)?;
    log.write_histogram(times, start, Duration::from_secs(1), tag).map_err(|error| match error {
        IntervalLogWriterError::IoError(error) => error,
        IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
    })
}

/// A line break would end a comment.
fn in_one_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// A tag for each name: lower-case letters, digits and dashes, none twice. `GET /orders/{id}` becomes `get-orders-id`.
pub fn slugs(names: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut slugs = Vec::with_capacity(names.len());
    for name in names {
        let slug = slug(name);
        let unique = (1..=names.len())
            .map(|n| if n == 1 { slug.clone() } else { format!("{slug}-{n}") })
            .find(|candidate| !taken.contains(candidate))
            .expect("fewer slugs are taken than there are names");
        taken.insert(unique.clone());
        slugs.push(unique);
    }
    slugs
}

fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    if slug.is_empty() { "series".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::super::channel::full_range;
    use super::*;
    use crate::traffic::SeriesId;
    use base64::Engine as _;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use std::collections::BTreeMap;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Reads a log as any tool would: for each tag and second all values added up.
    fn read(log: &[u8]) -> BTreeMap<(String, u64), Histogram<u64>> {
        let mut all = BTreeMap::new();
        for entry in IntervalLogIterator::new(log) {
            let LogEntry::Interval(line) = entry.expect("every line can be read") else { continue };
            let bytes = base64::engine::general_purpose::STANDARD.decode(line.encoded_histogram()).expect("base64");
            let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).expect("a histogram");
            let key = (line.tag().expect("a tag").as_str().to_owned(), line.start_timestamp().as_secs());
            all.entry(key).or_insert_with(full_range).add(histogram).expect("one range");
        }
        all
    }

    #[test]
    fn standard_readers_find_every_value_again() {
        let mut intervals = Intervals::default();
        let mut expected = full_range();
        for n in 0..5_000_u64 {
            let ns = 1_000_000 + n * n * 317;
            intervals.record((n % 7) as u32, SeriesId((n % 2) as u16), ns);
            expected.record(ns).expect("in range");
        }
        let mut log = IntervalLog::new(Vec::new(), &names(&["GET /a b", "x,y"]), SystemTime::UNIX_EPOCH).expect("memory");
        log.write(&intervals.take_before(4)).expect("memory");
        intervals.record(2, SeriesId(0), 29_000_000_000);
        expected.record(29_000_000_000).expect("in range");
        log.write(&intervals).expect("memory");
        let bytes = log.into_inner();

        let read = read(&bytes);
        let mut total = full_range();
        for histogram in read.values() {
            total.add(histogram).expect("one range");
        }
        assert_eq!(total, expected);
        assert_eq!(read.len(), 14, "seven seconds of two series");
        assert!(read[&("get-a-b".to_owned(), 2)].max() >= 29_000_000_000, "the late completion is in its own second");
    }

    #[test]
    fn an_empty_log_can_be_read_too() {
        let log = IntervalLog::new(Vec::new(), &[], SystemTime::UNIX_EPOCH).expect("memory");
        assert!(read(&log.into_inner()).is_empty());
    }

    #[test]
    fn tags_are_plain_and_none_stands_for_two_series() {
        let slugs = slugs(&names(&["GET /orders/{id}", "GET /orders/id", "", "\n,", "get orders id 2", "Ünï"]));
        assert_eq!(slugs, ["get-orders-id", "get-orders-id-2", "series", "series-2", "get-orders-id-2-2", "n"]);
    }

    #[test]
    fn a_full_disk_is_an_error_not_a_panic() {
        struct Full;
        impl io::Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(IntervalLog::new(Full, &[], SystemTime::UNIX_EPOCH).is_err());
    }
}
