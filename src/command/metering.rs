//! A profile, simulated for what is billed of it.
//!
//! Owns which part of a run is metered, in whose steps, and how it becomes a month. Refuses to compute amounts
//! (`design`). Called by `cost`, by `designs`, by the gates of `checklist`, and by `run_cost` before a run.

use std::sync::Arc;

use sluicegate_policy::metered::{Metered, Metering};
use sluicegate_policy::model::{Model as Gateway, StageId};
use sluicegate_policy::time::{Instant, Span};

use super::predict::Model;
use super::script::Script;
use super::simulate::{Played, network, replicate};
use crate::config::Plan;
use crate::design::HOURS;
use crate::design::bill::{Bill, FreeTier, bill};
use crate::design::meters::{Assumptions, Basis, Counted, counted};
use crate::design::prices::{Missing, Prices, Steps};

/// A design, simulated.
pub(super) struct Simulated {
    /// The gateway, as it was simulated.
    pub(super) gateway: Gateway,
    /// What is billed, of all replications together.
    pub(super) metered: Metered,
    /// Requests of all replications.
    pub(super) requests: u64,
    /// Answers that the model does not predict.
    pub(super) unpredicted: u64,
    /// Limits by name, and how much of each is used in the mean, in the first replication.
    pub(super) limits: Vec<(String, f64)>,
    /// What else the replications told.
    pub(super) played: Played,
}

/// What a month is paid for by.
pub(super) struct Bought<'a> {
    /// The prices.
    pub(super) prices: &'a Prices,
    /// Whether the free tier is taken off.
    pub(super) free_tier: FreeTier,
    /// What nobody simulates.
    pub(super) assumptions: &'a Assumptions,
    /// Calls a month, if it is said.
    pub(super) calls: Option<u64>,
}

/// A month of a design.
pub(super) struct Month {
    /// What is paid for.
    pub(super) counted: Counted,
    /// The bill.
    pub(super) bill: Bill,
    /// How many times as much it has as the metered time.
    pub(super) times: f64,
}

impl Simulated {
    /// What was metered, as `times` as much.
    pub(super) const fn basis(&self, stage: StageId, replications: u32, times: f64) -> Basis<'_> {
        Basis { model: &self.gateway, stage, metered: &self.metered, replications, times }
    }

    /// The bill of a month of 730 hours like the metered time, or of so many calls; or every price that it needs and that is missing.
    pub(super) fn month(&self, stage: StageId, replications: u32, bought: &Bought<'_>) -> Result<Month, Vec<Missing>> {
        let calls = self.basis(stage, replications, 1.0).calls();
        let times = match bought.calls {
            _ if calls <= 0.0 => 0.0,
            Some(said) => said as f64 / calls,
            None => HOURS * 3_600.0 / self.metered.stretch().as_secs_f64(),
        };
        let counted = counted(&self.basis(stage, replications, times), bought.assumptions);
        let bill = bill(&counted.meters, bought.prices, bought.free_tier)?;
        Ok(Month { counted, bill, times })
    }
}

/// Plays the plan's script so often against this gateway, and meters what comes after `from`.
pub(super) fn simulated(
    plan: &Plan,
    script: &Script,
    gateway: Gateway,
    (from, steps): (Span, Steps),
    replications: u32,
) -> Simulated {
    metered(Model::of(plan, script, network(plan)), gateway, (from, plan.run.duration), steps, replications)
}

/// Plays a model so often with this gateway in it, and meters what comes between two instants.
pub(super) fn metered(
    mut model: Model<'_>,
    gateway: Gateway,
    (from, until): (Span, Span),
    steps: Steps,
    replications: u32,
) -> Simulated {
    let metering = Metering {
        from: Instant::ZERO + from,
        until: Instant::ZERO + until,
        request_step: steps.http_request,
        stream_step: steps.rest_stream,
        message_step: steps.websocket_message,
    };
    let gateway = gateway.simulated();
    model.world.model = Arc::new(gateway.clone());
    model.world.metering = Some(metering);
    let played = replicate(&model, replications as usize);
    let summaries = &played.summaries;
    let mut metered = Metered::new(metering);
    for more in summaries.iter().filter_map(|summary| summary.metered.as_ref()) {
        metered.merge(more);
    }
    let used = summaries.first().map(|first| first.used.as_slice()).unwrap_or_default();
    let limits = used.iter().filter_map(|used| Some((used.what.name(&gateway), used.share?))).collect();
    let requests = summaries.iter().map(|summary| summary.intended).sum();
    let unpredicted = summaries.iter().flat_map(|summary| &summary.unpredicted).map(|(_, count)| count).sum();
    Simulated { gateway, metered, requests, unpredicted, limits, played }
}
