//! The exact cases of the references hold through the whole simulator: profile, script, client and gateway.
//!
//! The policy alone is held against the same cases beside its own code.

use std::path::Path;

use serde_json::Value;

use crate::parity::Counts;
use crate::program::{Bench, outcomes};

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
    fn expect(&self, metric: &str, found: u64) {
        let number = |key: &str| self.0[metric][key].as_f64().unwrap_or_else(|| panic!("no {metric}.{key}"));
        let (expected, tolerance) = (number("expected"), number("tol_abs"));
        assert!((found as f64 - expected).abs() <= tolerance, "{metric}: found {found}, expected {expected} within {tolerance}");
    }
}

/// Simulates constant arrivals at a REST API; how the requests of `GET /x` ended.
fn simulated(rate: u32, seconds: u32, gateway: &str) -> Counts {
    let profile = format!(
        "# Exact bookkeeping: nothing takes time.\n\
         traffic:\n  mix: [{{ request: GET /x }}]\n  arrivals: {{ constant: {rate}/s }}\n\
         run: {{ duration: {seconds}s, warmup: 0s, connections: 1000, api_keys: [only] }}\n\
         network: {{ round_trip: 0s, connect: 0s }}\n\
         gateway:\n  api: rest\n  overhead: 0s\n  refusal: 0s\n  api_keys: {{ only: {{ value: only-one-key-for-all-of-it }} }}\n{gateway}"
    );
    let bench = Bench::new();
    bench.file("case.yaml", &profile);
    let done = bench.sluicegate(["simulate", "case.yaml", "--format", "json"]).expect_code(0);
    let record: Value = serde_json::from_str(&done.stdout).expect("the record is JSON");
    outcomes(&record, "series", "GET /x")
}

fn count(counts: &Counts, status: u64) -> u64 {
    *counts.get(&("answered".to_owned(), status)).unwrap_or(&0)
}

#[test]
#[ignore = "needs ../shared"]
fn a_bucket_under_a_constant_overload() {
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
