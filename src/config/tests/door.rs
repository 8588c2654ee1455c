//! The front door: each of its keys proven into the model, and each of them broken.

use sluicegate_policy::model::{
    ApiKind, Cache, CachedStatuses, Charge, Connection, ContentHandling, DeploymentId, Endpoint, ExecutionLog, HeadLimit,
    Integration, Invalidation, KeySource, MalformedStatus, MockIntegration, Passthrough, Period, Protocol, QuotaBegins,
    RefusalCors, Requirement, ResponseType, RouteId, ServiceCall, StageId, ThrottledContentType, ToldFirst, TooLargeContentType,
    Transfer, Unconfirmed, UnknownStage, UnsetVariable,
};
use sluicegate_policy::time::Span;

use super::*;

/// A REST API that uses every key of the front door.
pub(super) const REST: &str = include_str!("door_rest.yaml");

/// An HTTP API that uses every key of the front door that HTTP APIs have.
const HTTP: &str = include_str!("door_http.yaml");

pub(super) fn rest() -> Plan {
    plan(REST).unwrap_or_else(|error| panic!("{error}"))
}

fn http() -> Plan {
    plan(HTTP).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn broken_in(profile: &str, from: &str, to: &str) -> String {
    assert!(profile.contains(from), "{from}");
    match plan(&profile.replacen(from, to, 1)) {
        Ok(_) => panic!("{from} -> {to}: nothing is wrong"),
        Err(message) => message,
    }
}

/// Each key of the REST API, broken: what stands there, and what is written instead.
const REST_BREAKS: &[(&str, &str)] = &[
    // the API
    ("endpoint: edge", "endpoint: global"),
    ("payload: 1 MB", "payload: 1"),
    ("payload: 1 MB", "payload: 0 B"),
    ("api_key_source: header", "api_key_source: cookie"),
    ("binary_media_types: [image/png]", "binary_media_types: [png]"),
    ("name: Orders", "name: \"\""),
    ("headers: 20 KB", "header: 20 KB"),
    // what nobody has confirmed
    ("unknown_stage: not_found", "unknown_stage: notfound"),
    ("headers_too_large_status: 494", "headers_too_large_status: 200"),
    ("told_first: throttle", "preflight_status: 200"),
    ("told_first: throttle", "throttled_content_type: json"),
    ("throttled_requests: counted", "throttled_requests: yes"),
    ("quota_begins: first_use", "quota_begins: midnight"),
    ("cached_statuses: all_but_5xx", "cached_statuses: 4xx"),
    ("cache_warning_header: X-Warning", "cache_warning_header: \"X Warning\""),
    ("malformed_requests: bad_request", "malformed_requests: 400"),
    ("payload_too_large_content_type: none", "payload_too_large_content_type: text/plain"),
    ("customised_function_failure_status: 504", "customised_function_failure_status: 500"),
    ("customised_function_failure_status: 504", "refusal_cors: shared"),
    ("unset_variable: source", "unset_variable: empty"),
    // API keys and usage plans
    ("value: partner-partner-partner", "value: too-short"),
    ("value: partner-partner-partner", "value: \"partner-${vault:x}-partner\""),
    ("value: partner-partner-partner", "value: \"${env:SLUICEGATE_NOT_SET}\""),
    ("value: partner-partner-partner", "value: trial-trial-trial-trial"),
    ("enabled: false", "enabled: perhaps"),
    ("stages: [prod]", "stages: [prd]"),
    ("keys: [partner]", "keys: [partners]"),
    ("keys: [partner]", "keys: [partner, trial]"),
    ("keys: [partner]", "keys: [partner, partner]"),
    ("limit: 1000", "limit: 0"),
    ("offset: 5", "offset: 5000"),
    ("per: day", "per: hour"),
    ("        prod: { POST /orders", "        dev: { POST /orders"),
    ("        prod: { POST /orders", "        prod: { POST /order"),
    // what a deployment freezes
    ("Order: { type: object", "\"Or der\": { type: object"),
    ("Receipt: { type: object", "Receipt: { type: objekt"),
    ("\"#/definitions/Order\"", "\"#/definitions/Orders\""),
    ("Order: { type: object, required: [id], properties: { id: { type: integer } } }", "Order: yes"),
    ("    THROTTLED:", "    THROTLED:"),
    ("THROTTLED: { status: 429", "THROTTLED: { status: 600"),
    ("X-Why: \"'busy'\"", "X-Why: busy"),
    ("X-Why: \"'busy'\"", "\"X Why\": \"'busy'\""),
    ("  stages:\n", "  cors: { allow_origins: [\"*\"] }\n  stages:\n"),
    // stages
    ("deployment: current", "deployment: curent"),
    ("variables: { table: orders, queue: q }", "variables: { \"\": orders }"),
    ("size: 0.5 GB", "size: 1 GB"),
    ("ttl: 5m", "ttl: 2h"),
    ("invalidation: forbidden", "invalidation: closed"),
    ("GET /health: off", "GET /health: on"),
    ("GET /health: off", "GET /helth: off"),
    ("cache: { size: 0.5 GB, ttl: 5m, invalidation: forbidden }", "#"),
    ("percent: 10%", "percent: 110%"),
    ("percent: 10%, deployment: v2", "percent: 10%"),
    ("percent: 10%, deployment: v2", "percent: 10%, deployment: v3"),
    ("shares_cache: true", "shares_cache: sometimes"),
    ("execution_log: error", "execution_log: debug"),
    ("access_log: json", "access_log: \"\""),
    ("access_log: json", "access_log: yaml"),
    ("access_log: json", "access_log: $context.status"),
    (
        "templates: { application/json: \"{}\" } }\n            -",
        "templates: { application/json: \"#set($a = \" } }\n            -",
    ),
    ("requests: { application/json: '{\"statusCode\": 200}' }", "requests: { application/json: \"{\\n#if($input.body) }\" }"),
    (
        "templates: { application/json: '{\"message\":$context.error.messageString}' }",
        "templates: { application/json: $method.request.cookie.a }",
    ),
    ("detailed_metrics: true", "detailed_metrics: all"),
    ("route_throttles: { \"GET /orders/{id}\"", "route_throttles: { \"GET /order/{id}\""),
    // deployments, moves and domains
    ("    v2:\n", "    current:\n"),
    ("    v2:\n", "    v/2:\n"),
    ("        GET /old:\n", "        GET /older:\n"),
    ("{ at: 12s, stage: prod", "{ at: 20s, stage: prod"),
    ("{ at: 12s, stage: prod", "{ at: 12s, stage: prd"),
    ("stage: prod, deployment: v2 }", "stage: prod, deployment: v3 }"),
    ("api.example.com: {", "api_example: {"),
    ("v1: prod, \"\": dev", "/v1: prod"),
    ("v1: prod, \"\": dev", "v1: prd"),
    // routes
    ("api_key: required", "api_key: maybe"),
    ("[header.X-Tenant, path.id, querystring.q]", "[headers.X-Tenant]"),
    ("[header.X-Tenant, path.id, querystring.q]", "[path.id, path.id]"),
    ("{ application/json: Order }", "{ application/json: Ordr }"),
    ("{ application/json: Order }", "{ json: Order }"),
    ("validate: [body]", "validate: [bodies]"),
    ("cache_keys: [path.id]", "cache_keys: [id]"),
    // integrations
    ("requests: { application/json: '{\"statusCode\": 200}' }", "requests: '{\"statusCode\": 200}'"),
    ("requests: { application/json: '{\"statusCode\": 200}' }", "request: {}"),
    ("passthrough: never", "passthrough: sometimes"),
    ("content_handling: to_binary", "content_handling: base64"),
    ("uri: \"arn:aws:apigateway:us-east-1:sqs:path/1/q\"", "proxy: true, content_handling: to_text, uri: \"arn:a\""),
    ("pattern: \"2\\\\d{2}\"", "pattern: \"2\\\\d{\""),
    ("pattern: \"2\\\\d{2}\", status: 200", "pattern: \"2\\\\d{2}\", status: 99"),
    ("X-Made: \"'here'\"", "X-Made: here"),
    ("header.X-For: method.request.header.X-Tenant", "X-For: method.request.header.X-Tenant"),
    ("header.X-For: method.request.header.X-Tenant", "header.X-For: $request.header.X-Tenant"),
    ("url: https://stock.example.com/{id}", "url: \"\""),
    ("method: POST", "method: post"),
    ("proxy: false", "proxy: true"),
    ("uri: \"arn:aws:apigateway:us-east-1:sqs:path/1/q\"", "uri: \"\""),
    ("    GET /old: { integration", "    GET /old: { map_request: { \"append:header.x\": a }, integration"),
    ("    GET /old: { integration: { mock: {} } }", "    GET /old: { integration: { mock: {}, lambda: orders } }"),
    ("    GET /old: { integration: { mock: {} } }", "    GET /old: { integration: { moc: {} } }"),
    // traffic
    ("api_keys: [partner, trial]", "api_keys: [partnr]"),
];

/// Each key of the HTTP API, broken.
const HTTP_BREAKS: &[(&str, &str)] = &[
    ("name: Shop", "endpoint: edge"),
    ("name: Shop", "binary_media_types: [image/png]"),
    ("name: Shop", "api_keys: { a: {} }"),
    ("name: Shop", "usage_plans: { a: {} }"),
    ("name: Shop", "models: { A: { type: object } }"),
    ("name: Shop", "gateway_responses: { THROTTLED: { status: 503 } }"),
    ("preflight_status: 200", "preflight_status: 202"),
    ("throttled_function_status: 500", "throttled_function_status: 429"),
    ("payload_too_large_status: 400", "unknown_stage: forbidden"),
    ("payload_too_large_status: 400", "quota_begins: first_use"),
    ("payload_too_large_status: 400", "refused_keys: counted"),
    ("payload_too_large_status: 400", "cached_statuses: all"),
    ("payload_too_large_status: 400", "unset_variable: source"),
    ("payload_too_large_status: 400", "payload_too_large_status: 200"),
    ("refusal_cors: shared", "refusal_cors: all"),
    ("misdirected_status: 421", "misdirected_status: 404"),
    ("refusal_cors: shared", "customised_function_failure_status: 502"),
    ("allow_methods: [GET, POST]", "allow_methods: [get]"),
    ("allow_headers: [content-type]", "allow_headers: [\"content type\"]"),
    ("max_age: 10m", "max_age: 2d"),
    ("allow_credentials: true", "allow_credentials: never"),
    ("      access_log: clf", "      cache: {}"),
    ("      access_log: clf", "      canary: { percent: 1%, deployment: current }"),
    ("      access_log: clf", "      execution_log: info"),
    ("    GET /orders/{id}:\n", "    GET /orders/{id}:\n      api_key: required\n"),
    ("    GET /orders/{id}:\n", "    GET /orders/{id}:\n      parameters: [path.id]\n"),
    ("    GET /orders/{id}:\n", "    GET /orders/{id}:\n      cache_keys: [path.id]\n"),
    ("append:header.x-q: $request.querystring.q", "append:header.via: $request.querystring.q"),
    ("append:header.x-q: $request.querystring.q", "append:header.x-q: $request.cookie.q"),
    ("append:header.x-q: $request.querystring.q", "add:header.x-q: $request.querystring.q"),
    ("200: { overwrite:statuscode", "20: { overwrite:statuscode"),
    ("overwrite:statuscode: \"204\"", "append:statuscode: \"204\""),
    (
        "http: { url: \"https://stock.example.com/{id}\" }",
        "http: { url: \"https://stock.example.com/{id}\", parameters: { header.x: \"'a'\" } }",
    ),
    ("http: { url: \"https://stock.example.com/{id}\" }", "http: { url: \"https://stock.example.com/{id}\", proxy: false }"),
    ("mock: { status: 200, body: ok }", "mock: { requests: {} }"),
    ("timeout: 5s", "timeout: 31s"),
    ("MessageBody: $request.body", "MessageBody: $request.cookie.a"),
];

fn messages(profile: &str, breaks: &[(&str, &str)]) -> String {
    let message = |(from, to): &(&str, &str)| format!("{}\n  {}", to.trim(), broken_in(profile, from, to).replace('\n', "\n  "));
    breaks.iter().map(message).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn a_rest_api_broken_in_any_part_says_where_and_what_would_work() {
    insta::assert_snapshot!(messages(REST, REST_BREAKS));
}

#[test]
fn an_http_api_broken_in_any_part_says_where_and_what_would_work() {
    insta::assert_snapshot!(messages(HTTP, HTTP_BREAKS));
}

#[test]
fn what_streams_is_a_proxy_of_a_rest_api_and_is_run_here() {
    let streaming = |api: &str, integration: &str| {
        let functions = "functions: { here: { command: [true] }, there: { invoke: \"http://127.0.0.1:1\" } }";
        plan(&format!(
            "gateway: {{ api: {api}, stages: {{ prod: }}, {functions}, routes: {{ GET /: {{ integration: {integration} }} }} }}"
        ))
    };
    for good in ["{ lambda: { function: here, stream: true } }", "{ http: { url: \"http://127.0.0.1:1\", stream: true } }"] {
        let model = streaming("rest", good).unwrap_or_else(|error| panic!("{error}")).model;
        assert_eq!(model.routes[0].integration.transfer(), Transfer::Stream, "{good}");
    }
    for (api, integration, said) in [
        ("http", "{ http: { url: \"http://127.0.0.1:1\", stream: true } }", "an HTTP API has no streamed answers"),
        ("http", "{ lambda: { function: here, stream: true } }", "an HTTP API has no streamed answers"),
        ("rest", "{ http: { url: \"http://127.0.0.1:1\", stream: true, proxy: false } }", "only a proxy streams its answer"),
        ("rest", "{ lambda: { function: here, stream: true, proxy: false } }", "only a proxy streams its answer"),
        ("rest", "{ lambda: { function: there, stream: true } }", "invoked elsewhere answers as a whole; remove this"),
    ] {
        let message = streaming(api, integration).map(drop).expect_err(integration);
        assert!(message.contains(said) && message.contains("stream: "), "{integration}: {message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_mutation_of_a_front_door_panics(at in 0.0..1.0_f64, length in 0_usize..40, with in "[ -~\n\u{e9}]{0,12}") {
        let start = ((REST.len() as f64) * at) as usize;
        let end = (start + length).min(REST.len());
        if let (Some(before), Some(after)) = (REST.get(..start), REST.get(end..))
            && let Err(message) = plan(&format!("{before}{with}{after}"))
        {
            prop_assert!(!message.is_empty());
        }
    }
}

#[test]
fn the_api_of_a_model_is_what_the_profile_says() {
    let model = rest().model;
    let api = &model.apis[0];
    assert_eq!((api.kind, api.id.as_str(), api.name.as_str()), (ApiKind::Rest, "a1b2c3d4e5", "Orders"));
    assert_eq!((api.endpoint, api.key_source), (Endpoint::Edge, KeySource::Header));
    // The limits that are not written are those of an edge API.
    let limits = api.limits;
    assert_eq!((limits.payload_bytes, limits.head, limits.url_bytes), (1 << 20, HeadLimit::Headers(20_480), 8_192));
    let domain = &model.domains[0];
    assert_eq!(domain.name, "api.example.com");
    assert_eq!(domain.truststore.as_deref(), Some(std::path::Path::new("clients.pem")));
    assert_eq!(domain.base_paths, [("v1".to_owned(), StageId(0)), (String::new(), StageId(1))]);
    let http = http().model;
    assert_eq!((http.apis[0].kind, http.apis[0].limits.head), (ApiKind::Http, HeadLimit::LineAndHeaders(10_240)));
}

#[test]
fn what_nobody_has_confirmed_is_what_the_profile_says_and_else_the_default() {
    let set = Unconfirmed {
        unknown_stage: UnknownStage::NotFound,
        headers_too_large: 494,
        url_too_long: 431,
        told_first: ToldFirst::Throttle,
        throttled_requests: Charge::Counted,
        refused_keys: Charge::Counted,
        quota_begins: QuotaBegins::FirstUse,
        cached_statuses: CachedStatuses::AllButServerErrors,
        cache_warning: "X-Warning".into(),
        malformed: MalformedStatus::BadRequest,
        too_large_content_type: TooLargeContentType::Absent,
        customised_function_failure: 504,
        unset_variable: UnsetVariable::Source,
        ..Unconfirmed::default()
    };
    assert_eq!(rest().model.apis[0].unconfirmed, set);
    let set = Unconfirmed {
        payload_too_large: 400,
        preflight: 200,
        throttled_function: 500,
        throttled_content_type: ThrottledContentType::Json,
        refusal_cors: RefusalCors::Shared,
        misdirected: 421,
        ..Unconfirmed::default()
    };
    assert_eq!(http().model.apis[0].unconfirmed, set);
    for kind in ["rest", "http"] {
        let quiet =
            format!("gateway: {{ api: {kind}, stages: {{ prod: }}, routes: {{ GET /: {{ integration: {{ mock: {{}} }} }} }} }}");
        let model = plan(&quiet).unwrap_or_else(|error| panic!("{error}")).model;
        assert_eq!(model.apis[0].unconfirmed, Unconfirmed::default(), "{kind}");
    }
}

#[test]
fn a_deployment_is_current_with_its_changes_and_routes_have_ids_over_all_of_them() {
    let model = rest().model;
    let names: Vec<&str> = model.deployments.iter().map(|deployment| deployment.name.as_str()).collect();
    assert_eq!(names, ["current", "v2"]);
    let keys = |id| model.routes_of(DeploymentId(id)).map(|(_, route)| route.key()).collect::<Vec<_>>();
    let current = ["GET /orders/{id}", "POST /orders", "GET /stock/{id}", "POST /queue", "GET /old", "GET /health"];
    assert_eq!(keys(0), current);
    assert_eq!(keys(1), ["GET /orders/{id}", "POST /orders", "GET /stock/{id}", "POST /queue", "GET /health", "GET /new"]);
    let ids: Vec<RouteId> = model.routes_of(DeploymentId(1)).map(|(id, _)| id).collect();
    assert_eq!(ids, (6..12).map(RouteId).collect::<Vec<_>>());
    // What v2 does not say is as in current.
    assert_eq!(model.deployments[1].schemas, model.deployments[0].schemas);
    assert_eq!(model.deployments[1].responses.len(), 1);
    assert_eq!(model.deployments[1].responses[0].kind, ResponseType::Default4xx);
    let moved = model.moves[0];
    assert_eq!((moved.at, moved.stage, moved.deployment), (Span::from_secs(12), StageId(0), DeploymentId(1)));
}

#[test]
fn a_stage_has_its_throttles_cache_canary_variables_and_logs() {
    let model = rest().model;
    let prod = &model.stages[0];
    assert_eq!((prod.name.as_str(), prod.deployment), ("prod", DeploymentId(0)));
    assert_eq!(prod.variables, [("queue".to_owned(), "q".to_owned()), ("table".to_owned(), "orders".to_owned())]);
    let cache = prod.cache.as_ref().unwrap();
    assert_eq!((cache.capacity_bytes, cache.default), (512 << 20, Cache::For(Span::from_secs(300))));
    assert_eq!(cache.invalidation, Invalidation::Refused);
    assert_eq!(cache.routes, [(RouteId(0), Cache::For(Span::from_secs(60))), (RouteId(5), Cache::Off)]);
    let canary = prod.canary.as_ref().unwrap();
    assert!((canary.share - 0.1).abs() < 1e-9 && canary.shares_cache);
    assert_eq!((canary.deployment, canary.variables.len()), (DeploymentId(1), 1));
    assert_eq!((prod.execution_log, prod.detailed_metrics), (ExecutionLog::Error, true));
    // A route's own throttle holds in every stage; that of a route which only v2 has is named by the route of v2.
    let throttles: Vec<(RouteId, u64)> = prod.route_throttles.iter().map(|(id, throttle)| (*id, throttle.burst.0)).collect();
    assert_eq!(throttles, [(RouteId(0), 20), (RouteId(1), 9), (RouteId(11), 3)]);
    assert_eq!(model.stages[1].route_throttles.len(), 2);
}

#[test]
fn plans_name_keys_stages_and_routes() {
    let model = rest().model;
    let names: Vec<(&str, bool)> = model.keys.iter().map(|key| (key.name.as_str(), key.enabled)).collect();
    assert_eq!(names, [("partner", true), ("trial", true), ("retired", false)]);
    let gold = &model.plans[0];
    assert_eq!((gold.name.as_str(), gold.stages.as_slice()), ("gold", &[StageId(0)][..]));
    assert_eq!(gold.throttle.unwrap().burst.0, 20);
    let quota = gold.quota.unwrap();
    assert_eq!((quota.limit, quota.period, quota.offset), (1_000, Period::Day, 5));
    let (stage, route, throttle) = gold.route_throttles[0];
    assert_eq!((stage, route, throttle.burst.0), (StageId(0), RouteId(1), 5));
    assert_eq!(model.plans[1].stages.len(), 2, "a plan without stages opens all");
}

#[test]
fn a_route_says_what_is_asked_of_a_request() {
    let model = rest().model;
    let read = &model.routes[0];
    assert_eq!(read.api_key, Requirement::Required);
    assert_eq!(read.validation.required.len(), 3);
    assert_eq!(read.validation.body, None);
    assert_eq!(read.cache.parameters.len(), 1);
    let write = &model.routes[1];
    assert_eq!(write.validation.required, [], "validate names the body alone");
    assert_eq!(write.validation.body, Some(vec![("application/json".to_owned(), "Order".to_owned())]));
}

#[test]
fn integrations_are_fixed_mapped_or_real() {
    let model = rest().model;
    let Integration::Mock(MockIntegration::Mapped(mapping)) = &model.routes[0].integration else { panic!("mapped") };
    assert_eq!((mapping.passthrough, mapping.requests.len()), (Passthrough::Never, 1));
    let handled = [mapping.content_handling, mapping.responses[0].content_handling, mapping.responses[1].content_handling];
    assert_eq!(handled, [ContentHandling::ToBinary, ContentHandling::ByType, ContentHandling::ToText]);
    assert_eq!(model.apis[0].binary_media_types, ["image/png"]);
    let rules: Vec<(Option<&str>, u16)> = mapping.responses.iter().map(|rule| (rule.pattern.as_deref(), rule.status)).collect();
    assert_eq!(rules, [(Some("2\\d{2}"), 200), (None, 500)]);
    let Integration::Http(stock) = &model.routes[2].integration else { panic!("HTTP") };
    assert!(matches!(&stock.protocol, Protocol::Mapped(mapping) if mapping.parameters.len() == 1));
    assert_eq!((stock.method.as_deref(), &stock.connection), (Some("GET"), &Connection::VpcLink("stock".to_owned())));
    assert_eq!(stock.timeout, Span::from_secs(29));
    let Integration::Service(queue) = &model.routes[3].integration else { panic!("a service") };
    assert!(matches!(&queue.call, ServiceCall::Request { method: Some(method), .. } if method == "POST"));
    assert!(matches!(model.routes[4].integration, Integration::Mock(MockIntegration::Fixed { status: 200, .. })));
    let http = http().model;
    assert_eq!(http.routes[0].request_mapping, [("append:header.x-q".to_owned(), "$request.querystring.q".to_owned())]);
    assert_eq!(http.routes[0].response_mapping, [(200, vec![("overwrite:statuscode".to_owned(), "204".to_owned())])]);
    assert!(matches!(&http.routes[0].integration, Integration::Http(http) if matches!(http.protocol, Protocol::Proxy { .. })));
    let cors = http.deployments[0].cors.as_ref().unwrap();
    assert_eq!((cors.max_age, cors.allow_credentials), (Some(Span::from_secs(600)), true));
    assert!(http.deployments[1].cors.as_ref().unwrap().allow_methods.is_empty(), "a deployment's CORS replaces that of current");
}

#[test]
fn a_resolved_front_door_is_a_profile_that_means_the_same() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for text in [REST, HTTP] {
        let first = plan(text).unwrap();
        let resolved = &first.resolved["profile"];
        for value in [&as_written(text), resolved] {
            let errors: Vec<String> =
                validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new());
        }
        let again = plan(&resolved.to_string()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again.resolved, first.resolved);
        let without_keys = |plan: &Plan| sluicegate_policy::model::Model { keys: Vec::new(), ..(*plan.model).clone() };
        assert_eq!(without_keys(&again), without_keys(&first));
    }
}

#[test]
fn routes_of_one_key_are_one_series_whatever_deployment_they_belong_to() {
    let overrides = Overrides { script: Script::Recorded, ..Overrides::default() };
    let plan = load_text("p.yaml", REST, &overrides, &[]).unwrap();
    let names = ["GET /orders/{id}", "POST /orders", "GET /stock/{id}", "POST /queue", "GET /old", "GET /health", "GET /new"];
    assert_eq!(plan.catalog.series, names);
    let series: Vec<u16> = plan.series_of_routes().into_iter().map(|series| series.unwrap().0).collect();
    assert_eq!(series, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 5, 6]);
    assert_eq!(plan.deployments(), [DeploymentId(0), DeploymentId(1)]);
    // A request that only the later deployment has a route for is counted under that.
    let described = REST.replace("    - request: GET /orders/{id}\n      with: { id: 1..9 }\n", "    - request: GET /new\n");
    assert_eq!(super::plan(&described).unwrap().catalog.series[0], "GET /new");
}

#[test]
fn a_drift_reaches_every_key_of_the_front_door() {
    let drifted = |drift: &str| {
        let drifts = [drift.parse::<Drift>().unwrap()];
        load_text("p.yaml", REST, &Overrides::default(), &drifts).unwrap_or_else(|error| panic!("{error}")).model
    };
    assert_eq!(drifted("usage_plans.gold.quota.limit * 0.5").plans[0].quota.unwrap().limit, 500);
    assert_eq!(drifted("stages.prod.cache.ttl = 10s").stages[0].cache.as_ref().unwrap().default, Cache::For(Span::from_secs(10)));
    assert!((drifted("stages.prod.canary.percent * 2").stages[0].canary.as_ref().unwrap().share - 0.2).abs() < 1e-9);
    assert_eq!(drifted("limits.payload * 2").apis[0].limits.payload_bytes, 2 << 20);
    let status = drifted("routes.\"GET /old\".integration.mock.status = 410").routes[4].integration.clone();
    assert_eq!(status, Integration::fixed(410, ""));
    let added = drifted("deployments.v2.routes.\"GET /new\".throttle.burst = 7").stages[0].route_throttles.clone();
    assert_eq!(added.last().unwrap().1.burst.0, 7);
}

#[test]
fn a_gateway_that_is_served_moves_its_stages_whenever_the_profile_says() {
    let overrides = Overrides { script: Script::Served, ..Overrides::default() };
    let text = REST.replace("{ at: 12s,", "{ at: 2h,");
    assert!(plan(&text).is_err());
    assert_eq!(load_text("p.yaml", &text, &overrides, &[]).unwrap().model.moves.len(), 1);
}

#[test]
fn a_model_of_another_deployment_must_have_what_its_routes_ask_for() {
    let message = broken_in(
        REST,
        "      gateway_responses: { DEFAULT_4XX",
        "      models: { Other: { type: object } }\n      gateway_responses: { DEFAULT_4XX",
    );
    assert!(message.contains("\"POST /orders\" asks for the model \"Order\", which does not exist"), "{message}");
}
