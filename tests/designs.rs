//! Two designs beside each other by the model alone: the same load, a difference that is no chance, and a bill that a pencil confirms.

use serde_json::{Value, json};

use crate::program::{Bench, unwrapped};

/// A function that takes a while, asked by chance 200 times a second.
const DESIGN: &str = "\
# Imitates a service whose function is about to be changed.
gateway:
  api: http
  region: us-east-1
  stages: { prod: {} }
  functions:
    f: { memory: 1 GB, duration: { p50: MEDIAN, p99: 90ms }, cold_start: 0s, response: { body: '0123456789' } }
  routes: { GET /a: { integration: { lambda: f } } }
traffic:
  mix: [{ request: GET /a }]
  arrivals: { poisson: 200/s }
run: { duration: 20s, warmup: 2s, connections: 64 }
network: { round_trip: 0s, connect: 0s }
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("first.yaml", &DESIGN.replace("MEDIAN", "30ms"));
    bench.file("same.yaml", &DESIGN.replace("MEDIAN", "30ms").replace("poisson: 200/s", "constant: 1/s"));
    bench.file("slower.yaml", &DESIGN.replace("MEDIAN", "33ms"));
    bench.file("rest.yaml", &DESIGN.replace("MEDIAN", "30ms").replace("api: http", "api: rest"));
    bench
}

/// What it says of two designs, which must be as its schema says.
fn compared(bench: &Bench, second: &str, more: &[&str]) -> Value {
    let line = ["compare", "--simulate", "first.yaml", second, "--format", "json"];
    let finished = bench.sluicegate(line.iter().chain(more)).expect_code(0);
    let record: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let schema = bench.sluicegate(["schema", "designs"]).expect_code(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    record
}

fn of_all<'a>(record: &'a Value, metric: &str) -> &'a Value {
    let differences = record["differences"].as_array().expect("differences");
    let found = differences.iter().find(|it| it["metric"] == metric && it.get("of").is_none());
    found.unwrap_or_else(|| panic!("no {metric} in {record:#}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_tenth_more_of_a_functions_time_is_no_chance_and_where_it_is_the_same_there_is_no_difference() {
    let bench = bench();
    let slower = compared(&bench, "slower.yaml", &[]);
    let median = of_all(&slower, "latency p50");
    let [low, high] = [0, 1].map(|at| number(&median["interval"][at]));
    assert!(0.0 < low && (low..=high).contains(&3e6), "3 ms more: {median:#}");
    assert_eq!(slower["same_script"], true);

    // Its own traffic is another one, which nobody asks for.
    let same = compared(&bench, "same.yaml", &[]);
    for difference in same["differences"].as_array().expect("differences") {
        assert_eq!(difference["first"], difference["second"], "{difference:#}");
        assert_eq!(difference["interval"], json!([0.0, 0.0]), "{difference:#}");
    }
    assert_eq!(same["first"]["requests"], same["second"]["requests"]);
    let text = unwrapped(&bench.sluicegate(["compare", "--simulate", "first.yaml", "slower.yaml"]).expect_code(0).stdout);
    assert!(text.contains("latency p50: the second has") && text.contains("a month of the second costs"), "{text}");
}

#[test]
fn what_a_month_costs_stands_beside_each_other() {
    let record = compared(&bench(), "rest.yaml", &["--replications", "2"]);
    let amount = |design: &str, price: &str| {
        let lines = record[design]["month"]["lines"].as_array().expect("a bill has lines");
        lines.iter().find(|line| line["price"] == price).map(|line| number(&line["amount"]))
    };
    let calls = number(&record["first"]["calls_per_month"]);
    // 1.00 USD and 3.50 USD a million, below the first 300 and 333 million; beyond these 0.90 and 2.80 (facts, section 11).
    let [http, rest] = [(1.0, 0.9, 300.0), (3.5, 2.8, 333.0)].map(|(first, then, until)| {
        let millions = calls / 1e6;
        millions.min(until) * first + (millions - until).max(0.0) * then
    });
    let [shown_http, shown_rest] = [amount("first", "http-calls"), amount("second", "rest-calls")].map(|it| it.expect("a line"));
    assert!((shown_http - http).abs() < 0.01 && (shown_rest - rest).abs() < 0.01, "{shown_http} {http} {shown_rest} {rest}");
    assert_eq!(amount("first", "rest-calls"), None);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_flags_of_the_load_are_for_both() {
    let bench = bench();
    let line =
        ["compare", "--simulate", "first.yaml", "slower.yaml", "-d", "8s", "-R", "50/s", "--replications", "2", "--seed", "3"];
    let [one, two] = [(); 2].map(|()| bench.sluicegate(line).expect_code(0).stdout);
    assert_eq!(one, two);
    assert!(one.contains("2 replications of 6s") && one.contains("seed 3"), "{one}");
}

#[test]
fn what_cannot_be_set_beside_each_other_says_why() {
    let bench = bench();
    bench.file(
        "case.yaml",
        "system: [{ name: desk, station: { servers: 1, work: 1ms } }]\narrivals: { poisson: 10/s }\nrun: { duration: 10s }\n",
    );
    let refused = |line: &[&str], why: &str| {
        let finished = bench.sluicegate(["compare"].iter().chain(line)).expect_code(2);
        assert!(unwrapped(&finished.stderr).contains(why), "{}", finished.stderr);
    };
    refused(&["--simulate", "first.yaml", "case.yaml"], "a case has no gateway");
    refused(&["--simulate", "first.yaml"], "RUN|MODEL");
    refused(&["--simulate", "first.yaml", "nowhere.yaml"], "nowhere.yaml");
    refused(&["first.yaml", "slower.yaml", "-R", "10/s"], "--simulate");
    refused(&["--simulate", "first.yaml", "slower.yaml", "--expect", "errors < 1%"], "--expect");
}
