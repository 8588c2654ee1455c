//! The setups that have a back end: their documents, requests, and what was recorded of them.
//!
//! Owns what the recorded words mean for the families `http`, `vtl` and `header-remap` (of which one has a function for a back end). Refuses to send anything. Called by `cases`
//! and, for the document, by `main`.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use crate::cases::{Parts, Recorded, Request, Saw, Setup, get, post};
use crate::recorded;

const JSON: (&str, &str) = ("Content-Type", "application/json");
/// The resources of the recorded response templates, and the templates.
const TEMPLATES: [(&str, &str); 7] = [
    ("whole", r#"#set($result = $input.path("$.json"))$result"#),
    ("nested", r#"#set($result = $input.path("$.json"))$result.nested"#),
    ("first", r#"#set($result = $input.path("$.json"))$result[0]"#),
    ("text", r#"#set($result = $input.path("$.json"))$result.toString()"#),
    (
        "nothing",
        r##"#set($result = $input.path("$.nonExisting")){"body": $result, "nested": $result.nested, "isNull": #if( $result == $null )"true"#else"false"#end, "isEmptyString": #if( $result == "" )"true"#else"false"#end}"##,
    ),
    (
        "null",
        r##"#set($result = $input.path("$.json.listValue")){"body": $result, "nested": $result.nested, "isNull": #if( $result == $null )"true"#else"false"#end, "isEmptyString": #if( $result == "" )"true"#else"false"#end}"##,
    ),
    ("list", r#"#set($result = $input.path("$.json"))$result.toString()"#),
];

/// Where the function is that the recorded setups had for a back end.
const FUNCTION: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:remap/invocations";

/// The document of an API whose integrations of this type (`http`, `http_proxy`) ask a back end at this address.
pub(crate) fn document(kind: &str, backend: SocketAddr) -> Value {
    let at = |path: &str| format!("http://{backend}{path}");
    let mut paths = Map::new();
    let mut add = |path: &str, method: &str, integration: Value| {
        let operation = json!({ "responses": { "200": {} }, "x-amazon-apigateway-integration": integration });
        paths.insert(path.to_owned(), json!({ method: operation }));
    };
    let plain = |method: &str, uri: String, parameters: Value| integration(kind, method, &uri, &parameters);
    let status = json!({ "integration.request.path.status": "method.request.path.status" });
    add("/status/{status}", "post", plain("POST", at("/status/{status}"), status));
    add("/echo", "post", plain("POST", at("/"), json!({})));
    add("/method", "x-amazon-apigateway-any-method", plain("POST", at("/"), json!({})));
    let mappings = json!({
        "integration.request.path.pathVar": "method.request.path.pathVariable",
        "integration.request.path.qsVar": "method.request.querystring.testVar",
        "integration.request.querystring.testQs": "method.request.querystring.testQueryString",
        "integration.request.querystring.queryString": "method.request.querystring.testQueryString",
        "integration.request.header.foobar": "method.request.header.headerVar",
    });
    add("/mapping/{pathVariable}", "post", plain("POST", at("/?testVar={pathVar}&testQs={qsVar}"), mappings));
    for (name, template) in TEMPLATES {
        let mut integration = plain("POST", at("/anything"), json!({}));
        integration["responses"]["default"]["responseTemplates"] = json!({ "application/json": template });
        add(&format!("/vtl/{name}"), "post", integration);
    }
    for (name, integration) in remapped(kind, &at("/remap")) {
        add(&format!("/remap/{name}"), "get", integration);
    }
    documented(&paths)
}

/// The document of an API whose integrations are the function `remap` as a proxy.
pub(crate) fn function_document() -> Value {
    let operation = |integration: Value| json!({ "get": { "x-amazon-apigateway-integration": integration } });
    let resources = remapped("aws_proxy", FUNCTION).into_iter();
    documented(&resources.map(|(name, integration)| (format!("/remap/{name}"), operation(integration))).collect())
}

fn documented(paths: &Map<String, Value>) -> Value {
    json!({ "openapi": "3.0.1", "info": { "title": "a back end that tells", "version": "1" }, "paths": paths })
}

fn integration(kind: &str, method: &str, uri: &str, parameters: &Value) -> Value {
    json!({
        "type": kind, "httpMethod": method, "uri": uri, "requestParameters": parameters,
        "responses": { "default": { "statusCode": "200" } },
    })
}

/// The resources of the recorded header remapping, and what is behind each.
fn remapped(kind: &str, uri: &str) -> Vec<(String, Value)> {
    const SPECIAL: [&str; 7] =
        ["Content-Length", "Transfer-Encoding", "Authorization", "Connection", "Expect", "Proxy-Authenticate", "TE"];
    let setup = recorded::setup("header-remap");
    let special = if kind.starts_with("aws") { &SPECIAL[..] } else { &SPECIAL[..2] };
    let mapped = setup["request_mappings"].as_object().expect("the setup has mappings");
    let parameter = |name: &str, value: &Value| (format!("integration.request.header.{name}"), value.clone());
    let full: Map<String, Value> =
        mapped.iter().filter(|(name, _)| !special.contains(&name.as_str())).map(|(name, value)| parameter(name, value)).collect();
    let names: Vec<&str> = setup["headers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields: Vec<String> = names.iter().map(|name| format!(r#""{name}": "$input.params('{name}')""#)).collect();
    let answer: Map<String, Value> =
        names.iter().map(|name| (format!("method.response.header.{name}"), json!(format!("'response_param_{name}'")))).collect();
    let mut whole = integration(kind, "POST", uri, &Value::Object(full));
    whole["requestTemplates"] = json!({ "application/json": format!("{{{}}}", fields.join(", ")) });
    whole["responses"]["default"]["responseParameters"] = Value::Object(answer);
    let only = |name: &&str| {
        let parameters = Value::Object([parameter(name, &mapped[*name])].into_iter().collect());
        (name.to_ascii_lowercase(), integration(kind, "POST", uri, &parameters))
    };
    let plain = integration(kind, "POST", uri, &json!({}));
    [("no-param".to_owned(), plain), ("full".to_owned(), whole)].into_iter().chain(special.iter().map(only)).collect()
}

/// The case of a scenario of these families.
pub(crate) fn of(family: &str, scenario: &str) -> Option<Parts> {
    match family {
        "vtl" => vtl(scenario),
        "http" => http(scenario),
        "header-remap" => remap(scenario),
        _ => None,
    }
}

fn vtl(scenario: &str) -> Option<Parts> {
    let (resource, body) = match scenario {
        "path.dict-response" => ("whole", r#"{"foo": "bar"}"#),
        "path.json-list" => ("whole", r#"[{"foo": "bar"}]"#),
        "path.nested-dict" => ("nested", r#"{"nested": {"foo": "bar"}}"#),
        "path.dict-in-list" => ("first", r#"[{"foo": "bar"}]"#),
        "path.list-with-nested-list" => ("first", r#"[[{"foo": "bar"}]]"#),
        "path.dict-with-nested-list" => ("whole", r#"{"foo": [{"nested": "bar"}]}"#),
        "path.to-string" => ("text", r#"{"foo": "bar"}"#),
        "path.list-to-string" => ("list", r#"{"list": [{"foo": "bar"}]}"#),
        "path.empty-body" => ("nothing", "null"),
        "path.nested-null-list" => ("null", r#"{"listValue": null}"#),
        _ => return None,
    };
    Some((Setup::Behind("http"), post(&format!("/vtl/{resource}"), &[JSON], body), Recorded::Body))
}

fn http(scenario: &str) -> Option<Parts> {
    // With the space of the client that was recorded: its length is told.
    const HELLO: &str = r#"{"message": "hello world"}"#;
    const ECHOED: [(&str, &str); 4] =
        [JSON, ("Accept", "application/xml"), ("User-Agent", "test/integration"), ("Accept-Encoding", "gzip, deflate")];
    if scenario == "mapping" {
        let headers = [JSON, ("Accept", "application/json"), ECHOED[2], ECHOED[3], ("headerVar", "mapped-value")];
        let request = post("/mapping/foobar?testQueryString=foo&testVar=bar", &headers, HELLO);
        return Some((Setup::Behind("http_proxy"), request, Recorded::ContentAndHeaders(Saw::Some)));
    }
    let (what, rest) = scenario.split_once('.')?;
    let (kind, case) = rest.split_once('.').unwrap_or((rest, ""));
    let kind = if kind == "HTTP" { "http" } else { "http_proxy" };
    let (request, recorded) = match (what, case) {
        ("status", "matching-response") => (post("/status/200", &[JSON], ""), Recorded::BodyAndStatus(&[])),
        ("status", "non-matching-response") => (post("/status/400", &[JSON], ""), Recorded::BodyAndStatus(&[])),
        ("headers", "") => (post("/echo", &ECHOED, HELLO), Recorded::ContentAndHeaders(Saw::All)),
        ("method", "") => {
            let headers = [JSON, ("Accept", "application/json"), ECHOED[2], ECHOED[3]];
            (post("/method", &headers, HELLO), Recorded::ForEachMethod)
        }
        _ => return None,
    };
    Some((Setup::Behind(kind), request, recorded))
}

fn remap(scenario: &str) -> Option<Parts> {
    let (kind, resource) = scenario.split_once('.')?;
    let kind = match kind {
        "HTTP" => "http",
        "HTTP_PROXY" => "http_proxy",
        "AWS_PROXY" => "aws_proxy",
        _ => return None,
    };
    let resource = resource.trim_end_matches("-integration");
    let setup = recorded::setup("header-remap");
    let sent = setup["client_sends"].as_object().into_iter().flatten();
    let headers = sent.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let request = Request { headers, ..get(&format!("/remap/{resource}")) };
    Some((Setup::Behind(kind), request, Recorded::BodyHeadersAndAnswer))
}
