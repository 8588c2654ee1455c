//! What is paid for in a month: quantities out of a simulated run.
//!
//! Owns how counts of a metered time become a month's, and the gateway's own meters: calls, messages, minutes, cache hours. What is behind
//! it is `behind`'s, bytes that leave and are logged are `logs`'. Refuses prices. Called by `command`.

use std::collections::BTreeMap;

use sluicegate_policy::metered::{CallUse, Metered};
use sluicegate_policy::model::{Api, ApiKind, Model, RouteId, StageId};

use super::{HOURS, Item, behind, logs};
use crate::measure::cost::{AssumedRecord, FactorRecord};

/// What was simulated, and how it becomes a month.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// The gateway.
    pub model: &'a Model,
    /// The stage that was called.
    pub stage: StageId,
    /// What was metered, of all replications together.
    pub metered: &'a Metered,
    /// How many these were; above zero.
    pub replications: u32,
    /// How many times as much a month has as the metered time.
    pub times: f64,
}

/// What nobody simulates, with values that a user can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// What functions run on.
    pub architecture: Architecture,
    /// Bytes of an answer of which the profile does not say what it is.
    pub answer_bytes: u64,
    /// Bytes of an answer's head.
    pub head_bytes: u64,
    /// Bytes that an invocation logs.
    pub function_log_bytes: u64,
    /// Bytes that the execution log has of a call.
    pub execution_log_bytes: u64,
    /// Megabytes of an authorizer's function that is none of the profile's.
    pub authorizer_mb: u32,
}

/// What functions run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Architecture {
    /// `x86_64`.
    #[default]
    X86,
    /// arm64.
    Arm,
}

/// A quantity of something that has a price.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// Of what.
    pub item: Item,
    /// Whose part it is, where the item has several.
    pub of: Option<String>,
    /// Its quantity is their product.
    pub factors: Vec<FactorRecord>,
    /// Whether it grows with the calls.
    pub grows: Grows,
    /// How much of it is for which route, in any unit; `None` is for none or for all.
    pub weights: BTreeMap<Option<String>, f64>,
}

/// Whether a quantity grows with the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grows {
    /// It does.
    WithCalls,
    /// It is the same for any number of calls, in each region.
    Never,
}

/// What is paid for in a month, and what was taken for granted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// What is paid for.
    pub meters: Vec<Meter>,
    /// What was assumed.
    pub assumed: Vec<AssumedRecord>,
    /// What costs money, too.
    pub left_out: Vec<String>,
}

impl Default for Assumptions {
    /// Guesses, none of them from a source: 1 KB of an answer, 300 bytes of its head; the three lines START, END and REPORT of an
    /// invocation are about 300 bytes; an execution log at INFO has some 20 lines a call; the smallest function.
    fn default() -> Self {
        Self {
            architecture: Architecture::X86,
            answer_bytes: 1_024,
            head_bytes: 300,
            function_log_bytes: 300,
            execution_log_bytes: 2_048,
            authorizer_mb: 128,
        }
    }
}

impl Basis<'_> {
    /// The API that was called.
    pub(super) fn api(&self) -> &Api {
        self.model.api_of(self.stage)
    }

    /// Calls of one run in the metered time, billed or not.
    pub fn calls(&self) -> f64 {
        self.per_run(self.metered.calls.values().map(|used| used.calls).sum())
    }

    /// A count of all replications, in the mean of one.
    pub(super) fn per_run(&self, count: u64) -> f64 {
        count as f64 / f64::from(self.replications.max(1))
    }

    /// The key of a route.
    pub(super) fn key(&self, route: Option<RouteId>) -> Option<String> {
        Some(self.model.routes.get(usize::from(route?.0))?.key())
    }

    /// Counts by route, as weights.
    pub(super) fn weights(&self, count: impl Fn(&CallUse) -> u64) -> BTreeMap<Option<String>, f64> {
        let mut weights: BTreeMap<Option<String>, f64> = BTreeMap::new();
        for (route, used) in &self.metered.calls {
            *weights.entry(self.key(*route)).or_default() += count(used) as f64;
        }
        weights
    }

    /// A meter that grows with the calls: so many of something in the metered time, times what a month has, times further factors.
    pub(super) fn growing(&self, item: Item, (count, what): (f64, &str), more: &[(f64, &str)]) -> Meter {
        let counted = [(count, what), (self.times, "times the metered time in a month")];
        let factors = counted.iter().chain(more).map(|(value, what)| factor(*value, what)).collect();
        Meter { item, of: None, factors, grows: Grows::WithCalls, weights: BTreeMap::new() }
    }
}

impl Meter {
    /// Something that costs the same in every hour of a month.
    pub(super) fn by_the_hour(item: Item, of: &str) -> Self {
        let factors = vec![factor(HOURS, "hours of a month")];
        Self { item, of: Some(of.to_owned()), factors, grows: Grows::Never, weights: BTreeMap::new() }
    }

    pub(super) fn of(self, of: impl Into<String>) -> Self {
        Self { of: Some(of.into()), ..self }
    }

    pub(super) fn weighing(self, weights: BTreeMap<Option<String>, f64>) -> Self {
        Self { weights, ..self }
    }

    /// The quantity, in the item's unit.
    pub fn quantity(&self) -> f64 {
        self.factors.iter().map(|factor| factor.value).product()
    }

    /// The same with so many times the calls.
    pub fn at_volume(&self, volume: f64) -> Self {
        let mut scaled = self.clone();
        match self.grows {
            Grows::WithCalls => scaled.factors.push(factor(volume, "times the volume")),
            Grows::Never => {}
        }
        scaled
    }
}

impl Counted {
    pub(super) fn assume(&mut self, what: impl Into<String>, flag: Option<&str>) {
        self.assumed.push(AssumedRecord { what: what.into(), flag: flag.map(str::to_owned) });
    }
}

pub(super) fn factor(value: f64, what: &str) -> FactorRecord {
    FactorRecord { value, what: what.to_owned() }
}

/// Everything that is paid for in a month.
pub fn counted(basis: &Basis<'_>, assumptions: &Assumptions) -> Counted {
    let mut counted = Counted::default();
    calls(basis, &mut counted);
    caches(basis, &mut counted);
    behind::functions(basis, assumptions, &mut counted);
    behind::links(basis, &mut counted);
    logs::transfer(basis, assumptions, &mut counted);
    logs::logs(basis, assumptions, &mut counted);
    counted
}

fn calls(basis: &Basis<'_>, counted: &mut Counted) {
    let total = |count: fn(&CallUse) -> u64| basis.per_run(basis.metered.calls.values().map(count).sum());
    let steps: fn(&CallUse) -> u64 = |used| used.steps;
    let metered = "calls in the metered time, in steps";
    match basis.api().kind {
        ApiKind::Rest => {
            let calls = basis.growing(Item::RestCalls, (total(steps), metered), &[]);
            counted.meters.push(calls.weighing(basis.weights(steps)));
        }
        ApiKind::Http => {
            let calls = basis.growing(Item::HttpCalls, (total(steps), metered), &[]);
            counted.meters.push(calls.weighing(basis.weights(steps)));
            counted
                .assume("answers of an HTTP API are not metered, only requests: whether they count, too, is unconfirmed", None);
        }
        ApiKind::WebSocket => messages(basis, counted),
    }
    let unsourced = basis.metered.calls.values().map(|used| used.unsourced).sum::<u64>();
    if unsourced > 0 {
        let share = unsourced as f64 / basis.metered.calls.values().map(|used| used.calls).sum::<u64>().max(1) as f64;
        counted.assume(
            format!("{:.2} % of the calls are refused by the gateway for reasons of which no source says whether they are billed (no route, invalid, too large, preflight, failed authorizer); they are taken for billed", share * 100.0),
            None,
        );
    }
    if !basis.model.plans.iter().all(|plan| plan.quota.is_none()) {
        counted.assume(
            "quotas have longer periods than the metered time: the share that they refuse in it is taken for the whole month",
            None,
        );
    }
}

/// Messages in both directions, and the time of connections. That a handshake is no message is assumed: the price page names messages and
/// minutes alone.
fn messages(basis: &Basis<'_>, counted: &mut Counted) {
    let total = |count: fn(&CallUse) -> u64| basis.per_run(basis.metered.calls.values().map(count).sum());
    let up: fn(&CallUse) -> u64 = |used| used.steps;
    let down: fn(&CallUse) -> u64 = |used| used.answer_steps;
    let clients = basis.growing(Item::WebSocketMessages, (total(up), "messages in the metered time, in steps"), &[]);
    counted.meters.push(clients.of("messages of clients").weighing(basis.weights(up)));
    let pushed = basis.growing(Item::WebSocketMessages, (total(down), "messages in the metered time, in steps"), &[]);
    counted.meters.push(pushed.of("messages to clients").weighing(basis.weights(down)));
    let minutes = basis.metered.connected.as_secs_f64() / 60.0 / f64::from(basis.replications.max(1));
    counted.meters.push(basis.growing(Item::WebSocketMinutes, (minutes, "minutes of connections in the metered time"), &[]));
    counted.assume("with growth a message still goes to as many receivers: where more clients hear it, there are more", None);
    counted.assume("a handshake is no message; messages with which the gateway itself refuses something are not counted", None);
}

/// Caches of all stages: each costs by the hour, asked or not.
fn caches(basis: &Basis<'_>, counted: &mut Counted) {
    for stage in &basis.model.stages {
        let Some(cache) = &stage.cache else { continue };
        let item = Item::cache_for(cache.capacity_bytes);
        counted.meters.push(Meter::by_the_hour(item, &format!("stage {}", stage.name)));
        if stage.canary.as_ref().is_some_and(|canary| !canary.shares_cache) {
            counted.meters.push(Meter::by_the_hour(item, &format!("canary of stage {}", stage.name)));
        }
    }
}

#[cfg(test)]
mod tests;
