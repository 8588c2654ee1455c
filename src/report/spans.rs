//! Sampled requests as spans of OpenTelemetry, in the JSON of OTLP (`ExportTraceServiceRequest`, protocol 1.x): what a collector takes at `/v1/traces`, and
//! reads from a file line by line.
//!
//! Owns the encoding (ids in hexadecimal, times as text of nanoseconds since 1970) and the attributes: those of the semantic conventions for HTTP
//! clients, and our own below `sluicegate.`. Refuses clocks and sockets, to choose ids (`measure::tracing`), and what is secret: a span has no
//! header, path, body or key of its request; its `url.template` is the name of the route.
//!
//! A span lasts as long as the response time: from the instant at which its request was intended to its end. When the generator turned to it, when
//! its first byte went out and when the first of the answer came are events in it.

use std::borrow::Cow;

use serde::Serialize;
use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::time::{Instant, Span};

use super::metrics::otlp::rejected_of;
use crate::measure::tracing::{Occasion, Tracing};
use crate::measure::{Outcome, Sample};

/// What all spans of a run have in common.
#[derive(Clone, Debug)]
pub struct Common {
    /// How its requests are traced.
    pub tracing: Tracing,
    /// The run's name among all runs.
    pub run: String,
    /// The path of its profile.
    pub profile: String,
    /// Names of its series, in the order of their ids.
    pub series: Vec<String>,
    /// The target's host and port.
    pub server: (String, u16),
}

/// `SPAN_KIND_CLIENT`.
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;
/// The W3C flag of what is sampled.
const SAMPLED: u32 = 1;

/// These requests as one export, without a line end.
pub fn export(common: &Common, samples: &[Sample]) -> Vec<u8> {
    let spans = samples.iter().map(|sample| common.span(sample)).collect();
    let resource = vec![
        text("service.name", "sluicegate"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("sluicegate.run", &common.run),
        text("sluicegate.profile", &common.profile),
    ];
    let scope = Scope { name: "sluicegate", version: env!("CARGO_PKG_VERSION") };
    let scope_spans = vec![ScopeSpans { scope, spans }];
    let export = Export { resource_spans: vec![ResourceSpans { resource: Resource { attributes: resource }, scope_spans }] };
    serde_json::to_vec(&export).expect("texts and numbers have a form in JSON")
}

/// How many spans are in an export that was written here.
pub fn count(export: &str) -> u64 {
    // A quotation mark in a text has a backslash before it, so that this is never part of one.
    export.matches("{\"traceId\":").count() as u64
}

/// An export of no spans, by which a collector shows that it is there.
pub const NOTHING: &[u8] = br#"{"resourceSpans":[]}"#;

/// Where a collector takes spans, below its address.
pub const PATH: &str = "/v1/traces";

/// What is said of the body.
pub const HEADERS: [(&str, &str); 1] = [("content-type", "application/json")];

/// How many spans an answer says were refused, though the request was taken.
pub fn rejected(answer: &[u8]) -> u64 {
    rejected_of(answer, "rejectedSpans")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    resource_spans: Vec<ResourceSpans<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<OneSpan<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneSpan<'a> {
    trace_id: String,
    span_id: String,
    flags: u32,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    time_unix_nano: String,
    name: &'static str,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'static str,
    value: Value<'a>,
}

/// A 64-bit number is text in OTLP's JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Value<'a> {
    StringValue(Cow<'a, str>),
    IntValue(String),
}

impl Common {
    fn span(&self, sample: &Sample) -> OneSpan<'_> {
        let context = self.tracing.context(Occasion::of(sample));
        let time = |at: Instant| self.tracing.wall(at).as_ns().to_string();
        // What never ended has no length.
        let end = if sample.done == Instant::MAX { sample.intended } else { sample.done };
        let happened = [
            ("sluicegate.started", sample.started),
            ("sluicegate.first_byte_sent", sample.sent),
            ("sluicegate.first_byte_received", sample.first_byte),
        ];
        let events = happened.into_iter().filter(|(_, at)| *at != Instant::MAX);
        OneSpan {
            trace_id: format!("{:032x}", context.trace),
            span_id: format!("{:016x}", context.span),
            flags: SAMPLED,
            name: self.name(sample),
            kind: CLIENT,
            start_time_unix_nano: time(sample.intended),
            end_time_unix_nano: time(end.max(sample.intended)),
            attributes: self.attributes(sample),
            events: events.map(|(name, at)| Event { time_unix_nano: time(at), name }).collect(),
            status: (sample.blame() != Blame::Nobody).then_some(Status { code: ERROR }),
        }
    }

    fn name(&self, sample: &Sample) -> &str {
        self.series.get(usize::from(sample.series.0)).map_or("", String::as_str)
    }

    fn attributes(&self, sample: &Sample) -> Vec<Attribute<'_>> {
        let name = self.name(sample);
        // A series is called by its method and its route; a WebSocket connection begins with a GET.
        let (method, template) = name.split_once(' ').unwrap_or(("GET", name));
        // Of a route of any method it is not known; the conventions have a word for that.
        let method = if method == "ANY" { "_OTHER" } else { method };
        let mut all = vec![
            text("http.request.method", method),
            text("url.template", template),
            text("server.address", &self.server.0),
            number("server.port", self.server.1),
            text("sluicegate.outcome", sample.outcome.as_str()),
            text("sluicegate.blame", sample.blame().as_str()),
            number("sluicegate.session", sample.session),
            number("sluicegate.seq", sample.seq),
            number("sluicegate.attempt", sample.attempt),
            number("sluicegate.waited_ns", sample.waited.as_ns()),
        ];
        if sample.attempt > 0 {
            all.push(number("http.request.resend_count", sample.attempt));
        }
        if sample.status > 0 {
            all.push(number("http.response.status_code", sample.status));
        }
        let times = [
            ("sluicegate.schedule_lag_ns", sample.schedule_lag()),
            ("sluicegate.service_time_ns", sample.service_time()),
            ("sluicegate.time_to_first_byte_ns", sample.time_to_first_byte()),
        ];
        all.extend(times.into_iter().filter_map(|(key, time)| Some(number(key, Span::as_ns(time?)))));
        if let Some(kind) = sample.kind {
            all.push(text("sluicegate.error", ErrorKind::as_str(kind)));
        }
        if sample.blame() != Blame::Nobody {
            let answered = sample.outcome == Outcome::Answered;
            let what = if answered { sample.status.to_string().into() } else { sample.outcome.as_str().into() };
            all.push(Attribute { key: "error.type", value: Value::StringValue(what) });
        }
        all
    }
}

fn text<'a>(key: &'static str, text: &'a str) -> Attribute<'a> {
    Attribute { key, value: Value::StringValue(text.into()) }
}

fn number<'a>(key: &'static str, number: impl Into<u64>) -> Attribute<'a> {
    Attribute { key, value: Value::IntValue(number.into().to_string()) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::measure::scripted::{answered, failed};
    use crate::measure::tracing::Dialect;

    fn common() -> Common {
        Common {
            tracing: Tracing::new(Dialect::W3c, "a run", 1.0, Span::from_secs(1_795_370_371)),
            run: "a run".to_owned(),
            profile: "shop.yaml".to_owned(),
            series: vec!["GET /orders/{id}".to_owned(), "$connect".to_owned()],
            server: ("api.test".to_owned(), 443),
        }
    }

    fn exported(samples: &[Sample]) -> Value {
        serde_json::from_slice(&export(&common(), samples)).expect("it is JSON")
    }

    /// The value of an attribute, whatever its type; null if it is not there.
    fn attribute(of: &Value, key: &str) -> Value {
        let all = of["attributes"].as_array().expect("a list");
        let found = all.iter().find(|attribute| attribute["key"] == key);
        found.and_then(|found| found["value"].as_object()?.values().next().cloned()).unwrap_or_default()
    }

    #[test]
    fn a_request_is_a_span_of_its_response_time_with_what_happened_in_it() {
        let sample = answered(1.5, 20.0);
        let started = sample.intended + Span::from_ms(2);
        let sample = Sample { started, sent: started, attempt: 1, ..sample };
        let all = exported(&[sample]);
        let group = &all["resourceSpans"][0];
        assert_eq!(attribute(&group["resource"], "service.name"), "sluicegate");
        assert_eq!(attribute(&group["resource"], "sluicegate.run"), "a run");
        let span = &group["scopeSpans"][0]["spans"][0];
        let context = common().tracing.context(Occasion::of(&sample));
        assert_eq!(span["traceId"], format!("{:032x}", context.trace));
        assert_eq!(span["spanId"], format!("{:016x}", context.span));
        assert_eq!((&span["name"], &span["kind"], &span["flags"]), (&"GET /orders/{id}".into(), &3.into(), &1.into()));
        assert_eq!(span["startTimeUnixNano"], "1795370372500000000");
        assert_eq!(span["endTimeUnixNano"], "1795370372520000000");
        assert_eq!(
            (span["events"][0]["name"].as_str(), span["events"][0]["timeUnixNano"].as_str()),
            (Some("sluicegate.started"), Some("1795370372502000000"))
        );
        assert_eq!(span["events"].as_array().map(Vec::len), Some(3));
        for (key, value) in [
            ("http.request.method", "GET"),
            ("url.template", "/orders/{id}"),
            ("http.response.status_code", "200"),
            ("http.request.resend_count", "1"),
            ("server.address", "api.test"),
            ("server.port", "443"),
            ("sluicegate.outcome", "answered"),
            ("sluicegate.schedule_lag_ns", "2000000"),
            ("sluicegate.time_to_first_byte_ns", "18000000"),
        ] {
            assert_eq!(attribute(span, key), value, "{key}");
        }
        assert_eq!((&span["status"], attribute(span, "error.type")), (&Value::Null, Value::Null));
    }

    #[test]
    fn what_went_wrong_is_an_error_with_its_type() {
        let all = exported(&[answered(1.0, 1.0).status(503), failed(2.0, Outcome::Refused).of_series(1)]);
        let spans = &all["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!((&spans[0]["status"]["code"], attribute(&spans[0], "error.type")), (&2.into(), "503".into()));
        assert_eq!((&spans[1]["status"]["code"], attribute(&spans[1], "error.type")), (&2.into(), "refused".into()));
        assert_eq!(
            (attribute(&spans[1], "sluicegate.blame"), attribute(&spans[1], "http.response.status_code")),
            ("network".into(), Value::Null)
        );
        assert_eq!((attribute(&spans[1], "http.request.method"), &spans[1]["name"]), ("GET".into(), &"$connect".into()));
        assert_eq!(spans[1]["events"].as_array().map(Vec::len), Some(1), "nothing was sent");
    }

    #[test]
    fn an_export_of_nothing_is_an_export() {
        let nothing: Value = serde_json::from_slice(NOTHING).expect("it is JSON");
        assert_eq!(nothing["resourceSpans"].as_array().map(Vec::len), Some(0));
    }
}
