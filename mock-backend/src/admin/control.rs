//! What can be asked and told: paths, methods, and what each does.
//!
//! Owns the table of paths. Refuses sockets and bytes of answers (the parent's, `answer`'s). A stage is named `prod`, or
//! `a1b2c3d4e5/prod` (id or name of its API) where there are several APIs.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sluicegate_policy::call::Closing;
use sluicegate_policy::model::{ApiKey, Canary, DeploymentId, KeyId, Model, PlanId, StageId, UsagePlan};

use super::answer::Said;
use crate::http::Desk;
use crate::metrics;

/// What there is, for whoever asks for something else.
const PATHS: &str = "GET /health, GET /metrics, GET /stages, GET and PUT /stages/{stage}, DELETE /stages/{stage}/cache, GET /usage, POST /issuer/rotate, GET /connections, POST /connections/drop";

/// What moves a stage.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    deployment: String,
}

/// Which connections are dropped, and how: all, of one stage or of every, by a close frame with a code or without a word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropped {
    stage: Option<String>,
    code: Option<u16>,
}

/// The answer to a request.
pub(super) fn answer(desk: &Desk, method: &Method, path: &str, body: &[u8]) -> Said {
    let path: Vec<Cow<'_, str>> =
        path.trim_matches('/').split('/').map(|part| percent_decode_str(part).decode_utf8_lossy()).collect();
    let path: Vec<&str> = path.iter().map(|part| &**part).collect();
    match (method, &path[..]) {
        (&Method::GET, ["health"]) => health(desk),
        (&Method::GET, ["metrics"]) => told_metrics(desk),
        (&Method::GET, ["usage"]) => usage(desk),
        (&Method::GET, ["stages"]) => stages(desk),
        (_, ["health" | "metrics" | "usage" | "stages"]) => Said::not_so("GET"),
        (&Method::DELETE, ["stages", stage @ .., "cache"]) => of_stage(desk, stage, flush),
        (&Method::GET, ["stages", stage @ ..]) => of_stage(desk, stage, |desk, stage| Said::Json(told(desk, stage))),
        (&Method::PUT, ["stages", stage @ ..]) => of_stage(desk, stage, |desk, stage| move_to(desk, stage, body)),
        (&Method::GET, ["connections"]) => Said::Json(json!(desk.driver.websockets())),
        (_, ["connections"]) => Said::not_so("GET"),
        (&Method::POST, ["connections", "drop"]) => drop_connections(desk, body),
        (&Method::POST, ["issuer", "rotate"]) => rotate(desk),
        (_, ["connections", "drop"] | ["issuer", "rotate"]) => Said::not_so("POST"),
        (_, ["stages", .., "cache"]) => Said::not_so("DELETE"),
        (_, ["stages", ..]) => Said::not_so("GET, PUT"),
        _ => Said::error(404, format!("there is nothing here; there are {PATHS}")),
    }
}

fn told_metrics(desk: &Desk) -> Said {
    let of_answers = desk.observer.borrow().metrics().exposition();
    Said::Metrics(of_answers + &metrics::of_services(&desk.services_used()))
}

fn health(desk: &Desk) -> Said {
    let in_flight = desk.driver.tell(desk.clock.now(), |gateway, _| gateway.in_flight());
    Said::Json(json!({ "status": "ok", "arrived": desk.arrivals.borrow().arrived(), "in_flight": in_flight }))
}

/// A new key for the issuer that the mock plays.
fn rotate(desk: &Desk) -> Said {
    let Some(mint) = &desk.mint else { return Said::error(409, "the mock plays no issuer") };
    match mint.rotate(&desk.front) {
        Ok(()) => Said::Json(json!({ "rotated": true })),
        Err(error) => Said::error(500, error.to_string()),
    }
}

fn stages(desk: &Desk) -> Said {
    let ids = (0..desk.model.stages.len()).map(|at| StageId(at as u16));
    Said::Json(Value::Object(ids.map(|stage| (name(&desk.model, stage), told(desk, stage))).collect()))
}

/// A stage as it is called here.
fn name(model: &Model, stage: StageId) -> String {
    let name = &model.stages[usize::from(stage.0)].name;
    if model.apis.len() > 1 { format!("{}/{name}", model.api_of(stage).id) } else { name.clone() }
}

/// What a stage serves.
fn told(desk: &Desk, stage: StageId) -> Value {
    let model = &desk.model;
    let serving = desk.driver.tell(desk.clock.now(), |gateway, _| gateway.serving(stage));
    let of = |deployment: DeploymentId| model.deployments[usize::from(deployment.0)].name.as_str();
    let canary = |canary: &Canary| json!({ "deployment": of(canary.deployment), "percent": canary.share * 100.0 });
    json!({
        "api": model.api_of(stage).id,
        "deployment": serving.map(of),
        "canary": model.stages[usize::from(stage.0)].canary.as_ref().map(canary),
    })
}

/// Does `what` to the stage that `path` names.
fn of_stage(desk: &Desk, path: &[&str], what: impl FnOnce(&Desk, StageId) -> Said) -> Said {
    let model = &desk.model;
    let found = |stage: StageId| match path {
        [stage_name] => model.apis.len() == 1 && model.stages[usize::from(stage.0)].name == *stage_name,
        [api_name, stage_name] => {
            let api = model.api_of(stage);
            (api.id == *api_name || api.name == *api_name) && model.stages[usize::from(stage.0)].name == *stage_name
        }
        _ => false,
    };
    let ids = (0..model.stages.len()).map(|at| StageId(at as u16));
    if let Some(stage) = ids.clone().find(|stage| found(*stage)) {
        return what(desk, stage);
    }
    let known: Vec<_> = ids.map(|stage| name(model, stage)).collect();
    Said::error(404, format!("there is no stage \"{}\"; there are {}", path.join("/"), known.join(", ")))
}

fn move_to(desk: &Desk, stage: StageId, body: &[u8]) -> Said {
    let moved: Moved = match serde_json::from_slice(body) {
        Ok(moved) => moved,
        Err(error) => return Said::error(400, format!("the body is not {{\"deployment\": \"name\"}}: {error}")),
    };
    let (model, api) = (&desk.model, desk.model.stages[usize::from(stage.0)].api);
    let mut of_api = model.deployments.iter().enumerate().filter(|(_, deployment)| deployment.api == api);
    let Some((at, _)) = of_api.clone().find(|(_, deployment)| deployment.name == moved.deployment) else {
        let known: Vec<_> = of_api.by_ref().map(|(_, deployment)| deployment.name.as_str()).collect();
        let message = format!("this API has no deployment \"{}\"; it has {}", moved.deployment, known.join(", "));
        return Said::error(404, message);
    };
    let to = DeploymentId(at as u16);
    match desk.driver.tell(desk.clock.now(), |gateway, now| gateway.deploy(now, stage, to)) {
        Ok(()) => Said::Json(told(desk, stage)),
        Err(error) => Said::error(409, error.to_string()),
    }
}

/// Closes all WebSocket connections at once, so that one sees what their clients make of it.
fn drop_connections(desk: &Desk, body: &[u8]) -> Said {
    let dropped: Dropped = match serde_json::from_slice(if body.is_empty() { b"{}" } else { body }) {
        Ok(dropped) => dropped,
        Err(error) => return Said::error(400, format!("the body is not {{\"stage\": \"name\", \"code\": 1012}}: {error}")),
    };
    let why = match dropped.code {
        None => Closing::Cut,
        Some(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) => Closing::Fault(code),
        Some(code) => {
            return Said::error(
                400,
                format!("{code} is no code of a close frame; write e.g. 1012, or leave it out to say nothing"),
            );
        }
    };
    let drop = |of| Said::Json(json!({ "dropped": desk.driver.close_all(of, why) }));
    match dropped.stage {
        None => drop(None),
        Some(stage) => of_stage(desk, &stage.split('/').collect::<Vec<_>>(), |_, stage| drop(Some(stage))),
    }
}

fn flush(desk: &Desk, stage: StageId) -> Said {
    if desk.model.stages[usize::from(stage.0)].cache.is_none() {
        return Said::error(409, format!("stage \"{}\" has no cache", name(&desk.model, stage)));
    }
    let dropped = desk.driver.tell(desk.clock.now(), |gateway, now| {
        let before = gateway.kept_answers();
        gateway.flush(now, stage);
        before.saturating_sub(gateway.kept_answers())
    });
    Said::Json(json!({ "stage": name(&desk.model, stage), "dropped": dropped }))
}

/// Plan, key, and how far the quota is used; a key's value stays unsaid.
fn usage(desk: &Desk) -> Said {
    let plans = desk.model.plans.iter().enumerate().map(|(at, plan)| (plan.name.clone(), of_plan(desk, PlanId(at as u16), plan)));
    Said::Json(Value::Object(plans.collect()))
}

fn of_plan(desk: &Desk, id: PlanId, plan: &UsagePlan) -> Value {
    let key = |key: &KeyId| {
        let used = desk.driver.tell(desk.clock.now(), |gateway, _| gateway.usage(id, *key));
        let ApiKey { name, enabled, .. } = &desk.model.keys[usize::from(key.0)];
        let quota = used.zip(plan.quota).map(|(usage, quota)| {
            let period = format!("{:?}", quota.period).to_ascii_uppercase();
            json!({ "limit": quota.limit, "period": period, "used": usage.used, "remaining": usage.remaining })
        });
        (name.clone(), json!({ "enabled": enabled, "quota": quota }))
    };
    Value::Object(plan.keys.iter().map(key).collect::<Map<_, _>>())
}
