//! A client that tries again: the simulator and the mock see the same of it, and both are told of apart from the script.

use serde_json::Value;

use crate::program::{Bench, quiet, unwrapped};

/// Twice as much as the throttle lets through, for four seconds. Not evenly: every second of even arrivals would find each token, or never
/// one, as their phase happens to be.
const THROTTLED: &str = "\
# Imitates nothing: every latency is constant, so that only decisions remain.
traffic:
  mix: [{ request: GET /a }]
  arrivals: { poisson: 200/s }
run:
  duration: 4s
  warmup: 0s
  connections: 64
  timeout: 5s
  retries: { attempts: 3, on: [429], backoff: 100ms, budget: none }
gateway:
  api: http
  stages: { prod: { throttle: { rate: 100/s, burst: 20 } } }
  routes: { GET /a: { integration: { mock: { status: 204 } } } }
expect:
  - metric: throttled
    within: 20 points
";

fn number(record: &Value, world: &str, key: &str) -> f64 {
    record["retries"][world][key].as_f64().unwrap_or_else(|| panic!("no {key} of {world} in {}", record["retries"]))
}

#[test]
fn a_throttled_client_tries_again_here_as_there() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("p.yaml", THROTTLED);
    let kept = bench.kept(["run", "p.yaml"]).expect_driven();
    let record = &kept.record;
    for (key, apart) in
        [("retries", 60.0), ("recovered", 40.0), ("exhausted", 30.0), ("first_attempts", 0.0), ("refused", 0.0), ("unsent", 0.0)]
    {
        let (there, here) = (number(record, "predicted", key), number(record, "observed", key));
        // The backoffs are the same, to the nanosecond, but a request a moment late may meet a token that one in time would have missed,
        // and whether it comes back changes what the others meet.
        assert!((there - here).abs() <= apart, "{key}: simulated {there}, driven {here}");
    }
    assert!(
        number(record, "observed", "retries") > 400.0 && number(record, "observed", "recovered") > 100.0,
        "{}",
        record["retries"]
    );
    let per_request = number(record, "observed", "attempts_per_request");
    assert!((per_request - number(record, "predicted", "attempts_per_request")).abs() < 0.05, "{per_request}");
    let load = &record["load"];
    let planned = load["intended"].as_u64().expect("a count");
    assert_eq!(Value::from(planned), load["sent"], "the script has no retries");
    assert_eq!(number(record, "observed", "first_attempts") as u64, planned);
    let all = planned + load["retries_sent"].as_u64().expect("they are counted apart");
    assert_eq!(record["receiver"]["arrived"], all);
    assert_eq!(record["total"]["count"], all, "each attempt is measured");
    let intended: u64 = record["seconds"].as_array().expect("rows").iter().filter_map(|row| row["intended"].as_u64()).sum();
    assert_eq!(intended, planned);
    let doubts = record["doubts"].to_string();
    for kind in ["script-short", "script-differs", "receiver-count", "receiver-second"] {
        assert!(!doubts.contains(kind), "{doubts}");
    }
    let said = unwrapped(&kept.finished.stdout);
    for part in [
        &format!("for {planned} (model {planned}) first attempts"),
        "by the budget",
        "succeeded only by a retry",
        "users' time",
        "attempts",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_simulation_tells_of_retries_and_repeats_to_the_byte() {
    let bench = Bench::new();
    bench.file("p.yaml", THROTTLED);
    let simulate = || bench.sluicegate(["simulate", "p.yaml", "--format", "json"]).expect_code(0).stdout;
    let first = simulate();
    assert_eq!(first, simulate());
    let record: Value = serde_json::from_str(&first).expect("the record is JSON");
    assert_eq!(record["retries"]["predicted"]["first_attempts"], record["load"]["intended"]);
    let without = THROTTLED.replace("  retries: { attempts: 3, on: [429], backoff: 100ms, budget: none }\n", "");
    bench.file("without.yaml", &without);
    let plain = bench.sluicegate(["simulate", "without.yaml", "--format", "json"]).expect_code(0).stdout;
    let plain: Value = serde_json::from_str(&plain).expect("the record is JSON");
    assert_eq!(plain["plan"]["script_hash"], record["plan"]["script_hash"]);
    assert!(plain.get("retries").is_none() && plain["load"].get("retries_sent").is_none(), "off is off");
}
