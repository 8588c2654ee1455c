//! HTTP APIs.

use sluicegate_policy::call::{Reason, Scope};
use sluicegate_policy::model::{ApiKind, Cors, Domain, Integration, StageId};
use sluicegate_policy::time::Span;

use super::door::{Ask, Door, function, lambda, names, pairs, text};

fn http(integration: Integration) -> Door {
    Door::get(ApiKind::Http, integration)
}

const ORIGIN: (&str, &str) = ("Origin", "https://shop.example");

fn sharing() -> Door {
    let mut door = http(lambda());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    door.model.deployments[0].cors = Some(Cors {
        allow_origins: words(&["https://shop.example"]),
        allow_methods: words(&["GET", "OPTIONS"]),
        allow_headers: words(&["authorization"]),
        expose_headers: words(&["date"]),
        max_age: Some(Span::from_secs(300)),
        allow_credentials: true,
    });
    door
}

#[test]
fn an_answer_has_one_short_id() {
    let answer = http(Integration::fixed(200, "ok")).answer("GET", Ask::default());
    assert_eq!(names(&answer), ["Content-Type", "Apigw-Requestid"]);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn errors_are_those_of_an_http_api() {
    let door = http(Integration::fixed(200, "ok"));
    let answer = door.answer("GET", Ask { target: "/prod/none", ..Ask::default() });
    assert_eq!((answer.status, text(&answer)), (404, r#"{"message":"Not Found"}"#));
    let throttled = door.answer("GET", Ask { reason: Some(Reason::Throttled(Scope::Route)), ..Ask::default() });
    assert_eq!((throttled.status, text(&throttled)), (429, r#"{"message":"Too Many Requests"}"#));
    assert_eq!(names(&throttled), ["Apigw-Requestid"]);
}

#[test]
fn a_preflight_is_answered_even_without_a_route() {
    let headers = [ORIGIN, ("Access-Control-Request-Method", "GET")];
    let answer = sharing().answer("OPTIONS", Ask { target: "/prod/any/where", headers: &headers, ..Ask::default() });
    assert_eq!((answer.status, text(&answer)), (204, ""));
    let expected = [
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
        "Apigw-Requestid",
    ];
    assert_eq!(names(&answer), expected);
}

#[test]
fn an_actual_answer_is_shared_with_an_origin_that_is_welcome() {
    let answer = sharing().answer("GET", Ask { headers: &[ORIGIN], ..Ask::default() });
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("date"));
    assert_eq!(sharing().answer("GET", Ask::default()).header("access-control-allow-origin"), None);
}

#[test]
fn response_parameters_are_mapped_by_status() {
    let mut door = http(lambda());
    door.model.functions[0] = function(201, "made");
    door.model.routes[0].response_mapping = vec![(
        201,
        pairs(&[
            ("overwrite:statuscode", "202"),
            ("append:header.x-stage", "in $context.stage with ${stageVariables.table}!"),
            ("overwrite:header.content-type", "text/html"),
            ("append:header.x-was", "$response.header.Content-Type"),
        ]),
    )];
    door.model.stages[0].variables = pairs(&[("table", "orders")]);
    let answer = door.answer("GET", Ask::default());
    assert_eq!((answer.status, text(&answer)), (202, "made"));
    let values = ["x-stage", "content-type", "x-was"].map(|name| answer.header(name));
    assert_eq!(values, [Some("in prod with orders!"), Some("text/html"), Some("text/plain; charset=utf-8")]);
    door.model.functions[0] = function(200, "as it was");
    let answer = door.answer("GET", Ask::default());
    assert_eq!((answer.status, answer.header("x-stage")), (200, None));
}

#[test]
fn a_mapping_that_is_none_is_told_with_its_route() {
    let fault = |request: &[(&str, &str)], response: &[(&str, &str)]| {
        let mut door = http(lambda());
        door.model.routes[0].request_mapping = pairs(request);
        door.model.routes[0].response_mapping = vec![(200, pairs(response))];
        let built = crate::front::Front::new(std::sync::Arc::new(door.model), sluicegate_policy::seed::Seed::new(1));
        built.map(drop).map_err(|error| error.to_string())
    };
    let good =
        [("append:header.x", "$request.querystring.q"), ("overwrite:path", "/a/$request.path.id"), ("remove:querystring.q", "")];
    assert_eq!(fault(&good, &[]), Ok(()));
    for (request, response, expected) in [
        (
            ("replace:header.x", "1"),
            None,
            "GET /pets/{id}: request parameter mapping replace:header.x: \"replace:header.x\" changes",
        ),
        (
            ("append:header.Via", "1"),
            None,
            "GET /pets/{id}: request parameter mapping append:header.Via: the header \"Via\" cannot",
        ),
        (("append:header.x", "a $request.cookie.x"), None, "\"$request.cookie.x\" at character 2 is nothing"),
        (("append:header.x", "1"), Some(("overwrite:body", "1")), "response parameter mapping 200 overwrite:body"),
        (("append:header.x", "1"), Some(("append:header.x", "$request.path")), "\"$request.path\" at character 0"),
    ] {
        let error = fault(&[request], response.as_slice()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_custom_domain_is_told_by_name_and_base_path() {
    let mut door = http(Integration::fixed(200, "ok"));
    let base_paths = vec![("v1".to_owned(), StageId(0)), (String::new(), StageId(0))];
    door.model.domains = vec![Domain { name: "api.shop.example".to_owned(), base_paths, truststore: None }];
    let host = [("Host", "api.shop.example:8443")];
    let of = |target| {
        let ask = Ask { target, headers: &host, ..Ask::default() };
        door.says("GET", ask, &["domainName", "domainPrefix", "customDomain.basePathMatched", "routeKey", "path"])
    };
    assert_eq!(of("/v1/pets/7"), ["api.shop.example", "api", "v1", "GET /pets/{id}", "/v1/pets/7"]);
    assert_eq!(of("/pets/7"), ["api.shop.example", "api", "-", "GET /pets/{id}", "/pets/7"]);
}

#[test]
fn a_body_that_was_not_kept_is_data_that_was_processed() {
    let door = http(Integration::fixed(200, "ok"));
    let said = |ask| door.says("GET", ask, &["dataProcessed"]);
    assert_eq!(said(Ask { body: "four", ..Ask::default() }), ["6"]);
    let too_large = Ask { body_bytes: Some(11_000_000), reason: Some(Reason::PayloadTooLarge), ..Ask::default() };
    let answered = r#"{"message":"Request Entity Too Large"}"#.len();
    assert_eq!(said(too_large), [(11_000_000 + answered).to_string()]);
}
