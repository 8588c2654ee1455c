//! What a profile says of what was driven, as the estimators want it.
//!
//! Owns the way from the proven model to plain data: which function stands behind a route, where its throttle is written, what overhead
//! is documented. Refuses to estimate (`fit`). Called by `fit` and `plan_fit` beside it.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Integration, Model, RouteId, StageId};

use super::failure::Failure;
use super::fit_observed::Kept;
use super::profile;
use crate::config::{self, Overrides, Plan, Script};
use crate::fit::client::{Behind, Known, Route};
use crate::fit::parts::Moments;

/// Points at which a documented distribution is looked at.
const POINTS: u32 = 2_000;

/// The gateway of a kept run, as its profile has it; what is needed to drive it alone need not be there any more.
pub(super) fn plan_of(run: &Kept) -> Result<Plan, Failure> {
    let folder = std::path::Path::new(&run.record.plan.profile).parent().map(ToOwned::to_owned);
    let overrides = Overrides { script: Script::Served, folder, ..Overrides::default() };
    let name = run.folder.join(super::run_folder::PROFILE);
    config::load_text(&name.display().to_string(), &run.profile, &overrides, &[]).map_err(profile::failure)
}

/// The stage that a run drove.
pub(super) fn stage_of(run: &Kept, model: &Model) -> StageId {
    let name = run.record.plan.resolved["derived"]["stage"].as_str();
    name.and_then(|name| model.stage(name)).unwrap_or(StageId(0))
}

/// What is known of these series at this stage.
pub(super) fn known(model: &Model, stage: StageId, series: &[String], round_trip_ns: u64) -> Known {
    let served = &model.stages[usize::from(stage.0)];
    let mut known =
        Known { overhead: moments(&model.api_of(stage).overhead), round_trip: round_trip_ns as f64, ..Known::default() };
    for (id, route) in model.routes_of(served.deployment) {
        let name = route.key();
        if !series.contains(&name) {
            continue;
        }
        let behind = match &route.integration {
            Integration::Lambda(lambda) => Behind::Function(model.functions[usize::from(lambda.function.0)].name.clone()),
            Integration::Mock(_) => Behind::Gateway,
            Integration::Http(_) | Integration::Service(_) => Behind::Other,
        };
        if let Behind::Function(function) = &behind
            && !known.functions.contains(function)
        {
            known.functions.push(function.clone());
            if model.functions.iter().any(|one| one.name == *function && one.uses.is_some()) {
                known.pooled.push(function.clone());
            }
        }
        let throttle = throttle(model, stage, (id, &name));
        known.routes.push(Route { series: name, behind, asks: route.authorization.is_some(), throttle });
    }
    known
}

/// Where the throttle of a route stands: its own, else the stage's.
fn throttle(model: &Model, stage: StageId, (id, name): (RouteId, &str)) -> Vec<String> {
    let stage = &model.stages[usize::from(stage.0)];
    let own = stage.route_throttles.iter().any(|(route, _)| *route == id);
    let keys: &[&str] = if own {
        &["gateway", "stages", &stage.name, "route_throttles", name]
    } else {
        &["gateway", "stages", &stage.name, "throttle"]
    };
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn moments(latency: &Latency) -> Moments {
    let at = |n: u32| latency.at((f64::from(n) + 0.5) / f64::from(POINTS)).as_ns() as f64;
    let mean = (0..POINTS).map(at).sum::<f64>() / f64::from(POINTS);
    let variance = (0..POINTS).map(|n| (at(n) - mean).powi(2)).sum::<f64>() / f64::from(POINTS);
    Moments::documented(mean, variance)
}
