//! What to look at before production, as users ask for it: every profile, templates, a live endpoint over real sockets, exit codes and formats.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::definition::shared;
use crate::program::{Bench, Finished, Mock, unwrapped};

/// What `checklist --format json` says; nothing is held of its exit code.
fn asked(bench: &Bench, arguments: &[&str]) -> (Option<i32>, Value) {
    let all = [&["checklist", "--format", "json", "--quiet"], arguments].concat();
    let Finished { code, stdout, stderr } = bench.sluicegate(all);
    let record = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {arguments:?} {code:?} {stderr}"));
    (code, record)
}

fn finding<'a>(record: &'a Value, id: &str) -> &'a Value {
    let all = record["findings"].as_array().expect("findings");
    all.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no {id} in {record:#}"))
}

/// An API behind a token, of which nothing else is said.
const GUARDED: &str = "\
gateway:
  api: http
  authorizers: { people: { jwt: { issuer: https://people.example, audiences: [orders] } } }
  stages: { prod: { throttle: { rate: 100/s, burst: 50 } } }
  functions: { orders: { duration: 5ms } }
  routes:
    GET /orders/{id}: { authorizer: people, integration: { lambda: orders } }
    GET /open: { integration: { mock: { status: 200, body: ok } } }
";

fn profiles() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let all = fs::read_dir(folder).expect("profiles are there").map(|entry| entry.expect("a profile").path());
    let mut all: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    all.sort();
    all
}

#[test]
fn every_profile_has_its_answers_and_the_record_is_as_the_schema_says() {
    let bench = Bench::new();
    let schema = bench.sluicegate(["schema", "checklist"]).expect_code(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("a schema is JSON")).expect("a schema");
    let all = profiles();
    assert!(all.len() > 10, "{all:?}");
    for path in all {
        let (code, record) = asked(&bench, &[&path.to_string_lossy(), "--replications", "1"]);
        let failed = record["counts"]["fail"].as_u64().expect("a count");
        assert_eq!(code, Some(if failed > 0 { 3 } else { 0 }), "{}", path.display());
        let errors: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        let budget = finding(&record, "gate.error-budget");
        assert!(budget["tables"][0]["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{}: {budget:#}", path.display());
        // Each question is answered, or does not arise; no endpoint was asked.
        let arisen = record["findings"].as_array().map_or(0, Vec::len) + record["not_applicable"].as_array().map_or(0, Vec::len);
        let asked_for = serde_json::from_str::<Value>(&bench.sluicegate(["checklist", "--format", "json"]).expect_code(0).stdout);
        let asked_for = asked_for.expect("the list is JSON")["checks"]
            .as_array()
            .map_or(0, |all| all.iter().filter(|check| !check["id"].as_str().is_some_and(|id| id.starts_with("live."))).count());
        assert_eq!(arisen, asked_for, "{}", path.display());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bench = Bench::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/private-link.yaml");
    let ask = || {
        let arguments = ["checklist", &*path.to_string_lossy(), "--quiet", "--replications", "2"].map(str::to_owned);
        bench.sluicegate(arguments).stdout
    };
    let (first, again) = (ask(), ask());
    assert!(first == again && first.contains("gate.vpc-link"), "{first}");
}

#[test]
fn without_a_document_every_question_is_listed_and_another_service_is_refused_with_those_there_are() {
    let bench = Bench::new();
    let list = bench.sluicegate(["checklist"]).expect_code(0).stdout;
    for id in ["cors.credentials", "gate.auth-path", "live.no-token", "secrets.literal"] {
        assert!(list.contains(&format!("{id}: ")), "{list}");
    }
    bench.sluicegate(["checklist", "--service", "kong"]).expect_code(2).complains("api-gateway");
    let listed = bench.sluicegate(["checklist", "--format", "markdown"]).expect_code(0).stdout;
    assert!(listed.contains("| cors.credentials | CORS |"), "{listed}");
}

#[test]
fn exit_codes_tell_a_fail_from_an_unknown_and_a_waived_answer_from_both() {
    let bench = Bench::new();
    bench.file("p.yaml", GUARDED);
    let (code, record) = asked(&bench, &["p.yaml"]);
    assert_eq!(code, Some(3), "no access log: {record:#}");
    let failed: Vec<&str> = record["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|it| it["answer"] == "fail")
        .filter_map(|it| it["id"].as_str())
        .collect();
    assert!(failed.contains(&"logs.access"), "{failed:?}");
    let waived = failed.join(",");
    let (code, record) = asked(&bench, &["p.yaml", "--waive", &waived]);
    assert_eq!((code, record["counts"]["fail"].as_u64()), (Some(0), Some(0)));
    assert_eq!(finding(&record, "logs.access")["answer"], "fail", "it is shown all the same");
    let (code, _) = asked(&bench, &["p.yaml", "--waive", &waived, "--strict"]);
    assert_eq!(code, Some(4), "alarms are unknown");
    bench.sluicegate(["checklist", "p.yaml", "--waive", "logs.acess"]).expect_code(2).complains("there is no such check");
    bench.file("broken.yaml", "gateway: { api: soap }\n");
    bench.sluicegate(["checklist", "broken.yaml"]).expect_code(2).complains("broken.yaml");
    bench.sluicegate(["checklist", "nowhere.yaml"]).expect_code(2).complains("nowhere.yaml");
    bench.sluicegate(["checklist", "p.yaml", "--api", "rest"]).expect_code(2).complains("are for API definitions");
}

#[test]
fn a_template_tells_of_alarms_and_dashboards_and_its_secrets_stay_where_they_are() {
    let bench = Bench::new();
    let template = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 40
      Environment: { Variables: { DB_PASSWORD: correct-horse-battery } }
      Events: { Get: { Type: HttpApi, Properties: { Method: GET, Path: /orders } } }
  Errors: { Type: AWS::CloudWatch::Alarm, Properties: { Namespace: AWS/ApiGateway, MetricName: 5xx } }
";
    bench.file("t.yaml", template);
    for (format, marks) in
        [("text", "FAIL  secrets.literal"), ("markdown", "### FAIL: secrets.literal"), ("json", "\"secrets.literal\"")]
    {
        let shown = bench.sluicegate(["checklist", "t.yaml", "--format", format]).expect_code(3);
        assert!(shown.stdout.contains(marks), "{}", shown.stdout);
        for text in [shown.stdout, shown.stderr] {
            assert!(!text.contains("correct-horse"), "{text}");
        }
    }
    let (_, record) = asked(&bench, &["t.yaml"]);
    let answers = ["alarms.errors", "alarms.latency", "alarms.actions", "timeouts.functions", "secrets.literal", "auth.routes"];
    let answers = answers.map(|id| finding(&record, id)["answer"].as_str().expect("an answer").to_owned());
    assert_eq!(answers, ["pass", "fail", "fail", "fail", "fail", "fail"]);
    assert!(finding(&record, "secrets.literal")["because"].as_str().is_some_and(|it| it.contains("line 7: ")), "{record:#}");
}

#[test]
fn a_live_endpoint_is_asked_with_a_handful_of_requests_and_each_is_shown() {
    let bench = Bench::new();
    bench.file("p.yaml", GUARDED);
    let mock = Mock::serve(&bench, &bench.path("p.yaml"));
    let (_, record) = asked(&bench, &["p.yaml", "--target", &mock.url]);
    for (id, wanted) in [
        ("live.no-token", "pass"),
        ("live.broken-token", "pass"),
        ("live.errors", "pass"),
        ("live.request-id", "pass"),
        ("live.preflight", "unknown"),
    ] {
        assert_eq!(finding(&record, id)["answer"], wanted, "{:#}", finding(&record, id));
    }
    let exchanges = record["exchanges"].as_array().expect("exchanges");
    assert_eq!(exchanges.len(), 4, "{exchanges:#?}");
    assert!(exchanges.iter().all(|it| it["took_ns"].as_u64() > Some(0)), "{exchanges:#?}");
    let sent: Vec<&str> = exchanges.iter().filter_map(|it| it["sent"].as_str()).collect();
    assert!(sent[0].starts_with("OPTIONS ") && sent[2].contains("(a broken token)"), "{sent:?}");
    assert!(exchanges[1]["answered"].as_str().is_some_and(|it| it.starts_with("401")), "{exchanges:#?}");
    // What the document says to be guarded, and is not.
    let open = asked(&bench, &["p.yaml", "--target", &mock.url, "--path", "/open"]).1;
    let absent = open["not_applicable"].as_array().expect("a list");
    assert!(absent.iter().any(|it| it["id"] == "live.no-token"), "{open:#}");
    let (code, alone) = asked(&bench, &["--target", &mock.url, "--path", "/open"]);
    assert_eq!((code, finding(&alone, "live.no-token")["answer"].as_str()), (Some(0), Some("unknown")));
    assert_eq!(alone.get("document"), None);
}

#[test]
fn a_route_that_should_ask_who_calls_and_does_not_fails_live() {
    let bench = Bench::new();
    bench.file("p.yaml", GUARDED);
    bench.file("open.yaml", &GUARDED.replace("authorizer: people, ", ""));
    let mock = Mock::serve(&bench, &bench.path("open.yaml"));
    let (code, record) = asked(&bench, &["p.yaml", "--target", &mock.url]);
    assert_eq!(code, Some(3));
    for id in ["live.no-token", "live.broken-token"] {
        assert_eq!(finding(&record, id)["answer"], "fail", "{:#}", finding(&record, id));
    }
}

#[test]
fn tls_and_the_certificate_are_looked_at() {
    let bench = Bench::new();
    bench.file("p.yaml", GUARDED);
    let mock = Mock::serve_tls(&bench, &bench.path("p.yaml"), &["--tls", "--ca-out", "ca.pem"]);
    let (_, trusted) = asked(&bench, &["p.yaml", "--target", &mock.url, "--ca", "ca.pem"]);
    assert_eq!(finding(&trusted, "live.tls")["answer"], "pass", "{:#}", finding(&trusted, "live.tls"));
    let certificate = finding(&trusted, "live.certificate");
    assert_eq!(certificate["answer"], "pass", "{certificate:#}");
    assert_eq!(certificate["figures"][0]["what"], "it holds for");
    assert_eq!(finding(&trusted, "live.no-token")["answer"], "pass");
    // Nobody trusts an authority that was made for the mock.
    let (code, strange) = asked(&bench, &["p.yaml", "--target", &mock.url]);
    assert_eq!((code, finding(&strange, "live.tls")["answer"].as_str()), (Some(3), Some("fail")));
    assert_eq!(finding(&strange, "live.certificate")["answer"], "pass", "it is read all the same");
    assert_eq!(finding(&strange, "live.no-token")["answer"], "unknown");
}

#[test]
fn a_host_that_nobody_allowed_is_not_asked() {
    let bench = Bench::new();
    bench.file("p.yaml", GUARDED);
    for arguments in [
        vec!["checklist", "--target", "https://gateway.invalid/prod"],
        vec!["checklist", "p.yaml", "--target", "https://gateway.invalid/prod"],
    ] {
        let refused = bench.sluicegate(arguments).expect_code(5);
        let said = unwrapped(&refused.stderr);
        assert!(
            said.contains("traffic to https://gateway.invalid/prod is refused") && said.contains("--allow-host gateway.invalid"),
            "{said}"
        );
        assert_eq!(refused.stdout, "");
    }
    // Allowed, and nobody answers: that is no failure of the program, and nothing is known.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let shown = bench.sluicegate(["checklist", "--target", &format!("http://127.0.0.1:{port}")]).expect_code(0).stdout;
    assert!(shown.contains("there was no answer") && shown.contains("5 unknown"), "{shown}");
}

#[test]
#[ignore = "needs ../shared"]
fn every_specification_that_can_be_imported_has_its_answers() {
    let bench = Bench::new();
    let (mut answered, mut refused) = (0, Vec::new());
    let mut folders = vec![shared("specs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| ["yaml", "yml", "json"].iter().any(|known| it == *known)) {
                let finished = bench.sluicegate(["checklist", &*path.to_string_lossy(), "--format", "json", "--quiet"]);
                assert!(!finished.stderr.contains("panicked"), "{}: {}", path.display(), finished.stderr);
                match finished.code {
                    Some(0 | 3) => answered += 1,
                    Some(2) => refused.push(path),
                    other => panic!("{}: {other:?} {}", path.display(), finished.stderr),
                }
            }
        }
    }
    assert!(answered > 50, "{answered} answered; refused: {refused:#?}");
}
