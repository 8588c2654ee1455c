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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use sluicegate_policy::call::{ConnectionId, Form};
    use sluicegate_policy::model::{ApiKind, FunctionId, Integration, RouteId};
    use sluicegate_policy::time::Span;

    use super::*;
    use crate::event::{Occasion, PayloadFormat};
    use crate::examined::Addressed;
    use crate::examined::tests::door::{Door, WALL};
    use crate::media::BinaryMedia;
    use crate::request::{Head, Request};
    use crate::websocket::{Link, Linked};

    const ID: ConnectionId = ConnectionId(7);

    /// The event of such news, from a client that sent these headers and this body.
    fn event(purpose: Purpose, ended: Option<(u16, &str)>, target: &str, body: &str) -> Value {
        let function = Integration::lambda(FunctionId(0), Span::from_secs(1));
        let routes = ["$connect", "$disconnect", "send"].map(|key| (key, function.clone()));
        let door = Door::new(ApiKind::WebSocket, &routes);
        let front = door.front();
        let headers = [("User-Agent", b"test".as_slice()), ("X-Own", b"1")];
        let head = Head::new("GET", target, headers);
        let request = Request { head, body: body.to_owned().into(), source: IpAddr::V4(Ipv4Addr::LOCALHOST), secured: None };
        let authorizer = serde_json::from_str(r#"{"principalId":"ann"}"#).unwrap();
        let link = Link { id: "abc=".into(), connected: Span::from_ms(1_000), authorizer: Some(Box::new(authorizer)) };
        let route = match purpose {
            Purpose::Connect(_) => 0,
            Purpose::Disconnect(_) => 1,
            Purpose::Answer | Purpose::Preflight | Purpose::Message(..) | Purpose::Callback(..) => 2,
        };
        let linked = Linked { link: Some(&link), purpose, ended };
        let to = Addressed { route: Some(RouteId(route)), link: Some(linked), ..door.addressed(&front, &request) };
        let ids = front.ids(0, to.arrival.api, &request.head);
        let examined = front.examine(&request, to, &ids, WALL);
        let binary = BinaryMedia::default();
        let occasion = Occasion { format: PayloadFormat::WebSocket, binary: &binary, authorizer: None, operation: None };
        serde_json::from_slice(&examined.event(&occasion)).unwrap()
    }

    fn keys(value: &Value) -> Vec<&str> {
        let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn a_connection_that_is_asked_for_brings_its_headers_and_its_query() {
        let event = event(Purpose::Connect(ID), None, "/prod?room=7&room=8", "");
        let expected = [
            "headers",
            "isBase64Encoded",
            "multiValueHeaders",
            "multiValueQueryStringParameters",
            "queryStringParameters",
            "requestContext",
        ];
        assert_eq!(keys(&event), expected);
        assert_eq!((&event["headers"]["X-Own"], &event["queryStringParameters"]["room"]), (&json!("1"), &json!("8")));
        assert_eq!(event["multiValueQueryStringParameters"]["room"], json!(["7", "8"]));
        let context = &event["requestContext"];
        assert_eq!((&context["eventType"], &context["routeKey"]), (&json!("CONNECT"), &json!("$connect")));
        assert_eq!((&context["connectionId"], &context["connectedAt"]), (&json!("abc="), &json!(1_000)));
        assert_eq!(context["identity"], json!({ "sourceIp": "127.0.0.1", "userAgent": "test" }));
        assert!(context.get("messageId").is_none());
    }

    #[test]
    fn a_message_has_a_body_and_an_id_and_no_headers() {
        let event = event(Purpose::Message(ID, Form::Text), None, "/prod", r#"{"action":"send"}"#);
        assert_eq!(keys(&event), ["body", "isBase64Encoded", "requestContext"]);
        assert_eq!(event["body"], r#"{"action":"send"}"#);
        let context = &event["requestContext"];
        assert_eq!((&context["eventType"], &context["routeKey"]), (&json!("MESSAGE"), &json!("send")));
        assert_eq!(context["messageId"].as_str().map(str::len), Some(16));
    }

    #[test]
    fn one_that_is_gone_says_how_it_went() {
        let event = event(Purpose::Disconnect(ID), Some((1001, "Going away")), "/prod", "");
        assert_eq!(keys(&event), ["headers", "isBase64Encoded", "multiValueHeaders", "requestContext"]);
        assert_eq!(keys(&event["headers"]), ["Host", "X-Forwarded-For", "x-api-key", "x-restapi"]);
        let context = &event["requestContext"];
        assert_eq!((&context["eventType"], &context["routeKey"]), (&json!("DISCONNECT"), &json!("$disconnect")));
        assert_eq!((&context["disconnectStatusCode"], &context["disconnectReason"]), (&json!(1001), &json!("Going away")));
    }
}
