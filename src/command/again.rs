//! A kept run as it can be simulated again: its own traffic, the way that it took, and when it began.
//!
//! Owns reading these from a run's record, and the rule by which every simulation of a kept run is set up. Refuses to change the model, and
//! runs whose script is not kept (a replayed log). Called by `fit_loaded`, `model_of_run` and `resimulated`.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::predict::Model;
use super::profile;
use super::script::Script;
use crate::config::value::Protocol;
use crate::config::{self, KeptRun as Load, Plan};
use crate::measure::record::RunRecord;
use crate::sim;

/// A run with the plan that it is simulated by.
pub(super) struct Again {
    /// Its plan; the model may be another one.
    pub(super) plan: Plan,
    /// The way to the gateway that it took.
    pub(super) network: sim::Network,
    script: Script,
    started: Span,
}

impl Again {
    /// From a profile's text, which is the run's own or a changed one, with the run's traffic and client.
    pub(super) fn of(record: &RunRecord, (name, text): (&str, &str), folder: &Path) -> Result<Self, Failure> {
        let nothing = json!([]);
        let resolved = record.plan.resolved.get("profile").unwrap_or(&Value::Null);
        let load = Load { resolved, said: &[], otherwise: &nothing };
        let plan = config::load_text_for_run(name, text, folder, load).map_err(profile::failure)?.plan;
        Self::planned(plan, record)
            .ok_or_else(|| Failure::usage(format!("{name}: the run's record has no traffic to simulate the profile with")))
    }

    /// From a plan that was made of the run's record; `None` if that has no traffic.
    pub(super) fn planned(plan: Plan, record: &RunRecord) -> Option<Self> {
        let script = Script::described(&plan)?;
        Some(Self { plan, network: way(record), script, started: started(&record.plan.started_at) })
    }

    /// What is simulated by this plan, which is the run's but for its model, on this way.
    pub(super) fn model<'a>(&'a self, plan: &'a Plan, network: sim::Network) -> Model<'a> {
        Model::of(plan, &self.script, network).with_streams(streams(plan)).starting(self.started)
    }
}

/// Requests at a time on one connection of a run of this plan.
fn streams(plan: &Plan) -> u32 {
    if plan.run.protocol == Protocol::Http2 { plan.run.streams } else { 1 }
}

/// The way to the gateway that the run took.
fn way(run: &RunRecord) -> sim::Network {
    run.network.as_ref().map_or_else(sim::Network::default, |way| sim::Network {
        round_trip: Span::from_ns(way.round_trip_ns),
        connect: Span::from_ns(way.connect_ns),
    })
}

/// When the run began, since 1970; its beginning if the record does not say.
pub(super) fn started(at: &str) -> Span {
    let moment: Option<Timestamp> = at.parse().ok();
    moment.and_then(|moment| u64::try_from(moment.as_nanosecond()).ok()).map_or(Span::ZERO, Span::from_ns)
}
