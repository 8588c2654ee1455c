//! The event of a REST API.
//!
//! Owns its keys: all of them are always there, null where there is nothing (facts, sections 5.1 and 5.2). Refuses to choose the format. Called
//! by [`event`](super), and its parts by the other format like it.

use serde_json::{Map, Value, json};
use sluicegate_policy::model::Requirement;

use super::{Eventful, every, headers, last, or_null};

/// What a caller with credentials of other providers would have; nobody has any here (facts, section 5.1).
const WITHOUT_CREDENTIALS: [&str; 5] = [
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
];

/// The whole event.
pub(super) fn event(of: &Eventful<'_>) -> Map<String, Value> {
    let headers = headers::rest(of);
    let pattern = of.seen.route().map_or(Value::Null, |route| route.path.as_str().into());
    let parts = [("resource", pattern), ("path", path(of).into()), ("httpMethod", of.seen.method().into())];
    let mut event: Map<_, _> = parts.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    put_parameters(of, &headers, &mut event);
    event.insert("requestContext".to_owned(), Value::Object(context(of)));
    put_body(of, &mut event);
    event
}

/// Headers, query, path parameters and stage variables, which a REST API does not decode in the path.
pub(super) fn put_parameters(of: &Eventful<'_>, headers: &[(String, String)], event: &mut Map<String, Value>) {
    let params = of.seen.parameters();
    let query: Vec<_> = params.query().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let in_path = params.path_parameters().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let parts = [
        ("headers", last(headers)),
        ("multiValueHeaders", every(headers)),
        ("queryStringParameters", last(&query)),
        ("multiValueQueryStringParameters", every(&query)),
        ("pathParameters", in_path),
        ("stageVariables", of.stage_variables()),
    ];
    event.extend(parts.map(|(name, map)| (name.to_owned(), or_null(map))));
}

/// The body, null if there is none.
pub(super) fn put_body(of: &Eventful<'_>, event: &mut Map<String, Value>) {
    let (body, is_base64) = of.body();
    event.insert("body".to_owned(), body.map_or(Value::Null, Value::String));
    event.insert("isBase64Encoded".to_owned(), is_base64.into());
}

/// Who asks: names and values, null where nothing is known.
pub(super) fn identity(of: &Eventful<'_>) -> Map<String, Value> {
    let mut identity: Map<_, _> = WITHOUT_CREDENTIALS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    identity.insert("sourceIp".to_owned(), of.variable("identity.sourceIp"));
    identity.insert("userAgent".to_owned(), of.variable("identity.userAgent"));
    for name in ["accessKey", "accountId", "caller", "user", "userArn"] {
        identity.insert(name.to_owned(), of.variable(&format!("identity.{name}")));
    }
    if let Some(certificate) = of.certificate() {
        identity.insert("clientCert".to_owned(), certificate);
    }
    identity
}

/// The path without its stage: on the API's own host below the stage, on a custom domain with its base path (facts, section 5.2).
/// Slashes within and at the end stay, several leading ones are one (recorded).
fn path(of: &Eventful<'_>) -> String {
    let path = if of.seen.domain().is_some() { of.seen.request.head.path() } else { of.seen.to.path };
    format!("/{}", path.trim_start_matches('/'))
}

fn context(of: &Eventful<'_>) -> Map<String, Value> {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| {
        context.insert(name.to_owned(), value);
    };
    put("resourceId", of.variable("resourceId"));
    if let Some(authorizer) = of.occasion.authorizer {
        put("authorizer", Value::Object(authorizer.clone()));
    }
    put("resourcePath", of.variable("resourcePath"));
    if let Some(operation) = of.occasion.operation {
        put("operationName", operation.into());
    }
    for name in ["httpMethod", "extendedRequestId", "requestTime", "path", "accountId", "protocol", "stage", "domainPrefix"] {
        put(name, of.variable(name));
    }
    put("requestTimeEpoch", of.epoch());
    put("requestId", of.variable("requestId"));
    put("identity", Value::Object(keyed(of, identity(of))));
    for name in ["domainName", "deploymentId", "apiId"] {
        put(name, of.variable(name));
    }
    context
}

/// Adds the API key, where the method requires one.
fn keyed(of: &Eventful<'_>, mut identity: Map<String, Value>) -> Map<String, Value> {
    if of.seen.route().is_some_and(|route| route.api_key == Requirement::Required) {
        let key = json!({ "apiKey": of.variable("identity.apiKey"), "apiKeyId": of.variable("identity.apiKeyId") });
        if let Value::Object(key) = key {
            identity.extend(key);
        }
    }
    identity
}
