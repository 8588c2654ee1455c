//! Where the time goes, from end to end: samples joined with the mock's access log, claims about parts, and the part that departed named.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Bench, Kept, quiet, unwrapped};

/// A function behind an authorizer that is asked each time; both take long enough for a log in whole milliseconds.
const GUARDED: &str = "\
# Imitates orders behind a guard who looks at every card.
gateway:
  api: rest
  stages: { prod: { throttle: { rate: 1000/s, burst: 500 } } }
  authorizers:
    guard: { lambda: { identity: [header.X-Member], latency: { p50: 30ms, p99: 60ms }, ttl: 0s } }
  functions:
    orders: { duration: { p50: 40ms, p99: 90ms }, cold_start: 0s }
  routes:
    GET /orders: { authorizer: guard, integration: { lambda: orders } }
traffic:
  mix: [{ request: GET /orders, headers: { x-member: a } }]
  arrivals: { poisson: 150/s }
run: { duration: 9s, warmup: 1s, connections: 64, lag_limit: 10ms } # late ones move no median by a margin
target: mock
safety: { max_rate: 300/s }
expect:
  - { of: GET /orders, metric: integration latency p50, within: 20% }
  - { of: GET /orders, metric: authorizer latency p50, within: 20% }
  - { of: GET /orders, metric: gateway latency p50 }
  - { of: GET /orders, metric: network latency p50 }
  - { metric: throttled, within: 1 point }
";

fn answer<'a>(kept: &'a Kept, claim: &str) -> &'a str {
    kept.verdict(claim)["answer"].as_str().expect("a word")
}

/// The parts of the one series that departed.
fn departed(record: &Value) -> Vec<String> {
    let attributed = record["parts"]["attributed"].as_array().expect("a list");
    assert_eq!(attributed.len(), 1, "{attributed:?}");
    let parts = attributed[0]["parts"].as_array().expect("a list");
    let names =
        parts.iter().filter(|part| part["departed"] == "yes").map(|part| part["part"].as_str().expect("a word").to_owned());
    names.collect()
}

fn explains(record: &Value, name: &str) -> f64 {
    let parts = record["parts"]["attributed"][0]["parts"].as_array().expect("a list");
    let part = parts.iter().find(|part| part["part"] == name).expect("it is there");
    part["explains"].as_f64().expect("there is something to explain")
}

/// The two drifts that are told apart: which, the part that it is, and the one that it is not.
const DRIFTS: [(&str, &str, &str); 2] = [
    ("functions.orders.duration * 1.5", "integration", "authorizer"),
    ("authorizers.guard.lambda.latency * 1.5", "authorizer", "integration"),
];

#[test]
fn a_drift_is_named_as_the_part_that_it_is_also_on_a_busy_machine() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("guarded.yaml", GUARDED);
    for (at, (drift, part, other)) in DRIFTS.into_iter().enumerate() {
        let log = format!("{at}.log");
        let kept = bench.kept(["run", "guarded.yaml", "--access-log", &log, "--drift", drift]);
        let departed = departed(&kept.record);
        assert!(departed.iter().any(|it| it == part) && departed.iter().all(|it| it != other), "{}", kept.finished.stdout);
        assert!(explains(&kept.record, part) > 0.7 && explains(&kept.record, other) < 0.2, "{}", kept.finished.stdout);
        let said = unwrapped(&kept.finished.stdout);
        assert!(said.contains("Departed from the model:") && said.contains(&format!("{part} (of GET /orders)")), "{said}");
        assert!(said.contains(&format!("With the measured {part} in its place the predicted total has p50")), "{said}");
    }
}

#[test]
fn a_drift_violates_the_claims_about_its_part_and_no_others() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("guarded.yaml", GUARDED);
    for (drift, part, other) in DRIFTS {
        let arguments = ["run", "guarded.yaml", "--access-log", "d.log", "--drift", drift];
        // A run on a busy machine is repeated: the mock's log is then begun anew.
        let kept = bench.kept_valid_each(arguments, || drop(fs::remove_file(bench.path("d.log"))));
        assert_eq!(departed(&kept.record), [part], "{drift}: {}", kept.finished.stdout);
        assert_eq!(answer(&kept, &format!("GET /orders {part} latency p50")), "violated", "{drift}: {}", kept.finished.stdout);
        for sound in [other, "gateway", "network"] {
            assert_eq!(answer(&kept, &format!("GET /orders {sound} latency p50")), "holds", "{drift}: {}", kept.finished.stdout);
        }
        assert_eq!((answer(&kept, "throttled"), kept.finished.code), ("holds", Some(3)), "{drift}");
        assert_eq!(kept.record["parts"]["attributed"][0]["method"], "simulated-anew");
    }
}

#[test]
fn a_log_that_comes_later_is_joined_from_the_folder_and_a_bad_one_proves_nothing() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("guarded.yaml", GUARDED);
    let kept =
        bench.kept_valid_each(["run", "guarded.yaml", "--access-log", "c.log"], || drop(fs::remove_file(bench.path("c.log"))));
    let join = &kept.record["parts"]["log"];
    assert_eq!((&join["joined"], &join["problem"]), (&join["attempts"], &Value::Null), "{join}");
    assert_eq!((departed(&kept.record).len(), kept.finished.code), (0, Some(0)), "{}", kept.finished.stdout);
    let samples = fs::read_to_string(kept.folder.join("samples.csv")).expect("it is kept");
    assert_eq!(samples.lines().count() as u64 - 1, kept.record["parts"]["samples"]["rows"].as_u64().expect("a count"));
    assert!(!samples.contains("x-member"));
    // The same log as CloudWatch exports it.
    let log = fs::read_to_string(bench.path("c.log")).expect("the mock wrote it");
    let events: Vec<Value> = log.lines().map(|line| json!({ "timestamp": 1, "message": line, "ingestionTime": 2 })).collect();
    bench.file("events.json", &format!("{:#}", json!({ "events": events, "searchedLogStreams": [] })));
    let folder = kept.folder.to_str().expect("a path");
    let again = |log: &str| {
        let finished = bench.sluicegate(["report", folder, "--format", "json", "--access-log", log]);
        let record: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        (finished.code, record)
    };
    let (code, later) = again("events.json");
    assert_eq!(code, Some(0));
    assert_eq!(later["parts"]["attributed"], kept.record["parts"]["attributed"]);
    assert_eq!(later["verdicts"], kept.record["verdicts"]);
    // A log without every tenth line covers too little, and one of another run nothing.
    let thin: Vec<&str> = log.lines().enumerate().filter(|(n, _)| n % 10 > 0).map(|(_, line)| line).collect();
    bench.file("thin.log", &thin.join("\n"));
    bench.file("foreign.log", &log.replace("\"requestId\":\"", "\"requestId\":\"x"));
    for (file, why) in [("thin.log", "99 % are needed"), ("foreign.log", "is in the log")] {
        let (code, record) = again(file);
        assert_eq!(code, Some(4), "{file}");
        let because = |at: usize| record["verdicts"][at]["because"].as_str().expect("a sentence").to_owned();
        assert!((0..4).all(|at| because(at).contains(why)), "{file}: {}", because(0));
        assert_eq!(record["verdicts"][4]["answer"], "holds", "{file}: what the client sees itself stands");
    }
    bench.file("plain.log", "127.0.0.1 - - [22/Nov/2026:17:59:31 +0000] \"GET /orders HTTP/1.1\" 200 2\n");
    let refused = bench.sluicegate(["report", folder, "--access-log", "plain.log"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("no line that can be joined"), "{}", refused.stderr);
    // The mock does not add to a log that is there.
    let refused = bench.sluicegate(["run", "guarded.yaml", "--access-log", "c.log"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("something is in it already"), "{}", refused.stderr);
}

#[test]
fn without_a_log_claims_about_parts_are_inconclusive_and_say_how_to_get_one() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("guarded.yaml", GUARDED);
    let kept = bench.kept(["run", "guarded.yaml", "--samples", "--duration", "2s"]);
    let verdict = kept.verdict("GET /orders integration latency p50");
    assert_eq!(verdict["answer"], "inconclusive");
    assert!(verdict["predicted"].as_f64().is_some_and(|ns| (38e6..42e6).contains(&ns)), "{verdict}");
    assert!(kept.record["parts"]["log"].is_null());
    let said = unwrapped(&kept.finished.stdout);
    assert!(said.contains("no access log was joined") && said.contains("--access-log FILE"), "{said}");
    let bare = bench.kept(["run", "guarded.yaml", "--duration", "2s"]);
    assert!(!bare.folder.join("samples.csv").exists(), "nothing is kept that nobody asked for");
    let refused = bench.sluicegate(["report", bare.folder.to_str().expect("a path"), "--access-log", "x.log"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("--samples"), "{}", refused.stderr);
}
