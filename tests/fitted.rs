//! `fit` and `plan-fit` from end to end: what a run tells of a model is found, what it cannot tell is not named, and a run that cannot
//! be fitted to is refused with its reason.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::first_light::SERVICE;
use crate::program::{Bench, Finished, Kept, quiet, unwrapped};

/// A route whose bucket refills at 100/s and holds 50, asked three times as often.
const STEP: &str = "\
# Imitates a step of overload.
gateway:
  api: http
  region: us-east-1
  stages: { prod: { throttle: { rate: 100/s, burst: 50 } } }
  functions: { orders: { memory: 512 MB, duration: { p50: 4ms, p99: 8ms }, cold_start: 5ms } }
  routes: { GET /orders: { integration: { lambda: orders } } }
traffic:
  mix: [{ request: GET /orders }]
  arrivals: { constant: 300/s }
run: { duration: 14s, warmup: 1s, connections: 64 }
target: mock
";

impl Bench {
    fn fit(&self, arguments: &[&str]) -> Finished {
        self.sluicegate(["fit"].iter().chain(arguments))
    }
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:#?}"))
}

fn parameter<'a>(report: &'a Value, path: &str) -> &'a Value {
    let all = report["parameters"].as_array().expect("parameters");
    all.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("no {path}: {report:#}"))
}

/// `24370us`, `2.5ms`, `100/s`, `49.8`: the number, times in milliseconds.
fn number(text: &Value) -> f64 {
    let text = text.as_str().expect("a text");
    let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let factor = match &text[digits.len()..] {
        "ns" => 1e-6,
        "us" => 1e-3,
        "s" => 1e3,
        _ => 1.0,
    };
    digits.parse::<f64>().expect("a number") * factor
}

fn p50_ms(record: &Value, series: &str) -> f64 {
    let all = record["series"].as_array().expect("series");
    let own = all.iter().find(|one| one["name"] == series).expect("the series");
    own["response_time"]["p50_ns"].as_f64().expect("a median") / 1e6
}

#[test]
fn a_slower_function_is_found_and_the_fitted_model_predicts_the_run() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let arguments = ["run", "service.yaml", "--drive-only", "-d", "14s", "--drift", "functions.orders.duration * 1.5"];
    let kept = bench.kept(arguments);
    let run = undoubted(&kept);
    let report = json(&bench.fit(&[&run, "-o", "fitted.yaml", "--format", "json"]).expect_code(0));
    tells_the_duration(&report, &kept);
    let fitted = fs::read_to_string(bench.path("fitted.yaml")).expect("it was written");
    assert!(fitted.starts_with("# service.yaml, fitted by sluicegate"), "{fitted}");
    let simulated = json(&bench.sluicegate(["simulate", "fitted.yaml", "--format", "json", "-q"]).expect_code(0));
    let (predicted, observed) = (p50_ms(&simulated, "GET /orders/{id}"), p50_ms(&kept.record, "GET /orders/{id}"));
    assert!((predicted / observed - 1.0).abs() < 0.06, "{predicted} for {observed}");
    assert!(simulated["id"].as_str().is_some_and(|id| id.starts_with("model-")));
    let said = unwrapped(&bench.fit(&[&run]).expect_code(0).stdout);
    for part in [
        "functions.orders.duration.mean",
        "its quantiles cannot be told from the client's side",
        "Left as documented",
        "keep_alive",
    ] {
        assert!(said.contains(part), "`{part}` is not in {said}");
    }
    let refused = bench.sluicegate(["compare", &run, "fitted.yaml"]).expect_code(2);
    assert!(unwrapped(&refused.stderr).contains("is one of those that this model was fitted on"), "{}", refused.stderr);
    refuses_what_is_no_run_to_fit_to(&bench, &kept);
}

#[test]
fn an_access_log_tells_the_function_s_own_distribution() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let drift = ["--drift", "functions.orders.duration * 1.5"];
    let arguments = ["run", "service.yaml", "--drive-only", "-d", "14s", "--access-log", "access.jsonl"];
    let kept = bench.kept(arguments.iter().chain(&drift).copied());
    let run = undoubted(&kept);
    let report =
        json(&bench.fit(&[&run, "--access-log", "access.jsonl", "-o", "fitted.yaml", "--format", "json"]).expect_code(0));
    let all = report["parameters"].as_array().expect("parameters");
    let duration =
        all.iter().filter(|one| one["path"].as_str().is_some_and(|path| path.starts_with("functions.orders.duration")));
    let duration: Vec<&Value> = duration.collect();
    assert!(!duration.is_empty() && duration.iter().all(|one| one["tier"] == "joined"), "{duration:#?}");
    // Lognormal with median 30 ms and p99 60 ms, seen in whole milliseconds: its own quantiles are right, and not only its mean.
    let fitted = fs::read_to_string(bench.path("fitted.yaml")).expect("it was written");
    assert!(fitted.contains("tier: joined"), "{fitted}");
    let simulated = json(&bench.sluicegate(["simulate", "fitted.yaml", "--format", "json", "-q"]).expect_code(0));
    let quantile = |record: &Value, name: &str| {
        let own = record["series"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "GET /orders/{id}"));
        own.and_then(|own| own["response_time"][name].as_f64()).expect("a quantile")
    };
    for name in ["p50_ns", "p90_ns", "p95_ns"] {
        let (predicted, observed) = (quantile(&simulated, name), quantile(&kept.record, name));
        assert!((predicted / observed - 1.0).abs() < 0.08, "{name}: {predicted} for {observed}");
    }
    bench.file("foreign.jsonl", "{\"requestId\":\"of another run\",\"responseLatency\":3}\n");
    let refused = bench.fit(&[&run, "--access-log", "foreign.jsonl"]).expect_code(2);
    assert!(unwrapped(&refused.stderr).contains("it is the log of none of these runs"), "{}", refused.stderr);
    let without = bench.kept(["run", "service.yaml", "--drive-only", "-d", "10s"]);
    let refused = bench.fit(&[&undoubted(&without), "--access-log", "access.jsonl"]).expect_code(2);
    assert!(unwrapped(&refused.stderr).contains("it kept no samples"), "{}", refused.stderr);
}

fn tells_the_duration(report: &Value, kept: &Kept) {
    let id = kept.record["id"].as_str().expect("a run has an id");
    assert_eq!(report["runs"], serde_json::json!([id]));
    // Lognormal with median 30 ms and p99 60 ms: sigma 0.298, mean 31.4 ms, deviation 9.56 ms.
    let mean = parameter(report, "functions.orders.duration.mean");
    assert_eq!((&mean["identifiable"], &mean["tier"], &mean["run"]), (&"yes".into(), &"client".into(), &id.into()));
    assert!((number(&mean["value"]) / 31.4 - 1.0).abs() < 0.06, "{mean}");
    assert!(number(&mean["interval"][0]) < number(&mean["value"]) && number(&mean["value"]) < number(&mean["interval"][1]));
    let deviation = parameter(report, "functions.orders.duration.deviation");
    assert!((number(&deviation["interval"][0])..number(&deviation["interval"][1])).contains(&9.56), "{deviation}");
    let shape = parameter(report, "functions.orders.duration");
    assert_eq!((&shape["identifiable"], shape.get("value")), (&"no".into(), None));
    assert!(parameter(report, "routes.\"GET /orders/{id}\".total.p50")["value"].is_string());
    let keep_alive = parameter(report, "functions.orders.keep_alive");
    assert_eq!((&keep_alive["method"], keep_alive.get("identifiable")), (&"documented".into(), None));
}

/// A kept run without its doubts: a machine that is busy with other tests makes a run late, which is refused, and is not the matter here.
fn undoubted(kept: &Kept) -> String {
    let mut record = kept.record.clone();
    record["doubts"] = serde_json::json!([]);
    fs::write(kept.folder.join("run.json"), record.to_string()).expect("it is writable");
    kept.folder.file_name().expect("a name").to_string_lossy().into_owned()
}

/// A copy of a kept run whose record is changed.
fn changed(bench: &Bench, kept: &Kept, name: &str, change: impl Fn(&mut Value)) {
    let folder = bench.path(name);
    fs::create_dir(&folder).expect("a folder");
    for file in ["latency.hlog", "profile.yaml"] {
        fs::copy(kept.folder.join(file), folder.join(file)).expect("a copy");
    }
    let mut record = kept.record.clone();
    record["doubts"] = serde_json::json!([]);
    change(&mut record);
    fs::write(folder.join("run.json"), record.to_string()).expect("it is writable");
}

fn refuses_what_is_no_run_to_fit_to(bench: &Bench, kept: &Kept) {
    let whole = kept.folder.file_name().expect("a name").to_string_lossy().into_owned();
    let refused = |arguments: &[&str], part: &str| {
        let finished = bench.fit(arguments).expect_code(2);
        let said = unwrapped(&finished.stderr);
        assert!(said.contains(part), "`{part}` is not in {said}");
        assert!(finished.stdout.is_empty());
    };
    changed(bench, kept, "interrupted", |record| {
        record["complete"] = false.into();
        record["stopped"] = serde_json::json!({ "interrupted": 2 });
    });
    refused(&["interrupted"], "this run is not complete: it was interrupted");
    changed(bench, kept, "nameless", |record| drop(record.as_object_mut().expect("an object").remove("id")));
    refused(&["nameless"], "this run has no id");
    changed(bench, kept, "closed", |record| record["plan"]["model"] = "closed".into());
    refused(&["closed"], "this run is closed");
    changed(bench, kept, "invalid", |record| {
        record["doubts"] =
            serde_json::json!([{ "weight": "invalid", "kind": "rate-missed", "what": "half was sent", "advice": "slow down" }]);
    });
    refused(&["invalid"], "this run is invalid (rate-missed: half was sent)");
    changed(bench, kept, "other", |record| {
        record["id"] = "another".into();
        record["plan"]["resolved"]["profile"]["gateway"]["region"] = "eu-west-1".into();
    });
    refused(&[&whole, "other"], "they differ in their profile's `gateway`");
    refused(&[&whole, &whole], "are the same run");
    refused(&["nowhere"], "cannot be read");
    fs::remove_file(bench.path("other").join("latency.hlog")).expect("it was there");
    refused(&["other"], "latency.hlog: cannot be read");
    changed(bench, kept, "cut", |_| ());
    let log = fs::read(kept.folder.join("latency.hlog")).expect("the log");
    fs::write(bench.path("cut").join("latency.hlog"), &log[..log.len() - 30]).expect("it is writable");
    refused(&["cut"], "was it cut off");
    changed(bench, kept, "short", |record| record["plan"]["duration_ns"] = 5_000_000_000_u64.into());
    let report = json(&bench.fit(&["short", "--format", "json"]).expect_code(0));
    let total = parameter(&report, "routes.\"GET /orders/{id}\".total");
    assert_eq!((&total["method"], total.get("value")), (&"documented".into(), None), "too little data tells nothing");
}

#[test]
fn a_step_of_overload_tells_rate_and_burst_of_a_throttle() {
    let _quiet = quiet();
    let bench = Bench::new();
    // The documented throttle is another one: what was seen must come out.
    bench.file("step.yaml", STEP);
    let drift = "stages.prod.throttle.rate = 80/s";
    let kept = bench.kept(["run", "step.yaml", "--drive-only", "--drift", drift]);
    let run = undoubted(&kept);
    let report = json(&bench.fit(&[&run, "-o", "fitted.yaml", "--format", "json"]).expect_code(0));
    let (rate, burst) = (parameter(&report, "stages.prod.throttle.rate"), parameter(&report, "stages.prod.throttle.burst"));
    assert_eq!((&rate["identifiable"], &burst["identifiable"]), (&"yes".into(), &"yes".into()), "{rate} {burst}");
    assert!((number(&rate["value"]) - 80.0).abs() < 1.0, "{rate}");
    assert!((number(&burst["value"]) - 50.0).abs() < 4.0, "{burst}");
    assert!(rate["note"].as_str().is_some_and(|note| note.contains("cannot tell which of nested limits refused")));
    let total = parameter(&report, "routes.\"GET /orders\".total");
    assert!(total["note"].as_str().is_some_and(|note| note.contains("were throttled or failed")), "{total}");
    let fitted = fs::read_to_string(bench.path("fitted.yaml")).expect("it was written");
    assert!(fitted.contains(&format!("rate: {}", rate["value"].as_str().expect("a rate"))), "{fitted}");
    let simulated = json(&bench.sluicegate(["simulate", "fitted.yaml", "--format", "json", "-q"]).expect_code(0));
    let throttled = |record: &Value| -> u64 {
        record["seconds"].as_array().expect("seconds").iter().map(|second| second["throttled"].as_u64().expect("a count")).sum()
    };
    let (predicted, observed) = (throttled(&simulated) as f64, throttled(&kept.record) as f64);
    assert!((predicted / observed - 1.0).abs() < 0.01, "{predicted} for {observed}");
    let said = unwrapped(&bench.sluicegate(["plan-fit", "step.yaml", &run]).expect_code(0).stdout);
    assert!(!said.contains("step-get-orders") && said.contains("gaps-orders"), "only what is missing: {said}");
}

/// Functions that share a pool, which is said to be more than twice as large as it is.
const POOL: &str = "\
# Imitates a pool of connections that is reached before anything else is.
gateway:
  api: http
  region: us-east-1
  stages: { prod: {} }
  capacities: { db: { size: 50, service: { p50: 100ms, p99: 300ms }, timeout: 5s } }
  functions: { orders: { memory: 512 MB, duration: { p50: 40ms, p99: 80ms }, cold_start: 5ms, uses: db } }
  routes: { GET /orders: { integration: { lambda: orders } } }
traffic:
  mix: [{ request: GET /orders }]
  arrivals: { poisson: 60/s }
run: { duration: 10s, warmup: 1s, connections: 512, lag_limit: 10ms } # a twentieth of the shortest median
target: mock
";

#[test]
fn levels_of_load_tell_how_large_a_pool_is_and_how_long_its_connections_are_held() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("pool.yaml", POOL);
    let drifts = ["--drift", "capacities.db.size = 20", "--drift", "capacities.db.service * 1.5"];
    // Twenty connections that are held for 168 ms in the mean serve 119/s.
    let runs: Vec<String> = ["40/s", "90/s", "110/s", "140/s"]
        .map(|rate| bench.kept_valid(["run", "pool.yaml", "--drive-only", "--rate", rate].iter().chain(&drifts).copied()))
        .map(|kept| undoubted(&kept))
        .into();
    let calm = json(&bench.fit(&[&runs[0], "--format", "json"]).expect_code(0));
    let size = parameter(&calm, "capacities.db.size");
    assert_eq!((&size["method"], size.get("identifiable")), (&"documented".into(), None), "{size}");
    let named: Vec<&str> = runs.iter().map(String::as_str).collect();
    let report = json(&bench.fit(&[&named, &["-o", "fitted.yaml", "--format", "json"][..]].concat()).expect_code(0));
    let (size, service) = (parameter(&report, "capacities.db.size"), parameter(&report, "capacities.db.service.mean"));
    let ends = |of: &Value| number(&of["interval"][0])..=number(&of["interval"][1]);
    // The fifty and the 112 ms that are documented are refuted; what is true is not.
    assert!(ends(size).contains(&20.0) && number(&size["interval"][0]) > 10.0 && number(&size["interval"][1]) < 40.0, "{size}");
    assert!(ends(service).contains(&167.7) && !ends(service).contains(&111.8), "{service}");
    let fitted = fs::read_to_string(bench.path("fitted.yaml")).expect("it was written");
    assert!(fitted.contains("simulated moments"), "{fitted}");
    let sizes = ["fitted.low.yaml", "fitted.high.yaml"].map(|name| fs::read_to_string(bench.path(name)).unwrap_or_default());
    let written = |text: &str, size: &Value| text.contains(&format!("size: {}", number(size)));
    match size["identifiable"].as_str() {
        Some("yes") => assert!(written(&fitted, &size["value"]), "{fitted}"),
        _ => assert!(written(&sizes[0], &size["interval"][0]) && written(&sizes[1], &size["interval"][1]), "{sizes:?}"),
    }
    let said = unwrapped(&bench.sluicegate(["plan-fit", "pool.yaml", &runs[0]]).expect_code(0).stdout);
    assert!(said.contains("level-4") && said.contains("capacities.db.size"), "{said}");
}

#[test]
fn phases_that_would_tell_a_profile_are_profiles_themselves() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let planned = json(&bench.sluicegate(["plan-fit", "service.yaml", "-o", "phases", "--format", "json"]).expect_code(0));
    let phases = planned["phases"].as_array().expect("phases");
    let names: Vec<&str> = phases.iter().map(|phase| phase["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["constant", "level-1", "level-2", "level-3", "step-get-orders-id", "gaps-orders"]);
    let written: Vec<&Path> =
        planned["written"].as_array().expect("files").iter().map(|name| Path::new(name.as_str().expect("a name"))).collect();
    assert_eq!(written.len(), 6);
    for (phase, file) in phases.iter().zip(written) {
        let proven = bench.sluicegate(["run".as_ref(), file.as_os_str(), "--print-plan".as_ref()]);
        if phase.get("raise_max_rate").is_some() {
            assert!(unwrapped(&proven.expect_code(2).stderr).contains("safety.max_rate"), "{phase}");
        } else {
            proven.expect_code(0);
        }
    }
    // 2000/s of the throttle for nine of ten requests, and 1000/s are allowed.
    assert_eq!(phases[4]["raise_max_rate"], "6060/s");
    assert!(phases[0].get("raise_max_rate").is_none());
    let gaps = json(&bench.sluicegate(["simulate", "phases/gaps-orders.yaml", "--format", "json", "-q"]).expect_code(0));
    assert_eq!(gaps["total"]["count"], 8, "one request, and one after each gap");
    let said = unwrapped(&bench.sluicegate(["plan-fit", "service.yaml"]).expect_code(0).stdout);
    assert!(said.contains("raise safety.max_rate to 6060/s"), "{said}");
}
