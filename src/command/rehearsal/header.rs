//! The record of a rehearsal as it is known before the first request.
//!
//! Owns what is written down of the plan, and the run's name. Refuses what is measured. Called by `rehearsal`.

use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use super::Rehearsal;
use super::doubts::{settles_later, unprobed};
use crate::command::predict::Predicted;
use crate::command::target::Way;
use crate::command::{machine, retries};
use crate::config::Target;
use crate::measure::record::{PlanRecord, RunRecord, VERSION};
use crate::measure::{doubt, run_id};

impl Rehearsal<'_> {
    /// The record as it is known before the first request.
    pub(super) fn header(&self, started: Span, predicted: Option<&Predicted>, way: &Way) -> RunRecord {
        let run = &self.plan.run;
        RunRecord {
            version: VERSION,
            id: Some(self.id(started)),
            complete: false,
            stopped: None,
            plan: self.plan_record(started, predicted),
            machine: machine::this(),
            load: None,
            total: None,
            series: Vec::new(),
            predicted_total: predicted.map(|it| it.total.clone()),
            predicted_series: predicted.map(|it| it.series.clone()).unwrap_or_default(),
            open_estimate: None,
            retries: predicted.and_then(|it| retries::both(it.retries.clone(), None)),
            connections: None,
            predicted_connections: predicted.and_then(|it| it.connections.clone()),
            seconds: Vec::new(),
            receiver: None,
            limits: predicted.map(|it| it.limits.clone()).unwrap_or_default(),
            told: predicted.map(|it| it.told.clone()).unwrap_or_default(),
            parts: self.parts(predicted),
            network: Some(way.record()),
            doubts: way
                .problem
                .iter()
                .map(unprobed)
                .chain(settles_later(run.warmup, self.warmup(predicted)))
                .chain(predicted.into_iter().flat_map(|it| doubt::overloaded(&it.limits)))
                .collect(),
            verdicts: Vec::new(),
            baseline: None,
            cost: None,
            estimates: Vec::new(),
        }
    }

    /// What is run, as far as it is known: without a prediction the script's hash is not.
    pub(super) fn plan_record(&self, started: Span, predicted: Option<&Predicted>) -> PlanRecord {
        let run = &self.plan.run;
        PlanRecord {
            sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
            profile: self.profile_name.clone(),
            resolved: self.plan.resolved.clone(),
            log: self.log.clone(),
            seed: run.seed.root(),
            world_seed: world_seed(run.seed),
            // Without a prediction it is known once the lanes have played it.
            script_hash: predicted.map(|it| it.script.to_string()).unwrap_or_default(),
            drift: self.drifts.iter().map(ToString::to_string).collect(),
            target: match &self.plan.target {
                Target::Mock(_) => "mock".to_owned(),
                Target::Live(live) => live.endpoint.to_string(),
            },
            started_at: machine::rfc3339(started),
            duration_ns: run.duration.as_ns(),
            warmup_ns: self.warmup(predicted).as_ns(),
            connections: run.connections,
            model: self.script.model(),
        }
    }

    /// Two runs of one profile may begin in the same nanosecond, but not in the same process.
    pub(super) fn id(&self, started: Span) -> String {
        let told_apart_by = [started.as_ns().to_string(), std::process::id().to_string(), self.profile_name.clone()];
        run_id::of_drive(&machine::stamp(started), &told_apart_by.each_ref().map(String::as_str))
    }
}

/// The seed of the driven world's own randomness: not the simulator's, or the observed would equal the predicted.
pub(in crate::command) fn world_seed(seed: Seed) -> u64 {
    seed.child("policy").child("drive").nth(0).root()
}
