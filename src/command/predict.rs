//! What the model predicts for a run, before anything is sent: replications, predictions, planned power.
//!
//! Owns how often the run is simulated: until the model's own error is small against every margin, within a budget of
//! simulated requests. Refuses statistics (`verdict`) and the gateway (`sim`).

use std::sync::Arc;

use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_policy::usage::Used;

use super::attribution::Interest;
use super::script::Script;
use super::settling::{self, Settling};
use super::stoppable::stoppable;
use super::{attribution, limits, retries, simulate, told};
use crate::config::Plan;
use crate::engine::Stop;
use crate::load::Share;
use crate::load::hash::ScriptHash;
use crate::measure::assumption::{Assumption, Edge, Metric, Prediction, Ratio};
use crate::measure::channel::Channel;
use crate::measure::part_rows::PartRows;
use crate::measure::record::{
    ConnectionsRecord, ExpectedPart, LimitRecord, LoadModel, OutcomeRecord, RetryRecord, SeriesRecord, ToldRecord, Unit,
};
use crate::measure::recorder::{Detail, Layout};
use crate::measure::{Record, Recorder, doubt, summary};
use crate::report::plan::PlannedPower;
use crate::sim::{Network, Replica, World, replicate};
use crate::traffic::SeriesId;
use crate::verdict::noise::{self, Noise};
use crate::verdict::{Claim, Course, Phase, power, predict, replicated, warmup};

/// Replications to begin with, two at a time: enough for a standard error.
const REPLICATIONS_FIRST: usize = 8;
/// Most replications, however wide they spread.
const REPLICATIONS_MAX: usize = 64;
/// Simulated requests beyond which no further replication is begun (a few seconds on two cores).
const REQUESTS_MAX: u64 = 10_000_000;
/// The same for a plan that varies, whose interval comes from its replications.
const VARYING_REQUESTS_MAX: u64 = 20_000_000;
/// Replications that are held at a time where only their values are wanted.
const AT_A_TIME: usize = 32;

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
    /// What no client sees.
    pub(super) told: Vec<ToldRecord>,
    /// What is tried again, if anything is.
    pub(super) retries: Option<RetryRecord>,
    /// What becomes of the connections of sessions, in one run of the model.
    pub(super) connections: Option<Box<ConnectionsRecord>>,
    /// Of the parts of requests, where somebody asks for them.
    pub(super) parts: Option<PredictedParts>,
    /// Fingerprint of the script.
    pub(super) script: ScriptHash,
    /// Actions of the script, where no answer has a say in it.
    pub(super) planned: Option<u64>,
    /// Of a plan that varies, how the runs differ in each assumption, where that is known.
    pub(super) noises: Vec<Option<Noise>>,
    /// The part of the run that is judged: the beginning in which the model has not settled is left out, too.
    pub(super) phase: Phase,
}

/// What a prediction has of that which no channel records.
struct Beside {
    limits: Vec<LimitRecord>,
    told: Vec<ToldRecord>,
    retries: Option<RetryRecord>,
    connections: Option<Box<ConnectionsRecord>>,
}

const NS_PER_S: u64 = 1_000_000_000;

impl Predicted {
    /// Half-width of the narrowest latency band.
    pub(super) fn smallest_margin(&self) -> Option<Span> {
        let bands = self.powers.iter().filter(|(power, _)| power.unit == Unit::Ns).filter_map(|(power, _)| power.band);
        bands.map(|(low, high)| Span::from_ns(((high - low) / 2.0) as u64)).min()
    }

    /// What is worth knowing before anything is sent: queues that only grow, and claims that the plan cannot decide.
    pub(super) fn notes(&self) -> Vec<String> {
        let queues = doubt::overloaded(&self.limits).into_iter().map(|doubt| format!("{}; {}", doubt.what, doubt.advice));
        let open = self.powers.iter().filter_map(|(power, advice)| Some(format!("{}: {}", power.assumption, advice.as_ref()?)));
        queues.chain(open).collect()
    }
}

/// What the model says of the parts of requests.
pub(super) struct PredictedParts {
    /// What is assumed and looked at.
    pub(super) expected: Vec<ExpectedPart>,
    /// The parts of one simulated run.
    pub(super) rows: PartRows,
}

/// When a simulation starts that does not say: on 1 January 2026, 00:00 UTC, so that it repeats to the byte.
const DEFAULT_WALL: Span = Span::from_secs(1_767_225_600);

/// A plan with its script and the way to the target: what is simulated.
pub(super) struct Model<'a> {
    plan: &'a Plan,
    script: &'a Script,
    pub(super) world: World,
    stop: Stop,
    /// What is left out of the beginning: what the plan says, or until the model has settled.
    warmup: Span,
    /// Whether parts of requests are counted.
    parted: bool,
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
            metering: None,
            // The engine waits as long after the plan's end (`target`).
            end: Instant::ZERO + plan.run.duration + plan.run.timeout,
        };
        let parted = plan.expectations.iter().any(|assumption| matches!(assumption.metric, Metric::Part(..)));
        Self { plan, script, world, stop: Stop::new(), warmup: plan.run.warmup, parted }
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

    /// With what is known of the parts of requests also where nothing is assumed of them.
    pub(super) fn looking_at_parts(self, wanted: bool) -> Self {
        Self { parted: self.parted || wanted, ..self }
    }

    /// Breaks simulations off when `stop` is asked for; what they gave is then worth nothing.
    pub(super) fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Replications `first` to `last`, each with the policy's randomness anew, recorded by `layout`.
    pub(super) fn replicate(&self, replicas: std::ops::Range<usize>, layout: &Arc<Layout>) -> Vec<Replica<Recorder>> {
        self.told(self.simulated(replicas, &|| self.recorder(layout)))
    }

    fn recorder(&self, layout: &Arc<Layout>) -> Recorder {
        let recorder = Recorder::new(Arc::clone(layout));
        if self.parted { recorder.with_parts() } else { recorder }
    }

    /// What only the gateway can tell is told to the recorders.
    fn told(&self, mut replicas: Vec<Replica<Recorder>>) -> Vec<Replica<Recorder>> {
        for Replica { recorded, summary } in &mut replicas {
            told::tell(recorded, &self.world.model, &told::simulated(&self.world.model, &summary.told));
        }
        replicas
    }

    /// Replications `first` to `last`, whatever keeps their samples.
    pub(super) fn simulated<R: Record + Send>(
        &self,
        replicas: std::ops::Range<usize>,
        recorder: &(dyn Fn() -> R + Sync),
    ) -> Vec<Replica<R>> {
        let policy = self.plan.run.seed.child("policy").child("simulate");
        let seeds: Vec<Seed> = replicas.map(|replica| policy.nth(replica as u64)).collect();
        let script = || stoppable(self.script.played(self.plan, Share::ALL), &self.stop);
        replicate(&self.world, &script, &seeds, recorder)
    }

    /// What is assumed and looked at of parts, and the parts of one run; what has no model is left out of the latter.
    fn parts(
        &self,
        assumed: &[(Option<Prediction>, Option<f64>)],
        runs: &[Recorder],
        unpredicted: &[SeriesId],
    ) -> PredictedParts {
        let of_profile = self.plan.expectations.iter().zip(assumed).filter_map(|(assumption, (prediction, power))| {
            attribution::expected(assumption, prediction.as_ref(), Interest::Assumed { planned_power: *power })
        });
        let looked_at = attribution::looked_at(&self.plan.catalog.series, runs);
        let looked_at = looked_at.iter().filter(|it| it.series.is_none_or(|series| !unpredicted.contains(&series)));
        let looked_at = looked_at.filter_map(|assumption| {
            attribution::expected(assumption, predict::predict(assumption, runs).as_ref(), Interest::LookedAt)
        });
        let expected = of_profile.chain(looked_at).collect();
        let mut rows = self.part_rows(self.warmup);
        rows.leave_out(unpredicted);
        PredictedParts { expected, rows }
    }

    /// The parts of the requests of one run, after so much of its beginning.
    pub(super) fn part_rows(&self, warmup: Span) -> PartRows {
        let mut one = self.simulated(0..1, &|| PartRows::new(warmup));
        one.remove(0).recorded
    }

    /// A recorder's layout for this plan.
    pub(super) fn layout(&self, edges: Vec<Edge>, detail: Detail) -> Arc<Layout> {
        layout(self.plan, self.warmup, edges, detail)
    }

    /// The part of a run that is judged.
    const fn phase(&self) -> Phase {
        Phase { warmup: self.warmup, end: self.plan.run.duration }
    }

    /// Simulates until the predictions are precise, and looks at what the run can decide.
    pub(super) fn predict(mut self) -> Predicted {
        let mut replicas = self.settled_replicas();
        let assumptions = &self.plan.expectations;
        let plain = self.layout(Vec::new(), Detail::Totals);
        let first = REPLICATIONS_FIRST.min(affordable(&replicas));
        replicas.extend(self.replicate(replicas.len()..first, &plain));
        let wanted = self.replications_wanted(&replicas);
        replicas.extend(self.replicate(replicas.len()..wanted, &plain));
        let first = &replicas[0].summary;
        let script = first.script;
        let is_counted = self.script.model() == LoadModel::Open && !self.script.is_of_sessions();
        let planned_actions = is_counted.then_some(first.intended);
        let unpredicted: Vec<_> =
            replicas.iter().flat_map(|replica| replica.summary.unpredicted.iter().map(|(series, _)| *series)).collect();
        let has_model = |assumption: &Assumption| match assumption.series {
            Some(series) => !unpredicted.contains(&series),
            None => unpredicted.is_empty(),
        };
        let Beside { limits, told, retries, connections } = self.beside(&replicas);
        let runs: Vec<Recorder> = replicas.into_iter().map(|replica| replica.recorded).collect();
        let noises = self.noises(&runs);
        let rough: Vec<Option<Prediction>> = assumptions
            .iter()
            .zip(&noises)
            .map(|(assumption, noise)| {
                let prediction = predict::predict(assumption, &runs).filter(|_| has_model(assumption))?;
                Some(noise.as_ref().map_or(prediction, |noise| predict::of_one_run(assumption, noise)))
            })
            .collect();
        let edges = predict::edges(assumptions, &rough);
        // Where replications show how runs differ, batches have no say.
        let predictions =
            if noises.iter().all(Option::is_some) { rough } else { self.with_design_effects(rough, &edges, runs.len()) };
        let phase = self.phase();
        let powers: Vec<(PlannedPower, Option<String>)> = assumptions
            .iter()
            .zip(predictions.iter().zip(&noises))
            .map(|(assumption, (prediction, noise))| planned(assumption, (prediction.as_ref(), noise.as_ref()), &runs, phase))
            .collect();
        let parts = self.parted.then(|| {
            let assumed = predictions.iter().zip(&powers).map(|(prediction, (power, _))| (*prediction, power.planned_power));
            self.parts(&assumed.collect::<Vec<_>>(), &runs, &unpredicted)
        });
        let (total, series) = as_one_run(runs);
        let planned = planned_actions;
        Predicted {
            predictions,
            edges,
            powers,
            total,
            series,
            limits,
            told,
            retries,
            connections,
            parts,
            script,
            planned,
            noises,
            phase,
        }
    }

    /// What replications tell beside what was recorded.
    fn beside(&self, replicas: &[Replica<Recorder>]) -> Beside {
        let used: Vec<Vec<Used>> = replicas.iter().map(|replica| replica.summary.used.clone()).collect();
        let limits = limits::predicted(&self.world.model, &used, self.plan.run.duration);
        let told: Vec<_> = replicas.iter().map(|replica| told::simulated(&self.world.model, &replica.summary.told)).collect();
        let told = told::predicted(&told, self.warmup);
        let summaries: Vec<_> = replicas.iter().map(|replica| &replica.summary).collect();
        let retries = retries::together(replicas.iter().map(|replica| &replica.recorded))
            .and_then(|attempts| retries::predicted(&attempts, &summaries));
        let connections = simulate::connections(&replicas[0].summary, self.plan);
        let connections = connections.map(|record| Box::new(ConnectionsRecord { seconds: Vec::new(), ..*record }));
        Beside { limits, told, retries, connections }
    }

    /// The first replications, from when on the model has settled: after the plan's warm-up, or later (method 3.7b), by the mean of these runs.
    fn settled_replicas(&mut self) -> Vec<Replica<Recorder>> {
        let (first, plain) = (0..predict::REPLICATIONS_MIN, self.layout(Vec::new(), Detail::Totals));
        if course(self.plan, self.script) == Course::Varying || self.phase().seconds() < warmup::SECONDS_MIN {
            return self.replicate(first, &plain);
        }
        let runs = self.simulated(first.clone(), &|| Settling::around(self.recorder(&plain)));
        let seconds = settling::mean_logs(&runs.iter().map(|run| &run.recorded).collect::<Vec<_>>(), self.phase());
        let cut = warmup::cut(&seconds) as u64;
        if cut == 0 {
            let plain = |Replica { recorded, summary }| Replica { recorded: Settling::into_recorder(recorded), summary };
            return self.told(runs.into_iter().map(plain).collect());
        }
        self.warmup = Span::from_secs(self.warmup.as_ns().div_ceil(NS_PER_S) + cut);
        self.replicate(first, &self.layout(Vec::new(), Detail::Totals))
    }

    /// Of a plan that varies, how its runs differ in each assumption: many more replications, of which only the values are kept.
    fn noises(&self, done: &[Recorder]) -> Vec<Option<Noise>> {
        let assumptions = &self.plan.expectations;
        if course(self.plan, self.script) == Course::Steady || assumptions.is_empty() {
            return vec![None; assumptions.len()];
        }
        let mut values: Vec<Vec<Option<f64>>> = vec![Vec::new(); assumptions.len()];
        let mut add = |run: &Recorder| {
            for (values, assumption) in values.iter_mut().zip(assumptions) {
                values.push(predict::value(assumption.series, assumption.metric, &[run]));
            }
        };
        done.iter().for_each(&mut add);
        let each = done.first().map_or(0, |run| run.load().intended).max(1);
        let affordable = usize::try_from(VARYING_REQUESTS_MAX / each).unwrap_or(usize::MAX);
        let wanted = noise::REPLICATIONS.min(affordable).max(done.len());
        let layout = self.layout(Vec::new(), Detail::Totals);
        for first in (done.len()..wanted).step_by(AT_A_TIME) {
            let some = self.replicate(first..(first + AT_A_TIME).min(wanted), &layout);
            for replica in &some {
                add(&replica.recorded);
            }
        }
        assumptions.iter().zip(&values).map(|(assumption, values)| Noise::of(assumption.metric, values)).collect()
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
        let phase = self.phase();
        rough
            .into_iter()
            .zip(&self.plan.expectations)
            .map(|(prediction, assumption)| prediction.map(|it| predict::with_design_effect(assumption, &it, &runs, phase)))
            .collect()
    }
}

/// Whether the plan changes on its way. A stage that moves answers differently afterwards, as it is meant to.
pub(super) fn course(plan: &Plan, script: &Script) -> Course {
    if plan.model.moves.is_empty() { script.course() } else { Course::Varying }
}

/// A recorder's layout for a plan, which leaves so much of the beginning out.
pub(super) fn layout(plan: &Plan, warmup: Span, edges: Vec<Edge>, detail: Detail) -> Arc<Layout> {
    Arc::new(Layout { series: plan.catalog.series.clone(), warmup, duration: plan.run.duration, edges, detail })
}

/// The actions that a claim is judged on: for latencies, those that were admitted; for hits, those that asked an authorizer.
fn trials(assumption: &Assumption, run: &Recorder) -> u64 {
    let of = |count: fn(&Channel) -> u64| run.channel(assumption.series).as_deref().map_or(0, count);
    match assumption.metric {
        Metric::Latency(_) => of(Channel::latency_trials),
        Metric::Part(part, _) => {
            run.channel(assumption.series).and_then(|channel| channel.parts().map(|times| times.of(part).len())).unwrap_or(0)
        }
        Metric::Ratio(Ratio::Told(what, of)) => run.told(what, of).1,
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
    (prediction, noise): (Option<&Prediction>, Option<&Noise>),
    runs: &[Recorder],
    phase: Phase,
) -> (PlannedPower, Option<String>) {
    let requests = runs.iter().map(|run| trials(assumption, run)).sum::<u64>() as f64 / runs.len() as f64;
    let mut line = PlannedPower {
        assumption: assumption.name.clone(),
        unit: assumption.metric.unit(),
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
    if let Some(noise) = noise {
        line.planned_power = Some(noise.power(&claim).holds);
        line.requests_needed = Some((requests * noise.runs_needed(&claim)).ceil() as u64);
        return (line, replicated::undecidable(&claim, noise));
    }
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
