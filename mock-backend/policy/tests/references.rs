//! The numeric reference cases that buckets, pools and distributions can answer by themselves: closed forms, exact chains
//! and exact bookkeeping, each with its own tolerance. They are read from `../shared` and run where that is there.

#[path = "references/capacity.rs"]
mod capacity; // those of the pools that functions share
#[path = "references/functions.rs"]
mod functions; // those of the functions behind a gateway

use std::sync::Arc;

use serde_json::Value;
use sluicegate_policy::bucket::Bucket;
use sluicegate_policy::call::{Action, Call, CallId, Credential, Purpose, Reason, Reply, Scope, Size};
use sluicegate_policy::gateway::{Gateway, Plain};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Account, Api, ApiId, ApiKey, ApiKind, Burst, DeploymentId, Function, FunctionId, Integration, KeyId, Model, PerSecond,
    Period, PlanId, Quota, Requirement, Route, RouteId, StageId, Throttle, UsagePlan,
};
use sluicegate_policy::seed::{Seed, Stream};
use sluicegate_policy::time::{Instant, Span};

const EVER: Throttle = Throttle { rate: PerSecond { tokens: 1_000_000_000, per: Span::from_secs(1) }, burst: Burst(1 << 40) };

/// One case of `references.json`.
struct Case(Value);

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/model/references.json");
    let text = std::fs::read_to_string(path).expect("../shared is there");
    let file: Value = serde_json::from_str(&text).expect("the references are JSON");
    file["cases"].as_array().expect("a list of cases").iter().cloned().map(Case).collect()
}

fn case(id: &str) -> Case {
    cases().into_iter().find(|case| case.id() == id).expect("the case is in the file")
}

impl Case {
    fn id(&self) -> &str {
        self.0["id"].as_str().expect("a case has an id")
    }

    fn parameter(&self, name: &str) -> f64 {
        self.0["params"][name].as_f64().expect("the case has this parameter")
    }

    fn whole(&self, name: &str) -> u64 {
        self.0["params"][name].as_u64().expect("the case has this whole parameter")
    }

    fn throttle(&self) -> Throttle {
        per_second(self.whole("rate"), self.whole("burst"))
    }

    fn expect(&self, metric: &str, found: f64) {
        self.expect_of_run(metric, found, 1.0);
    }

    /// As [`Self::expect`], of a run that is `share` of the nominal one: the tolerance is a multiple of one run's standard deviation.
    fn expect_of_run(&self, metric: &str, found: f64, share: f64) {
        let metric_of = &self.0["metrics"][metric];
        let expected = metric_of["expected"].as_f64().expect("an expected value");
        let tolerance = metric_of["tol_abs"].as_f64().expect("a tolerance") / share.sqrt();
        assert!((found - expected).abs() <= tolerance, "{} {metric}: {found}, not {expected} +- {tolerance}", self.id());
    }
}

fn per_second(tokens: u64, burst: u64) -> Throttle {
    Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(burst) }
}

/// A Poisson process.
struct Poisson {
    stream: Stream,
    rate: f64,
    now: Instant,
}

fn poisson(rate: f64) -> Poisson {
    Poisson { stream: Seed::new(20_260_101).child("arrivals").stream(), rate, now: Instant::ZERO }
}

impl Iterator for Poisson {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        self.now += Span::from_secs_f64(self.stream.exponential() / self.rate);
        Some(self.now)
    }
}

/// Request `k` comes at `k / rate`, rounded down to the nanosecond.
fn constant(rate: u64) -> impl Iterator<Item = Instant> {
    (0..).map(move |k: u64| Instant::from_ns((u128::from(k) * 1_000_000_000 / u128::from(rate)) as u64))
}

/// The share of `n` arrivals, after the first `dropped`, that the bucket refuses.
fn refused(throttle: Throttle, arrivals: impl Iterator<Item = Instant>, dropped: usize, n: usize) -> f64 {
    let mut bucket = Bucket::new(throttle);
    let refused = arrivals.take(dropped + n).enumerate().filter(|(at, now)| bucket.try_take(*now, 1).is_err() && *at >= dropped);
    refused.count() as f64 / n as f64
}

fn account(throttle: Throttle, concurrency: u32) -> Account {
    Account { throttle, concurrency, ..Account::default_in("us-east-1") }
}

fn gateway(account: Account, route: Option<Throttle>, functions: Vec<Function>) -> Gateway {
    let integration =
        if functions.is_empty() { Integration::fixed(200, "") } else { Integration::lambda(FunctionId(0), Span::MAX) };
    let route_throttles = route.map(|throttle| (RouteId(0), throttle)).into_iter().collect();
    let routes = vec![Route::new(DeploymentId(0), None, "/f", integration)];
    let mut model = Model { account, functions, ..Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["prod"], routes) };
    model.stages[0].route_throttles = route_throttles;
    Gateway::new(Arc::new(model), Seed::new(7))
}

/// A gateway whose one route needs a key, which has a plan with this throttle and quota.
fn keyed(account: Account, throttle: Throttle, limit: u64) -> Gateway {
    let mut model = Model::clone(gateway(account, None, Vec::new()).model());
    model.routes[0].api_key = Requirement::Required;
    model.keys = vec![ApiKey { name: "k".to_owned(), value: String::new(), enabled: true }];
    model.plans = vec![UsagePlan {
        name: "p".to_owned(),
        stages: vec![StageId(0)],
        keys: vec![KeyId(0)],
        throttle: Some(throttle),
        route_throttles: Vec::new(),
        quota: Some(Quota { limit, period: Period::Day, offset: 0 }),
    }];
    Gateway::new(Arc::new(model), Seed::new(7))
}

/// Lets `n` requests come, and shows the gateway before each and every reply.
fn play(
    gateway: &mut Gateway,
    arrivals: impl Iterator<Item = Instant>,
    n: u64,
    mut before: impl FnMut(u64, &Gateway),
    mut on_reply: impl FnMut(&Reply),
) {
    let mut take = |gateway: &mut Gateway| {
        while let Some(action) = gateway.take_action() {
            if let Action::Reply(reply) = action {
                on_reply(&reply);
            }
        }
    };
    for (id, now) in (0..n).zip(arrivals) {
        let arrival = gateway.arrive(now, ApiId(0), Some(StageId(0)));
        before(id, gateway);
        let (purpose, key, size) = (Purpose::Answer, Credential::Key(KeyId(0)), Size::default());
        let call = Call { id: CallId(id), arrival, route: Some(RouteId(0)), purpose, key, size };
        let model = Arc::clone(gateway.model());
        gateway.on_call(now, call, &mut Plain(&model));
        take(gateway);
    }
    while let Some(due) = gateway.next_deadline() {
        gateway.advance(due);
    }
    take(gateway);
}

/// Lets `n` requests come after the first `dropped`, and tells of each of their replies why it is so and whether it was cold.
fn run(gateway: &mut Gateway, arrivals: impl Iterator<Item = Instant>, dropped: u64, n: u64) -> Vec<(Reason, bool)> {
    let mut replies = Vec::new();
    let on_reply = |reply: &Reply| {
        if reply.call.0 >= dropped {
            replies.push((reply.reason, reply.timing.cold_start.is_some()));
        }
    };
    play(gateway, arrivals, dropped + n, |_, _| {}, on_reply);
    replies
}

#[test]
#[ignore = "needs ../shared"]
fn t01_a_bucket_under_a_constant_overload() {
    let case = case("T01");
    let account = account(EVER, 1);
    let mut gateway = gateway(account, Some(case.throttle()), Vec::new());
    let replies = run(&mut gateway, constant(150), 0, 9_000);
    let accepted: Vec<bool> = replies.iter().map(|reply| reply.0 == Reason::Served).collect();
    let admitted = accepted.iter().filter(|it| **it).count();
    let first = accepted.iter().position(|it| !it).expect("some are throttled");
    case.expect("requests", accepted.len() as f64);
    case.expect("admitted", admitted as f64);
    case.expect("throttled", (accepted.len() - admitted) as f64);
    case.expect("first_throttled_index", first as f64);
    case.expect("admitted_before_first", first as f64);
    case.expect("first_throttled_at_s", first as f64 / 150.0);
}

#[test]
#[ignore = "needs ../shared"]
fn t02_nothing_is_throttled_exactly_at_the_rate() {
    let case = case("T02");
    let account = account(case.throttle(), 1);
    let replies = run(&mut gateway(account, None, Vec::new()), constant(case.whole("rate")), 0, 1_000);
    case.expect("requests", replies.len() as f64);
    case.expect("throttled", replies.iter().filter(|reply| reply.0 != Reason::Served).count() as f64);
}

#[test]
#[ignore = "needs ../shared"]
fn t03_a_bucket_under_poisson_arrivals() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.id().starts_with("T03")).collect();
    assert!(cases.len() >= 10);
    for case in cases {
        let found = refused(case.throttle(), poisson(case.parameter("lambda_")), 100_000, 2_000_000);
        case.expect("throttle", found);
    }
}

#[test]
#[ignore = "needs ../shared"]
fn t04_a_leaky_meter_is_a_bucket_of_one_more() {
    let case = case("T04");
    let throttle = per_second(case.whole("rate"), case.whole("burst") + 1);
    case.expect("throttle", refused(throttle, poisson(case.parameter("lambda_")), 100_000, 2_000_000));
}

#[test]
#[ignore = "needs ../shared"]
fn t08_a_bucket_under_bursts() {
    let case = case("T08");
    let mut stream = Seed::new(8).stream();
    let (mut now, mut change, mut busy) = (0.0, 0.0, true);
    let arrivals = std::iter::from_fn(|| {
        loop {
            let next = now + stream.exponential() / if busy { 220.0 } else { 40.0 };
            if next < change {
                now = next;
                return Some(Instant::ZERO + Span::from_secs_f64(now));
            }
            // What is left of the gap is drawn anew: the exponential does not remember.
            (now, busy) = (change, !busy);
            change += stream.exponential() * if busy { 1.0 } else { 2.0 };
        }
    });
    case.expect("throttle", refused(case.throttle(), arrivals, 100_000, 4_000_000));
}

#[test]
#[ignore = "needs ../shared"]
fn t10a_what_the_account_refuses_takes_nothing_from_the_bucket_before() {
    let case = case("T10a");
    let account = account(per_second(120, 60), 1);
    let (key, limit) = (per_second(200, 100), 9_000);
    // The key's bucket is that of a route of the stage, or that of a key in a usage plan: nothing else differs.
    let by_route = gateway(account, Some(key), Vec::new());
    for (mut gateway, scope) in [(by_route, Scope::Route), (keyed(account, key, limit), Scope::Key)] {
        let replies = run(&mut gateway, constant(300), 0, 9_000);
        let count = |reason| replies.iter().filter(|reply| reply.0 == reason).count() as f64;
        case.expect("requests", replies.len() as f64);
        case.expect("admitted", count(Reason::Served));
        case.expect("rejected_by_account", count(Reason::Throttled(Scope::Account)));
        case.expect("rejected_by_key", count(Reason::Throttled(scope)));
        if let Some(usage) = gateway.usage(PlanId(0), KeyId(0)) {
            case.expect("admitted", usage.used as f64);
            assert_eq!(usage.used + usage.remaining, limit);
        }
    }
}

#[test]
#[ignore = "needs ../shared"]
fn l01_a_sum_of_lognormals() {
    let case = case("L01");
    let parts = [(20, 0.3), (3, 0.5), (50, 0.6)].map(|(ms, sigma)| Latency::lognormal(Span::from_ms(ms), sigma).expect("proper"));
    let seed = Seed::new(1);
    let n = 2_000_000;
    let sum = |at| (0..3).map(|part: u64| parts[part as usize].at(seed.nth(part).unit(at)).as_ms_f64()).sum();
    let mut sums: Vec<f64> = (0..n).map(sum).collect();
    sums.sort_by(f64::total_cmp);
    case.expect("mean", sums.iter().sum::<f64>() / n as f64);
    for (name, p) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)] {
        case.expect(name, sums[(p * n as f64) as usize]);
    }
}
