//! Answers of authorizers that are kept: expected of one, or of all together, predicted and seen.

use crate::program::{Bench, quiet};

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
run: { duration: 10s, warmup: 2s, connections: 32 }
target: mock
safety: { max_rate: 300/s }
expect:
  - { of: strict, metric: authorizer hits, within: 2 points }
  - { of: lasting, metric: authorizer hits, within: 2 points }
  - { metric: authorizer hits, within: 10 points }
";

#[test]
fn hits_are_predicted_and_seen_of_each_authorizer_by_itself() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("members.yaml", MEMBERS);
    // What is counted does not hang on whether the machine kept the time, as the verdicts do.
    let shares = |drift: &[&str]| {
        let kept = bench.kept(["run", "members.yaml"].iter().chain(drift).copied());
        ["strict authorizer hits", "lasting authorizer hits", "authorizer hits"].map(|claim| {
            let number = |key: &str| kept.verdict(claim)[key].as_f64().expect("a share");
            (number("predicted"), number("observed"))
        })
    };
    let near = |share: f64, expected: f64| (share - expected).abs() < 0.05;
    let [strict, lasting, all] = shares(&[]);
    assert_eq!((strict, lasting), ((0.0, 0.0), (1.0, 1.0)));
    assert!(near(all.0, 0.75) && near(all.1, 0.75), "{all:?}");
    // A time to live that is not there is seen where it is, and not at the other one.
    let [strict, lasting, all] = shares(&["--drift", "authorizers.lasting.lambda.ttl = 0s"]);
    assert_eq!((strict, lasting), ((0.0, 0.0), (1.0, 0.0)));
    assert!(near(all.0, 0.75) && near(all.1, 0.0), "{all:?}");
}
