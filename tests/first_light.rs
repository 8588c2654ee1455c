//! The main job from end to end, as a process: simulate, drive, compare, report, exit.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;

use crate::origin::Origin;
use crate::program::{Bench, Finished, Kept, quiet, unwrapped};

/// A small service that a run of ten seconds can decide.
pub(crate) const SERVICE: &str = "\
# Imitates a service with one function, small enough to be judged in ten seconds.
gateway:
  api: http
  region: us-east-1
  stages:
    prod: { throttle: { rate: 2000/s, burst: 1000 } }
  functions:
    orders: { memory: 512 MB, duration: { p50: 20ms, p99: 40ms }, cold_start: { p50: 60ms, p99: 90ms } }
  routes:
    GET /orders/{id}: { integration: { lambda: orders } }
    GET /health:      { integration: { mock: { status: 200, body: ok } } }
traffic:
  mix:
    - request: GET /orders/{id}
      with: { id: 1..10000 }
      weight: 9
    - request: GET /health
      weight: 1
  arrivals: { poisson: 300/s }
  identities: 50
run: { duration: 10s, warmup: 1s, connections: 64, lag_limit: 10ms } # late ones move neither quantile by a margin
target: mock
safety: { max_rate: 1000/s }
expect:
  - of: GET /orders/{id}
    metric: latency p50
    within: 15%
  - of: GET /orders/{id}
    metric: latency p95
    within: 20%
  - metric: throttled
    within: 1 point
";

#[test]
fn a_mock_that_is_as_the_model_says_holds_and_the_run_is_kept_whole() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let kept = bench.kept_valid(["run", "service.yaml"]).expect_code(0);
    let record = &kept.record;
    assert_eq!(record["complete"], true);
    assert_eq!(record["receiver"]["arrived"], record["load"]["sent"], "the mock saw what was sent");
    let answers: Vec<_> = record["verdicts"].as_array().expect("verdicts").iter().map(|verdict| &verdict["answer"]).collect();
    assert_eq!(answers, ["holds"; 3]);
    assert!(
        kept.finished.stdout.contains(&*kept.folder.file_name().expect("a name").to_string_lossy()),
        "it says where it is kept"
    );
    assert_eq!(fs::read_to_string(kept.folder.join("profile.yaml")).expect("the profile is kept"), SERVICE);
    keeps_the_schema(&bench, record);
    keeps_every_latency(&kept);
    let shown = bench.sluicegate(["report".as_ref(), kept.folder.as_os_str()]).expect_code(0);
    assert_eq!(
        shown.stdout.lines().take(20).collect::<Vec<_>>(),
        kept.finished.stdout.lines().take(20).collect::<Vec<_>>(),
        "the report can be had again"
    );
    leaves_nothing_else(&kept.folder);
}

fn keeps_the_schema(bench: &Bench, record: &Value) {
    let schema = bench.sluicegate(["schema", "run"]).expect_code(0).stdout;
    let schema = serde_json::from_str(&schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let errors: Vec<_> = validator.iter_errors(record).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The interval log, read as any HDR tool reads it, has as many values as the seconds of the record have answers.
fn keeps_every_latency(kept: &Kept) {
    let log = fs::read(kept.folder.join("latency.hlog")).expect("the interval log is kept");
    let mut by_tag: BTreeMap<String, u64> = BTreeMap::new();
    for entry in IntervalLogIterator::new(&log) {
        let LogEntry::Interval(interval) = entry.expect("a line of the interval log") else { continue };
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, interval.encoded_histogram());
        let histogram: hdrhistogram::Histogram<u64> =
            Deserializer::new().deserialize(&mut Cursor::new(bytes.expect("base64"))).expect("a histogram");
        let tag = interval.tag().expect("every line has a tag").as_str().to_owned();
        *by_tag.entry(tag).or_default() += histogram.len();
    }
    let seconds = kept.record["seconds"].as_array().expect("seconds");
    let answered: u64 = seconds.iter().map(|second| second["answered"].as_u64().expect("a count")).sum();
    assert_eq!(by_tag.keys().collect::<Vec<_>>(), ["get-health", "get-orders-id"]);
    assert_eq!(by_tag.values().sum::<u64>(), answered);
    assert_eq!(Some(answered), kept.record["load"]["sent"].as_u64(), "every request was answered");
}

fn leaves_nothing_else(folder: &Path) {
    let mut names: Vec<_> = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["latency.hlog", "profile.yaml", "report.html", "run.json", "told.csv"]);
}

#[test]
fn a_mock_that_is_slower_than_the_model_is_found_out() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let drift = "functions.orders.duration * 1.5";
    let kept = bench.kept_valid(["run", "service.yaml", "--drift", drift]).expect_code(3);
    assert_eq!(kept.record["plan"]["drift"], serde_json::json!([drift]));
    for (name, answer) in
        [("GET /orders/{id} latency p50", "violated"), ("GET /orders/{id} latency p95", "violated"), ("throttled", "holds")]
    {
        assert_eq!(kept.verdict(name)["answer"], answer, "{name}");
    }
    let verdict = kept.verdict("GET /orders/{id} latency p50");
    let number = |key: &str| verdict[key].as_f64().unwrap_or_else(|| panic!("no {key}: {verdict:#}"));
    let end = |key: &str, at: usize| verdict[key][at].as_f64().unwrap_or_else(|| panic!("no {key}: {verdict:#}"));
    let slower = number("observed") / number("predicted");
    assert!((1.3..1.6).contains(&slower), "{slower}");
    assert!(end("band", 0) < number("predicted") && number("predicted") < end("band", 1), "{verdict:#}");
    assert!(end("interval", 0) > end("band", 1), "the interval lies outside the band: {verdict:#}");
    assert!(end("interval", 0) <= number("observed") && number("observed") <= end("interval", 1), "{verdict:#}");
    names_what_broke(&kept.finished, drift);
}

fn names_what_broke(finished: &Finished, drift: &str) {
    let said = unwrapped(&finished.stdout);
    for part in ["GET /orders/{id} latency p50", "predicted", "observed", "interval", "allowed", drift] {
        assert!(said.contains(part), "the report lacks `{part}`:\n{}", finished.stdout);
    }
}

#[test]
fn the_script_is_the_same_for_any_number_of_lanes_and_for_the_simulator() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let short = ["--duration", "1s", "--warmup", "0s", "--seed", "11"];
    let simulated = bench.sluicegate(["simulate", "service.yaml", "--format", "json"].iter().chain(&short)).expect_code(0);
    let simulated: Value = serde_json::from_str(&simulated.stdout).expect("the record is JSON");
    for lanes in ["1", "2"] {
        let asked = ["run", "service.yaml", "--drive-only", "--lanes", lanes];
        let driven = bench.kept(asked.iter().chain(&short)).expect_driven();
        assert_eq!(driven.record["plan"]["script_hash"], simulated["plan"]["script_hash"], "{lanes} lanes");
        assert_eq!(driven.record["load"]["sent"], simulated["load"]["sent"], "{lanes} lanes");
        assert_eq!(driven.record["load"]["lanes"].as_array().map(Vec::len), lanes.parse().ok());
        assert_eq!(driven.record["receiver"]["arrived"], driven.record["load"]["sent"]);
    }
}

#[test]
fn a_secret_is_sent_and_never_shown() {
    const MARKER: &str = "zv9-marker-of-a-secret";
    let _quiet = quiet();
    let bench = Bench::new();
    let profile =
        SERVICE.replace("      weight: 1\n", "      weight: 1\n      headers: { x-api-key: \"${env:SLUICEGATE_MARKER}\" }\n");
    bench.file("service.yaml", &profile);
    let origin = Origin::plain();
    let url = origin.url("http", "");
    let reference = "x-other: ${env:SLUICEGATE_MARKER}";
    let short = ["--duration", "500ms", "--warmup", "0s", "--header", reference];
    // Half a second decides nothing: exit code 4.
    let ways: [(&[&str], i32); 6] = [
        (&["run", "service.yaml", "--target", &url, "-o", "live"], 4),
        (&["run", "service.yaml", "--target", &url, "--format", "json", "-o", "live-json"], 4),
        (&["run", "service.yaml", "-o", "mock"], 4),
        (&["run", "service.yaml", "--print-plan"], 0),
        (&["run", "service.yaml", "--print-plan", "--format", "json"], 0),
        (&["run", "service.yaml", "--drift", "functions.orders.duration * nonsense"], 2),
    ];
    for (way, code) in ways {
        let mut command = bench.command(way.iter().chain(&short));
        let done = crate::program::finish(command.env("SLUICEGATE_MARKER", MARKER).spawn().expect("the program starts"));
        assert!(!done.stdout.contains(MARKER) && !done.stderr.contains(MARKER), "{way:?} shows the secret");
        done.expect_code(code);
    }
    let seen = origin.seen();
    assert!(seen.iter().all(|request| request.header("x-other") == Some(MARKER)), "the secret was not sent");
    assert!(seen.iter().any(|request| request.header("x-api-key") == Some(MARKER)), "the secret was not sent");
    for file in files(bench.path("").as_path()) {
        let bytes = fs::read(&file).expect("a file is readable");
        assert!(!bytes.windows(MARKER.len()).any(|part| part == MARKER.as_bytes()), "{} holds the secret", file.display());
    }
}

#[test]
fn every_delivered_profile_simulates_and_plans_to_decide_what_it_claims() {
    let _quiet = quiet();
    let bench = Bench::new();
    let profiles = files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")));
    for profile in profiles.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let ask = |words: &[&str]| {
            let (command, flags) = words.split_first().expect("a command");
            let asked = [command.as_ref(), profile.as_os_str()].into_iter().chain(flags.iter().map(AsRef::as_ref));
            bench.sluicegate(asked).expect_code(0).stdout
        };
        assert!(ask(&["simulate", "--quiet"]).contains("Latency of"), "{}", profile.display());
        let plan: Value = serde_json::from_str(&ask(&["run", "--print-plan", "--format", "json"])).expect("the plan is JSON");
        let claims = plan["assumptions"].as_array().expect("assumptions");
        assert!(!claims.is_empty(), "{} claims nothing", profile.display());
        for claim in claims {
            let power = claim["planned_power"].as_f64();
            assert!(power.is_some_and(|power| power >= 0.99), "{}: {claim:#}", profile.display());
        }
    }
}

#[test]
fn the_mock_of_a_run_hangs_neither_on_its_flags_nor_on_files_beside_the_profile() {
    let _quiet = quiet();
    let bench = Bench::new();
    let beside = SERVICE
        .replace("run: {", "run: { headers: { x-api-key: \"${file:key.txt}\" },")
        .replace("max_rate: 1000/s", "max_rate: 100/s");
    fs::create_dir(bench.path("profiles")).expect("the temporary folder is writable");
    bench.file("profiles/service.yaml", &beside);
    bench.file("profiles/key.txt", "a key that only the generator reads");
    let asked = ["run", "profiles/service.yaml", "--drive-only", "-d", "500ms", "--warmup", "0s", "-R", "90/s"];
    let kept = bench.kept(asked).expect_driven();
    assert_eq!(kept.record["receiver"]["arrived"], kept.record["load"]["sent"]);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
