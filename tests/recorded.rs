//! Recorded traffic as its users replay it: small logs in every format, and the recorded logs of `../shared`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Bench, quiet, unwrapped};

/// Requests in each small log.
const CALLS: u64 = 60;

/// A small log in one format, and how it is read.
struct Log {
    name: &'static str,
    /// What import calls the format.
    format: &'static str,
    flags: &'static [&'static str],
    line: fn(u64) -> String,
}

const LOGS: [Log; 5] = [
    Log { name: "combined.log", format: "combined", flags: &[], line: combined },
    Log {
        name: "calls.jsonl",
        format: "json",
        flags: &[
            "--log-format",
            "json",
            "--field",
            "target=asked",
            "--field",
            "method=verb",
            "--field",
            "epoch=at",
            "--field",
            "latency=took",
            "--latency-unit",
            "us",
        ],
        line: json,
    },
    Log { name: "gateway.log", format: "apigw", flags: &[], line: gateway },
    Log {
        name: "nginx.log",
        format: "format",
        flags: &[
            "--log-format",
            "format",
            "--pattern",
            "$remote_addr [$msec] \"$request\" $status $body_bytes_sent $request_time",
        ],
        line: nginx,
    },
    Log {
        name: "app.log",
        format: "regex",
        flags: &[
            "--log-format",
            "regex",
            "--pattern",
            r"^(?<epoch>\S+) (?<method>[A-Z]+) (?<path>\S+) -> (?<status>\d+) in (?<latency>\S+)$",
        ],
        line: app,
    },
];

/// Milliseconds since 1970 of call `n`: a call each 10 ms.
fn ms(n: u64) -> u64 {
    1_500_000_000_000 + 10 * n
}

fn combined(n: u64) -> String {
    format!("192.0.2.7 - - [14/Jul/2017:02:40:{:02} +0000] \"GET /items/{n}?q=1 HTTP/1.1\" 200 17 \"-\" \"curl/8\"", n / 10)
}

fn json(n: u64) -> String {
    format!("{{\"at\": {}, \"verb\": \"GET\", \"asked\": \"/items/{n}?q=1\", \"took\": {}}}", ms(n), 4_000 + n)
}

fn gateway(n: u64) -> String {
    format!(
        "{{\"requestTimeEpoch\": \"{}\", \"httpMethod\": \"GET\", \"path\": \"/prod/items/{n}\", \"stage\": \"prod\", \
         \"status\": \"200\", \"responseLatency\": \"5\", \"integrationLatency\": -}}",
        ms(n)
    )
}

fn nginx(n: u64) -> String {
    format!("192.0.2.7 [{}.{:03}] \"GET /items/{n}?q=1 HTTP/1.1\" 200 17 0.005", ms(n) / 1_000, ms(n) % 1_000)
}

fn app(n: u64) -> String {
    format!("{}.{:03} GET /items/{n} -> 200 in 0.005", ms(n) / 1_000, ms(n) % 1_000)
}

/// Writes a log whose third line is no call.
fn write(bench: &Bench, log: &Log) -> PathBuf {
    let mut text = String::new();
    for n in 0..CALLS {
        if n == 2 {
            text.push_str("this is \u{1b} no call\n");
        }
        writeln!(text, "{}", (log.line)(n)).expect("a String takes all");
    }
    bench.file(log.name, &text)
}

fn import(bench: &Bench, log: &Path, flags: &[&str]) -> Value {
    let asked = ["import".as_ref(), log.as_os_str(), "--format".as_ref(), "json".as_ref()];
    let done = bench.sluicegate(asked.into_iter().chain(flags.iter().map(AsRef::as_ref))).expect_code(0);
    serde_json::from_str(&done.stdout).expect("the summary is JSON")
}

#[test]
fn a_log_in_any_format_is_imported_and_replayed_without_loss() {
    let _quiet = quiet();
    for log in LOGS {
        let bench = Bench::new();
        let path = write(&bench, &log);
        let summary = import(&bench, &path, log.flags);
        assert_eq!(summary["format"], log.format, "{summary:#}");
        assert_eq!((&summary["accepted"], &summary["rejected"]), (&CALLS.into(), &1.into()), "{}: {summary:#}", log.name);
        assert_eq!(summary["rejected_lines"][0]["number"], 3, "{}", log.name);
        let routes: Vec<_> = summary["series"].as_array().expect("series").iter().map(|series| &series["name"]).collect();
        assert_eq!(routes, ["GET /items/{id}"], "{}", log.name);
        let asked = ["replay".as_ref(), path.as_os_str(), "--drive-only".as_ref(), "--rate".as_ref(), "400/s".as_ref()];
        let replayed = bench.kept(asked.into_iter().chain(log.flags.iter().map(AsRef::as_ref))).expect_driven();
        assert!(unwrapped(&replayed.finished.stderr).contains("rejected 1 line"), "{}", replayed.finished.stderr);
        let answered = replayed.outcomes("GET /items/{id}");
        assert_eq!(replayed.record["receiver"]["arrived"], CALLS, "{}", log.name);
        assert!(answered.keys().all(|(outcome, status)| outcome == "answered" && *status == 200), "{}: {answered:?}", log.name);
    }
}

#[test]
fn a_trace_is_replayed_with_the_profile_that_was_derived_with_it() {
    let _quiet = quiet();
    let bench = Bench::new();
    let log = write(&bench, &LOGS[1]);
    let flags: Vec<_> = LOGS[1].flags.iter().chain(&["-o", "calls.trace", "--profile-out", "calls.yaml"]).copied().collect();
    let summary = import(&bench, &log, &flags);
    assert_eq!(summary["written"], serde_json::json!(["calls.trace", "calls.yaml"]));
    let replay = ["replay", "calls.trace", "calls.yaml", "--speed", "2", "--loop", "2", "--drive-only"];
    let replayed = bench.kept(replay).expect_driven();
    assert_eq!(replayed.record["receiver"]["arrived"], 2 * CALLS);
    let shown = unwrapped(&replayed.finished.stdout);
    assert!(shown.contains("duration 596ms") && shown.contains("of which 59ms are warm-up"), "{shown}");
    bench.sluicegate(["replay", "calls.trace"]).expect_code(2).complains("name a profile");
}

fn traffic() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traffic")
}

#[test]
#[ignore = "needs ../shared"]
fn the_openstack_log_is_replayed_at_sixty_times_its_speed_and_holds() {
    let _quiet = quiet();
    let bench = Bench::new();
    let log = traffic().join("openstack-api/OpenStack_2k.log");
    let asked = ["replay".as_ref(), log.as_os_str(), "--speed".as_ref(), "60".as_ref()];
    let kept = bench.kept_valid(asked).expect_code(0);
    let record = &kept.record;
    assert_eq!((&record["load"]["intended"], &record["load"]["sent"]), (&1_017.into(), &1_017.into()));
    assert_eq!(record["receiver"]["arrived"], 1_017);
    assert_eq!(record["plan"]["duration_ns"], 14_796_000_000_u64);
    assert!(
        unwrapped(&kept.finished.stdout).contains("duration 14.8 s, of which 1.48 s are warm-up"),
        "{}",
        kept.finished.stdout
    );
    for quantile in ["p50", "p95"] {
        let verdict = kept.verdict(&format!("GET /v2/{{id}}/servers/detail latency {quantile}"));
        assert_eq!(verdict["answer"], "holds", "{verdict:#}");
    }
    let summary = import(&bench, &log, &[]);
    lost_nothing(&summary, &log);
    assert_eq!(summary["accepted"], 1_017);
}

#[test]
#[ignore = "needs ../shared"]
fn the_apache_log_is_replayed_at_a_rate_and_says_what_it_left_out() {
    let _quiet = quiet();
    let bench = Bench::new();
    let log = traffic().join("apache-combined/apache_logs.txt");
    let summary = import(&bench, &log, &[]);
    lost_nothing(&summary, &log);
    assert_eq!((&summary["accepted"], &summary["rejected"]), (&9_999.into(), &1.into()));
    assert_eq!(summary["rejected_lines"][0]["number"], 8_899);
    // Faster than the issue's 500/s, to take less of everyone's time.
    let asked = ["replay".as_ref(), log.as_os_str(), "--rate".as_ref(), "2500/s".as_ref()];
    let kept = bench.kept(asked).expect_driven();
    assert_eq!((&kept.record["load"]["intended"], &kept.record["load"]["sent"]), (&9_999.into(), &9_999.into()));
    assert_eq!(kept.record["receiver"]["arrived"], 9_999);
    let said = unwrapped(&kept.finished.stderr);
    for part in
        ["accepted 9,999 requests", "rejected 1 line", "line 8,899:", "stood after a later one, and were sorted", "coarse"]
    {
        assert!(said.contains(part), "`{part}` is not in:\n{}", kept.finished.stderr);
    }
}

/// Every line of the log is accounted for.
fn lost_nothing(summary: &Value, log: &Path) {
    let lines = std::fs::read_to_string(log).expect("the log is text").lines().count() as u64;
    let count = |key: &str| summary[key].as_u64().expect("a count");
    assert_eq!(count("accepted") + count("rejected") + count("skipped"), lines);
}
