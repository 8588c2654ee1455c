//! What the model predicts for a run, before anything is sent: replications, predictions, planned power.
//!
//! Owns how often the run is simulated: until the model's own error is small against every margin, within a budget of
//! simulated requests. Refuses statistics (`verdict`) and the gateway (`sim`).

use std::sync::Arc;

use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_policy::usage::Used;

use super::script::Script;
use super::{authorizers, limits, retries};
use crate::config::Plan;
use crate::engine::{Stop, Urgency};
use crate::load::hash::ScriptHash;
use crate::load::retry::Tally;
use crate::load::{Feedback, Share, Source};
use crate::measure::assumption::{Assumption, Edge, Metric, Prediction, Ratio};
use crate::measure::channel::Channel;
use crate::measure::record::{AuthorizerRecord, LimitRecord, LoadModel, OutcomeRecord, RetryRecord, SeriesRecord, Unit};
use crate::measure::recorder::{Detail, Layout};
use crate::measure::{Recorder, summary};
use crate::report::plan::PlannedPower;
use crate::sim::{Network, Replica, World, replicate};
use crate::traffic::Step;
use crate::verdict::{Claim, Phase, power, predict};

/// Replications to begin with, two at a time: enough for a standard error.
const REPLICATIONS_FIRST: usize = 8;
/// Most replications, however wide they spread.
const REPLICATIONS_MAX: usize = 64;
/// Simulated requests beyond which no further replication is begun (a few seconds on two cores).
const REQUESTS_MAX: u64 = 10_000_000;

/// What the model says of a run.
pub(super) struct Predicted {
    /// For each assumption of the plan; `None` where the model has no prediction.
    pub(super) predictions: Vec<Option<Prediction>>,
    /// Where the driven run must count exactly.
    pub(super) edges: Vec<Edge>,
    /// For each assumption, what this run can decide, and a sentence if that is too little.
    pub(super) powers: Vec<(PlannedPower, Option<String>)>,
    /// Everything together, as one run.
    pub(super) total: SeriesRecord,
    /// Each series, as one run.
    pub(super) series: Vec<SeriesRecord>,
    /// How much of each of the gateway's limits is used.
    pub(super) limits: Vec<LimitRecord>,
    /// How often authorizers have an answer kept.
    pub(super) authorizers: Vec<AuthorizerRecord>,
    /// What is tried again, if anything is.
    pub(super) retries: Option<RetryRecord>,
    /// Fingerprint of the script.
    pub(super) script: ScriptHash,
    /// Actions of the script, where no answer has a say in it.
    pub(super) planned: Option<u64>,
}

/// When a simulation starts that does not say: on 1 January 2026, 00:00 UTC, so that it repeats to the byte.
const DEFAULT_WALL: Span = Span::from_secs(1_767_225_600);

/// A plan with its script and the way to the target: what is simulated.
pub(super) struct Model<'a> {
    plan: &'a Plan,
    script: &'a Script,
    world: World,
    stop: Stop,
}

impl<'a> Model<'a> {
    /// The model of a plan.
    pub(super) fn of(plan: &'a Plan, script: &'a Script, network: Network) -> Self {
        let world = World {
            model: Arc::new(plan.model.as_ref().clone().simulated()),
            stage: plan.stage,
            catalog: Arc::clone(&plan.catalog),
            connections: plan.run.connections,
            streams: 1,
            timeout: plan.run.timeout,
            overload: plan.run.overload,
            ceilings: plan.safety.ceilings.clone(),
            network,
            keeping: plan.run.keeping,
            wall: plan.run.starts_at.unwrap_or(DEFAULT_WALL),
            // The engine waits as long after the plan's end (`target`).
            end: Instant::ZERO + plan.run.duration + plan.run.timeout,
        };
        Self { plan, script, world, stop: Stop::new() }
    }

    /// With so many exchanges at a time on one connection (HTTP/2).
    pub(super) fn with_streams(mut self, streams: u32) -> Self {
        self.world.streams = streams;
        self
    }

    /// For a run that starts at `wall` since 1970, unless the plan says when.
    pub(super) fn starting(mut self, wall: Span) -> Self {
        self.world.wall = self.plan.run.starts_at.unwrap_or(wall);
        self
    }

    /// Breaks simulations off when `stop` is asked for; what they gave is then worth nothing.
    pub(super) fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Replications `first` to `last`, each with the policy's randomness anew, recorded by `layout`.
    pub(super) fn replicate(&self, replicas: std::ops::Range<usize>, layout: &Arc<Layout>) -> Vec<Replica<Recorder>> {
        let policy = self.plan.run.seed.child("policy").child("simulate");
        let seeds: Vec<Seed> = replicas.map(|replica| policy.nth(replica as u64)).collect();
        let mut replicas = replicate(
            &self.world,
            &|| Box::new(Stoppable { source: self.script.played(self.plan, Share::ALL), stop: self.stop.clone() }),
            &seeds,
            &|| Recorder::new(Arc::clone(layout)),
        );
        for Replica { recorded, summary } in &mut replicas {
            authorizers::tell(recorded, &self.world.model, &authorizers::simulated(&self.world.model, &summary.hits));
        }
        replicas
    }

    /// A recorder's layout for this plan.
    pub(super) fn layout(&self, edges: Vec<Edge>, detail: Detail) -> Arc<Layout> {
        layout(self.plan, edges, detail)
    }

    /// Simulates until the predictions are precise, and looks at what the run can decide.
    pub(super) fn predict(&self) -> Predicted {
        let assumptions = &self.plan.expectations;
        let plain = self.layout(Vec::new(), Detail::Totals);
        let mut replicas = self.replicate(0..predict::REPLICATIONS_MIN, &plain);
        let first = REPLICATIONS_FIRST.min(affordable(&replicas));
        replicas.extend(self.replicate(replicas.len()..first, &plain));
        let wanted = self.replications_wanted(&replicas);
        replicas.extend(self.replicate(replicas.len()..wanted, &plain));
        let script = replicas[0].summary.script;
        let planned_actions = (self.script.model() == LoadModel::Open).then_some(replicas[0].summary.intended);
        let unpredicted: Vec<_> =
            replicas.iter().flat_map(|replica| replica.summary.unpredicted.iter().map(|(series, _)| *series)).collect();
        let has_model = |assumption: &Assumption| match assumption.series {
            Some(series) => !unpredicted.contains(&series),
            None => unpredicted.is_empty(),
        };
        let used: Vec<Vec<Used>> = replicas.iter().map(|replica| replica.summary.used.clone()).collect();
        let limits = limits::predicted(&self.world.model, &used);
        let hits: Vec<_> =
            replicas.iter().map(|replica| authorizers::simulated(&self.world.model, &replica.summary.hits)).collect();
        let authorizers = authorizers::predicted(&hits, self.plan.run.warmup);
        let summaries: Vec<_> = replicas.iter().map(|replica| &replica.summary).collect();
        let retries = retries::together(replicas.iter().map(|replica| &replica.recorded))
            .and_then(|attempts| retries::predicted(&attempts, &summaries));
        let runs: Vec<Recorder> = replicas.into_iter().map(|replica| replica.recorded).collect();
        let rough: Vec<Option<Prediction>> =
            assumptions.iter().map(|assumption| predict::predict(assumption, &runs).filter(|_| has_model(assumption))).collect();
        let edges = predict::edges(assumptions, &rough);
        let predictions = self.with_design_effects(rough, &edges, runs.len());
        let powers = assumptions
            .iter()
            .zip(&predictions)
            .map(|(assumption, prediction)| planned(assumption, prediction.as_ref(), &runs, phase(self.plan)))
            .collect();
        let (total, series) = as_one_run(runs);
        Predicted { predictions, edges, powers, total, series, limits, authorizers, retries, script, planned: planned_actions }
    }

    /// How many replications the least precise prediction asks for, within the budget.
    fn replications_wanted(&self, replicas: &[Replica<Recorder>]) -> usize {
        let runs: Vec<Recorder> = replicas.iter().map(|replica| replica.recorded.clone()).collect();
        let wanted = self
            .plan
            .expectations
            .iter()
            .filter_map(|assumption| {
                let prediction = predict::predict(assumption, &runs)?;
                (!predict::is_precise(assumption, &prediction)).then_some(prediction)
            })
            .map(|prediction| predict::replications_needed(&prediction, runs.len()))
            .max()
            .unwrap_or(0);
        wanted.min(affordable(replicas)).clamp(replicas.len(), REPLICATIONS_MAX)
    }

    /// A second look, now that it is known where to count: how far the events at the edges come in bursts.
    fn with_design_effects(
        &self,
        rough: Vec<Option<Prediction>>,
        edges: &[Edge],
        replications: usize,
    ) -> Vec<Option<Prediction>> {
        if edges.is_empty() {
            return rough;
        }
        let layout = self.layout(edges.to_vec(), Detail::Totals);
        let runs: Vec<Recorder> = self
            .replicate(0..REPLICATIONS_FIRST.min(replications), &layout)
            .into_iter()
            .map(|replica| replica.recorded)
            .collect();
        let phase = phase(self.plan);
        rough
            .into_iter()
            .zip(&self.plan.expectations)
            .map(|(prediction, assumption)| prediction.map(|it| predict::with_design_effect(assumption, &it, &runs, phase)))
            .collect()
    }
}

/// A source that ends when a stop is asked for.
struct Stoppable {
    source: Box<dyn Source>,
    stop: Stop,
}

impl Source for Stoppable {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        if self.stop.urgency() == Urgency::None { self.source.next(feedback) } else { None }
    }

    fn retries(&self) -> Option<Tally> {
        self.source.retries()
    }
}

/// The part of a run that is judged.
pub(super) fn phase(plan: &Plan) -> Phase {
    Phase { warmup: plan.run.warmup, end: plan.run.duration }
}

/// A recorder's layout for a plan.
pub(super) fn layout(plan: &Plan, edges: Vec<Edge>, detail: Detail) -> Arc<Layout> {
    let run = &plan.run;
    Arc::new(Layout { series: plan.catalog.series.clone(), warmup: run.warmup, duration: run.duration, edges, detail })
}

/// The actions that a claim is judged on: for latencies, those that were admitted; for hits, those that asked an authorizer.
fn trials(assumption: &Assumption, run: &Recorder) -> u64 {
    let of = |count: fn(&Channel) -> u64| run.channel(assumption.series).as_deref().map_or(0, count);
    match assumption.metric {
        Metric::Latency(_) => of(Channel::latency_trials),
        Metric::Ratio(Ratio::AuthorizerHits(of)) => run.authorized(of).1,
        Metric::Ratio(Ratio::Throttled | Ratio::Errors | Ratio::ErrorsOf(_)) => of(Channel::count),
    }
}

/// How many replications the budget of simulated requests allows; never fewer than a standard error needs.
fn affordable(replicas: &[Replica<Recorder>]) -> usize {
    let requests_each = replicas.iter().map(|replica| replica.summary.intended).max().unwrap_or(0).max(1);
    usize::try_from(REQUESTS_MAX / requests_each).unwrap_or(usize::MAX).max(predict::REPLICATIONS_MIN)
}

fn planned(
    assumption: &Assumption,
    prediction: Option<&Prediction>,
    runs: &[Recorder],
    phase: Phase,
) -> (PlannedPower, Option<String>) {
    let requests = runs.iter().map(|run| trials(assumption, run)).sum::<u64>() as f64 / runs.len() as f64;
    let unit = match assumption.metric {
        Metric::Latency(_) => Unit::Ns,
        Metric::Ratio(_) => Unit::Share,
    };
    let mut line = PlannedPower {
        assumption: assumption.name.clone(),
        unit,
        predicted: prediction.map(|it| it.value),
        band: None,
        planned_power: None,
        requests_planned: Some(requests.round() as u64),
        requests_needed: None,
    };
    let Some(claim) = Claim::about(assumption, prediction) else {
        return (line, Some("the model has no prediction for it, so it cannot be decided".to_owned()));
    };
    line.band = Some(claim.allowed);
    let Some(outlook) = power::Outlook::of(&claim, power::slower_in(&claim, runs)) else {
        let why = "the model has no prediction for it, so whether this run can decide it is not known beforehand";
        return (line, Some(why.to_owned()));
    };
    let (power, advice) = power::planned(&claim, &outlook, requests, phase);
    line.planned_power = Some(power.holds);
    line.requests_needed = outlook.requests_for(0.8, claim.design_effect()).map(|needed| needed.ceil() as u64);
    (line, advice)
}

/// The replications pooled, with the counts of one: what the report shows beside the measured.
fn as_one_run(runs: Vec<Recorder>) -> (SeriesRecord, Vec<SeriesRecord>) {
    let times = runs.len() as u64;
    let Some(pooled) = runs.into_iter().reduce(|mut all, one| {
        all.merge(one);
        all
    }) else {
        return (SeriesRecord::default(), Vec::new());
    };
    let one_run = |record: SeriesRecord| SeriesRecord {
        count: record.count / times,
        outcomes: record
            .outcomes
            .into_iter()
            .map(|outcome| OutcomeRecord { count: outcome.count.div_ceil(times), ..outcome })
            .collect(),
        ..record
    };
    (one_run(summary::total(&pooled)), summary::series(&pooled).into_iter().map(one_run).collect())
}
