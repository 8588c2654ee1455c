//! What each decision looks like to a client, for both kinds of API.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{ApiKind, Cache, Function, Integration, Invalidation, RouteId, StageCache};
use sluicegate_policy::time::Span;

use crate::mock::{Answer, Mock, function, mock, throttle};

fn slow() -> Function {
    Function { duration: Latency::constant(Span::from_secs(3_600)), ..function() }
}

fn failing() -> Function {
    Function { failures: 1.0, ..function() }
}

fn without_room() -> Function {
    Function { concurrency: Some(0), ..function() }
}

/// A gateway with one route for each way a call can go.
fn eventful(api: ApiKind) -> Mock {
    mock(api)
        .fixed("GET /fixed", "ok")
        .lambda("GET /lambda", function())
        .lambda("GET /failing", failing())
        .lambda("GET /full", without_room())
        .lambda("GET /slow", slow())
        .external("GET /external")
}

/// Status, error type, content type and body.
fn told(answer: &Answer) -> (u16, &str, &str, &str) {
    let header = |name| answer.header(name).unwrap_or("-");
    (answer.status, header("x-amzn-errortype"), header("content-type"), &answer.body)
}

#[test]
fn a_rest_api_says_what_the_real_one_was_recorded_to_say() {
    const JSON: &str = "application/json";
    let internal = "InternalServerErrorException";
    eventful(ApiKind::Rest).serve(async |client| {
        for (path, expected) in [
            ("/nowhere/x", (403, "ForbiddenException", JSON, r#"{"message":"Forbidden"}"#)),
            ("/prod/x", (403, "MissingAuthenticationTokenException", JSON, r#"{"message":"Missing Authentication Token"}"#)),
            ("/prod/failing", (502, internal, JSON, r#"{"message": "Internal server error"}"#)),
            ("/prod/full", (500, internal, JSON, r#"{"message": "Internal server error"}"#)),
            ("/prod/slow", (504, internal, JSON, r#"{"message": "Endpoint request timed out"}"#)),
            ("/prod/external", (504, internal, JSON, r#"{"message": "Network error communicating with endpoint"}"#)),
        ] {
            let answer = client.get(path).await;
            assert_eq!(told(&answer), expected, "{path}");
            assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36), "{path}");
            assert!(answer.header("x-amz-apigw-id").is_some_and(|id| id.ends_with('=')), "{path}");
            assert_eq!(answer.header("x-amzn-trace-id"), None, "{path}");
            assert_eq!(answer.header("retry-after"), None, "{path}");
        }
    });
}

#[test]
fn an_http_api_says_what_the_real_one_was_recorded_to_say() {
    const JSON: &str = "application/json";
    eventful(ApiKind::Http).serve(async |client| {
        for (path, expected) in [
            ("/nowhere/x", (404, "-", JSON, r#"{"message":"Not Found"}"#)),
            ("/prod/x", (404, "-", JSON, r#"{"message":"Not Found"}"#)),
            ("/prod/failing", (500, "-", JSON, r#"{"message":"Internal Server Error"}"#)),
            ("/prod/full", (503, "-", "-", r#"{"message":"Service Unavailable"}"#)),
            ("/prod/slow", (503, "-", "-", r#"{"message":"Service Unavailable"}"#)),
            ("/prod/external", (503, "-", "-", r#"{"message":"Service Unavailable"}"#)),
        ] {
            let answer = client.get(path).await;
            assert_eq!(told(&answer), expected, "{path}");
            assert_eq!(answer.header("apigw-requestid").map(str::len), Some(16), "{path}");
            assert_eq!(answer.header("x-amzn-requestid"), None, "{path}");
            assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{path}");
        }
    });
}

#[test]
fn a_throttled_call_is_told_so_and_not_when_to_retry() {
    for (api, error_type, content_type) in
        [(ApiKind::Rest, "TooManyRequestsException", "application/json"), (ApiKind::Http, "-", "-")]
    {
        let answer = mock(api).fixed("GET /x", "ok").throttled(throttle(1, 0)).get("/prod/x");
        assert_eq!(told(&answer), (429, error_type, content_type, r#"{"message":"Too Many Requests"}"#));
        assert_eq!(answer.header("retry-after"), None);
    }
}

#[test]
fn an_integration_answers_with_its_own_body_and_the_default_content_type() {
    for (api, content_type) in [(ApiKind::Rest, "application/json"), (ApiKind::Http, "text/plain; charset=utf-8")] {
        eventful(api).serve(async |client| {
            let fixed = client.get("/prod/fixed").await;
            assert_eq!(told(&fixed), (200, "-", content_type, "ok"));
            assert_eq!(fixed.header("x-amzn-trace-id"), None);
            let lambda = client.get("/prod/lambda?q=1").await;
            assert_eq!(told(&lambda), (200, "-", content_type, r#"{"id":7}"#));
            assert_eq!(lambda.header("x-amzn-trace-id").is_some(), api == ApiKind::Rest);
        });
    }
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    mock(ApiKind::Rest).fixed("HEAD /x", "four").serve(async |client| {
        let mut wire = client.connect().await;
        for _ in 0..2 {
            wire.write(b"HEAD /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
            let answer = wire.bare_answer().await.unwrap();
            assert_eq!((answer.status, answer.header("content-length")), (200, Some("4")));
        }
        // Nothing but a head followed: the next answer begins where the last one ended.
        assert_eq!(wire.get("/ping").await.body, "healthy");
    });
}

#[test]
fn a_status_without_a_body_has_none() {
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "ignored");
    mock.model.routes[0].integration = Integration::fixed(204, "ignored");
    let answer = mock.get("/prod/x");
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
}

#[test]
fn a_header_may_name_the_method_of_a_rest_api_only() {
    for (api, status) in [(ApiKind::Rest, 200), (ApiKind::Http, 404)] {
        let request = "POST /prod/x HTTP/1.1\r\nhost: mock\r\nx-http-method-override: PATCH\r\ncontent-length: 0\r\n\r\n";
        let (answer, _) = mock(api).fixed("PATCH /x", "patched").serve(async |client| client.ask(request).await);
        assert_eq!(answer.status, status, "{api:?}");
    }
}

#[test]
fn the_health_check_never_reaches_the_api() {
    let mut mock = mock(ApiKind::Http).fixed("ANY /{proxy+}", "mine");
    mock.model.stages[0].name = "$default".to_owned();
    let ((), summary) = mock.serve(async |client| {
        assert_eq!(client.get("/ping").await.body, "healthy");
        assert_eq!(client.get("/sping").await.body, "healthy");
        assert_eq!(client.get("/ping/pong").await.body, "mine");
    });
    assert_eq!((summary.health_checks, summary.arrived), (2, 3));
}

#[test]
fn a_client_may_bring_its_request_id() {
    let brought = "01234567-89ab-4def-8123-456789abcdef";
    let request = format!("GET /prod/x HTTP/1.1\r\nhost: mock\r\nx-amzn-RequestId: {brought}\r\n\r\n");
    let (answer, _) = mock(ApiKind::Rest).fixed("GET /x", "").serve(async |client| client.ask(&request).await);
    assert_eq!(answer.header("x-amzn-requestid"), Some(brought));
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let ids = || mock(ApiKind::Http).fixed("GET /x", "").get("/prod/x").headers.remove("apigw-requestid");
    assert_eq!(ids(), ids());
}

/// `GET /x` and `ANY /y`, whose answers are kept, of a stage that ignores a wish for a new one with a warning.
fn keeping() -> Mock {
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "four").fixed("ANY /y", "five!");
    let default = Cache::For(Span::from_secs(300));
    let (routes, invalidation) = (vec![(RouteId(1), default)], Invalidation::IgnoredWithWarning);
    mock.model.stages[0].cache = Some(StageCache { capacity_bytes: 1 << 20, default, routes, invalidation });
    mock
}

#[test]
fn what_a_head_request_leaves_in_the_cache_has_a_body() {
    keeping().serve(async |client| {
        for (path, body) in [("x", "four"), ("y", "five!")] {
            let mut wire = client.connect().await;
            let head = format!("HEAD /prod/{path} HTTP/1.1\r\nhost: mock\r\nx-http-method-override: GET\r\n\r\n");
            for _ in 0..2 {
                wire.write(head.as_bytes()).await;
                let bare = wire.bare_answer().await.unwrap();
                assert_eq!((bare.status, bare.header("content-length")), (200, Some(&*body.len().to_string())));
                assert_eq!(wire.get(&format!("/prod/{path}")).await.body, body);
            }
        }
    });
}

#[test]
fn a_warning_is_for_whoever_asked_for_it() {
    keeping().serve(async |client| {
        let mut wire = client.connect().await;
        for is_warned in [true, false, true] {
            let wish = if is_warned { "cache-control: max-age=0\r\n" } else { "" };
            wire.write(format!("GET /prod/x HTTP/1.1\r\nhost: mock\r\n{wish}\r\n").as_bytes()).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!((answer.body.as_str(), answer.header("warning").is_some()), ("four", is_warned));
        }
    });
}
