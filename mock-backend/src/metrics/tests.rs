//! What is written is read back and held against what was answered.

#![allow(clippy::float_cmp, reason = "counts are whole numbers, and so are these sums")]

use std::collections::BTreeMap;

use sluicegate_policy::call::{Arrival, CallId, EntryId, Reason, Release, Scope, Timing};
use sluicegate_policy::model::{
    Api, ApiId, ApiKind, Cache, DeploymentId, Integration, Invalidation, Route, Stage, StageCache, StageId,
};
use sluicegate_policy::time::Instant;

use super::*;

/// Metric, its labels sorted, its value.
fn read(text: &str) -> BTreeMap<String, f64> {
    let mut kinds = BTreeMap::new();
    let mut read = BTreeMap::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is told twice");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .filter(|family| kinds.contains_key(*family));
            assert!(kinds.contains_key(family.unwrap_or(name)), "{name} has no type");
            assert!(read.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{series} stands twice");
        }
    }
    read
}

fn model(kind: ApiKind) -> Model {
    let mut api = Api::new(kind, "a1b2c3d4e5");
    api.name = "Ord\u{e9}rs \"x\"".to_owned();
    let routes = vec![
        Route::new(DeploymentId(0), Some("GET"), "/orders/{id}", Integration::fixed(200, "ok")),
        Route::new(DeploymentId(0), None, "/any", Integration::fixed(200, "ok")),
    ];
    let mut model = Model::of(api, &["prod", "dev"], routes);
    model.stages[0].detailed_metrics = true;
    model
}

fn reply(stage: Option<u16>, route: Option<u16>, status: u16) -> Reply {
    Reply {
        call: CallId(0),
        at: Instant::ZERO,
        status,
        reason: Reason::Served,
        arrival: Arrival {
            number: 0,
            api: ApiId(0),
            stage: stage.map(StageId),
            deployment: stage.map(|_| DeploymentId(0)),
            release: Release::Base,
        },
        route: route.map(RouteId),
        purpose: sluicegate_policy::call::Purpose::Answer,
        fan_out: None,
        authorization: sluicegate_policy::call::AuthorizationUse::None,
        cache: CacheUse::None,
        warning: None,
        timing: Timing::default(),
    }
}

fn counted(model: Model, replies: &[Reply]) -> BTreeMap<String, f64> {
    let mut metrics = Metrics::new(Arc::new(model));
    for reply in replies {
        metrics.on_answer(&Answered { reply, latency: Span::from_ms(3), bytes: 10 });
    }
    read(&metrics.exposition())
}

#[test]
fn each_set_of_dimensions_counts_every_request() {
    let throttled = Reply { reason: Reason::Throttled(Scope::Stage), ..reply(Some(0), Some(0), 429) };
    let failed = reply(Some(0), Some(1), 502);
    let counted = counted(
        model(ApiKind::Rest),
        &[reply(Some(0), Some(0), 200), throttled, failed, reply(Some(1), Some(0), 200), reply(Some(0), None, 403)],
    );
    let api = r#"api_name="Ordrs \"x\"""#;
    let of = |name: &str, more: &str| counted.get(&format!("aws_apigateway_{name}{{{api}{more}}}")).copied();
    assert_eq!(of("count_total", ""), Some(5.0));
    assert_eq!(of("count_total", r#",stage="prod""#), Some(4.0));
    assert_eq!(of("count_total", r#",stage="dev""#), Some(1.0));
    assert_eq!(of("count_total", r#",stage="prod",method="GET",resource="/orders/{id}""#), Some(2.0));
    assert_eq!(of("count_total", r#",stage="prod",method="ANY",resource="/any""#), Some(1.0));
    assert_eq!(of("count_total", r#",stage="dev",method="GET",resource="/orders/{id}""#), None, "dev has no detailed metrics");
    assert_eq!((of("4xx_error_total", ""), of("5xx_error_total", "")), (Some(2.0), Some(1.0)));
    assert_eq!((of("latency_milliseconds_count", ""), of("latency_milliseconds_sum", "")), (Some(5.0), Some(15.0)));
    assert_eq!(of("latency_milliseconds_bucket", r#",le="2""#), Some(0.0));
    assert_eq!(of("latency_milliseconds_bucket", r#",le="5""#), Some(5.0));
    assert!(
        !counted
            .keys()
            .any(|series| series.contains("cache_") || series.contains("_4xx_total") || series.contains("data_processed"))
    );
}

#[test]
fn an_http_api_has_its_own_names() {
    let counted = counted(model(ApiKind::Http), &[reply(Some(0), Some(0), 404), reply(Some(0), Some(1), 503)]);
    let of = |name: &str, more: &str| counted.get(&format!("aws_apigateway_{name}{{api_id=\"a1b2c3d4e5\"{more}}}")).copied();
    assert_eq!(of("count_total", r#",stage="prod",route="GET /orders/{id}""#), Some(1.0));
    assert_eq!(of("count_total", r#",stage="prod",route="ANY /any""#), Some(1.0));
    assert_eq!(
        (of("4xx_total", ""), of("5xx_total", ""), of("data_processed_bytes_total", "")),
        (Some(1.0), Some(1.0), Some(20.0))
    );
    assert!(!counted.keys().any(|series| series.contains("_error_total")));
}

#[test]
fn only_what_an_integration_answered_has_an_integration_latency() {
    let mut served = reply(Some(0), Some(0), 200);
    served.timing.integration = Some(Span::from_ms(2));
    let counted = counted(model(ApiKind::Http), &[served, reply(Some(0), Some(0), 200)]);
    let of = |name: &str| counted[&format!("aws_apigateway_{name}{{api_id=\"a1b2c3d4e5\"}}")];
    assert_eq!((of("latency_milliseconds_count"), of("integration_latency_milliseconds_count")), (2.0, 1.0));
    assert_eq!(of("integration_latency_milliseconds_sum"), 2.0);
}

#[test]
fn a_stage_with_a_cache_counts_hits_and_misses() {
    let mut model = model(ApiKind::Rest);
    let default = Cache::For(Span::from_secs(300));
    model.stages[0].cache =
        Some(StageCache { capacity_bytes: 1 << 29, default, routes: Vec::new(), invalidation: Invalidation::Open });
    let cached = |cache| Reply { cache, ..reply(Some(0), Some(0), 200) };
    let replies =
        [CacheUse::Hit(EntryId(1)), CacheUse::Hit(EntryId(1)), CacheUse::Missed, CacheUse::Kept(EntryId(2)), CacheUse::None];
    let counted = counted(model, &replies.map(cached));
    let of = |name: &str, stage: &str| {
        counted.get(&format!("aws_apigateway_{name}{{api_name=\"Ordrs \\\"x\\\"\",stage=\"{stage}\"}}")).copied()
    };
    assert_eq!((of("cache_hit_count_total", "prod"), of("cache_miss_count_total", "prod")), (Some(2.0), Some(2.0)));
    assert_eq!(of("cache_hit_count_total", "dev"), None);
}

#[test]
fn a_request_that_names_no_stage_counts_nowhere() {
    let counted = counted(model(ApiKind::Http), &[reply(None, None, 404)]);
    assert!(counted.values().all(|value| *value == 0.0));
}

#[test]
fn apis_of_one_name_are_one_in_the_metrics() {
    let mut model = model(ApiKind::Rest);
    let mut twin = Api::new(ApiKind::Rest, "another");
    twin.name.clone_from(&model.apis[0].name);
    model.apis.push(twin);
    model.stages.push(Stage::new(ApiId(1), "prod", DeploymentId(0)));
    let counted = counted(model, &[reply(Some(0), None, 403), reply(Some(2), None, 403)]);
    assert_eq!(counted["aws_apigateway_count_total{api_name=\"Ordrs \\\"x\\\"\",stage=\"prod\"}"], 2.0);
}
