//! Answers of authorizers that are kept: expected of one, or of all together, predicted and seen; also in a comparison of kept runs.

use serde_json::Value;

use crate::program::{Bench, Kept, quiet};

/// Two functions that say who may go on: one is asked each time, the answers of the other hold longer than the run.
const MEMBERS: &str = "\
# Imitates members of two clubs, one of which asks for their cards each time.
gateway:
  api: rest
  stages: { prod: { throttle: { rate: 1000/s, burst: 500 } } }
  authorizers:
    strict: { lambda: { identity: [header.X-Member], latency: 1ms, ttl: 0s } }
    lasting: { lambda: { identity: [header.X-Member], latency: 1ms, ttl: 5m } }
  routes:
    GET /strict: { authorizer: strict, integration: { mock: { status: 200 } } }
    GET /lasting: { authorizer: lasting, integration: { mock: { status: 200 } } }
traffic:
  mix:
    - request: GET /strict
      with: { user: 1..20 }
      headers: { x-member: \"member-{user}\" }
    - request: GET /lasting
      with: { user: 1..20 }
      headers: { x-member: \"member-{user}\" }
      weight: 3
  arrivals: { constant: 120/s }
# What is counted does not hang on whether the machine kept the time.
run: { duration: 10s, warmup: 2s, connections: 32, lag_limit: 50ms }
target: mock
safety: { max_rate: 300/s }
expect:
  - { of: strict, metric: authorizer hits, within: 2 points }
  - { of: lasting, metric: authorizer hits, within: 2 points }
  - { metric: authorizer hits, within: 10 points }
";

const CLAIMS: [&str; 3] = ["strict authorizer hits", "lasting authorizer hits", "authorizer hits"];

fn shares(kept: &Kept) -> [(f64, f64); 3] {
    CLAIMS.map(|claim| {
        let number = |key: &str| kept.verdict(claim)[key].as_f64().expect("a share");
        (number("predicted"), number("observed"))
    })
}

/// The answers of a comparison.
fn compared(bench: &Bench, arguments: &[&str], code: i32) -> ([String; 3], Value) {
    let line = ["compare"].iter().chain(arguments).chain(&["--format", "json"]);
    let record: Value = serde_json::from_str(&bench.sluicegate(line).expect_code(code).stdout).expect("JSON");
    let answer = |claim: &str| {
        let verdicts = record["verdicts"].as_array().expect("verdicts");
        let verdict = verdicts.iter().find(|verdict| verdict["assumption"] == claim).expect("it is judged");
        verdict["answer"].as_str().expect("an answer").to_owned()
    };
    (CLAIMS.map(answer), record)
}

#[test]
fn hits_are_predicted_and_seen_of_each_authorizer_by_itself_and_compared_later() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("members.yaml", MEMBERS);
    let near = |share: f64, expected: f64| (share - expected).abs() < 0.05;
    let holding = bench.kept_valid(["run", "members.yaml"]);
    let [strict, lasting, all] = shares(&holding);
    assert_eq!((strict, lasting), ((0.0, 0.0), (1.0, 1.0)));
    assert!(near(all.0, 0.75) && near(all.1, 0.75), "{all:?}");
    // A time to live that is not there is seen where it is, and not at the other one.
    let drifted = bench.kept_valid(["run", "members.yaml", "--drift", "authorizers.lasting.lambda.ttl = 0s"]);
    let [strict, lasting, all] = shares(&drifted);
    assert_eq!((strict, lasting), ((0.0, 0.0), (1.0, 0.0)));
    assert!(near(all.0, 0.75) && near(all.1, 0.0), "{all:?}");

    let [first, second] = [&holding, &drifted].map(|kept| kept.folder.to_str().expect("a path"));
    let (_, alone) = compared(&bench, &[second], 3);
    for (now, then) in alone["verdicts"].as_array().expect("verdicts").iter().zip(CLAIMS.map(|claim| drifted.verdict(claim))) {
        for key in ["assumption", "answer", "observed", "interval", "requests", "effective_requests"] {
            assert_eq!(now[key], then[key], "{key}: {now:#} {then:#}");
        }
    }
    // An earlier run without a hit is too short to have shown two in a hundred; the model knows that there are none.
    let answers = |strict: &str| [strict, "violated", "violated"].map(str::to_owned);
    assert_eq!(compared(&bench, &[first, second], 3).0, answers("inconclusive"), "against the run before");
    assert_eq!(compared(&bench, &[second, "members.yaml"], 3).0, answers("holds"), "against the model");
    assert_eq!(compared(&bench, &[first, "members.yaml"], 0).0, ["holds"; 3].map(str::to_owned));
}
