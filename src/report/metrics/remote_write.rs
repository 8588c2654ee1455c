//! The metrics as Prometheus and its like take them when they are pushed: remote write 1.0.
//!
//! Owns the message (Prometheus, "Remote-Write 1.0 specification": a `WriteRequest` in protobuf, in one snappy block), the order of its labels, and
//! the markers that end its time series. Refuses values (`snapshot`) and to send (`serve`).

use prost::Message;

use super::catalogue::{CATALOGUE, Kind, RUN};
use super::snapshot::{Family, Point, Snapshot, Value};
use super::{Body, Part};

/// Headers that each request has.
pub const HEADERS: [(&str, &str); 3] =
    [("content-encoding", "snappy"), ("content-type", "application/x-protobuf"), ("x-prometheus-remote-write-version", "0.1.0")];

/// The value that says that a time series has ended ("Stale Markers"): one NaN among all.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;
/// The program, as Prometheus names what it scrapes.
const JOB: &str = "sluicegate";

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

/// The body of a request, of an instant in nanoseconds since 1970. The last one ends every time series a millisecond later, so that no query takes
/// the run for one that goes on.
pub fn write(snapshot: &Snapshot, at_ns: u64, part: Part) -> Body {
    let at_ms = i64::try_from(at_ns / 1_000_000).unwrap_or(i64::MAX - 1);
    let mut timeseries = Vec::new();
    for family in &snapshot.families {
        for point in &family.points {
            add(&mut timeseries, (family, point, &snapshot.run), at_ms);
        }
    }
    let samples = timeseries.len() as u64;
    if part == Part::Last {
        for series in &mut timeseries {
            series.samples.push(Sample { value: f64::from_bits(STALE_BITS), timestamp: at_ms + 1 });
        }
    }
    let metadata = if part == Part::First { metadata() } else { Vec::new() };
    let message = WriteRequest { timeseries, metadata }.encode_to_vec();
    let bytes = snap::raw::Encoder::new().compress_vec(&message).expect("a request is far below the 4 GiB that snappy takes");
    Body { bytes, samples }
}

/// The time series of one point: of a distribution one for each bucket, their sum and their number.
fn add(to: &mut Vec<TimeSeries>, (family, point, run): (&Family, &Point, &str), at_ms: i64) {
    let metric = family.metric;
    let mut push = |suffix: &str, bound: Option<&str>, value: f64| {
        let mut labels = vec![
            label("__name__", &format!("{}{suffix}", metric.name)),
            label("instance", run),
            label("job", JOB),
            label(RUN, run),
        ];
        labels.extend(metric.labels.iter().zip(&point.labels).map(|(name, value)| label(name, value)));
        labels.extend(bound.map(|bound| label("le", bound)));
        // Receivers may refuse labels that are not in order.
        labels.sort_by(|one, other| one.name.cmp(&other.name));
        to.push(TimeSeries { labels, samples: vec![Sample { value, timestamp: at_ms }] });
    };
    match &point.value {
        Value::Count(count) => push("", None, *count as f64),
        Value::Number(number) => push("", None, *number),
        Value::Times(times) => {
            for (bound, count) in times.up_to() {
                push("_bucket", Some(&bound.to_string()), count as f64);
            }
            push("_bucket", Some("+Inf"), times.count as f64);
            push("_sum", None, times.sum_s);
            push("_count", None, times.count as f64);
        }
    }
}

fn label(name: &str, value: &str) -> Label {
    Label { name: name.to_owned(), value: value.to_owned() }
}

fn metadata() -> Vec<Metadata> {
    let kind = |kind| match kind {
        Kind::Counter => 1,
        Kind::Gauge => 2,
        Kind::Histogram => 3,
    };
    let of = |metric: &&super::Metric| Metadata {
        kind: kind(metric.kind),
        family: metric.name.to_owned(),
        help: metric.help.to_owned(),
        unit: metric.unit.to_owned(),
    };
    CATALOGUE.iter().map(of).collect()
}
