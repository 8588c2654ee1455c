//! Distributed tracing: what requests say on the wire is what their spans are called at a collector; and collectors that are not there, or go.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::Version;
use serde_json::Value;

use crate::access::{KEY, SIGNED};
use crate::origin::{Asked, Origin};
use crate::program::{Bench, Kept, at_once, finish, outcomes, unwrapped};

/// 200 requests.
const SHORT: &str = "  arrivals: { constant: 100/s }\nrun: { duration: 2s, warmup: 0s, connections: 8 }\n";

/// Sessions that connect and say something.
const SESSIONS: &str = r"# Imitates clients that connect.
gateway:
  api: websocket
  region: us-east-1
  stages: { prod: {} }
  functions: { door: { memory: 256 MB, duration: 5ms, cold_start: 20ms } }
  routes: { $connect: { integration: { lambda: door } }, $default: { integration: { lambda: door } } }
traffic:
  sessions: [{ session: one, script: [{ say: { action: hello } }] }]
  connections: 10
  arrivals: { constant: 20/s }
run: { duration: 1s, warmup: 0s }
";

/// Takes traces over HTTP, and keeps their bodies.
struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    /// Answers the requests that it gets by their number; without an answer it closes, and takes no more connections.
    fn answering(answer: impl Fn(usize) -> Option<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (address, bodies) = (listener.local_addr().expect("it is bound"), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            let number = AtomicUsize::new(0);
            while let Ok((mut stream, _)) = listener.accept() {
                let Some((head, body)) = read(&mut stream) else { continue };
                assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
                assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
                let Some(answer) = answer(number.fetch_add(1, Ordering::Relaxed)) else { return };
                kept.lock().expect("nobody panics").push(serde_json::from_slice(&body).expect("JSON"));
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, bodies }
    }

    fn willing() -> Self {
        Self::answering(|_| Some(said(200, r#"{"partialSuccess":{}}"#)))
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans that it was given.
    fn spans(&self) -> Vec<Value> {
        self.bodies.lock().expect("nobody panics").iter().flat_map(spans_of).collect()
    }
}

fn said(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A request's head and body.
fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head is text");
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn spans_of(export: &Value) -> Vec<Value> {
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let scopes = list(export, "resourceSpans").into_iter().flat_map(move |resource| list(&resource, "scopeSpans"));
    scopes.flat_map(|scope| list(&scope, "spans")).collect()
}

fn attribute(span: &Value, key: &str) -> Value {
    let all = span["attributes"].as_array().expect("a list");
    let found = all.iter().find(|attribute| attribute["key"] == key);
    found.and_then(|found| found["value"].as_object()?.values().next().cloned()).unwrap_or_default()
}

/// Trace and span of each.
fn ids(spans: &[Value]) -> BTreeSet<(String, String)> {
    let text = |span: &Value, key: &str| span[key].as_str().expect("ids are text").to_owned();
    spans.iter().map(|span| (text(span, "traceId"), text(span, "spanId"))).collect()
}

/// Spans in the file of the run's folder.
fn in_file(kept: &Kept) -> Vec<Value> {
    let text = fs::read_to_string(kept.folder.join("traces.jsonl")).expect("it was written");
    text.lines().flat_map(|line| spans_of(&serde_json::from_str(line).expect("a line is JSON"))).collect()
}

/// Trace, span and flag of each request, as W3C Trace Context has them.
fn parents(seen: &[Asked]) -> Vec<(String, String, bool)> {
    let read = |request: &Asked| {
        let value = request.header("traceparent").expect("each request has one").to_owned();
        let parts: Vec<&str> = value.split('-').collect();
        let [version, trace, span, flags] = parts[..] else { panic!("{value}") };
        let is_hex =
            |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        assert!(version == "00" && is_hex(trace, 32) && is_hex(span, 16) && matches!(flags, "00" | "01"), "{value}");
        (trace.to_owned(), span.to_owned(), flags == "01")
    };
    seen.iter().map(read).collect()
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("service.yaml", &at_once(SHORT));
    bench.file("sessions.yaml", SESSIONS);
    bench
}

/// Drives the profile at `target`.
fn drive(bench: &Bench, profile: &str, target: &str, more: &[&str]) -> Kept {
    bench.kept(["run", profile, "--drive-only", "--target", target].iter().chain(more)).expect_driven()
}

fn doubts(kept: &Kept) -> Vec<(String, String)> {
    let all = kept.record["doubts"].as_array().cloned().unwrap_or_default();
    let text = |doubt: &Value, key: &str| doubt[key].as_str().unwrap_or_default().to_owned();
    let about = all.iter().filter(|doubt| text(doubt, "kind").starts_with("traces"));
    about.map(|doubt| (text(doubt, "kind"), text(doubt, "what"))).collect()
}

#[test]
fn the_ids_of_the_spans_are_those_that_the_target_has_seen() {
    for (more, version) in [(&["--http", "1.1"], Version::HTTP_11), (&["--http", "2"], Version::HTTP_2)] {
        let (bench, origin, collector) = (bench(), Origin::plain(), Collector::willing());
        let url = collector.url();
        let kept = drive(
            &bench,
            "service.yaml",
            &origin.url("http", ""),
            &[&["--trace-sample", "50%", "--traces", &url], &more[..]].concat(),
        );
        let seen = origin.seen();
        assert!(seen.iter().all(|request| request.version == version));
        let parents = parents(&seen);
        assert_eq!((parents.len(), parents.iter().map(|(trace, ..)| trace).collect::<BTreeSet<_>>().len()), (200, 200));
        let sampled: BTreeSet<_> =
            parents.into_iter().filter(|(.., sampled)| *sampled).map(|(trace, span, _)| (trace, span)).collect();
        assert!((60..140).contains(&sampled.len()), "{}", sampled.len());
        let spans = collector.spans();
        assert_eq!((ids(&spans), spans.len()), (sampled.clone(), sampled.len()));
        assert_eq!(ids(&in_file(&kept)), sampled);
        assert_eq!(doubts(&kept), []);
        assert!(
            unwrapped(&kept.finished.stderr).contains(&format!("{} spans sent to {url}/v1/traces", sampled.len())),
            "{}",
            kept.finished.stderr
        );
        for span in &spans {
            let times: Vec<u64> = ["startTimeUnixNano", "endTimeUnixNano"]
                .iter()
                .map(|key| span[*key].as_str().expect("text").parse().expect("ns"))
                .collect();
            assert!(times[0] < times[1] && times[1] - times[0] < 60_000_000_000, "{span}");
            let second = u64::from_str_radix(&span["traceId"].as_str().expect("text")[..8], 16).expect("hex");
            assert_eq!(second, times[0] / 1_000_000_000, "the trace says when it began");
            assert_eq!(
                (attribute(span, "http.response.status_code"), attribute(span, "url.template")),
                ("200".into(), "/a".into())
            );
            assert_eq!(attribute(span, "server.port"), origin.address().port().to_string());
        }
    }
}

#[test]
fn x_ray_is_told_in_its_own_words_and_nothing_is_sent_where_nobody_asks() {
    let (bench, origin) = (bench(), Origin::plain());
    let kept = drive(&bench, "service.yaml", &origin.url("http", ""), &["--trace-header", "xray", "--trace-sample", "100%"]);
    let seen = origin.seen();
    let told: BTreeSet<(String, String)> = seen
        .iter()
        .map(|request| {
            let value = request.header("x-amzn-trace-id").expect("each request has one");
            let rest = value.strip_prefix("Root=1-").and_then(|rest| rest.strip_suffix(";Sampled=1")).expect("sampled");
            let (root, span) = rest.split_once(";Parent=").expect("a parent");
            (root.replacen('-', "", 1), span.to_owned())
        })
        .collect();
    assert_eq!((seen.len(), &told), (200, &ids(&in_file(&kept))));
    assert!(seen.iter().all(|request| request.header("traceparent").is_none()));

    let (bench, origin) = (self::bench(), Origin::plain());
    let kept = drive(&bench, "service.yaml", &origin.url("http", ""), &[]);
    assert!(origin.seen().iter().all(|request| request.header("traceparent").is_none()));
    assert!(!kept.folder.join("traces.jsonl").exists());
}

#[test]
fn handshakes_of_sessions_say_their_trace_context_too() {
    let (bench, origin) = (bench(), Origin::plain());
    let kept = drive(&bench, "sessions.yaml", &origin.url("ws", ""), &["--trace-header", "w3c", "--trace-sample", "100%"]);
    let parents = parents(&origin.seen());
    let seen: BTreeSet<_> = parents.iter().map(|(trace, span, _)| (trace.clone(), span.clone())).collect();
    assert!(!seen.is_empty() && seen.len() == parents.len());
    let spans = in_file(&kept);
    assert_eq!(ids(&spans), seen);
    assert!(spans.iter().all(|span| span["name"] == "$connect"));
}

#[test]
fn a_run_whose_header_would_not_be_ours_or_whose_collector_is_not_there_does_not_begin() {
    let bench = bench();
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let refusing = Collector::answering(|_| Some(said(404, "{}")));
    let (nobody, refusing) = (format!("http://{nobody}"), refusing.url());
    for (more, says) in [
        (&["--traces", &*nobody][..], "it cannot be reached"),
        (&["--traces", &*refusing][..], "/v1/traces: it answered 404 Not Found; start a collector there"),
        (&["--trace-header", "w3c", "-H", "Traceparent: 00-1-2-01"][..], "--trace-header puts traceparent into each request"),
        (&["--trace-sample", "5%"][..], "nothing is traced; add --trace-header"),
    ] {
        let done = bench.sluicegate(["run", "service.yaml", "-o", "out"].iter().chain(more)).expect_code(2);
        assert!(unwrapped(&done.stderr).contains(says), "{says}: {}", done.stderr);
        assert!(!bench.path("out").exists());
    }
}

#[test]
fn a_collector_that_goes_is_told_and_the_run_is_what_it_is() {
    let (bench, origin) = (bench(), Origin::plain());
    // It answers before the run, and never again.
    let collector = Collector::answering(|number| (number == 0).then(|| said(200, "{}")));
    let url = collector.url();
    let more = ["--trace-sample", "100%", "--traces", &url];
    let kept = drive(&bench, "service.yaml", &origin.url("http", ""), &more);
    // A busy machine may have made the run invalid; a collector does not.
    let all = kept.record["doubts"].as_array().cloned().unwrap_or_default();
    let invalid: Vec<_> = all.iter().filter(|doubt| doubt["weight"] == "invalid").map(|doubt| &doubt["kind"]).collect();
    assert_eq!(kept.finished.code, Some(if invalid.is_empty() { 0 } else { 4 }), "{all:?}");
    assert!(!invalid.contains(&&Value::from("traces-unsent")), "{invalid:?}");
    let [(kind, what)] = &doubts(&kept)[..] else { panic!("{:?}", doubts(&kept)) };
    assert_eq!(kind, "traces-unsent");
    assert!(what.contains("took 0 of 200 spans, and was given no more"), "{what}");
    assert_eq!(in_file(&kept).len(), 200);
    assert!(unwrapped(&kept.finished.stdout).contains("took 0 of 200 spans"), "{}", kept.finished.stdout);
}

#[test]
fn what_a_collector_cannot_take_now_is_tried_again_and_what_it_rejects_is_counted() {
    let (bench, origin) = (bench(), Origin::plain());
    let collector = Collector::answering(|number| {
        Some(match number {
            0 => said(200, "{}"),
            1 | 2 => said(503, "busy"),
            _ => said(200, r#"{"partialSuccess":{"rejectedSpans":"7","errorMessage":"too old"}}"#),
        })
    });
    let url = collector.url();
    let kept = drive(&bench, "service.yaml", &origin.url("http", ""), &["--trace-sample", "100%", "--traces", &url, "-q"]);
    let [(_, what)] = &doubts(&kept)[..] else { panic!("{:?}", doubts(&kept)) };
    let asked = collector.bodies.lock().expect("nobody panics").len();
    let batches = asked - 3;
    assert!(what.contains(&format!("took {} of 200 spans and rejected {}", 200 - 7 * batches, 7 * batches)), "{what}");
}

#[test]
fn a_signature_does_not_cover_the_header_and_is_taken() {
    let bench = Bench::new();
    bench.file("signed.yaml", SIGNED);
    let line = ["run", "signed.yaml", "-q", "--drive-only", "--trace-header", "xray", "--trace-sample", "100%", "-o", "out"];
    let done = finish(bench.command(line).envs(KEY).spawn().expect("it starts"));
    let record = bench.record("out");
    let ended = outcomes(&record, "series", "ANY /notes/{id}");
    assert_eq!(ended.get(&("answered".to_owned(), 200)), Some(&20), "{ended:?}\n{}", done.stderr);
    let text = fs::read_to_string(bench.path("out/traces.jsonl")).expect("it was written");
    assert!(!text.contains(KEY[1].1) && !text.contains("AWS4-HMAC"), "no secret is told");
}
