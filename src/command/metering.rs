//! A profile, simulated for what is billed of it.
//!
//! Owns which part of a run is metered, and in whose steps. Refuses prices. Called by `cost`, and by `run_cost` before a run.

use std::sync::Arc;

use sluicegate_policy::metered::{Metered, Metering};
use sluicegate_policy::model::Model as Gateway;
use sluicegate_policy::time::{Instant, Span};

use super::predict::Model;
use super::script::Script;
use super::simulate::{network, replicate};
use crate::config::Plan;
use crate::design::prices::Steps;

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
}

/// Plays the plan's script so often against this gateway, and meters what comes after `from`.
pub(super) fn simulated(
    plan: &Plan,
    script: &Script,
    gateway: Gateway,
    (from, steps): (Span, Steps),
    replications: u32,
) -> Simulated {
    let metering = Metering {
        from: Instant::ZERO + from,
        until: Instant::ZERO + plan.run.duration,
        request_step: steps.http_request,
        stream_step: steps.rest_stream,
        message_step: steps.websocket_message,
    };
    let gateway = gateway.simulated();
    let mut model = Model::of(plan, script, network(plan));
    model.world.model = Arc::new(gateway.clone());
    model.world.metering = Some(metering);
    let summaries = replicate(&model, replications as usize).summaries;
    let mut metered = Metered::new(metering);
    for more in summaries.iter().filter_map(|summary| summary.metered.as_ref()) {
        metered.merge(more);
    }
    let used = summaries.first().map(|first| first.used.as_slice()).unwrap_or_default();
    let limits = used.iter().filter_map(|used| Some((used.what.name(&gateway), used.share?))).collect();
    let requests = summaries.iter().map(|summary| summary.intended).sum();
    let unpredicted = summaries.iter().flat_map(|summary| &summary.unpredicted).map(|(_, count)| count).sum();
    Simulated { gateway, metered, requests, unpredicted, limits }
}
