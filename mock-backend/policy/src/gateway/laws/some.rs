//! Models and requests for the laws: small numbers, so that much happens at once.

use super::super::oracle::{BOUNDARY, Coming, Says};
use super::super::tests::{EVER, gateway, http};
use crate::call::{Credential, Freshness, Invalid, Mapped, Purpose, Size};
use crate::latency::Latency;
use crate::model::{
    Account, ApiId, ApiKey, ApiKind, Burst, Cache, CachedStatuses, Canary, Charge, Cors, Deployment, DeploymentId, Dispatch,
    Function, FunctionId, HeadLimit, Integration, Invalidation, KeyId, Limits, Model, Move, ParameterRule, PerSecond, Period,
    Quota, QuotaBegins, Requirement, Response, Route, RouteId, Scaling, Source, Stage, StageCache, StageId, Throttle, ToldFirst,
    Unconfirmed, UnknownStage, UsagePlan, Validation,
};
use crate::time::{Instant, Span};
use proptest::prelude::*;

/// 1 November 2026, a Sunday, less what is left until the boundary.
pub(super) fn wall() -> Span {
    Span::from_secs(1_793_491_200).saturating_sub(BOUNDARY.since(Instant::ZERO))
}

const LIMITS: Limits = Limits { payload_bytes: 10, head: HeadLimit::Headers(10), url_bytes: 10 };
/// How many routes each deployment has.
const ROUTES: usize = 5;

fn some_latency() -> impl Strategy<Value = Latency> {
    prop_oneof![
        (0_u64..60).prop_map(|ns| Latency::constant(Span::from_ns(ns))),
        (1_u64..60).prop_map(|ns| Latency::exponential(Span::from_ns(ns)).unwrap()),
    ]
}

fn some_throttle() -> impl Strategy<Value = Throttle> {
    (1_u64..5, 1_u64..40, 0_u64..5)
        .prop_map(|(tokens, per, burst)| Throttle { rate: PerSecond { tokens, per: Span::from_ns(per) }, burst: Burst(burst) })
}

/// Limits that are far away, or so near that much meets them.
fn some_scaling() -> impl Strategy<Value = Scaling> {
    let scale_out = prop_oneof![Just(EVER), some_throttle()];
    let dispatch = prop::sample::select(vec![
        Dispatch::MostRecentlyUsed,
        Dispatch::NewestCreated,
        Dispatch::LeastRecentlyUsed,
        Dispatch::Random,
    ]);
    let provisioned = prop_oneof![2 => Just(0), 1 => 1_u32..3];
    (scale_out, provisioned, dispatch).prop_map(|(scale_out, provisioned, dispatch)| Scaling { scale_out, provisioned, dispatch })
}

fn some_function() -> impl Strategy<Value = Function> {
    let reserved = prop::option::of(0_u32..4);
    let failures = prop_oneof![Just(0.0), Just(0.3)];
    (some_latency(), some_latency(), some_latency(), reserved, failures, some_scaling()).prop_map(
        |(duration, cold_start, keep_alive, concurrency, failures, scaling)| Function {
            name: String::new(),
            memory_mb: 128,
            duration,
            cold_start,
            failures,
            concurrency,
            keep_alive,
            scaling,
            response: Response { status: 201, body: String::new() },
            echoes: false,
            uses: None,
            code: crate::model::Code::Modelled,
        },
    )
}

/// The routes of both deployments; those in the same place have the same key.
fn routes(timeout: Span) -> Vec<Route> {
    let one = |deployment: u16, place: usize| {
        let integration = match place {
            0 => Integration::fixed(200, ""),
            1 | 2 => Integration::lambda(FunctionId(place as u16 - 1), timeout),
            3 => http(timeout),
            _ => Integration::fixed(204, ""),
        };
        let method = Some("GET").filter(|_| place != 1);
        let mut route = Route::new(DeploymentId(deployment), method, format!("/r{place}"), integration);
        if place == 0 || place == 2 {
            route.api_key = Requirement::Required;
        }
        if place == 4 {
            route.validation =
                Validation { required: vec![ParameterRule { source: Source::Query, name: "q".to_owned() }], body: None };
        }
        route
    };
    (0..2).flat_map(|deployment| (0..ROUTES).map(move |place| one(deployment, place))).collect()
}

/// The same routes, but for those whose work is real.
pub(super) fn without_external(model: &Model) -> Vec<Route> {
    let inner = |route: &Route| match route.integration {
        Integration::Http(_) => Route { integration: Integration::fixed(202, ""), ..route.clone() },
        Integration::Mock(_) | Integration::Lambda(_) | Integration::Service(_) => route.clone(),
    };
    model.routes.iter().map(inner).collect()
}

fn some_cache() -> impl Strategy<Value = StageCache> {
    let setting = || prop_oneof![Just(Cache::Off), (0_u64..150).prop_map(|ns| Cache::For(Span::from_ns(ns)))];
    let invalidation = prop::sample::select(vec![
        Invalidation::Open,
        Invalidation::Refused,
        Invalidation::IgnoredWithWarning,
        Invalidation::Ignored,
    ]);
    (0_u64..60, setting(), prop::option::of((0_u16..10, setting())), invalidation).prop_map(
        |(capacity_bytes, default, own, invalidation)| {
            let routes = own.map(|(route, cache)| (RouteId(route), cache)).into_iter().collect();
            StageCache { capacity_bytes, default, routes, invalidation }
        },
    )
}

fn some_stage(name: &'static str) -> impl Strategy<Value = Stage> {
    let throttles = (prop::option::of(some_throttle()), prop::option::of((0_u16..10, some_throttle())));
    let canary = prop::option::of((0.0_f64..=1.0, any::<bool>()));
    (throttles, prop::option::of(some_cache()), canary).prop_map(move |((throttle, own), cache, canary)| Stage {
        throttle,
        route_throttles: own.map(|(route, own)| (RouteId(route), own)).into_iter().collect(),
        cache,
        canary: canary.map(|(share, shares_cache)| Canary {
            share,
            deployment: DeploymentId(1),
            variables: Vec::new(),
            shares_cache,
        }),
        ..Stage::new(ApiId(0), name, DeploymentId(0))
    })
}

/// Plans for keys 0 and 1, and for 2, which is switched off; key 3 has none.
fn some_plans() -> impl Strategy<Value = Vec<UsagePlan>> {
    let quota = (0_u64..20, 0_u64..4, prop::sample::select(vec![Period::Day, Period::Week, Period::Month]));
    let quota = prop::option::of(quota.prop_map(|(limit, offset, period)| Quota { limit, period, offset }));
    let throttles = (prop::option::of(some_throttle()), prop::option::of((0_u16..2, 0_u16..10, some_throttle())));
    let plan = (quota, throttles, prop::sample::select(vec![vec![0], vec![0, 1], vec![1]])).prop_map(
        |(quota, (throttle, own), stages): (_, _, Vec<u16>)| UsagePlan {
            name: String::new(),
            stages: stages.into_iter().map(StageId).collect(),
            keys: [0, 1, 2].map(KeyId).into(),
            throttle,
            route_throttles: own.map(|(stage, route, own)| (StageId(stage), RouteId(route), own)).into_iter().collect(),
            quota,
        },
    );
    prop::collection::vec(plan, 0..3)
}

/// The defaults, or all of it otherwise.
fn some_unconfirmed() -> impl Strategy<Value = Unconfirmed> {
    use {CachedStatuses as Kept, Charge::*, QuotaBegins as Begins, ToldFirst as First};
    let stage =
        prop::sample::select(vec![UnknownStage::Forbidden, UnknownStage::MissingAuthenticationToken, UnknownStage::NotFound]);
    let statuses = prop::sample::select(vec![[413, 431, 414, 204, 503], [400, 494, 431, 200, 500]]);
    let first = prop::sample::select(vec![First::Quota, First::Throttle]);
    let charges = prop::sample::select(vec![[Free, Free], [Free, Counted], [Counted, Free], [Counted, Counted]]);
    let begins = prop::sample::select(vec![Begins::UtcMidnight, Begins::FirstUse]);
    let kept = prop::sample::select(vec![Kept::Success, Kept::AllButServerErrors, Kept::All]);
    (stage, statuses, first, charges, begins, kept).prop_map(
        |(unknown_stage, statuses, told_first, [throttled_requests, refused_keys], quota_begins, cached_statuses)| {
            let [payload_too_large, headers_too_large, url_too_long, preflight, throttled_function] = statuses;
            let sizes = Unconfirmed { payload_too_large, headers_too_large, url_too_long, ..Unconfirmed::default() };
            let costs = Unconfirmed { told_first, throttled_requests, refused_keys, quota_begins, ..sizes };
            Unconfirmed { unknown_stage, preflight, throttled_function, cached_statuses, ..costs }
        },
    )
}

pub(super) fn some_model() -> impl Strategy<Value = Model> {
    let times = (some_latency(), some_latency(), 1_u64..100);
    let account = (prop_oneof![Just(EVER), some_throttle()], 0_u32..6, prop::sample::select(vec![1, 2, 10]));
    let moves = prop::collection::vec((0_u64..800, 0_u16..2, 0_u16..2), 0..4);
    let stages = (some_stage("prod"), some_stage("dev"));
    let kinds = (any::<(bool, bool)>(), some_unconfirmed());
    (kinds, prop::collection::vec(some_function(), 2), (stages, some_plans(), moves), times, account).prop_map(
        |(
            ((rest, cors), unconfirmed),
            functions,
            ((prod, dev), plans, mut moves),
            (overhead, refusal, timeout),
            (throttle, concurrency, invocations_per_environment),
        )| {
            let mut model = gateway(if rest { ApiKind::Rest } else { ApiKind::Http }).0;
            let api = &mut model.apis[0];
            (api.overhead, api.refusal, api.limits, api.unconfirmed) = (overhead, refusal, LIMITS, unconfirmed);
            model.account = Account { throttle, concurrency, invocations_per_environment, ..model.account };
            model.deployments.push(Deployment { cors: cors.then(Cors::default), ..Deployment::new(ApiId(0), "next") });
            model.routes = routes(Span::from_ns(timeout));
            (model.functions, model.stages, model.plans) = (functions, vec![prod, dev], plans);
            let key = |enabled| ApiKey { name: String::new(), value: String::new(), enabled };
            model.keys = [true, true, false, true].map(key).into();
            moves.sort_unstable();
            let one = |(at, stage, deployment)| Move {
                at: Span::from_ns(at),
                stage: StageId(stage),
                deployment: DeploymentId(deployment),
            };
            model.moves = moves.into_iter().map(one).collect();
            model
        },
    )
}

fn some_says() -> impl Strategy<Value = Says> {
    let examined = prop_oneof![9 => Just(Ok(())), 1 => Just(Err(Invalid::Parameters)), 1 => Just(Err(Invalid::Body))];
    let freshness = prop_oneof![4 => Just(Freshness::Any), 1 => Just(Freshness::Anew)];
    let unmapped = prop_oneof![
        9 => Just(None),
        1 => Just(Some(Mapped::UnsupportedMediaType)),
        1 => Just(Some(Mapped::Misconfigured)),
    ];
    let values = prop::collection::vec(0_u8..2, 0..3);
    (examined, values, freshness, unmapped, 0_u64..30).prop_map(|(examined, values, freshness, unmapped, bytes)| Says {
        examined,
        values,
        freshness,
        unmapped,
        bytes,
    })
}

/// Requests with the time since the one before, sometimes odd in one way.
pub(super) fn some_requests() -> impl Strategy<Value = Vec<Coming>> {
    let times = (0_u64..20, 0_u64..40, 0_u64..100);
    let target = (0_u16..2, 0_usize..=ROUTES);
    let key = prop_oneof![
        1 => Just(Credential::Absent),
        1 => Just(Credential::Unknown),
        8 => (0_u16..5).prop_map(|key| Credential::Key(KeyId(key))),
    ];
    let request = (times, target, key, 0_u8..20, some_says());
    prop::collection::vec(request, 0..60).prop_map(|requests| {
        let mut now = Instant::ZERO;
        let one = |((gap, reading, takes), (stage, route), key, oddity, says)| {
            now += Span::from_ns(gap);
            let size = Size {
                url: if oddity == 1 { 11 } else { 10 },
                line: 0,
                headers: if oddity == 2 { 11 } else { 10 },
                body: if oddity == 3 { 11 } else { 10 },
            };
            Coming {
                at: now,
                reading: Span::from_ns(reading),
                stage: if oddity == 0 { None } else { Some(StageId(stage)) },
                route,
                purpose: if oddity < 6 { Purpose::Preflight } else { Purpose::Answer },
                key,
                size,
                says,
                takes: Span::from_ns(takes),
            }
        };
        requests.into_iter().map(one).collect()
    })
}
