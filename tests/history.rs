//! Runs held against earlier ones, and their history: a slower function is found, named and marked with the run in which it came.

use std::fs;

use roxmltree::Document;
use serde_json::{Value, json};

use crate::first_light::SERVICE;
use crate::program::{Bench, Kept, quiet, unwrapped};

const SLOWER: [&str; 3] = ["--drive-only", "--drift", "functions.orders.duration * 1.5"];
const P50: &str = "GET /orders/{id} latency p50";

fn name(kept: &Kept) -> String {
    kept.folder.file_name().expect("a name").to_string_lossy().into_owned()
}

fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["run", "service.yaml"].into_iter().chain(more.iter().copied()).collect()
}

/// The answer on a claim of the baseline.
fn answer<'a>(record: &'a Value, claim: &str) -> &'a str {
    let all = record["baseline"]["verdicts"].as_array().expect("verdicts");
    let found = all.iter().find(|verdict| verdict["assumption"] == claim).unwrap_or_else(|| panic!("{claim}: {all:#?}"));
    found["answer"].as_str().expect("an answer")
}

#[test]
fn a_slower_function_breaks_the_baseline_and_is_marked_in_the_history() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let first = bench.kept_valid(run(&["--baseline", "latest-passing"])).expect_code(0);
    let kinds: Vec<&Value> = first.record["doubts"].as_array().expect("doubts").iter().map(|doubt| &doubt["kind"]).collect();
    assert!(kinds.contains(&&json!("no-baseline")), "the first of a pipeline passes, and says that it stands alone: {kinds:?}");
    assert_eq!(first.record["baseline"], Value::Null);

    let same = bench.kept_valid(run(&["--seed", "2", "--baseline", "latest-passing"])).expect_code(0);
    assert_eq!(same.record["baseline"]["before"]["path"], name(&first).as_str());
    assert_eq!(answer(&same.record, P50), "holds");

    let slower =
        bench.kept_valid(run(&[&SLOWER[..], &["--baseline", &name(&first), "--export", "gate.xml"]].concat())).expect_code(3);
    assert_eq!(answer(&slower.record, P50), "violated");
    is_told_everywhere(&bench, &slower);

    let back = bench.kept_valid(run(&["--drive-only", "--baseline", "latest-passing"])).expect_code(0);
    assert_eq!(back.record["baseline"]["before"]["path"], name(&same).as_str(), "the newest that passed, and not the newest");
    is_listed(&bench, [&first, &same, &slower, &back]);
    is_refused(&bench, &first);
}

fn is_told_everywhere(bench: &Bench, slower: &Kept) {
    let said = "BASELINE VIOLATED: 2 of 3 claims are no longer within the margin";
    let text = unwrapped(&slower.finished.stdout);
    assert!(text.contains(said) && text.contains("(exit code 3)") && text.contains(&format!("VIOLATED {P50}")), "{text}");
    let shown = bench.sluicegate(["report", &name(slower)]).expect_code(3);
    let lines = |text: &str| text.lines().take(30).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&shown.stdout), lines(&slower.finished.stdout), "the report can be had again");
    let xml = fs::read_to_string(bench.path("gate.xml")).expect("it was written");
    let document = Document::parse(&xml).expect("XML");
    let failed: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("failure"))
        .filter_map(|node| node.parent()?.attribute("name").map(str::to_owned))
        .collect();
    assert_eq!(failed, [format!("baseline: {P50}"), "baseline: GET /orders/{id} latency p95".to_owned()]);
    let markdown = bench.sluicegate(["report", &name(slower), "--format", "markdown"]).expect_code(3).stdout;
    assert!(markdown.contains("### Baseline") && markdown.contains("❌ **violated**"), "{markdown}");
    let page = fs::read_to_string(slower.folder.join("report.html")).expect("a page");
    assert!(page.contains("<h2>Baseline</h2>") && page.contains(said), "the page says it, too");
}

fn is_listed(bench: &Bench, kept: [&Kept; 4]) {
    let listed = |more: &[&str]| {
        let line = ["history", ".", "--format", "json"].iter().chain(more);
        let record: Value = serde_json::from_str(&bench.sluicegate(line).expect_code(0).stdout).expect("JSON");
        record
    };
    let [first, same, slower, back] = kept.map(name);
    let all = listed(&["--trend", "--profile", "service"]);
    let schema: Value = serde_json::from_str(&bench.sluicegate(["schema", "history"]).expect_code(0).stdout).expect("JSON");
    let errors: Vec<_> =
        jsonschema::validator_for(&schema).expect("a schema").iter_errors(&all).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // Runs that a busy machine made invalid are listed, too.
    let runs: Vec<(&str, &str)> = all["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .filter(|run| run["answer"] != "invalid")
        .map(|run| (run["folder"].as_str().expect("a folder"), run["answer"].as_str().expect("an answer")))
        .collect();
    assert_eq!(runs, [(&*first, "held"), (&*same, "held"), (&*slower, "violated"), (&*back, "held")]);
    let passing = listed(&["--passing", "--last", "1"]);
    assert_eq!(passing["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(passing["runs"][0]["folder"], back.as_str());
    let [trend] = all["trends"].as_array().expect("trends").as_slice() else { panic!("one load: {:#}", all["trends"]) };
    let orders = trend["series"].as_array().expect("series").iter().find(|series| series["name"] == "GET /orders/{id}");
    let points = orders.expect("the route")["points"].as_array().expect("points");
    let marked: Vec<bool> = points
        .iter()
        .map(|point| point["changes"].as_array().is_some_and(|all| all.iter().any(|change| change["metric"] == "latency p50")))
        .collect();
    assert_eq!(marked, [false, false, true, true], "it came, and it went: {points:#?}");
    let text = unwrapped(&bench.sluicegate(["history", ".", "--trend"]).expect_code(0).stdout);
    assert!(text.contains("latency p50 was") && text.contains(&slower), "{text}");
}

/// What cannot be a baseline is refused before anything is sent, and leaves nothing.
fn is_refused(bench: &Bench, first: &Kept) {
    let refused = |more: &[&str], why: &str| {
        let line = run(&[more, &["--output", "none"]].concat());
        bench.sluicegate(line).expect_code(2).complains(why);
        assert!(!bench.path("none").exists(), "{why}");
    };
    let first_name = name(first);
    refused(&["--baseline", "nowhere"], "--baseline nowhere: cannot be read");
    refused(
        &["--baseline", &first_name, "-R", "200/s"],
        "not the same load: the rate of the first is 300/s, of the second 200/s",
    );
    let folder = bench.path("invalid");
    fs::create_dir_all(&folder).expect("a folder");
    let mut record = first.record.clone();
    record["doubts"] = json!([{ "weight": "invalid", "kind": "rate-missed", "what": "sent 90 %", "advice": "lower it" }]);
    fs::write(folder.join("run.json"), record.to_string()).expect("it can be written");
    fs::copy(first.folder.join("latency.hlog"), folder.join("latency.hlog")).expect("it can be copied");
    refused(&["--baseline", "invalid"], "the baseline is invalid (rate-missed): sent 90 %; lower it");
}
