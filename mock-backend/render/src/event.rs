//! What a function gets: the event of a Lambda proxy integration, or of a Lambda authorizer, as JSON.
//!
//! Owns the formats and what they share. Refuses to invoke a function (its caller does) and to judge the request, which was
//! admitted before. Called by whoever reaches a real function: once for each call.
//!
//! Sources: facts, sections 1.2 and 5.1 to 5.3 (developer guide, "Lambda proxy integrations", 2026, and events recorded of the
//! real service). Names of headers and parameters stand in alphabetical order, as in the recorded events.

mod authorizer;
mod headers;
mod http1;
mod http2;
mod rest;
mod websocket;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sluicegate_policy::model::{ApiKind, AuthorizerFormat};

use crate::authorizer::{Granted, asked, method_arn};
use crate::context::Context;
use crate::examined::Examined;
use crate::media::BinaryMedia;
use crate::secured::ClientCertificate;
use crate::seen::Seen;
use crate::vtl::Lookup as _;

/// The format in which a gateway and a function speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFormat {
    /// Of a REST API: like 1.0, and without a version.
    Rest,
    /// 1.0 of an HTTP API.
    Http1,
    /// 2.0 of an HTTP API.
    Http2,
    /// Of a WebSocket API.
    WebSocket,
}

/// What an event needs to know besides the request. All of it belongs to the API's definition or to a step before; whoever calls
/// brings it, since the model has no place for it.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'o> {
    /// The format of the route's integration.
    pub format: PayloadFormat,
    /// `binaryMediaTypes`; only a REST API has them.
    pub binary: &'o BinaryMedia,
    /// `requestContext.authorizer`, where an authorizer ran, as this format shows it: of a REST API `principalId`,
    /// `integrationLatency` and the context, or `claims`; of format 2.0 `jwt`, `lambda` or `iam`.
    pub authorizer: Option<&'o Map<String, Value>>,
    /// `requestContext.operationName` of a REST API's method.
    pub operation: Option<&'o str>,
}

impl Examined<'_> {
    /// The event for a function, as JSON: never empty, always an object.
    pub fn event(&self, occasion: &Occasion<'_>) -> Vec<u8> {
        let of = Eventful { seen: self.seen(), occasion, granted: self.granted() };
        let event = match occasion.format {
            PayloadFormat::Rest => rest::event(&of),
            PayloadFormat::Http1 => http1::event(&of),
            PayloadFormat::Http2 => http2::event(&of),
            PayloadFormat::WebSocket => websocket::event(&of),
        };
        Value::Object(event).to_string().into_bytes()
    }
}

impl Examined<'_> {
    /// The event for the function that the route's authorizer asks, as JSON; `None` if it asks none.
    pub fn authorizer_event(&self) -> Option<Vec<u8>> {
        let seen = self.seen();
        let (lambda, identity) = asked(seen)?;
        let format = match lambda.format {
            AuthorizerFormat::Request if seen.api().kind == ApiKind::WebSocket => PayloadFormat::WebSocket,
            AuthorizerFormat::Token | AuthorizerFormat::Request => PayloadFormat::Rest,
            AuthorizerFormat::V1 => PayloadFormat::Http1,
            AuthorizerFormat::V2(_) => PayloadFormat::Http2,
        };
        let operation = seen.route().and_then(|route| route.operation.as_deref());
        let occasion = Occasion { format, binary: &seen.api().binary, authorizer: None, operation };
        let of = Eventful { seen, occasion: &occasion, granted: None };
        let event = authorizer::event(&of, lambda.format, &identity, &method_arn(seen));
        Some(Value::Object(event).to_string().into_bytes())
    }
}

/// A request and the occasion for its event.
struct Eventful<'e> {
    seen: Seen<'e>,
    occasion: &'e Occasion<'e>,
    /// What a real function said that was asked as the authorizer: it may have named the API key.
    granted: Option<&'e Granted>,
}

impl Eventful<'_> {
    /// A variable of `$context`, or null.
    fn variable(&self, name: &str) -> Value {
        self.known(name).map_or(Value::Null, Value::String)
    }

    /// A variable of `$context`, if there is one.
    fn known(&self, name: &str) -> Option<String> {
        let context = Context { seen: self.seen, fault: None, reply: None, told: None, granted: self.granted };
        context.get(name).map(Cow::into_owned)
    }

    /// Milliseconds since 1970.
    fn epoch(&self) -> Value {
        (self.seen.wall.as_ns() / 1_000_000).into()
    }

    /// The certificate that the client showed.
    fn certificate(&self) -> Option<Value> {
        self.seen.request.secured.as_ref()?.client.as_ref().map(certificate)
    }

    /// The parameters of the path, decoded like the path (aws/aws-lambda-dotnet, pull request 1901, tried against the live service).
    fn decoded_path_parameters(&self) -> Map<String, Value> {
        let params = self.seen.parameters();
        let decoded = |value: &str| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        params.path_parameters().map(|(name, value)| (name.to_owned(), decoded(value).into())).collect()
    }

    /// The body and whether it is base64. A body that is text by its type and not by its bytes is mended, as recorded of REST APIs.
    fn body(&self) -> (Option<String>, bool) {
        let bytes = &self.seen.request.body;
        if bytes.is_empty() {
            return (None, false);
        }
        let content_type = self.seen.header("content-type");
        let is_binary = match self.occasion.format {
            PayloadFormat::Rest | PayloadFormat::WebSocket => self.occasion.binary.holds(content_type),
            PayloadFormat::Http1 | PayloadFormat::Http2 => !crate::media::is_text(content_type),
        };
        let body = if is_binary { STANDARD.encode(bytes) } else { self.seen.body().into_owned() };
        (Some(body), is_binary)
    }

    fn stage_variables(&self) -> Map<String, Value> {
        let variables = self.seen.stage_variables().iter();
        variables.map(|(name, value)| (name.clone(), value.as_str().into())).collect()
    }
}

/// A path, decoded as format 2.0 and the context of 1.0 have it: what follows a question mark in it is dropped. Source: captures of
/// the live service (snapshots of aws/aws-lambda-dotnet, 2025; pull requests 8 of hotsock/voker and 93 of middleapi/standard-server,
/// 2026).
fn decoded_path(path: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or("").to_owned()
}

/// A client's certificate.
fn certificate(of: &ClientCertificate) -> Value {
    serde_json::json!({
        "clientCertPem": of.pem,
        "issuerDN": of.issuer,
        "serialNumber": of.serial,
        "subjectDN": of.subject,
        "validity": { "notAfter": of.not_after, "notBefore": of.not_before },
    })
}

/// Null in the place of an empty object: the formats like 1.0 have no empty ones.
fn or_null(map: Map<String, Value>) -> Value {
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// Of each name the last value.
fn last(pairs: &[(String, String)]) -> Map<String, Value> {
    // A name that comes again keeps its place and takes the new value.
    pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
}

/// Of each name all values, in their order.
fn every(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in pairs {
        let list = all.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = list {
            values.push(value.as_str().into());
        }
    }
    all
}

/// Of each name all values, joined by commas.
fn joined(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in pairs {
        match all.get_mut(name) {
            Some(Value::String(given)) => {
                given.push(',');
                given.push_str(value);
            }
            _ => {
                all.insert(name.clone(), value.as_str().into());
            }
        }
    }
    all
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
