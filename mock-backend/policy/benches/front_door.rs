//! How many requests a second of one core takes through every check of the front door.
//!
//! Owns the measurement: `cargo bench -p sluicegate-policy` prints one line for each way a request can go. Refuses to judge: the
//! figure that has to be met is one million requests a second. Run by hand.

use std::io::{self, Write};
use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};
use sluicegate_policy::call::{
    Action, AnswerId, Call, CallId, Content, Credential, EntryId, Evidence, Freshness, Identity, Invalid, Judged, Mapped,
    Permission, Purpose, Size, Verdict,
};
use sluicegate_policy::gateway::{Gateway, Plain};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Api, ApiId, ApiKey, ApiKind, Burst, Cache, DeploymentId, Integration, Invalidation, KeyId, Model, PerSecond, Period, Quota,
    Requirement, Route, RouteId, StageCache, StageId, Throttle, UsagePlan,
};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

const REQUESTS: u64 = 2_000_000;
const ROUNDS: usize = 5;
const KEYS: u16 = 1_000;

/// A request whose cache key is its own number, so that it is never found.
struct Own(u64);

impl Evidence for Own {
    fn examine(&mut self, _: RouteId) -> Result<(), Invalid> {
        Ok(())
    }

    fn cache_key(&mut self, _: RouteId, key: &mut Vec<u8>) -> Freshness {
        key.extend_from_slice(&self.0.to_be_bytes());
        Freshness::Any
    }

    fn on_hit(&mut self, _: EntryId) {}

    fn identify(&mut self, _: RouteId, _: &mut Vec<u8>) -> Identity {
        Identity::Present
    }

    fn verify(&mut self, _: RouteId) -> Verdict {
        Ok(())
    }

    fn judge(&mut self, _: RouteId, _: AnswerId, _: Span) -> Judged {
        unreachable!("no function is asked for real")
    }

    fn permission(&mut self, _: RouteId) -> Permission {
        Permission::Allowed
    }

    fn integrate(&mut self, _: RouteId) -> Mapped {
        Mapped::Answer(Content { status: 200, bytes: 100 })
    }
}

fn per_second(tokens: u64) -> Throttle {
    Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(tokens) }
}

/// A REST API whose routes need a key, with every limit there is; its answers take four milliseconds.
fn model(ttl: Cache, status: u16) -> Model {
    let mut api = Api::new(ApiKind::Rest, "a1b2c3");
    api.overhead = Latency::constant(Span::from_ms(4));
    let route = |at: u16| Route::new(DeploymentId(0), Some("GET"), format!("/r{at}"), Integration::fixed(status, "ok"));
    let mut model = Model::of(api, &["prod"], (0..20).map(route).collect());
    for route in &mut model.routes {
        route.api_key = Requirement::Required;
    }
    let many = per_second(1_000_000_000);
    model.account.throttle = many;
    model.stages[0].throttle = Some(many);
    let (routes, invalidation) = (Vec::new(), Invalidation::Open);
    model.stages[0].cache = Some(StageCache { capacity_bytes: 500_000_000, default: ttl, routes, invalidation });
    model.keys = (0..KEYS).map(|at| ApiKey { name: format!("k{at}"), value: String::new(), enabled: true }).collect();
    model.plans = vec![UsagePlan {
        name: "gold".to_owned(),
        stages: vec![StageId(0)],
        keys: (0..KEYS).map(KeyId).collect(),
        throttle: Some(many),
        route_throttles: (0..20).map(|at| (StageId(0), RouteId(at), many)).collect(),
        quota: Some(Quota { limit: u64::MAX, period: Period::Month, offset: 0 }),
    }];
    model
}

/// What this thread has used of its core: what else the machine does makes no difference to it.
fn cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Lets all requests come, a microsecond apart; how many a second of CPU time were taken.
fn rate(model: &Arc<Model>, evidence: impl Fn(u64) -> Box<dyn Evidence>) -> f64 {
    let mut gateway = Gateway::new(Arc::clone(model), Seed::new(1)).at_wall(Span::from_secs(1_793_000_000));
    let mut replies = 0;
    let start = cpu_seconds();
    for n in 0..REQUESTS {
        let now = Instant::from_ns(n * 1_000);
        let arrival = gateway.arrive(now, ApiId(0), Some(StageId(0)));
        let key = Credential::Key(KeyId((n % u64::from(KEYS)) as u16));
        let (route, purpose, size) = (Some(RouteId((n % 20) as u16)), Purpose::Answer, Size::default());
        gateway.on_call(now, Call { id: CallId(n), arrival, route, purpose, key, size }, &mut *evidence(n));
        while let Some(action) = gateway.take_action() {
            replies += u64::from(matches!(action, Action::Reply(reply) if reply.status == 200 || reply.status == 404));
        }
    }
    let took = cpu_seconds() - start;
    gateway.advance(Instant::MAX);
    replies += std::iter::from_fn(|| gateway.take_action()).filter(|action| matches!(action, Action::Reply(_))).count() as u64;
    assert_eq!(replies, REQUESTS, "every request is answered, none is throttled");
    REQUESTS as f64 / took
}

fn main() -> io::Result<()> {
    let ttl = Cache::For(Span::from_secs(300));
    let plain = |model: &Arc<Model>| {
        let model: &'static Model = Box::leak(Box::new(Model::clone(model)));
        move |_| Box::new(Plain(model)) as Box<dyn Evidence>
    };
    let own = |_: &Arc<Model>| |n| Box::new(Own(n)) as Box<dyn Evidence>;
    let ways: [(&str, Model); 3] =
        [("no cache", model(Cache::Off, 200)), ("a miss that is not kept", model(ttl, 404)), ("a hit", model(ttl, 200))];
    let mut out = io::stdout().lock();
    for (name, model) in ways {
        let model = Arc::new(model);
        let evidence = plain(&model);
        let best = (0..ROUNDS).map(|_| rate(&model, evidence)).fold(0.0, f64::max);
        writeln!(out, "{name}: {best:.0} requests/s, the best of {ROUNDS}")?;
    }
    let model = Arc::new(model(ttl, 200));
    let best = (0..ROUNDS).map(|_| rate(&model, own(&model))).fold(0.0, f64::max);
    writeln!(out, "a miss that is kept, others evicted: {best:.0} requests/s, the best of {ROUNDS}")
}
