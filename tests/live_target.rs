//! The same traffic at a live endpoint: http and https, by address and by name; and hosts that nobody allowed.

use std::net::TcpListener;

use http::Version;

use crate::first_light::SERVICE;
use crate::origin::{Asked, Origin};
use crate::program::{Bench, Kept, Mock, quiet, unwrapped};

/// A run that is only to arrive.
const SHORT: [&str; 7] = ["run", "service.yaml", "--drive-only", "--duration", "500ms", "--warmup", "0s"];

fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    bench
}

/// Drives the short run with these arguments in addition.
fn drive(bench: &Bench, more: &[&str]) -> Kept {
    bench.kept(SHORT.iter().chain(more)).expect_driven()
}

/// What was asked, without regard to the order in which connections brought it.
fn asked(origin: &Origin) -> Vec<(String, String)> {
    let mut all: Vec<_> = origin.seen().into_iter().map(|Asked { method, target, .. }| (method, target)).collect();
    all.sort();
    all
}

#[test]
fn a_mock_in_a_process_of_its_own_is_a_live_target_like_any_other() {
    let _quiet = quiet();
    let bench = bench();
    let mock = Mock::serve(&bench, &bench.path("service.yaml"));
    let kept = bench.kept_valid(["run", "service.yaml", "--target", &mock.url]).expect_code(0);
    assert_eq!(kept.record["plan"]["target"], mock.url.as_str());
    assert_eq!(kept.record["network"]["source"], "probed");
    assert!(kept.record["network"]["round_trip_ns"].as_u64().is_some_and(|ns| ns > 0), "the way was measured");
    assert!(kept.record.get("receiver").is_none(), "a live target gives no account of itself");
    assert_eq!(kept.record["load"]["sent"], kept.record["load"]["intended"]);
}

#[test]
fn every_endpoint_gets_the_same_traffic() {
    let _quiet = quiet();
    let bench = bench();
    let (first, second) = (Origin::plain(), Origin::plain());
    for origin in [&first, &second] {
        let kept = drive(&bench, &["--target", &origin.url("http", "/base/")]);
        assert_eq!(kept.record["load"]["sent"], origin.seen().len());
        let host = origin.address().to_string();
        assert!(origin.seen().iter().all(|request| request.header("host") == Some(&host)), "the host is named");
    }
    assert_eq!(asked(&first), asked(&second));
    assert!(asked(&first).iter().all(|(_, target)| target.starts_with("/base/orders/") || target == "/base/health"));
}

#[test]
fn the_ipv6_loopback_is_this_machine_too() {
    let _quiet = quiet();
    let bench = bench();
    let Some(origin) = Origin::plain_v6() else { return };
    let kept = drive(&bench, &["--target", &origin.url("http", "")]);
    assert_eq!(kept.record["load"]["sent"], origin.seen().len());
    let mock = Mock::serve_on(&bench, &bench.path("service.yaml"), "[::1]:0");
    assert!(mock.url.starts_with("http://[::1]:"), "{}", mock.url);
    let kept = drive(&bench, &["--target", &mock.url]);
    assert_eq!(kept.outcomes("GET /health").keys().collect::<Vec<_>>(), [&("answered".to_owned(), 200)]);
}

#[test]
fn https_speaks_the_protocol_that_both_sides_know() {
    let _quiet = quiet();
    let bench = bench();
    for (offered, more, spoken) in [
        (vec!["h2", "http/1.1"], vec![], Version::HTTP_2),
        (vec!["http/1.1"], vec![], Version::HTTP_11),
        (vec!["h2", "http/1.1"], vec!["--http", "1.1"], Version::HTTP_11),
        (vec!["h2"], vec!["--http", "2"], Version::HTTP_2),
    ] {
        let origin = Origin::tls(&bench.path("ca.pem"), &offered);
        let url = origin.url("https", "");
        let arguments = [vec!["--target", &url, "--ca", "ca.pem"], more.clone()].concat();
        let kept = drive(&bench, &arguments);
        let seen = origin.seen();
        assert_eq!(kept.record["load"]["sent"], seen.len(), "{offered:?} {more:?}");
        assert!(seen.iter().all(|request| request.version == spoken), "{offered:?} {more:?}: {:?}", seen.first());
        assert!(
            kept.record["network"]["connect_ns"].as_u64() > kept.record["network"]["round_trip_ns"].as_u64(),
            "TLS takes time"
        );
    }
}

#[test]
fn a_certificate_is_checked_unless_one_asks_not_to() {
    let _quiet = quiet();
    let bench = bench();
    let origin = Origin::tls(&bench.path("ca.pem"), &["h2", "http/1.1"]);
    drop(Origin::tls(&bench.path("other.pem"), &[]));
    let url = origin.url("https", "");
    let distrusting = drive(&bench, &["--target", &url, "--ca", "other.pem"]);
    let outcomes = distrusting.outcomes("GET /orders/{id}");
    assert!(outcomes.keys().all(|(outcome, status)| outcome == "tls-failed" && *status == 0), "{outcomes:?}");
    assert!(!outcomes.is_empty() && origin.seen().is_empty(), "nothing was said to a stranger");
    let said = unwrapped(&distrusting.finished.stdout);
    assert!(said.contains("the TLS handshake failed") && said.contains("tls-failed"), "{said}");
    let trusting = drive(&bench, &["--target", &url, "-k"]);
    assert_eq!(trusting.record["load"]["sent"], origin.seen().len());
}

#[test]
fn a_host_that_nobody_allowed_is_refused_before_one_byte_is_sent() {
    let _quiet = quiet();
    let bench = bench();
    // All of this machine's addresses, but not by its loopback's name: a host like any other, at which we can listen.
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    listener.set_nonblocking(true).expect("a socket can be so");
    let url = format!("http://0.0.0.0:{}/prod", listener.local_addr().expect("it is bound").port());
    for more in [vec![], vec!["--print-plan"], vec!["--allow-host", "0.0.0.1"]] {
        let arguments = [&SHORT[..], &["--target", &url, "-o", "refused"], &more].concat();
        let refused = bench.sluicegate(arguments).expect_code(5);
        let said = unwrapped(&refused.stderr);
        assert!(said.contains("0.0.0.0 is not this machine") && said.contains("--allow-host 0.0.0.0"), "{said}");
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
    assert!(listener.accept().is_err(), "somebody connected");
    assert!(!bench.path("refused").exists(), "there is no run to keep");
}

#[test]
fn a_host_is_allowed_by_the_flag_or_by_the_profile() {
    let _quiet = quiet();
    let bench = bench();
    let origin = Origin::plain();
    let url = format!("http://0.0.0.0:{}", origin.address().port());
    let kept = drive(&bench, &["--target", &url, "--allow-host", "0.0.0.0"]);
    assert_eq!(kept.record["load"]["sent"], origin.seen().len());
    bench.file("service.yaml", &SERVICE.replace("max_rate: 1000/s", "max_rate: 1000/s, allow: [0.0.0.0]"));
    let before = origin.seen().len();
    let kept = drive(&bench, &["--target", &url]);
    assert_eq!(kept.record["load"]["sent"], origin.seen().len() - before);
}

#[test]
fn a_drift_changes_the_mock_and_is_refused_for_any_other_target() {
    let bench = bench();
    let arguments = ["--target", "http://127.0.0.1:9", "--drift", "functions.orders.duration * 2", "-o", "none"];
    bench.sluicegate(SHORT.iter().chain(&arguments)).expect_code(2).complains("--drift");
    assert!(!bench.path("none").exists(), "there is no run to keep");
}
