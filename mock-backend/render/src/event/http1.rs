//! The event of an HTTP API in format 1.0.
//!
//! Owns in what it differs from a REST API's: a version, the stage in the path, one id, the route's key for a resource, and what is
//! decoded. Refuses to choose the format. Called by [`event`](super).
//!
//! Source: facts, section 5.3, and, where the developer guide's example differs, events that aws/aws-lambda-dotnet keeps of the
//! live service (snapshots of its Lambda test tool, April 2025): `path` is not decoded, `requestContext.path` and the path
//! parameters are; `resourceId` is the route's key; there is no authorizer where none ran.

use serde_json::{Map, Value};

use super::{Eventful, decoded_path, headers, rest};

/// The whole event.
pub(super) fn event(of: &Eventful<'_>) -> Map<String, Value> {
    let headers = headers::http1(of);
    let mut event = Map::new();
    let path = of.seen.request.head.path();
    event.insert("version".to_owned(), "1.0".into());
    event.insert("resource".to_owned(), pattern(of));
    event.insert("path".to_owned(), path.into());
    event.insert("httpMethod".to_owned(), of.seen.method().into());
    rest::put_parameters(of, &headers, &mut event);
    event.insert("pathParameters".to_owned(), super::or_null(of.decoded_path_parameters()));
    event.insert("requestContext".to_owned(), Value::Object(context(of, decoded_path(path))));
    rest::put_body(of, &mut event);
    event
}

fn pattern(of: &Eventful<'_>) -> Value {
    of.seen.route().map_or(Value::Null, |route| route.path.as_str().into())
}

fn context(of: &Eventful<'_>, path: String) -> Map<String, Value> {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| {
        context.insert(name.to_owned(), value);
    };
    for name in ["accountId", "apiId"] {
        put(name, of.variable(name));
    }
    if let Some(authorizer) = of.occasion.authorizer {
        put("authorizer", Value::Object(authorizer.clone()));
    }
    for name in ["domainName", "domainPrefix", "extendedRequestId", "httpMethod"] {
        put(name, of.variable(name));
    }
    let mut identity = rest::identity(of);
    // Of an HTTP API a client that does not name itself is one without a name.
    identity.insert("userAgent".to_owned(), of.known("identity.userAgent").unwrap_or_default().into());
    put("identity", Value::Object(identity));
    put("path", path.into());
    for name in ["protocol", "requestId", "requestTime"] {
        put(name, of.variable(name));
    }
    put("requestTimeEpoch", of.epoch());
    put("resourceId", of.variable("routeKey"));
    put("resourcePath", pattern(of));
    put("stage", of.variable("stage"));
    context
}
