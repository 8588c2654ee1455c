//! What a design costs, as users ask for it: bills that a pencil confirms, price files with holes, every profile, and the cost of a run.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{Bench, Finished};

/// A hundred calls a second to a function of 1 GB that takes 20 ms and answers ten bytes.
const STEADY: &str = "\
# Imitates a service that is asked evenly, so that a month can be computed by hand.
gateway:
  api: http
  region: us-east-1
  stages: { prod: { throttle: { rate: RATE/s, burst: 1 } } }
  functions:
    f: { memory: 1 GB, duration: 20ms, cold_start: START, keep_alive: KEPT, response: { body: '0123456789' } }
  routes: { GET /a: { integration: { lambda: f } } }
traffic:
  mix: [{ request: GET /a }]
  arrivals: { constant: 100/s }
run: { duration: 12s, warmup: 2s, connections: 100 }
network: { round_trip: 0s, connect: 0s }
";

/// Seconds of a month.
const MONTH_S: f64 = 2_628_000.0;

fn steady(rate: &str, start: &str, kept: &str) -> String {
    STEADY.replace("RATE", rate).replace("START", start).replace("KEPT", kept)
}

/// What `cost --format json` says of a profile.
fn asked(profile: &str, flags: &[&str]) -> Value {
    let bench = Bench::new();
    bench.file("p.yaml", profile);
    let arguments = [&["cost", "p.yaml", "--format", "json", "--quiet"], flags].concat();
    let finished = bench.sluicegate(arguments).expect_code(0);
    serde_json::from_str(&finished.stdout).expect("the record is JSON")
}

fn line<'a>(record: &'a Value, price: &str) -> &'a Value {
    let lines = record["bill"]["lines"].as_array().expect("a bill has lines");
    lines.iter().find(|line| line["price"] == price).unwrap_or_else(|| panic!("no {price} in {record:#}"))
}

#[track_caller]
fn assert_near(found: &Value, wanted: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - wanted).abs() <= 0.002 * wanted, "{found} is not about {wanted}");
}

#[test]
fn a_month_of_an_even_load_is_what_a_pencil_says() {
    let record = asked(&steady("1000", "0s", "10m"), &[]);
    let calls = 100.0 * MONTH_S;
    assert_near(&record["scaled"]["calls_per_month"], calls);
    assert_near(&line(&record, "http-calls")["amount"], calls / 1e6);
    assert_near(&line(&record, "lambda-requests")["amount"], calls / 1e6 * 0.2);
    assert_near(&line(&record, "lambda-x86")["amount"], calls * 0.020 * 0.000_016_666_7);
    // 10 bytes of a body and 300 of a head.
    assert_near(&line(&record, "transfer-out")["amount"], calls * 310.0 / 1e9 * 0.09);
    let said = asked(&steady("1000", "0s", "10m"), &["--calls", "1M"]);
    assert_near(&line(&said, "http-calls")["amount"], 1.0);
}

#[test]
fn what_a_throttle_refuses_is_not_billed_and_its_function_never_runs() {
    let record = asked(&steady("50", "0s", "10m"), &[]);
    assert_near(&record["scaled"]["calls_per_month"], 100.0 * MONTH_S);
    assert_near(&line(&record, "http-calls")["quantity"], 50.0 * MONTH_S);
    assert_near(&line(&record, "lambda-requests")["quantity"], 50.0 * MONTH_S);
    assert_near(&record["routes"][0]["free_share"], 0.5);
}

#[test]
fn the_start_of_an_environment_is_billed_with_its_invocation() {
    // Nothing is kept, so that every invocation starts cold: 30 ms and 20 ms.
    let record = asked(&steady("1000", "30ms", "0s"), &[]);
    assert_near(&line(&record, "lambda-x86")["quantity"], 100.0 * MONTH_S * 0.050);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_they_are_as_the_schema_says() {
    let bench = Bench::new();
    bench.file("p.yaml", &steady("50", "30ms", "1s"));
    let ask = || bench.sluicegate(["cost", "p.yaml", "--format", "json", "--quiet"]).expect_code(0).stdout;
    let (first, again) = (ask(), ask());
    assert!(first == again, "two answers differ");
    let schema = bench.sluicegate(["schema", "cost"]).expect_code(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("a schema is JSON")).expect("a schema");
    let record = serde_json::from_str(&first).expect("the record is JSON");
    let errors: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn the_text_explains_every_figure_on_demand() {
    let bench = Bench::new();
    bench.file("p.yaml", &steady("1000", "0s", "10m"));
    let short = bench.sluicegate(["cost", "p.yaml"]).expect_code(0).stdout;
    let long = bench.sluicegate(["cost", "p.yaml", "--explain"]).expect_code(0).stdout;
    for part in ["A month", "By route", "Growth", "Break-even", "Assumed", "no dated source confirms", "GET /a"] {
        assert!(short.contains(part), "{part} is not in\n{short}");
    }
    let formula = "times the metered time in a month";
    assert!(!short.contains(formula) && long.contains(formula), "{long}");
}

#[test]
fn a_response_cache_is_paid_by_the_hour_and_saves_what_is_behind_it() {
    let rest = steady("1000", "0s", "10m")
        .replace("api: http", "api: rest")
        .replace("prod: {", "prod: { cache: { size: 0.5 GB, ttl: 1h },");
    let record = asked(&rest, &[]);
    assert_near(&line(&record, "cache-0.5")["amount"], 730.0 * 0.02);
    // All calls are for one thing, which was asked for within the warm-up.
    let caches = record["caches"].as_array().expect("caches");
    assert_near(&caches[0]["hit_share"], 1.0);
    assert_near(&line(&record, "rest-calls")["quantity"], 100.0 * MONTH_S);
    assert!(record["bill"]["lines"].as_array().expect("lines").iter().all(|line| line["price"] != "lambda-x86"), "{record:#}");
    // Without the cache: invocations, their time, and what they log.
    let saved = 100.0 * MONTH_S * (0.2e-6 + 0.020 * 0.000_016_666_7 + 300.0 / 1e9 * 0.5);
    assert_near(&caches[0]["saved"], saved);
    assert_near(&caches[0]["pays_from_calls"], 14.6 / saved * 100.0 * MONTH_S);
}

#[test]
fn every_profile_that_has_traffic_has_a_bill() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let mut billed = 0;
    for entry in fs::read_dir(folder).expect("profiles are there") {
        let path = entry.expect("a profile").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let bench = Bench::new();
        let Finished { code, stdout, stderr } =
            bench.sluicegate(["cost", &path.to_string_lossy(), "--replications", "1", "--format", "json", "--quiet"]);
        assert_eq!(code, Some(0), "{}: {stderr}", path.display());
        let record: Value = serde_json::from_str(&stdout).expect("the record is JSON");
        assert!(record["bill"]["total"].as_f64() > Some(0.0), "{}: {record:#}", path.display());
        billed += 1;
    }
    assert!(billed > 10, "{billed}");
}

#[test]
fn a_websocket_api_is_billed_by_messages_and_minutes() {
    let chat = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/chat.yaml");
    let record = asked(&fs::read_to_string(chat).expect("the profile is there"), &[]);
    // A hundred connections, of which some come back at any time.
    let minutes = line(&record, "websocket-minutes")["quantity"].as_f64().expect("a number");
    assert!((0.85..=1.0).contains(&(minutes / (100.0 * MONTH_S / 60.0))), "{minutes}");
    let messages = &line(&record, "websocket-messages")["parts"];
    let (up, down) = (messages[0]["quantity"].as_f64(), messages[1]["quantity"].as_f64());
    // A hundred pushes of each message that is published, twice a second.
    assert!(down > up && up > Some(0.0), "{messages:#}");
    assert!(record.get("http_or_rest").is_none() && record["caches"] == Value::Array(Vec::new()), "{record:#}");
}

#[test]
fn a_price_file_with_holes_is_refused_with_what_is_missing_and_what_for() {
    let bench = Bench::new();
    bench.file("p.yaml", &steady("1000", "0s", "10m"));
    let http = "  http-calls: { per: 1000000, tiers: [{ price: 2.00 }], source: me, dated: today }\n";
    bench.file("holes.yaml", &format!("region: eu-central-1\nprices:\n{http}"));
    let refused = bench.sluicegate(["cost", "p.yaml", "--prices", "holes.yaml"]).expect_code(2).stderr;
    for part in [
        "holes.yaml: 4 prices are missing",
        "lambda-requests: function invocations, in invocations; needed for function f",
        "over: us-east-1",
    ] {
        assert!(refused.contains(part), "{part} is not in {refused}");
    }
    bench.file("over.yaml", &format!("over: us-east-1\nregion: us-east-1\nprices:\n{http}"));
    let over = bench.sluicegate(["cost", "p.yaml", "--prices", "over.yaml", "--format", "json"]).expect_code(0).stdout;
    let record: Value = serde_json::from_str(&over).expect("the record is JSON");
    assert_near(&line(&record, "http-calls")["amount"], 200.0 * MONTH_S / 1e6);
    for (file, said) in [("none.yaml", "cannot be read"), ("p.yaml", "this is no file of prices")] {
        let refused = bench.sluicegate(["cost", "p.yaml", "--prices", file]).expect_code(2).stderr;
        assert!(refused.contains(file) && refused.contains(said), "{refused}");
    }
}

#[test]
fn a_run_that_costs_more_than_the_profile_allows_is_refused_before_the_first_byte() {
    let bench = Bench::new();
    let live = "target: https://gateway.invalid\n";
    // 1,200 calls: 0.0012 for them, 0.0004 for invocations, and 24 s of 1 GB.
    bench.file(
        "dear.yaml",
        &format!("{}{live}safety: {{ allow: [gateway.invalid], max_cost: 0.001 }}\n", steady("1000", "0s", "10m")),
    );
    for print in [&["run", "dear.yaml"][..], &["run", "dear.yaml", "--print-plan"][..]] {
        let refused = bench.sluicegate(print).expect_code(5).stderr;
        assert!(refused.contains("safety.max_cost is 0.001") && refused.contains("gateway.invalid"), "{refused}");
    }
    assert!(!bench.path("sluicegate-runs").exists(), "a refused run leaves nothing");
    bench.file(
        "fine.yaml",
        &format!("{}{live}safety: {{ allow: [gateway.invalid], max_cost: 1 }}\n", steady("1000", "0s", "10m")),
    );
    let plan = bench.sluicegate(["run", "fine.yaml", "--print-plan"]).expect_code(0).stdout;
    assert!(plan.contains("this run costs about <0.01 USD at the target"), "{plan}");
    // At this machine a run costs nothing.
    let mock = bench.sluicegate(["run", "dear.yaml", "--target", "mock", "--print-plan"]).expect_code(0).stdout;
    assert!(!mock.contains("this run costs"), "{mock}");
}
