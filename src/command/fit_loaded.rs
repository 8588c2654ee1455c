//! What levels of load add to a fit: the pools that functions share and the environments that they may have, which nobody sees at a calm load.
//!
//! Owns which numbers of the model these are, which runs tell them, and how a setting is simulated under the load of these runs. Refuses to
//! search (`fit::loaded`). Called by `fit`.

use std::sync::Arc;
use std::thread;

use sluicegate_policy::model::{CapacityId, FunctionId, Model as Gateway};
use sluicegate_policy::seed::Seed;

use super::again::Again;
use super::failure::Failure;
use super::fit_observed::Kept;
use super::profile;
use crate::config::{self, Change, Drift, Overrides, Plan};
use crate::fit::choice::interval_of_quantile;
use crate::fit::client::{Fit, Known};
use crate::fit::identified::Identifiable;
use crate::fit::loaded::{Bounds, Moment, Searched, search};
use crate::fit::parameter::{Found, Parameter, Setting, Tier, Unit, key, time};
use crate::measure::Recorder;
use crate::measure::assumption::{Metric, Ratio};
use crate::measure::recorder::Detail;
use crate::traffic::SeriesId;
use crate::verdict::predict;

/// Runs at rates that differ by a tenth: fewer tell how times grow with the load only by chance (method 4.1).
const LEVELS_MIN: usize = 3;
const RATES_APART: f64 = 1.1;
/// A level is beyond the knee if so many of its requests are refused or fail, or if they take so many times as long as at the calmest.
const REFUSED_BEYOND: f64 = 0.01;
const SLOWER_BEYOND: f64 = 1.5;
/// What is documented is right within this factor, or it is not found.
const BOX: f64 = 8.0;
/// More numbers at once, or more requests in each of about 1,500 simulations, take too long.
const KNOBS_MAX: usize = 6;
const REQUESTS_MAX: u64 = 500_000;
/// Quantiles of response times that are compared.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];
/// A model is not right to less than this: errors of a quantile's logarithm and of a share.
const TIME_ERROR_MIN: f64 = 0.02;
/// The error of a logarithm of which nothing is known.
const UNKNOWN: f64 = 1.0;
const SHARE_ERROR_MIN: f64 = 0.002;
/// From which the settings are drawn: the fit of the same runs is the same.
const SEED: u64 = 1;
const METHOD: &str = "simulated moments under the load of all these runs, and approximate Bayesian computation around them";

/// A number of the model that shows only under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knob {
    /// Connections of a pool.
    Size(CapacityId),
    /// How long each is held: by which the documented time is multiplied.
    Service(CapacityId),
    /// What a function that uses such a pool does besides: likewise.
    Duration(FunctionId),
    /// Environments that a function may have.
    Concurrency(FunctionId),
}

/// A run that is simulated with each setting.
struct Level<'a> {
    run: &'a Kept,
    again: Again,
    /// What was observed: the quantile or the share of a series.
    moments: Vec<(SeriesId, Watched, Moment)>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Watched {
    Quantile(f64),
    Share(Ratio),
}

/// Adds what the levels among these runs tell; of the rest it is said why they do not.
pub(super) fn add(fit: &mut Fit, runs: &[Kept], (plan, known): (&Plan, &Known), tell: &dyn Fn(&str)) -> Result<(), Failure> {
    let knobs = knobs(&plan.model, known);
    if knobs.is_empty() {
        return Ok(());
    }
    let why = match levels(runs, fit, plan)? {
        Err(why) => why,
        Ok(_) if knobs.len() > KNOBS_MAX => {
            format!("{} numbers that show only under load are too many to be told apart; drive fewer functions", knobs.len())
        }
        Ok(levels) => {
            let observed: Vec<Moment> =
                levels.iter().flat_map(|level| level.moments.iter().map(|(.., moment)| *moment)).collect();
            let bounds: Vec<Bounds> = knobs.iter().map(|knob| knob.bounds(&plan.model)).collect();
            tell("fitting what shows only under load: the runs are simulated with some 1,500 settings\n");
            let found =
                search(&observed, &bounds, Seed::new(SEED), |values, chances| simulated(&levels, (&knobs, values), chances));
            let run = levels.iter().map(|level| level.run.id.as_str()).collect::<Vec<_>>().join(", ");
            for (at, knob) in knobs.iter().enumerate() {
                told(fit, plan, (*knob, at), (&found, &bounds), &run)?;
            }
            return Ok(());
        }
    };
    fit.parameters.extend(knobs.iter().map(|knob| Parameter::documented(knob.path(&plan.model), why.clone())));
    Ok(())
}

/// The numbers of what was driven.
fn knobs(model: &Gateway, known: &Known) -> Vec<Knob> {
    let mut knobs = Vec::new();
    for (id, function) in (0..).map(FunctionId).zip(&model.functions).filter(|(_, one)| known.functions.contains(&one.name)) {
        if let Some(pool) = function.uses {
            if !knobs.contains(&Knob::Size(pool)) {
                knobs.extend([Knob::Size(pool), Knob::Service(pool)]);
            }
            knobs.push(Knob::Duration(id));
        }
        if function.concurrency.is_some() {
            knobs.push(Knob::Concurrency(id));
        }
    }
    knobs
}

impl Knob {
    fn bounds(self, model: &Gateway) -> Bounds {
        let (around, whole) = match self {
            Self::Size(id) => (f64::from(model.capacities[usize::from(id.0)].size), true),
            Self::Concurrency(id) => (model.functions[usize::from(id.0)].concurrency.map_or(1.0, f64::from), true),
            Self::Service(_) | Self::Duration(_) => (1.0, false),
        };
        let low = around / BOX;
        Bounds { low: if whole { low.max(1.0) } else { low }, high: around * BOX, whole }
    }

    /// Changes the model; of a reserved concurrency no more than there is.
    fn turn(self, model: &mut Gateway, documented: &Gateway, value: f64) {
        match self {
            Self::Size(id) => model.capacities[usize::from(id.0)].size = value as u32,
            Self::Service(id) => {
                let at = usize::from(id.0);
                model.capacities[at].service = documented.capacities[at].service.scaled(value);
            }
            Self::Duration(id) => {
                let at = usize::from(id.0);
                model.functions[at].duration = documented.functions[at].duration.scaled(value);
            }
            Self::Concurrency(id) => model.functions[usize::from(id.0)].concurrency = Some(value as u32),
        }
    }

    /// Its keys in the profile, from `gateway` on.
    fn keys(self, model: &Gateway) -> [&str; 3] {
        let capacity = |id: CapacityId| model.capacities[usize::from(id.0)].name.as_str();
        let function = |id: FunctionId| model.functions[usize::from(id.0)].name.as_str();
        match self {
            Self::Size(id) => ["capacities", capacity(id), "size"],
            Self::Service(id) => ["capacities", capacity(id), "service"],
            Self::Duration(id) => ["functions", function(id), "duration"],
            Self::Concurrency(id) => ["functions", function(id), "concurrency"],
        }
    }

    fn path(self, model: &Gateway) -> String {
        self.keys(model).map(key).join(".")
    }

    const fn is_whole(self) -> bool {
        matches!(self, Self::Size(_) | Self::Concurrency(_))
    }

    /// The mean time that is meant by a factor.
    fn mean_ns(self, model: &Gateway) -> f64 {
        match self {
            Self::Service(id) => model.capacities[usize::from(id.0)].service.mean().as_ns() as f64,
            Self::Duration(id) => model.functions[usize::from(id.0)].duration.mean().as_ns() as f64,
            Self::Size(_) | Self::Concurrency(_) => 1.0,
        }
    }

    /// The value as the profile writes it: a whole number, or what is documented times this.
    fn yaml(self, plan: &Plan, value: f64) -> Result<String, Failure> {
        if self.is_whole() {
            return Ok(format!("{value:.0}"));
        }
        let text = format!("{} * {value:.4}", self.path(&plan.model));
        let drift: Drift = text.parse().map_err(|error| Failure::broken("writing a fitted time", error))?;
        let keys = self.keys(&plan.model);
        let document = plan.resolved["profile"].to_string();
        let overrides = Overrides { script: config::Script::Served, folder: Some(plan.folder.clone()), ..Overrides::default() };
        let drifted = config::load_text("the fitted profile", &document, &overrides, &[drift]).map_err(profile::failure)?;
        Ok(keys.iter().fold(&drifted.resolved["profile"]["gateway"], |value, key| &value[key]).to_string())
    }
}

/// The levels with their plans; else why these runs tell nothing.
fn levels<'a>(runs: &'a [Kept], fit: &Fit, plan: &Plan) -> Result<Result<Vec<Level<'a>>, String>, Failure> {
    let driven: Vec<&Kept> = runs.iter().filter(|run| run.is_level()).collect();
    let mut rates: Vec<f64> = driven.iter().filter_map(|run| Some(run.record.load.as_ref()?.intended_per_s)).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup_by(|next, before| *next < RATES_APART * *before);
    if rates.len() < LEVELS_MIN {
        let rates = rates.len();
        return Ok(Err(format!(
            "it shows only under load: runs at {rates} rate(s), and {LEVELS_MIN} tell it; `plan-fit` proposes them"
        )));
    }
    if !driven.iter().any(|run| run.refused() > REFUSED_BEYOND) && slowest_to_fastest(&driven) < SLOWER_BEYOND {
        return Ok(Err(
            "it shows only under load, and no run goes beyond the knee: none was refused or slower by half; drive it at a \
                       higher rate"
                .to_owned(),
        ));
    }
    let requests: u64 = driven.iter().filter_map(|run| Some(run.record.load.as_ref()?.intended)).sum();
    if requests > REQUESTS_MAX {
        return Ok(Err(format!(
            "the runs have {requests} requests, and are simulated some 1,500 times: more than {REQUESTS_MAX} take too long; fit shorter levels"
        )));
    }
    let levels = driven.into_iter().map(|run| level(run, fit, plan)).collect::<Result<Vec<_>, _>>()?;
    Ok(Ok(levels))
}

/// The slowest median of a run by the fastest, of any series.
fn slowest_to_fastest(runs: &[&Kept]) -> f64 {
    let medians = |series: &str| {
        let of = |run: &&Kept| {
            run.record.series.iter().find(|one| one.name == series)?.response_time.as_ref().map(|times| times.p50_ns as f64)
        };
        runs.iter().filter_map(of).fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), p50| (low.min(p50), high.max(p50)))
    };
    let series = runs.iter().flat_map(|run| run.record.series.iter().map(|one| one.name.as_str()));
    series.map(medians).map(|(low, high)| high / low).fold(1.0, f64::max)
}

/// A run's plan with the model as far as it is fitted.
fn level<'a>(run: &'a Kept, fit: &Fit, plan: &Plan) -> Result<Level<'a>, Failure> {
    let name = run.folder.join(super::run_folder::PROFILE).display().to_string();
    let mut changes: Vec<Change> = fit.settings.iter().map(|one| Change::Set(one.keys.clone(), one.yaml.clone())).collect();
    changes.push(Change::Remove(vec!["expect".to_owned()]));
    let text = config::rewritten(&name, &run.profile, "", &changes).map_err(Failure::usage)?;
    let again = Again::of(&run.record, (&name, &text), &plan.folder)?;
    let ids = (0..).map(SeriesId).zip(&again.plan.catalog.series);
    let moments = ids.filter_map(|(id, name)| {
        let at = run.record.series.iter().position(|one| one.name == *name)?;
        Some(run.moments(SeriesId(u16::try_from(at).ok()?)).into_iter().map(move |(watched, moment)| (id, watched, moment)))
    });
    let moments = moments.flatten().collect();
    Ok(Level { run, again, moments })
}

impl Kept {
    /// Whether it is a level of load: it has the described traffic, and not single probes.
    fn is_level(&self) -> bool {
        const REQUESTS_MIN: u64 = 200;
        self.record.plan.log.is_none() && self.record.load.as_ref().is_some_and(|load| load.intended >= REQUESTS_MIN)
    }

    /// The share of its actions that was refused or failed.
    fn refused(&self) -> f64 {
        let (refused, all) = self.record.series.iter().fold((0.0, 0.0), |(refused, all), series| {
            (refused + super::fit_observed::refused_share(series) * series.count as f64, all + series.count as f64)
        });
        if all > 0.0 { refused / all } else { 0.0 }
    }

    /// What of a series is compared, with its errors.
    fn moments(&self, id: SeriesId) -> Vec<(Watched, Moment)> {
        let mut moments = Vec::new();
        if let Some(times) = self.times_of(id) {
            for p in QUANTILES {
                let Some(value) = times.all().quantile(p).filter(|value| *value > 0.0) else { continue };
                // Beyond the knee, where most is told, batches are worth so little that the interval has no upper end.
                let interval = interval_of_quantile(&times, p).filter(|(low, _)| *low > 0.0);
                let standard_error = interval.map_or(UNKNOWN, |(low, high)| error((low.ln(), high.ln())));
                moments.push((Watched::Quantile(p), Moment { value: value.ln(), standard_error, error_min: TIME_ERROR_MIN }));
            }
        }
        for ratio in [Ratio::Throttled, Ratio::Errors] {
            let Some(share) = self.share_of(id, ratio) else { continue };
            let (value, standard_error) = (share.events / share.trials, error((share.lower(0.025), share.upper(0.025))));
            moments.push((Watched::Share(ratio), Moment { value, standard_error, error_min: SHARE_ERROR_MIN }));
        }
        moments
    }
}

/// The standard error that a 95 % interval tells.
fn error((low, high): (f64, f64)) -> f64 {
    const NORMAL_95: f64 = 1.96;
    (high - low) / (2.0 * NORMAL_95)
}

/// What these levels would show with these values, in the order of their moments; all levels side by side.
fn simulated(levels: &[Level<'_>], (knobs, values): (&[Knob], &[f64]), chances: usize) -> Vec<Option<f64>> {
    let of_level = |level: &Level<'_>| {
        let own = &level.again.plan;
        let documented = Arc::clone(&own.model);
        let mut model = documented.as_ref().clone();
        for (knob, value) in knobs.iter().zip(values) {
            knob.turn(&mut model, &documented, *value);
        }
        let plan = Plan { model: Arc::new(model), ..own.clone() };
        let model = level.again.model(&plan, level.again.network);
        let layout = model.layout(Vec::new(), Detail::Totals);
        let runs = model.replicate(chances..chances + 1, &layout);
        let seen = runs.first().map(|run| &run.recorded);
        level.moments.iter().map(|(series, watched, _)| watched.seen(*series, seen?)).collect::<Vec<_>>()
    };
    let of_levels = thread::scope(|scope| {
        let handles: Vec<_> = levels.iter().map(|level| scope.spawn(move || of_level(level))).collect();
        handles.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    // A simulation that panicked is the program's own error, and not this setting's.
    of_levels.into_iter().flat_map(|of_level| of_level.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
}

impl Watched {
    fn seen(self, series: SeriesId, run: &Recorder) -> Option<f64> {
        match self {
            Self::Quantile(p) => {
                let channel = run.channel(Some(series))?;
                let admitted = channel.admitted();
                (!admitted.is_empty()).then(|| (admitted.value_at_quantile(p).max(1) as f64).ln())
            }
            Self::Share(ratio) => predict::value(Some(series), Metric::Ratio(ratio), &[run]),
        }
    }
}

/// One number, as the fit tells it, and what changes in the profile.
fn told(
    fit: &mut Fit,
    plan: &Plan,
    (knob, at): (Knob, usize),
    (found, bounds): (&Searched, &[Bounds]),
    run: &str,
) -> Result<(), Failure> {
    let path = knob.path(&plan.model);
    fit.parameters.retain(|one| one.path != path && !one.path.starts_with(&format!("{path}.")));
    let source = Found { tier: Tier::Client, run, method: METHOD };
    let Some(interval) = found.interval(at, bounds) else {
        let note =
            "no setting of what shows only under load gives what was observed: the model lacks something, or is wrong elsewhere";
        fit.parameters.push(Parameter::unknowable(path, note, source));
        return Ok(());
    };
    let mean = knob.mean_ns(&plan.model);
    let unit = if knob.is_whole() { Unit::Count } else { Unit::Time };
    let (path, note) = if knob.is_whole() {
        (path, format!("the interval holds all of {} settings that the runs do not contradict", found.kept.len()))
    } else {
        (
            format!("{path}.mean"),
            format!("what is documented, {} in the mean, times a factor that is the same for all quantiles", time(mean)),
        )
    };
    let identifiable = Identifiable::of(interval);
    let scaled = interval.map(|end| end * mean);
    let value = found.best[at];
    fit.parameters.push(Parameter::found(path, unit, (value * mean, scaled), identifiable, source).with_note(note));
    let keys = std::iter::once("gateway").chain(knob.keys(&plan.model)).map(str::to_owned).collect::<Vec<_>>();
    let setting = |value: f64| Ok::<_, Failure>(Setting { keys: keys.clone(), yaml: knob.yaml(plan, value)? });
    fit.settings.retain(|one| one.keys != keys);
    match identifiable {
        Identifiable::Yes => fit.settings.push(setting(value)?),
        Identifiable::Set => {
            let ends = found.kept.iter().map(|kept| kept[at]);
            fit.low.push(setting(ends.clone().fold(f64::INFINITY, f64::min))?);
            fit.high.push(setting(ends.fold(0.0, f64::max))?);
        }
        Identifiable::No => {}
    }
    Ok(())
}
