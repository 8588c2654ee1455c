//! A log that the mock wrote, imported again, gives the trace of what was sent.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sluicegate::import::{Format, Imported, Options, run};
use sluicegate::traffic::trace::{Entry, TraceReader};
use sluicegate_mock::{Server, Settings, read_arrivals, runtime};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Api, ApiKind, Burst, DeploymentId, Integration, Model, PerSecond, Route, Throttle};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;
use sluicegate_render::access_log::named;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// What is asked, again and again: method, path below the stage, and the path of the route that answers.
const ASKED: [(&str, &str, &str); 5] = [
    ("GET", "/orders", "/orders"),
    ("GET", "/orders/7", "/orders/%7Bid%7D"),
    ("POST", "/orders", "/orders"),
    ("PATCH", "/any,thing", "/any,thing"),
    ("GET", "/orders/a%20b", "/orders/%7Bid%7D"),
];
const TIMES: usize = 12;

/// What was sent and what was said: the log, when each request arrived, and the status of each answer.
struct Served {
    log: String,
    arrivals: Vec<u64>,
    statuses: Vec<u16>,
}

/// A gateway that throttles some of it and takes two milliseconds for each.
fn model(kind: ApiKind, format: &str) -> Model {
    let route = |method, path| Route::new(DeploymentId(0), method, path, Integration::fixed(200, "ok"));
    let routes = vec![
        route(Some("GET"), "/orders"),
        route(Some("POST"), "/orders"),
        route(Some("GET"), "/orders/{id}"),
        route(None, "/any,thing"),
    ];
    let mut api = Api::new(kind, "a1b2c3d4e5");
    api.overhead = Latency::constant(Span::from_ms(2));
    api.refusal = Latency::constant(Span::from_ms(2));
    let mut model = Model::of(api, &["prod"], routes);
    let rate = PerSecond { tokens: 40, per: Span::from_secs(1) };
    model.stages[0].throttle = Some(Throttle { rate, burst: Burst(5) });
    model.stages[0].access_log = Some(format.to_owned());
    model
}

/// Sends these requests one after the other on one connection.
fn served(kind: ApiKind, format: &str, asked: &[(&str, &str)]) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let (log, arrivals) = (folder.path().join("access.log"), folder.path().join("arrivals"));
    let mut settings = Settings::new(Arc::new(model(kind, format)), Seed::new(1));
    (settings.access_log, settings.arrivals) = (Some(log.clone()), Some(arrivals.clone()));
    let (statuses, summary) = runtime().unwrap().block_on(async {
        let server = Server::bind(settings).await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let sending = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut statuses = Vec::new();
            for (method, path) in asked {
                let request = format!("{method} /prod{path} HTTP/1.1\r\nhost: mock\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                statuses.push(status(&mut stream).await);
            }
            drop(stop);
            statuses
        };
        tokio::join!(sending, server.run(async { drop(stopped.await) }))
    });
    assert_eq!(summary.arrived, asked.len() as u64);
    Served { log: fs::read_to_string(log).unwrap(), arrivals: read_arrivals(&arrivals).unwrap(), statuses }
}

/// Reads one answer; its status.
async fn status(stream: &mut TcpStream) -> u16 {
    let mut read = String::new();
    loop {
        let mut more = [0; 4_096];
        let length = stream.read(&mut more).await.unwrap();
        assert!(length > 0, "closed after {read}");
        read.push_str(std::str::from_utf8(&more[..length]).unwrap());
        let Some((head, body)) = read.split_once("\r\n\r\n") else { continue };
        let said =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() == said.expect("a length") {
            return head.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}

fn imported(log: &str, format: Format) -> (Imported, i64, Vec<Entry>) {
    let folder = tempfile::tempdir().unwrap();
    let (path, trace) = (folder.path().join("log"), folder.path().join("trace"));
    fs::write(&path, log).unwrap();
    let imported = import(&path, format, &trace);
    let reader = TraceReader::open(&trace).unwrap();
    let origin = reader.provenance().origin_ns;
    (imported, origin, reader.collect::<Result<_, _>>().unwrap())
}

fn import(log: &Path, format: Format, trace: &Path) -> Imported {
    run(log, &Options { format, ..Options::default() }, trace).unwrap_or_else(|why| panic!("{why}"))
}

/// The requests are the same, in the same order; the instants, too, as exactly as `resolution` says.
fn agree(served: &Served, (origin, trace): (i64, &[Entry]), expected: &[(&str, &str)], resolution: Span) {
    let requests: Vec<_> = trace.iter().map(|entry| (&*entry.recorded.method, &*entry.recorded.target)).collect();
    assert_eq!(requests, expected, "{}", served.log);
    let statuses: Vec<_> = trace.iter().map(|entry| entry.status.unwrap()).collect();
    assert_eq!(statuses, served.statuses);
    assert!(served.statuses.contains(&200) && served.statuses.contains(&429));
    assert!(origin > 1_700_000_000_000_000_000, "since 1970");
    for (entry, arrival) in trace.iter().zip(&served.arrivals) {
        let (logged, true_one) = (entry.at.as_ns(), arrival - served.arrivals[0]);
        // Each end of both lies within one resolution.
        assert!(logged.abs_diff(true_one) < 2 * resolution.as_ns(), "{logged} {true_one}");
    }
}

/// Methods and paths.
type Requests = Vec<(&'static str, &'static str)>;

/// What is sent, and what a log says of it that knows the routes alone.
fn asked() -> (Requests, Requests) {
    let repeated = || ASKED.iter().cycle().take(ASKED.len() * TIMES);
    let exact = repeated().map(|(method, path, _)| (*method, *path)).collect();
    let routes = repeated().map(|(method, _, route)| (*method, *route)).collect();
    (exact, routes)
}

#[test]
fn each_format_of_the_console_gives_the_requests_back_as_far_as_it_tells_them() {
    let (sent, routes) = asked();
    for kind in [ApiKind::Rest, ApiKind::Http] {
        for name in ["clf", "json", "xml", "csv"] {
            let served = served(kind, named(name, kind).unwrap(), &sent);
            let (imported, origin, trace) = imported(&served.log, Format::Detect);
            assert_eq!((imported.accepted, imported.rejected.count), (sent.len() as u64, 0), "{name} {kind:?}: {imported:?}");
            agree(&served, (origin, &trace), &routes, Span::from_secs(1));
            let missing = format!("{} calls name only their route", 2 * TIMES);
            assert!(imported.notes.iter().any(|note| note.starts_with(&missing)), "{name} {kind:?}: {:?}", imported.notes);
        }
    }
}

#[test]
fn a_format_with_path_and_milliseconds_gives_them_back() {
    let (sent, _) = asked();
    for (kind, format) in [
        (
            ApiKind::Rest,
            "$context.requestTimeEpoch|$context.httpMethod|$context.path|$context.stage|$context.status|$context.responseLatency|$context.requestId",
        ),
        (
            ApiKind::Http,
            r#"{"id":"$context.requestId","when":$context.requestTimeEpoch,"verb":"$context.httpMethod","where":"$context.path","of":"$context.stage","was":$context.status,"behind":$context.integrationLatency}"#,
        ),
    ] {
        let served = served(kind, format, &sent);
        let (imported, origin, trace) = imported(&served.log, Format::Pattern(format.to_owned()));
        agree(&served, (origin, &trace), &sent, Span::from_ms(1));
        assert_eq!(imported.resolution, Span::from_ms(1));
        assert!(!imported.notes.iter().any(|note| note.contains("only their route")), "{:?}", imported.notes);
        assert!(imported.notes.iter().any(|note| note.contains("no query strings")), "{:?}", imported.notes);
    }
}

#[test]
fn a_request_that_met_no_route_has_no_path_in_such_a_log_and_that_is_told() {
    for kind in [ApiKind::Rest, ApiKind::Http] {
        for name in ["clf", "json", "xml", "csv"] {
            let served = served(kind, named(name, kind).unwrap(), &[("GET", "/orders"), ("GET", "/nothing?q=1")]);
            let (imported, _, trace) = imported(&served.log, Format::Detect);
            assert_eq!((trace.len(), imported.rejected.count), (1, 1), "{name} {kind:?}: {}", served.log);
            assert_eq!(imported.rejected.first[0].reason.to_string(), "the path is missing", "{name} {kind:?}");
        }
    }
}
