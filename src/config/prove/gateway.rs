//! The gateway: account, stages and functions; its routes are in [`routes`](super::routes).
//!
//! Owns their defaults, with the source of each. Refuses routes and every behaviour (the policy's). Called by
//! `prove::plan`.

use sluicegate_policy::model::{
    Account, Api, ApiId, ApiKind, Deployment, DeploymentId, Function, Model, Response, Route, Stage, Throttle,
};
use sluicegate_policy::time::Span;

use super::{filled, latency, routes, throttle};
use crate::config::problem::Spot;
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value;
use crate::config::value::{Count, Decimal, Duration, Member, Memory, Named, Percent, Rate, Shape, Status, Text};

/// The model of the gateway.
pub(super) fn model(gateway: &mut At<raw::Gateway>, reader: &mut Reader) -> Option<Model> {
    let spot = gateway.spot.clone();
    let gateway = &mut gateway.value;
    let api = match gateway.api.value {
        value::ApiKind::Http => ApiKind::Http,
        value::ApiKind::Rest => ApiKind::Rest,
    };
    let id = filled(&mut gateway.id, &spot, "id", || Text("sluicegate".to_owned())).clone();
    let api_id = name(&id, "an API's id", reader);
    let region = filled(&mut gateway.region, &spot, "region", || Text("us-east-1".to_owned())).clone();
    let region = name(&region, "a region", reader);
    let account = account(&mut gateway.account, &spot, region.as_deref().unwrap_or_default());
    let overhead = latency(filled(&mut gateway.overhead, &spot, "overhead", || overhead(api)), reader);
    let refusal = latency(filled(&mut gateway.refusal, &spot, "refusal", refusal), reader);
    let functions = functions(&mut gateway.functions, &spot, reader);
    let routes = routes::routes(&mut gateway.routes, api, gateway.functions.as_ref(), reader);
    let stages = stages(gateway, api, routes.as_deref(), reader);
    Some(Model {
        region: region?,
        account,
        apis: vec![Api { overhead: overhead?, refusal: refusal?, ..Api::new(api, api_id?) }],
        deployments: vec![Deployment::new(ApiId(0), "current")],
        stages: stages?,
        functions: functions?,
        routes: routes?,
        plans: Vec::new(),
        keys: Vec::new(),
        domains: Vec::new(),
        moves: Vec::new(),
    })
}

/// Placeholder, no source: guesses (median 4 ms for HTTP APIs, 8 ms for REST APIs, sigma 0.3). No authoritative figure was found.
fn overhead(api: ApiKind) -> Shape {
    let median = match api {
        ApiKind::Http => Span::from_ms(4),
        ApiKind::Rest => Span::from_ms(8),
    };
    Shape::lognormal(median, Decimal(0.3))
}

/// Placeholder, no source: a guess.
fn refusal() -> Shape {
    Shape::constant(Span::from_ms(2))
}

/// Placeholder: published means of hello-world functions lie between 15 ms (Rust) and 300 ms (.NET) (maxday/lambda-perf, 2026).
fn cold_start() -> Shape {
    Shape::lognormal(Span::from_ms(200), Decimal(0.4))
}

/// The provider publishes none; 5 to 7 minutes are commonly quoted, 10 were measured in 2019 (mikhail.io).
fn keep_alive() -> Shape {
    let minutes = |n: u64| Duration(Span::from_secs(60 * n));
    Shape::Quantiles(vec![(0.05, minutes(5)), (0.95, minutes(10))])
}

/// Names that stand in host names, paths and log lines.
fn name(text: &At<Text>, what: &str, reader: &mut Reader) -> Option<String> {
    let name = &text.value.0;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= 128 && name.chars().all(allowed) {
        return Some(name.clone());
    }
    let given = crate::config::problem::quoted(name);
    reader.report_at(&text.spot, format!("{given} is not {what}; write up to 128 letters, digits, \"-\" and \"_\""));
    None
}

fn account(slot: &mut Option<At<raw::Account>>, gateway: &Spot, region: &str) -> Account {
    let provider = Account::default_in(region);
    let account =
        slot.get_or_insert_with(|| At::default_for(gateway, "account", raw::Account { throttle: None, concurrency: None }));
    let spot = account.spot.clone();
    let throttle_given = account.value.throttle.get_or_insert_with(|| raw_throttle(&spot, provider.throttle));
    let throttle = throttle(throttle_given);
    let concurrency = filled(&mut account.value.concurrency, &spot, "concurrency", || Count(provider.concurrency)).value.0;
    Account { throttle, concurrency }
}

fn raw_throttle(section: &Spot, throttle: Throttle) -> raw::Throttle {
    let burst = Count(u32::try_from(throttle.burst.0).unwrap_or(u32::MAX));
    raw::Throttle {
        rate: At::default_for(section, "throttle.rate", Rate(throttle.rate)),
        burst: At::default_for(section, "throttle.burst", burst),
    }
}

fn functions(
    slot: &mut Option<At<Named<Text, At<raw::Function>>>>,
    gateway: &Spot,
    reader: &mut Reader,
) -> Option<Vec<Function>> {
    let functions = slot.get_or_insert_with(|| At::default_for(gateway, "functions", Named::default()));
    if !at_most(functions.value.0.len(), "functions", &functions.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Function>> = functions.value.0.iter_mut().map(|member| function(member, reader)).collect();
    proven.into_iter().collect()
}

/// Ids are 16 bits, and routes are compared in pairs; a provider allows 300 (API Gateway developer guide, "Quotas", 2026).
pub(super) fn at_most(count: usize, what: &str, spot: &Spot, reader: &mut Reader) -> bool {
    const MANY: usize = 2_000;
    if count > MANY {
        reader.report_at(spot, format!("these are {count} {what}; write at most {MANY}"));
    }
    count <= MANY
}

fn function(member: &mut Member<Text, At<raw::Function>>, reader: &mut Reader) -> Option<Function> {
    let named = (1..=128).contains(&member.name.0.len());
    if !named {
        reader.report_at(&member.spot, "this is not the name of a function; write 1 to 128 characters");
    }
    let spot = member.value.spot.clone();
    let function = &mut member.value.value;
    let memory_mb = filled(&mut function.memory, &spot, "memory", || Memory(128)).value.0;
    let duration = latency(&function.duration, reader);
    let cold_start = latency(filled(&mut function.cold_start, &spot, "cold_start", cold_start), reader);
    let keep_alive = latency(filled(&mut function.keep_alive, &spot, "keep_alive", keep_alive), reader);
    let failures = filled(&mut function.failures, &spot, "failures", || Percent::nearest(0.0)).value.share();
    let answer = function.response.get_or_insert(raw::Answer { status: None, body: None });
    let (status, body) = filled_answer(answer, &spot, "{}");
    let proven = Function {
        name: member.name.0.clone(),
        memory_mb,
        duration: duration?,
        cold_start: cold_start?,
        failures,
        concurrency: function.concurrency.as_ref().map(|count| count.value.0),
        keep_alive: keep_alive?,
        response: Response { status, body },
    };
    named.then_some(proven)
}

/// Status and body of an answer, with the defaults written in.
pub(super) fn filled_answer(answer: &mut raw::Answer, section: &Spot, body: &str) -> (u16, String) {
    let status = filled(&mut answer.status, section, "status", || Status(200)).value.0;
    let body = filled(&mut answer.body, section, "body", || Text(body.to_owned())).value.0.clone();
    (status, body)
}

fn stages(gateway: &mut raw::Gateway, api: ApiKind, routes: Option<&[Route]>, reader: &mut Reader) -> Option<Vec<Stage>> {
    let stages = &gateway.stages;
    if stages.value.0.is_empty() {
        reader.report_at(&stages.spot, "there is no stage; write at least one, e.g. prod: {}");
        return None;
    }
    if !at_most(stages.value.0.len(), "stages", &stages.spot, reader) {
        return None;
    }
    let own: Vec<(usize, Throttle)> = gateway
        .routes
        .value
        .0
        .iter()
        .enumerate()
        .filter_map(|(at, route)| route.value.value.throttle.as_ref().map(|given| (at, throttle(&given.value))))
        .collect();
    let proven: Vec<Option<Stage>> = stages
        .value
        .0
        .iter()
        .map(|member| {
            let name = stage_name(&member.name, &member.spot, api, reader);
            let empty = raw::stage::Stage::default();
            let stage = member.value.as_ref().map_or(&empty, |stage| &stage.value);
            let sound_log = has_sound_log(stage, reader);
            let route_throttles = routes.and_then(|routes| routes::throttles(stage, &own, routes, reader));
            let proven = Stage {
                throttle: stage.throttle.as_ref().map(throttle),
                route_throttles: route_throttles?,
                access_log: stage.access_log.as_ref().map(|format| format.value.0.clone()),
                ..Stage::new(ApiId(0), name?, DeploymentId(0))
            };
            sound_log.then_some(proven)
        })
        .collect();
    proven.into_iter().collect()
}

fn stage_name(text: &Text, spot: &Spot, api: ApiKind, reader: &mut Reader) -> Option<String> {
    match (text.0.as_str(), api) {
        ("$default", ApiKind::Http) => Some("$default".to_owned()),
        ("$default", ApiKind::Rest) => {
            reader.report_at(spot, "a REST API has no stage \"$default\"; name it, e.g. prod");
            None
        }
        _ => name(&At { value: text.clone(), spot: spot.clone() }, "the name of a stage", reader),
    }
}

/// That it says something; whether it can be rendered, the mock tells.
fn has_sound_log(stage: &raw::stage::Stage, reader: &mut Reader) -> bool {
    let Some(format) = &stage.access_log else { return true };
    let is_empty = format.value.0.trim().is_empty();
    if is_empty {
        let what = "the log format is empty; write e.g. \"$context.requestId $context.status\", or leave the key out";
        reader.report_at(&format.spot, what);
    }
    !is_empty
}
