//! Stages: what each serves, and its throttles, cache, canary, variables and logs.
//!
//! Owns their defaults and bounds, and the references to deployments and routes. Refuses to serve. Called by `gateway`.

use sluicegate_policy::model::{ApiId, ApiKind, Cache, Canary, DeploymentId, RouteId, Stage, StageCache, Throttle};
use sluicegate_policy::time::Span;
use sluicegate_render::access_log::{self, Format};

use super::deployments::{Frozen, RouteKeys};
use super::names::deployment_names;
use super::{at_most, name, not_of_http, of, only_rest, referred, texts};
use crate::config::problem::{Spot, quoted};
use crate::config::prove::{filled, throttle};
use crate::config::raw::gateway as raw;
use crate::config::raw::gateway::Texts;
use crate::config::raw::gateway::stage::RouteCache;
use crate::config::reader::{At, Reader};
use crate::config::value::{CacheSize, Duration, ExecutionLog, Flag, Invalidation, Named, Text};

/// Variables of a stage, and the lengths of their names and values (developer guide, "Quotas", 2023 and 2026).
const VARIABLES_MAX: usize = 100;
const VARIABLE_NAME_MAX: usize = 64;
const VARIABLE_VALUE_MAX: usize = 512;

/// What stages refer to: the names of deployments, and their routes unless these have problems of their own.
struct Known<'a> {
    kind: ApiKind,
    deployments: Vec<String>,
    /// Where they are written.
    table: String,
    frozen: Option<(&'a Frozen, &'a RouteKeys)>,
}

/// The stages, in the order of the profile, with ids as if their API were the only one.
pub(super) fn stages(
    gateway: &mut raw::Gateway,
    (kind, section): (ApiKind, &str),
    frozen: Option<(&Frozen, &RouteKeys)>,
    reader: &mut Reader,
) -> Option<Vec<Stage>> {
    let known = Known { kind, deployments: deployment_names(gateway), table: format!("{section}.deployments"), frozen };
    let stages = &mut gateway.stages;
    if stages.value.0.is_empty() {
        reader.report_at(&stages.spot, "there is no stage; write at least one, e.g. prod: {}");
        return None;
    }
    if !at_most(stages.value.0.len(), "stages", &stages.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Stage>> = stages
        .value
        .0
        .iter_mut()
        .map(|member| {
            let name = stage_name(&member.name, &member.spot, kind, reader);
            match &mut member.value {
                Some(given) => stage(name, given, &known, reader),
                None => stage(name, &mut At { value: raw::stage::Stage::default(), spot: member.spot.clone() }, &known, reader),
            }
        })
        .collect();
    proven.into_iter().collect()
}

fn stage_name(text: &Text, spot: &Spot, kind: ApiKind, reader: &mut Reader) -> Option<String> {
    match (text.0.as_str(), kind) {
        ("$default", ApiKind::Http) => Some("$default".to_owned()),
        ("$default", ApiKind::Rest | ApiKind::WebSocket) => {
            reader.report_at(spot, format!("{} has no stage \"$default\"; name it, e.g. prod", of(kind)));
            None
        }
        _ => name(&At { value: text.clone(), spot: spot.clone() }, "the name of a stage", reader),
    }
}

fn stage(name: Option<String>, given: &mut At<raw::stage::Stage>, known: &Known<'_>, reader: &mut Reader) -> Option<Stage> {
    let stage = &mut given.value;
    let deployment = stage.deployment.as_ref().map(|named| deployment(named, known, reader));
    let route_throttles = route_throttles(stage, known, reader);
    let cache = cache(stage, known, reader);
    if let Some(log) = &stage.execution_log {
        not_of_http(known.kind, &log.spot, "execution log", reader);
    }
    let canary = match &mut stage.canary {
        Some(given) => Some(canary(given, known, reader)?),
        None => None,
    };
    let access_log = stage.access_log.as_ref().map(|given| access_log(given, known.kind, reader));
    Some(Stage {
        variables: variables(stage.variables.as_ref(), reader),
        throttle: stage.throttle.as_ref().map(throttle),
        route_throttles: route_throttles?,
        cache,
        canary,
        access_log,
        execution_log: stage.execution_log.as_ref().map_or(ExecutionLog::Off, |log| log.value).into(),
        detailed_metrics: stage.detailed_metrics.as_ref().is_some_and(|flag| flag.value.0),
        ..Stage::new(ApiId(0), name?, deployment.unwrap_or(Some(DeploymentId(0)))?)
    })
}

fn deployment(named: &At<Text>, known: &Known<'_>, reader: &mut Reader) -> Option<DeploymentId> {
    let table = ("deployment", known.table.as_str());
    let at = referred(&named.value.0, &named.spot, table, &known.deployments, reader)?;
    Some(DeploymentId(at as u16))
}

/// The throttles of single routes: those of the stage, and else those of the routes themselves.
fn route_throttles(stage: &raw::stage::Stage, known: &Known<'_>, reader: &mut Reader) -> Option<Vec<(RouteId, Throttle)>> {
    let (frozen, keys) = known.frozen?;
    let given = stage.route_throttles.iter().flat_map(|given| &given.0);
    let found = given.map(|member| Some((keys.find(&member.name, &member.spot, reader)?, throttle(&member.value))));
    let mut found: Vec<(RouteId, Throttle)> = found.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let of_stage = found.len();
    let others = frozen.throttles.iter().filter(|(id, _)| !found[..of_stage].iter().any(|(taken, _)| taken == id));
    let others: Vec<_> = others.copied().collect();
    found.extend(others);
    Some(found)
}

fn cache(stage: &mut raw::stage::Stage, known: &Known<'_>, reader: &mut Reader) -> Option<StageCache> {
    let Some(given) = &mut stage.cache else {
        if let Some(routes) = &stage.route_caches {
            reader.report_at(&routes.spot, "the stage has no cache; write e.g. cache: { size: 0.5 GB }, or remove this");
        }
        return None;
    };
    let spot = given.spot.clone();
    only_rest(known.kind, &spot, "response cache", reader);
    let cache = &mut given.value;
    let capacity_bytes = filled(&mut cache.size, &spot, "size", || CacheSize::Half).value.bytes();
    let default = ttl(filled(&mut cache.ttl, &spot, "ttl", || Duration(Span::from_secs(300))), reader);
    let invalidation = filled(&mut cache.invalidation, &spot, "invalidation", || Invalidation::Open).value.into();
    let mut routes = Vec::new();
    for member in stage.route_caches.iter().flat_map(|given| &given.value.0) {
        let cache = match &member.value.value {
            RouteCache::Off(_) => Cache::Off,
            RouteCache::Kept(kept) => ttl(&kept.ttl, reader),
        };
        let route = known.frozen.and_then(|(_, keys)| keys.find(&member.name, &member.spot, reader));
        routes.extend(route.map(|route| (route, cache)));
    }
    Some(StageCache { capacity_bytes, default, routes, invalidation })
}

/// 0 to 3,600 s, where 0 keeps nothing (developer guide, "Enabling API caching", 2023).
fn ttl(given: &At<Duration>, reader: &mut Reader) -> Cache {
    let span = given.value.0;
    if span > Span::from_secs(3_600) {
        reader.report_at(&given.spot, format!("{span} is longer than the gateway keeps an answer; write at most 1h"));
    }
    if span == Span::ZERO { Cache::Off } else { Cache::For(span) }
}

fn canary(given: &mut At<raw::stage::Canary>, known: &Known<'_>, reader: &mut Reader) -> Option<Canary> {
    let spot = given.spot.clone();
    only_rest(known.kind, &spot, "canary", reader);
    let canary = &mut given.value;
    Some(Canary {
        share: canary.percent.value.share(),
        variables: variables(canary.variables.as_ref(), reader),
        shares_cache: filled(&mut canary.shares_cache, &spot, "shares_cache", || Flag(false)).value.0,
        deployment: deployment(&canary.deployment, known, reader)?,
    })
}

/// Stage variables, in the order of their names.
fn variables(given: Option<&At<Texts>>, reader: &mut Reader) -> Vec<(String, String)> {
    let empty = Named::default();
    let members = &given.map_or(&empty, |given| &given.value).0;
    if let Some(beyond) = members.get(VARIABLES_MAX) {
        let what = format!("these are {} variables; a stage has at most {VARIABLES_MAX}", members.len());
        reader.report_at(&beyond.spot, what);
    }
    for member in members {
        if !(1..=VARIABLE_NAME_MAX).contains(&member.name.0.chars().count()) {
            reader.report_at(
                &member.spot,
                format!("this is not the name of a variable; write 1 to {VARIABLE_NAME_MAX} characters"),
            );
        }
        let length = member.value.value.0.chars().count();
        if length > VARIABLE_VALUE_MAX {
            let what = format!("this value has {length} characters; a variable holds at most {VARIABLE_VALUE_MAX}");
            reader.report_at(&member.value.spot, what);
        }
    }
    let mut variables = texts(given);
    variables.sort();
    variables
}

/// The format that a console's name stands for, or the one that is written; a line that the gateway would take.
fn access_log(given: &At<Text>, kind: ApiKind, reader: &mut Reader) -> String {
    let text = given.value.0.as_str();
    let format = access_log::named(text, kind).unwrap_or(text);
    if let Err(error) = Format::parse(format) {
        let cure = "write clf, json, xml or csv, or e.g. \"$context.requestId $context.status\"";
        // One word is rather the name of a format than a format.
        let is_word = !text.contains('$');
        let what = if is_word { format!("{} is no format of the access log; {cure}", quoted(text)) } else { error.to_string() };
        reader.report_at(&given.spot, what);
    }
    format.to_owned()
}
