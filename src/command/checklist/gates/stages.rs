//! The stages of the API, each under the load of the one that is driven.
//!
//! Owns what of a stage is told in words. Refuses to judge.

use sluicegate_policy::model::{Cache, ExecutionLog, Stage, StageId, Throttle};

use super::super::variants::{Ran, Variants, times};
use crate::design::checklist::Judged;
use crate::design::checklist::gates::{self, StageVariant};
use crate::measure::assumption::{Assumption, Metric, Ratio, Told};
use crate::verdict::predict;

/// What the same load does to each stage.
pub(super) fn judged(variants: &Variants<'_>, own: &Ran) -> Judged {
    let plan = variants.plan;
    let api = plan.model.stages[usize::from(plan.stage.0)].api;
    let ids = || (0..plan.model.stages.len()).map(|at| StageId(at as u16));
    let all: Vec<StageId> = ids().filter(|id| plan.model.stages[usize::from(id.0)].api == api).collect();
    if all.len() < 2 {
        return Err("the API has one stage".to_owned());
    }
    let variant = |id: StageId| {
        let ran = (id != plan.stage).then(|| variants.play(plan.model.as_ref().clone(), id));
        variant(variants, id, ran.as_ref().unwrap_or(own))
    };
    gates::stages(&all.into_iter().map(variant).collect::<Vec<_>>())
}

fn variant(variants: &Variants<'_>, id: StageId, ran: &Ran) -> StageVariant {
    let plan = variants.plan;
    let stage = &plan.model.stages[usize::from(id.0)];
    let ratio = |ratio| predict::value(None, Metric::Ratio(ratio), &[ran.recorder()]);
    let all = ran.recorder().channel(None);
    let concerns = |one: &Assumption| match one.metric {
        Metric::Latency(_) | Metric::Ratio(Ratio::Errors | Ratio::Throttled | Ratio::ErrorsOf(_)) => true,
        Metric::Ratio(Ratio::Told(..)) | Metric::Part(..) => false,
    };
    StageVariant {
        name: stage.name.clone(),
        is_driven: id == plan.stage,
        settings: [throttles(stage), cache(stage), variables(stage), canary(stage), logs(stage)],
        requests: all.as_ref().map_or(0, |all| all.count()),
        response: all.as_ref().map_or_else(Default::default, |all| times(all.admitted(), 0)),
        throttled: ratio(Ratio::Throttled).unwrap_or(0.0),
        errors: ratio(Ratio::Errors).unwrap_or(0.0),
        cache_hits: stage.cache.as_ref().and_then(|_| ratio(Ratio::Told(Told::CacheHits, None))),
        month: variants.month(ran, id),
        held: ran.held(&plan.expectations, concerns),
    }
}

const NONE: &str = "none";

fn throttles(stage: &Stage) -> String {
    let words = |throttle: &Throttle| format!("{}/s, burst {}", throttle.rate.as_f64(), throttle.burst.0);
    let own = match stage.route_throttles.len() {
        0 => String::new(),
        1 => "; 1 route has its own".to_owned(),
        more => format!("; {more} routes have their own"),
    };
    format!("{}{own}", stage.throttle.as_ref().map_or_else(|| NONE.to_owned(), words))
}

fn cache(stage: &Stage) -> String {
    stage.cache.as_ref().map_or_else(
        || NONE.to_owned(),
        |cache| {
            let kept = match cache.default {
                Cache::Off => "single routes".to_owned(),
                Cache::For(ttl) => format!("for {ttl}"),
            };
            format!("{:.1} GB, {kept}", cache.capacity_bytes as f64 / f64::from(1 << 30))
        },
    )
}

/// Names alone: a value may be more than everybody should read.
fn variables(stage: &Stage) -> String {
    let names: Vec<&str> = stage.variables.iter().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { NONE.to_owned() } else { names.join(", ") }
}

fn canary(stage: &Stage) -> String {
    stage.canary.as_ref().map_or_else(|| NONE.to_owned(), |canary| format!("{} % of the requests", canary.share * 100.0))
}

fn logs(stage: &Stage) -> String {
    let execution = match stage.execution_log {
        ExecutionLog::Off => None,
        ExecutionLog::Error => Some("execution (error)"),
        ExecutionLog::Info => Some("execution (info)"),
        ExecutionLog::Full => Some("execution (full)"),
    };
    let access = stage.access_log.as_ref().map(|_| "access");
    let metrics = stage.detailed_metrics.then_some("metrics by route");
    let all: Vec<&str> = access.into_iter().chain(execution).chain(metrics).collect();
    if all.is_empty() { NONE.to_owned() } else { all.join(", ") }
}
