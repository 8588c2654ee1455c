//! Which of the runs beside a run may become its baseline.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::history::tests::{keep, record};
use super::*;

/// A run's plan as it stands in its record.
fn plan(of: &Value) -> PlanRecord {
    serde_json::from_value(of["plan"].clone()).expect("a plan")
}

fn candidates(folder: &TempDir, plan: &PlanRecord) -> (Vec<String>, u64) {
    match look(&Asked::LatestPassing, plan, folder.path()).expect("it can be looked for") {
        Candidates::Passed(runs, of_profile) => {
            let name = |run: &RunRow| Path::new(&run.folder).file_name().expect("a name").to_string_lossy().into_owned();
            (runs.iter().map(name).collect(), of_profile)
        }
        Candidates::Named(_) => panic!("none was named"),
    }
}

fn changed(started_at: &str, answer: &str, change: impl Fn(&mut Value)) -> String {
    let mut record = record(started_at, answer);
    change(&mut record);
    record.to_string()
}

#[test]
fn the_newest_that_passed_comes_first_and_only_runs_of_the_profile_count() {
    let folder = TempDir::new().expect("a folder");
    let at = |hour: u32| format!("2026-11-22T{hour:02}:00:00Z");
    keep(folder.path(), "first", &changed(&at(1), "holds", |_| {}));
    keep(folder.path(), "second", &changed(&at(2), "holds", |record| record["plan"]["profile"] = json!("./profiles/shop.yaml")));
    keep(folder.path(), "violated", &changed(&at(3), "violated", |_| {}));
    keep(folder.path(), "undecided", &changed(&at(4), "inconclusive", |_| {}));
    keep(folder.path(), "killed", &changed(&at(5), "holds", |record| record["complete"] = json!(false)));
    keep(folder.path(), "drifted", &changed(&at(6), "holds", |record| record["plan"]["drift"] = json!(["a = 1"])));
    keep(folder.path(), "live", &changed(&at(7), "holds", |record| record["plan"]["target"] = json!("https://example.com/prod")));
    keep(folder.path(), "model", &changed(&at(8), "holds", |record| record["plan"]["target"] = json!("model")));
    keep(folder.path(), "other", &changed(&at(9), "holds", |record| record["plan"]["profile"] = json!("profiles/chat.yaml")));
    keep(folder.path(), "replayed", &changed(&at(10), "holds", |record| record["plan"]["log"] = json!("access.log")));
    keep(folder.path(), "deep/er", &changed(&at(11), "holds", |_| {}));
    keep(folder.path(), "torn", "{");
    let mine = plan(&record(&at(12), "holds"));
    assert_eq!(candidates(&folder, &mine), (vec!["second".to_owned(), "first".to_owned()], 5));
    let live = PlanRecord { target: "https://preview-7.example.com".to_owned(), ..mine.clone() };
    assert_eq!(candidates(&folder, &live).0, ["live"]);
    let drifted = PlanRecord { drift: vec!["a = 1".to_owned()], ..mine.clone() };
    assert_eq!(candidates(&folder, &drifted).0, ["drifted", "second", "first"]);
    let replayed = PlanRecord { log: Some("logs/access.log".to_owned()), ..mine };
    assert_eq!(candidates(&folder, &replayed).0, ["replayed"]);
}

#[test]
fn where_none_has_passed_it_says_why_and_refuses_nothing() {
    let folder = TempDir::new().expect("a folder");
    let mine = plan(&record("2026-11-22T12:00:00Z", "holds"));
    let why = || match look(&Asked::LatestPassing, &mine, &folder.path().join("runs")).and_then(|found| found.settle(&mine)) {
        Ok(Baseline::NoneYet(doubt)) => (doubt.weight, doubt.what),
        Ok(Baseline::Run(run)) => panic!("{}", run.path.display()),
        Err(failure) => panic!("{failure}"),
    };
    assert_eq!(why(), (Weight::Note, "held against no earlier run: there is no run of this profile beside this one".to_owned()));
    keep(folder.path(), "runs/violated", &record("2026-11-22T11:00:00Z", "violated").to_string());
    assert!(why().1.ends_with("of 1 runs of this profile beside this one none has passed"), "{}", why().1);
    // Its seconds are not there.
    keep(folder.path(), "runs/bare", &record("2026-11-22T11:00:00Z", "holds").to_string());
    assert!(why().1.contains("none had the same load, and its seconds whole"), "{}", why().1);
}

#[test]
fn one_that_was_named_must_be_there() {
    let folder = TempDir::new().expect("a folder");
    let mine = plan(&record("2026-11-22T12:00:00Z", "holds"));
    let asked = Asked::Run(folder.path().join("nowhere"));
    let failure = look(&asked, &mine, folder.path()).err().expect("there is none");
    assert_eq!(failure.code(), 2);
    assert!(failure.to_string().starts_with("--baseline ") && failure.to_string().contains("nowhere"), "{failure}");
}
