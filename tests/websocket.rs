//! Sessions of WebSocket clients from end to end, as a process: played at the mock, simulated, compared and reported.

use serde_json::Value;

use crate::program::{Bench, Kept, Mock, quiet};

/// A desk of ten clients who hear one publisher, small enough to be judged in seven seconds.
const DESK: &str = r#"# Imitates a desk with one publisher.
gateway:
  api: websocket
  region: us-east-1
  stages: { prod: { throttle: { rate: 2000/s, burst: 1000 } } }
  account: { connects: { rate: 500/s, burst: 500 } }
  functions:
    door: { memory: 256 MB, duration: 5ms, cold_start: 20ms }
    hub: { memory: 512 MB, duration: { p50: 10ms, p99: 20ms }, cold_start: { p50: 60ms, p99: 90ms } }
  routes:
    $connect: { integration: { lambda: door } }
    quote: { integration: { lambda: hub }, responds: true }
    broadcast: { integration: { lambda: hub }, posts: { to: others, at_once: 10, each: 1ms } }
traffic:
  sessions:
    - session: trader
      weight: 9
      hears: [prices]
      script:
        - repeat: forever
          every: 50ms
          of:
            - ask: { action: quote }
    - session: publisher
      script:
        - wait: 1s
        - repeat: 40
          every: 100ms
          of:
            - publish: { action: broadcast, n: "{number}" }
              to: prices
  streams: { prices: { number: n } }
  connections: 10
  arrivals: { constant: 20/s }
run: { duration: 7s, warmup: 1s, lag_limit: 10ms }
target: mock
expect:
  - of: quote
    metric: latency p50
    within: 15%
"#;

/// The desk, whose gateway closes every connection after three seconds.
fn dropping() -> String {
    let routes = "  routes:\n";
    assert!(DESK.contains(routes));
    DESK.replacen(routes, &format!("  websocket: {{ drops: [{{ at: 3s, code: 1012 }}] }}\n{routes}"), 1)
        .replace("  connections: 10\n", "  connections: 10\n  reconnect: { first: 50ms, factor: 2, most: 500ms, jitter: 50% }\n")
}

fn count(record: &Value, pointer: &str) -> u64 {
    record.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number at {pointer} in {record:#}"))
}

/// What happened to the connections in the seconds of the run, added up.
fn over_all(record: &Value, what: &str) -> u64 {
    let seconds = record["connections"]["seconds"].as_array().expect("seconds");
    seconds.iter().map(|second| count(second, &format!("/{what}"))).sum()
}

/// As the mock tells it at its end: how many were open, and of its messages how many were its gateway's refusals.
fn was_seen_by_the_mock(kept: &Kept) {
    let (record, receiver) = (&kept.record, &kept.record["receiver"]);
    assert_eq!(receiver["arrived"], record["load"]["sent"], "the mock saw what was sent: {receiver:#}");
    assert_eq!(receiver["unrecorded"], 0);
}

#[test]
fn sessions_at_the_mock_hold_and_every_push_is_accounted_for() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("desk.yaml", DESK);
    let kept = bench.kept_valid(["run", "desk.yaml"]).expect_code(0);
    let record = &kept.record;
    assert_eq!(record["complete"], true);
    assert_eq!(record["verdicts"][0]["answer"], "holds");
    was_seen_by_the_mock(&kept);
    let connections = &record["connections"];
    let of = |what: &str| count(connections, what);
    assert_eq!([of("/asked"), of("/opened"), of("/open_peak"), of("/open_at_end")], [10; 4]);
    assert_eq!([of("/unexpected"), of("/unexpected_errors"), of("/crowded")], [0; 3]);
    let prices = &connections["deliveries"][0];
    let of = |what: &str| count(prices, what);
    assert_eq!(prices["stream"], "prices");
    assert!(of("/expected") > 0, "{prices}");
    assert_eq!(of("/expected") % 9, 0, "each number is expected by each of nine traders");
    assert_eq!([of("/delivered"), of("/lost"), of("/duplicated"), of("/unknown")], [of("/expected"), 0, 0, 0]);
    for text in ["Connections (WebSocket", "10 of 10 asked for", "prices"] {
        assert!(kept.finished.stdout.contains(text), "{text}: {}", kept.finished.stdout);
    }
}

#[test]
fn a_storm_of_reconnects_is_seen_on_both_sides_and_no_client_stays_away() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("desk.yaml", &dropping());
    let kept = bench.kept_valid(["run", "desk.yaml"]).expect_driven();
    let record = &kept.record;
    was_seen_by_the_mock(&kept);
    assert_eq!(over_all(record, "closed"), 10, "each connection is closed once by the gateway");
    assert_eq!(over_all(record, "returned"), 10, "each client comes back once");
    // So it was in the model.
    for of in ["/connections", "/predicted_connections"] {
        assert_eq!(count(record, &format!("{of}/opened")), 20);
        assert_eq!(count(record, &format!("{of}/open_at_end")), 10);
        assert_eq!(record.pointer(&format!("{of}/closed/0/code")), Some(&1012.into()));
        assert_eq!(count(record, &format!("{of}/returning/returned")), 10);
    }
    assert!(kept.finished.stdout.contains("code 1012; open for"), "{}", kept.finished.stdout);
    assert!(kept.finished.stdout.contains("(model: 10)"), "{}", kept.finished.stdout);
}

#[test]
fn what_a_ceiling_does_to_sessions_is_predicted_too() {
    let _quiet = quiet();
    let bench = Bench::new();
    // Nine traders would ask 180 times a second.
    bench.file("desk.yaml", &DESK.replace("target: mock\n", "safety: { max_rate: 120/s }\ntarget: mock\n"));
    let kept = bench.kept_valid(["run", "desk.yaml"]).expect_code(0);
    let verdict = &kept.record["verdicts"][0];
    assert_eq!(verdict["answer"], "holds", "{verdict:#}");
    assert!(count(&kept.record, "/load/shaped") > 500, "{:#}", kept.record["load"]);
    was_seen_by_the_mock(&kept);
}

#[test]
fn sessions_are_played_at_a_target_that_is_named_with_ws() {
    let _quiet = quiet();
    let bench = Bench::new();
    let mock = Mock::serve(&bench, &bench.file("desk.yaml", DESK));
    assert!(mock.url.starts_with("ws://"), "{}", mock.url);
    let asked = ["run", "desk.yaml", "--drive-only", "-d", "2s", "--warmup", "0s", "--target", &mock.url];
    let kept = bench.kept(asked).expect_driven();
    assert_eq!(count(&kept.record, "/connections/opened"), 10);
    let seen = mock.finish();
    assert_eq!(seen["websocket"]["opened"], 10, "{seen}");
}

#[test]
fn a_simulation_of_sessions_gives_the_same_bytes_each_time_and_another_seed_others() {
    let bench = Bench::new();
    bench.file("desk.yaml", &dropping());
    let simulated =
        |seed: &str| bench.sluicegate(["simulate", "desk.yaml", "--format", "json", "--seed", seed]).expect_code(0).stdout;
    let once = simulated("1");
    assert_eq!(once, simulated("1"));
    assert_ne!(once, simulated("7"));
    let record: Value = serde_json::from_str(&once).expect("the simulation is JSON");
    assert_eq!(over_all(&record, "closed"), 10);
    assert_eq!(over_all(&record, "returned"), 10);
    assert_eq!(count(&record, "/connections/open_at_end"), 10);
}
