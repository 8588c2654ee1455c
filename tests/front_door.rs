//! The front door decides alike in the simulator and in the mock: keys, quotas, validators, templates, caches, canaries, moves.
//!
//! Each profile goes through both worlds as one schedule. Where nothing but the request decides, the counts are equal; where
//! chance or the instant of arrival has a say, they are as near as the rule says.

use crate::parity::{Both, Counts, both};
use crate::program::{Bench, quiet};

fn count(of: &Counts, status: u64) -> u64 {
    *of.get(&("answered".to_owned(), status)).unwrap_or(&0)
}

/// A REST API whose every answer follows from its request.
const DECIDED: &str = r#"# Imitates nothing: every latency is constant, so that only decisions remain.
traffic:
  mix:
    - request: GET /keyed
      headers: { x-api-key: "{key}" }
      with: { key: [ "gold-gold-gold-gold-gold", "spent-spent-spent-spent", "switched-off-switched-off", "nobody-knows-this-key-x" ] }
    - request: GET /keyed
    - request: GET /counted
      headers: { x-api-key: spent-spent-spent-spent }
    - request: POST /orders
      headers: { content-type: application/json }
      body: "{body}"
      with: { body: [ '{"id":1}', '{"id":"one"}', '[]', 'none', '' ] }
    - request: GET /tenants/{id}
      with: { id: 1..9, tenant: [ a, "" ] }
      headers: { X-Tenant: "{tenant}" }
    - request: GET /mapped
      query: { code: "{code}" }
      with: { code: [ "200", "404", "503", "twice" ] }
    - request: POST /typed
      headers: { content-type: "{type}" }
      body: x
      with: { type: [ application/json, text/plain ] }
  arrivals: { constant: 400/s }
run: { duration: 2s, warmup: 0s, connections: 64 }
gateway:
  api: rest
  overhead: 2ms
  refusal: 1ms
  api_keys:
    gold: { value: gold-gold-gold-gold-gold }
    spent: { value: spent-spent-spent-spent }
    off: { value: switched-off-switched-off, enabled: false }
  usage_plans:
    gold: { keys: [gold, off], throttle: { rate: 5000/s, burst: 5000 } }
    counted: { keys: [spent], quota: { limit: 60, per: month } }
  models:
    Order: { type: object, required: [id], properties: { id: { type: integer } } }
  gateway_responses:
    INVALID_API_KEY: { status: 418 }
  stages: { prod: {} }
  routes:
    GET /keyed: { api_key: required, integration: { mock: { status: 200 } } }
    GET /counted: { api_key: required, integration: { mock: { status: 200 } } }
    POST /orders: { body: { application/json: Order }, integration: { mock: { status: 201 } } }
    GET /tenants/{id}: { parameters: [header.x-tenant, path.id], integration: { mock: { status: 200 } } }
    GET /mapped:
      integration:
        mock:
          requests: { application/json: '{"statusCode": $input.params("code")}' }
          responses:
            - { pattern: "4\\d{2}", status: 404 }
            - { pattern: "5\\d{2}", status: 500 }
            - { status: 200 }
    POST /typed:
      integration:
        mock:
          requests: { application/json: '{"statusCode": 200}' }
          passthrough: never
          responses: [{ status: 200 }]
"#;

#[test]
fn what_the_request_decides_is_decided_alike() {
    let _quiet = quiet();
    let bench = Bench::new();
    let both = both(&bench, DECIDED);
    for (series, statuses) in [
        ("GET /keyed", &[200, 418, 429][..]),
        ("POST /orders", &[201, 400]),
        ("GET /tenants/{id}", &[200, 400]),
        ("GET /mapped", &[200, 404, 500]),
        ("POST /typed", &[200, 415]),
    ] {
        let (simulated, _) = both.of(series);
        for status in statuses {
            assert!(count(&simulated, *status) > 0, "{series} {status}: {simulated:?}");
        }
        // One key's quota is shared by two routes: which of them spends its last request is a matter of a moment.
        if series != "GET /keyed" {
            both.equal(series, statuses);
        }
    }
}

#[test]
fn a_quota_is_spent_to_the_last_request_in_both_worlds() {
    let _quiet = quiet();
    let bench = Bench::new();
    let both = both(&bench, DECIDED);
    let passed = |of: &dyn Fn(&str) -> Counts| count(&of("GET /counted"), 200) + count(&of("GET /keyed"), 200);
    let (gold, _) = keyed_by_gold(&both);
    assert_eq!(passed(&|series| both.of(series).0), 60 + gold);
    assert_eq!(passed(&|series| both.of(series).1), 60 + gold);
    let (simulated, driven) = both.of("GET /counted");
    assert!(count(&simulated, 429) > 20 && count(&driven, 429) > 20, "{simulated:?} {driven:?}");
}

/// How many requests of `GET /keyed` the golden key made: all that passed there but for the counted key's.
fn keyed_by_gold(both: &Both) -> (u64, u64) {
    let of = |(keyed, counted): (Counts, Counts)| count(&keyed, 200) - (60 - count(&counted, 200));
    let (simulated, driven) = both.of("GET /keyed");
    let (counted_there, counted_here) = both.of("GET /counted");
    let pair = (of((simulated, counted_there)), of((driven, counted_here)));
    assert_eq!(pair.0, pair.1, "the golden key has no limit that it could meet");
    pair
}

#[test]
fn a_browser_is_given_leave_alike() {
    let _quiet = quiet();
    let profile = "# Imitates nothing.
traffic:
  mix:
    - request: OPTIONS /orders
      headers: { origin: https://shop.example, access-control-request-method: POST }
    - request: OPTIONS /orders
    - request: POST /orders
      headers: { origin: https://shop.example }
  arrivals: { constant: 200/s }
run: { duration: 1s, warmup: 0s, connections: 16 }
gateway:
  api: http
  overhead: 2ms
  refusal: 1ms
  cors: { allow_origins: [\"https://shop.example\"], allow_methods: [POST] }
  stages: { prod: {} }
  routes:
    POST /orders: { integration: { mock: { status: 201 } } }
";
    let bench = Bench::new();
    let both = both(&bench, profile);
    both.equal("POST /orders", &[201]);
    both.equal("OPTIONS /orders", &[204, 404]);
}

#[test]
fn a_canary_has_its_share_and_a_stage_that_moves_serves_the_new_snapshot() {
    let _quiet = quiet();
    let profile = "# Imitates nothing.
traffic:
  mix:
    - request: GET /version
  arrivals: { constant: 500/s }
run: { duration: 4s, warmup: 0s, connections: 16 }
gateway:
  api: rest
  overhead: 2ms
  refusal: 1ms
  stages:
    prod: { canary: { percent: 20%, deployment: third } }
  routes:
    GET /version: { integration: { mock: { status: 201 } } }
  deployments:
    second: { routes: { GET /version: { integration: { mock: { status: 202 } } } } }
    third: { routes: { GET /version: { integration: { mock: { status: 203 } } } } }
  moves:
    - { at: 2s, stage: prod, deployment: second }
";
    let bench = Bench::new();
    let both = both(&bench, profile);
    let (simulated, driven) = both.of("GET /version");
    for counts in [&simulated, &driven] {
        assert_eq!(counts.values().sum::<u64>(), 2_000, "{counts:?}");
        // 20 % of 2,000 with a deviation of 18; five of them.
        assert!(count(counts, 203).abs_diff(400) < 90, "{counts:?}");
        // The halves before and after the move, each less its canary: 800 with a deviation of 13, and the start of the mock is a
        // moment before the first request.
        assert!(count(counts, 201).abs_diff(800) < 180 && count(counts, 202).abs_diff(800) < 180, "{counts:?}");
    }
}

#[test]
fn what_is_cached_is_answered_without_its_function() {
    let _quiet = quiet();
    let profile = "# Imitates nothing.
traffic:
  mix:
    - request: GET /orders/{id}
      with: { id: 1..4 }
  arrivals: { constant: 200/s }
run: { duration: 2s, warmup: 0s, connections: 16 }
gateway:
  api: rest
  overhead: 1ms
  refusal: 1ms
  functions:
    orders: { duration: 60ms, cold_start: 0s, concurrency: 20 }
  stages:
    prod: { cache: { size: 0.5 GB, ttl: 1h } }
  routes:
    GET /orders/{id}: { cache_keys: [path.id], integration: { lambda: orders } }
";
    let bench = Bench::new();
    let both = both(&bench, profile);
    both.equal("GET /orders/{id}", &[200]);
    for record in [&both.simulated, &both.driven.record] {
        let p50 = record["total"]["service_time"]["p50_ns"].as_f64().expect("there are answers");
        let longest = record["total"]["service_time"]["max_ns"].as_f64().expect("there are answers");
        assert!(p50 < 30e6 && longest > 60e6, "p50 {p50}, longest {longest}");
    }
}
