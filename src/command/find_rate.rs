//! `sluicegate run --find-rate`: the highest rate at which thresholds hold, by many short runs.
//!
//! Owns what a step is (a run of its own, with a mock of its own, in a folder of its own), when it counts, and what is kept and told
//! while the search goes on. Refuses to choose the rates (`load`), to count (`measure`) and to format (`report`).

use std::fs;
use std::path::Path;

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;
use sluicegate_timer::clock::wall_epoch;

use super::failure::Failure;
use super::rehearsal::{Ceiling, Interruption, Prediction, Rehearsal, Rehearsed};
use super::run_folder::{PROFILE, SEARCH, STEPS, SearchFolder};
use super::script::{Script, requests};
use super::{flags, machine, profile, terminal};
use crate::cli::{FindFlags, OutputFlags, OutputFormat, Run};
use crate::config::value::{Held, Rate};
use crate::config::{self, Drift, Overrides, Plan, Target};
use crate::load::rate_search::{Answer, Bounds, Next, RateSearch, StepRate, Trial};
use crate::load::traffic::{Pace, Spacing, Traffic};
use crate::measure::assumption::Ratio;
use crate::measure::record::{RunRecord, Stopped, Weight};
use crate::measure::search::{Ended, SearchPlan, SearchRecord, StepAnswer, StepRecord, VERSION};
use crate::measure::threshold::{self, Threshold};
use crate::report;
use crate::verdict::Course;

/// More steps than this would find nothing any more.
const STEPS_MAX: u32 = 64;
/// Bounds of the counted part of a step.
const STEP_SHORTEST: Span = Span::from_ms(100);
const STEP_LONGEST: Span = Span::from_secs(3_600);
/// Longest warm-up of a step that nobody asked for.
const WARMUP_MAX: Span = Span::from_secs(2);
/// The share of the profile's rate that a search begins with.
const START_DIVISOR: u64 = 4;
/// Share of the intended requests that must be sent for the rate to have been that of the step.
const SENT_MIN: f64 = 0.99;

/// Searches; the exit code.
pub(super) fn find_rate(run: &Run, held: &Held) -> Result<u8, Failure> {
    let setting = Setting::prove(run, held)?;
    if run.output.print_plan {
        return setting.print_plan();
    }
    let name = run.profile.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = format!("{}-{name}-rate", machine::stamp(setting.started));
    let folder = SearchFolder::create(run.output.output.as_deref(), &name).map_err(Failure::usage)?;
    let search = RateSearch::new(setting.bounds);
    let record = setting.record();
    Searching { setting: &setting, folder, search, record, rates: Vec::new() }.perform()
}

/// Everything that is known before the first step.
struct Setting<'a> {
    run: &'a Run,
    text: String,
    overrides: Overrides,
    drifts: Vec<Drift>,
    thresholds: Vec<Threshold>,
    bounds: Bounds,
    /// The profile at the rate of the start.
    plan: Plan,
    started: Span,
}

/// A search that goes on.
struct Searching<'a> {
    setting: &'a Setting<'a>,
    folder: SearchFolder,
    search: RateSearch,
    record: SearchRecord,
    /// The rate of each step of the record.
    rates: Vec<StepRate>,
}

impl<'a> Setting<'a> {
    /// Proves that the profile can be searched, and that its steps can decide.
    fn prove(run: &'a Run, held: &Held) -> Result<Self, Failure> {
        let FindFlags { find_step: step, find_precision, find_passes, .. } = run.find;
        if !(STEP_SHORTEST..=STEP_LONGEST).contains(&step) {
            return Err(Failure::usage(format!(
                "--find-step: {step} is no length of a step; write {STEP_SHORTEST} to {STEP_LONGEST}, e.g. 10s"
            )));
        }
        let name = run.profile.display();
        let text = fs::read_to_string(&run.profile)
            .map_err(|error| Failure::usage(format!("{name}: the profile cannot be read ({error}); check its path")))?;
        let warmup = run.load.warmup.unwrap_or_else(|| Span::from_ns(step.as_ns() / 5).min(WARMUP_MAX));
        let overrides = flags::with_target(flags::of_load(&run.load, config::Script::Described)?, &run.target);
        let overrides = Overrides {
            method: run.method.clone(),
            body: run.body.clone(),
            // The text is read once: no step is of another profile than the others.
            folder: Some(run.profile.parent().unwrap_or_else(|| Path::new("")).to_owned()),
            duration: Some(step + warmup),
            warmup: Some(warmup),
            ..overrides
        };
        let drifts = flags::drifts(&run.target.drift)?;
        let plan = config::load_text(&name.to_string(), &text, &overrides, &[]).map_err(profile::failure)?;
        config::load_text(&name.to_string(), &text, &overrides, &drifts).map_err(profile::failure)?;
        let spacing = spacing_of_one_rate(&plan, &name.to_string())?;
        let thresholds = held.thresholds();
        let asked = Asked { run, step, spacing, ceiling: ceiling(&plan, &name.to_string())?, given: peak(&plan) };
        let (floor, start) = asked.floor_and_start(&thresholds)?;
        let bounds = Bounds { floor, start, ceiling: asked.ceiling, precision: find_precision, passes: find_passes };
        Ok(Self { run, text, overrides, drifts, thresholds, bounds, plan, started: wall_epoch() })
    }

    /// The record before the first step.
    fn record(&self) -> SearchRecord {
        let Bounds { floor, start, ceiling, precision, passes } = self.bounds;
        let warmup = self.plan.run.warmup;
        SearchRecord {
            version: VERSION,
            plan: SearchPlan {
                sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
                profile: self.run.profile.display().to_string(),
                target: match &self.plan.target {
                    Target::Mock(_) => "mock".to_owned(),
                    Target::Live(live) => live.endpoint.to_string(),
                },
                seed: self.plan.run.seed.root(),
                started_at: machine::rfc3339(self.started),
                thresholds: self.thresholds.iter().map(|threshold| threshold.name.clone()).collect(),
                floor_per_s: floor.per_second(),
                start_per_s: start.per_second(),
                ceiling_per_s: ceiling.per_second(),
                precision,
                passes,
                step_ns: self.run.find.find_step.as_ns(),
                warmup_ns: warmup.as_ns(),
            },
            machine: machine::this(),
            ..SearchRecord::default()
        }
    }

    /// Shows what would be searched, and sends nothing.
    fn print_plan(&self) -> Result<u8, Failure> {
        let record = self.record();
        match self.run.output.format {
            OutputFormat::Text => terminal::print(report::search::plan(&record, STEPS_MAX, terminal::look()))?,
            OutputFormat::Json => terminal::print(json(&record)?)?,
        }
        Ok(0)
    }

    /// Makes one step: a run at `rate`, kept in `folder`.
    fn step(&self, rate: StepRate, folder: &Path, interruption: &Interruption) -> Result<Rehearsed, Failure> {
        let overrides = Overrides { rate: Some(rate.rate()), ..self.overrides.clone() };
        let name = self.run.profile.display().to_string();
        let plan = config::load_text(&name, &self.text, &overrides, &[]).map_err(profile::failure)?;
        let traffic = described(&plan, &name)?.clone();
        let output = OutputFlags { output: Some(folder.to_owned()), quiet: true, ..self.run.output.clone() };
        Rehearsal {
            plan: &plan,
            script: Script::Described(Box::new(traffic)),
            profile_name: name,
            profile_text: self.text.clone(),
            drifts: self.drifts.clone(),
            log: None,
            output: &output,
            baseline: None,
            prediction: Prediction::NotWanted,
            // Once before each step would be longer than some steps; the generator's limit shows in them.
            ceiling: Ceiling::NotWanted,
        }
        .rehearse(interruption)?
        .unbroken()
    }
}

/// What is asked of the steps of a search.
struct Asked<'a> {
    run: &'a Run,
    /// What of each is counted.
    step: Span,
    spacing: Spacing,
    ceiling: StepRate,
    /// The rate of `--rate`, or the profile's.
    given: StepRate,
}

impl Asked<'_> {
    /// The lowest rate at which a step can decide every threshold, and the rate to start with.
    ///
    /// A start that was asked for must decide. One that was not is a quarter of the profile's rate, or what decides, if that is no more
    /// than the profile's rate itself.
    fn floor_and_start(&self, thresholds: &[Threshold]) -> Result<(StepRate, StepRate), Failure> {
        let needed = thresholds.iter().map(|threshold| (self.needed(threshold), threshold)).max_by_key(|(needed, _)| *needed);
        let (needed, threshold) = needed.ok_or_else(|| Failure::usage("--find-rate: no threshold"))?;
        let floor = StepRate::at_least(needed as f64 / self.step.as_secs_f64());
        let highest = self.given.min(self.ceiling);
        if floor > highest {
            return Err(Failure::usage(self.undecidable(threshold, needed, highest)));
        }
        let start = if self.run.load.rate.is_some() { highest } else { highest.divided(START_DIVISOR).max(floor) };
        Ok((floor, start))
    }

    /// Requests that a step must have; of Poisson arrivals so many more that hardly ever one has fewer (three standard deviations).
    fn needed(&self, threshold: &Threshold) -> u64 {
        let needed = threshold.requests_needed();
        match self.spacing {
            Spacing::Even => needed,
            Spacing::Poisson => needed + (3.0 * (needed as f64).sqrt()).ceil() as u64,
        }
    }

    fn undecidable(&self, threshold: &Threshold, needed: u64, highest: StepRate) -> String {
        let per_s = highest.per_second();
        let seconds = (needed as f64 / per_s).ceil();
        format!(
            "--find-rate: \"{}\" cannot be decided by steps of {} at {}: they have {:.0} requests, and {needed} are needed; make them \
             longer, --find-step {}, or allow more failures",
            threshold.name,
            self.step,
            Rate(highest.rate()),
            per_s * self.step.as_secs_f64(),
            Span::from_secs(seconds as u64)
        )
    }
}

impl Searching<'_> {
    fn perform(mut self) -> Result<u8, Failure> {
        let output = &self.setting.run.output;
        let interruption = Interruption::listen(output, self.setting.plan.run.timeout)?;
        self.folder.write(PROFILE, self.setting.text.as_bytes()).map_err(Failure::usage)?;
        let ended = match self.steps(&interruption) {
            Ok(ended) => ended,
            Err(failure) if self.record.steps.is_empty() => {
                self.folder.discard();
                return Err(failure);
            }
            Err(failure) => Ended::Failed(report::problem::chain(&failure)),
        };
        self.record.ended = Some(ended);
        let kept = self.keep();
        let place = kept.is_ok().then(|| self.folder.path().display().to_string());
        match output.format {
            OutputFormat::Text => {
                terminal::print(report::search::text(&self.record, terminal::look(), place.as_deref()))?;
            }
            OutputFormat::Json => terminal::print(json(&self.record)?)?,
        }
        kept?;
        Ok(report::search::exit_code(&self.record))
    }

    /// Makes steps until the answer stands, or something ends them.
    fn steps(&mut self, interruption: &Interruption) -> Result<Ended, Failure> {
        let mut invalid_before = false;
        for _ in 0..STEPS_MAX {
            let rate = match self.search.next() {
                Next::Try(rate) => rate,
                Next::Done(answer) => return Ok(ended(answer)),
            };
            let answer = self.step(rate, interruption)?;
            match answer {
                StepAnswer::Passed => self.search.on_trial(rate, Trial::Passed),
                StepAnswer::Failed => self.search.on_trial(rate, Trial::Failed),
                StepAnswer::Invalid if invalid_before => return Ok(Ended::GeneratorLimit),
                StepAnswer::Invalid | StepAnswer::Interrupted => {}
            }
            invalid_before = answer == StepAnswer::Invalid;
            self.take_stock();
            if let Some(Stopped::Interrupted(signal)) = interruption.stopped() {
                return Ok(Ended::Interrupted(signal));
            }
            self.keep()?;
        }
        Ok(match self.search.next() {
            Next::Done(answer) => ended(answer),
            Next::Try(_) => Ended::OutOfSteps,
        })
    }

    /// Makes one step, and says what it came to.
    fn step(&mut self, rate: StepRate, interruption: &Interruption) -> Result<StepAnswer, Failure> {
        let number = self.record.steps.len() + 1;
        self.tell(&report::search::begins(number, rate.per_second()));
        let within = format!("{STEPS}/{number:02}-{}", rate.per_second());
        let done = self.setting.step(rate, &self.folder.path().join(&within), interruption)?;
        let step = step_record(&self.setting.thresholds, rate, within, &done);
        self.tell(&report::search::came_to(&step));
        let answer = step.answer;
        self.record.requests += step.sent;
        self.record.steps.push(step);
        self.rates.push(rate);
        Ok(answer)
    }

    /// What is known by now.
    fn take_stock(&mut self) {
        let per_s = |rate: Option<StepRate>| rate.map(StepRate::per_second);
        let (found, promising, refuted) = (self.search.confirmed(), self.search.promising(), self.search.refuted());
        self.record.found_per_s = per_s(found);
        self.record.unconfirmed_per_s = per_s(promising.filter(|rate| Some(*rate) > found));
        self.record.refuted_per_s = per_s(refuted);
        self.record.failed_first = refuted.map(|rate| self.failed_at(rate)).unwrap_or_default();
    }

    /// What failed in the steps at a rate: each threshold once, as it was in the last of them.
    fn failed_at(&self, rate: StepRate) -> Vec<String> {
        let steps = self.rates.iter().zip(&self.record.steps).rev();
        let failed = steps.filter(|(of, step)| **of == rate && step.answer == StepAnswer::Failed);
        failed.map(|(_, step)| step.because.clone()).next().unwrap_or_default()
    }

    fn keep(&self) -> Result<(), Failure> {
        self.folder.write(SEARCH, &json(&self.record)?).map_err(|error| Failure::broken("keeping the search", error))
    }

    fn tell(&self, text: &str) {
        if !self.setting.run.output.quiet {
            terminal::tell(text);
        }
    }
}

const fn ended(answer: Answer) -> Ended {
    match answer {
        Answer::Between(..) => Ended::Found,
        Answer::AtCeiling(_) => Ended::AtCeiling,
        Answer::BelowFloor(_) => Ended::BelowFloor,
    }
}

fn json(record: &SearchRecord) -> Result<Vec<u8>, Failure> {
    report::search::json(record).map_err(|error| Failure::broken("writing the record of the search", error))
}

/// The described traffic of a plan.
fn described<'a>(plan: &'a Plan, name: &str) -> Result<&'a Traffic, Failure> {
    requests(plan, &name)?
        .ok_or_else(|| Failure::usage(format!("{name}: it describes no traffic whose rate could be searched; add `traffic`")))
}

/// How the arrivals of an open profile of one rate are spaced.
fn spacing_of_one_rate(plan: &Plan, name: &str) -> Result<Spacing, Failure> {
    let traffic = described(plan, name)?;
    let steady = Script::Described(Box::new(traffic.clone())).course() == Course::Steady;
    match &traffic.pace {
        Pace::Closed { .. } => Err(Failure::usage(format!(
            "{name}: --find-rate sets the rate of arrivals, and the traffic is a closed model, whose rate follows from the answers; describe it \
             with `arrivals` in place of `closed`, e.g. {{ poisson: 100/s }}"
        ))),
        Pace::Open(_) if !steady => Err(Failure::usage(format!(
            "{name}: --find-rate drives each step at one rate, and these arrivals change theirs; write e.g. `arrivals: {{ poisson: 100/s }}`"
        ))),
        Pace::Open(arrivals) => Ok(arrivals.spacing),
    }
}

/// The highest rate that may be tried: what the shaper holds back anyhow says nothing of the target.
fn ceiling(plan: &Plan, name: &str) -> Result<StepRate, Failure> {
    let max_rate = plan.safety.max_rate.ok_or_else(|| {
        Failure::usage(format!(
            "{name}: a search must know how far it may go; add the highest rate that the target may get, e.g. `safety: {{ max_rate: 500/s }}`"
        ))
    })?;
    let max_rate = StepRate::of(max_rate);
    Ok(plan.safety.ceilings.target.map(StepRate::of).map_or(max_rate, |ceiling| max_rate.min(ceiling)))
}

/// The rate of a plan of one rate.
fn peak(plan: &Plan) -> StepRate {
    let none = PerSecond { tokens: 0, per: Span::from_secs(1) };
    StepRate::of(plan.traffic.as_ref().map_or(none, |traffic| match &traffic.pace {
        Pace::Open(arrivals) => arrivals.peak(traffic.duration),
        Pace::Closed { .. } => none,
    }))
}

/// What a run says of its rate.
fn step_record(thresholds: &[Threshold], rate: StepRate, folder: String, done: &Rehearsed) -> StepRecord {
    let channel = done.driven.as_ref().and_then(|driven| driven.recorder.channel(None));
    let channel = channel.as_deref();
    let thresholds: Vec<_> = thresholds.iter().map(|threshold| threshold.held_in(channel)).collect();
    let doubted = invalid(&done.record);
    let failed = || -> Vec<String> {
        let whole = reached(&done.record).into_iter().chain(aborted(&done.record));
        whole.chain(thresholds.iter().filter_map(report::search::failing)).collect()
    };
    let (answer, because) = match &done.record.stopped {
        Some(Stopped::Interrupted(_)) => (StepAnswer::Interrupted, Vec::new()),
        Some(Stopped::Failed(why)) => (StepAnswer::Invalid, vec![why.clone()]),
        Some(Stopped::Aborted(_)) | None if !doubted.is_empty() => (StepAnswer::Invalid, doubted),
        Some(Stopped::Aborted(_)) | None => match failed() {
            because if because.is_empty() => (StepAnswer::Passed, because),
            because => (StepAnswer::Failed, because),
        },
    };
    let load = done.record.load.as_ref();
    StepRecord {
        folder,
        unkept: done.kept.as_ref().err().map(|failure| report::problem::chain(failure)),
        rate_per_s: rate.per_second(),
        achieved_per_s: load.map_or(0.0, |load| load.achieved_per_s),
        sent: load.map_or(0, |load| load.sent),
        p50_ns: channel.and_then(|channel| threshold::quantile(channel, 0.5)),
        p99_ns: channel.and_then(|channel| threshold::quantile(channel, 0.99)),
        error_share: channel.and_then(|channel| threshold::share(Ratio::Errors, channel)),
        throttled_share: channel.and_then(|channel| threshold::share(Ratio::Throttled, channel)),
        answer,
        because,
        thresholds,
    }
}

/// Why the generator is not to be believed, if it is not. What a ceiling held back is no limit of the target's either.
fn invalid(record: &RunRecord) -> Vec<String> {
    let doubts = record.doubts.iter().filter(|doubt| doubt.weight == Weight::Invalid || doubt.kind == "shaped");
    doubts.map(|doubt| doubt.what.clone()).collect()
}

/// Why the rate of the step was not what was asked for, if the target did not let it be.
fn reached(record: &RunRecord) -> Option<String> {
    let load = record.load.as_ref()?;
    let reached = load.sent as f64 >= SENT_MIN * load.intended as f64;
    (!reached).then(|| format!("{} of {} requests were sent: the target held every connection", load.sent, load.intended))
}

/// An abort condition of the profile ends a step as it ends a run; what was too much for it is too much for the search.
fn aborted(record: &RunRecord) -> Option<String> {
    match &record.stopped {
        Some(Stopped::Aborted(abort)) => Some(format!("aborted in second {}: {}", abort.second, abort.condition)),
        Some(Stopped::Interrupted(_) | Stopped::Failed(_)) | None => None,
    }
}
