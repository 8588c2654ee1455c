//! The metrics of a run while it lasts, as they are scraped: read by Prometheus's own client, for those who may, and refused before the run.
//!
//! Needs python3 with `prometheus_client`, an independent reader of the text.

use std::ffi::OsString;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::page::{FIVE_MINUTES, line_after};
use crate::program::{Bench, at_once, quiet};

/// A run of 100 requests.
pub(crate) const SHORT: &str =
    "  arrivals: { constant: 50/s }\nrun: { duration: 2s, warmup: 0s, connections: 8 }\nexpect: [ 'p50 < 10s' ]\n";
const SECRET: &str = "s3cr3t-of-the-metrics";

pub(crate) fn bench(rest: &str) -> Bench {
    let bench = Bench::new();
    bench.file("service.yaml", &at_once(rest));
    bench
}

/// The words of a line; a blank within a word is written `%20`.
pub(crate) fn arguments(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(|word| word.replace("%20", " ").into()).collect()
}

/// Runs one of the readers on these bytes.
pub(crate) fn by_python(script: &str, bytes: &[u8]) -> Value {
    let mut reader = Command::new("python3");
    let reader = reader.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut reader = reader.spawn().expect("this test needs python3");
    reader.stdin.take().expect("piped").write_all(bytes).expect("it reads");
    let output = reader.wait_with_output().expect("it ends");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "this test needs python3 with prometheus_client, opentelemetry-proto and python-snappy (by pip): {complaint}"
    );
    serde_json::from_slice(&output.stdout).expect("the reader prints JSON")
}

/// What an endpoint answers: its head and its body.
fn asked(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{request}\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

/// Metrics that are scraped in the middle of a run, and again some seconds later.
fn scraped() -> [String; 2] {
    let bench = bench(FIVE_MINUTES);
    let mut child =
        bench.command(arguments("run service.yaml --drive-only --metrics 127.0.0.1:0 -o out")).spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let url = line_after(&mut said, "metrics: ");
    let address = url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned();
    let get = "GET /metrics HTTP/1.1\r\nhost: localhost";
    let found = [(); 2].map(|()| {
        // Progress is told every five seconds.
        while !line_after(&mut said, "").contains("sent") {}
        let (head, body) = asked(&address, get);
        assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/plain; version=0.0.4"), "{head}");
        body
    });
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nhost: localhost", "404"),
        ("POST /metrics HTTP/1.1\r\nhost: localhost", "405"),
        ("GET /metrics HTTP/1.1\r\nhost: gateway.example", "403"),
    ] {
        let (head, body) = asked(&address, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {expected}")) && !body.contains("sluicegate_"), "{request}: {head}");
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    found
}

/// The value of the line that begins so.
fn value(text: &str, begin: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no {begin} in {text}"));
    line.rsplit(' ').next().unwrap_or_default().parse().expect("a number")
}

#[test]
fn a_scrape_finds_what_the_run_has_so_far_and_the_next_finds_more() {
    let _quiet = quiet();
    let [first, second] = scraped();
    for name in ["sluicegate_requests_intended_total", "sluicegate_requests_answered_total", "sluicegate_requests_total"] {
        let (before, after) = (value(&first, name), value(&second, name));
        assert!(before > 0.0 && after > before, "{name}: {before}, {after}");
    }
    assert!(first.contains("profile=\"service.yaml\"") && first.contains("series=\"GET /a\""), "{first}");
    let kinds = first.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(kinds, first.lines().filter(|line| line.starts_with("# HELP")).count());
}

const SCRAPE: &str = r"
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = text_string_to_metric_families(sys.stdin.read())
print(json.dumps({family.name: [family.type, [[sample.name, sample.labels, sample.value] for sample in family.samples]] for family in families}))
";

#[test]
#[ignore = "needs python3 with prometheus_client"]
fn the_text_is_read_by_prometheus_own_client() {
    let _quiet = quiet();
    let [text, _] = scraped();
    let read = by_python(SCRAPE, text.as_bytes());
    assert_eq!(read["sluicegate_requests"][0], "counter");
    assert_eq!(read["sluicegate_response_time_seconds"][0], "histogram");
    assert_eq!(read["sluicegate_requests_pending"][0], "gauge");
    let families = read.as_object().expect("families");
    let samples: usize = families.values().map(|family| family[1].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(samples, text.lines().filter(|line| !line.starts_with('#')).count());
    let all = families.values().flat_map(|family| family[1].as_array().expect("samples"));
    for sample in all {
        assert!(sample[1]["run"].as_str().is_some_and(|run| !run.is_empty()), "{sample}");
    }
}

#[test]
fn an_endpoint_that_cannot_be_is_a_usage_error_before_the_run() {
    let bench = bench(SHORT);
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let taken = listener.local_addr().expect("it is bound").to_string();
    for (flags, says) in [
        ("--metrics 0.0.0.0:0", "--metrics 0.0.0.0:0: other machines could read along"),
        ("--metrics 127.0.0.1:0 --metrics-token-env NOWHERE", "--metrics-token-env NOWHERE: there is no such"),
        ("--metrics-token-env HOME", "--metrics"),
        ("--metrics nonsense", "--metrics"),
        ("--metrics 127.0.0.1:9464 --ui 127.0.0.1:9464", "give each a port of its own"),
        ("--find-rate p50<1s --metrics 127.0.0.1:0", "--metrics"),
    ] {
        let done = bench.sluicegate(arguments(&format!("run service.yaml -d 1h -o out {flags}"))).expect_code(2);
        done.complains(says);
        assert!(!bench.path("out").exists(), "{flags}");
    }
    let done = bench.sluicegate(arguments(&format!("run service.yaml -d 1h -o out --metrics {taken}"))).expect_code(2);
    done.complains(&format!("--metrics {taken}: cannot listen there")).complains("in use");
    assert!(!bench.path("out").exists());
}

#[test]
fn metrics_with_a_token_are_for_those_who_have_it() {
    let _quiet = quiet();
    let bench = bench(FIVE_MINUTES);
    let line = arguments("run service.yaml --drive-only --metrics 127.0.0.1:0 --metrics-token-env TOKEN -o out");
    let mut child = bench.command(line).env("TOKEN", SECRET).spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let url = line_after(&mut said, "metrics: ");
    assert!(url.ends_with("/metrics?token=..."), "{url}");
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    let with = format!("GET /metrics HTTP/1.1\r\nhost: other.example\r\nauthorization: Bearer {SECRET}");
    assert!(asked(&address, "GET /metrics HTTP/1.1\r\nhost: localhost").0.starts_with("HTTP/1.1 403"));
    assert!(asked(&address, &with).0.starts_with("HTTP/1.1 200"));
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    assert!(!rest.contains(SECRET), "{rest}");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
