//! Starter profiles: every choice that the gateway has proves, simulates and runs as it is, and decides what it claims.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde_json::Value;
use sluicegate::config::{Overrides, load_text};
use sluicegate::design::starter::{Api, Auth, Choice, Integration, Rate, Starter};
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;

use crate::program::{Bench, outcomes, quiet};

/// What is asked of the planned power of delivered profiles, too.
const POWER_ENOUGH: f64 = 0.99;

fn starter(api: Api, auth: Auth, integrations: BTreeSet<Integration>, per_s: u64) -> Option<Starter> {
    let rate = Rate { text: format!("{per_s}/s"), per_second: PerSecond { tokens: per_s, per: Span::from_secs(1) } };
    Starter::try_from(Choice { api, auth, integrations, rate, name: "shop".to_owned() }).ok()
}

/// What an API of that kind can have behind it.
fn all_of(api: Api) -> BTreeSet<Integration> {
    let alone = |kind: &Integration| starter(api, Auth::None, BTreeSet::from([*kind]), 200).is_some();
    Integration::value_variants().iter().copied().filter(alone).collect()
}

/// Each choice of API, authorization and integrations: a name for it, and what is chosen.
fn every_choice() -> Vec<(String, Api, Auth, BTreeSet<Integration>)> {
    let kinds = Integration::value_variants();
    let mut all = Vec::new();
    for api in Api::value_variants() {
        for auth in Auth::value_variants() {
            for bits in 1..1_u32 << kinds.len() {
                let chosen: BTreeSet<_> =
                    kinds.iter().enumerate().filter(|(at, _)| (bits >> at) & 1 == 1).map(|(_, it)| *it).collect();
                if starter(*api, *auth, chosen.clone(), 200).is_some() {
                    all.push((format!("{api:?} {auth:?} {chosen:?}"), *api, *auth, chosen));
                }
            }
        }
    }
    all
}

/// Runs the program and reads the JSON that it prints.
fn json(bench: &Bench, arguments: &[&str], name: &str) -> Value {
    let finished = bench.sluicegate(arguments);
    assert_eq!(finished.code, Some(0), "{name}\n{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// That every request of every series got what it asked for, or ended in that other way.
fn all_is_answered(record: &Value, name: &str, or: Option<&str>) {
    for series in record["series"].as_array().expect("the record lists its series") {
        let series = series["name"].as_str().expect("a series has a name");
        let ended = outcomes(record, "series", series);
        // A reply to a message has no status.
        let good = |(outcome, status): &(String, u64)| {
            Some(outcome.as_str()) == or || (outcome == "answered" && [0, 101, 200, 202].contains(status))
        };
        assert!(!ended.is_empty() && ended.keys().all(good), "{name}: {series}: {ended:?}");
    }
}

#[test]
fn every_choice_proves_and_simulates_and_each_of_its_routes_answers() {
    let _quiet = quiet();
    let bench = Bench::new();
    let choices = every_choice();
    assert!(choices.len() > 200, "{}", choices.len());
    for (name, api, auth, chosen) in choices {
        let profile = starter(api, auth, chosen.clone(), 40).expect("it is there at other rates").profile();
        let plan =
            load_text("shop.yaml", &profile, &Overrides::default(), &[]).unwrap_or_else(|why| panic!("{name}: {why}\n{profile}"));
        assert!(chosen.len() <= plan.model.routes.len() && !plan.expectations.is_empty(), "{name}");
        bench.file("shop.yaml", &profile);
        let record = json(&bench, &["simulate", "shop.yaml", "-q", "-d", "6s", "--warmup", "0s", "--format", "json"], &name);
        let series = record["series"].as_array().map_or(0, Vec::len);
        assert!(series >= chosen.len(), "{name}: {series} series");
        all_is_answered(&record, &name, None);
    }
}

#[test]
fn no_starter_is_planned_so_that_a_claim_of_it_stays_open() {
    let _quiet = quiet();
    let bench = Bench::new();
    for api in Api::value_variants() {
        // The more routes share the rate, the less each of them has.
        let full = Auth::value_variants().iter().map(|auth| (*auth, all_of(*api), 200));
        let slow = std::iter::once((Auth::Lambda, BTreeSet::from([Integration::Lambda]), 1));
        for (auth, chosen, per_s) in full.chain(slow) {
            let name = format!("{api:?} {auth:?} {chosen:?} {per_s}/s");
            let Some(starter) = starter(*api, auth, chosen, per_s) else { continue };
            bench.file("shop.yaml", &starter.profile());
            let plan = json(&bench, &["run", "shop.yaml", "--print-plan", "--format", "json", "-q"], &name);
            for claim in plan["assumptions"].as_array().expect("the plan lists what is claimed") {
                let power = claim["planned_power"].as_f64().unwrap_or_else(|| panic!("{name}: no prediction: {claim}"));
                assert!(power >= POWER_ENOUGH, "{name}: {claim}");
            }
            assert_eq!(plan["notes"].as_array().map(Vec::len), Some(0), "{name}: {}", plan["notes"]);
        }
    }
}

#[test]
fn every_way_to_be_let_in_and_every_integration_is_answered_at_the_mock() {
    let _quiet = quiet();
    let bench = Bench::new();
    for api in Api::value_variants() {
        for auth in Auth::value_variants() {
            let name = format!("{api:?} {auth:?}");
            let Some(starter) = starter(*api, *auth, all_of(*api), 40) else { continue };
            bench.file("shop.yaml", &starter.profile());
            let kept = bench.kept(["run", "shop.yaml", "--drive-only", "-q", "-d", "5s", "--warmup", "0s"]).expect_driven();
            // Clients that stay connected have a question open when the run ends.
            all_is_answered(&kept.record, &name, Some("abandoned"));
        }
    }
}

#[test]
fn what_the_program_writes_holds_at_the_mock_as_it_is() {
    let _quiet = quiet();
    let bench = Bench::new();
    let asked =
        ["design", "--integrations", "lambda,mock", "--auth", "cognito", "-R", "100/s", "--name", "orders", "-o", "orders.yaml"];
    bench.sluicegate(asked).expect_code(0).complains("sluicegate run orders.yaml");
    let kept = bench.kept_valid(["run", "orders.yaml", "-q"]).expect_code(0);
    let verdicts = kept.record["verdicts"].as_array().expect("verdicts");
    assert!(verdicts.len() >= 4 && verdicts.iter().all(|verdict| verdict["answer"] == "holds"), "{verdicts:#?}");
}

#[test]
fn a_file_is_replaced_only_if_that_is_asked_for_and_what_there_is_not_is_refused() {
    let bench = Bench::new();
    let printed = bench.sluicegate(["design"]).expect_code(0).stdout;
    assert!(printed.starts_with("# shop:") && printed.contains("\ngateway:\n"), "{printed}");
    bench.file("there.yaml", "mine");
    bench
        .sluicegate(["design", "-o", "there.yaml"])
        .expect_code(2)
        .complains("there.yaml is there already; name another file, or write --force");
    let there = || std::fs::read_to_string(bench.path("there.yaml")).expect("the file is there");
    assert_eq!(there(), "mine");
    bench.sluicegate(["design", "-o", "there.yaml", "--force"]).expect_code(0);
    assert_eq!(there(), printed);
    bench.sluicegate(["design", "-o", "nowhere/a.yaml"]).expect_code(2).complains("name a place that can");
    for (flags, cure) in [
        (&["--api", "http", "--auth", "cognito"][..], "write --auth jwt"),
        (&["--api", "websocket", "--auth", "cognito"], "write --auth lambda"),
        (&["--api", "http", "--integrations", "lambda,mock"], "--api rest"),
        (&["--rate", "1/h"], "write 1/s to 5000/s"),
        (&["--rate", "0/s"], "--rate"),
        (&["--name", "my shop"], "e.g. shop"),
    ] {
        let finished = bench.sluicegate([&["design"][..], flags].concat()).expect_code(2);
        assert!(finished.stderr.contains(cure) && finished.stdout.is_empty(), "{flags:?}: {}", finished.stderr);
    }
    // Tokens are verified by an HTTP API alone, which therefore needs no flag.
    let jwt = bench.sluicegate(["design", "--auth", "jwt"]).expect_code(0);
    assert!(jwt.stdout.contains("\n  api: http\n"), "{}", jwt.stdout);
}
