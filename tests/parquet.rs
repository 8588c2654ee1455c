//! Samples as Parquet: read back by `DuckDB`, which finds in them what the record of the run and its `samples.csv` say.
//!
//! Needs python3 with duckdb, an independent reader of Parquet.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Bench, at_once, finish, unwrapped};

/// Throttled traffic of two routes, one of which fails.
const SERVICE: &str = "# Imitates a service whose stage is throttled, with a route that fails.
gateway:
  api: http
  region: us-east-1
  stages: { prod: { throttle: { rate: 60/s, burst: 5 } } }
  routes:
    GET /a: { integration: { mock: { status: 200 } } }
    GET /b: { integration: { mock: { status: 503 } } }
traffic:
  mix:
    - request: GET /a
      weight: 3
    - request: GET /b
  arrivals: { poisson: 100/s }
run: { duration: 4s, warmup: 1s, connections: 8 }
";

/// Answers questions about the files `samples` (Parquet) and `csv`: a list of lists of rows.
const READER: &str = r"
import json, sys, duckdb
parquet, csv, questions = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
db = duckdb.connect()
db.execute(f'create view samples as select * from read_parquet({parquet!r})')
db.execute(f'create view about as select decode(key) as key, decode(value) as value from parquet_kv_metadata({parquet!r})')
db.execute(f'create view csv as select * from read_csv({csv!r}, header = true, all_varchar = true)')
print(json.dumps([db.execute(question).fetchall() for question in questions], default=str))
";

/// Both files have the same rows, as text.
const SAME_ROWS: &str = "
select count(*) from (
    (select session::text, seq::text, attempt::text, series, intended_ns::text, started_ns::text, sent_ns::text, first_byte_ns::text,
            done_ns::text, waited_ns::text, status::text, outcome, error, request_id from samples)
    except
    (select session, seq, attempt, series, intended_ns, started_ns, sent_ns, first_byte_ns, done_ns, waited_ns, status, outcome, error, request_id
     from csv))
";

fn arguments(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

/// What the reader finds, row by row, for each question.
fn asked(bench: &Bench, parquet: &str, csv: &str, questions: &[&str]) -> Vec<Vec<Vec<Value>>> {
    let questions = serde_json::to_string(questions).expect("texts");
    let mut command = Command::new("python3");
    let output = command.args(["-c", READER]).arg(bench.path(parquet)).arg(bench.path(csv)).arg(questions).output();
    let output = output.expect("this test needs python3");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs python3 with duckdb (pip install duckdb): {complaint}");
    serde_json::from_slice(&output.stdout).expect("the reader prints JSON")
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1.1e-3 * expected.abs()
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
#[ignore = "needs python3 with duckdb"]
fn duckdb_finds_in_the_samples_what_the_record_and_the_csv_say() {
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let kept = bench.kept(arguments("run service.yaml -q --drive-only --export all.parquet")).expect_driven();
    let csv = format!("{}/samples.csv", kept.folder.file_name().expect("it has a name").display());
    let counted = "from samples where intended_ns >= (select value::bigint from about where key = 'sluicegate.warmup_ns')";
    let times = format!(
        "select count(response_time_ns), sum(response_time_ns), max(response_time_ns), count(service_time_ns), sum(service_time_ns),
                quantile_disc(response_time_ns, 0.5), quantile_disc(response_time_ns, 0.99), count(schedule_lag_ns) {counted}"
    );
    let outcomes = format!("select series, outcome, status, blame, error, count(*) {counted} group by all order by all");
    let types = "select column_name, column_type from (describe samples)";
    let found = asked(
        &bench,
        "all.parquet",
        &csv,
        &[&times, &outcomes, SAME_ROWS, "select count(*), (select count(*) from csv) from samples", types, "select * from about"],
    );

    let total = &kept.record["total"];
    let said = |key: &str, of: &str| number(&total[key][of]);
    let times: Vec<f64> = found[0][0].iter().map(number).collect();
    assert_eq!(found[0][0][0], total["response_time"]["count"]);
    assert_eq!(found[0][0][3], total["service_time"]["count"]);
    assert_eq!(found[0][0][7], total["schedule_lag"]["count"]);
    assert!(near(times[1] / times[0], said("response_time", "mean_ns")), "{times:?} {total}");
    assert!(near(times[4] / times[3], said("service_time", "mean_ns")), "{times:?} {total}");
    for (at, of) in [(2, "max_ns"), (5, "p50_ns"), (6, "p99_ns")] {
        assert!(near(times[at], said("response_time", of)), "{of}: {times:?} {total}");
    }

    let mut expected: Vec<Vec<Value>> = Vec::new();
    for series in kept.record["series"].as_array().expect("a list") {
        for outcome in series["outcomes"].as_array().expect("a list") {
            let of = |key: &str| outcome.get(key).cloned().unwrap_or_default();
            expected.push(vec![series["name"].clone(), of("outcome"), of("status"), of("blame"), of("kind"), of("count")]);
        }
    }
    let sorted = |mut rows: Vec<Vec<Value>>| {
        rows.sort_by_key(|row| Value::from(row.clone()).to_string());
        rows
    };
    assert!(expected.len() >= 4, "throttled, failed and good ones: {expected:?}");
    assert_eq!(sorted(found[1].clone()), sorted(expected));

    assert_eq!((&found[2][0][0], &found[3][0][0]), (&Value::from(0), &found[3][0][1]), "the same rows as samples.csv");
    let types: Vec<String> =
        found[4].iter().map(|row| format!("{} {}", unwrapped_text(&row[0]), unwrapped_text(&row[1]))).collect();
    for column in ["series VARCHAR", "session UINTEGER", "attempt UTINYINT", "intended_ns BIGINT", "status USMALLINT"] {
        assert!(types.iter().any(|known| known == column), "{column}: {types:?}");
    }
    let about = |key: &str| found[5].iter().find(|row| row[0] == format!("sluicegate.{key}")).map(|row| row[1].clone());
    assert_eq!((about("run"), about("complete")), (Some(kept.record["id"].clone()), Some("true".into())));
    assert_eq!((about("profile"), about("version")), (Some("service.yaml".into()), Some("1".into())));
}

fn unwrapped_text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
#[ignore = "needs python3 with duckdb"]
fn of_a_run_that_is_killed_what_was_kept_is_exported_and_says_that_it_is_not_whole() {
    let bench = Bench::new();
    bench.file("service.yaml", &at_once("  arrivals: { constant: 2000/s }\nrun: { duration: 1h, warmup: 0s, connections: 8 }\n"));
    let mut child = bench.command(arguments("run service.yaml -q --drive-only --samples -o out")).spawn().expect("it starts");
    let samples = bench.path("out/samples.csv");
    let has_rows = || fs::metadata(&samples).is_ok_and(|file| file.len() > 20_000) && bench.path("out/journal.jsonl").exists();
    for _ in 0..6_000 {
        if has_rows() {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number")).expect("it has one");
    kill_process(pid, Signal::KILL).expect("it runs");
    child.wait().expect("it has ended");
    let done = bench.sluicegate(arguments("report out --export all.parquet"));
    assert!(bench.path("all.parquet").exists(), "{}", done.stderr);
    let whole_lines = fs::read_to_string(&samples).expect("it is there").matches('\n').count() - 1;
    let found = asked(
        &bench,
        "all.parquet",
        "out/samples.csv",
        &[
            "select count(*), count(*) filter (outcome = 'answered') from samples",
            "select value from about where key = 'sluicegate.complete'",
        ],
    );
    assert!(whole_lines > 100);
    assert_eq!(found[0][0], [Value::from(whole_lines), Value::from(whole_lines)]);
    assert_eq!(found[1][0][0], "false");
}

#[test]
fn a_report_writes_the_samples_of_a_kept_run_again_and_refuses_where_there_are_none() {
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let kept = bench.kept(arguments("run service.yaml -q -d 2s --warmup 0s --drive-only --export once.parquet")).expect_driven();
    let folder = kept.folder.file_name().expect("it has a name").to_string_lossy().into_owned();
    // Into the folder of the run itself, where it is found again.
    bench.sluicegate(arguments(&format!("report {folder} --export {folder}/samples.parquet")));
    let bytes = |name: &str| fs::read(bench.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let once = bytes("once.parquet");
    assert!(once.starts_with(b"PAR1") && once.ends_with(b"PAR1") && once == bytes(&format!("{folder}/samples.parquet")));

    fs::remove_file(kept.folder.join("samples.csv")).expect("it was kept");
    let done = bench.sluicegate(arguments(&format!("report {folder} --export again.parquet"))).expect_code(2);
    assert!(unwrapped(&done.stderr).contains("the run kept no samples, from which parquet is made"), "{}", done.stderr);
    let done = bench.sluicegate(arguments("simulate service.yaml --export model.parquet")).expect_code(2);
    assert!(unwrapped(&done.stderr).contains("a model keeps no samples"), "{}", done.stderr);
    assert!(!bench.path("again.parquet").exists() && !bench.path("model.parquet").exists());
}

#[test]
fn samples_that_find_no_room_are_told_and_the_run_is_whole() {
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let line = "run service.yaml -q -d 2s --warmup 0s --drive-only -o out --export parquet=/dev/full";
    let done = finish(bench.command(arguments(line)).spawn().expect("it starts")).expect_code(1);
    done.complains("exporting to /dev/full (the run itself is kept in out)").complains("No space left");
    assert_eq!(bench.record("out")["complete"], true);
}
