//! Signals in the middle of a run, and what becomes of the run and of its mock.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Child;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{ended_as, eventually, service, words};
use crate::program::{Bench, finish};

pub(super) fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("not zero");
    kill_process(pid, signal).expect("the process is there");
}

/// The one child of a process.
pub(super) fn child_of(pid: u32) -> Option<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let children = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    children.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).find_map(|pid| pid.parse().ok())
}

/// Whether a process runs: one that has ended and that nobody has asked after does not.
pub(super) fn runs(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A run against its mock, of which traffic is under way; and the mock.
fn under_way(bench: &Bench) -> (Child, u32) {
    let child = bench.command(words("run service.yaml --drive-only -d 3s --timeout 1s -q -o out")).spawn().expect("it starts");
    eventually("the header of the record", || bench.path("out/run.json").exists().then_some(()));
    let mock = eventually("the mock", || child_of(child.id()));
    eventually("a connection at the mock", || is_connected(mock).then_some(()));
    (child, mock)
}

/// Whether one of its sockets is an established TCP connection.
fn is_connected(pid: u32) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let links = files.flatten().filter_map(|file| Some(fs::read_link(file.path()).ok()?.to_string_lossy().into_owned()));
    let sockets: Vec<String> =
        links.filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    // Columns: number, local, remote, state (01: established), ..., inode.
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|row| row.get(3) == Some(&"01") && row.get(9).is_some_and(|inode| sockets.iter().any(|socket| socket == inode)))
}

#[track_caller]
fn interrupted(signal: Signal, code: i32) {
    let (bench, _) = service();
    let (child, mock) = under_way(&bench);
    send(child.id(), signal);
    let done = finish(child).expect_code(code).expect_calm();
    assert!(!runs(mock), "the mock is left behind");
    let done = done.shows("INTERRUPTED").shows(&format!("(exit code {code})"));
    let record = bench.record("out");
    assert_eq!(
        (&record["complete"], &record["stopped"]["interrupted"]),
        (&false.into(), &(code - 128).into()),
        "{}",
        done.stdout
    );
    assert!(record["load"]["intended"].as_u64() < Some(150), "it stopped before its end: {}", record["load"]);
    assert_eq!(record["verdicts"].as_array().map(Vec::len), Some(0), "nothing is judged");
    bench.line("report out").expect_code(code);
}

#[test]
fn ctrl_c_gives_a_partial_report() {
    interrupted(Signal::INT, 130);
}

#[test]
fn a_terminated_run_gives_a_partial_report() {
    interrupted(Signal::TERM, 143);
}

/// A server that answers, and tells of its twentieth request.
fn server() -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (sender, twentieth) = sync_channel(1);
    let (counted, count) = sync_channel(1_000);
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let counted = counted.clone();
            thread::spawn(move || {
                let mut lines = BufReader::new(connection.try_clone().expect("a second handle")).lines();
                while lines.by_ref().map_while(Result::ok).any(|line| line.is_empty()) {
                    let _ = counted.try_send(());
                    let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
            });
        }
    });
    thread::spawn(move || {
        if count.iter().nth(19).is_some() {
            let _ = sender.send(());
        }
        count.iter().for_each(drop);
    });
    (url, twentieth)
}

#[test]
fn what_was_measured_before_the_interruption_is_kept() {
    let (bench, _) = service();
    let (url, twentieth) = server();
    let line = format!("run service.yaml --drive-only -d 10s -o out --target {url}");
    let child = bench.command(words(&line)).spawn().expect("it starts");
    twentieth.recv_timeout(Duration::from_secs(20)).expect("twenty requests arrive");
    send(child.id(), Signal::INT);
    finish(child).expect_code(130).expect_calm().shows("answered 200");
    let record = bench.record("out");
    assert_eq!(record["complete"], false);
    assert!(ended_as(&record, "answered") >= 19, "{}", record["total"]);
    assert!(record["load"]["intended"].as_u64() < Some(500), "{}", record["load"]);
}

#[test]
fn the_mock_ends_when_the_run_is_killed() {
    let (bench, _) = service();
    let (mut child, mock) = under_way(&bench);
    let mut stderr = child.stderr.take().expect("it is piped");
    send(child.id(), Signal::KILL);
    child.wait().expect("it has ended");
    // The mock holds the same standard error: its end is the end of both.
    let (sender, ended) = sync_channel(1);
    thread::spawn(move || sender.send(stderr.read_to_end(&mut Vec::new()).is_ok()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok(true), "the mock lives on as {mock}");
    eventually("the end of the mock", || (!runs(mock)).then_some(()));
    let record = bench.record("out");
    assert_eq!(record["complete"], false, "nobody closed the record");
    bench.line("report out").expect_code(1).shows("UNFINISHED");
}

#[test]
fn a_mock_that_dies_in_the_middle_is_a_result() {
    let (bench, _) = service();
    let (child, mock) = under_way(&bench);
    send(mock, Signal::KILL);
    let done = finish(child).expect_one_of(&[0, 4]);
    let record = bench.record("out");
    assert_eq!(record["complete"], true);
    let lost = ended_as(&record, "refused") + ended_as(&record, "reset") + ended_as(&record, "closed");
    assert!(lost > 0 && ended_as(&record, "refused") > 0, "{}", done.stdout);
    assert_eq!(record["total"]["count"].as_u64(), Some(150), "every call of the plan is accounted for");
    done.shows("the mock gave no account of what it received");
}

#[test]
fn ctrl_c_ends_a_long_simulation_too() {
    let (bench, _) = service();
    let child = bench.command(words("run service.yaml -d 24h -R 1000/s -o out")).spawn().expect("it starts");
    let mock = eventually("the mock", || child_of(child.id()));
    eventually("the mock's socket", || is_listening(mock).then_some(()));
    send(child.id(), Signal::INT);
    let done = finish(child).expect_code(130).expect_calm().shows("INTERRUPTED");
    let done = done.complains("once more stops at once");
    assert!(!runs(mock), "the mock is left behind");
    assert!(bench.record("out")["load"].is_null(), "nothing was sent: {}", done.stdout);
    assert!(!bench.path("out/arrivals.bin").exists(), "what the mock recorded is of no use");
}

/// Whether it holds a socket.
fn is_listening(pid: u32) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).any(|link| link.to_string_lossy().starts_with("socket:"))
}

/// A tiny runtime: Python's standard library alone.
const RUNTIME: &str = r#"
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    answer.read()
    identity = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{identity}/response", b'{"statusCode": 200, "body": ""}')
    api.getresponse().read()
"#;

/// The processes whose command line names this file.
fn of_file(path: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let names = |pid: &u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    pids.filter(|pid| names(pid).windows(path.len()).any(|part| part == path.as_bytes()) && runs(*pid)).collect()
}

#[test]
fn however_the_mock_ends_no_process_of_a_function_stays_behind() {
    for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
        let bench = Bench::new();
        let runtime = bench.file("runtime.py", RUNTIME);
        let path = runtime.to_str().expect("a plain path");
        let profile = format!(
            "gateway:\n  api: http\n  stages: {{ prod: {{}} }}\n  functions:\n    f: {{ command: [python3, {path}], provisioned: 8 }}\n  routes:\n    GET /x: {{ integration: {{ lambda: f }} }}\n"
        );
        bench.file("real.yaml", &profile);
        // Its name has no folder, in which the processes are to start all the same.
        let mut mock = bench.command(words("mock real.yaml --listen 127.0.0.1:0")).spawn().expect("it starts");
        let mut ready = String::new();
        let said = mock.stdout.take().expect("its standard output is piped");
        BufReader::new(said).read_line(&mut ready).expect("it says that it is ready");
        let all = eventually("the processes", || Some(of_file(path)).filter(|all| all.len() == 8));
        send(mock.id(), signal);
        mock.wait().expect("it ends");
        // One that is about to end has lost its command line before its state tells.
        let over = || of_file(path).is_empty() && !all.iter().any(|pid| runs(*pid));
        eventually(&format!("the end of the processes after {signal:?}"), || over().then_some(()));
    }
}

#[test]
fn a_function_that_does_not_start_is_told_with_the_run() {
    for (command, told) in [
        ("/no/such/program", "function f does not start: No such file or directory"),
        ("python3, -c, 'raise SystemExit(7)'", "an environment of function f never came to be ready"),
    ] {
        let bench = Bench::new();
        let profile = format!(
            "gateway:\n  api: http\n  stages: {{ prod: {{}} }}\n  functions:\n    f: {{ command: [{command}] }}\n  routes:\n    GET /x: {{ integration: {{ lambda: f }} }}\ntraffic:\n  mix: [{{ request: GET /x }}]\n  arrivals: {{ constant: 5/s }}\nrun: {{ duration: 1s, warmup: 0s }}\n"
        );
        bench.file("real.yaml", &profile);
        bench.line("run real.yaml -q -o out").expect_one_of(&[0, 4]).shows("mock-problem").shows("functions.log");
        let doubts = bench.record("out")["doubts"].to_string();
        assert!(doubts.contains(told), "{doubts}");
    }
}
