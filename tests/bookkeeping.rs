//! The exact cases of the references hold through the whole simulator: profile, script, client and gateway.
//!
//! The policy alone is held against the same cases beside its own code.

use std::path::Path;

use serde_json::Value;

use crate::parity::Counts;
use crate::program::{Bench, outcomes, quiet};

/// The metrics of a case: what is expected, and how far from it is still right.
struct Case(Value);

fn case(id: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/model/references.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let all: Value = serde_json::from_str(&text).expect("the references are JSON");
    let case = all["cases"].as_array().expect("cases").iter().find(|case| case["id"] == id).expect("a case of this id");
    Case(case["metrics"].clone())
}

impl Case {
    /// Of a case that is a closed form: what was found in one run, whose mean has this standard deviation, is within 4.5 of them.
    fn expect_mean(&self, metric: &str, found: f64, deviation: f64) {
        let expected = self.0[metric]["expected"].as_f64().unwrap_or_else(|| panic!("no {metric}.expected"));
        assert!(
            (found - expected).abs() <= 4.5 * deviation,
            "{metric}: found {found}, expected {expected}, deviation {deviation}"
        );
    }

    fn expect(&self, metric: &str, found: u64) {
        let number = |key: &str| self.0[metric][key].as_f64().unwrap_or_else(|| panic!("no {metric}.{key}"));
        let (expected, tolerance) = (number("expected"), number("tol_abs"));
        assert!((found as f64 - expected).abs() <= tolerance, "{metric}: found {found}, expected {expected} within {tolerance}");
    }
}

/// Simulates constant arrivals at a REST API; how the requests of `GET /x` ended.
fn simulated(rate: u32, seconds: u32, gateway: &str) -> Counts {
    outcomes(&record(rate, seconds, "", gateway), "series", "GET /x")
}

/// The same with these further keys of the run; its record.
fn record(rate: u32, seconds: u32, run: &str, gateway: &str) -> Value {
    let profile = format!(
        "# Exact bookkeeping: nothing takes time.\n\
         traffic:\n  mix: [{{ request: GET /x }}]\n  arrivals: {{ constant: {rate}/s }}\n\
         run: {{ duration: {seconds}s, warmup: 0s, connections: 1000, api_keys: [only]{run} }}\n\
         network: {{ round_trip: 0s, connect: 0s }}\n\
         gateway:\n  api: rest\n  overhead: 0s\n  refusal: 0s\n  api_keys: {{ only: {{ value: only-one-key-for-all-of-it }} }}\n{gateway}"
    );
    let bench = Bench::new();
    bench.file("case.yaml", &profile);
    let done = bench.sluicegate(["simulate", "case.yaml", "--format", "json"]).expect_code(0);
    serde_json::from_str(&done.stdout).expect("the record is JSON")
}

fn count(counts: &Counts, status: u64) -> u64 {
    *counts.get(&("answered".to_owned(), status)).unwrap_or(&0)
}

#[test]
#[ignore = "needs ../shared"]
fn a_bucket_under_a_constant_overload() {
    let _quiet = quiet();
    let case = case("T01");
    let throttled = "  stages: { prod: { throttle: { rate: 100/s, burst: 50 } } }\n  \
                     routes: { GET /x: { integration: { mock: { status: 200 } } } }\n";
    let counts = simulated(150, 60, throttled);
    case.expect("requests", counts.values().sum());
    case.expect("admitted", count(&counts, 200));
    case.expect("throttled", count(&counts, 429));
}

#[test]
#[ignore = "needs ../shared"]
fn nothing_is_throttled_exactly_at_the_rate() {
    let _quiet = quiet();
    let case = case("T02");
    let throttled = "  stages: { prod: { throttle: { rate: 100/s, burst: 1 } } }\n  \
                     routes: { GET /x: { integration: { mock: { status: 200 } } } }\n";
    let counts = simulated(100, 10, throttled);
    case.expect("requests", counts.values().sum());
    case.expect("throttled", count(&counts, 429));
}

#[test]
#[ignore = "needs ../shared"]
fn what_the_account_refuses_takes_nothing_from_the_keys_bucket() {
    let _quiet = quiet();
    let case = case("T10a");
    let nested = "  account: { throttle: { rate: 120/s, burst: 60 } }\n  \
                  usage_plans: { plan: { keys: [only], throttle: { rate: 200/s, burst: 100 } } }\n  \
                  stages: { prod: {} }\n  \
                  routes: { GET /x: { api_key: required, integration: { mock: { status: 200 } } } }\n";
    let counts = simulated(300, 30, nested);
    case.expect("requests", counts.values().sum());
    case.expect("admitted", count(&counts, 200));
    case.expect("rejected_by_account", count(&counts, 429));
}

#[test]
#[ignore = "needs ../shared"]
fn three_attempts_at_a_function_that_fails_one_call_in_ten() {
    let _quiet = quiet();
    let case = case("L05");
    let failing = "  functions: { f: { duration: 1ms, cold_start: 0s, failures: 10% } }\n  \
                   stages: { prod: {} }\n  \
                   routes: { GET /x: { integration: { lambda: f } } }\n";
    let record = record(1_000, 60, ", retries: { attempts: 3, on: [502], backoff: 10ms, budget: none }", failing);
    let told = |key: &str| record["retries"]["predicted"][key].as_f64().unwrap_or_else(|| panic!("no {key}"));
    let requests = told("first_attempts");
    assert!((requests - 60_000.0).abs() < 0.5, "{requests}");
    // Of attempts, 0.9, 0.09 and 0.01 of the requests have one, two and three: a variance of 0.1179.
    case.expect_mean("attempts", told("attempts_per_request"), (0.1179 / requests).sqrt());
    case.expect_mean("final_error", told("exhausted") / requests, (0.001 * 0.999 / requests).sqrt());
}
