//! Kept runs, judged again: by their own model, by another, by an earlier run; and what cannot be compared says so.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::first_light::SERVICE;
use crate::program::{Bench, Finished, Kept, quiet, unwrapped};

/// The verdicts and the rest of a comparison, which must be as its schema says.
fn compared(bench: &Bench, arguments: &[&str], code: i32) -> Value {
    let line = ["compare"].iter().chain(arguments).chain(&["--format", "json"]);
    let finished = bench.sluicegate(line).expect_code(code);
    let record: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let schema = bench.sluicegate(["schema", "compared"]).expect_code(0).stdout;
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    record
}

fn answers(record: &Value) -> Vec<(&str, &str)> {
    let text = |verdict: &'_ Value, key: &str| verdict[key].as_str().expect("a text").to_owned();
    let all = record["verdicts"].as_array().expect("verdicts");
    for verdict in all {
        assert!(!text(verdict, "because").is_empty(), "{verdict:#}");
    }
    all.iter()
        .map(|verdict| (verdict["assumption"].as_str().expect("a name"), verdict["answer"].as_str().expect("an answer")))
        .collect()
}

fn name(kept: &Kept) -> String {
    kept.folder.file_name().expect("a name").to_string_lossy().into_owned()
}

fn refused(bench: &Bench, arguments: &[&str]) -> Finished {
    bench.sluicegate(["compare"].iter().chain(arguments)).expect_code(2)
}

const LATENCIES: [&str; 2] = ["GET /orders/{id} latency p50", "GET /orders/{id} latency p95"];

#[test]
fn kept_runs_are_judged_by_their_model_by_others_and_by_each_other() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let slower = SERVICE.replace("{ p50: 20ms, p99: 40ms }", "{ p50: 30ms, p99: 60ms }").replace("within: 20%", "within: 25%");
    bench.file("slower.yaml", &slower);
    let before = bench.kept_valid(["run", "service.yaml"]);
    let after = bench.kept_valid(["run", "service.yaml", "--seed", "2"]);
    let drifted = bench.kept_valid(["run", "service.yaml", "--drift", "functions.orders.duration * 1.5"]);
    let [first, second, third] = [&before, &after, &drifted].map(name);

    by_its_own_model(&bench, &before, &drifted);

    let same = compared(&bench, &[&first, &second], 0);
    assert!(answers(&same).iter().all(|(_, answer)| *answer == "holds"), "{same:#}");
    assert_eq!(same["doubts"][0]["kind"], "other-schedule", "the seeds differ");
    let noise = same["distances"][0]["w1_over_median"].as_f64().expect("a distance");
    assert!(noise < 0.1, "{noise}");

    let changed = compared(&bench, &[&first, &third], 3);
    assert_eq!(answers(&changed), [(LATENCIES[0], "violated"), (LATENCIES[1], "violated"), ("throttled", "holds")]);
    assert_eq!(changed["after"]["drift"], json!(["functions.orders.duration * 1.5"]));
    let apart = changed["distances"][0]["w1_over_median"].as_f64().expect("a distance");
    assert!((0.3..0.7).contains(&apart), "half as slow again: {apart}");
    let verdict = &changed["verdicts"][0];
    assert!(verdict["standard_error"].as_f64().is_some_and(|error| error > 0.0), "the first run is noisy, too: {verdict:#}");
    let text = unwrapped(&bench.sluicegate(["compare", &first, &third]).expect_code(3).stdout);
    assert!(text.contains("VIOLATED: 2 of 3 claims are no longer within the margin") && text.contains("own noise"), "{text}");

    assert_eq!(compared(&bench, &[&first, "service.yaml"], 0)["family"], "model");
    let other = compared(&bench, &[&third, "slower.yaml"], 0);
    assert!(answers(&other).iter().all(|(_, answer)| *answer == "holds"), "the drift is what that model says: {other:#}");
    assert_eq!(other["doubts"], json!([]), "it is the script of the run");
    compared(&bench, &[&first, "slower.yaml"], 3);

    limits(&bench, &first, &second);
    what_cannot_be_compared(&bench, &before, &after);
}

/// The verdicts of the runs themselves, from what they kept.
fn by_its_own_model(bench: &Bench, holding: &Kept, drifted: &Kept) {
    for (kept, code) in [(holding, 0), (drifted, 3)] {
        let again = compared(bench, &[&name(kept)], code);
        for verdict in again["verdicts"].as_array().expect("verdicts") {
            let then = kept.verdict(verdict["assumption"].as_str().expect("a name"));
            assert_eq!(verdict["answer"], then["answer"], "{verdict:#} {then:#}");
            assert_eq!(verdict["requests"], then["requests"], "{verdict:#} {then:#}");
            // A kept time is known within a thousandth; on which side of an end of a band it lies is known exactly.
            assert_eq!(verdict["effective_requests"], then["effective_requests"], "{verdict:#} {then:#}");
            let [now, earlier] = [verdict, then].map(|verdict| verdict["observed"].as_f64().expect("a number"));
            assert!((now - earlier).abs() <= 0.002 * earlier.abs(), "{verdict:#} {then:#}");
        }
    }
}

/// Plain thresholds, of a run alone and of the later of two.
fn limits(bench: &Bench, first: &str, second: &str) {
    let kept = compared(bench, &[first, "--expect", "p99 < 300ms", "--expect", "errors < 5 %"], 0);
    assert_eq!(answers(&kept), [("latency p99 at most 300ms", "holds"), ("errors at most 5%", "holds")]);
    let broken = compared(bench, &[first, second, "--expect", "GET /orders/{id} p95 < 10ms"], 3);
    assert_eq!(answers(&broken), [("GET /orders/{id} latency p95 at most 10ms", "violated")]);
    assert!(broken["verdicts"][0]["predicted"].as_f64().is_some(), "what it was before is shown");
    let few = compared(bench, &[first, "--expect", "errors < 0.1 %"], 4);
    assert!(few["verdicts"][0]["because"].as_str().is_some_and(|why| why.contains("too few requests")), "{few:#}");
    let alone = compared(bench, &[first, "--expect", "latency p90 within 10%"], 4);
    let why = alone["verdicts"][0]["because"].as_str().expect("a reason");
    assert!(why.contains("name a profile or a second run"), "{why}");
    refused(bench, &[first, second, "--expect", "GET /order/{id} p95 < 10ms"]).complains("did you mean \"GET /orders/{id}\"");
    refused(bench, &[first, second, "--expect", "speed"]).complains("--expect: expect[0]: \"speed\" does not end in a metric");
}

/// A copy of a run with a change to its record and to its log.
fn altered(bench: &Bench, kept: &Kept, to: &str, record: impl Fn(&mut Value), log: impl Fn(String) -> String) {
    let folder = bench.path(to);
    fs::create_dir_all(&folder).expect("a folder");
    let mut changed = kept.record.clone();
    record(&mut changed);
    fs::write(folder.join("run.json"), changed.to_string()).expect("it can be written");
    let text = fs::read_to_string(kept.folder.join("latency.hlog")).expect("a log");
    fs::write(folder.join("latency.hlog"), log(text)).expect("it can be written");
}

fn arrivals(record: &mut Value, arrivals: Value) {
    record["plan"]["script_hash"] = json!("00");
    record["plan"]["resolved"]["profile"]["traffic"]["arrivals"] = arrivals;
}

fn what_cannot_be_compared(bench: &Bench, before: &Kept, after: &Kept) {
    let as_it_is = |text: String| text;
    let because = |to: &str| {
        let record = compared(bench, &[&name(before), to], 4);
        assert!(answers(&record).iter().all(|(_, answer)| *answer == "inconclusive"), "{record:#}");
        record["doubts"][0]["what"].as_str().expect("a reason").to_owned()
    };
    altered(bench, after, "faster", |record| arrivals(record, json!({ "poisson": "306/s" })), as_it_is);
    assert!(because("faster").contains("not the same load: the rate of the first is 300/s, of the second 306/s (2 % apart"));
    altered(bench, after, "even", |record| arrivals(record, json!({ "constant": "300/s" })), as_it_is);
    assert!(because("even").contains("the arrivals of the first are poisson"));
    altered(
        bench,
        after,
        "mixed",
        |record| {
            record["plan"]["script_hash"] = json!("00");
            record["plan"]["resolved"]["profile"]["traffic"]["mix"][0]["weight"] = json!(3);
        },
        as_it_is,
    );
    assert!(because("mixed").contains("the mix of requests differ"));
    altered(bench, after, "closed", |record| record["plan"]["model"] = json!("closed"), as_it_is);
    assert!(because("closed").contains("the first run is open"));
    altered(
        bench,
        after,
        "stopped",
        |record| {
            record["complete"] = json!(false);
            record["stopped"] = json!({ "interrupted": 2 });
        },
        as_it_is,
    );
    assert!(because("stopped").contains("the second run was interrupted by signal 2"));
    let doubt = json!({ "weight": "invalid", "kind": "rate-missed", "what": "sent 90 %", "advice": "lower it" });
    altered(bench, after, "invalid", |record| record["doubts"] = json!([doubt]), as_it_is);
    assert!(because("invalid").contains("the second run is invalid (rate-missed): sent 90 %"));
    let half = |text: String| text.split_inclusive('\n').take(text.lines().count() / 2).collect::<String>();
    altered(bench, after, "cut", |_| {}, half);
    assert!(because("cut").contains("latency.hlog"), "{}", because("cut"));
    older_runs(bench, before, after);
    broken_files(bench, before, after);
}

/// Runs of a version that kept only the answers' times: what these carry is judged.
fn older_runs(bench: &Bench, before: &Kept, after: &Kept) {
    let without = |text: String| text.split_inclusive('\n').filter(|line| !line.starts_with("#[A tag alone")).collect();
    altered(bench, after, "older", |_| {}, without);
    compared(bench, &[&name(before), "older"], 0);
    altered(bench, after, "older-failing", |record| record["total"]["outcomes"][0]["status"] = json!(503), without);
    let record = compared(bench, &[&name(before), "older-failing"], 4);
    assert_eq!(record["doubts"][0]["kind"], "no-outcomes");
}

fn broken_files(bench: &Bench, before: &Kept, after: &Kept) {
    let first = name(before);
    altered(bench, after, "torn", |_| {}, |text| text[..text.len() - 30].to_owned());
    refused(bench, &[&first, "torn"]).complains("torn/latency.hlog: ");
    fs::remove_file(bench.path("torn/latency.hlog")).expect("it is there");
    refused(bench, &[&first, "torn"]).complains("keep it beside the run.json");
    refused(bench, &[&first, "nowhere/run.json"]).complains("nowhere/run.json: cannot be read");
    refused(bench, &[&first, "nothing.yaml"]).complains("nothing.yaml: the profile cannot be read");
    bench.file("broken.yaml", &SERVICE.replace("api: http", "api: soap"));
    refused(bench, &[&first, "broken.yaml"]).complains("broken.yaml:3:8: gateway.api: ");
    assert!(Path::new(&bench.path(&first)).is_dir());
}
