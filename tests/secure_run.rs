//! Runs over TLS from end to end: the mock makes a certificate for the run, and the load side trusts it and nobody else.

use std::fs;

use crate::first_light::SERVICE;
use crate::program::{Bench, Kept, quiet};

/// A function that serves one request at a time, and is asked more often than that.
const ONE_AT_A_TIME: &str = r"# Imitates nothing: its refusals tell how many requests are under way at once.
gateway:
  api: http
  overhead: 0s
  account: { invocations_per_environment: 1000 }    # else one environment may be asked ten times a second
  functions:
    alone: { duration: 25ms, cold_start: 0s, concurrency: 1 }
  stages: { prod: }
  routes:
    GET /alone: { integration: { lambda: alone } }
traffic: { mix: [ { request: GET /alone } ], arrivals: { constant: 100/s } }
run: { duration: 500ms, warmup: 0s, connections: 1 }
target: { url: mock, tls: true }
";

/// How many of the answers have this status.
fn answered(kept: &Kept, status: u64) -> u64 {
    *kept.outcomes("GET /alone").get(&("answered".to_owned(), status)).unwrap_or(&0)
}

/// What stands in the folder of the run as the authority.
fn authority(kept: &Kept) -> String {
    fs::read_to_string(kept.folder.join("ca.pem")).expect("the authority is kept with the run")
}

#[test]
fn a_run_over_tls_is_answered_in_both_protocols_and_keeps_its_authority() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("alone.yaml", ONE_AT_A_TIME);
    let drive = |more: &[&str]| bench.kept(["run", "alone.yaml", "--drive-only"].iter().chain(more)).expect_driven();
    let (old, new, chosen) = (drive(&["--http", "1.1"]), drive(&["--http", "2"]), drive(&[]));
    for kept in [&old, &new, &chosen] {
        assert_eq!((&kept.record["load"]["sent"], &kept.record["receiver"]["arrived"]), (&50.into(), &50.into()));
        assert!(authority(kept).starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!authority(kept).contains("PRIVATE KEY"));
        let network = &kept.record["network"];
        assert_eq!(network["source"], "probed");
        assert!(network["connect_ns"].as_u64() > network["round_trip_ns"].as_u64(), "TLS takes time: {network}");
    }
    assert_ne!(authority(&old), authority(&new), "each run has its own");
    // One connection brings one request after the other in HTTP/1.1, and several at once in HTTP/2.
    assert_eq!(answered(&old, 200), 50);
    for kept in [&new, &chosen] {
        let (served, refused) = (answered(kept, 200), answered(kept, 503));
        assert!(served > 0 && refused > 0 && served + refused == 50, "served {served}, refused {refused}");
    }
}

#[test]
fn a_flag_lets_the_mock_speak_tls_and_the_model_knows_what_that_takes() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let kept = bench.kept_valid(["run", "service.yaml", "--tls"]).expect_code(0);
    assert_eq!(kept.record["receiver"]["arrived"], kept.record["load"]["sent"], "the mock saw what was sent");
    assert_eq!(kept.record["plan"]["resolved"]["profile"]["target"]["tls"], true);
    assert!(kept.folder.join("ca.pem").exists());
}

#[test]
fn a_url_says_by_itself_whether_tls_is_spoken() {
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let refused = bench.sluicegate(["run", "service.yaml", "--target", "http://127.0.0.1:9", "--tls", "-o", "none"]);
    refused.expect_code(2).complains("--tls: a URL says by itself whether TLS is spoken; write https://, and remove this");
    assert!(!bench.path("none").exists(), "there is no run to keep");
}
