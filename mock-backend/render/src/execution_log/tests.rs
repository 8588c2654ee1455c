//! Stories of single requests, and those that were recorded.
//!
//! Owns the laws of what no event tells. Refuses single events (`event.rs` has those). Run by `cargo test`.

use std::borrow::Cow;
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use sluicegate_policy::call::{Arrival, CacheUse, CallId, Release, Timing};
use sluicegate_policy::model::{
    Api, ApiId, ApiKey, ApiKind, Burst, DeploymentId, FunctionId, KeyId, PerSecond, Quota, Requirement, Route, RouteId,
};
use sluicegate_policy::time::Instant;

use super::*;
use crate::request::Head;

/// One request under construction.
struct Case {
    model: Model,
    request: Request,
    /// The path below the stage.
    path: &'static str,
    parameters: Vec<(ParamKind, &'static str, String)>,
    key: Credential,
    reply: Reply,
    answer: Answer,
    context: Vec<(&'static str, String)>,
    transformed: Option<String>,
    /// How often the context was asked.
    asked: Cell<usize>,
}

struct Given<'a>(&'a Case);

impl Params for Given<'_> {
    fn get(&self, kind: ParamKind, name: &str) -> Option<String> {
        self.all(kind).into_iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    fn all(&self, kind: ParamKind) -> Vec<(String, String)> {
        let of = self.0.parameters.iter().filter(|(given, ..)| *given == kind);
        of.map(|(_, name, value)| ((*name).to_owned(), value.clone())).collect()
    }
}

impl Lookup for Given<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.asked.update(|asked| asked + 1);
        self.0.context.iter().find(|(given, _)| *given == name).map(|(_, value)| Cow::Borrowed(value.as_str()))
    }
}

/// `GET /prod/pets/123` of a REST API whose stage logs all, answered with 200 by a mock integration.
fn case() -> Case {
    let route = Route::new(DeploymentId(0), Some("GET"), "/pets/{petId}", Integration::fixed(200, ""));
    let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3d4e5"), &["prod"], vec![route]);
    model.stages[0].execution_log = ExecutionLog::Full;
    let mut answer = Answer::new(200, r#"{"petId": "123"}"#);
    answer.push("Content-Type", "application/json");
    answer.push("x-amzn-RequestId", "id-1");
    let arrival =
        Arrival { number: 0, api: ApiId(0), stage: Some(StageId(0)), deployment: Some(DeploymentId(0)), release: Release::Base };
    let reply = Reply {
        call: CallId(0),
        at: Instant::ZERO,
        status: 200,
        reason: Reason::Served,
        arrival,
        route: Some(RouteId(0)),
        purpose: sluicegate_policy::call::Purpose::Answer,
        fan_out: None,
        authorization: sluicegate_policy::call::AuthorizationUse::None,
        cache: CacheUse::None,
        warning: None,
        timing: Timing::default(),
    };
    let context = [
        ("requestId", "id-1"),
        ("extendedRequestId", "x="),
        ("httpMethod", "GET"),
        ("resourcePath", "/pets/{petId}"),
        ("stage", "prod"),
        ("accountId", "123456789012"),
    ];
    Case {
        model,
        request: request("/prod/pets/123", ""),
        path: "/pets/123",
        parameters: vec![(ParamKind::Path, "petId", "123".to_owned())],
        key: Credential::Absent,
        reply,
        answer,
        context: context.map(|(name, value)| (name, value.to_owned())).to_vec(),
        transformed: None,
        asked: Cell::new(0),
    }
}

fn request(target: &str, body: &str) -> Request {
    let head = Head::new("GET", target, [("x-api-key", b"0123456789abcdefghij0123456789F0yrv6".as_slice())]);
    Request { head, body: Bytes::copy_from_slice(body.as_bytes()), source: IpAddr::V4(Ipv4Addr::LOCALHOST), secured: None }
}

impl Case {
    fn at(mut self, level: ExecutionLog) -> Self {
        self.model.stages[0].execution_log = level;
        self
    }

    fn refused(mut self, reason: Reason, status: u16) -> Self {
        (self.reply.reason, self.reply.status, self.answer) = (reason, status, Answer::new(status, ""));
        self
    }

    /// The events without the request id that opens each.
    fn events(&self) -> Vec<String> {
        let given = Given(self);
        let executed = Executed {
            model: &self.model,
            request: &self.request,
            path: self.path,
            parameters: &given,
            key: self.key,
            transformed: self.transformed.as_deref(),
            reply: &self.reply,
            answer: &self.answer,
            context: &given,
        };
        let mut out = Vec::new();
        let count = executed.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        let events: Vec<_> = text.lines().map(|line| line.strip_prefix("(id-1) ").unwrap().to_owned()).collect();
        assert_eq!(events.len() as u64, count);
        events
    }
}

const KEY: &str = "******************************F0yrv6";

#[test]
fn a_served_request_is_told_from_its_ids_to_its_status() {
    let events = case().events();
    assert_eq!(
        events,
        [
            "Extended Request Id: x=",
            &format!("Verifying Usage Plan for request: id-1. API Key: {KEY} API Stage: a1b2c3d4e5/prod"),
            "API Key authorized because method 'GET /pets/{petId}' does not require API Key. Request will not contribute to throttle or quota limits",
            &format!("Usage Plan check succeeded for API Key {KEY} and API Stage a1b2c3d4e5/prod"),
            "Starting execution for request: id-1",
            "HTTP Method: GET, Resource Path: /pets/123",
            "Method request path: {petId=123}",
            "Method request query string: {}",
            "Method request headers: {}",
            "Method request body before transformations: ",
            "Method response body after transformations: {\"petId\": \"123\"}",
            "Method response headers: {Content-Type=application/json}",
            "Successfully completed execution",
            "Method completed with status: 200",
        ]
    );
}

#[test]
fn each_level_tells_less() {
    let told = |level| case().at(level).events().len();
    assert_eq!([ExecutionLog::Full, ExecutionLog::Info, ExecutionLog::Error, ExecutionLog::Off].map(told), [14, 8, 0, 0]);
    let failed = case().at(ExecutionLog::Error).refused(Reason::IntegrationTimeout, 504).events();
    assert_eq!(
        failed,
        [
            "Execution failed due to a timeout error",
            "Gateway response type: INTEGRATION_TIMEOUT with status code: 504",
            "Method completed with status: 504",
        ]
    );
}

#[test]
fn an_http_api_has_no_execution_log_and_too_large_a_request_no_event() {
    let mut http = case();
    http.model.apis[0].kind = ApiKind::Http;
    assert!(http.events().is_empty());
    assert!(case().refused(Reason::PayloadTooLarge, 413).events().is_empty());
    let mut nowhere = case();
    nowhere.reply.arrival.stage = None;
    assert!(nowhere.events().is_empty());
}

#[test]
fn a_function_is_asked_and_answers() {
    let mut case = case().at(ExecutionLog::Info);
    case.model.routes[0].integration = Integration::lambda(FunctionId(7), Span::from_secs(29));
    case.reply.timing.integration = Some(Span::from_us(12_600));
    let events = case.events();
    assert!(events.contains(&"Received response. Status: 200, Integration latency: 13 ms".to_owned()), "{events:#?}");
}

#[test]
fn a_configuration_error_is_told_with_its_cause() {
    let mut case = case().at(ExecutionLog::Error).refused(Reason::Misconfigured, 500);
    case.context.push(("integration.error", "Invalid endpoint address".to_owned()));
    assert_eq!(case.events()[0], "Execution failed due to configuration error: Invalid endpoint address");
    assert_eq!(case.events().last().unwrap(), "Method completed with status: 500");
}

/// With a key that a plan of five requests a second and 500 a day has.
fn planned() -> Case {
    let mut case = case().at(ExecutionLog::Error);
    case.model.routes[0].api_key = Requirement::Required;
    case.model.keys.push(ApiKey { name: "partner".to_owned(), value: "secret".to_owned(), enabled: true });
    case.model.plans.push(UsagePlan {
        name: "nnpegc".to_owned(),
        stages: vec![StageId(0)],
        keys: vec![KeyId(0)],
        throttle: Some(Throttle { rate: PerSecond { tokens: 5, per: Span::from_secs(1) }, burst: Burst(10) }),
        route_throttles: Vec::new(),
        quota: Some(Quota { limit: 500, period: Period::Day, offset: 0 }),
    });
    case.key = Credential::Key(KeyId(0));
    case.context.push(("resourceId", "f646q2".to_owned()));
    case
}

#[test]
fn what_a_usage_plan_refuses_is_told_in_the_words_of_the_real_one() {
    let throttled = planned().refused(Reason::Throttled(Scope::Key), 429).events();
    assert_eq!(
        throttled[0],
        format!(
            "API Key {KEY} exceeded throttle limit for API Stage a1b2c3d4e5/prod: Key throttle limit exceeded for Usage Plan ID nnpegc, RestApi a1b2c3d4e5, Stage prod, Resource f646q2, HttpMethod GET. Limit: 5.00 Burst: 10"
        )
    );
    assert_eq!(throttled[1], "Gateway response type: THROTTLED with status code: 429");
    let spent = planned().refused(Reason::QuotaExceeded, 429).events();
    assert_eq!(
        spent[0],
        format!(
            "API Key {KEY} exceeded quota limit for API Stage a1b2c3d4e5/prod: Key quota exhausted for Usage Plan ID nnpegc. Limit: 500 Period: DAY"
        )
    );
    let refused = planned().refused(Reason::KeyRefused, 403).events();
    assert_eq!(
        refused[0],
        format!(
            "API Key {KEY} not authorized because method 'GET /pets/{{petId}}' requires API Key and API Key is not associated with a Usage Plan for API Stage a1b2c3d4e5/prod: No Usage Plan found for key and API Stage"
        )
    );
    assert!(refused.iter().all(|event| !event.contains("secret") && !event.contains("0123456789abcdef")));
}

#[test]
fn at_level_error_nothing_is_asked_for_a_request_that_is_served() {
    let case = case().at(ExecutionLog::Error);
    assert!(case.events().is_empty());
    assert_eq!(case.asked.get(), 1, "the request id opens every event");
}

#[test]
fn the_path_is_the_one_below_the_stage_whatever_door_it_came_in_by() {
    for (path, told) in [("/pets/123", "/pets/123"), ("", "/"), ("/prod", "/prod")] {
        let mut case = case().at(ExecutionLog::Info);
        (case.request, case.path) = (request("/base/pets", ""), path);
        let event = format!("HTTP Method: GET, Resource Path: {told}");
        assert!(case.events().contains(&event), "{path}");
    }
}

#[test]
fn what_is_offered_as_a_key_is_hidden_only_if_it_could_be_one() {
    let mut case = case();
    case.request.head = Head::new("GET", "/prod/pets/123", [("x-api-key", b"e".as_slice())]);
    assert!(case.events().contains(&"Starting execution for request: id-1".to_owned()));
}

/// A request whose key stands where `places` has a bit.
fn telling(value: &str, places: u16) -> Case {
    let mut case = planned().at(ExecutionLog::Full);
    case.model.keys[0].value = value.to_owned();
    case.model.routes[0].integration = Integration::lambda(FunctionId(7), Span::from_secs(29));
    case.reply.timing.integration = Some(Span::from_us(12_600));
    let at = |place: u16| if places & (1 << place) == 0 { String::new() } else { format!("<{value}>") };
    let target = format!("/prod/pets/{}", at(0));
    let head = Head::new("GET", &target, [("x-api-key", value.as_bytes())]);
    case.request = Request { head, body: at(1).into(), source: IpAddr::V4(Ipv4Addr::LOCALHOST), secured: None };
    case.parameters = vec![
        (ParamKind::Path, "petId", at(0)),
        (ParamKind::Query, "q", at(2)),
        (ParamKind::Header, "X-Other", at(3)),
        (ParamKind::Header, "x-api-key", value.to_owned()),
        (ParamKind::Header, "Cookie", at(4)),
    ];
    case.transformed = Some(at(5));
    case.answer = Answer::new(200, at(6));
    case.answer.push("X-Echo", at(7));
    case.context.push(("error.message", at(8)));
    case.context.push(("error.validationErrorString", at(9)));
    case.context.push(("integration.error", at(10)));
    case
}

proptest! {
    #[test]
    fn no_event_tells_the_key_of_its_request(value in "[0-9A-Za-z]{20,40}", places in 0_u16..2_048, reason in 0_usize..6) {
        let mut case = telling(&value, places);
        (case.reply.reason, case.reply.status) = [
            (Reason::Served, 200),
            (Reason::Misconfigured, 500),
            (Reason::Invalid(Invalid::Parameters), 400),
            (Reason::Invalid(Invalid::Body), 400),
            (Reason::Throttled(Scope::Key), 429),
            (Reason::KeyRefused, 403),
        ][reason];
        for event in case.events() {
            prop_assert!(!event.contains(&value), "{event}");
        }
    }
}

#[test]
#[ignore = "needs ../shared"]
fn recorded_executions_are_told_in_the_same_words() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance/apigw-recorded.json");
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut compared = 0;
    for (snapshot, target, parameters, body) in [
        ("test-invoke-method-get-pets", "/prod/pets", vec![], ""),
        ("test-invoke-method-get-pets-id", "/prod/pets/123", vec![(ParamKind::Path, "petId", "123")], ""),
        (
            "test-invoke-method-get-with-qs",
            "/prod/pets/123?foo=bar",
            vec![(ParamKind::Path, "petId", "123"), (ParamKind::Query, "foo", "bar")],
            "",
        ),
        ("test-invoke-method-post-with-body", "/prod/pets/123", vec![(ParamKind::Path, "petId", "123")], r#"{"foo": "bar"}"#),
    ] {
        let scenarios = recorded["scenarios"].as_array().unwrap();
        let scenario = scenarios.iter().find(|scenario| scenario["snapshot_key"] == snapshot).unwrap();
        let log = scenario["recorded_answer"]["log"].as_object().unwrap();
        let lines = log.values().filter_map(|line| line.as_str()?.split_once(" : "));
        let expected: Vec<_> = lines.map(|(_, text)| replaced(text)).collect();
        let mut case = case();
        case.request = request(target, body);
        case.path = target.strip_prefix("/prod").unwrap().split('?').next().unwrap();
        case.parameters = parameters.into_iter().map(|(kind, name, value)| (kind, name, str::to_owned(value))).collect();
        case.answer.body = Bytes::from(scenario["recorded_answer"]["body"].to_string().replace("\":\"", "\": \""));
        if snapshot.contains("post") {
            case.context[2].1 = "POST".to_owned();
        }
        let told = case.events();
        let from = told.iter().position(|event| event.starts_with("Starting")).unwrap();
        assert_eq!(told[from..], expected, "{snapshot}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}

/// The recorded text with our request id.
fn replaced(text: &str) -> String {
    match text.split_once(": <request-id") {
        Some((before, _)) => format!("{before}: id-1"),
        None => text.to_owned(),
    }
}
