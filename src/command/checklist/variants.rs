//! A design, simulated with one thing changed: what all gates are made of.
//!
//! Owns that every variant has the same traffic and the same chances of the gateway, and what is counted of it. Refuses to choose what is
//! changed (`gates`) and to judge (`design::checklist::gates`).

use std::cell::Cell;

use hdrhistogram::Histogram;
use sluicegate_policy::model::{AuthorizerId, Model as Gateway, StageId};
use sluicegate_policy::told::What;

use crate::command::metering::{Bought, Simulated, metered};
use crate::command::predict::Model;
use crate::command::script::Script;
use crate::command::simulate::network;
use crate::config::Plan;
use crate::design::bill::FreeTier;
use crate::design::checklist::gates::{Held, Times};
use crate::design::meters::Assumptions;
use crate::design::prices::Prices;
use crate::measure::Recorder;
use crate::measure::assumption::{Allowed, Assumption};
use crate::measure::channel::Channel;
use crate::measure::checklist::Measure;
use crate::measure::record::Unit;
use crate::measure::summary::quantiles_beside;
use crate::traffic::SeriesId;
use crate::verdict::predict;

/// Plays variants of a plan.
pub(super) struct Variants<'a> {
    /// The plan as it is.
    pub(super) plan: &'a Plan,
    /// Its script.
    pub(super) script: &'a Script,
    /// How often each is played.
    pub(super) replications: u32,
    /// Requests of all that were played.
    pub(super) requests: Cell<u64>,
    prices: Prices,
}

/// A variant that was played.
pub(super) struct Ran(Simulated);

impl<'a> Variants<'a> {
    /// Of this plan.
    pub(super) fn of(plan: &'a Plan, script: &'a Script, replications: u32) -> Self {
        Self { plan, script, replications, requests: Cell::new(0), prices: Prices::built_in() }
    }

    /// Plays the script at this gateway and stage.
    pub(super) fn play(&self, gateway: Gateway, stage: StageId) -> Ran {
        let mut model = Model::of(self.plan, self.script, network(self.plan)).looking_at_parts(true);
        model.world.stage = stage;
        let run = &self.plan.run;
        let simulated = metered(model, gateway, (run.warmup, run.duration), self.prices.steps, self.replications);
        self.requests.set(self.requests.get() + simulated.requests);
        Ran(simulated)
    }

    /// What a variant costs a month, at the prices that come along and with what `cost` assumes; `None` without a price.
    pub(super) fn month(&self, ran: &Ran, stage: StageId) -> Option<f64> {
        let (assumptions, free_tier) = (Assumptions::default(), FreeTier::Ignored);
        let bought = Bought { prices: &self.prices, free_tier, assumptions: &assumptions, calls: None };
        ran.0.month(stage, self.replications, &bought).ok().map(|month| month.bill.record.total)
    }

    /// Seconds that are counted of each run.
    pub(super) fn counted_s(&self) -> f64 {
        self.plan.run.duration.saturating_sub(self.plan.run.warmup).as_secs_f64()
    }
}

impl Ran {
    /// All replications together.
    pub(super) const fn recorder(&self) -> &Recorder {
        &self.0.played.recorder
    }

    /// What was recorded of these series together; `None` if nothing was.
    pub(super) fn channel(&self, series: &[SeriesId]) -> Option<Channel> {
        let mut all: Option<Channel> = None;
        for one in series {
            let Some(channel) = self.recorder().channel(Some(*one)) else { continue };
            match &mut all {
                None => all = Some(channel.into_owned()),
                Some(all) => all.merge(&channel),
            }
        }
        all.filter(|channel| channel.count() > 0)
    }

    /// Share of the requests for which an answer of these authorizers was kept, after the warm-up of so many seconds.
    pub(super) fn hits(&self, authorizers: &[AuthorizerId], warmup_s: usize) -> Option<f64> {
        let (mut events, mut trials) = (0_u64, 0_u64);
        for summary in &self.0.played.summaries {
            for (what, slots) in summary.told.slots() {
                let What::AuthorizerHits(id) = what else { continue };
                if authorizers.contains(&id) {
                    events += slots.iter().skip(warmup_s).map(|slot| u64::from(slot.events)).sum::<u64>();
                    trials += slots.iter().skip(warmup_s).map(|slot| u64::from(slot.trials)).sum::<u64>();
                }
            }
        }
        (trials > 0).then(|| events as f64 / trials as f64)
    }

    /// How often a function was asked by these authorizers.
    pub(super) fn invocations(&self, authorizers: &[AuthorizerId]) -> u64 {
        let outside = self.0.metered.look_ups.iter().filter(|(id, _)| authorizers.contains(id)).map(|(_, used)| used.look_ups);
        let functions: Vec<_> =
            authorizers.iter().filter_map(|id| self.0.gateway.authorizers.get(usize::from(id.0))?.function()).collect();
        let of_functions =
            self.0.metered.functions.iter().filter(|((function, route), _)| route.is_none() && functions.contains(function));
        outside.sum::<u64>() + of_functions.map(|(_, used)| used.invocations).sum::<u64>()
    }

    /// The ceilings and floors among these expectations, and what they came to.
    pub(super) fn held(&self, expectations: &[Assumption], is_of: impl Fn(&Assumption) -> bool) -> Vec<Held> {
        let held = |one: &Assumption| {
            let (is_floor, limit) = match one.allowed {
                Allowed::AtMost(limit) => (false, limit),
                Allowed::AtLeast(limit) => (true, limit),
                Allowed::Within(_) => return None,
            };
            let unit = match one.metric.unit() {
                Unit::Ns => Measure::Ns,
                Unit::Share => Measure::Share,
            };
            let value = predict::value(one.series, one.metric, &[self.recorder()]);
            Some(Held { name: one.name.clone(), is_floor, limit, value, unit })
        };
        expectations.iter().filter(|one| is_of(one)).filter_map(held).collect()
    }
}

/// Quantiles of a histogram with so many zeros beside it, in nanoseconds.
pub(super) fn times(histogram: &Histogram<u64>, zeros: u64) -> Times {
    quantiles_beside(histogram, zeros).map_or_else(Times::default, |it| Times {
        p50: Some(it.p50_ns as f64),
        p95: Some(it.p95_ns as f64),
        p99: Some(it.p99_ns as f64),
    })
}
