//! Collectors that the metrics of a run are pushed to: they take them, refuse them, are silent or die, and the run is unharmed.
//!
//! Needs python3 with opentelemetry-proto and python-snappy, independent readers of what is pushed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::origin::Origin;
use crate::page::FIVE_MINUTES;
use crate::program::{Bench, Finished, Kept, finish, quiet, unwrapped};
use crate::telemetry::{SHORT, arguments, bench, by_python};

const SECRET: &str = "s3cr3t-of-the-collector";
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a collector was sent.
#[derive(Debug)]
struct Pushed {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// What a collector does with a request.
#[derive(Clone, Copy)]
enum Does {
    /// Answers with this status, and perhaps headers.
    Answers(&'static str),
    /// Keeps the connection and says nothing.
    Waits,
    /// Answers, and is gone.
    Dies(&'static str),
}

/// A collector on this machine: the first requests are met in turn, all later ones as the last.
struct Taker {
    address: SocketAddr,
    pushed: Receiver<Pushed>,
}

impl Taker {
    fn new(does: &'static [Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let (tell, pushed) = channel();
        thread::spawn(move || take(&listener, does, &tell));
        Self { address, pushed }
    }

    fn next(&self) -> Pushed {
        self.pushed.recv_timeout(PATIENCE).expect("something is pushed")
    }

    fn rest(&self) -> Vec<Pushed> {
        self.pushed.try_iter().collect()
    }
}

fn take(listener: &TcpListener, does: &[Does], tell: &Sender<Pushed>) {
    let mut kept = Vec::new();
    for at in 0.. {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let Some(pushed) = read(&stream) else { continue };
        // Told before it is answered: whoever has ended has told everything.
        if tell.send(pushed).is_err() {
            return;
        }
        let does = does[at.min(does.len() - 1)];
        let (Does::Answers(answer) | Does::Dies(answer)) = does else {
            kept.push(stream);
            continue;
        };
        let _ = write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
        if matches!(does, Does::Dies(_)) {
            return;
        }
    }
}

fn read(stream: &TcpStream) -> Option<Pushed> {
    let mut from = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: BTreeMap<String, String> = lines.iter().skip(1).filter_map(header).collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    from.read_exact(&mut body).ok()?;
    Some(Pushed { line: lines.first()?.clone(), headers, body })
}

/// The fields of a protobuf message: number, and the bytes of what stands there (those of a whole number as it is).
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().expect("a number goes on");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                return value;
            }
        }
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let value = match key & 7 {
            0 => number(&mut bytes).to_le_bytes().to_vec(),
            kind => {
                let length = if kind == 1 { 8 } else { number(&mut bytes) as usize };
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                value.to_vec()
            }
        };
        all.push((key >> 3, value));
    }
    all
}

/// A time series of a block: its name and labels, and its samples with their instants in milliseconds.
type Series = (BTreeMap<String, String>, Vec<(f64, i64)>);

fn block(body: &[u8]) -> Vec<Series> {
    let message = snap::raw::Decoder::new().decompress_vec(body).expect("a snappy block");
    let of = |message: &[u8], number: u64| -> Vec<Vec<u8>> {
        fields(message).into_iter().filter(|(at, _)| *at == number).map(|(_, value)| value).collect()
    };
    let text = |message: &[u8], number| String::from_utf8(of(message, number).concat()).expect("text");
    let eight = |message: &[u8], number| of(message, number).concat().try_into().unwrap_or([0; 8]);
    let series = |one: &Vec<u8>| {
        let labels = of(one, 1).iter().map(|label| (text(label, 1), text(label, 2))).collect();
        let samples = of(one, 2).iter().map(|it| (f64::from_le_bytes(eight(it, 1)), i64::from_le_bytes(eight(it, 2)))).collect();
        (labels, samples)
    };
    of(&message, 1).iter().map(series).collect()
}

/// The first samples of a metric added up, over all of its labels.
fn sum(block: &[Series], name: &str) -> f64 {
    let named: Vec<f64> =
        block.iter().filter(|(labels, _)| labels["__name__"] == name).map(|(_, samples)| samples[0].0).collect();
    assert!(!named.is_empty(), "{name} is not told");
    named.iter().sum()
}

#[track_caller]
fn same(found: f64, expected: &Value) {
    assert!(expected.as_f64().is_some_and(|expected| (found - expected).abs() < 0.5), "{found}, and not {expected}");
}

/// The doubts that a run has of this kind.
fn missed(kept: &Kept) -> Vec<String> {
    let doubts = kept.record["doubts"].as_array().expect("a list");
    let of = doubts.iter().filter(|doubt| doubt["kind"] == "metrics-lost");
    of.map(|doubt| {
        assert_eq!(doubt["weight"], "note");
        doubt["what"].as_str().expect("words").to_owned()
    })
    .collect()
}

/// A short run that is pushed to these collectors with a secret in a header of each.
fn pushed(bench: &Bench, writes: SocketAddr, opens: SocketAddr) -> (Finished, Value) {
    let line = format!(
        "run service.yaml -o out --remote-write http://{writes}/api/v1/write --remote-write-header authorization:Bearer%20${{env:SECRET}} \
         --otlp http://{opens}/ --otlp-header api-key:${{env:SECRET}} --otlp-header x-scope-orgid:sluicegate"
    );
    let child = bench.command(arguments(&line)).env("SECRET", SECRET).spawn().expect("it starts");
    let done = finish(child);
    assert!(matches!(done.code, Some(0 | 4)), "{}", done.stderr);
    (done, bench.record("out"))
}

#[test]
fn what_is_pushed_at_the_end_is_what_the_record_says() {
    let _quiet = quiet();
    let bench = bench(SHORT);
    let (writes, opens) = (Taker::new(&[Does::Answers("204 No Content")]), Taker::new(&[Does::Answers("200 OK")]));
    let (done, record) = pushed(&bench, writes.address, opens.address);

    let (opening, last) = (writes.next(), writes.rest().pop().expect("a last word"));
    for pushed in [&opening, &last] {
        assert_eq!(pushed.line, "POST /api/v1/write HTTP/1.1");
        let header = |name: &str| pushed.headers.get(name).map(String::as_str);
        assert_eq!(header("content-encoding"), Some("snappy"));
        assert_eq!(header("content-type"), Some("application/x-protobuf"));
        assert_eq!(header("x-prometheus-remote-write-version"), Some("0.1.0"));
        assert_eq!(header("authorization"), Some(&*format!("Bearer {SECRET}")));
        assert_eq!(header("host"), Some(&*writes.address.to_string()));
    }
    let opening = block(&opening.body);
    assert_eq!(opening.len(), 1, "{opening:?}");
    assert_eq!(opening[0].0["run"], record["id"].as_str().expect("a name"));
    let last = block(&last.body);
    for (name, expected) in [
        ("sluicegate_requests_intended_total", &record["load"]["intended"]),
        ("sluicegate_requests_sent_total", &record["load"]["sent"]),
        ("sluicegate_requests_total", &record["total"]["count"]),
        ("sluicegate_response_time_seconds_count", &record["total"]["response_time"]["count"]),
        ("sluicegate_sent_bytes_total", &record["load"]["bytes_sent"]),
        ("sluicegate_connections_opened_total", &record["load"]["connections_opened"]),
        ("sluicegate_verdicts", &Value::from(1)),
        ("sluicegate_requests_pending", &Value::from(0)),
    ] {
        same(sum(&last, name), expected);
    }
    assert!(last.iter().all(|(_, samples)| samples.len() == 2 && samples[1].0.to_bits() == 0x7ff0_0000_0000_0002), "{last:?}");

    let (opening, last) = (opens.next(), opens.rest().pop().expect("a last word"));
    assert_eq!((&*opening.line, &*last.line), ("POST /v1/metrics HTTP/1.1", "POST /v1/metrics HTTP/1.1"));
    assert_eq!(last.headers.get("api-key").map(String::as_str), Some(SECRET));
    let message: Value = serde_json::from_slice(&last.body).expect("JSON");
    let metrics = message["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().expect("metrics");
    let sent = metrics.iter().find(|metric| metric["name"] == "sluicegate_requests_sent_total").expect("it is told");
    let sent = sent["sum"]["dataPoints"][0]["asInt"].as_str().expect("a text").parse().expect("a number");
    same(sent, &record["load"]["sent"]);

    for text in [&done.stdout, &done.stderr, &record.to_string()] {
        assert!(!text.contains(SECRET) && !text.contains("metrics-lost"), "{text}");
    }
    for file in fs::read_dir(bench.path("out")).expect("it is there").flatten() {
        let bytes = fs::read(file.path()).expect("it is readable");
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{}", file.path().display());
    }
}

#[test]
fn pushes_come_while_the_run_lasts_with_counters_and_instants_that_rise() {
    let _quiet = quiet();
    let bench = bench(FIVE_MINUTES);
    let taker = Taker::new(&[Does::Answers("200 OK")]);
    let line = format!("run service.yaml --drive-only -q --remote-write http://{} -o out", taker.address);
    let mut child = bench.command(arguments(&line)).spawn().expect("it starts");
    let mut blocks: Vec<Vec<Series>> = (0..3).map(|_| block(&taker.next().body)).collect();
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    blocks.extend(taker.rest().iter().map(|pushed| block(&pushed.body)));
    assert!(blocks.len() >= 4, "the last word comes of an interrupted run, too");
    let mut before: BTreeMap<BTreeMap<String, String>, (f64, i64)> = BTreeMap::new();
    for (labels, samples) in blocks.into_iter().flatten() {
        let (value, at) = samples[0];
        let grows = ["_total", "_bucket", "_sum", "_count"].iter().any(|end| labels["__name__"].ends_with(end));
        if let Some((earlier, then)) = before.insert(labels.clone(), (value, at)) {
            assert!(at > then && (!grows || value >= earlier), "{labels:?}: {earlier} at {then}, {value} at {at}");
        }
    }
    assert!(before.len() > 50, "{before:?}");
}

/// A short run that is pushed to a collector that takes the first push and then does this.
fn pushed_to(does: &'static [Does]) -> (Kept, Vec<Pushed>) {
    let bench = bench(SHORT);
    let taker = Taker::new(does);
    let line = format!("run service.yaml --remote-write http://{}/w", taker.address);
    let kept = bench.kept(arguments(&line)).expect_driven();
    assert_eq!(kept.record["load"]["sent"], 100, "the run is unharmed");
    (kept, taker.rest())
}

#[test]
fn a_collector_that_fails_later_costs_the_run_nothing_and_what_was_lost_is_counted() {
    let _quiet = quiet();
    for (does, requests, says) in [
        (&[Does::Dies("204 No Content")][..], 1, "it cannot be reached"),
        (&[Does::Answers("204 No Content"), Does::Waits], 2, "it did not answer within 5 s"),
        (&[Does::Answers("204 No Content"), Does::Answers("500 Oops")], 3, "it answered 500"),
        (&[Does::Answers("204 No Content"), Does::Answers("429 Slower\r\nretry-after: 1")], 3, "it answered 429"),
        (&[Does::Answers("204 No Content"), Does::Answers("400 Bad Request")], 2, "it answered 400"),
    ] {
        let (kept, pushes) = pushed_to(does);
        let missed = missed(&kept);
        assert!(missed.len() == 1 && missed[0].contains(says) && missed[0].contains("(1 of 2 pushes)"), "{says}: {missed:?}");
        assert!(pushes.len() >= requests, "{says}: {}", pushes.len());
        assert!(unwrapped(&kept.finished.stdout).contains("has not got"), "the report says so: {}", kept.finished.stdout);
    }
}

#[test]
fn a_collector_that_takes_what_it_put_off_has_lost_nothing() {
    let _quiet = quiet();
    let (kept, pushes) = pushed_to(&[
        Does::Answers("204 No Content"),
        Does::Answers("503 Later\r\nretry-after: 1"),
        Does::Answers("204 No Content"),
    ]);
    assert_eq!(missed(&kept), Vec::<String>::new());
    assert_eq!(pushes.len(), 3);
    assert_eq!(pushes[1].body, pushes[2].body);
}

#[test]
fn a_collector_over_tls_is_trusted_by_the_roots_of_the_machine() {
    let _quiet = quiet();
    let bench = bench(SHORT);
    let authority = bench.path("ca.pem");
    let origin = Origin::tls(&authority, &["h2", "http/1.1"]);
    let line = format!("run service.yaml -o out --otlp {}", origin.url("https", ""));
    let done = finish(bench.command(arguments(&line)).env("SSL_CERT_FILE", &authority).spawn().expect("it starts"));
    assert!(matches!(done.code, Some(0 | 4)), "{}", done.stderr);
    let asked: Vec<String> = origin.seen().into_iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect();
    assert_eq!(asked, ["POST /v1/metrics"; 2]);
    bench.sluicegate(arguments(&line.replace("out", "unknown"))).expect_code(2).complains("it cannot be reached (");
    assert_eq!(origin.seen().len(), 2, "nobody is told anything who is not known");
}

#[test]
fn a_collector_that_takes_nothing_is_a_usage_error_before_the_run() {
    let bench = bench(SHORT);
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let gone = listener.local_addr().expect("it is bound");
    drop(listener);
    let refuses = Taker::new(&[Does::Answers("404 Not Found")]);
    let silent = Taker::new(&[Does::Waits]);
    for (flags, says) in [
        (format!("--otlp http://{gone}"), format!("--otlp http://{gone}: it cannot be reached")),
        (format!("--otlp http://{}", refuses.address), "it answered 404 Not Found".to_owned()),
        (format!("--remote-write http://{}/w", refuses.address), "see that a collector takes metrics there".to_owned()),
        (format!("--remote-write http://{}/w", silent.address), "it did not answer within 5 s".to_owned()),
        (
            format!("--otlp http://{gone} --otlp-header a:${{env:NOWHERE_SET}}"),
            "--otlp-header: the value of a: the environment variable \"NOWHERE_SET\" is not set".to_owned(),
        ),
        ("--otlp ftp://h".to_owned(), "this is not the URL of a collector".to_owned()),
        ("--otlp-header a:b".to_owned(), "--otlp".to_owned()),
    ] {
        let done = bench.sluicegate(arguments(&format!("run service.yaml -d 1h -o out {flags}"))).expect_code(2);
        done.complains(&says);
        assert!(!bench.path("out").exists(), "{flags}");
    }
}

const BLOCK: &str = r"
import json, sys, snappy
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
file = descriptor_pb2.FileDescriptorProto(name='remote.proto', package='prometheus', syntax='proto3')
def message(name, *fields):
    of = file.message_type.add(name=name)
    for number, field, kind, many in fields:
        named = isinstance(kind, str)
        of.field.add(name=field, number=number, label=3 if many else 1, type=11 if named else kind, type_name='.prometheus.' + kind if named else None)
DOUBLE, INT64, INT32, STRING = 1, 3, 5, 9
message('Label', (1, 'name', STRING, False), (2, 'value', STRING, False))
message('Sample', (1, 'value', DOUBLE, False), (2, 'timestamp', INT64, False))
message('TimeSeries', (1, 'labels', 'Label', True), (2, 'samples', 'Sample', True))
message('MetricMetadata', (1, 'type', INT32, False), (2, 'metric_family_name', STRING, False), (4, 'help', STRING, False), (5, 'unit', STRING, False))
message('WriteRequest', (1, 'timeseries', 'TimeSeries', True), (3, 'metadata', 'MetricMetadata', True))
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
request = message_factory.GetMessageClass(pool.FindMessageTypeByName('prometheus.WriteRequest'))()
request.ParseFromString(snappy.uncompress(sys.stdin.buffer.read()))
print(json.dumps([[{label.name: label.value for label in series.labels}, series.samples[0].value] for series in request.timeseries]))
";

const OTLP: &str = r"
import json, sys
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
request = Parse(sys.stdin.read(), ExportMetricsServiceRequest())
found = {}
for metric in request.resource_metrics[0].scope_metrics[0].metrics:
    kind = metric.WhichOneof('data')
    points = getattr(metric, kind).data_points
    number = lambda point: point.count if kind == 'histogram' else getattr(point, point.WhichOneof('value'))
    found[metric.name] = [kind, sum(number(point) for point in points)]
print(json.dumps(found))
";

#[test]
#[ignore = "needs python3 with opentelemetry-proto and python-snappy"]
fn what_is_pushed_is_read_by_the_libraries_of_others() {
    let _quiet = quiet();
    let bench = bench(SHORT);
    let (writes, opens) = (Taker::new(&[Does::Answers("204 No Content")]), Taker::new(&[Does::Answers("200 OK")]));
    let (_, record) = pushed(&bench, writes.address, opens.address);
    let (writes, opens) = (writes.rest().pop().expect("a last word"), opens.rest().pop().expect("a last word"));
    let series = by_python(BLOCK, &writes.body);
    let series = series.as_array().expect("time series");
    let of = |name: &str| series.iter().filter(|it| it[0]["__name__"] == name).filter_map(|it| it[1].as_f64()).sum::<f64>();
    let found = by_python(OTLP, &opens.body);
    for (name, expected) in [
        ("sluicegate_requests_total", &record["total"]["count"]),
        ("sluicegate_requests_sent_total", &record["load"]["sent"]),
        ("sluicegate_received_bytes_total", &record["load"]["bytes_received"]),
    ] {
        same(of(name), expected);
        assert_eq!(found[name][0], "sum", "{name}");
        same(found[name][1].as_f64().expect("a number"), expected);
    }
    let times = "sluicegate_response_time_seconds";
    same(of(&format!("{times}_count")), &record["total"]["response_time"]["count"]);
    assert_eq!(found[times][0], "histogram");
    same(found[times][1].as_f64().expect("a number"), &record["total"]["response_time"]["count"]);
    assert_eq!(found["sluicegate_verdicts"][0], "gauge");
}
