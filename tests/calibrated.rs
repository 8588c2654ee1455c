//! The generator's own ceiling, measured before a run: told, recorded, and a doubt where the plan comes near to it.

use serde_json::Value;

use crate::program::{Bench, Kept, at_once, quiet, unwrapped};

const REST: &str = "  TRAFFIC
run: { duration: 200ms, warmup: 0s, connections: 8, timeout: 1s, lanes: 2 }
network: { round_trip: 1ms }
";

fn driven(traffic: &str, more: &[&str]) -> Kept {
    let bench = Bench::new();
    bench.file("p.yaml", &at_once(&REST.replace("TRAFFIC", traffic)));
    bench.kept(["run", "p.yaml", "--drive-only"].iter().chain(more))
}

fn near_ceiling(kept: &Kept) -> Vec<&Value> {
    let doubts = kept.record["doubts"].as_array().map(Vec::as_slice).unwrap_or_default();
    doubts.iter().filter(|doubt| doubt["kind"] == "near-ceiling").collect()
}

#[test]
fn a_plan_that_no_machine_can_send_is_doubted_before_it_begins() {
    let _quiet = quiet();
    let kept = driven("arrivals: { constant: 50000000/s }", &[]);
    let calibration = &kept.record["machine"]["calibration"];
    assert!(calibration["peak_per_s"] == 5e7 && calibration["lanes"] == 2, "{calibration:#}");
    let (lane, ceiling) =
        (calibration["lane_per_s"].as_f64().expect("told"), calibration["ceiling_per_s"].as_f64().expect("told"));
    assert!(lane > 0.0 && (ceiling - 2.0 * lane).abs() < 1e-6 * ceiling, "{calibration:#}");
    assert!(calibration["took_ns"].as_u64().is_some_and(|ns| ns > 300_000_000), "{calibration:#}");
    let [doubt] = near_ceiling(&kept)[..] else { panic!("{:#}", kept.record["doubts"]) };
    assert_eq!(doubt["weight"], "note");
    assert!(kept.finished.stderr.contains("note: the plan's peak is 50000000/s"), "{}", kept.finished.stderr);
    let said = unwrapped(&kept.finished.stdout);
    assert!(said.contains("this machine's ceiling: about") && said.contains("the plan's peak is 50,000,000/s"), "{said}");
}

#[test]
fn a_slow_plan_is_calibrated_only_where_that_is_asked_for_and_a_closed_one_never() {
    let _quiet = quiet();
    let plain = driven("arrivals: { constant: 50/s }", &[]);
    assert_eq!(plain.record["machine"].get("calibration"), None);
    let asked = driven("arrivals: { constant: 50/s }", &["--calibrate"]);
    assert!(
        asked.record["machine"]["calibration"]["lane_per_s"].as_f64().is_some_and(|rate| rate > 0.0),
        "{:#}",
        asked.record["machine"]
    );
    assert_eq!(near_ceiling(&asked), Vec::<&Value>::new());
    let closed = driven("closed: { users: 1, think: 50ms }", &["--calibrate"]);
    assert_eq!(closed.record["machine"].get("calibration"), None);
}
