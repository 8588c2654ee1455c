//! The events of a WebSocket API: a connection is asked for, says something, is gone.
//!
//! Owns their keys. Refuses to choose the format. Called by [`event`](super).
//!
//! Source: developer guide, "Working with routes for WebSocket APIs" and "Set up a WebSocket API integration request", 2023, and the
//! events that `aws_lambda_events` and serverless-offline keep (facts, section 5.5). `CONNECT` alone has the client's headers and query; a
//! message has none; `DISCONNECT` has four headers of the gateway's own. What is empty is left out.

use serde_json::{Map, Value, json};
use sluicegate_policy::call::Purpose;
use sluicegate_policy::model::Requirement;

use super::{Eventful, every, headers, last};

/// The whole event.
pub(super) fn event(of: &Eventful<'_>) -> Map<String, Value> {
    let mut event = Map::new();
    match purpose(of) {
        Purpose::Connect(_) => {
            put_headers(&headers::rest(of), &mut event);
            let params = of.seen.parameters();
            let query: Vec<_> = params.query().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            if !query.is_empty() {
                event.insert("queryStringParameters".to_owned(), last(&query).into());
                event.insert("multiValueQueryStringParameters".to_owned(), every(&query).into());
            }
        }
        Purpose::Disconnect(_) => put_headers(&of_the_gateway(of), &mut event),
        Purpose::Answer | Purpose::Preflight | Purpose::Message(..) | Purpose::Callback(..) => {}
    }
    let variables = of.stage_variables();
    if !variables.is_empty() {
        event.insert("stageVariables".to_owned(), variables.into());
    }
    event.insert("requestContext".to_owned(), context(of).into());
    if let Purpose::Message(..) = purpose(of) {
        event.insert("body".to_owned(), of.seen.body().into());
    }
    event.insert("isBase64Encoded".to_owned(), false.into());
    event
}

/// What an authorizer of `$connect` gets besides its type and the ARN.
pub(super) fn asked(of: &Eventful<'_>) -> Map<String, Value> {
    let mut event = event(of);
    event.remove("isBase64Encoded");
    event
}

fn purpose(of: &Eventful<'_>) -> Purpose {
    of.seen.to.link.map_or(Purpose::Answer, |linked| linked.purpose)
}

fn put_headers(headers: &[(String, String)], event: &mut Map<String, Value>) {
    event.insert("headers".to_owned(), last(headers).into());
    event.insert("multiValueHeaders".to_owned(), every(headers).into());
}

/// The headers of the news that a connection is gone.
fn of_the_gateway(of: &Eventful<'_>) -> Vec<(String, String)> {
    let host = of.known("domainName").unwrap_or_default();
    let key = of.seen.header("x-api-key").unwrap_or_default().to_owned();
    let pairs = [("Host", host), ("x-api-key", key), ("X-Forwarded-For", String::new()), ("x-restapi", String::new())];
    pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn context(of: &Eventful<'_>) -> Map<String, Value> {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| {
        context.insert(name.to_owned(), value);
    };
    put("routeKey", of.variable("routeKey"));
    if let Some(authorizer) = of.occasion.authorizer {
        put("authorizer", Value::Object(authorizer.clone()));
    }
    if let Some(id) = of.known("messageId") {
        put("messageId", id.into());
    }
    if let Some((code, reason)) = of.seen.to.link.and_then(|linked| linked.ended) {
        put("disconnectStatusCode", code.into());
        put("disconnectReason", reason.into());
    }
    for name in ["eventType", "extendedRequestId", "requestTime", "messageDirection", "stage"] {
        put(name, of.variable(name));
    }
    let connected = of.seen.to.link.and_then(|linked| linked.link).map(|link| link.connected.as_ns() / 1_000_000);
    put("connectedAt", connected.map_or(Value::Null, Value::from));
    put("requestTimeEpoch", of.epoch());
    put("identity", identity(of));
    for name in ["requestId", "domainName", "connectionId", "apiId"] {
        put(name, of.variable(name));
    }
    context
}

fn identity(of: &Eventful<'_>) -> Value {
    let mut identity = json!({ "sourceIp": of.variable("identity.sourceIp") });
    if let Some(user_agent) = of.known("identity.userAgent") {
        identity["userAgent"] = user_agent.into();
    }
    if of.seen.route().is_some_and(|route| route.api_key == Requirement::Required) {
        for name in ["apiKey", "apiKeyId"] {
            identity[name] = of.variable(&format!("identity.{name}"));
        }
    }
    identity
}
