//! Hosts that are not allowed, targets that refuse, break off or keep silent, and a rate beyond any machine.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::{ended_as, service};
use crate::program::finish;

/// What a server that misbehaves does with a connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Promises a hundred bytes, gives four, closes.
    BreaksOff,
    /// Accepts, and says nothing.
    KeepsSilent,
    /// Answers in no language.
    TalksGarbage,
    /// Closes as soon as it is asked.
    HangsUp,
}

/// Serves on a free port until the test's process ends; the URL.
fn server(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(connection, manner));
        }
    });
    url
}

fn serve(mut connection: TcpStream, manner: Manner) {
    let mut request = [0; 4_096];
    let asked = connection.read(&mut request).unwrap_or(0) > 0;
    let _ = match manner {
        Manner::BreaksOff if asked => connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
        Manner::TalksGarbage if asked => connection.write_all(b"\0\xFF 42 MOO\r\n\r\n"),
        // Until the other side gives up.
        Manner::KeepsSilent => connection.read_to_end(&mut Vec::new()).map(drop),
        _ => Ok(()),
    };
}

/// A port that nobody listens on: it was free a moment ago.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("it is bound"))
}

#[test]
fn a_host_that_nobody_allowed_is_refused_before_anything_begins() {
    let (bench, _) = service();
    bench.file("a.log", "127.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET /orders/1 HTTP/1.1\" 200 5\n");
    // An hour, which nobody waits for: the refusal comes before the simulation.
    for line in ["run service.yaml -d 1h -R 1000/s", "replay -q a.log service.yaml", "replay -q a.log"] {
        let done = bench.line(&format!("{line} -o out --target http://192.0.2.1"));
        done.refuses(5, &["http://192.0.2.1", "nobody allowed it", "safety.allow", "--allow-host 192.0.2.1"]);
        assert!(!bench.path("out").exists(), "not even a folder");
    }
    // Allowing one host allows no other.
    let done = bench.line("run service.yaml --target http://192.0.2.1 --allow-host 192.0.2.2");
    done.refuses(5, &["--allow-host 192.0.2.1"]);
}

#[test]
fn a_refused_connection_is_a_result_that_violates_what_was_expected() {
    let (bench, _) = service();
    let done = bench.line(&format!("run service.yaml -d 9s -R 40/s -o out --target {}", nobody()));
    let done = done.expect_one_of(&[3, 4]).shows("refused");
    let record = bench.record("out");
    assert_eq!(record["complete"], true);
    assert_eq!((ended_as(&record, "refused"), record["total"]["count"].as_u64()), (360, Some(360)));
    // A call that is never answered is slower than any band: where the run is valid, that is proof.
    if !done.stdout.contains("INVALID") {
        assert_eq!(record["verdicts"][0]["answer"], "violated", "{}", done.stdout);
        done.expect_code(3);
    }
}

/// Runs two seconds against a server of this manner: all 100 calls end as `outcome`, and the report is complete.
#[track_caller]
fn all_end_as(manner: Manner, outcome: &str) {
    let (bench, _) = service();
    let url = server(manner);
    let done = bench.line(&format!("run service.yaml --drive-only --timeout 300ms -o out --target {url}"));
    let done = done.expect_one_of(&[0, 4]);
    let record = bench.record("out");
    assert_eq!((&record["complete"], ended_as(&record, outcome)), (&true.into(), 100), "{}", done.stdout);
    done.shows(outcome);
}

#[test]
fn an_answer_that_breaks_off_is_a_result() {
    all_end_as(Manner::BreaksOff, "truncated");
}

#[test]
fn no_answer_is_a_result() {
    all_end_as(Manner::KeepsSilent, "timed-out");
}

#[test]
fn garbage_is_a_result() {
    all_end_as(Manner::TalksGarbage, "malformed");
}

#[test]
fn a_connection_that_is_closed_without_an_answer_is_a_result() {
    all_end_as(Manner::HangsUp, "closed");
}

#[test]
fn a_rate_that_no_machine_can_send_is_an_invalid_run_in_bounded_memory() {
    let (bench, _) = service();
    // Address space for the generator and its mock each; five million actions kept one by one would not fit.
    let line = "ulimit -v 1000000; exec \"$0\" run service.yaml --drive-only -R 5000000/s -d 1s --timeout 500ms -o out";
    let child = Command::new("sh")
        .args(["-c", line, env!("CARGO_BIN_EXE_sluicegate")])
        .current_dir(bench.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let done = finish(child.expect("there is a shell")).expect_code(4).expect_calm();
    done.shows("INVALID").shows("What to change: lower the rate");
    let record = bench.record("out");
    // Where the mock is starved, too, it holds every connection: then the lane is busy, and late with nothing.
    let invalid = |doubt: &Value| {
        doubt["weight"] == "invalid" && ["schedule-lag", "generator-cpu"].map(Value::from).contains(&doubt["kind"])
    };
    assert!(record["doubts"].as_array().is_some_and(|doubts| doubts.iter().any(invalid)), "{record:#}");
    assert_eq!(record["complete"], true);
    let load = &record["load"];
    assert!(load["sent"].as_u64() < load["intended"].as_u64(), "{load}");
}

#[test]
fn an_authority_that_is_none_is_wrong_usage_and_leaves_no_folder() {
    let (bench, _) = service();
    let done = bench.line("run service.yaml -d 1s -o out --target https://127.0.0.1:9 --ca nope.pem");
    done.refuses(2, &["nope.pem: cannot read certificates", "name a PEM file"]);
    assert!(!bench.path("out").exists(), "a run that never began leaves no folder");
}
