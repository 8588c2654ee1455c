//! Events held against those that the real service sent.

use serde_json::Value;
use sluicegate_policy::model::{ApiKind, Endpoint};

use super::tests::of_any_method;
use super::{Occasion, PayloadFormat};
use crate::examined::tests::door::{Ask, Door, lambda};
use crate::media::BinaryMedia;
use crate::request::{Head, Request};

/// A recorded scenario, told as a request.
struct Scenario<'s> {
    id: String,
    stage: &'s str,
    routes: &'s [&'s str],
    method: &'s str,
    target: &'s str,
    headers: &'s [(&'s str, &'s str)],
    body: &'s str,
    endpoint: Endpoint,
}

const PYTHON: &[(&str, &str)] = &[
    ("Host", "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"),
    ("User-Agent", "python-requests/testing"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept", "*/*"),
    ("Connection", "keep-alive"),
    ("tEsT-HEADeR", "aValUE"),
    ("authorization", "random-value"),
];

fn recorded(id: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance/apigw-recorded.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let scenarios = all["scenarios"].as_array().unwrap();
    scenarios.iter().find(|scenario| scenario["id"] == id).unwrap()["recorded_answer"].clone()
}

fn made(of: &Scenario<'_>) -> Value {
    let routes: Vec<_> = of.routes.iter().map(|route| (*route, lambda())).collect();
    let mut door = of_any_method(Door::new(ApiKind::Rest, &routes));
    door.model.apis[0].endpoint = of.endpoint;
    of.stage.clone_into(&mut door.model.stages[0].name);
    let binary = BinaryMedia::default();
    let occasion = Occasion { format: PayloadFormat::Rest, binary: &binary, authorizer: None, operation: None };
    let ask = Ask { target: of.target, headers: of.headers, body: of.body, ..Ask::default() };
    door.look(of.method, ask, |examined| serde_json::from_slice(&examined.event(&occasion)).unwrap())
}

/// Where `made` differs from `recorded`; what changes with each call stands in angle brackets there.
fn differences(recorded: &Value, made: &Value, at: &str, found: &mut Vec<String>) {
    match (recorded, made) {
        (Value::String(text), _) if text.starts_with('<') || at.ends_with(".accountId") => {}
        (Value::Object(recorded), Value::Object(made)) => {
            for name in recorded.keys().chain(made.keys().filter(|name| !recorded.contains_key(*name))) {
                match (recorded.get(name), made.get(name)) {
                    (Some(recorded), Some(made)) => differences(recorded, made, &format!("{at}.{name}"), found),
                    (recorded, made) => found.push(format!("{at}.{name}: {recorded:?}, made {made:?}")),
                }
            }
        }
        // The recorder wrote bodies that are JSON as JSON.
        (Value::Object(_), Value::String(text)) if at == ".body" => {
            differences(recorded, &serde_json::from_str(text).unwrap(), "", found);
        }
        (Value::Array(recorded), Value::Array(made)) if recorded.len() == made.len() => {
            recorded.iter().zip(made).for_each(|(recorded, made)| differences(recorded, made, at, found));
        }
        _ if recorded == made => {}
        _ => found.push(format!("{at}: {recorded}, made {made}")),
    }
}

#[expect(clippy::print_stdout, reason = "how many of the recorded events are made so is for a person to read")]
fn compare(family: &str, scenarios: &[(Scenario<'_>, Value)]) {
    let mut alike = 0;
    let mut all = Vec::new();
    for (scenario, recorded) in scenarios {
        let mut found = Vec::new();
        differences(recorded, &made(scenario), "", &mut found);
        alike += usize::from(found.is_empty());
        all.extend(found.into_iter().map(|difference| format!("{}{difference}", scenario.id)));
    }
    println!("{family}: {alike} of {}", scenarios.len());
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
#[ignore = "needs ../shared"]
fn recorded_proxy_events_are_made_so() {
    const ENCODED: &str = "/stage/proxy-value/api?dateTimeOffset=2023-06-12T18:05:10.123456+00:00&email=test%2Balias@gmail.com\
                           &plus=test+alias@gmail.com&url=https://www.google.com/&whitespace=foo%20bar&zhash=abort/";
    let posted: Vec<_> = PYTHON[..6]
        .iter()
        .copied()
        .chain([("aUThorization", "Bearer token123;API key456"), ("Content-Type", "application/json;charset=utf-8")])
        .filter(|(name, _)| *name != "tEsT-HEADeR")
        .chain([("Content-Length", "25")])
        .collect();
    let got = |(key, target): (&'static str, &'static str)| (key, "GET", target, PYTHON, "");
    let category = "/stage/proxy-value?category=electronics&category=books&price=10&price=20&price=30";
    let asked = [
        got(("payload-without-trailing-slash", "/stage/proxy-value")),
        got(("payload-with-trailing-slash", "/stage/proxy-value/")),
        got(("payload-with-double-slash", "/stage/proxy-value//double-slash")),
        got(("payload-with-prepended-slash", "/stage//proxy-value")),
        got(("payload-without-trailing-slash-and-query-params", "/stage/proxy-value?urlparam=test")),
        got(("payload-with-trailing-slash-and-query-params", "/stage/proxy-value/?urlparam=test")),
        got(("payload-with-params-encoding", ENCODED)),
        ("payload-with-params-encoding-multi", "POST", category, &posted, r#"{"message": "hello world"}"#),
        got(("hardcoded", "/stage//hardcoded")),
    ];
    let scenarios = asked.map(|(key, method, target, headers, body)| {
        let id = format!("proxy-event.{key}");
        let recorded = recorded(&id);
        let routes: &[&str] = &["ANY /{proxy+}", "ANY /hardcoded"];
        (Scenario { id, stage: "stage", routes, method, target, headers, body, endpoint: Endpoint::Edge }, recorded)
    });
    compare("proxy-event", &scenarios);
}

#[test]
#[ignore = "needs ../shared"]
fn a_proxy_integration_ignores_the_mapping_of_parameters() {
    let headers = [
        ("Host", "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"),
        ("User-Agent", "test/integration"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Accept", "application/json"),
        ("Connection", "keep-alive"),
        ("Content-Type", "application/json"),
        ("foobar", "mapped-value"),
        ("headerVar", "request-value"),
        ("Content-Length", "26"),
    ];
    let scenario = Scenario {
        id: "lambda-proxy.requestParameters-ignored".to_owned(),
        stage: "test",
        routes: &["ANY /{pathVariable}"],
        method: "POST",
        target: "/test/foobar?testQueryString=foo&testVar=bar",
        headers: &headers,
        body: r#"{"message": "hello world"}"#,
        endpoint: Endpoint::Edge,
    };
    let recorded = recorded(&scenario.id)["content"].clone();
    compare("lambda-proxy, events", &[(scenario, recorded)]);
}

#[test]
#[ignore = "needs ../shared"]
fn of_all_headers_those_recorded_come_to_a_function() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance/apigw-recorded.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let sent = all["_setups"]["header-remap"]["client_sends"].as_object().unwrap();
    let mut headers: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    headers.extend([("Host", "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"), ("Content-Length", "0")]);
    let scenario = Scenario {
        id: "header-remap.AWS_PROXY.no-param-integration".to_owned(),
        stage: "test",
        routes: &["ANY /{proxy+}"],
        method: "GET",
        target: "/test/no-param",
        headers: &headers,
        body: "",
        endpoint: Endpoint::Regional,
    };
    let mut found = Vec::new();
    differences(&recorded(&scenario.id)["headers"], &made(&scenario)["headers"], "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

/// An event of the service that a public collection of fixtures keeps; its certificate was added to it there.
#[test]
#[ignore = "needs ../shared"]
fn a_request_to_a_default_route_gives_the_event_that_was_seen() {
    let path = "/../../../shared/lambda/events/lambda-events/src/fixtures/example-apigw-v2-request-no-authorizer.json";
    let seen = std::fs::read_to_string(format!("{}{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut seen: Value = serde_json::from_str(&seen).unwrap();
    seen["requestContext"].as_object_mut().unwrap().remove("authentication");
    for changing in ["requestId", "time", "timeEpoch"] {
        seen["requestContext"][changing] = "<changes>".into();
    }
    let mut door = Door::new(ApiKind::Http, &[("$default", lambda())]);
    "aaaaaaaaaa".clone_into(&mut door.model.apis[0].id);
    "us-west-2".clone_into(&mut door.model.region);
    "$default".clone_into(&mut door.model.stages[0].name);
    let headers = [
        ("Host", &b"aaaaaaaaaa.execute-api.us-west-2.amazonaws.com"[..]),
        ("User-Agent", b"curl/7.58.0"),
        ("Accept", b"*/*"),
        ("X-Amzn-Trace-Id", b"Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Parent=1"),
    ];
    seen["headers"]["x-amzn-trace-id"] = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Parent=1".into();
    let request =
        Request { head: Head::new("GET", "/", headers), body: bytes::Bytes::new(), source: [1, 2, 3, 4].into(), secured: None };
    let binary = BinaryMedia::default();
    let occasion = Occasion { format: PayloadFormat::Http2, binary: &binary, authorizer: None, operation: None };
    let made = door.look_at(&request, |examined| serde_json::from_slice(&examined.event(&occasion)).unwrap());
    let mut found = Vec::new();
    differences(&seen, &made, "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}
