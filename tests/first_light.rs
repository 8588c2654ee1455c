//! The main job from end to end, as a process: simulate, drive, compare, report, exit.

use crate::program::Bench;

/// A small service that a run of ten seconds can decide.
pub(crate) const SERVICE: &str = "\
# Imitates a service with one function, small enough to be judged in ten seconds.
gateway:
  api: http
  region: us-east-1
  stages:
    prod: { throttle: { rate: 2000/s, burst: 1000 } }
  functions:
    orders: { memory: 512 MB, duration: { p50: 20ms, p99: 40ms }, cold_start: { p50: 60ms, p99: 90ms } }
  routes:
    GET /orders/{id}: { integration: { lambda: orders } }
    GET /health:      { integration: { mock: { status: 200, body: ok } } }
traffic:
  mix:
    - request: GET /orders/{id}
      with: { id: 1..10000 }
      weight: 9
    - request: GET /health
      weight: 1
  arrivals: { poisson: 300/s }
  identities: 50
run: { duration: 11s, warmup: 1s, connections: 64 }
target: mock
safety: { max_rate: 1000/s }
expect:
  - of: GET /orders/{id}
    metric: latency p50
    within: 15%
  - of: GET /orders/{id}
    metric: latency p95
    within: 20%
  - metric: throttled
    within: 1 point
";

#[test]
fn a_mock_that_is_as_the_model_says_holds() {
    let bench = Bench::new();
    let profile = bench.file("service.yaml", SERVICE);
    let done = bench.sluicegate([profile.as_os_str(), "-o".as_ref(), "out".as_ref()].into_iter().fold(
        vec!["run".as_ref()],
        |mut all, one| {
            all.push(one);
            all
        },
    ));
    let done = done.expect_code(0);
    let record = bench.record("out");
    assert_eq!(record["complete"], true);
    assert_eq!(record["receiver"]["arrived"], record["load"]["sent"], "the mock saw what was sent");
    assert_eq!(record["verdicts"].as_array().map(Vec::len), Some(3), "{}", done.stdout);
}
