//! A collector of traces, spoken to beside the lanes: OTLP over HTTP, as JSON.
//!
//! Owns what counts as taken, and how often a batch is tried again (OTLP 1.x: 429, 502, 503 and 504 are passing, and so is no answer; every other
//! refusal is meant). Refuses to make batches (`report::spans`), and to be used while anything is measured: `command` asks it before the run whether
//! it is there, and gives it spans when the run is over. It is trusted by this machine's roots, whatever the target is trusted by.

use std::time::Duration;

use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt, Full, Limited};
use serde::Deserialize;
use sluicegate_policy::time::Span;
use sluicegate_timer::{Clock, Timer};

use super::error::EngineError;
use super::prepare::{alone, route_to};
use super::settings::{Protocol, Settings};
use super::transport::connect::Route;
use super::transport::once;
use crate::traffic::endpoint::Endpoint;

/// Where a collector takes traces, below its address.
const PATH: &str = "/v1/traces";
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a batch is tried.
const TRIES: u32 = 3;
/// Before a batch is tried again; twice as long before the time after that.
const PAUSE: Span = Span::from_ms(200);
/// Of an answer, so much is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A collector.
#[derive(Clone)]
pub struct Collector {
    endpoint: Endpoint,
    route: Route,
}

/// Why a batch was not taken.
struct Refusal {
    why: String,
    /// Whether it may be taken later.
    passing: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    partial_success: Partial,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Partial {
    /// As text by the specification, as a number by some.
    rejected_spans: serde_json::Value,
}

impl Collector {
    /// At this address; `/v1/traces` follows unless it is there already.
    pub fn new(address: &Endpoint) -> Result<Self, EngineError> {
        let mut endpoint = address.clone();
        if !endpoint.base_path.ends_with(PATH) {
            endpoint.base_path.push_str(PATH);
        }
        let settings = Settings::for_target(endpoint.clone());
        // Every collector speaks HTTP/1.1.
        let route = route_to(&endpoint, &settings, Protocol::Http1)?;
        Ok(Self { endpoint, route })
    }

    /// Where it takes traces.
    pub fn url(&self) -> String {
        self.endpoint.to_string()
    }

    /// Asks once, before the run, with an export of nothing. Blocks; not to be called from within an async runtime.
    pub fn ask(&self, nothing: &[u8]) -> Result<(), EngineError> {
        let asked = alone(self.exchange(Bytes::copy_from_slice(nothing)))?;
        asked.map(drop).map_err(|refusal| EngineError::Collector { url: self.url(), why: refusal.why })
    }

    /// Gives it a batch, and again if that may help; how many spans of it it rejected. Blocks as [`Collector::ask`] does.
    pub fn take(&self, batch: &[u8]) -> Result<u64, EngineError> {
        let taken = alone(self.try_again(Bytes::copy_from_slice(batch)))?;
        taken.map_err(|refusal| EngineError::Collector { url: self.url(), why: refusal.why })
    }

    async fn try_again(&self, batch: Bytes) -> Result<u64, Refusal> {
        let clock = Clock::starting_now();
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.exchange(batch.clone()).await {
                Err(refusal) if refusal.passing => {}
                decided => return decided,
            }
            if let Ok(mut timer) = Timer::new(clock) {
                let _ = timer.until(clock.now() + pause).await;
            }
            pause = pause * 2;
        }
        self.exchange(batch).await
    }

    async fn exchange(&self, body: Bytes) -> Result<u64, Refusal> {
        let passing = |why| Refusal { why, passing: true };
        let request = http::Request::post(&self.endpoint.base_path)
            .header(header::HOST, self.endpoint.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(body));
        let request = request.map_err(|_| Refusal { why: "the URL cannot be asked".to_owned(), passing: false })?;
        let asked = once::ask(&self.route, request, async |answer| {
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
            Ok((status, body.to_bytes()))
        });
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        let answered = answered.map_err(|_| passing(format!("no answer in {} s", PATIENCE.as_secs())))?;
        let (status, body) = answered.map_err(passing)?;
        match status {
            200..=299 => Ok(rejected(&body)),
            429 | 502 | 503 | 504 => Err(passing(format!("it answered {status}"))),
            _ => Err(Refusal { why: format!("it answered {status}"), passing: false }),
        }
    }
}

/// How many spans the answer says were rejected; an answer that says nothing has taken all.
fn rejected(body: &[u8]) -> u64 {
    let Answer { partial_success: Partial { rejected_spans } } = serde_json::from_slice(body).unwrap_or_default();
    rejected_spans.as_u64().or_else(|| rejected_spans.as_str()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_found_by_its_address_or_by_its_whole_url() {
        for (address, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
            ("http://gate.test/otlp", "http://gate.test/otlp/v1/traces"),
        ] {
            assert_eq!(Collector::new(&address.parse().unwrap()).unwrap().url(), url);
        }
    }

    #[test]
    fn rejected_spans_are_read_as_text_and_as_a_number() {
        for (body, count) in [
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":2}}"#, 2),
            (r#"{"partialSuccess":{}}"#, 0),
            ("{}", 0),
            ("", 0),
            ("<html>", 0),
        ] {
            assert_eq!(rejected(body.as_bytes()), count, "{body}");
        }
    }
}
