//! Real functions as authorizers, over real sockets: a small Python runtime says yes, no and nonsense, in every format.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sluicegate_mock::{Settings, Summary};
use sluicegate_policy::model::{
    ApiKey, ApiKind, AuthorizerAnswers, AuthorizerFormat, AuthorizerKind, Code, Function, FunctionId, Integration, KeyId,
    KeySource, LambdaAuthorizer, LookUps, Payload, Process, Real, Requirement, Runs, StageId, Timed, UsagePlan,
};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use crate::mock::{Answer, Client, Mock, function, lambda_authorizer, mock, serve};

const SIMPLE: AuthorizerFormat = AuthorizerFormat::V2(AuthorizerAnswers::Simple);
const POLICY: AuthorizerFormat = AuthorizerFormat::V2(AuthorizerAnswers::Policy);
/// Every format that is answered by a policy, with its kind of API.
const WITH_POLICY: [(ApiKind, AuthorizerFormat); 4] = [
    (ApiKind::Rest, AuthorizerFormat::Token),
    (ApiKind::Rest, AuthorizerFormat::Request),
    (ApiKind::Http, AuthorizerFormat::V1),
    (ApiKind::Http, POLICY),
];

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions").join(name)
}

/// A function that runs this script.
pub(crate) fn python(name: &str, arguments: &[&str], timeout: Span) -> Function {
    let script = script(name);
    let command = ["python3", script.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
    let process = Process {
        command: command.map(str::to_owned).collect(),
        environment: Vec::new(),
        directory: PathBuf::from("."),
        handler: name.to_owned(),
        timeout,
    };
    Function {
        name: name.to_owned(),
        code: Code::Real(Real { runs: Runs::Process(process), timed: Timed::Unknown }),
        ..function()
    }
}

/// `GET /x` and `POST /x`, which answer `ok`, behind the authorizer in this format, which keeps its answers for a while; and `GET /echo`,
/// behind it, too, which answers with its event.
pub(crate) fn guarded(kind: ApiKind, format: AuthorizerFormat) -> Mock {
    let echo = python("runtime.py", &["echo"], Span::from_secs(20));
    let mut mock = mock(kind).fixed("GET /x", "ok").fixed("POST /x", "ok").lambda("GET /echo", echo);
    mock.model.functions.push(python("authorizer.py", &[], Span::from_secs(20)));
    if let Integration::Lambda(lambda) = &mut mock.model.routes[2].integration {
        lambda.timeout = Span::from_secs(20);
    }
    let mut authorizer = lambda_authorizer(Span::ZERO);
    if let AuthorizerKind::Lambda(lambda) = &mut authorizer.kind {
        (lambda.function, lambda.format, lambda.ttl) = (Some(FunctionId(1)), format, Span::from_secs(300));
    }
    mock.authorized(authorizer)
}

fn lambda(mock: &mut Mock) -> &mut LambdaAuthorizer {
    let AuthorizerKind::Lambda(lambda) = &mut mock.model.authorizers[0].kind else { unreachable!("it is a function") };
    lambda
}

async fn ask(client: Client, line: &str, token: &str) -> Answer {
    let length = if line.starts_with("POST") { "content-length: 0\r\n" } else { "" };
    client.ask(&format!("{line} HTTP/1.1\r\nHost: mock\r\nX-Other: a\r\nAuthorization: {token}\r\n{length}\r\n")).await
}

/// Runs the gateway while `client` does what it does; what the functions print goes nowhere.
fn served<T>(mock: &Mock, client: impl AsyncFnOnce(Client) -> T) -> (T, Summary) {
    serve(quiet(mock), client)
}

fn quiet(mock: &Mock) -> Settings {
    Settings { function_log: Some("/dev/null".into()), ..mock.settings() }
}

fn asked(mock: &Mock, token: &str) -> (Answer, Summary) {
    served(mock, async |client| ask(client, "GET /prod/x", token).await)
}

/// The event that the authorizer got, and the one that the integration got after it.
fn events(kind: ApiKind, format: AuthorizerFormat, change: impl FnOnce(&mut Mock)) -> (Value, Value) {
    let mut mock = guarded(kind, format);
    change(&mut mock);
    let (answer, _) = served(&mock, async |client| ask(client, "GET /prod/echo?a=1&b=2&a=3", "echo").await);
    assert_eq!(answer.status, 200, "{answer:?}");
    let said: Value = serde_json::from_str(&answer.body).unwrap();
    let event = said["event"].clone();
    let authorizer = &event["requestContext"]["authorizer"];
    let handed_on = authorizer.get("lambda").unwrap_or(authorizer)["event"].as_str().unwrap();
    (serde_json::from_str(handed_on).unwrap(), event)
}

fn keys(of: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = of.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_token_authorizer_gets_the_token_and_the_method() {
    let (event, integration) = events(ApiKind::Rest, AuthorizerFormat::Token, |_| {});
    let arn = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/echo";
    assert_eq!(event, serde_json::json!({ "type": "TOKEN", "authorizationToken": "echo", "methodArn": arn }));
    let authorizer = &integration["requestContext"]["authorizer"];
    assert_eq!(keys(authorizer), ["event", "integrationLatency", "principalId"]);
    assert!(authorizer["integrationLatency"].is_u64() && authorizer["principalId"] == "ann", "{authorizer}");
}

#[test]
fn a_request_authorizer_gets_the_request_but_for_its_body() {
    let (event, _) = events(ApiKind::Rest, AuthorizerFormat::Request, |mock| {
        mock.model.stages[0].variables = vec![("table".to_owned(), "orders".to_owned())];
    });
    let expected = [
        "headers",
        "httpMethod",
        "methodArn",
        "multiValueHeaders",
        "multiValueQueryStringParameters",
        "path",
        "pathParameters",
        "queryStringParameters",
        "requestContext",
        "resource",
        "stageVariables",
        "type",
    ];
    assert_eq!(keys(&event), expected);
    assert_eq!((&event["type"], &event["httpMethod"]), (&"REQUEST".into(), &"GET".into()));
    assert_eq!((&event["queryStringParameters"]["a"], &event["stageVariables"]["table"]), (&"3".into(), &"orders".into()));
    assert_eq!(event["multiValueQueryStringParameters"]["a"], serde_json::json!(["1", "3"]));
    assert_eq!((&event["pathParameters"], &event["headers"]["X-Other"]), (&serde_json::json!({}), &"a".into()));
    assert_eq!(event["requestContext"].get("authorizer"), None);
    assert_eq!(event["requestContext"]["resourcePath"], "/echo");
}

#[test]
fn format_1_of_an_http_api_names_the_identity_as_one_text() {
    let (event, integration) = events(ApiKind::Http, AuthorizerFormat::V1, |mock| {
        let AuthorizerKind::Lambda(lambda) = &mut mock.model.authorizers[0].kind else { unreachable!("a function") };
        lambda.identity.push(sluicegate_policy::model::IdentitySource::Query("b".to_owned()));
    });
    let expected = [
        "authorizationToken",
        "headers",
        "httpMethod",
        "identitySource",
        "methodArn",
        "path",
        "pathParameters",
        "queryStringParameters",
        "requestContext",
        "resource",
        "stageVariables",
        "type",
        "version",
    ];
    assert_eq!(keys(&event), expected);
    assert_eq!((&event["version"], &event["type"]), (&"1.0".into(), &"REQUEST".into()));
    assert_eq!((&event["identitySource"], &event["authorizationToken"]), (&"echo,2".into(), &"echo,2".into()));
    assert_eq!(event["methodArn"], "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/echo");
    assert_eq!(keys(&integration["requestContext"]["authorizer"]), ["lambda"], "its integration speaks format 2.0");
}

#[test]
fn format_2_of_an_http_api_lists_the_identity_and_leaves_out_what_is_empty() {
    let (event, integration) = events(ApiKind::Http, POLICY, |_| {});
    let expected = [
        "headers",
        "identitySource",
        "queryStringParameters",
        "rawPath",
        "rawQueryString",
        "requestContext",
        "routeArn",
        "routeKey",
        "type",
        "version",
    ];
    assert_eq!(keys(&event), expected);
    assert_eq!(event["identitySource"], serde_json::json!(["echo"]));
    assert_eq!((&event["routeKey"], &event["rawPath"]), (&"GET /echo".into(), &"/prod/echo".into()));
    assert_eq!(event["routeArn"], "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/echo");
    assert_eq!(event["requestContext"]["http"]["method"], "GET");
    assert_eq!(keys(&integration["requestContext"]["authorizer"]["lambda"]), ["event"]);
}

#[test]
fn what_it_hands_on_keeps_its_types_in_format_2_and_is_text_in_the_others() {
    for (kind, payload, expected) in [
        (ApiKind::Rest, Payload::V2, serde_json::json!({ "count": "1", "blue": "true", "who": "x", "principalId": "ann" })),
        (ApiKind::Http, Payload::V1, serde_json::json!({ "count": 1, "blue": true, "who": "x", "principalId": "ann" })),
        (ApiKind::Http, Payload::V2, serde_json::json!({ "lambda": { "count": 1, "blue": true, "who": "x" } })),
    ] {
        let mut mock = guarded(kind, if kind == ApiKind::Rest { AuthorizerFormat::Token } else { POLICY });
        if let Integration::Lambda(lambda) = &mut mock.model.routes[2].integration {
            lambda.payload = payload;
        }
        let (answer, _) = served(&mock, async |client| ask(client, "GET /prod/echo", "all:x").await);
        let said: Value = serde_json::from_str(&answer.body).unwrap();
        let mut authorizer = said["event"]["requestContext"]["authorizer"].clone();
        authorizer.as_object_mut().unwrap().remove("integrationLatency");
        assert_eq!(authorizer, expected, "{kind:?} {payload:?}");
    }
}

#[test]
fn templates_and_logs_see_what_it_hands_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut mock = guarded(ApiKind::Rest, AuthorizerFormat::Token)
        .templated(
            "GET /t",
            r#"{"statusCode": 200}"#,
            "$context.authorizer.who $context.authorizer.blue $context.authorizer.count",
        )
        .logging("$context.requestId $context.authorizer.principalId $context.authorizer.who $context.authorizer.status");
    mock.model.routes[3].authorization = mock.model.routes[0].authorization.clone();
    let mut settings = quiet(&mock);
    settings.access_log = Some(folder.path().join("access.log"));
    let (bodies, _) = serve(settings, async |client| {
        [ask(client, "GET /prod/t", "all:x").await.body, ask(client, "GET /prod/t", "deny").await.body]
    });
    assert_eq!(bodies[0], "x true 1");
    let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
    let ends: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(ends, ["ann x 200", "ann - 403"]);
}

/// What each format and each kind of API makes of an answer.
#[test]
fn an_answer_lets_in_or_refuses_in_the_words_of_its_api() {
    let explicit =
        r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#;
    let implicit = r#"{"Message":"User is not authorized to access this resource"}"#;
    for (kind, format) in WITH_POLICY {
        for (token, status, rest, http) in [
            ("one", 200, "ok", "ok"),
            ("deny", 403, explicit, r#"{"message":"Forbidden"}"#),
            ("silent", 403, implicit, r#"{"message":"Forbidden"}"#),
        ] {
            let (answer, _) = asked(&guarded(kind, format), token);
            let body = if kind == ApiKind::Rest { rest } else { http };
            assert_eq!((answer.status, &*answer.body), (status, body), "{token} {format:?}");
            let error = (kind == ApiKind::Rest && status == 403).then_some("AccessDeniedException");
            assert_eq!(answer.header("x-amzn-errortype"), error);
        }
    }
    for (token, status) in [("simple:yes", 200), ("simple:no", 403), ("all", 500)] {
        assert_eq!(asked(&guarded(ApiKind::Http, SIMPLE), token).0.status, status, "{token}");
    }
}

#[test]
fn what_is_no_answer_is_500_of_the_authorizer_and_told_in_words() {
    for (kind, format) in WITH_POLICY {
        for token in ["garbage", "nobody", "simple:yes", "deep"] {
            let (answer, summary) = asked(&guarded(kind, format), token);
            if token == "deep" && format == POLICY {
                assert_eq!(answer.status, 200, "format 2.0 may hand on an object");
                continue;
            }
            let body = if kind == ApiKind::Rest { r#"{"message":null}"# } else { r#"{"message":"Internal Server Error"}"# };
            assert_eq!((answer.status, &*answer.body), (500, body), "{token} {format:?}");
            let error = (kind == ApiKind::Rest).then_some("AuthorizerConfigurationException");
            assert_eq!(answer.header("x-amzn-errortype"), error);
            let told = &summary.problems;
            assert!(matches!(&told[..], [problem] if problem.contains("authorizer check")), "{told:?}");
        }
    }
}

#[test]
fn one_that_raises_or_ends_is_401_by_one_word_of_a_rest_api_and_else_500() {
    for (kind, format) in WITH_POLICY {
        let unauthorized = if kind == ApiKind::Rest { 401 } else { 500 };
        for (token, status) in [("raise:Unauthorized", unauthorized), ("raise:it broke", 500), ("exit", 500)] {
            let (answer, summary) = asked(&guarded(kind, format), token);
            assert_eq!(answer.status, status, "{token} {format:?}");
            assert_eq!(summary.problems, Vec::<String>::new());
            let error = match (kind, status) {
                (ApiKind::Rest | ApiKind::WebSocket, 401) => Some("UnauthorizedException"),
                (ApiKind::Rest | ApiKind::WebSocket, _) => Some("AuthorizerFailureException"),
                (ApiKind::Http, _) => None,
            };
            assert_eq!(answer.header("x-amzn-errortype"), error);
        }
    }
}

#[test]
fn one_that_hangs_is_a_failure_when_the_functions_own_time_is_over_and_another_is_asked_next() {
    let mut mock = guarded(ApiKind::Rest, AuthorizerFormat::Token);
    mock.model.functions[1] = python("authorizer.py", &[], Span::from_ms(400));
    let (statuses, _) = served(&mock, async |client| {
        [ask(client, "GET /prod/x", "hang").await, ask(client, "GET /prod/x", "one").await].map(|answer| answer.status)
    });
    assert_eq!(statuses, [500, 200]);
}

#[test]
fn one_that_no_limit_lets_run_is_a_failure_and_so_is_one_that_is_nowhere() {
    let mut throttled = guarded(ApiKind::Rest, AuthorizerFormat::Token);
    throttled.model.functions[1].concurrency = Some(0);
    let (answer, _) = asked(&throttled, "one");
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (500, Some("AuthorizerFailureException")));
    let mut nowhere = guarded(ApiKind::Http, POLICY);
    nowhere.model.functions[1].code =
        Code::Real(Real { runs: Runs::Remote("http://127.0.0.1:1".to_owned()), timed: Timed::Unknown });
    let (answer, _) = asked(&nowhere, "one");
    assert_eq!((answer.status, &*answer.body), (500, r#"{"message":"Internal Server Error"}"#));
}

#[test]
fn a_kept_policy_denies_the_other_methods_that_it_does_not_speak_of() {
    let (statuses, _) = served(&guarded(ApiKind::Rest, AuthorizerFormat::Token), async |client| {
        let mut statuses = Vec::new();
        for line in ["GET /prod/x", "GET /prod/x", "POST /prod/x", "GET /prod/x"] {
            statuses.push(ask(client, line, "one").await.status);
        }
        statuses
    });
    // The answer names the method that it was asked for first, and is kept for the token alone.
    assert_eq!(statuses, [200, 200, 403, 200]);
}

#[test]
fn a_kept_answer_is_not_asked_for_again_and_one_that_is_not_kept_is() {
    for (ttl, counts) in [(Span::from_secs(300), ["1", "1", "1"]), (Span::ZERO, ["1", "2", "3"])] {
        let mut mock = guarded(ApiKind::Rest, AuthorizerFormat::Token);
        lambda(&mut mock).ttl = ttl;
        let (seen, _) = served(&mock, async |client| {
            let mut seen = Vec::new();
            for _ in 0..3 {
                let answer = ask(client, "GET /prod/echo", "all").await;
                let said: Value = serde_json::from_str(&answer.body).unwrap();
                seen.push(said["event"]["requestContext"]["authorizer"]["count"].as_str().unwrap().to_owned());
            }
            seen
        });
        assert_eq!(seen, counts);
    }
}

#[test]
fn the_api_key_is_the_one_that_the_answer_names() {
    let mut mock = guarded(ApiKind::Rest, AuthorizerFormat::Token);
    mock.model.apis[0].key_source = KeySource::Authorizer;
    mock.model.routes[0].api_key = Requirement::Required;
    let value = "gold-gold-gold-gold-gold".to_owned();
    mock.model.keys.push(ApiKey { name: "gold".to_owned(), value, enabled: true });
    let (stages, keys) = (vec![StageId(0)], vec![KeyId(0)]);
    let (name, route_throttles) = ("plan".to_owned(), Vec::new());
    mock.model.plans.push(UsagePlan { name, stages, keys, throttle: None, route_throttles, quota: None });
    let folder = tempfile::tempdir().unwrap();
    let mut settings = quiet(&mock.logging("$context.requestId $context.identity.apiKeyId"));
    settings.access_log = Some(folder.path().join("access.log"));
    let (statuses, _) = serve(settings, async |client| {
        let mut statuses = Vec::new();
        for token in ["key:gold-gold-gold-gold-gold", "key:gold-gold-gold-gold-gold", "key:silver", "all"] {
            statuses.push(ask(client, "GET /prod/x", token).await.status);
        }
        statuses
    });
    assert_eq!(statuses, [200, 200, 403, 403]);
    let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
    let ids: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(ids, ["gold", "gold", "-", "-"]);
}

#[test]
fn who_shares_a_look_up_has_its_answer_though_the_first_has_left() {
    let mut mock = guarded(ApiKind::Rest, AuthorizerFormat::Token);
    let lambda = lambda(&mut mock);
    (lambda.look_ups, lambda.ttl) = (LookUps::Shared, Span::ZERO);
    mock.model.functions[1].concurrency = Some(1);
    mock.model.functions[1].scaling.provisioned = 1;
    let mut settings = quiet(&mock);
    settings.admin = Some("127.0.0.1:0".parse().unwrap());
    let ((), summary) = serve(settings, async |client| {
        let request = b"GET /prod/x HTTP/1.1\r\nHost: mock\r\nAuthorization: slow\r\n\r\n";
        let (mut first, mut second) = (client.connect().await, client.connect().await);
        first.write(request).await;
        until("the first to be parked", async || in_flight(client).await == 1).await;
        second.write(request).await;
        until("the second to be parked", async || in_flight(client).await == 2).await;
        first.leave();
        assert_eq!(second.answer().await.unwrap().status, 200);
        until("nobody in flight", async || in_flight(client).await == 0).await;
    });
    assert_eq!(summary.replies.values().sum::<u64>(), 1);
}

#[test]
fn large_answers_are_kept_within_a_bound_and_the_first_one_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mock = guarded(ApiKind::Rest, AuthorizerFormat::Token).logging("$context.requestId $context.authorizer.count");
    let mut settings = quiet(&mock);
    settings.access_log = Some(folder.path().join("access.log"));
    // Four megabytes each, of the 32 that there are: the ninth makes the first one go.
    let ((), _) = serve(settings, async |client| {
        for token in (0..9).chain([8, 7, 0]) {
            assert_eq!(ask(client, "GET /prod/x", &format!("large:{}", 4_000_000 + token)).await.status, 200);
        }
    });
    let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
    let counts: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(counts, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "9", "8", "10"]);
}

async fn in_flight(client: Client) -> u64 {
    let health: Value = serde_json::from_str(&client.admin("GET /health", "").await.body).unwrap();
    health["in_flight"].as_u64().unwrap()
}

/// Lets others have their turn until this holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let clock = Clock::starting_now();
    while !holds().await {
        assert!(clock.now() < Instant::ZERO + Span::from_secs(20), "{what} never came");
        tokio::task::yield_now().await;
    }
}
