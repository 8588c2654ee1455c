//! Runs that are killed in their midst: what a report makes of their journal, and what it does not.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use super::processes::{child_of, runs, send};
use super::{ended_as, eventually, service, words};
use crate::program::{Bench, unwrapped, while_invalid};

/// Pieces that the journal of the run in `out` has: whole lines after its head.
fn pieces(bench: &Bench) -> usize {
    let journal = fs::read(bench.path("out/journal.jsonl")).unwrap_or_default();
    // Between line ends: the head, the pieces, and what is being written.
    journal.split(|byte| *byte == b'\n').count().saturating_sub(2)
}

fn kill(mut child: Child) {
    send(child.id(), Signal::KILL);
    child.wait().expect("it has ended");
}

/// What `report` makes of the run in `out`.
fn reported(bench: &Bench) -> Value {
    let done = bench.line("report out --format json").expect_code(1);
    serde_json::from_str(&done.stdout).expect("the report is JSON")
}

/// A server that answers at once, and counts what it has answered.
fn counting() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let answered = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&answered);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            thread::spawn(move || answer(connection, &count));
        }
    });
    (url, answered)
}

fn answer(mut connection: TcpStream, count: &AtomicU64) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while connection.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            // Counted before the client can have it.
            count.fetch_add(1, Ordering::SeqCst);
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    }
}

#[test]
fn a_run_that_is_killed_has_lost_its_last_second_and_no_more() {
    /// Requests in a second and a tenth: those of the last second, and those of the look at the clock that ends it.
    const LAST_SECOND: u64 = 55;
    let missing = || {
        let (bench, _) = service();
        let (url, answered) = counting();
        let line = format!("run service.yaml --drive-only -d 1h -q -o out --target {url}");
        let child = bench.command(words(&line)).spawn().expect("it starts");
        eventually("three seconds in the journal", || (pieces(&bench) >= 3).then_some(()));
        // Until the next piece is nearly due.
        let now = answered.load(Ordering::SeqCst);
        eventually("another forty requests", || (answered.load(Ordering::SeqCst) >= now + 40).then_some(()));
        kill(child);
        let (answered, record) = (answered.load(Ordering::SeqCst), reported(&bench));
        let told = ended_as(&record, "answered");
        assert!(told >= 100 && told <= answered, "{told} of {answered}: {record:#}");
        let seconds = record["seconds"].as_array().expect("seconds");
        let sum = |key: &str| seconds.iter().filter_map(|second| second[key].as_u64()).sum::<u64>();
        assert_eq!((sum("answered"), record["load"]["sent"].as_u64()), (told, Some(told)), "{record:#}");
        assert_eq!(record["total"]["response_time"]["count"].as_u64(), Some(told));
        assert!(seconds[1]["p99_ns"].is_u64(), "{}", seconds[1]);
        answered - told
    };
    // A busy machine may keep the program from its clock and its disk.
    let missing = while_invalid(missing, |missing| *missing > LAST_SECOND);
    assert!(missing <= LAST_SECOND, "{missing} requests were answered, and are not in the report");
}

#[test]
fn of_a_killed_run_of_sessions_the_connections_are_told() {
    let profile = "gateway:\n  api: websocket\n  stages: { prod: }\n  routes:\n    \
                   $default: { integration: { mock: { status: 200, body: '{}' } }, responds: true }\n\
                   traffic:\n  connections: 3\n  arrivals: { constant: 10/s }\n  sessions:\n    - session: reader\n      script:\n        \
                   - repeat: forever\n          every: 200ms\n          of: [{ ask: hello }]\nrun: { duration: 1h, warmup: 0s }\n";
    let bench = Bench::new();
    bench.file("sessions.yaml", profile);
    let child = bench.command(words("run sessions.yaml --drive-only -q -o out")).spawn().expect("it starts");
    eventually("three seconds in the journal", || (pieces(&bench) >= 3).then_some(()));
    let mock = child_of(child.id()).expect("the mock");
    kill(child);
    eventually("the end of the mock", || (!runs(mock)).then_some(()));
    let record = reported(&bench);
    let connections = &record["connections"];
    let told = |what: &str| connections[what].as_u64().expect(what);
    assert_eq!(["asked", "opened", "open_at_end"].map(told), [3; 3], "{connections:#}");
    assert!(told("messages_up") >= told("messages_down") && told("messages_down") > 6, "{connections:#}");
    assert!(connections["opening"].is_null(), "no time of theirs is told: {connections:#}");
    bench.line("report out").expect_code(1).shows("connections");
}

#[test]
fn a_report_of_a_killed_run_says_first_that_it_is_one_and_judges_nothing() {
    let (bench, _) = service();
    let child = bench.command(words("run service.yaml -d 30s -q -o out")).spawn().expect("it starts");
    eventually("three seconds in the journal", || (pieces(&bench) >= 3).then_some(()));
    // One that still goes on is told as far as it is.
    bench.line("report out").expect_code(1).shows("UNFINISHED: the run is still going on, or was killed");
    let mock = child_of(child.id()).expect("the mock");
    kill(child);
    eventually("the end of the mock", || (!runs(mock)).then_some(()));
    let whole = reported(&bench);
    assert_eq!((&whole["complete"], whole["verdicts"].as_array().map(Vec::len)), (&false.into(), Some(0)), "{whole:#}");
    assert!(whole["predicted_total"].is_object(), "what the model said before is there, too");
    for unknown in ["service_time", "time_to_first_byte", "waited"] {
        assert!(whole["total"][unknown].is_null(), "{unknown} is not told, and not none: {}", whole["total"]);
    }
    let journal = bench.path("out/journal.jsonl");
    let mut torn = fs::read(&journal).unwrap();
    torn.extend_from_slice(b"{\"lane\":0,\"seco");
    fs::write(&journal, torn).unwrap();
    let shown = bench.line("report out").expect_code(1).expect_calm();
    let text = unwrapped(&shown.stdout);
    let there = whole["seconds"].as_array().map_or(0, Vec::len);
    for said in [
        &format!("UNFINISHED: the run is still going on, or was killed; nothing is judged {there} seconds of 30s are there."),
        "its last line was cut off when it was written: 15 bytes are left out",
        "answered 200",
        "connections n/a bytes n/a",
        "(exit code 1)",
    ] {
        assert!(text.contains(said), "`{said}` is not in:\n{}", shown.stdout);
    }
    assert_eq!(ended_as(&reported(&bench), "answered"), ended_as(&whole, "answered"), "half a line adds nothing");
    // What it holds is no ground for a verdict.
    bench.line("compare out out").refuses(2, &["out: the run did not come to its end", "sluicegate report"]);
}

#[test]
fn a_run_that_came_to_its_end_leaves_no_journal() {
    let (bench, _) = service();
    bench.line("run service.yaml --drive-only -d 2s -q -o out").expect_one_of(&[0, 4]);
    assert!(bench.path("out/latency.hlog").exists());
    assert!(!bench.path("out/journal.jsonl").exists(), "everything stands elsewhere");
}
