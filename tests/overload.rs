//! Overload as a value: a target that holds its connections, and what each policy does about it, as text and as JSON.

use std::net::TcpListener;

use serde_json::Value;

use crate::program::{Bench, Kept, at_once, quiet, unwrapped};

/// One connection, which each request holds for the whole time-out: at most ten a second, of fifty.
const REST: &str = "  arrivals: { constant: 50/s }
run: { duration: 1s, warmup: 0s, connections: 1, timeout: 100ms, lanes: 1, overload: POLICY }
network: { round_trip: 1ms }
";

/// Drives against a target that takes connections and never answers.
fn driven(policy: &str) -> Kept {
    let bench = Bench::new();
    bench.file("p.yaml", &at_once(&REST.replace("POLICY", policy)));
    // Nobody accepts: the kernel does, up to the length of its queue.
    let target = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let url = format!("http://{}", target.local_addr().expect("it is bound"));
    bench.kept(["run", "p.yaml", "--drive-only", "--target", &url]).expect_driven()
}

fn number(record: &Value, pointer: &str) -> u64 {
    record.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer}: {record:#}"))
}

/// What the report says of the policy.
fn said(kept: &Kept, policy: &str) -> String {
    let said = unwrapped(&kept.finished.stdout);
    let from = said.find(&format!(" overload {policy}: ")).unwrap_or_else(|| panic!("nothing is said of overload: {said}"));
    said[from + 10..].split(" shaped ").next().unwrap_or_default().to_owned()
}

#[test]
fn a_queue_grows_and_says_how_long_it_made_wait() {
    let _quiet = quiet();
    let kept = driven("queue");
    let load = &kept.record["load"];
    assert_eq!(load["overload"]["policy"], "queue");
    assert!(number(load, "/overload/wait/count") >= 30 && number(load, "/overload/queue_peak") >= 30, "{load:#}");
    assert!(number(load, "/overload/wait/max_ns") > 500_000_000, "{load:#}");
    assert_eq!((number(load, "/dropped"), number(load, "/shed")), (0, 0));
    let said = said(&kept, "queue");
    assert!(
        said.starts_with("queue: ") && said.contains("actions waited, p50") && said.contains("0 found the queue full"),
        "{said}"
    );
}

#[test]
fn dropping_lets_nobody_wait() {
    let _quiet = quiet();
    let kept = driven("drop");
    let load = &kept.record["load"];
    assert_eq!((number(load, "/shed"), number(load, "/overload/queue_peak")), (0, 0));
    assert!(number(load, "/dropped") >= 30, "{load:#}");
    assert!(load.pointer("/overload/wait").is_none(), "{load:#}");
    let expected =
        format!("drop: no action waited; {} found no free connection or ceiling, and were dropped", number(load, "/dropped"));
    assert_eq!(said(&kept, "drop"), expected);
}

#[test]
fn a_deadline_sheds_what_waited_for_longer() {
    let _quiet = quiet();
    let kept = driven("deadline 50ms");
    let load = &kept.record["load"];
    assert_eq!((&load["overload"]["policy"], number(load, "/dropped")), (&Value::from("deadline 50ms"), 0));
    assert!(number(load, "/shed") >= 20 && number(load, "/overload/wait/count") >= number(load, "/shed"), "{load:#}");
    let said = said(&kept, "deadline 50ms");
    let shed = format!("{} waited for longer than that, and were shed", number(load, "/shed"));
    assert!(said.starts_with("deadline 50ms: ") && said.ends_with(&shed), "{said}");
}
