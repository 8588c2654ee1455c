//! From a proven plan, and what stands around it, to the facts that static checks are asked of.
//!
//! Owns the traffic's rate by route, and which expectations are budgets. Refuses to judge. Called by `checklist`.

use sluicegate_policy::model::{PerSecond, RouteId};
use sluicegate_policy::time::Span;

use super::document::Document;
use crate::config::Plan;
use crate::design::checklist::{Alarm, Budget, Demand, DomainName, Facts, FunctionTimeout, LogGroup, Outside, Read};
use crate::import::definition::{self, Surroundings};
use crate::load::traffic::{Arrivals, Pace, Traffic};
use crate::measure::assumption::{Allowed, Assumption, Metric};
use crate::traffic::SeriesId;

/// The facts of a document.
pub(super) fn of(document: &Document) -> Facts<'_> {
    let Document { read, plan, around } = document;
    let is_profile = *read == Read::Profile;
    Facts {
        read: *read,
        model: &plan.model,
        stage: plan.stage,
        demand: demand(plan),
        budgets: budgets(plan),
        client_timeout: (is_profile && (plan.traffic.is_some() || plan.sessions.is_some())).then_some(plan.run.timeout),
        outside: outside(around, *read),
    }
}

/// The route of the driven stage's deployment that a series counts.
pub(super) fn route_of(plan: &Plan, series: SeriesId) -> Option<RouteId> {
    let served = plan.model.stages[usize::from(plan.stage.0)].deployment;
    let by_route = plan.series_of_routes();
    let mut routes = plan.model.routes_of(served).map(|(id, _)| id);
    routes.find(|id| by_route[usize::from(id.0)] == Some(series))
}

fn demand(plan: &Plan) -> Option<Demand> {
    let traffic = plan.traffic.as_ref()?;
    let Pace::Open(arrivals) = &traffic.pace else { return None };
    let all: u64 = traffic.mix.iter().map(|share| u64::from(share.weight)).sum();
    let share = |weight: u32| f64::from(weight) / all.max(1) as f64;
    let shares = traffic.mix.iter().filter_map(|one| Some((route_of(plan, one.series)?, share(one.weight)))).collect();
    Some(Demand { peak_per_s: per_s(arrivals.peak(traffic.duration)), mean_per_s: mean_per_s(arrivals, traffic), shares })
}

fn per_s(rate: PerSecond) -> f64 {
    rate.tokens as f64 / rate.per.as_secs_f64()
}

/// Requests of the plan by its length: the rate is linear within a piece, and the last one is held.
fn mean_per_s(arrivals: &Arrivals, traffic: &Traffic) -> f64 {
    let (mut at, mut requests) = (Span::ZERO, 0.0);
    for piece in &arrivals.pieces {
        let left = traffic.duration.saturating_sub(at);
        let lasts = piece.length.min(left);
        let (from, to) = (per_s(piece.from), per_s(piece.to));
        let part = if piece.length == Span::ZERO { 0.0 } else { lasts.as_secs_f64() / piece.length.as_secs_f64() };
        requests += lasts.as_secs_f64() * (from + (to - from) * part / 2.0);
        at += lasts;
    }
    let held = arrivals.pieces.last().map_or(0.0, |piece| per_s(piece.to));
    requests += traffic.duration.saturating_sub(at).as_secs_f64() * held;
    requests / traffic.duration.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn budgets(plan: &Plan) -> Vec<Budget> {
    let budget = |one: &Assumption| match (one.metric, one.allowed) {
        (Metric::Latency(quantile), Allowed::AtMost(ns)) => Some(Budget {
            route: one.series.and_then(|series| route_of(plan, series)),
            name: one.name.clone(),
            quantile,
            limit: Span::from_ns(ns as u64),
        }),
        (Metric::Latency(_) | Metric::Ratio(_) | Metric::Part(..), _) => None,
    };
    plan.expectations.iter().filter_map(budget).collect()
}

fn outside(around: &Surroundings, read: Read) -> Outside {
    let dashboards = |of_gateway: bool| {
        around.dashboards.iter().filter(move |(_, is)| *is == of_gateway).map(|(name, _)| name.clone()).collect()
    };
    let alarm = |one: &definition::Alarm| Alarm { name: one.id.clone(), metrics: one.metrics.clone(), tells: one.acts };
    let domain = |one: &definition::Domain| DomainName { name: one.name.clone(), policy: one.policy.clone(), mutual: one.mutual };
    let function =
        |(name, timeout): (&String, &Option<u64>)| FunctionTimeout { name: name.clone(), timeout: timeout.map(Span::from_secs) };
    Outside {
        alarms: around.alarms.iter().map(alarm).collect(),
        dashboards: dashboards(true),
        other_dashboards: dashboards(false),
        domains: around.domains.iter().map(domain).collect(),
        default_endpoint_off: (read != Read::Profile).then_some(around.default_endpoint_off),
        functions: around.functions.iter().map(function).collect(),
        log_groups: around.log_groups.iter().map(|(name, expires)| LogGroup { name: name.clone(), expires: *expires }).collect(),
        literals: around.literals.clone(),
        open_parameters: around.secret_parameters.iter().filter(|(_, open)| *open).map(|(name, _)| name.clone()).collect(),
        secret_parameters: around.secret_parameters.len(),
    }
}
