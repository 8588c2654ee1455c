//! The search for the highest rate: found where it is known to be, ended by the user with what was found, refused where steps cannot tell.

use std::io::{BufRead, BufReader};
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Bench, Finished, finish, quiet, unwrapped, while_invalid};

/// A gateway that lets 600/s pass, and hardly more at once.
const PROFILE: &str = "\
# Imitates a service that answers at once behind a throttled stage.
gateway:
  api: http
  region: us-east-1
  stages: { prod: { throttle: { rate: 600/s, burst: 5 } } }
  routes: { GET /a: { integration: { mock: { status: 200 } } } }
traffic:
  mix: [{ request: GET /a }]
  arrivals: { constant: 300/s }
run: { connections: 8, timeout: 2s, lag_limit: 20ms } # late ones change what is throttled by less than is asked here
network: { round_trip: 1ms }
safety: { max_rate: 2000/s }
";

/// Steps of a second: enough for 5 %.
const SEARCH: [&str; 9] =
    ["run", "p.yaml", "--find-rate", "throttled < 5%", "--find-step", "800ms", "--warmup", "200ms", "--find-precision=10%"];

fn record(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("search.json")).expect("the search is kept");
    serde_json::from_str(&text).expect("search.json is JSON")
}

/// Searches, again while the machine is too busy for it; what was printed, and the folder.
fn searched(bench: &Bench, more: &[&str]) -> (Finished, std::path::PathBuf) {
    let mut names = (1..).map(|attempt| format!("search-{attempt}"));
    let attempt = || {
        let name = names.next().expect("there is always another");
        let finished = bench.sluicegate(SEARCH.iter().chain(more).chain(&["--output", &name]));
        (finished, bench.path(&name))
    };
    while_invalid(attempt, |(finished, _)| finished.code == Some(4))
}

#[test]
fn the_rate_of_a_throttle_is_found_and_every_step_is_kept() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("p.yaml", PROFILE);
    let (finished, folder) = searched(&bench, &["--rate", "400/s"]);
    let finished = finished.expect_code(0);
    let search = record(&folder);
    // 5 % are throttled at 632/s.
    let (found, refuted) = (search["found_per_s"].as_f64().expect("found"), search["refuted_per_s"].as_f64().expect("refuted"));
    assert!((560.0..=645.0).contains(&found), "{search:#}");
    assert!(found < refuted && refuted <= 1.1 * found + 0.001, "{search:#}");
    assert_eq!((&search["version"], &search["ended"]), (&Value::from(1), &Value::from("found")));
    assert!(search["failed_first"][0].as_str().is_some_and(|why| why.starts_with("throttled < 5%: was ")), "{search:#}");
    let steps = search["steps"].as_array().expect("steps");
    assert!((6..=20).contains(&steps.len()), "{} steps", steps.len());
    let at = |rate: f64, answer: &str| steps.iter().filter(|step| step["rate_per_s"] == rate && step["answer"] == answer).count();
    assert!(at(found, "passed") == 3 && at(found, "failed") < 2 && at(refuted, "failed") == 2, "{search:#}");
    let mut sent = 0;
    for step in steps {
        let path = folder.join(step["folder"].as_str().expect("a folder")).join("run.json");
        let run: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("each step is kept")).expect("JSON");
        assert_eq!(run["load"]["sent"], step["sent"]);
        assert!(run["receiver"]["arrived"].as_u64().is_some_and(|arrived| arrived > 0), "it has a mock of its own");
        sent += run["load"]["sent"].as_u64().expect("sent");
    }
    assert_eq!(search["requests"], sent);
    let said = unwrapped(&finished.stdout);
    assert!(
        said.contains("FOUND: ") && said.contains("(exit code 0)") && said.contains("confirmed is what has held 3 times"),
        "{said}"
    );
    assert!(
        finished.stderr.contains("step 1: 400/s\n") && finished.stderr.contains("  failed: throttled < 5%"),
        "{}",
        finished.stderr
    );
    let again = bench.sluicegate(["report".as_ref(), folder.as_os_str()]).expect_code(0);
    assert_eq!(
        unwrapped(&again.stdout).replace(&*folder.to_string_lossy(), ""),
        said.replace(&*folder.file_name().expect("a name").to_string_lossy(), "")
    );
}

#[test]
fn a_search_never_exceeds_the_ceiling_and_says_that_the_limit_is_beyond_it() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("p.yaml", &PROFILE.replace("max_rate: 2000/s", "max_rate: 450/s"));
    let (finished, folder) = searched(&bench, &["--format", "json", "--quiet"]);
    let finished = finished.expect_code(0);
    let search = record(&folder);
    assert_eq!((&search["ended"], &search["found_per_s"]), (&Value::from("at-ceiling"), &Value::from(450.0)));
    let steps = search["steps"].as_array().expect("steps");
    assert!(
        steps.iter().all(|step| step["rate_per_s"].as_f64().is_some_and(|rate| (75.0..=450.0).contains(&rate))),
        "{search:#}"
    );
    assert_eq!(serde_json::from_str::<Value>(&finished.stdout).expect("JSON"), search, "what is printed is what is kept");
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_target_that_never_keeps_the_thresholds_is_a_violation() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("p.yaml", &PROFILE.replace("rate: 600/s", "rate: 2/s"));
    let (finished, folder) = searched(&bench, &[]);
    finished.expect_code(3);
    let search = record(&folder);
    assert_eq!((&search["ended"], search.get("found_per_s")), (&Value::from("below-floor"), None));
    assert_eq!(search["refuted_per_s"], search["plan"]["floor_per_s"]);
}

#[test]
fn an_interrupted_search_keeps_and_tells_what_was_found_until_then() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("p.yaml", PROFILE);
    let search = ["run", "p.yaml", "--find-rate", "throttled < 5%", "--find-step", "5s", "--output", "cut"];
    let mut child = bench.command(search).spawn().expect("it starts");
    let stderr = child.stderr.take().expect("its standard error is piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("step 2: ")), "a second step begins");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it is alive");
    // Reads on, or the program could not write.
    let rest = std::thread::spawn(move || lines.count());
    let finished = finish(child).expect_code(130);
    assert!(rest.join().is_ok());
    let search = record(&bench.path("cut"));
    assert_eq!(search["ended"], serde_json::json!({ "interrupted": 2 }));
    let steps = search["steps"].as_array().expect("steps");
    assert_eq!(steps.last().map(|step| &step["answer"]), Some(&Value::from("interrupted")));
    assert!(
        unwrapped(&finished.stdout).contains("INTERRUPTED by signal 2; no rate was confirmed until then"),
        "{}",
        finished.stdout
    );
    assert!(steps.len() == 2 && search["requests"].as_u64().is_some_and(|sent| sent > 0), "{search:#}");
}

#[test]
fn what_cannot_be_searched_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    bench.file("p.yaml", PROFILE);
    bench.file("closed.yaml", &PROFILE.replace("arrivals: { constant: 300/s }", "closed: { users: 3 }"));
    bench.file("ramp.yaml", &PROFILE.replace("{ constant: 300/s }", "{ ramp: { from: 1/s, to: 300/s, over: 5s } }"));
    bench.file("unbounded.yaml", &PROFILE.replace("safety: { max_rate: 2000/s }\n", ""));
    for (profile, thresholds, step, said) in [
        (
            "p.yaml",
            "errors < 0.1%",
            "1s",
            "\"errors < 0.1%\" cannot be decided by steps of 1s at 300/s: they have 300 requests, and 3000 are needed; make them longer, --find-step 10s",
        ),
        ("p.yaml", "p99.9 < 1s", "2s", "--find-step 10s"),
        ("p.yaml", "errors < 1%", "1ms", "write 100ms to 1h"),
        ("closed.yaml", "errors < 1%", "10s", "a closed model, whose rate follows from the answers"),
        ("ramp.yaml", "errors < 1%", "10s", "these arrivals change theirs"),
        ("unbounded.yaml", "errors < 1%", "10s", "safety: { max_rate: 500/s }"),
    ] {
        let refused =
            bench.sluicegate(["run", profile, "--find-rate", thresholds, "--find-step", step, "-o", "never"]).expect_code(2);
        assert!(unwrapped(&refused.stderr).contains(said), "{said}: {}", refused.stderr);
    }
    assert!(!bench.path("never").exists(), "nothing is kept of a search that never began");
    let planned = bench.sluicegate(["run", "p.yaml", "--find-rate", "errors < 0.1%", "--print-plan"]).expect_code(0).stdout;
    assert!(unwrapped(&planned).contains("from 300/s, between 300/s and 2,000/s"), "{planned}");
}
