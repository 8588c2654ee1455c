//! The numeric references of stations and limiters, through the interface that users have: a case in a file, and the record that
//! `simulate` prints of it.
//!
//! A run is a share of the nominal one of its case (a tenth, or all of it with `SLUICEGATE_REFERENCES=full`), and its tolerance is
//! wider by the root of that, as the references say.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::program::{Bench, quiet};

/// How one reference is played, and where its metrics stand in the record.
struct Reference {
    id: &'static str,
    /// The system, and what comes to it.
    case: String,
    size: Size,
    metrics: Metrics,
}

/// Name, JSON pointer, and by what the number there is multiplied.
type Metrics = &'static [(&'static str, &'static str, f64)];

/// Of the nominal run.
#[derive(Clone, Copy)]
enum Size {
    /// Requests, and how many of the first are not counted.
    Requests(u32, u32),
    /// The same, never less: what is counted is so rare that no share of it would be enough.
    Full(u32, u32),
    /// The case says itself how long it is, and is exact.
    Whole,
    /// Replications.
    Replications(u32),
}

const NS: f64 = 1e-9;

fn share() -> f64 {
    if std::env::var("SLUICEGATE_REFERENCES").is_ok_and(|which| which == "full") { 1.0 } else { 0.1 }
}

fn references() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/model/references.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let all: Value = serde_json::from_str(&text).expect("the references are JSON");
    all["cases"].as_array().expect("cases").clone()
}

fn queue(arrivals: &str, station: &str) -> String {
    format!("system:\n  - station: {{ {station} }}\n{arrivals}\n")
}

#[rustfmt::skip] // A table.
fn queues() -> Vec<Reference> {
    let of = |id, arrivals: &str, station: &str, size, metrics| Reference { id, case: queue(arrivals, station), size, metrics };
    let throttle: &[_] = &[("throttle", "/parts/0/refused_share", 1.0)];
    vec![
        of("Q01", "arrivals: { poisson: 0.8/s }", "servers: 1, work: { exponential: 1s }", Size::Requests(5_000_000, 100_000), &[
            ("p_wait", "/parts/0/waited_share", 1.0), ("mean_wait", "/parts/0/wait/mean_ns", NS),
            ("sojourn_p50", "/response_time/p50_ns", NS), ("sojourn_p99", "/response_time/p99_ns", NS),
            ("sojourn_p999", "/response_time/p999_ns", NS),
        ]),
        of("Q02", "arrivals: { poisson: 8/s }", "servers: 10, work: { exponential: 1s }", Size::Requests(5_000_000, 50_000), &[
            ("p_wait", "/parts/0/waited_share", 1.0), ("mean_wait", "/parts/0/wait/mean_ns", NS),
            ("wait_p90", "/parts/0/wait/p90_ns", NS), ("wait_p99", "/parts/0/wait/p99_ns", NS), ("wait_p999", "/parts/0/wait/p999_ns", NS),
            ("sojourn_p50", "/response_time/p50_ns", NS), ("sojourn_p99", "/response_time/p99_ns", NS),
        ]),
        of("Q04", "arrivals: { poisson: 5/s }", "servers: 4, room: 20, work: { exponential: 1s }", Size::Requests(1_000_000, 20_000), &[
            ("block", "/parts/0/refused_share", 1.0), ("mean_wait", "/parts/0/wait/mean_ns", NS),
            ("wait_p50", "/parts/0/wait/p50_ns", NS), ("wait_p95", "/parts/0/wait/p95_ns", NS),
        ]),
        of("Q05a", "arrivals: { poisson: 90/s }", "servers: 100, room: 100, work: { exponential: 1s }", Size::Requests(2_000_000, 100_000), throttle),
        of("Q05b", "arrivals: { poisson: 90/s }", "servers: 100, room: 100, work: 1s", Size::Requests(2_000_000, 100_000), throttle),
        of("Q06", "arrivals: { poisson: 9500/s }", "servers: 1000, room: 1000, work: { exponential: 100ms }", Size::Requests(10_000_000, 1_000_000), throttle),
        of("Q07", "arrivals: { poisson: 0.8/s }", "servers: 1, work: 1s", Size::Requests(2_000_000, 100_000), &[
            ("mean_wait", "/parts/0/wait/mean_ns", NS), ("wait_p50", "/parts/0/wait/p50_ns", NS),
            ("wait_p95", "/parts/0/wait/p95_ns", NS), ("wait_p99", "/parts/0/wait/p99_ns", NS),
        ]),
        of("Q09", "gaps: 1250ms", "servers: 1, work: { exponential: 1s }", Size::Requests(2_000_000, 100_000), &[
            ("p_wait", "/parts/0/waited_share", 1.0), ("mean_wait", "/parts/0/wait/mean_ns", NS),
            ("wait_p99", "/parts/0/wait/p99_ns", NS), ("sojourn_p99", "/response_time/p99_ns", NS),
        ]),
        of("Q10", "arrivals: { poisson: 0.8/s }", "servers: 1, discipline: ps, work: { exponential: 1s }", Size::Requests(1_000_000, 50_000), &[
            ("mean_sojourn", "/response_time/mean_ns", NS), ("sd_sojourn", "/response_time/stdev_ns", NS),
        ]),
        // A mean of one second: the median is exp(-1/2) of it.
        of("Q11", "arrivals: { poisson: 0.7/s }", "servers: 1, discipline: ps, work: { lognormal: { median: 606530660ns, sigma: 1 } }",
            Size::Requests(1_000_000, 50_000), &[
                ("mean_sojourn", "/response_time/mean_ns", NS), ("mean_slowdown_of_size_gt_median", "/parts/0/slowdown_of_large", 1.0),
            ]),
        of("Q12", "arrivals: { poisson: 11/s }", "servers: 10, patience: { exponential: 2s }, work: { exponential: 1s }",
            Size::Requests(1_000_000, 20_000), &[("abandon", "/parts/0/gave_up_share", 1.0)]),
        of("Q14", "closed: { users: 60, think: { exponential: 1s } }", "servers: 10, work: { exponential: 250ms }", Size::Requests(1_000_000, 20_000), &[
            ("throughput", "/throughput_per_s", 1.0), ("mean_response", "/response_time/mean_ns", NS),
            ("p_wait", "/parts/0/waited_share", 1.0), ("wait_p99", "/parts/0/wait/p99_ns", NS),
        ]),
        of("Q17", "arrivals: { ramp: { from: 0/s, to: 300/s, over: 30s } }\nobserve: [30s]\nabove: 600", "work: { exponential: 2s }", Size::Replications(2_000), &[
            ("inflight_exp", "/observed/0/mean", 1.0), ("p_gt_600_exp", "/observed/0/above_share", 1.0),
        ]),
        of("Q17", "arrivals: { ramp: { from: 0/s, to: 300/s, over: 30s } }\nobserve: [30s]", "work: 2s", Size::Replications(2_000), &[
            ("inflight_det", "/observed/0/mean", 1.0),
        ]),
        of("Q18", "arrivals: { steps: [ { rate: 15/s, for: 60s }, { rate: 5/s } ] }\nobserve: [30s, 60s, 90s, 120s]\nrun: { duration: 120s }",
            "servers: 10, work: { exponential: 1s }", Size::Replications(2_000), &[
                ("n30", "/observed/0/mean", 1.0), ("n60", "/observed/1/mean", 1.0), ("n90", "/observed/2/mean", 1.0), ("n120", "/observed/3/mean", 1.0),
            ]),
    ]
}

#[rustfmt::skip] // A table.
fn limiters() -> Vec<Reference> {
    let throttle: &[_] = &[("throttle", "/parts/0/refused_share", 1.0)];
    vec![
        of("T01", &["bucket: { rate: 100/s, burst: 50 }"], "arrivals: { constant: 150/s }\nrun: { duration: 60s }", Size::Whole, &[
            ("requests", "/requests", 1.0), ("admitted", "/completed", 1.0), ("throttled", "/parts/0/refused", 1.0),
            ("first_throttled_index", "/parts/0/first_refused_after", 1.0), ("first_throttled_at_s", "/parts/0/first_refused_ns", NS),
            ("admitted_before_first", "/parts/0/first_refused_after", 1.0),
        ]),
        of("T02", &["bucket: { rate: 100/s, burst: 1 }"], "arrivals: { constant: 100/s }\nrun: { duration: 10s }", Size::Whole, &[
            ("requests", "/requests", 1.0), ("throttled", "/parts/0/refused", 1.0),
        ]),
        of("T04", &["meter: { rate: 100/s, burst: 20 }"], "arrivals: { poisson: 120/s }", Size::Requests(2_000_000, 0), throttle),
        of("T05", &["meter: { rate: 100/s, burst: 20, delay: true }"], "arrivals: { poisson: 95/s }", Size::Requests(2_000_000, 0), &[
            ("throttle", "/parts/0/refused_share", 1.0), ("mean_delay", "/parts/0/wait/mean_ns", NS),
        ]),
        of("T08", &["bucket: { rate: 100/s, burst: 100 }"], "bursts: [ { rate: 40/s, lasts: 2s }, { rate: 220/s, lasts: 1s } ]",
            Size::Requests(4_000_000, 0), throttle),
        // 200,000 windows.
        of("T06c", &["refill: { tokens: 100, every: 1s }"], "arrivals: { poisson: 95/s }", Size::Requests(19_000_000, 0), throttle),
        of("T07", &["window: { limit: 100, length: 1s }"], "arrivals: { poisson: 110/s }", Size::Requests(2_000_000, 0), throttle),
        of("T10a", &["buckets: [ { rate: 200/s, burst: 100 }, { rate: 120/s, burst: 60 } ]"], "arrivals: { constant: 300/s }\nrun: { duration: 30s }",
            Size::Whole, &[
                ("requests", "/requests", 1.0), ("admitted", "/completed", 1.0),
                ("rejected_by_account", "/parts/0/refused_by/1", 1.0), ("rejected_by_key", "/parts/0/refused_by/0", 1.0),
            ]),
        of("L04", &["pool: { duration: { exponential: 5300us }, billed_per: 1ms }"], "arrivals: { poisson: 1000/s }", Size::Requests(2_000_000, 0), &[
            ("billed", "/parts/0/billed_mean_ns", 1e-6),
        ]),
        of("L01", &[
                "{ name: network, station: { work: { lognormal: { median: 20ms, sigma: 0.3 } } } }",
                "{ name: gateway, station: { work: { lognormal: { median: 3ms, sigma: 0.5 } } } }",
                "{ name: back end, station: { work: { lognormal: { median: 50ms, sigma: 0.6 } } } }",
            ], "arrivals: { constant: 1000/s }", Size::Requests(2_000_000, 0), &[
                ("p50", "/response_time/p50_ns", 1e-6), ("p90", "/response_time/p90_ns", 1e-6), ("p95", "/response_time/p95_ns", 1e-6),
                ("p99", "/response_time/p99_ns", 1e-6), ("p99.9", "/response_time/p999_ns", 1e-6), ("mean", "/response_time/mean_ns", 1e-6),
            ]),
    ]
}

#[rustfmt::skip] // A table.
fn caches_and_pools() -> Vec<Reference> {
    let cold: &[_] = &[("cold", "/parts/0/cold_share", 1.0)];
    let cold_and_kept: &[_] = &[("cold", "/parts/0/cold_share", 1.0), ("mean_instances", "/parts/0/environments", 1.0)];
    vec![
        of("C01", &["cache: { ttl: 300s }"], "arrivals: { poisson: 0.1/s }", Size::Requests(2_000_000, 0), &[("hit", "/parts/0/hit_share", 1.0)]),
        of("C02", &["cache: { ttl: 300s, refresh: true }"], "arrivals: { poisson: 0.01/s }", Size::Requests(2_000_000, 0), &[
            ("hit", "/parts/0/hit_share", 1.0),
        ]),
        // A thousand cycles of a fetch and 42 hits.
        of("C04", &["cache: { ttl: 300s }"], "gaps: 7s\nrun: { requests: 43000 }", Size::Whole, &[("hit", "/parts/0/hit_share", 1.0)]),
        of("C05b", &["cache: { ttl: 2s, fetch: 200ms, coalesce: true }"], "arrivals: { poisson: 5/s }", Size::Requests(2_000_000, 0), &[
            ("hit", "/parts/0/hit_share", 1.0),
        ]),
        of("C06", &["cache: { entries: 100, keys: 1000, zipf: 0.8 }"], "arrivals: { poisson: 100/s }", Size::Requests(1_800_000, 200_000), &[
            ("hit", "/parts/0/hit_share", 1.0),
        ]),
        of("K01", &["pool: { duration: 0s, keep_alive: 600s }"], "arrivals: { poisson: 6/h }", Size::Requests(2_000_000, 0), cold),
        of("K02a", &["pool: { duration: { exponential: 2s }, keep_alive: 600s }"], "arrivals: { poisson: 0.9/s }",
            Size::Requests(1_900_000, 100_000), cold_and_kept),
        of("K02c", &["pool: { duration: { exponential: 200ms }, keep_alive: 30s }"], "arrivals: { poisson: 50/s }",
            Size::Requests(1_900_000, 100_000), cold_and_kept),
        of("K02e", &["pool: { duration: { exponential: 1s }, keep_alive: 10s, limit: 12 }"], "arrivals: { poisson: 9/s }",
            Size::Requests(1_900_000, 100_000), &[("cold", "/parts/0/cold_share", 1.0), ("throttle", "/parts/0/refused_share", 1.0)]),
        // A cold invocation takes as much longer as its mean is above that of a warm one: no mean knows the difference.
        of("K03", &["pool: { duration: { exponential: 1991ms }, cold_start: 253ms, keep_alive: 600s, dispatch: newest_created }"],
            "arrivals: { poisson: 0.9/s }", Size::Requests(4_000_000, 100_000), &[
                ("cold_newest_created", "/parts/0/cold_share", 1.0), ("instances_newest_created", "/parts/0/environments", 1.0),
                ("busy_newest_created", "/parts/0/busy", 1.0),
            ]),
        of("K03", &["pool: { duration: { exponential: 1991ms }, cold_start: 253ms, keep_alive: 600s }"],
            "arrivals: { poisson: 0.9/s }", Size::Requests(4_000_000, 100_000), &[
                ("cold_mru", "/parts/0/cold_share", 1.0), ("instances_mru", "/parts/0/environments", 1.0), ("busy_mru", "/parts/0/busy", 1.0),
            ]),
        of("K03", &["pool: { duration: { exponential: 1991ms }, cold_start: 253ms, keep_alive: 600s, dispatch: least_recently_used }"],
            "arrivals: { poisson: 0.9/s }", Size::Full(4_000_000, 100_000), &[
                ("cold_lru", "/parts/0/cold_share", 1.0), ("instances_lru", "/parts/0/environments", 1.0), ("busy_lru", "/parts/0/busy", 1.0),
            ]),
        of("K05", &["pool: { duration: { exponential: 1s }, provisioned: 12 }"], "arrivals: { poisson: 10/s }",
            Size::Requests(1_900_000, 100_000), &[("spill", "/parts/0/spilled_share", 1.0)]),
        of("K06", &["pool: { duration: 250ms, cold_start: 700ms }"], "arrivals: { constant: 10/s }\nrun: { requests: 1000 }", Size::Whole, &[
            ("cold_starts", "/parts/0/cold_starts", 1.0),
        ]),
        of("T11", &["pool: { duration: 999500us, scale_out: { rate: 100/s, burst: 1000 } }"],
            "arrivals: { constant: 3000/s }\nrun: { duration: 30s, seconds: true }", Size::Whole, &[
                ("requests", "/requests", 1.0), ("throttled", "/parts/0/refused", 1.0), ("cold_starts", "/parts/0/cold_starts", 1.0),
                ("throttled_in_first_second", "/seconds/0/turned_away", 1.0),
            ]),
    ]
}

fn of(id: &'static str, parts: &[&str], rest: &str, size: Size, metrics: Metrics) -> Reference {
    let parts: String = parts.iter().flat_map(|part| ["  - ", part, "\n"]).collect();
    Reference { id, case: format!("system:\n{parts}{rest}\n"), size, metrics }
}

/// Each bucket under Poisson arrivals that the references have.
fn buckets(references: &[Value]) -> Vec<(String, Reference)> {
    let number = |case: &Value, key: &str| case["params"][key].as_f64().expect("a number");
    let of = |case: &Value| {
        let (rate, burst, lambda) = (number(case, "rate"), number(case, "burst"), number(case, "lambda_"));
        let text = format!("system:\n  - bucket: {{ rate: {rate}/s, burst: {burst} }}\narrivals: {{ poisson: {lambda}/s }}\n");
        let metrics: &[_] = &[("throttle", "/parts/0/refused_share", 1.0)];
        let id = case["id"].as_str().expect("an id").to_owned();
        (id, Reference { id: "T03", case: text, size: Size::Requests(2_000_000, 100_000), metrics })
    };
    references.iter().filter(|case| case["id"].as_str().is_some_and(|id| id.starts_with("T03."))).map(of).collect()
}

impl Reference {
    /// The record of a run that is `share` of the nominal one, and what part of it that really was.
    fn played(&self, bench: &Bench, share: f64) -> (Value, f64) {
        let of = |n: u32| (f64::from(n) * share).ceil() as u32;
        let (run, replications, share) = match self.size {
            // What settles is not counted, however little is.
            Size::Requests(n, skip) => (format!("run: {{ requests: {}, skip: {skip} }}\n", of(n) + skip), 1, share),
            Size::Full(n, skip) => (format!("run: {{ requests: {}, skip: {skip} }}\n", n + skip), 1, 1.0),
            Size::Whole => (String::new(), 1, 1.0),
            Size::Replications(n) => (String::new(), of(n), share),
        };
        bench.file("case.yaml", &(self.case.clone() + &run));
        let replications = replications.to_string();
        let arguments = ["simulate", "case.yaml", "--quiet", "--format", "json", "--replications", replications.as_str()];
        let done = bench.sluicegate(arguments).expect_code(0);
        (serde_json::from_str(&done.stdout).expect("the record is JSON"), share)
    }
}

/// Plays all of it; the table, and how many numbers of it are not as they should be.
fn compared(cases: Vec<(String, Reference)>, references: &[Value]) -> (String, usize) {
    let bench = Bench::new();
    let (mut table, mut wrong, mut all) = (String::new(), 0, 0);
    let _ = writeln!(table, "{:8} {:20} {:>14} {:>14} {:>12}", "case", "metric", "expected", "found", "tolerance");
    for (id, reference) in cases {
        let case = references.iter().find(|case| case["id"] == id.as_str()).expect("a case of this id");
        let (record, share) = reference.played(&bench, share());
        for (metric, pointer, scale) in reference.metrics {
            let of = |key: &str| case["metrics"][metric][key].as_f64().unwrap_or_else(|| panic!("{id}: no {metric}.{key}"));
            let found =
                record.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{id}: no {pointer} in {record:#}"))
                    * scale;
            let (expected, tolerance) = (of("expected"), of("tol_abs") / share.sqrt());
            let is_right = (found - expected).abs() <= tolerance;
            (all, wrong) = (all + 1, wrong + usize::from(!is_right));
            let mark = if is_right { "" } else { "  WRONG" };
            let _ = writeln!(table, "{id:8} {metric:20} {expected:14.6} {found:14.6} {tolerance:12.6}{mark}");
        }
    }
    let _ = writeln!(table, "{} of {all} within tolerance", all - wrong);
    (table, wrong)
}

#[test]
#[ignore = "needs ../shared"]
#[allow(clippy::print_stdout, reason = "the table is what it is run for; the harness shows it when asked")]
fn stations_and_limiters_are_as_the_references_say() {
    let _quiet = quiet();
    let references = references();
    let named =
        queues().into_iter().chain(limiters()).chain(caches_and_pools()).map(|reference| (reference.id.to_owned(), reference));
    let (table, wrong) = compared(named.chain(buckets(&references)).collect(), &references);
    println!("{table}");
    assert_eq!(wrong, 0, "{table}");
}

/// The record of a case.
fn record(bench: &Bench, case: &str) -> Value {
    bench.file("case.yaml", case);
    let done = bench.sluicegate(["simulate", "case.yaml", "--quiet", "--format", "json"]).expect_code(0);
    serde_json::from_str(&done.stdout).expect("the record is JSON")
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {pointer}"))
}

fn the<'a>(references: &'a [Value], id: &str) -> &'a Value {
    references.iter().find(|case| case["id"] == id).expect("the case")
}

/// T11: until when environments were too few; T13: the provider's own example, all requests of a minute at once.
#[test]
#[ignore = "needs ../shared"]
fn environments_are_added_as_fast_as_the_provider_says() {
    let _quiet = quiet();
    let (references, bench) = (references(), Bench::new());
    let step = "system:\n  - pool: { duration: 999500us, scale_out: { rate: 100/s, burst: 1000 } }\n\
                arrivals: { constant: 3000/s }\nrun: { duration: 30s, seconds: true }\n";
    let played = record(&bench, step);
    let seconds = played["seconds"].as_array().expect("it is told second by second");
    let last = seconds.iter().rfind(|second| number(second, "/turned_away") > 0.0).map(|second| number(second, "/second"));
    assert_eq!(last, the(&references, "T11")["metrics"]["last_second_with_throttle"]["expected"].as_f64());
    for minutes in 1..=4_u32 {
        let (each, rest) = (10_000 / minutes, 10_000 % minutes);
        let batch = |minute: u32| format!("{{ at: {}s, requests: {} }}", 60 * minute, each + u32::from(minute < rest));
        let batches: Vec<String> = (0..minutes).map(batch).collect();
        let case = format!(
            "system:\n  - pool: {{ duration: 1s, scale_out: {{ rate: 500/min, burst: 3000 }} }}\nbatches: [ {} ]\nrun: {{ duration: 10m, seconds: true }}\n",
            batches.join(", ")
        );
        let played = record(&bench, &case);
        let seconds = played["seconds"].as_array().expect("it is told second by second");
        let refused = |minute: u32| {
            let second = seconds.iter().find(|second| second["second"] == 60 * minute).expect("requests came in it");
            number(second, "/turned_away")
        };
        let expected = &the(&references, "T13")["metrics"][format!("throttled_{minutes}min")]["expected"];
        let expected: Vec<f64> =
            expected.as_array().map_or_else(|| vec![number(expected, "")], |all| all.iter().filter_map(Value::as_f64).collect());
        let found: Vec<f64> = (0..minutes).map(refused).collect();
        // 10,000 is no multiple of three: the reference rounds.
        assert!(
            found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() <= 1.0),
            "{found:?} for {expected:?}"
        );
    }
}

/// A01: how bursty the arrivals themselves are, in windows of one and of ten seconds.
#[test]
#[ignore = "needs ../shared"]
fn bursts_are_as_dispersed_as_their_closed_form_says() {
    let _quiet = quiet();
    let (references, bench) = (references(), Bench::new());
    let seconds = (200_000.0 * share()) as usize;
    let case = format!(
        "system: [ {{ fails: {{ share: 0% }} }} ]\nbursts: [ {{ rate: 40/s, lasts: 2s }}, {{ rate: 220/s, lasts: 1s }} ]\nrun: {{ duration: {seconds}s, seconds: true }}\n"
    );
    let played = record(&bench, &case);
    let mut came = vec![0.0; seconds];
    for second in played["seconds"].as_array().expect("it is told second by second") {
        if let Some(came) = came.get_mut(number(second, "/second") as usize) {
            *came = number(second, "/came");
        }
    }
    let dispersion = |window: usize| {
        let counts: Vec<f64> = came.chunks_exact(window).map(|window| window.iter().sum()).collect();
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64 / mean
    };
    let found =
        [("mean_rate", came.iter().sum::<f64>() / seconds as f64), ("idc_1s", dispersion(1)), ("idc_10s", dispersion(10))];
    for (metric, found) in found {
        let expected = &the(&references, "A01")["metrics"][metric];
        let tolerance = number(expected, "/tol_abs") / share().sqrt();
        assert!((found - number(expected, "/expected")).abs() <= tolerance, "{metric}: {found}, tolerance {tolerance}");
    }
}

/// K04: twenty operating points of a real pool, against what was measured there.
#[test]
#[ignore = "needs ../shared"]
fn a_real_pool_is_predicted_as_well_as_its_own_simulator_does() {
    let _quiet = quiet();
    let (references, bench) = (references(), Bench::new());
    let case = the(&references, "K04");
    let rows = case["rows"].as_array().expect("rows");
    let requests = (2e6 * share()) as u32;
    let (mut cold, mut kept) = (0.0, 0.0);
    for row in rows {
        let of = |key: &str| row[key].as_f64().expect("a number");
        let (warm, start) = (of("warm_s") * 1e6, (of("cold_s") - of("warm_s")) * 1e6);
        let case = format!(
            "system:\n  - pool: {{ duration: {{ exponential: {warm:.0}us }}, cold_start: {start:.0}us, keep_alive: 600s, dispatch: newest_created }}\n\
             gaps: {{ exponential: {:.0}us }}\nrun: {{ requests: {requests}, skip: 100 }}\n",
            1e6 / of("lambda_")
        );
        let played = record(&bench, &case);
        let error = |pointer: &str, key: &str| (number(&played, pointer) - of(key)).abs() / of(key);
        cold += error("/parts/0/cold_share", "aws_cold") / rows.len() as f64;
        kept += error("/parts/0/environments", "aws_instances") / rows.len() as f64;
    }
    for (metric, found) in [("mape_cold", cold), ("mape_instances", kept)] {
        let expected = &case["metrics"][metric];
        let (expected, tolerance) = (number(expected, "/expected"), number(expected, "/tol_abs"));
        assert!((found - expected).abs() <= tolerance, "{metric}: {found} for {expected} within {tolerance}");
    }
}

/// Q15: what comes whatever the answers do waits far longer than users who wait for theirs. Nothing that a simulation could do in any time
/// gives nine digits of it, so near to the end of what the servers can do.
#[test]
#[ignore = "needs ../shared"]
fn open_arrivals_wait_far_longer_than_a_closed_loop_of_the_same_throughput() {
    let _quiet = quiet();
    let (references, bench) = (references(), Bench::new());
    let case = the(&references, "Q15");
    let gap_us = 1e6 / case["params"]["lambda_"].as_f64().expect("a rate");
    let open = record(
        &bench,
        &format!(
            "system:\n  - station: {{ servers: 10, work: {{ exponential: 250ms }} }}\ngaps: {{ exponential: {:.0}ns }}\nrun: {{ requests: 8000000, skip: 500000 }}\n",
            gap_us * 1e3
        ),
    );
    let (found, expected) = (number(&open, "/response_time/mean_ns") * NS, number(case, "/metrics/open_mean_response/expected"));
    assert!((found / expected - 1.0).abs() < 0.25, "{found} for {expected}");
    assert!(found > 4.0 * number(case, "/metrics/closed_mean_response/expected"), "{found}");
}

/// L05: a closed form without a nominal run; one run of so many requests has these standard deviations.
#[test]
#[ignore = "needs ../shared"]
fn retries_are_as_many_as_their_closed_form_says() {
    let _quiet = quiet();
    let references = references();
    let case = references.iter().find(|case| case["id"] == "L05").expect("the case");
    let number = |key: &str| case["metrics"][key]["expected"].as_f64().expect("a number");
    let text = "system: [ { fails: { share: 10% } } ]\nretries: { attempts: 3 }\n\
                arrivals: { poisson: 100/s }\nrun: { requests: 1000000 }\n";
    let bench = Bench::new();
    bench.file("case.yaml", text);
    let done = bench.sluicegate(["simulate", "case.yaml", "--quiet", "--format", "json"]).expect_code(0);
    let record: Value = serde_json::from_str(&done.stdout).expect("the record is JSON");
    let found = |key: &str| record[key].as_f64().expect("a number");
    // Attempts are 1, 2 or 3 with probabilities 0.9, 0.09 and 0.01; failures have probability 0.001.
    let deviations =
        [("attempts_each", "attempts", (0.1179_f64 / 1e6).sqrt()), ("failed_share", "final_error", (0.001_f64 / 1e6).sqrt())];
    for (key, metric, deviation) in deviations {
        assert!((found(key) - number(metric)).abs() <= 4.5 * deviation, "{key}: {}, not {}", found(key), number(metric));
    }
}
