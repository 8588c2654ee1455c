//! The event of an HTTP API in format 1.0.
//!
//! Owns in what it differs from a REST API's: a version, the stage in the path, one id, and an authorizer that is always there
//! (facts, section 5.3). Refuses to choose the format.
//! Called by [`event`](super).

use serde_json::{Map, Value, json};

use super::{Eventful, decoded_path, headers, rest};

/// The whole event.
pub(super) fn event(of: &Eventful<'_>) -> Map<String, Value> {
    let headers = headers::http1(of);
    let mut event = Map::new();
    let path = decoded_path(of.seen.request.head.path());
    event.insert("version".to_owned(), "1.0".into());
    event.insert("resource".to_owned(), pattern(of));
    event.insert("path".to_owned(), path.as_str().into());
    event.insert("httpMethod".to_owned(), of.seen.method().into());
    rest::put_parameters(of, &headers, &mut event);
    event.insert("pathParameters".to_owned(), super::or_null(of.decoded_path_parameters()));
    event.insert("requestContext".to_owned(), Value::Object(context(of, &path)));
    rest::put_body(of, &mut event);
    event
}

fn pattern(of: &Eventful<'_>) -> Value {
    of.seen.route().map_or(Value::Null, |route| route.path.as_str().into())
}

fn context(of: &Eventful<'_>, path: &str) -> Map<String, Value> {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| {
        context.insert(name.to_owned(), value);
    };
    for name in ["accountId", "apiId"] {
        put(name, of.variable(name));
    }
    let authorizer = of.occasion.authorizer.cloned().map(Value::Object);
    // As in the developer guide's example of an event that nobody authorized.
    put("authorizer", authorizer.unwrap_or_else(|| json!({ "claims": null, "scopes": null })));
    for name in ["domainName", "domainPrefix", "extendedRequestId", "httpMethod"] {
        put(name, of.variable(name));
    }
    put("identity", Value::Object(rest::identity(of)));
    put("path", path.into());
    for name in ["protocol", "requestId", "requestTime"] {
        put(name, of.variable(name));
    }
    put("requestTimeEpoch", of.epoch());
    put("resourceId", Value::Null);
    put("resourcePath", pattern(of));
    put("stage", of.variable("stage"));
    context
}
