//! Metrics, the admin endpoint and the execution log, beside real traffic.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;

use proptest::prelude::*;
use serde_json::{Value, json};
use sluicegate_mock::{MockError, Patience, Server, Settings, runtime};
use sluicegate_policy::model::{
    ApiId, ApiKey, ApiKind, Cache, Deployment, DeploymentId, ExecutionLog, Integration, Invalidation, KeyId, Mapping,
    MockIntegration, Period, Quota, Requirement, ResponseRule, Route, StageCache, StageId, UsagePlan,
};
use sluicegate_policy::time::Span;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::mock::{Answer, Client, Mock, function, mock, serve, throttle};

const SECRET: &str = "0123456789abcdefghij-F0yrv6";

impl Mock {
    fn watched(&self) -> Settings {
        let mut settings = self.settings();
        settings.admin = Some("127.0.0.1:0".parse().unwrap());
        settings
    }

    /// A key that every route asks for, with a quota.
    fn planned(mut self, limit: u64) -> Self {
        self.model.keys.push(ApiKey { name: "partner".to_owned(), value: SECRET.to_owned(), enabled: true });
        self.model.plans.push(UsagePlan {
            name: "gold".to_owned(),
            stages: vec![StageId(0)],
            keys: vec![KeyId(0)],
            throttle: None,
            route_throttles: Vec::new(),
            quota: Some(Quota { limit, period: Period::Month, offset: 0 }),
        });
        self.model.routes.iter_mut().for_each(|route| route.api_key = Requirement::Required);
        self
    }

    fn cached(mut self) -> Self {
        let default = Cache::For(Span::from_secs(300));
        let (capacity_bytes, invalidation) = (1 << 29, Invalidation::Open);
        self.model.stages[0].cache = Some(StageCache { capacity_bytes, default, routes: Vec::new(), invalidation });
        self
    }
}

fn told(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

async fn metric(client: Client, series: &str) -> Option<f64> {
    let answer = client.admin("GET /metrics", "").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let line = answer.body.lines().find_map(|line| line.strip_prefix("aws_apigateway_")?.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

async fn metrics<const N: usize>(client: Client, names: [&str; N], labels: &str) -> [Option<f64>; N] {
    let mut found = [None; N];
    for (place, name) in found.iter_mut().zip(names) {
        *place = metric(client, &format!("{name}{{{labels}}}")).await;
    }
    found
}

#[test]
fn the_metrics_are_what_was_sent_and_answered() {
    let mut mock = mock(ApiKind::Rest).fixed("GET /fixed", "ok").lambda("GET /function", function()).throttled(throttle(1, 4));
    mock.model.stages[0].detailed_metrics = true;
    serve(mock.watched(), async |client| {
        let mut statuses = Vec::new();
        let mut wire = client.connect().await;
        for path in ["/prod/function", "/prod/fixed", "/prod/nothing"].repeat(10) {
            statuses.push((path, wire.get(path).await.status));
        }
        let count = |wanted: &[(&str, u16)]| Some(statuses.iter().filter(|seen| wanted.contains(seen)).count() as f64);
        let throttled = [("/prod/function", 429), ("/prod/fixed", 429)];
        assert!(count(&throttled) > Some(0.0));
        let names = ["count_total", "4xx_error_total", "latency_milliseconds_count", "integration_latency_milliseconds_count"];
        let refused = count(&[throttled[0], throttled[1], ("/prod/nothing", 403)]);
        // Throttled, mock and refused requests have a latency, and none of an integration.
        let expected = [Some(30.0), refused, Some(30.0), count(&[("/prod/function", 200)])];
        assert_eq!(metrics(client, names, "api_name=\"a1b2c3d4e5\",stage=\"prod\"").await, expected);
        assert_eq!(metrics(client, names, "api_name=\"a1b2c3d4e5\"").await, expected);
        let fixed = "api_name=\"a1b2c3d4e5\",stage=\"prod\",method=\"GET\",resource=\"/fixed\"";
        assert_eq!(metrics(client, names, fixed).await, [Some(10.0), count(&throttled[1..]), Some(10.0), Some(0.0)]);
    });
}

#[test]
fn an_http_api_counts_the_bytes_of_both_bodies() {
    serve(mock(ApiKind::Http).fixed("POST /x", "four").watched(), async |client| {
        client.ask("POST /prod/x HTTP/1.1\r\nhost: mock\r\ncontent-length: 3\r\n\r\nabc").await;
        client.get("/prod/x").await;
        let names = ["count_total", "4xx_total", "data_processed_bytes_total"];
        let not_found = r#"{"message":"Not Found"}"#.len();
        let expected = [Some(2.0), Some(1.0), Some((3 + 4 + not_found) as f64)];
        assert_eq!(metrics(client, names, "api_id=\"a1b2c3d4e5\"").await, expected);
    });
}

#[test]
fn a_flushed_cache_misses_again() {
    serve(mock(ApiKind::Rest).lambda("GET /x", function()).cached().watched(), async |client| {
        let names = ["cache_hit_count_total", "cache_miss_count_total", "integration_latency_milliseconds_count"];
        let labels = "api_name=\"a1b2c3d4e5\"";
        for _ in 0..3 {
            client.get("/prod/x").await;
        }
        assert_eq!(metrics(client, names, labels).await, [Some(2.0), Some(1.0), Some(1.0)]);
        let flushed = client.admin("DELETE /stages/prod/cache", "").await;
        assert_eq!(told(&flushed), json!({ "stage": "prod", "dropped": 1 }));
        client.get("/prod/x").await;
        assert_eq!(metrics(client, names, labels).await, [Some(2.0), Some(2.0), Some(2.0)]);
    });
}

#[test]
fn the_use_of_a_quota_is_told_and_a_key_is_not() {
    serve(mock(ApiKind::Rest).fixed("GET /x", "ok").planned(2).watched(), async |client| {
        let request = format!("GET /prod/x HTTP/1.1\r\nhost: mock\r\nx-api-key: {SECRET}\r\n\r\n");
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(client.ask(&request).await.status);
        }
        assert_eq!(statuses, [200, 200, 429]);
        let usage = client.admin("GET /usage", "").await;
        assert!(!usage.body.contains(SECRET), "{}", usage.body);
        let quota = json!({ "limit": 2, "period": "MONTH", "used": 2, "remaining": 0 });
        assert_eq!(told(&usage), json!({ "gold": { "partner": { "enabled": true, "quota": quota } } }));
    });
}

#[test]
fn what_cannot_be_done_is_said_with_what_can() {
    serve(mock(ApiKind::Rest).fixed("GET /x", "ok").watched(), async |client| {
        for (line, body, status, said) in [
            ("GET /nothing", "", 404, "GET /metrics"),
            ("POST /metrics", "", 405, "use GET"),
            ("POST /stages/prod", "", 405, "use GET, PUT"),
            ("GET /stages/prod/cache", "", 404, "no stage \"prod/cache\""),
            ("PUT /stages/dev", r#"{"deployment":"v1"}"#, 404, "there are prod"),
            ("PUT /stages/prod", r#"{"deployment":"v1"}"#, 404, "it has current"),
            ("PUT /stages/prod", "v1", 400, "{\"deployment\": \"name\"}"),
            ("DELETE /stages/prod/cache", "", 409, "no cache"),
            ("PUT /stages/prod", &"x".repeat(20_000), 413, "longer than"),
        ] {
            let answer = client.admin(line, body).await;
            let error = told(&answer)["error"].as_str().unwrap().to_owned();
            assert_eq!((answer.status, error.contains(said)), (status, true), "{line}: {error}");
        }
        let health = told(&client.admin("GET /health", "").await);
        assert_eq!(health, json!({ "status": "ok", "arrived": 0, "in_flight": 0 }));
    });
}

#[test]
fn other_machines_are_not_let_in() {
    runtime().unwrap().block_on(async {
        let mut settings = mock(ApiKind::Rest).settings();
        settings.admin = Some("0.0.0.0:0".parse().unwrap());
        let error = Server::bind(settings).await.err().unwrap();
        assert!(matches!(error, MockError::Exposed { .. }), "{error}");
    });
}

/// Two deployments, each of which says its name in body and header.
fn released() -> Mock {
    let mut mock = mock(ApiKind::Rest);
    mock.model.deployments = ["v1", "v2"].map(|name| Deployment::new(ApiId(0), name)).to_vec();
    mock.model.routes = (0..2_u16)
        .map(|at| {
            let version = mock.model.deployments[usize::from(at)].name.clone();
            let response = ResponseRule {
                status: 200,
                headers: vec![("X-Version".to_owned(), format!("'{version}'"))],
                templates: vec![("application/json".to_owned(), version)],
                ..ResponseRule::default()
            };
            let mapping = Mapping {
                requests: vec![("application/json".to_owned(), r#"{"statusCode": 200}"#.to_owned())],
                responses: vec![response],
                ..Mapping::default()
            };
            Route::new(DeploymentId(at), Some("GET"), "/x", Integration::Mock(MockIntegration::Mapped(mapping)))
        })
        .collect();
    mock
}

#[test]
fn a_stage_that_moves_under_load_loses_no_request_and_mixes_no_two_snapshots() {
    const CLIENTS: usize = 8;
    const AFTER: usize = 50;
    let ((), summary) = serve(released().watched(), async |client| {
        let moved = Rc::new(Cell::new(false));
        let (answered, mut answers) = mpsc::channel(CLIENTS);
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (moved, answered) = (Rc::clone(&moved), answered.clone());
            clients.spawn_local(async move {
                let mut wire = client.connect().await;
                let mut after = 0;
                let mut seen = Vec::new();
                while after < AFTER {
                    let had_moved = moved.get();
                    let answer = wire.get("/prod/x").await;
                    assert_eq!(answer.status, 200);
                    assert_eq!(answer.header("x-version"), Some(&*answer.body), "one answer of two snapshots");
                    assert!(!had_moved || answer.body == "v2", "asked after the move");
                    after += usize::from(had_moved);
                    seen.push(answer.body);
                    let _ = answered.try_send(());
                }
                seen
            });
        }
        for _ in 0..200 {
            answers.recv().await.unwrap();
        }
        let stages = told(&client.admin("GET /stages", "").await);
        assert_eq!(stages, json!({ "prod": { "api": "a1b2c3d4e5", "deployment": "v1", "canary": null } }));
        let answer = client.admin("PUT /stages/prod", r#"{"deployment": "v2"}"#).await;
        moved.set(true);
        assert_eq!((answer.status, &told(&answer)["deployment"]), (200, &json!("v2")));
        let seen = clients.join_all().await;
        assert!(seen.iter().all(|seen| seen.is_sorted() && seen.last().unwrap() == "v2"));
        assert!(seen.iter().flatten().any(|version| version == "v1"));
    });
    assert_eq!((summary.abandoned, summary.replies.get(&200)), (0, Some(&summary.arrived)));
}

#[test]
fn an_execution_is_told_in_a_file_and_its_secrets_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("execution.log");
    let mut mock = mock(ApiKind::Rest).lambda("GET /orders/{id}", function()).planned(100);
    mock.model.stages[0].execution_log = ExecutionLog::Full;
    let mut settings = mock.settings();
    settings.execution_log = Some(path.clone());
    let (answers, summary) = serve(settings, async |client| {
        let head = "host: mock\r\nauthorization: Bearer abcdefghijkl";
        let good = client.ask(&format!("GET /prod/orders/7?q=1 HTTP/1.1\r\n{head}\r\nx-api-key: {SECRET}\r\n\r\n")).await;
        let bad = client.ask(&format!("GET /prod/orders/8 HTTP/1.1\r\n{head}\r\nx-api-key: wrong-key\r\n\r\n")).await;
        [good, bad]
    });
    let log = fs::read_to_string(path).unwrap();
    let lines = |answer: &Answer| {
        let id = format!("({}) ", answer.header("x-amzn-requestid").unwrap());
        log.lines().filter_map(|line| line.strip_prefix(&id)).collect::<Vec<_>>()
    };
    let [good, bad] = answers.each_ref().map(lines);
    assert!(good.contains(&"HTTP Method: GET, Resource Path: /orders/7"), "{log}");
    assert!(good.contains(&"Method request path: {id=7}") && good.contains(&"Method request query string: {q=1}"), "{log}");
    assert!(good.iter().any(|line| line.starts_with("Received response. Status: 200, Integration latency: ")), "{log}");
    assert_eq!(good.last(), Some(&"Method completed with status: 200"));
    assert!(bad.iter().any(|line| line.contains("No Usage Plan found for key and API Stage")), "{log}");
    assert_eq!(bad.last(), Some(&"Method completed with status: 403"));
    assert!(!log.contains(SECRET) && !log.contains("abcdefghijkl") && !log.contains("wrong-key"), "{log}");
    assert!(log.contains("F0yrv6"));
    let written = summary.execution_log.unwrap();
    assert_eq!((written.lines, written.lost), (log.lines().count() as u64, 0));
}

#[test]
fn silent_connections_do_not_keep_the_admin_endpoint() {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").watched();
    settings.patience = Patience { slow: Span::from_ms(24), ..Patience::default() };
    serve(settings, async |client| {
        let admin = Client { address: client.admin.unwrap(), ..client };
        let mut silent = Vec::new();
        for _ in 0..40 {
            silent.push(admin.connect().await);
        }
        assert_eq!(client.admin("GET /health", "").await.status, 200);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever the admin endpoint is asked, it answers with JSON that says so, and the gateway serves on.
    #[test]
    fn any_question_to_the_admin_endpoint_is_answered(
        questions in proptest::collection::vec((
            proptest::sample::select(vec!["GET", "PUT", "DELETE", "POST", "X"]),
            "(/(stages|usage|health|prod|cache|a1b2c3d4e5|%2f|%zz|%c3%28|\\.\\.|[a-z]{0,4})){0,5}",
            "\\PC{0,20}|\\{\"deployment\": *(\"[a-z]{0,8}\"|[0-9]{1,4}|null|\\[\\])(,\"x\":1)?\\}|\\[{0,200}",
        ), 1..8)
    ) {
        let mock = mock(ApiKind::Rest).fixed("GET /fixed", "ok").cached();
        serve(mock.watched(), async |client| {
            for (method, path, body) in &questions {
                let path = if path.is_empty() { "/" } else { path };
                let answer = client.admin(&format!("{method} {path}"), body).await;
                assert!(matches!(answer.status, 200 | 400 | 404 | 405 | 409), "{method} {path}: {answer:?}");
                told(&answer);
            }
            assert_eq!(client.get("/prod/fixed").await.body, "ok");
        });
    }
}
