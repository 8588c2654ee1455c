//! REST APIs.

use std::net::Ipv4Addr;

use sluicegate_policy::call::{
    CacheUse, CallId, Credential, Evidence, Freshness, Reason, Release, Reply, Scope, Timing, Warning,
};
use sluicegate_policy::model::{
    ApiKey, ApiKind, Canary, DeploymentId, Endpoint, GatewayResponse, Integration, Mapping, MockIntegration, ParameterRule,
    Passthrough, Requirement, ResponseType, Schema, Source, Validation,
};
use sluicegate_policy::time::Instant;

use super::door::{Ask, Door, ENTRY, WALL, json, lambda, mapped, names, pairs, rule, text};
use crate::answer::Answer;
use crate::examined::Addressed;
use crate::request::{Head, Request};

fn rest(integration: Integration) -> Door {
    Door::get(ApiKind::Rest, integration)
}

/// Which type is customised, with which headers and which body.
type Customised<'a> = (ResponseType, &'a [(&'a str, &'a str)], &'a str);

fn with_responses(responses: &[Customised<'_>]) -> Door {
    let mut door = rest(Integration::fixed(200, "ok"));
    door.model.deployments[0].responses = responses
        .iter()
        .map(|(kind, headers, template)| GatewayResponse {
            kind: *kind,
            status: None,
            headers: pairs(headers),
            templates: if template.is_empty() { Vec::new() } else { json(template) },
        })
        .collect();
    door
}

#[test]
fn an_unknown_path_and_an_undefined_method_miss_an_authentication_token() {
    let door = rest(Integration::fixed(200, "ok"));
    for (method, target) in [("GET", "/prod/random-non-existing"), ("POST", "/prod/pets/7")] {
        let answer = door.answer(method, Ask { target, ..Ask::default() });
        assert_eq!((answer.status, text(&answer)), (403, r#"{"message":"Missing Authentication Token"}"#));
        assert_eq!(answer.header("x-amzn-errortype"), Some("MissingAuthenticationTokenException"));
        assert_eq!(names(&answer), ["Content-Type", "x-amzn-RequestId", "x-amzn-ErrorType", "x-amz-apigw-id"]);
    }
}

#[test]
fn a_fixed_answer_says_its_ids_and_no_trace() {
    let answer = rest(Integration::fixed(201, "made")).answer("GET", Ask::default());
    assert_eq!((answer.status, text(&answer)), (201, "made"));
    assert_eq!(names(&answer), ["Content-Type", "x-amzn-RequestId", "x-amz-apigw-id"]);
}

#[test]
fn a_functions_answer_shows_the_trace_that_came_in() {
    let whole = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let answer = rest(lambda()).answer("GET", Ask { headers: &[("X-Amzn-Trace-Id", whole)], ..Ask::default() });
    assert_eq!(names(&answer), ["Content-Type", "x-amzn-RequestId", "x-amz-apigw-id", "X-Amzn-Trace-Id"]);
    assert_eq!(answer.header("x-amzn-trace-id"), Some(whole));
}

#[test]
fn an_edge_endpoint_adds_what_its_delivery_network_says() {
    let mut door = rest(Integration::fixed(200, "ok"));
    door.model.apis[0].endpoint = Endpoint::Edge;
    let served = door.answer("GET", Ask::default());
    assert_eq!(names(&served)[3..], ["X-Cache", "Via", "X-Amz-Cf-Pop", "X-Amz-Cf-Id"]);
    assert_eq!(served.header("x-cache"), Some("Miss from cloudfront"));
    let refused = door.answer("GET", Ask { target: "/prod/none", ..Ask::default() });
    assert_eq!(refused.header("x-cache"), Some("Error from cloudfront"));
}

#[test]
fn an_answer_without_content_has_no_body() {
    assert_eq!(text(&rest(Integration::fixed(204, "ignored")).answer("GET", Ask::default())), "");
}

#[test]
fn a_head_request_is_told_the_length_alone() {
    let door = Door::new(ApiKind::Rest, &[("HEAD /pets/{id}", Integration::fixed(200, "four"))]);
    let answer = door.answer("HEAD", Ask::default());
    assert_eq!((answer.header("content-length"), text(&answer)), (Some("4"), ""));
}

#[test]
fn a_header_may_name_another_method() {
    let door = Door::new(ApiKind::Rest, &[("DELETE /pets/{id}", Integration::fixed(200, "gone"))]);
    let answer = door.answer("POST", Ask { headers: &[("X-HTTP-Method-Override", "DELETE")], ..Ask::default() });
    assert_eq!(text(&answer), "gone");
}

#[test]
fn the_status_code_of_a_mock_chooses_the_integration_response() {
    let responses = [rule(Some("4\\d{2}"), 404, &[("X-Which", "'four'")], Some("none")), rule(None, 200, &[], Some("all well"))];
    let said = |request: &str| {
        let answer = rest(mapped(request, &responses)).answer("GET", Ask::default());
        (answer.status, text(&answer).to_owned(), answer.header("x-which").map(str::to_owned))
    };
    assert_eq!(said("{statusCode: 404}"), (404, "none".to_owned(), Some("four".to_owned())));
    assert_eq!(said("{'statusCode': 503}"), (200, "all well".to_owned(), None));
}

#[test]
fn a_mock_without_a_status_code_or_a_response_is_misconfigured() {
    let only = [rule(Some("200"), 200, &[], None)];
    for request in ["", "{}", "not JSON", "{statusCode: 'x'}", "{statusCode: 500}"] {
        let answer = rest(mapped(request, &only)).answer("GET", Ask::default());
        assert_eq!((answer.status, text(&answer)), (500, r#"{"message": "Internal server error"}"#), "{request}");
        assert_eq!(answer.header("x-amzn-errortype"), Some("InternalServerErrorException"));
    }
}

#[test]
fn without_a_response_template_a_mock_has_no_body() {
    let answer = rest(mapped("{statusCode: 200}", &[rule(None, 202, &[], None)])).answer("GET", Ask::default());
    assert_eq!((answer.status, text(&answer)), (202, ""));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn a_body_without_a_template_passes_or_is_refused() {
    let door = |passthrough| {
        let mapping = Mapping {
            requests: json("{statusCode: 200}"),
            passthrough,
            responses: vec![rule(None, 200, &[], Some("ok"))],
            ..Mapping::default()
        };
        rest(Integration::Mock(MockIntegration::Mapped(mapping)))
    };
    let ask = Ask { headers: &[("content-type", "text/plain")], body: r#"{"statusCode": 200}"#, ..Ask::default() };
    assert_eq!(door(Passthrough::WhenNoMatch).answer("GET", ask).status, 200);
    let refused = door(Passthrough::Never).answer("GET", ask);
    assert_eq!((refused.status, text(&refused)), (415, r#"{"message":"Unsupported Media Type"}"#));
    assert_eq!(refused.header("x-amzn-errortype"), Some("BadRequestException"));
}

#[test]
fn response_headers_come_from_literals_variables_and_context() {
    let headers = [
        ("X-Literal", "'a, b'"),
        ("X-Table", "stageVariables.table"),
        ("X-Stage", "context.stage"),
        ("X-None", "stageVariables.none"),
        ("content-type", "'text/html'"),
    ];
    let mut door = rest(mapped("{statusCode: 200}", &[rule(None, 200, &headers, None)]));
    door.model.stages[0].variables = pairs(&[("table", "orders")]);
    let answer = door.answer("GET", Ask::default());
    let values = ["x-literal", "x-table", "x-stage", "x-none", "content-type"].map(|name| answer.header(name));
    assert_eq!(values, [Some("a, b"), Some("orders"), Some("prod"), None, Some("text/html")]);
}

#[test]
fn a_canary_has_its_own_variables_beside_the_stages() {
    let headers = [("X-Own", "stageVariables.own"), ("X-Kept", "stageVariables.kept"), ("X-Is", "context.isCanaryRequest")];
    let mut door = rest(mapped("{statusCode: 200}", &[rule(None, 200, &headers, None)]));
    door.model.stages[0].variables = pairs(&[("own", "stage"), ("kept", "stage")]);
    let of = |door: &Door| {
        let answer = door.answer("GET", Ask::default());
        ["x-own", "x-kept", "x-is"].map(|name| answer.header(name).unwrap_or("-").to_owned())
    };
    assert_eq!(of(&door), ["stage", "stage", "-"]);
    door.model.stages[0].canary =
        Some(Canary { share: 0.1, deployment: DeploymentId(0), variables: pairs(&[("own", "canary")]), shares_cache: true });
    assert_eq!(of(&door), ["stage", "stage", "false"]);
    door.release = Release::Canary;
    assert_eq!(of(&door), ["canary", "stage", "true"]);
}

#[test]
fn missing_parameters_and_bad_bodies_are_told() {
    let mut door = Door::new(ApiKind::Rest, &[("POST /pets/{id}", Integration::fixed(200, "ok"))]);
    let rule = |source, name: &str| ParameterRule { source, name: name.to_owned() };
    door.model.routes[0].validation = Validation {
        required: vec![rule(Source::Query, "qs1"), rule(Source::Header, "x-header-param"), rule(Source::Path, "issuer")],
        body: Some(pairs(&[("application/json", "Pet")])),
    };
    let text_of = r#"{"type": "object", "required": ["a"]}"#.to_owned();
    door.model.deployments[0].schemas = vec![Schema { name: "Pet".to_owned(), text: text_of }];
    let answer = door.answer("POST", Ask { body: "{}", ..Ask::default() });
    let expected = r#"{"message":"Missing required request parameters: [x-header-param, issuer, qs1]"}"#;
    assert_eq!((answer.status, text(&answer)), (400, expected));
    assert_eq!(answer.header("x-amzn-errortype"), Some("BadRequestException"));
    door.model.routes[0].validation.required.clear();
    let answer = door.answer("POST", Ask { body: "{}", ..Ask::default() });
    assert_eq!((answer.status, text(&answer)), (400, r#"{"message":"Invalid request body"}"#));
    assert_eq!(door.answer("POST", Ask { body: r#"{"a": 1}"#, ..Ask::default() }).status, 200);
    let said = door.says("POST", Ask { body: "{}", ..Ask::default() }, &["error.responseType", "error.validationErrorString"]);
    assert_eq!(said[0], "BAD_REQUEST_BODY");
    assert_ne!(said[1], "-");
}

#[test]
fn a_customised_gateway_response_fills_its_variables_and_nothing_else() {
    let template = r##"{"message": $context.error.messageString, "type": "$context.error.responseType", "stage": "$context.stage",
"path": "$context.resourcePath", "a": "$stageVariables.a", "none": "$context.authorizer.x", "q": "$method.request.querystring.q",
"vtl": "#if(true)$util.x#end"}"##;
    let headers = [
        ("Access-Control-Allow-Origin", "'a.b.c'"),
        ("x-request-header", "method.request.header.Accept"),
        ("x-request-path", "method.request.path.petId"),
        ("x-request-query", "method.request.querystring.q"),
    ];
    let mut door = with_responses(&[(ResponseType::MissingAuthenticationToken, &headers, template)]);
    door.model.deployments[0].responses[0].status = Some(404);
    door.model.stages[0].variables = pairs(&[("a", "1")]);
    let ask = Ask { target: "/prod/none?q=x", headers: &[("Accept", "*/*")], ..Ask::default() };
    let answer = door.answer("GET", ask);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let expected = serde_json::json!({
        "message": "Missing Authentication Token", "type": "MISSING_AUTHENTICATION_TOKEN", "stage": "prod", "path": "", "a": "1",
        "none": "", "q": "x", "vtl": "#if(true)$util.x#end"
    });
    assert_eq!((answer.status, body), (404, expected));
    let values = ["access-control-allow-origin", "x-request-header", "x-request-path", "x-request-query", "x-amzn-errortype"];
    let expected = [Some("a.b.c"), Some("*/*"), None, Some("x"), Some("MissingAuthenticationTokenException")];
    assert_eq!(values.map(|name| answer.header(name)), expected);
}

#[test]
fn a_default_answers_for_its_class_and_not_for_the_other() {
    let door = with_responses(&[(ResponseType::Default4xx, &[("X-Class", "'4xx'")], "")]);
    let throttled = door.answer("GET", Ask { reason: Some(Reason::Throttled(Scope::Account)), ..Ask::default() });
    assert_eq!((throttled.status, text(&throttled)), (429, r#"{"message":"Too Many Requests"}"#));
    assert_eq!(throttled.header("x-class"), Some("4xx"));
    let failed = door.answer("GET", Ask { reason: Some(Reason::IntegrationTimeout), ..Ask::default() });
    assert_eq!((failed.status, failed.header("x-class")), (504, None));
}

#[test]
fn a_gateway_response_is_chosen_by_accept() {
    let mut door = with_responses(&[(ResponseType::Throttled, &[], "{}")]);
    door.model.deployments[0].responses[0].templates = pairs(&[("text/xml", "<no/>"), ("text/plain", "no")]);
    let of = |accept| {
        let reason = Some(Reason::Throttled(Scope::Account));
        let answer = door.answer("GET", Ask { reason, headers: &[("Accept", accept)], ..Ask::default() });
        (answer.header("content-type").unwrap().to_owned(), text(&answer).to_owned())
    };
    assert_eq!(of("text/plain"), ("text/plain".to_owned(), "no".to_owned()));
    assert_eq!(of("image/png"), ("text/xml".to_owned(), "<no/>".to_owned()));
}

#[test]
fn a_made_up_header_cannot_break_the_answer() {
    let door = with_responses(&[(ResponseType::Throttled, &[("X-Q", "method.request.querystring.q")], "{}")]);
    let ask = Ask { reason: Some(Reason::Throttled(Scope::Account)), target: "/prod/pets/7?q=a%0d%0aX-B:%20c", ..Ask::default() };
    assert_eq!(door.answer("GET", ask).header("x-q"), Some("aX-B: c"));
}

fn with_key() -> Door {
    let mut door = rest(Integration::fixed(200, "ok"));
    let value = "abcdefghijklmnopqrstuvwx".to_owned();
    door.model.keys.push(ApiKey { name: "partner".to_owned(), value, enabled: true });
    door.model.routes[0].api_key = Requirement::Required;
    door
}

#[test]
fn a_key_is_found_and_a_log_shows_its_end_alone() {
    let ask = Ask { headers: &[("X-API-Key", "abcdefghijklmnopqrstuvwx")], ..Ask::default() };
    let said = with_key().says("GET", ask, &["identity.apiKeyId", "identity.apiKey"]);
    assert_eq!(said, ["partner", "******************stuvwx"]);
    let unknown = Ask { headers: &[("x-api-key", "other")], ..Ask::default() };
    assert_eq!(with_key().says("GET", unknown, &["identity.apiKeyId", "identity.apiKey"]), ["-", "-"]);
}

#[test]
fn a_call_tells_key_purpose_and_size() {
    let door = with_key();
    let front = door.front();
    let of = |headers: &[(&'static str, &'static str)]| {
        let head = Head::new("GET", "/prod/pets/7", headers.iter().map(|(name, value)| (*name, value.as_bytes())));
        let request = Request { head, body: "four".into(), source: Ipv4Addr::LOCALHOST.into(), secured: None };
        let to = door.addressed(&front, &request);
        let ids = front.ids(0, to.arrival.api, &request.head);
        front.examine(&request, to, &ids, WALL).call(CallId(9))
    };
    assert_eq!(of(&[]).key, Credential::Absent);
    assert_eq!(of(&[("x-api-key", "x")]).key, Credential::Unknown);
    assert!(matches!(of(&[("x-api-key", "abcdefghijklmnopqrstuvwx")]).key, Credential::Key(_)));
    assert_eq!((of(&[]).id, of(&[]).size.body, of(&[]).size.url), (CallId(9), 4, 12));
}

#[test]
fn context_tells_of_request_and_answer() {
    let names = [
        "apiId",
        "stage",
        "httpMethod",
        "path",
        "resourcePath",
        "protocol",
        "requestTime",
        "requestTimeEpoch",
        "status",
        "responseLength",
        "responseLatency",
        "integrationLatency",
        "domainName",
        "domainPrefix",
        "identity.sourceIp",
        "identity.userAgent",
        "deploymentId",
        "routeKey",
        "error.message",
        "isCanaryRequest",
    ];
    let ask = Ask { headers: &[("User-Agent", "curl/8")], ..Ask::default() };
    let said = rest(Integration::fixed(200, "ok")).says("GET", ask, &names);
    let expected = [
        "a1b2c3d4e5",
        "prod",
        "GET",
        "/prod/pets/7",
        "/pets/{id}",
        "HTTP/1.1",
        "20/Sep/2026:05:04:03 +0000",
        "1789880643250",
        "200",
        "2",
        "2",
        "-",
        "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
        "a1b2c3d4e5",
        "127.0.0.1",
        "curl/8",
        "current",
        "-",
        "-",
        "-",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_kept_answer_comes_back_with_ids_of_its_own() {
    let door = rest(lambda());
    let front = door.front();
    let head = Head::new("GET", "/prod/pets/7", []);
    let request = Request { head, body: "".into(), source: Ipv4Addr::LOCALHOST.into(), secured: None };
    let to = door.addressed(&front, &request);
    let ask = |number, hit: bool| -> Answer {
        let ids = front.ids(number, to.arrival.api, &request.head);
        let mut examined = front.examine(&request, to, &ids, WALL);
        let cache = if hit { CacheUse::Hit(ENTRY) } else { CacheUse::Kept(ENTRY) };
        if hit {
            examined.on_hit(ENTRY);
        } else {
            examined.integrate(to.route.unwrap());
        }
        let reply = reply(to, cache);
        let answer = examined.answer(&reply);
        if let Some(kept) = examined.take_kept() {
            front.keep(ENTRY, kept);
        }
        answer
    };
    front.expect(ENTRY);
    let first = ask(0, false);
    let second = ask(1, true);
    assert_eq!((second.status, text(&second)), (200, text(&first)));
    assert_eq!(names(&second), ["Content-Type", "x-amzn-RequestId", "x-amz-apigw-id"]);
    assert_ne!(first.header("x-amz-apigw-id"), second.header("x-amz-apigw-id"));
    front.forget(ENTRY);
    assert_eq!(text(&ask(2, true)), text(&first), "without the kept one the function's own is left");
}

fn reply(to: Addressed<'_>, cache: CacheUse) -> Reply {
    Reply {
        call: CallId(0),
        at: Instant::ZERO,
        status: 200,
        reason: Reason::Served,
        arrival: to.arrival,
        route: to.route,
        purpose: sluicegate_policy::call::Purpose::Answer,
        fan_out: None,
        authorization: sluicegate_policy::call::AuthorizationUse::None,
        cache,
        warning: None,
        timing: Timing::default(),
    }
}

#[test]
fn cache_keys_tell_values_apart_and_max_age_0_wants_it_anew() {
    let mut door = rest(lambda());
    let rule = |name: &str| ParameterRule { source: Source::Query, name: name.to_owned() };
    door.model.routes[0].cache.parameters = vec![rule("a"), rule("b")];
    let front = door.front();
    let of = |target: &str, headers: &[(&'static str, &'static str)]| {
        let head = Head::new("GET", target, headers.iter().map(|(name, value)| (*name, value.as_bytes())));
        let request = Request { head, body: "".into(), source: Ipv4Addr::LOCALHOST.into(), secured: None };
        let to = door.addressed(&front, &request);
        let ids = front.ids(0, to.arrival.api, &request.head);
        let mut key = Vec::new();
        let freshness = front.examine(&request, to, &ids, WALL).cache_key(to.route.unwrap(), &mut key);
        (key, freshness)
    };
    let queries = ["", "?a=", "?b=", "?a=x&b=y", "?a=xy", "?a=x", "?b=x", "?a=x&b="];
    let keys: std::collections::BTreeSet<_> = queries.iter().map(|query| of(&format!("/prod/pets/7{query}"), &[]).0).collect();
    assert_eq!(keys.len(), queries.len());
    assert_eq!(of("/prod/pets/7?c=1&a=x", &[]).0, of("/prod/pets/7?a=x", &[]).0);
    assert_eq!(of("/prod/pets/7", &[("Cache-Control", "no-store, max-age=0")]).1, Freshness::Anew);
    assert_eq!(of("/prod/pets/7", &[("Cache-Control", "max-age=01")]).1, Freshness::Any);
}

#[test]
fn a_client_that_may_not_make_an_entry_anew_is_warned() {
    let mut door = rest(lambda());
    assert!(warned(&door).header("warning").is_some_and(|text| text.starts_with("199 ")));
    door.model.apis[0].unconfirmed.cache_warning = "X-Warning".into();
    let answer = warned(&door);
    assert!(answer.header("x-warning").is_some() && answer.header("warning").is_none());
}

fn warned(door: &Door) -> Answer {
    let front = door.front();
    let request = Request {
        head: Head::new("GET", "/prod/pets/7", []),
        body: "".into(),
        source: Ipv4Addr::LOCALHOST.into(),
        secured: None,
    };
    let to = door.addressed(&front, &request);
    let ids = front.ids(0, to.arrival.api, &request.head);
    let warned = Reply { warning: Some(Warning::InvalidationIgnored), ..reply(to, CacheUse::Missed) };
    front.examine(&request, to, &ids, WALL).answer(&warned)
}
