//! Files that a run is written to besides its folder: read back by other programs, refused before the run, and whole whatever the run came to.
//!
//! Needs python3 with hdrhistogram, an independent reader of HDR logs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Bench, at_once, finish};

/// A run of 100 requests.
const SHORT: &str =
    "  arrivals: { constant: 50/s }\nrun: { duration: 2s, warmup: 0s, connections: 8 }\nexpect: [ 'p50 < 10s' ]\n";

/// Reads an HDR log by the port's own reader, and prints what it says of the whole; of each percentile that is asked for, the values just below and
/// above it, and how many values are not above the value that is asked for with it.
const READER: &str = r"
import json, sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 86400000000000, 3))
whole, seconds = HdrHistogram(1000, 86400000000000, 3), 0
while True:
    one = reader.get_next_interval_histogram()
    if one is None: break
    whole.add(one)
    seconds += 1
rows = []
for ms, share in json.loads(sys.argv[2]):
    # A percentile between two ranks is rounded to either, by one reader or the other.
    rank = 100 / whole.get_total_count()
    low, high = (whole.get_value_at_percentile(min(100.0, max(0.0, 100 * share + by))) / 1e6 for by in (-rank, rank))
    recorded = whole.get_recorded_iterator()
    rows.append([low, high, sum(it.count_at_value_iterated_to for it in recorded if it.value_iterated_to <= ms * 1e6 + 500)])
print(json.dumps({
    'seconds': seconds, 'count': whole.get_total_count(), 'max': whole.get_max_value(), 'mean': whole.get_mean_value(),
    'stdev': whole.get_stddev(), 'rows': rows,
}))
";

fn bench(rest: &str) -> Bench {
    let bench = Bench::new();
    bench.file("service.yaml", &at_once(rest));
    bench
}

fn arguments(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

/// What the reader says of a log, and of these values in milliseconds and percentiles as shares.
fn read(log: &Path, rows: &[[f64; 2]]) -> Value {
    let rows = serde_json::to_string(rows).expect("numbers");
    let output = Command::new("python3").args(["-c", READER]).arg(log).arg(rows).output().expect("this test needs python3");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs python3 with hdrhistogram (pip install hdrhistogram): {complaint}");
    serde_json::from_slice(&output.stdout).expect("the reader prints JSON")
}

/// Lines of a table of percentiles, as numbers: value, percentile, count, and 1/(1-percentile) but in the last.
fn table(text: &str) -> Vec<Vec<f64>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).skip(1);
    lines.map(|line| line.split_whitespace().map(|number| number.parse().expect("a number")).collect()).collect()
}

/// What stands behind `Name = ` in the last lines of a table.
fn told(text: &str, name: &str) -> f64 {
    let after = text.split(&format!("{name} ")).nth(1).unwrap_or_else(|| panic!("no {name}: {text}"));
    let number = after.trim_start_matches([' ', '=']).split([',', ']']).next().unwrap_or_default();
    number.trim().parse().unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-3 * expected.abs().max(1e-3)
}

#[test]
fn other_hdr_tools_find_in_an_exported_log_and_table_what_the_record_says() {
    let bench = bench("  arrivals: { poisson: 200/s }\nrun: { duration: 4s, warmup: 0s, connections: 8 }\n");
    let line = "simulate service.yaml --format json --export all.hlog --export all.hgrm --export deep/of/seconds.csv";
    let done = bench.sluicegate(arguments(line)).expect_code(0);
    let record: Value = serde_json::from_str(&done.stdout).expect("the record is JSON");
    let times = &record["total"]["response_time"];
    let number = |key: &str| times[key].as_f64().unwrap_or_else(|| panic!("no {key}: {times}"));

    let text = fs::read_to_string(bench.path("all.hgrm")).expect("it was written");
    let table = table(&text);
    let said = read(&bench.path("all.hlog"), &table.iter().map(|row| [row[0], row[1]]).collect::<Vec<_>>());
    assert_eq!(said["count"], times["count"]);
    assert_eq!(said["seconds"], 4);
    for (told, key) in [("max", "max_ns"), ("mean", "mean_ns"), ("stdev", "stdev_ns")] {
        assert!(near(said[told].as_f64().expect("a number"), number(key)), "{told}: {said} {times}");
    }
    let rows: Vec<[f64; 3]> = serde_json::from_value(said["rows"].clone()).expect("three numbers each");
    assert!(table.len() > 20 && rows.len() == table.len(), "{text}");
    for (ours, [low, high, not_above]) in table.iter().zip(rows) {
        assert!(ours[0] >= low - 0.001 && ours[0] <= high + 0.001, "{ours:?}, and not {low}..{high}");
        assert!((ours[2] - not_above).abs() < 0.5, "{ours:?}, and not {not_above}");
    }
    for (name, ms) in [("#[Mean", number("mean_ns") / 1e6), ("#[Max", number("max_ns") / 1e6), ("Total count", number("count"))] {
        assert!(near(told(&text, name), ms), "{name} is not {ms}: {text}");
    }

    let seconds = fs::read_to_string(bench.path("deep/of/seconds.csv")).expect("its folder was made");
    assert_eq!(seconds.lines().count(), 5, "{seconds}");
}

#[test]
fn a_run_that_holds_is_written_as_everything_and_a_report_writes_the_same_again() {
    let bench = bench(SHORT);
    let names = ["run.json", "series.csv", "seconds.csv", "all.hgrm", "one.hgrm", "all.hlog", "gate.xml", "summary.md"];
    let to = |folder: &str| -> Vec<OsString> {
        let export = |name: &&str| match *name {
            "one.hgrm" => format!("hgrm:GET /a={folder}/{name}"),
            name => format!("{folder}/{name}"),
        };
        names.iter().flat_map(|name| ["--export".to_owned(), export(name)]).map(OsString::from).collect()
    };
    let kept = bench.kept(arguments("run service.yaml -q --drive-only").into_iter().chain(to("live"))).expect_driven();
    let code = kept.finished.code;
    let folder: PathBuf = kept.folder.clone();
    let report = ["report".into(), folder.clone().into_os_string()].into_iter().chain(to("again"));
    let again = bench.sluicegate(report.collect::<Vec<_>>());
    assert_eq!(again.code, code, "{}", again.stderr);
    for name in names {
        let bytes =
            |folder: &str| fs::read(bench.path(folder).join(name)).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
        assert!(!bytes("live").is_empty() && bytes("live") == bytes("again"), "{name}");
    }
    assert_eq!(fs::read(bench.path("live/run.json")).ok(), fs::read(folder.join("run.json")).ok());
    let count = kept.record["total"]["response_time"]["count"].as_f64().expect("a count");
    for name in ["all.hgrm", "one.hgrm"] {
        let text = fs::read_to_string(bench.path("live").join(name)).expect("it was written");
        assert!(near(told(&text, "Total count"), count), "{name}: {text}");
    }
    assert_eq!(read(&bench.path("live/all.hlog"), &[])["count"], kept.record["total"]["response_time"]["count"]);
    // Nothing of the writing is left beside what was written.
    let there: Vec<_> = fs::read_dir(bench.path("live")).expect("it is there").flatten().collect();
    assert_eq!(there.len(), names.len(), "{there:?}");
}

#[test]
fn a_file_that_cannot_be_written_is_a_usage_error_before_the_run() {
    let bench = bench(SHORT);
    bench.file("file", "");
    for (export, says) in [
        ("file/gate.xml", "file/gate.xml cannot be written"),
        ("/proc/none/gate.xml", "cannot be written"),
        ("junit=.", ". is a folder"),
        ("json=out/run.json", "a file of the run itself"),
        ("hgrm:GET_/b=x.hgrm", "the run has no series \"GET_/b\"; it has \"GET /a\""),
    ] {
        // An hour, which nobody waits for.
        let done = bench.sluicegate(arguments(&format!("run service.yaml -d 1h -o out --export {export}"))).expect_code(2);
        assert!(done.stdout.is_empty(), "{}", done.stdout);
        done.complains("--export").complains(says);
        assert!(!bench.path("out/run.json").exists(), "{export}");
    }
    let done = bench.sluicegate(arguments("run service.yaml -d 1h --export a.md --export md=./a.md")).expect_code(2);
    done.complains("named twice");
    bench.sluicegate(arguments("run service.yaml --find-rate p99<1s --export a.md")).expect_code(2).complains("--export");
    bench.sluicegate(arguments("run service.yaml --print-plan --export a.md")).expect_code(2).complains("--export");
    let several = "simulate service.yaml --replications 3 --export a.hgrm";
    bench.sluicegate(arguments(several)).expect_code(2).complains("leave --replications out");
}

#[test]
fn what_is_there_is_replaced_by_a_whole_file_or_not_at_all() {
    let bench = bench(SHORT);
    let old = bench.file("gate.xml", "old");
    symlink("gate.xml", bench.path("link.xml")).expect("a link can be made");
    bench.sluicegate(arguments("simulate service.yaml --replications 2 --export gate.xml --export x.hlog")).expect_code(2);
    assert_eq!(fs::read_to_string(&old).ok().as_deref(), Some("old"), "what was refused has written nothing");
    bench.sluicegate(arguments("simulate service.yaml --export link.xml")).expect_code(0);
    assert!(fs::read_to_string(&old).expect("it is there").starts_with("<?xml"), "the link's file is written");
    assert!(fs::symlink_metadata(bench.path("link.xml")).expect("it is there").is_symlink());
}

#[test]
fn an_export_that_fails_is_told_and_costs_neither_the_run_nor_the_others() {
    let bench = bench(SHORT);
    let kept = bench.kept(arguments("run service.yaml -q --drive-only --export md=/dev/full --export series.csv"));
    let done = kept
        .finished
        .expect_code(1)
        .complains("exporting to /dev/full (the run itself is kept in run-1)")
        .complains("No space left");
    assert!(done.stdout.contains("Result") && !done.stdout.contains("exit code"), "{}", done.stdout);
    assert_eq!(kept.record["complete"], true);
    assert!(fs::read_to_string(bench.path("series.csv")).expect("it was written").starts_with("series,actions,"));
}

#[test]
fn a_pipe_is_written_to_and_one_that_nobody_reads_is_refused_or_told() {
    let bench = bench(SHORT);
    let shell = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", script, env!("CARGO_BIN_EXE_sluicegate")]).current_dir(bench.path("."));
        finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bash starts"))
    };
    let line = "simulate service.yaml -q --export";
    shell(&format!("\"$0\" {line} md=/dev/fd/3 3>&1 > /dev/null | cat > piped.md; exit ${{PIPESTATUS[0]}}")).expect_code(0);
    assert!(fs::read_to_string(bench.path("piped.md")).expect("it was written").starts_with("## "));
    shell(&format!("mkfifo pipe; \"$0\" {line} md=pipe")).expect_code(2).complains("pipe cannot be written");

    let reader = rustix::fs::open(bench.path("pipe"), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
        .expect("it can be read");
    let line = "run service.yaml -q --drive-only -o out --export md=pipe";
    let child = bench.command(arguments(line)).spawn().expect("it starts");
    eventually(|| bench.path("out/run.json").exists());
    drop(reader);
    finish(child).expect_code(1).complains("exporting to pipe").complains("Broken pipe");
    assert_eq!(bench.record("out")["complete"], true);
}

/// Looks again and again until it is so.
fn eventually(is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    panic!("it never was so");
}

#[test]
fn a_run_that_is_interrupted_is_exported_as_what_it_is() {
    let bench = bench(SHORT);
    let line = "run service.yaml -d 1h -q --drive-only -o out --export gate.xml --export all.hgrm --export summary.md";
    let child = bench.command(arguments(line)).spawn().expect("it starts");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number")).expect("it has one");
    eventually(|| fs::read_to_string(bench.path("out/journal.jsonl")).unwrap_or_default().lines().count() > 3);
    assert!(!bench.path("gate.xml").exists(), "there was nothing to write yet");
    kill_process(pid, Signal::INT).expect("it runs");
    finish(child).expect_code(130);
    let text = |name: &str| fs::read_to_string(bench.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(text("gate.xml").contains("<error type=\"interrupted\""), "{}", text("gate.xml"));
    assert!(text("summary.md").starts_with("## ❔ INTERRUPTED"), "{}", text("summary.md"));
    let count = bench.record("out")["total"]["response_time"]["count"].as_f64().expect("a count");
    assert!(near(told(&text("all.hgrm"), "Total count"), count), "{}", text("all.hgrm"));
}

#[test]
fn a_run_whose_log_is_cut_or_gone_is_exported_but_for_its_times() {
    let bench = bench(SHORT);
    let kept = bench.kept(arguments("run service.yaml -q --drive-only")).expect_driven();
    let (log, name) = (kept.folder.join("latency.hlog"), kept.folder.display().to_string());
    let whole = fs::read(&log).expect("it is there");
    let lines = whole.split_inclusive(|byte| *byte == b'\n').count();
    let report = || {
        let _ = fs::remove_file(bench.path("series.csv"));
        let done = bench.sluicegate(arguments(&format!("report {name} --export x.hgrm --export series.csv"))).expect_code(1);
        assert!(bench.path("series.csv").exists() && !bench.path("x.hgrm").exists());
        done
    };
    fs::write(&log, &whole[..whole.len() - 40]).expect("the folder is writable");
    report().complains("exporting to x.hgrm").complains("was it cut off");
    let one_less: Vec<u8> = whole.split_inclusive(|byte| *byte == b'\n').take(lines - 1).flatten().copied().collect();
    fs::write(&log, one_less).expect("the folder is writable");
    report().complains("actions by its run.json").complains("neither was cut off");
    fs::remove_file(&log).expect("it is there");
    report().complains("latency.hlog: cannot be read");
}

#[test]
fn a_record_of_an_earlier_version_without_what_came_later_is_exported() {
    let bench = bench(SHORT);
    let kept = bench.kept(arguments("run service.yaml -q --drive-only")).expect_driven();
    let mut record = kept.record.clone();
    let later = ["id", "retries", "connections", "limits", "told", "parts", "estimates", "predicted_total"];
    record.as_object_mut().expect("an object").retain(|key, _| !later.contains(&key.as_str()));
    record["total"].as_object_mut().expect("an object").retain(|key, _| ["name", "count", "outcomes"].contains(&key.as_str()));
    fs::create_dir(bench.path("old")).expect("the folder is writable");
    bench.file("old/run.json", &record.to_string());
    let done = bench.sluicegate(arguments("report old --export gate.xml --export a.csv --export a.md --export seconds.csv"));
    assert_eq!((done.code, &*done.stderr), (kept.finished.code, ""));
    let table = fs::read_to_string(bench.path("a.csv")).expect("it was written");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    let first: BTreeMap<&str, &str> = rows[0].iter().copied().zip(rows[1].iter().copied()).collect();
    assert_eq!((first["actions"], first["response_time_p50_ns"]), ("100", ""), "{table}");
}

#[test]
fn a_report_is_printed_as_a_summary_a_table_or_a_test_report() {
    let bench = bench(SHORT);
    let kept = bench.kept(arguments("run service.yaml -q --drive-only")).expect_driven();
    let name = kept.folder.display().to_string();
    for (format, begins) in [("markdown", "## "), ("csv", "series,"), ("junit", "<?xml")] {
        let done = bench.sluicegate(arguments(&format!("report {name} --format {format}")));
        assert_eq!(done.code, kept.finished.code);
        assert!(done.stdout.starts_with(begins), "{}", done.stdout);
    }
}

#[test]
fn no_secret_reaches_an_export() {
    const SECRET: &str = "s3cr3t-of-the-test";
    let bench = bench(SHORT);
    let names = ["run.json", "a.csv", "seconds.csv", "a.hgrm", "a.hlog", "gate.xml", "a.md"];
    let mut line = arguments("run service.yaml -q --drive-only -o out -H");
    line.push("x-api-key: ${env:TEST_KEY}".into());
    line.extend(names.iter().flat_map(|name| ["--export".to_owned(), format!("to/{name}")]).map(OsString::from));
    let done = finish(bench.command(line).env("TEST_KEY", SECRET).spawn().expect("it starts"));
    for name in names {
        let bytes = fs::read(bench.path("to").join(name)).unwrap_or_else(|error| panic!("{name}: {error}\n{}", done.stderr));
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{name}");
    }
}
