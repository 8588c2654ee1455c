//! Real functions behind the door: a small runtime in Python serves, and no process of it stays behind.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sluicegate_mock::Summary;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{ApiKind, Code, Function, Integration, Process, Real, Runs, Timed};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use crate::mock::{Answer, Client, Mock, function, mock, serve};

/// Longer than anything here takes.
const PATIENCE: Span = Span::from_secs(20);

fn runtime() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions/runtime.py")
}

/// A function whose runtime does this.
pub(crate) fn real(how: &str, timeout: Span) -> Function {
    let command = ["python3", runtime().to_str().unwrap(), how].map(str::to_owned).to_vec();
    let process = Process {
        command,
        environment: vec![("SECRET".to_owned(), "given".to_owned())],
        directory: PathBuf::from("."),
        handler: how.to_owned(),
        timeout,
    };
    Function { code: Code::Real(Real { runs: Runs::Process(process), timed: Timed::Unknown }), ..function() }
}

/// A gateway with one route to such a function, for which it waits so long.
pub(crate) fn behind(kind: ApiKind, function: Function, patience: Span) -> Mock {
    let mut mock = mock(kind).lambda("GET /x", function);
    if let Integration::Lambda(lambda) = &mut mock.model.routes[0].integration {
        lambda.timeout = patience;
    }
    mock
}

pub(crate) fn well(how: &str) -> Mock {
    behind(ApiKind::Rest, real(how, Span::from_secs(10)), Span::from_secs(20))
}

/// What a client does, the summary, and the log of the functions.
pub(crate) fn logged<T>(mock: &Mock, client: impl AsyncFnOnce(Client) -> T) -> (T, Summary, String) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("functions.log");
    let mut settings = mock.settings();
    settings.function_log = Some(log.clone());
    let (done, summary) = serve(settings, client);
    (done, summary, std::fs::read_to_string(log).unwrap())
}

pub(crate) fn said(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// Whether a process runs; one that is dead and not yet buried does not.
pub(crate) fn runs(pid: &Value) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Lets others have their turn until this holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let clock = Clock::starting_now();
    while !holds().await {
        assert!(clock.now() < Instant::ZERO + PATIENCE, "{what} never came");
        tokio::task::yield_now().await;
    }
}

#[test]
fn one_process_serves_one_invocation_after_the_other_and_is_gone_at_the_end() {
    let (pids, _, log) = logged(&well("well"), async |client| {
        let mut wire = client.connect().await;
        let first = said(&wire.get("/prod/x").await);
        let second = said(&wire.get("/prod/x").await);
        assert_eq!((&first["count"], &second["count"], &first["pid"]), (&1.into(), &2.into(), &second["pid"]));
        assert!(runs(&first["pid"]));
        first["pid"].clone()
    });
    assert!(!runs(&pids), "{pids} stayed behind");
    let reports: Vec<&str> = log.lines().filter(|line| line.contains("REPORT RequestId: ")).collect();
    assert_eq!(reports.len(), 2, "{log}");
    assert!(reports[0].contains("Init Duration: ") && !reports[1].contains("Init Duration: "), "{log}");
}

#[test]
fn the_event_and_the_headers_are_those_of_the_runtime_api() {
    let (told, _, _) = logged(&well("echo"), async |client| said(&client.get("/prod/x?a=1").await));
    assert_eq!(told["event"]["queryStringParameters"]["a"], "1");
    let headers: Vec<&str> = told["headers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in ["aws-request-id", "deadline-ms", "invoked-function-arn", "trace-id"] {
        assert!(headers.contains(&format!("lambda-runtime-{name}").as_str()), "{headers:?}");
    }
}

#[test]
fn no_variable_of_the_mock_reaches_a_function_but_what_its_profile_gives() {
    // Cargo gives this test variables of its own.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let (told, _, log) = logged(&well("environment"), async |client| said(&client.get("/prod/x").await));
    let names = told["names"].as_array().unwrap();
    assert!(!names.iter().any(|name| name.as_str().unwrap().starts_with("CARGO")), "{names:?}");
    assert_eq!(told["secret"], "given");
    assert!(!log.contains("given"));
}

/// Takes as long as a start may: ten seconds.
#[test]
fn an_environment_is_busy_until_its_function_ends_whoever_still_waits() {
    let slow = Function { concurrency: Some(1), ..real("slow", Span::from_secs(10)) };
    let mock = behind(ApiKind::Rest, slow, Span::from_ms(50));
    logged(&mock, async |client| {
        assert_eq!(client.get("/prod/x").await.status, 504, "the gateway waits no longer");
        assert_eq!(client.get("/prod/x").await.status, 500, "the only environment is busy");
        // Its process goes on, and is there for somebody else afterwards: who then waits too short a time again.
        until("a free environment", async || client.get("/prod/x").await.status == 504).await;
    });
}

#[test]
fn a_client_that_leaves_leaves_no_environment_busy() {
    let slow = Function { concurrency: Some(1), ..real("slow", Span::from_secs(10)) };
    logged(&behind(ApiKind::Rest, slow, Span::from_secs(20)), async |client| {
        let mut wire = client.connect().await;
        wire.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        wire.leave();
        until("a free environment", async || client.get("/prod/x").await.status == 200).await;
    });
}

#[test]
fn huge_headers_pass_as_any_answer_and_the_next_request_is_served() {
    let (lengths, _, _) = logged(&well("huge-headers"), async |client| {
        let mut wire = client.connect().await;
        let mut lengths = Vec::new();
        for _ in 0..2 {
            let answer = wire.get("/prod/x").await;
            lengths.push((answer.status, answer.header("x-a").map(str::len)));
        }
        lengths
    });
    assert_eq!(lengths, [(200, Some(5 << 20)); 2]);
}

#[test]
fn a_stream_is_answered_whole() {
    let (answer, _, _) = logged(&well("stream"), async |client| client.get("/prod/x").await);
    assert_eq!((answer.status, answer.body.as_str(), answer.header("x-a")), (201, "part1-part2", Some("b")));
}

#[test]
fn what_a_function_started_goes_with_it() {
    let ([pid, child], _, _) = logged(&well("leak"), async |client| {
        let told = said(&client.get("/prod/x").await);
        assert!(runs(&told["child"]));
        [told["pid"].clone(), told["child"].clone()]
    });
    assert!(!runs(&pid) && !runs(&child), "{pid} and {child}");
}

#[test]
fn an_idle_environment_is_kept_as_long_as_its_keep_alive() {
    let brief = Function { keep_alive: Latency::constant(Span::from_ms(50)), ..real("well", Span::from_secs(10)) };
    logged(&behind(ApiKind::Rest, brief, Span::from_secs(20)), async |client| {
        let first = said(&client.get("/prod/x").await);
        until("the end of an idle process", async || !runs(&first["pid"])).await;
        let second = said(&client.get("/prod/x").await);
        assert_eq!(second["count"], 1);
        assert_ne!(first["pid"], second["pid"]);
    });
}

#[test]
fn what_is_provisioned_is_there_before_the_first_request() {
    let mut warm = real("well", Span::from_secs(10));
    warm.scaling.provisioned = 2;
    let ((), _, log) = logged(&behind(ApiKind::Rest, warm, Span::from_secs(20)), async |client| {
        said(&client.get("/prod/x").await);
        said(&client.get("/prod/x").await);
    });
    assert!(log.contains("REPORT") && !log.contains("Init Duration: "), "{log}");
}

#[test]
fn a_thousand_environments_of_a_modelled_function_work_at_once() {
    let slow = Function { duration: Latency::constant(Span::from_ms(500)), code: Code::Modelled, ..real("", PATIENCE) };
    let ((), summary) = behind(ApiKind::Rest, slow, PATIENCE).serve(async |client| {
        let mut wires = Vec::new();
        for _ in 0..1_000 {
            let mut wire = client.connect().await;
            wire.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
            wires.push(wire);
        }
        for mut wire in wires {
            assert_eq!(wire.answer().await.unwrap().status, 200);
        }
    });
    assert_eq!(summary.replies.get(&200), Some(&1_000));
    assert_eq!(summary.problems, Vec::<String>::new());
}
