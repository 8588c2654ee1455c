//! WebSocket APIs: each of their keys proven into the model, each of them broken, and what they do not have.

use sluicegate_policy::call::Closing;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiKind, AuthorizerFormat, Burst, DeploymentId, FanOut, HeadLimit, MockIntegration, Pings, Receivers, Requirement, Route,
    RouteResponse, SlowReader, StageId, UnknownStage, WebSocket,
};
use sluicegate_policy::model::{AuthorizerId, Integration};
use sluicegate_policy::time::Span;

use super::*;

/// A WebSocket API that uses every key that such APIs have.
const CHAT: &str = include_str!("door_websocket.yaml");

/// One that says as little as it may.
const SMALL: &str = "gateway: { api: websocket, stages: { prod: }, routes: { $default: { integration: { mock: {} } } } }";

fn chat() -> Plan {
    plan(CHAT).unwrap_or_else(|error| panic!("{error}"))
}

fn route<'p>(plan: &'p Plan, key: &str) -> &'p Route {
    plan.model.routes.iter().find(|route| route.key() == key).unwrap_or_else(|| panic!("no route {key}"))
}

fn broken_in(from: &str, to: &str) -> String {
    assert!(CHAT.contains(from), "{from}");
    match plan(&CHAT.replacen(from, to, 1)) {
        Ok(_) => panic!("{from} -> {to}: nothing is wrong"),
        Err(message) => message,
    }
}

#[test]
fn every_setting_of_connections_comes_into_the_model() {
    let plan = chat();
    let api = &plan.model.apis[0];
    assert_eq!((api.kind, api.limits.payload_bytes, api.limits.url_bytes), (ApiKind::WebSocket, 16 << 10, 4_096));
    assert_eq!(api.limits.head, HeadLimit::Headers(20_480));
    assert_eq!(
        api.websocket,
        WebSocket {
            selection: vec!["detail".to_owned(), "kind".to_owned()],
            idle: Span::from_secs(30),
            life: Span::from_secs(300),
            frame_bytes: 8 << 10,
            unread_bytes: 64 << 10,
            slow_reader: SlowReader::Closed,
            pings: Pings::Counted,
        }
    );
    let connects = plan.model.account.connects;
    assert_eq!((connects.rate.as_f64(), connects.burst), (50.0, Burst(20)));
    assert_eq!(api.unconfirmed.unknown_stage, UnknownStage::NotFound);
}

#[test]
fn drops_are_of_the_stage_they_name_or_of_all_and_in_the_order_of_their_instants() {
    let drops: Vec<_> = chat().model.drops.iter().map(|drop| (drop.at.as_ns() / 1_000_000_000, drop.stage, drop.why)).collect();
    let all = [(30, StageId(0), Closing::Fault(1012)), (30, StageId(1), Closing::Fault(1012)), (60, StageId(1), Closing::Cut)];
    assert_eq!(drops, all);
}

#[test]
fn drops_of_a_further_api_are_of_its_own_stages() {
    let text = "gateway: { api: http, stages: { $default: , prod: }, routes: { GET /: { integration: { mock: {} } } } }
apis:
  chat:
    api: websocket
    stages: { prod: , beta: }
    websocket: { drops: [{ at: 1s, code: 1012, stage: beta }] }
    routes: { $default: { integration: { mock: {} } } }
";
    let plan = plan(text).unwrap();
    assert_eq!(plan.model.drops.iter().map(|drop| drop.stage).collect::<Vec<_>>(), [StageId(3)]);
    assert_eq!(plan.model.account.connects.burst, Burst(500));
}

#[test]
fn what_is_not_said_is_as_the_provider_has_it() {
    let plan = plan(SMALL).unwrap();
    let api = &plan.model.apis[0];
    assert_eq!((&api.websocket, api.limits.payload_bytes), (&WebSocket::default(), 128 << 10));
    assert_eq!((plan.model.account.connects.rate.as_f64(), plan.model.drops.len()), (500.0, 0));
    assert!((api.overhead.mean().as_secs_f64() - 0.006).abs() < 0.001, "{:?}", api.overhead);
    let shown = &plan.resolved["profile"]["gateway"];
    assert_eq!((&shown["websocket"]["idle"], &shown["websocket"]["message"]), (&"10m".into(), &"128 KB".into()));
    assert_eq!(
        (&shown["route_selection"], &shown["account"]["connects"]["rate"]),
        (&"$request.body.action".into(), &"500/s".into())
    );
    assert!(shown["limits"].get("payload").is_none(), "{shown}");
}

#[test]
fn what_is_resolved_is_a_profile_that_means_the_same() {
    for text in [CHAT, SMALL] {
        let plan = plan(text).unwrap();
        let again = super::plan(&plan.resolved["profile"].to_string()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again.model.routes, plan.model.routes);
        assert_eq!((&again.model.apis, &again.model.drops), (&plan.model.apis, &plan.model.drops));
    }
}

#[test]
fn routes_are_keys_and_say_what_they_answer_and_post() {
    let plan = chat();
    let send = route(&plan, "sendMessage");
    assert_eq!((send.method.as_deref(), send.response), (None, RouteResponse::Present));
    let each = Latency::constant(Span::from_ms(5));
    assert_eq!(send.fan_out, Some(FanOut { to: Receivers::Others, at_once: 10, each }));
    let connect = route(&plan, "$connect");
    assert_eq!((connect.api_key, connect.response), (Requirement::Required, RouteResponse::Absent));
    assert_eq!(connect.authorization.as_ref().map(|it| it.authorizer), Some(AuthorizerId(0)));
    let format = plan.model.authorizers[0].lambda().map(|lambda| (lambda.format, lambda.ttl));
    assert_eq!(format, Some((AuthorizerFormat::Request, Span::ZERO)));
    assert_eq!(route(&plan, "ask bot").method, None);
    let of_v2: Vec<String> = plan.model.routes_of(DeploymentId(1)).map(|(_, route)| route.key()).collect();
    assert!(of_v2.contains(&"shout/now".to_owned()) && !of_v2.contains(&"$disconnect".to_owned()), "{of_v2:?}");
}

#[test]
fn every_deployment_takes_callbacks_and_none_of_them_counts_as_a_route() {
    let plan = chat();
    for deployment in [DeploymentId(0), DeploymentId(1)] {
        let callbacks: Vec<&Route> = plan.model.routes_of(deployment).map(|(_, it)| it).filter(|it| is_callback(it)).collect();
        let methods: Vec<_> = callbacks.iter().map(|route| route.method.as_deref().unwrap_or_default()).collect();
        assert_eq!(methods, ["GET", "POST", "DELETE"]);
        let answer = Integration::Mock(MockIntegration::Fixed { status: 200, body: String::new() });
        assert!(callbacks.iter().all(|route| route.path == "/@connections/{connectionId}" && route.integration == answer));
        let signed = |route: &&Route| route.authorization.as_ref().is_some_and(|it| it.authorizer == AuthorizerId(1));
        assert!(callbacks.iter().all(signed), "{callbacks:?}");
    }
    assert!(plan.catalog.series.iter().all(|name| !name.contains("@connections")), "{:?}", plan.catalog.series);
    assert_eq!(plan.resolved["derived"]["routes"], 7);
    let open = super::plan(SMALL).unwrap();
    assert!(open.model.routes.iter().all(|route| route.authorization.is_none()));
    assert_eq!(open.model.routes.len(), 4);
}

/// Each key, broken: what stands there, and what is written instead.
const BREAKS: &[(&str, &str)] = &[
    ("api: websocket", "api: websockets"),
    ("route_selection: $request.body.detail.kind", "route_selection: $request.header.kind"),
    ("idle: 30s", "idle: 0s"),
    ("life: 5m", "life: 0s"),
    ("frame: 8 KB", "frame: 0 B"),
    ("message: 16 KB", "message: 16"),
    ("unread: 64 KB", "unread: 0 B"),
    ("slow_reader: closed", "slow_reader: gone"),
    ("pings: counted", "pings: yes"),
    ("callbacks: signed", "callbacks: sined"),
    ("callbacks: signed", "callbacks: check"),
    ("code: 1012", "code: 1006"),
    ("stage: beta }", "stage: bta }"),
    ("at: 60s, code", "at: 90s, code"),
    ("rate: 50/s, burst: 20", "rate: 0/s, burst: 20"),
    ("to: others", "to: all"),
    ("at_once: 10", "at_once: 0"),
    ("at_once: 10, each: 5ms", "at_once: 10"),
    ("timeout: 29s", "timeout: 30s"),
    ("    sendMessage:\n", "    $send:\n"),
    ("    sendMessage:\n", "    /send:\n"),
    ("route_throttles: { sendMessage", "route_throttles: { sendMessages"),
    ("route_throttles: { sendMessage", "route_throttles: { \"POST /@connections/{connectionId}\""),
    // what is asked of others than handshakes, and answered to others than messages
    ("    ask bot: {", "    ask bot: { authorizer: check,"),
    ("    ask bot: {", "    ask bot: { api_key: required,"),
    ("    ask bot: {", "    ask bot: { posts: { each: 1ms },"),
    ("    old: {", "    old: { posts: { each: 1ms },"),
    ("    $disconnect: { integration", "    $disconnect: { responds: true, integration"),
    ("    $connect: {", "    $connect: { posts: { each: 1ms },"),
    ("    $connect: {", "    $connect: { body: { application/json: Message },"),
    // what a WebSocket API does not have
    ("endpoint: regional", "endpoint: edge"),
    ("endpoint: regional", "endpoint: private"),
    ("endpoint: regional", "binary_media_types: [image/png]"),
    ("endpoint: regional", "cors: { allow_origins: [\"*\"] }"),
    ("endpoint: regional", "resource_policy: { Version: \"2012-10-17\", Statement: [] }"),
    ("endpoint: regional", "gateway_responses: { THROTTLED: { status: 400 } }"),
    ("limits: {", "limits: { payload: 1 MB,"),
    ("    prod:\n", "    $default:\n"),
    ("      execution_log: info\n", "      cache: {}\n"),
    ("      execution_log: info\n", "      canary: { percent: 10%, deployment: v2 }\n"),
    ("    ask bot: {", "    ask bot: { parameters: [header.X],"),
    ("    ask bot: {", "    ask bot: { cache_keys: [header.X],"),
    ("    ask bot: {", "    ask bot: { map_request: { overwrite:path: /x },"),
    ("    ask bot: {", "    ask bot: { operation_name: ask,"),
    ("integration: { lambda: bot }", "integration: { lambda: { function: bot, stream: true } }"),
    ("integration: { lambda: bot }", "integration: { lambda: { function: bot, payload_format: \"2.0\" } }"),
    ("signed: { iam: {} }", "signed: { jwt: { issuer: https://issuer.example, audiences: [a] } }"),
    ("signed: { iam: {} }", "signed: { cognito: { issuers: [https://issuer.example] } }"),
    ("function: check,", "function: check, type: token,"),
    ("function: check,", "function: check, ttl: 5m,"),
    ("function: check,", "function: check, simple_responses: true,"),
    ("authorizer: check, api_key", "authorizer: check, scopes: [read], api_key"),
    ("unknown_stage: not_found", "preflight_status: 200"),
    ("unknown_stage: not_found", "cached_statuses: all"),
];

#[test]
fn a_websocket_api_broken_in_any_part_says_where_and_what_would_work() {
    let messages: Vec<String> =
        BREAKS.iter().map(|(from, to)| format!("{} -> {}\n{}", from.trim(), to.trim(), broken_in(from, to))).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn other_apis_have_no_connections() {
    let text = |api: &str, key: &str, route: &str| {
        format!(
            "gateway: {{ api: {api}, {key} stages: {{ prod: }}, functions: {{ f: {{ duration: 1ms }} }}, routes: {{ GET /: {{ {route} integration: {{ lambda: f }} }} }} }}"
        )
    };
    for api in ["http", "rest"] {
        assert!(plan(&text(api, "", "")).is_ok());
        for (key, route) in [
            ("websocket: { idle: 5s },", ""),
            ("route_selection: $request.body.action,", ""),
            ("", "responds: true,"),
            ("", "posts: { each: 1ms },"),
        ] {
            let message = plan(&text(api, key, route)).err().unwrap_or_else(|| panic!("{api} {key} {route}"));
            assert!(message.contains("remove this, or write api: websocket"), "{message}");
        }
        let message = plan(&text(api, "account: { connects: { rate: 1/s, burst: 1 } },", "")).err().unwrap();
        assert!(message.contains("none of these APIs has connections; remove connects, or write api: websocket"), "{message}");
        for key in ["$connect", "sendMessage"] {
            let message = plan(&text(api, "", "").replace("GET /", key)).err().unwrap();
            assert!(message.contains(&format!("\"{key}\" is not a route; write a method in capitals")), "{message}");
        }
    }
}

#[test]
fn requests_are_no_traffic_of_a_websocket_api_but_a_mock_serves_its_profile_all_the_same() {
    let with_mix = format!("{SMALL}\ntraffic: {{ mix: [{{ request: GET / }}], arrivals: {{ constant: 1/s }} }}\n");
    let message = plan(&with_mix).err().unwrap();
    let what = "traffic.mix: the traffic of a WebSocket API are connections and their messages; write sessions in place of mix";
    assert!(message.contains(what), "{message}");
    let served = Overrides { script: Script::Served, ..Overrides::default() };
    assert!(load_text("p.yaml", &with_mix, &served, &[]).is_ok());
}

#[test]
fn a_drift_reaches_every_setting_of_connections() {
    let drifted = |drift: &str| {
        let drifts = [drift.parse::<Drift>().unwrap()];
        load_text("p.yaml", CHAT, &Overrides::default(), &drifts).unwrap_or_else(|error| panic!("{drift}: {error}")).model
    };
    assert_eq!(drifted("websocket.idle * 2").apis[0].websocket.idle, Span::from_secs(60));
    assert_eq!(drifted("websocket.frame = 1 KB").apis[0].websocket.frame_bytes, 1_024);
    assert_eq!(drifted("websocket.slow_reader = kept").apis[0].websocket.slow_reader, SlowReader::Kept);
    let connects = drifted("account.connects.rate * 0.5").account.connects;
    assert_eq!((connects.rate.as_f64(), connects.burst), (25.0, Burst(20)));
    let posts = drifted("routes.sendMessage.posts.each * 3");
    let each = posts.routes.iter().find_map(|route| route.fan_out.as_ref()).map(|fan_out| fan_out.each.mean());
    assert_eq!(each, Some(Span::from_ms(15)));
}
