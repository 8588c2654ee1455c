//! A run against functions that stream: when the first byte of an answer was there, and when its last.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::program::{Bench, quiet};

/// Each function sends a part of its answer and waits until the next one has done so: for as long as arrivals are apart.
const SERVICE: &str = "\
# A function that streams, of which each answer is held until the next one has begun.
gateway:
  api: rest
  region: us-east-1
  stages: { prod: {} }
  functions:
    held:
      command: [python3, RUNTIME, stream-gated]
      environment: { GATE: \"ADDRESS\" }
      timeout: 10s
      duration: 100ms
      provisioned: 4
  routes:
    GET /x: { integration: { lambda: { function: held, stream: true } } }
traffic:
  mix: [{ request: GET /x }]
  arrivals: { constant: 10/s }
run: { duration: 3s, connections: 8, protocol: PROTOCOL }
target: mock
safety: { max_rate: 50/s }
";

/// Holds each function until another one comes, and the last until none has come for a while.
fn hold(gate: &TcpListener) {
    socket2::SockRef::from(gate).set_read_timeout(Some(Duration::from_secs(2))).expect("a listener can have a time-out");
    let mut held: Option<TcpStream> = None;
    let mut came = 0;
    loop {
        match gate.accept() {
            Ok((function, _)) => {
                came += 1;
                held = Some(function);
            }
            Err(_) if held.is_none() && came > 0 => break,
            Err(_) => held = None,
        }
    }
}

/// The profile, with a function that does this.
fn profile(how: &str, gate: &str, protocol: &str) -> String {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("mock-backend/tests/functions/runtime.py");
    let filled = SERVICE.replace("RUNTIME", runtime.to_str().expect("a readable path"));
    filled.replace("stream-gated", how).replace("ADDRESS", gate).replace("PROTOCOL", protocol)
}

#[test]
fn streams_that_break_off_are_told_to_be_the_integrations() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("broken.yaml", &profile("stream-error", "127.0.0.1:1", "http1"));
    let kept = bench.kept(["run", "broken.yaml"]).expect_driven();
    let outcomes = kept.outcomes("GET /x");
    // From outside they are what a broken network is.
    let broken: u64 = outcomes.iter().filter(|((outcome, _), _)| outcome != "answered").map(|(_, count)| count).sum();
    assert_eq!((broken, outcomes.len()), (outcomes.values().sum(), 1), "{outcomes:?}");
    let told: BTreeMap<&str, &str> = kept.record["doubts"]
        .as_array()
        .expect("the record lists its doubts")
        .iter()
        .filter_map(|doubt| Some((doubt["kind"].as_str()?, doubt["what"].as_str()?)))
        .collect();
    let sent = kept.record["load"]["sent"].as_u64().expect("a count");
    assert_eq!(kept.record["receiver"]["broken_off"], sent, "the warm-up, too");
    assert!(told["broken-off"].contains("the integration is to blame"), "{told:?}");
}

#[test]
fn the_first_byte_of_a_streamed_answer_is_recorded_before_its_function_ends() {
    let _quiet = quiet();
    for protocol in ["http1", "http2"] {
        let gate = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = gate.local_addr().expect("a bound address").to_string();
        let bench = Bench::new();
        bench.file("held.yaml", &profile("stream-gated", &address, protocol));
        let holding = std::thread::spawn(move || hold(&gate));
        let kept = bench.kept(["run", "held.yaml"]).expect_driven();
        holding.join().expect("the gate was held to the end");
        let total = &kept.record["total"];
        let of = |times: &str, part: &str| total[times][part].as_u64().unwrap_or_else(|| panic!("no {times}: {total:#}"));
        assert!(of("time_to_first_byte", "count") >= 20, "{total:#}");
        assert_eq!(of("time_to_first_byte", "count"), of("service_time", "count"));
        // Each but the last was held until the next request had come, a tenth of a second later.
        let (first, whole) = (of("time_to_first_byte", "p50_ns"), of("service_time", "p50_ns"));
        assert!(first < whole / 10 * 9, "{protocol}: {first} ns of {whole} ns");
        let report = crate::program::unwrapped(&kept.finished.stdout);
        assert!(report.contains("Answers come bit by bit"), "{report}");
    }
}
