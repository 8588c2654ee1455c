//! A handful of single requests to a live endpoint, each on a connection of its own, and what was agreed on in TLS.
//!
//! Owns the bound on time and on how much of an answer is read, and reading the certificate's end. Refuses load, to follow redirects, to try again
//! and to judge. Called by `command` for checklists.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::error::EngineError;
use super::prepare::{alone, route_to};
use super::settings::{Protocol, Settings};
use super::transport::connect::{Connector, Route};
use super::transport::once;
use super::transport::stamp::Meter;
use crate::load::Share;
use crate::traffic::endpoint::Scheme;

/// So much of a body is read; the rest is left.
const BODY_BYTES_MAX: usize = 16 << 10;
/// Name and value of the agent that asks.
const AGENT: &str = concat!("sluicegate/", env!("CARGO_PKG_VERSION"), " (checklist)");

/// One request, without a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inquiry {
    /// Method, in capitals.
    pub method: String,
    /// Path and query, after the endpoint's base path.
    pub target: String,
    /// Headers besides host and agent.
    pub headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Status.
    pub status: u16,
    /// Headers in order; what is no text is left out.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body; what is no UTF-8 in it is replaced.
    pub body: String,
    /// From the first step of the connection to the end of the answer.
    pub took: Span,
}

/// What was agreed on in TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The version, as rustls calls it: `TLSv1_3`.
    pub version: String,
    /// When the certificate ends, in seconds since 1970; `None` if it cannot be read.
    pub ends_s: Option<i64>,
}

/// Sends one request after the other; each answer, or why there was none. Blocks, for each no longer than the settings' time-out; not to be called
/// from within an async runtime.
pub fn inquire(settings: &Settings, inquiries: &[Inquiry]) -> Result<Vec<Result<Told, String>>, EngineError> {
    let route = limited(settings)?;
    let limit = Duration::from_nanos(settings.timeout.as_ns());
    let clock = Clock::starting_now();
    alone(async {
        let mut all = Vec::new();
        for inquiry in inquiries {
            let begun = clock.now();
            let asked = tokio::time::timeout(limit, exchange(&route, settings, inquiry)).await;
            let told = asked.unwrap_or_else(|_| Err(format!("no answer in {}", settings.timeout)));
            all.push(told.map(|told| Told { took: clock.now().since(begun), ..told }));
        }
        all
    })
}

/// Opens one connection and says what was agreed on; `None` in the clear. Blocks, as [`inquire`] does.
pub fn agreed(settings: &Settings) -> Result<Option<Result<Agreed, String>>, EngineError> {
    if settings.endpoint.scheme == Scheme::Http {
        return Ok(None);
    }
    let route = limited(settings)?;
    let connector = Connector::new(route, Clock::starting_now(), Rc::new(Meter::default()), Share::ALL);
    alone(async {
        let stream = connector.connect().await.map_err(|outcome| outcome.as_str().to_owned());
        Some(stream.and_then(|stream| {
            let (version, certificate) = stream.session().ok_or("nothing was agreed on")?;
            let ends_s = X509Certificate::from_der(&certificate).ok().map(|(_, parsed)| parsed.validity().not_after.timestamp());
            Ok(Agreed { version, ends_s })
        }))
    })
}

fn limited(settings: &Settings) -> Result<Route, EngineError> {
    let route = route_to(&settings.endpoint, settings, Protocol::Http1)?;
    Ok(Route { timeout: settings.timeout.min(settings.connect_timeout), ..route })
}

async fn exchange(route: &Route, settings: &Settings, inquiry: &Inquiry) -> Result<Told, String> {
    let target = format!("{}{}", settings.endpoint.base_path, inquiry.target);
    let mut request = http::Request::builder()
        .method(inquiry.method.as_str())
        .uri(if target.is_empty() { "/" } else { &target })
        .header(header::HOST, settings.endpoint.authority())
        .header(header::USER_AGENT, AGENT)
        .header(header::CONNECTION, "close");
    for (name, value) in &inquiry.headers {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| "the request has no form as HTTP".to_owned())?;
    once::ask(route, request, async |answer| {
        let status = answer.status().as_u16();
        let text =
            |(name, value): (&http::HeaderName, &http::HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
        let headers = answer.headers().iter().filter_map(text).collect();
        let body = beginning(answer.into_body()).await?;
        Ok(Told { status, headers, body, took: Span::ZERO })
    })
    .await
}

async fn beginning(mut body: Incoming) -> Result<String, String> {
    let mut read = BytesMut::new();
    while read.len() < BODY_BYTES_MAX {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() {
            read.extend_from_slice(&data[..data.len().min(BODY_BYTES_MAX - read.len())]);
        }
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}
