//! What a function gets that is asked as an authorizer.
//!
//! Owns its four events. Refuses what they share with the events of integrations (their modules have it) and to choose the format. Called
//! by [`event`](super).
//!
//! Source: developer guide, "Input to an API Gateway Lambda authorizer" and "Control access to HTTP APIs with AWS Lambda authorizers",
//! 2026, with the examples that `aws_lambda_events` keeps of them (facts, sections 9.2 and 9.3). None has a body. What is empty is an empty
//! object in the events like 1.0, and left out of 2.0.

use serde_json::{Map, Value};
use sluicegate_policy::model::AuthorizerFormat;

use super::{Eventful, PayloadFormat, http1, http2, rest, websocket};

/// The whole event. `identity` has the values of the identity sources, in their order; `arn` names the method or route.
pub(super) fn event(of: &Eventful<'_>, format: AuthorizerFormat, identity: &[String], arn: &str) -> Map<String, Value> {
    match format {
        AuthorizerFormat::Token => {
            let token = identity.first().map_or("", String::as_str);
            told([("type", "TOKEN".into()), ("methodArn", arn.into()), ("authorizationToken", token.into())])
        }
        AuthorizerFormat::Request => {
            let mut event = told([("type", "REQUEST".into()), ("methodArn", arn.into())]);
            let of_request = match of.occasion.format {
                PayloadFormat::WebSocket => websocket::asked(of),
                PayloadFormat::Rest | PayloadFormat::Http1 | PayloadFormat::Http2 => without_body(rest::event(of)),
            };
            event.extend(of_request);
            event
        }
        AuthorizerFormat::V1 => {
            let identity = identity.join(",");
            let mut event = told([("type", "REQUEST".into()), ("methodArn", arn.into())]);
            event.extend(without_body(http1::event(of)));
            for several in ["multiValueHeaders", "multiValueQueryStringParameters"] {
                event.remove(several);
            }
            if !identity.is_empty() {
                event.extend(told([("identitySource", identity.clone().into()), ("authorizationToken", identity.into())]));
            }
            event
        }
        AuthorizerFormat::V2(_) => {
            let mut event = told([("type", "REQUEST".into()), ("routeArn", arn.into())]);
            if !identity.is_empty() {
                event.insert("identitySource".to_owned(), identity.into());
            }
            event.extend(http2::event(of).into_iter().filter(|(name, _)| !is_body(name)));
            event
        }
    }
}

fn told<const N: usize>(parts: [(&str, Value); N]) -> Map<String, Value> {
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn is_body(name: &str) -> bool {
    matches!(name, "body" | "isBase64Encoded")
}

/// Without the body, and with an empty object where nothing is.
fn without_body(event: Map<String, Value>) -> Map<String, Value> {
    let empty = || Value::Object(Map::new());
    let told = event.into_iter().filter(|(name, _)| !is_body(name));
    told.map(|(name, value)| if value.is_null() { (name, empty()) } else { (name, value) }).collect()
}
