//! What the gateway counts of its answers, under the names and definitions of the provider's metrics.
//!
//! Owns one row of numbers for each stage, and one for each route of a stage with detailed metrics; what holds for a whole API is
//! summed when it is asked for. Refuses to allocate or lock on the way of an answer (one thread, a few additions) and to write
//! text ([`exposition`]). Fed by `observe` once per answer, read by `admin`.
//!
//! Source: facts, section 10.5 (developer guide, "Amazon API Gateway dimensions and metrics" and "Working with metrics for HTTP
//! APIs", 2023). A throttled request counts, and is a 4XX. An answer that no integration made (mock, cached, refused) has a
//! `Latency` and no `IntegrationLatency`. Unconfirmed, and chosen here: a request that names no stage counts nowhere, one that names
//! no route counts for API and stage; `DataProcessed` is the length of both bodies.

mod exposition;
mod histogram;
mod services;

use std::sync::Arc;

use sluicegate_policy::call::{CacheUse, Reply};
use sluicegate_policy::model::{Model, RouteId};
use sluicegate_policy::time::Span;

use self::histogram::Histogram;

pub(crate) use self::exposition::CONTENT_TYPE;
pub(crate) use self::services::exposition as of_services;

/// All numbers of a gateway.
#[derive(Debug)]
pub(crate) struct Metrics {
    model: Arc<Model>,
    stages: Vec<StageRows>,
}

#[derive(Debug)]
struct StageRows {
    all: Row,
    /// By route of the model; empty without detailed metrics.
    routes: Vec<Row>,
}

/// One row of numbers.
#[derive(Clone, Debug, Default)]
struct Row {
    count: u64,
    client_errors: u64,
    server_errors: u64,
    cache_hits: u64,
    cache_misses: u64,
    bytes: u64,
    latency: Histogram,
    integration_latency: Histogram,
}

/// One answer, as the metrics see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'a> {
    /// What was decided.
    pub(crate) reply: &'a Reply,
    /// From its arrival until its answer.
    pub(crate) latency: Span,
    /// Lengths of the request's and the answer's body, together.
    pub(crate) bytes: u64,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new(model: Arc<Model>) -> Self {
        let rows = |detailed: bool| StageRows {
            all: Row::default(),
            routes: vec![Row::default(); if detailed { model.routes.len() } else { 0 }],
        };
        Self { stages: model.stages.iter().map(|stage| rows(stage.detailed_metrics)).collect(), model }
    }

    /// One more answer.
    pub(crate) fn on_answer(&mut self, answered: &Answered<'_>) {
        let reply = answered.reply;
        let Some(rows) = reply.arrival.stage.and_then(|stage| self.stages.get_mut(usize::from(stage.0))) else { return };
        rows.all.add(answered);
        if let Some(row) = reply.route.and_then(|RouteId(route)| rows.routes.get_mut(usize::from(route))) {
            row.add(answered);
        }
    }
}

impl Row {
    fn add(&mut self, answered: &Answered<'_>) {
        let reply = answered.reply;
        self.count += 1;
        self.client_errors += u64::from(matches!(reply.status, 400..=499));
        self.server_errors += u64::from(matches!(reply.status, 500..=599));
        match reply.cache {
            CacheUse::None => {}
            CacheUse::Hit(_) => self.cache_hits += 1,
            CacheUse::Missed | CacheUse::Kept(_) => self.cache_misses += 1,
        }
        self.bytes = self.bytes.saturating_add(answered.bytes);
        self.latency.add(answered.latency);
        if let Some(integration) = reply.timing.integration {
            self.integration_latency.add(integration);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
        self.cache_hits += other.cache_hits;
        self.cache_misses += other.cache_misses;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.latency.merge(&other.latency);
        self.integration_latency.merge(&other.integration_latency);
    }
}

#[cfg(test)]
mod tests;
