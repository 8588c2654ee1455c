//! The event of an HTTP API in format 2.0.
//!
//! Owns its keys: what is empty is left out (facts, section 5.3). Refuses to choose the format.
//! Called by [`event`](super).

use serde_json::{Map, Value, json};

use super::{Eventful, decoded_path, headers, joined};

/// Name of the stage that has no prefix.
const DEFAULT_STAGE: &str = "$default";

/// The whole event.
pub(super) fn event(of: &Eventful<'_>) -> Map<String, Value> {
    let params = of.seen.parameters();
    let query: Vec<_> = params.query().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let (cookies, headers) = apart(headers::http2(of));
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| {
        event.insert(name.to_owned(), value);
    };
    put("version", "2.0".into());
    put("routeKey", of.variable("routeKey"));
    put("rawPath", raw_path(of).into());
    put("rawQueryString", of.seen.request.head.query().unwrap_or("").into());
    if !cookies.is_empty() {
        put("cookies", cookies.into());
    }
    put("headers", Value::Object(joined(&headers)));
    let request_context = Value::Object(context(of));
    let parts = [("queryStringParameters", joined(&query)), ("pathParameters", of.decoded_path_parameters())];
    for (name, map) in parts.into_iter().filter(|(_, map)| !map.is_empty()) {
        put(name, Value::Object(map));
    }
    put("requestContext", request_context);
    let variables = of.stage_variables();
    if !variables.is_empty() {
        put("stageVariables", Value::Object(variables));
    }
    let (body, is_base64) = of.body();
    if let Some(body) = body {
        put("body", body.into());
    }
    put("isBase64Encoded", is_base64.into());
    event
}

/// Cookies apart from the other headers: each pair of every `cookie` header.
fn apart(headers: Vec<(String, String)>) -> (Vec<String>, Vec<(String, String)>) {
    let (cookies, others): (Vec<_>, Vec<_>) = headers.into_iter().partition(|(name, _)| name == "cookie");
    let pairs = cookies.iter().flat_map(|(_, value)| value.split(';')).map(str::trim).filter(|pair| !pair.is_empty());
    (pairs.map(str::to_owned).collect(), others)
}

/// With a named stage, without the mapping key of a custom domain.
fn raw_path(of: &Eventful<'_>) -> String {
    if of.seen.domain().is_none() {
        return decoded_path(of.seen.request.head.path());
    }
    let stage = of.seen.stage().map(|stage| stage.name.as_str()).filter(|name| *name != DEFAULT_STAGE);
    let below = of.seen.to.path.trim_start_matches('/');
    decoded_path(&stage.map_or_else(|| format!("/{below}"), |stage| format!("/{stage}/{below}")))
}

fn context(of: &Eventful<'_>) -> Map<String, Value> {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| {
        context.insert(name.to_owned(), value);
    };
    for name in ["accountId", "apiId"] {
        put(name, of.variable(name));
    }
    if let Some(certificate) = of.certificate() {
        put("authentication", json!({ "clientCert": certificate }));
    }
    if let Some(authorizer) = of.occasion.authorizer {
        put("authorizer", Value::Object(authorizer.clone()));
    }
    for name in ["domainName", "domainPrefix"] {
        put(name, of.variable(name));
    }
    put("http", Value::Object(http(of)));
    for name in ["requestId", "routeKey", "stage"] {
        put(name, of.variable(name));
    }
    put("time", of.variable("requestTime"));
    put("timeEpoch", of.epoch());
    context
}

fn http(of: &Eventful<'_>) -> Map<String, Value> {
    let path = decoded_path(of.seen.request.head.path());
    let parts = [
        ("method", Some(of.seen.method().to_owned())),
        ("path", Some(path)),
        ("protocol", of.known("protocol")),
        ("sourceIp", of.known("identity.sourceIp")),
        ("userAgent", Some(of.known("identity.userAgent").unwrap_or_default())),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
}
