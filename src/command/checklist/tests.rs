//! Every check with something that passes it and something that does not; the gates with numbers that a pencil confirms.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser;

use super::document::{self, Document};
use super::{facts, gates};
use crate::cli::{Action, Checklist, Cli};
use crate::design::checklist::{self, Answers};
use crate::measure::checklist::Answered::{Fail, Pass, Unknown};
use crate::measure::checklist::{Answered, CellRecord, Column, FindingRecord};

fn asked(more: &[&str]) -> Checklist {
    let arguments = ["sluicegate", "checklist", "p.yaml"].into_iter().chain(more.iter().copied());
    match Cli::try_parse_from(arguments).unwrap().action {
        Action::Checklist(asked) => *asked,
        other => panic!("{other:?}"),
    }
}

fn read(text: &str, asked: &Checklist) -> Document {
    document::of_text(Path::new("p.yaml"), text, asked).unwrap_or_else(|failure| panic!("{failure}\n{text}"))
}

/// What the static checks say of a document.
fn judged(text: &str) -> Answers {
    checklist::judged(&facts::of(&read(text, &asked(&[]))))
}

fn answer(answers: &Answers, id: &str) -> Option<Answered> {
    answers.findings.iter().find(|finding| finding.id == id).map(|finding| finding.answer)
}

/// A profile in which nothing is wrong but what the replacements make so.
const PROFILE: &str = r#"
gateway:
  api: rest
  authorizers:
    check: { lambda: { latency: 10ms, ttl: 5m, identity: [header.Authorization] } }
  api_keys: { gold: { value: "${env:NOBODY_HAS_THIS}" } }
  usage_plans: { all: { keys: [gold], quota: { limit: 200000000, per: month } } }
  gateway_responses:
    DEFAULT_4XX: { headers: { Access-Control-Allow-Origin: "'https://shop.example'" } }
    DEFAULT_5XX: { headers: { Access-Control-Allow-Origin: "'https://shop.example'" } }
  functions: { f: { duration: 20ms, cold_start: 0s, concurrency: 10 } }
  stages:
    prod:
      throttle: { rate: 100/s, burst: 50 }
      variables: { table: orders }
      cache: { ttl: 1m }
      access_log: '$context.requestId $context.status $context.responseLatency $context.error.message'
      execution_log: error
      detailed_metrics: true
    dev:
      throttle: { rate: 10/s, burst: 5 }
      variables: { table: orders-dev }
      access_log: '$context.requestId $context.status $context.responseLatency $context.error.message'
      execution_log: info
  routes:
    GET /a: { authorizer: check, api_key: required, cache_keys: [header.Authorization], integration: { lambda: f } }
    OPTIONS /a:
      integration:
        mock:
          requests: { application/json: '{"statusCode": 200}' }
          responses: [{ status: 200, headers: { Access-Control-Allow-Origin: "'https://shop.example'" } }]
    GET /b: { authorizer: check, api_key: required, cache_keys: [header.Authorization], integration: { http: { url: "https://b.example/", duration: 5ms } } }
    OPTIONS /b: { integration: { mock: {} } }
traffic:
  mix: [{ request: GET /a }]
  arrivals: { constant: 50/s }
run: { duration: 10s, warmup: 1s, stage: prod, timeout: 35s, api_keys: [gold] }
expect: [GET /a p99 < 100ms]
"#;

/// A template in which nothing is wrong but what the replacements make so.
const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Parameters: { DbPassword: { Type: String, NoEcho: true } }
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DisableExecuteApiEndpoint: true
      Domain: { DomainName: api.example.com, CertificateArn: x, SecurityPolicy: TLS_1_2, MutualTlsAuthentication: { TruststoreUri: 's3://t/c.pem' } }
  Slow:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 20
      Environment: { Variables: { DB_PASSWORD: !Ref DbPassword } }
      Events: { Get: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: /a } } }
  Errors: { Type: AWS::CloudWatch::Alarm, Properties: { Namespace: AWS/ApiGateway, MetricName: 5xx, AlarmActions: [x] } }
  Latency: { Type: AWS::CloudWatch::Alarm, Properties: { Namespace: AWS/ApiGateway, MetricName: Latency, AlarmActions: [x] } }
  Refused: { Type: AWS::CloudWatch::Alarm, Properties: { Namespace: AWS/ApiGateway, MetricName: 4xx, AlarmActions: [x] } }
  Board: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardBody: widgets-of-AWS/ApiGateway } }
  Log: { Type: AWS::Logs::LogGroup, Properties: { RetentionInDays: 14 } }
";

/// HTTP API with native sharing.
const HTTP: &str = r#"
gateway:
  api: http
  authorizers:
    check: { lambda: { latency: 10ms, ttl: 5m, identity: [header.Authorization] } }
  cors: { allow_origins: ["https://shop.example"], allow_credentials: true }
  stages: { prod: }
  functions: { f: { duration: 20ms } }
  routes:
    $default: { authorizer: check, integration: { lambda: f } }
    OPTIONS /{proxy+}: { integration: { lambda: f } }
"#;

/// A check, what is replaced in which document, by what, and what is then answered; unchanged, the document passes it.
const CASES: &[(&str, &str, &str, &str, Answered)] = &[
    ("cors.credentials", HTTP, "\"https://shop.example\"", "\"*\"", Fail),
    (
        "cors.credentials",
        PROFILE,
        "{ status: 200, headers: { Access-Control-Allow-Origin: \"'https://shop.example'\" }",
        "{ status: 200, headers: { Access-Control-Allow-Origin: \"'*'\", Access-Control-Allow-Credentials: \"'true'\" }",
        Fail,
    ),
    ("cors.preflight", HTTP, "    OPTIONS /{proxy+}: { integration: { lambda: f } }\n", "", Fail),
    ("cors.preflight", PROFILE, "OPTIONS /b: { integration", "OPTIONS /b: { authorizer: check, integration", Fail),
    ("cors.preflight", PROFILE, "    OPTIONS /b: { integration: { mock: {} } }\n", "", Fail),
    ("cors.errors", PROFILE, "DEFAULT_5XX:", "THROTTLED:", Fail),
    ("auth.routes", PROFILE, "GET /b: { authorizer: check, api_key: required,", "GET /b: {", Fail),
    ("auth.keys", PROFILE, "GET /b: { authorizer: check,", "GET /b: {", Fail),
    ("auth.identity", PROFILE, "ttl: 5m, identity: [header.Authorization]", "ttl: 0s, identity: []", Fail),
    ("auth.cache", PROFILE, "ttl: 5m", "ttl: 0s", Fail),
    ("auth.cache-scope", HTTP, "OPTIONS /{proxy+}: {", "GET /other: { authorizer: check,", Unknown),
    (
        "cache.identity",
        PROFILE,
        "GET /b: { authorizer: check, api_key: required, cache_keys: [header.Authorization],",
        "GET /b: { authorizer: check,",
        Fail,
    ),
    ("throttle.stage", PROFILE, "      throttle: { rate: 10/s, burst: 5 }\n", "", Fail),
    ("throttle.load", PROFILE, "throttle: { rate: 100/s, burst: 50 }", "throttle: { rate: 49/s, burst: 50 }", Fail),
    ("throttle.load", PROFILE, "arrivals: { constant: 50/s }", "closed: { users: 3 }", Unknown),
    ("quota.account", PROFILE, "constant: 50/s", "constant: 10001/s", Fail),
    ("quota.plans", PROFILE, "limit: 200000000, per: month", "limit: 4319999, per: day", Fail),
    ("quota.concurrency", PROFILE, "concurrency: 10 ", "concurrency: 4 ", Fail),
    (
        "logs.access",
        PROFILE,
        "      access_log: '$context.requestId $context.status $context.responseLatency $context.error.message'\n      execution_log: info",
        "      execution_log: info",
        Fail,
    ),
    (
        "logs.fields",
        PROFILE,
        "$context.requestId $context.status $context.responseLatency $context.error.message'\n      execution_log: info",
        "$context.requestId $context.status'\n      execution_log: info",
        Fail,
    ),
    ("logs.execution", PROFILE, "      execution_log: error\n", "", Fail),
    ("logs.bodies", PROFILE, "execution_log: info", "execution_log: full", Fail),
    ("logs.retention", TEMPLATE, "Properties: { RetentionInDays: 14 }", "Properties: {}", Fail),
    ("alarms.errors", TEMPLATE, "MetricName: 5xx", "MetricName: 5XXError", Fail),
    ("alarms.latency", TEMPLATE, "MetricName: Latency", "MetricName: Count", Fail),
    ("alarms.refusals", TEMPLATE, "MetricName: 4xx", "MetricName: Count", Fail),
    ("alarms.actions", TEMPLATE, "MetricName: 4xx, AlarmActions: [x]", "MetricName: 4xx, AlarmActions: []", Fail),
    ("dashboards.exist", TEMPLATE, "widgets-of-AWS/ApiGateway", "widgets-of-AWS/SQS", Fail),
    ("dashboards.routes", PROFILE, "      detailed_metrics: true\n", "", Fail),
    ("tls.policy", TEMPLATE, "SecurityPolicy: TLS_1_2", "SecurityPolicy: TLS_1_0", Fail),
    ("tls.policy", TEMPLATE, " SecurityPolicy: TLS_1_2,", "", Unknown),
    ("tls.mutual", TEMPLATE, "      DisableExecuteApiEndpoint: true\n", "", Fail),
    ("tls.backend", PROFILE, "https://b.example/", "http://b.example/", Fail),
    ("timeouts.client", PROFILE, "timeout: 35s", "timeout: 5s", Fail),
    ("timeouts.budget", PROFILE, "GET /a: { authorizer", "GET /a: { timeout: 90ms, authorizer", Fail),
    ("timeouts.budget", PROFILE, "expect: [GET /a p99 < 100ms]", "expect: []", Unknown),
    ("timeouts.functions", TEMPLATE, "Timeout: 20", "Timeout: 31", Fail),
    ("timeouts.durations", PROFILE, "GET /a: { authorizer", "GET /a: { timeout: 60ms, authorizer", Pass),
    ("timeouts.durations", PROFILE, "duration: 20ms", "duration: { p50: 1s, p99: 20s }", Fail),
    ("stages.several", PROFILE, "    dev:\n", "    prod2:\n", Pass),
    ("stages.several", HTTP, "prod:", "only:", Unknown),
    ("stages.variables", PROFILE, "{ table: orders-dev }", "{ table: orders }", Fail),
    ("secrets.literal", TEMPLATE, "DB_PASSWORD: !Ref DbPassword", "DB_PASSWORD: correct-horse-battery", Fail),
    ("secrets.literal", PROFILE, "${env:NOBODY_HAS_THIS}", "0123456789abcdef0123", Fail),
    ("secrets.parameters", TEMPLATE, "NoEcho: true", "NoEcho: false", Fail),
];

/// What a profile needs of its environment stands in it.
fn complete(text: &str) -> String {
    // Whether a reference has a value is not the question here.
    text.replace("{ value: \"${env:NOBODY_HAS_THIS}\" }", "{}")
}

#[test]
fn every_check_passes_what_it_should_and_does_not_pass_what_it_should_not() {
    for (id, document, from, to, wanted) in CASES {
        assert!(document.contains(from), "{id}: {from}");
        let unchanged = answer(&judged(&complete(document)), id);
        let expected = if *id == "stages.several" && *document == HTTP { Unknown } else { Pass };
        assert_eq!(unchanged, Some(expected), "{id}, unchanged");
        let changed = judged(&complete(&document.replacen(from, to, 1)));
        let found = changed.findings.iter().find(|finding| finding.id == *id);
        assert_eq!(found.map(|it| it.answer), Some(*wanted), "{id}: {found:#?} {:?}", changed.not_applicable);
        let cure = found.and_then(|it| it.cure.as_ref());
        assert_eq!(cure.is_some(), *wanted != Pass, "{id}: what is not passed has a cure");
    }
}

#[test]
fn every_check_that_reads_has_a_case() {
    let tried: BTreeSet<&str> = CASES.iter().map(|(id, ..)| *id).collect();
    let all = checklist::checks();
    let reads = |id: &str| !id.starts_with("gate.") && !id.starts_with("live.");
    let untried: Vec<&str> = all.iter().map(|check| check.id).filter(|id| reads(id) && !tried.contains(id)).collect();
    assert_eq!(untried, Vec::<&str>::new());
}

#[test]
fn a_failing_place_is_named_and_a_secret_is_not() {
    let answers = judged(&TEMPLATE.replace("DB_PASSWORD: !Ref DbPassword", "DB_PASSWORD: correct-horse-battery"));
    let said = format!("{answers:?}");
    assert!(said.contains("Variables.DB_PASSWORD") && !said.contains("correct-horse"), "{said}");
}

#[test]
fn a_definition_does_not_say_what_only_its_deployment_has() {
    let openapi = "openapi: 3.0.1\ninfo: { title: a, version: '1' }\npaths:\n  /a:\n    get:\n      x-amazon-apigateway-integration: \
                   { type: http_proxy, httpMethod: GET, uri: 'https://b.example/', payloadFormatVersion: '1.0' }\n";
    let answers = judged(openapi);
    for id in [
        "alarms.errors",
        "alarms.latency",
        "dashboards.exist",
        "logs.access",
        "logs.retention",
        "throttle.load",
        "timeouts.client",
    ] {
        let wanted = if id == "throttle.load" { None } else { Some(Unknown) };
        assert_eq!(answer(&answers, id), wanted, "{id}");
    }
    assert_eq!(answer(&answers, "auth.routes"), Some(Fail));
}

/// The gates of a profile.
fn gated(text: &str, more: &[&str]) -> Answers {
    let asked = asked(more);
    let mut answers = Answers::default();
    gates::judge(&asked, &read(text, &asked), &mut answers).unwrap_or_else(|failure| panic!("{failure}"));
    answers
}

fn gate<'a>(answers: &'a Answers, id: &str) -> &'a FindingRecord {
    answers.findings.iter().find(|finding| finding.id == id).unwrap_or_else(|| panic!("no {id}: {answers:#?}"))
}

/// A column of a gate's table, row by row.
fn column(finding: &FindingRecord, table: usize, wanted: Column) -> Vec<Option<f64>> {
    let table = &finding.tables[table];
    let at = table.columns.iter().position(|column| *column == wanted).unwrap_or_else(|| panic!("no {wanted:?}"));
    let number = |cell: &CellRecord| match cell {
        CellRecord::Number(number) => Some(*number),
        CellRecord::Words(_) | CellRecord::Absent => None,
    };
    table.rows.iter().map(|row| number(&row.cells[at])).collect()
}

/// A hundred requests a second of ten users, each of whom comes every 100 ms; a look-up takes 40 ms and the function 10 ms.
const USERS: &str = r"
gateway:
  api: rest
  overhead: 0s
  authorizers: { check: { lambda: { latency: 40ms, ttl: 5m, identity: [header.X-User], look_ups: each } } }
  functions: { f: { duration: 10ms, cold_start: 0s } }
  stages: { prod: }
  routes: { GET /a: { authorizer: check, integration: { lambda: f } } }
traffic:
  mix: [{ request: GET /a, with: { user: 1..10 }, headers: { x-user: 'user-{user}' } }]
  arrivals: { constant: 100/s }
run: { duration: 12s, warmup: 2s, connections: 100, stage: prod }
network: { round_trip: 0s, connect: 0s }
";

#[test]
fn the_auth_path_asks_a_function_for_every_request_without_a_time_to_live_and_for_few_with_one() {
    let answers = gated(USERS, &["--replications", "1"]);
    let finding = gate(&answers, "gate.auth-path");
    assert_eq!(finding.answer, Unknown, "no budget is stated");
    let rows: Vec<&str> = finding.tables[0].rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(rows.len(), 6, "{rows:?}");
    let requests = finding.figures.iter().find(|it| it.what == "requests to them in each variant");
    assert_eq!(requests.map(|it| it.value), Some(1_000.0), "ten counted seconds");
    let invoked = column(finding, 0, Column::Invocations);
    // As it is, JWT, then 0 s, 60 s, 300 s and 3,600 s: ten users are known after the warm-up.
    assert_eq!(invoked, [0.0, 0.0, 1_000.0, 0.0, 0.0, 0.0].map(Some), "{rows:?}");
    let hits = column(finding, 0, Column::Hits);
    assert_eq!((hits[1], hits[2], hits[3]), (None, Some(0.0), Some(1.0)));
    assert!(hits[2..].windows(2).all(|pair| pair[0] <= pair[1]), "{hits:?}");
    let near = |found: Option<f64>, ms: f64| found.is_some_and(|ns| (ns / 1e6 - ms).abs() < 0.01 * ms);
    assert!(near(column(finding, 0, Column::AddedP50)[2], 40.0) && near(column(finding, 0, Column::AddedP99)[1], 1.0));
    assert_eq!(column(finding, 0, Column::AddedP99)[3], Some(0.0));
    assert!(near(column(finding, 0, Column::P99)[2], 50.0) && near(column(finding, 0, Column::P99)[3], 10.0));
}

#[test]
fn the_auth_path_is_held_against_the_budget_and_says_which_variant_would_hold_it() {
    let strict = format!("{}expect: [GET /a p99 < 30ms]\n", USERS.replace("ttl: 5m", "ttl: 0s"));
    let answers = gated(&strict, &["--replications", "1"]);
    let finding = gate(&answers, "gate.auth-path");
    assert_eq!(finding.answer, Fail);
    assert!(finding.because.contains("JWT") && finding.because.contains("Lambda, TTL 1m"), "{}", finding.because);
    assert!(!finding.because.contains("TTL 0s"), "{}", finding.because);
    let kept = format!("{USERS}expect: [GET /a p99 < 30ms]\n");
    assert_eq!(gate(&gated(&kept, &["--replications", "1"]), "gate.auth-path").answer, Pass);
}

/// Two targets behind an application load balancer, asked in turn.
const PRIVATE: &str = r"
gateway:
  api: http
  overhead: 0s
  stages: { prod: }
  vpc_links:
    stock:
      kind: alb
      targets: { first: { duration: 20ms }, second: { duration: 20ms } }
      health_check: { interval: 5s, unhealthy_threshold: 2, healthy_threshold: 3 }
  routes: { GET /a: { integration: { http: { url: 'http://stock.internal/', vpc_link: stock } } } }
traffic: { mix: [{ request: GET /a }], arrivals: { constant: 100/s } }
run: { duration: 10s, warmup: 1s, connections: 100 }
network: { round_trip: 0s, connect: 0s }
";

#[test]
fn one_of_two_targets_that_is_lost_costs_every_second_request_until_it_is_noticed() {
    let answers = gated(PRIVATE, &["--replications", "1"]);
    let finding = gate(&answers, "gate.vpc-link");
    assert_eq!(finding.answer, Pass, "{finding:#?}");
    let (errors, failed, lasts) =
        (column(finding, 0, Column::Errors), column(finding, 0, Column::Failed), column(finding, 0, Column::Lasts));
    // What the lost target was working on breaks off; it was intended before.
    assert!(errors[0] < Some(0.002) && errors[2] == Some(0.0), "{errors:?}");
    assert!(errors[1].is_some_and(|share| (share - 0.5).abs() < 0.01), "{errors:?}");
    // Two looks, the first of them five seconds after the loss.
    assert!(lasts[1].is_some_and(|ns| (ns - 9.999e9).abs() < 1e6), "{lasts:?}");
    assert!(failed[1].is_some_and(|count| (count - 500.0).abs() <= 2.0), "{failed:?}");
    // Of ten thousand seconds with a hundred requests a thousandth may fail: 1,000; of two thousand, 200.
    assert_eq!(gate(&gated(PRIVATE, &["--replications", "1", "--period", "2000s"]), "gate.vpc-link").answer, Fail);
    let alone = PRIVATE.replace(", second: { duration: 20ms }", "");
    let finding = gate(&gated(&alone, &["--replications", "1"]), "gate.vpc-link").clone();
    assert_eq!(finding.answer, Fail);
    assert_eq!(column(&finding, 0, Column::Errors)[2], Some(1.0), "nobody takes over");
}

#[test]
fn of_three_targets_a_third_of_the_requests_fails() {
    let three = PRIVATE.replace("second: { duration: 20ms }", "second: { duration: 20ms }, third: { duration: 20ms }");
    let answers = gated(&three, &["--replications", "1"]);
    let errors = column(gate(&answers, "gate.vpc-link"), 0, Column::Errors);
    assert!(errors[1].is_some_and(|share| (share - 1.0 / 3.0).abs() < 0.01), "{errors:?}");
}

#[test]
fn a_cold_path_is_seen_beside_one_that_is_not() {
    let rare = PRIVATE
        .replace("kind: alb", "kind: alb\n      cold_path: { after: 1s, adds: 300ms }")
        .replace("constant: 100/s", "constant: 0.5/s");
    let answers = gated(&rare, &["--replications", "1"]);
    let finding = gate(&answers, "gate.vpc-link");
    let rows: Vec<&str> = finding.tables[0].rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(rows[3..], ["whole run, nothing lost", "the same without the cold path"]);
    let p50 = column(finding, 0, Column::P50);
    let ms = |found: Option<f64>| (found.unwrap_or_default() / 1e6).round();
    assert_eq!((ms(p50[3]), ms(p50[4])), (320.0, 20.0));
}

#[test]
fn the_same_load_is_throttled_at_a_stage_that_is_not_made_for_it() {
    let stages = USERS
        .replace(
            "stages: { prod: }",
            "stages: { prod: { throttle: { rate: 200/s, burst: 100 } }, dev: { throttle: { rate: 10/s, burst: 1 } } }",
        )
        .replace("authorizer: check, ", "");
    let stated = format!("{stages}expect: [throttled < 1 %]\n");
    let answers = gated(&stated, &["--replications", "1"]);
    let finding = gate(&answers, "gate.stages");
    assert_eq!(finding.answer, Pass, "{finding:#?}");
    assert!(finding.because.contains("broken at dev"), "{}", finding.because);
    let throttled = column(finding, 1, Column::Throttled);
    assert_eq!(throttled[0], Some(0.0));
    assert!(throttled[1].is_some_and(|share| (share - 0.9).abs() < 0.01), "{throttled:?}");
    let month = column(finding, 1, Column::Month);
    assert!(month[0] > month[1] && month[1] > Some(0.0), "what is refused is not billed: {month:?}");
    let at_dev = gated(&stated, &["--replications", "1", "--stage", "dev"]);
    assert_eq!(gate(&at_dev, "gate.stages").answer, Fail);
}

#[test]
fn a_function_that_fails_spends_the_budget_as_fast_as_a_pencil_says() {
    let failing = USERS.replace("cold_start: 0s", "cold_start: 0s, failures: 1%").replace("authorizer: check, ", "");
    let answers = gated(&failing, &["--replications", "1", "-d", "102s", "--period", "10d", "--budget", "0.1%"]);
    let finding = gate(&answers, "gate.error-budget");
    assert_eq!(finding.answer, Fail);
    assert!(finding.because.ends_with("integrations"), "{}", finding.because);
    let figure = |what: &str| finding.figures.iter().find(|it| it.what == what).unwrap_or_else(|| panic!("no {what}")).value;
    let share = figure("failed of what was admitted");
    // Of 10,000 some hundred: five standard errors are 0.5 %.
    assert!((share - 0.01).abs() < 0.005, "{share}");
    assert!((figure("spent after") / (10.0 * 86_400e9 * 0.001 / share) - 1.0).abs() < 1e-9);
    assert_eq!(
        gate(&gated(&failing, &["--replications", "1", "-d", "102s", "--budget", "5%"]), "gate.error-budget").answer,
        Pass
    );
    // Its own words come before what nobody states.
    let stated = format!("{failing}expect: [errors < 5 %]\n");
    let answers = gated(&stated, &["--replications", "1", "-d", "102s"]);
    assert_eq!(gate(&answers, "gate.error-budget").answer, Pass);
    assert!(gate(&answers, "gate.error-budget").looked_at.contains("errors at most 5%"));
}

#[test]
fn a_profile_without_the_part_in_question_does_not_fail_for_it() {
    let plain = PRIVATE.replace("{ http: { url: 'http://stock.internal/', vpc_link: stock } }", "{ mock: { status: 200 } }");
    let answers = gated(&plain, &["--replications", "1"]);
    let absent: Vec<&str> = answers.not_applicable.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(absent, ["gate.auth-path", "gate.vpc-link", "gate.stages"]);
    assert_eq!(gate(&answers, "gate.error-budget").answer, Unknown, "900 requests without an error do not decide 0.1 %");
}
