//! The metrics as OpenTelemetry collectors take them: OTLP/HTTP, in JSON.
//!
//! Owns the message (`ExportMetricsServiceRequest` in protobuf's JSON form, OTLP 1.x: 64-bit whole numbers are texts) and what an answer says of it.
//! Names are those that Prometheus is told, and its translation of OTLP leaves them as they are. Refuses values (`snapshot`) and to send (`serve`).

use serde_json::{Value as Json, json};

use super::Body;
use super::catalogue::{Kind, RUN};
use super::snapshot::{Family, Point, Snapshot, Value};

/// Headers that each request has.
pub const HEADERS: [(&str, &str); 1] = [("content-type", "application/json")];
/// Where collectors take metrics, below their URL.
pub const PATH: &str = "/v1/metrics";

/// The program's name among services.
const SERVICE: &str = "sluicegate";
/// Counts are of all of the run, not since the request before (`AGGREGATION_TEMPORALITY_CUMULATIVE`).
const CUMULATIVE: u32 = 2;

/// The body of a request, of an instant and of a run that began, in nanoseconds since 1970.
pub fn write(snapshot: &Snapshot, version: &str, began_ns: u64, at_ns: u64) -> Body {
    let times = (began_ns.to_string(), at_ns.to_string());
    let metrics: Vec<Json> = snapshot.families.iter().map(|family| metric(family, &snapshot.run, &times)).collect();
    let resource = [("service.name", SERVICE), ("service.instance.id", &snapshot.run), ("service.version", version)];
    let message = json!({
        "resourceMetrics": [{
            "resource": { "attributes": resource.map(|(key, value)| attribute(key, value)) },
            "scopeMetrics": [{ "scope": { "name": SERVICE, "version": version }, "metrics": metrics }],
        }],
    });
    let samples = snapshot.families.iter().map(|family| family.points.len() as u64).sum();
    Body { bytes: message.to_string().into_bytes(), samples }
}

/// How many samples an answer says were refused, though the request was taken (`partialSuccess`).
pub fn rejected(answer: &[u8]) -> u64 {
    rejected_of(answer, "rejectedDataPoints")
}

/// The same of what is counted by this key.
pub(in crate::report) fn rejected_of(answer: &[u8], key: &str) -> u64 {
    let answer: Option<Json> = serde_json::from_slice(answer).ok();
    let rejected = answer.as_ref().and_then(|answer| answer.get("partialSuccess")?.get(key));
    let number = |rejected: &Json| rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok());
    rejected.and_then(number).unwrap_or(0)
}

fn metric(family: &Family, run: &str, times: &(String, String)) -> Json {
    let metric = family.metric;
    let points: Vec<Json> = family.points.iter().map(|point| data_point(family, point, run, times)).collect();
    let (kind, data) = match metric.kind {
        Kind::Counter => ("sum", json!({ "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points })),
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Histogram => ("histogram", json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points })),
    };
    json!({ "name": metric.name, "description": metric.help, "unit": metric.unit, kind: data })
}

fn data_point(family: &Family, point: &Point, run: &str, (began, at): &(String, String)) -> Json {
    let labels = family.metric.labels.iter().zip(&point.labels).map(|(name, value)| attribute(name, value));
    let attributes: Vec<Json> = [attribute(RUN, run)].into_iter().chain(labels).collect();
    let mut data = json!({
        "attributes": attributes,
        "startTimeUnixNano": began,
        "timeUnixNano": at,
    });
    let more = match &point.value {
        Value::Count(count) => vec![("asInt", json!(count.to_string()))],
        Value::Number(number) => vec![("asDouble", json!(number))],
        Value::Times(times) => vec![
            ("count", json!(times.count.to_string())),
            ("sum", json!(times.sum_s)),
            ("bucketCounts", times.each().map(|count| count.to_string()).collect()),
            ("explicitBounds", times.up_to().map(|(bound, _)| bound).collect()),
        ],
    };
    for (key, value) in more {
        data[key] = value;
    }
    data
}

fn attribute(key: &str, value: &str) -> Json {
    json!({ "key": key, "value": { "stringValue": value } })
}
