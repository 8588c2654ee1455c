//! What the client's side of runs tells of a model's parameters, and what it cannot tell (method 4.1, first column).
//!
//! Owns which run serves which parameter and what is subtracted from what: the total of each route is fitted; a function's mean and
//! deviation are the total's less those of a route that answers by itself, if one was driven too; a cold start is named only if its
//! mode lies apart; a bucket only after a lasting overload. Refuses quantiles of what was not measured: the profile gets a stand-in with
//! the right mean and deviation, and says so. Called by `command` with plain data.

use super::bucket::{self, Bucket, Level, Limit, Second};
use super::choice::{Chosen, Distribution, EFFECTIVE_MIN, choose, interval_of_quantile};
use super::family::Normal;
use super::gaps::{self, Probe};
use super::identified::{Identifiable, Interval};
use super::modes::{Slow, slow};
use super::parameter::{Found, Parameter, Setting, Tier, Unit, key, time};
use super::parts::Moments;
use super::profiled::{Number, numbers};
use super::times::Batched;

/// A run as its client saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its id.
    pub run: String,
    /// Intended requests per second, over the planned length.
    pub rate_per_s: f64,
    /// What was counted under one name, each.
    pub series: Vec<Series>,
}

/// What was counted under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name: the key of a route.
    pub name: String,
    /// Response times after the warm-up; `None` if the run is too short to be cut into batches, or nothing was answered.
    pub times: Option<Batched>,
    /// Share of the actions after the warm-up that were throttled or failed: where there are more than a few, the load was no calm one.
    pub refused_share: f64,
    /// Each second of the run, warm-up included: what was asked, and what of it was throttled.
    pub seconds: Vec<Second>,
    /// Each request with the gap before it, where they were far apart; else none.
    pub probes: Vec<Probe>,
}

/// What the profile says of what was driven.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The routes by the names of their series.
    pub routes: Vec<Route>,
    /// The gateway's own time, as documented.
    pub overhead: Moments,
    /// The way there and back, as given or probed, in nanoseconds.
    pub round_trip: f64,
    /// Functions behind these routes.
    pub functions: Vec<String>,
    /// Those of them that take a connection of a shared pool for each invocation: their own time is no part that could be seen by itself.
    pub pooled: Vec<String>,
}

/// A route as the profile has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Its key.
    pub series: String,
    /// What answers.
    pub behind: Behind,
    /// Whether somebody is asked before: an authorizer.
    pub asks: bool,
    /// Where its throttle stands in the profile: keys from the top.
    pub throttle: Vec<String>,
}

/// What answers a route's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// A function of this name.
    Function(String),
    /// The gateway itself.
    Gateway,
    /// Something else.
    Other,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fit {
    /// Every parameter that was fitted, or cannot be.
    pub parameters: Vec<Parameter>,
    /// What changes in the profile.
    pub settings: Vec<Setting>,
    /// The ends of what is known as a set only: predictions are made for both.
    pub low: Vec<Setting>,
    /// The upper ends.
    pub high: Vec<Setting>,
}

/// Share of refusals beyond which response times are not those of a calm load.
const REFUSED_MAX: f64 = 0.002;
/// Quantiles of a total that are told.
const TOLD: [f64; 3] = [0.5, 0.95, 0.99];

/// Fits what these runs of one profile can tell.
pub fn fit(runs: &[Observed], known: &Known) -> Fit {
    let mut fit = Fit::default();
    let still = known.routes.iter().find(|route| route.behind == Behind::Gateway && !route.asks);
    let still = still.and_then(|route| calmest(runs, &route.series).map(|at| (route, at)));
    let base = still.and_then(|(_, (_, times))| Moments::of(times));
    for route in &known.routes {
        let Some((run, times)) = calmest(runs, &route.series) else {
            fit.parameters.push(untold(runs, route));
            continue;
        };
        let Some(chosen) = choose(times) else {
            fit.parameters.push(Parameter::documented(
                format!("{}.total", path_of(route)),
                format!(
                    "the {:.0} answers of run {run} are worth too few independent ones; drive it for longer",
                    times.all().seen()
                ),
            ));
            continue;
        };
        let total = Total { route, run, times, chosen };
        fit.parameters.extend(total.parameters());
        if let Behind::Function(function) = &route.behind
            && !known.pooled.contains(function)
        {
            total.function(function, known, base.as_ref(), &mut fit);
        }
    }
    if let (Some((_, (run, _))), Some(base)) = (still, base) {
        overhead(&base, known, run, &mut fit);
    }
    for route in &known.routes {
        throttle(runs, route, &mut fit);
        keep_alive(runs, route, &mut fit);
    }
    fit
}

fn path_of(route: &Route) -> String {
    format!("routes.{}", key(&route.series))
}

/// The run in which this series met the least traffic and was answered often enough, else that with most answers; none that was
/// refused much.
fn calmest<'a>(runs: &'a [Observed], series: &str) -> Option<(&'a str, &'a Batched)> {
    let of = |run: &'a Observed| {
        let seen = run.series.iter().find(|one| one.name == series && one.refused_share <= REFUSED_MAX)?;
        let times = seen.times.as_ref()?;
        let worth = times.all().count() / times.design_effect();
        Some((worth < EFFECTIVE_MIN, if worth < EFFECTIVE_MIN { -worth } else { run.rate_per_s }, run.run.as_str(), times))
    };
    let best = runs.iter().filter_map(of).min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
    Some((best.2, best.3))
}

fn untold(runs: &[Observed], route: &Route) -> Parameter {
    let seen = runs.iter().flat_map(|run| &run.series).filter(|one| one.name == route.series);
    let refused = seen.map(|one| one.refused_share).fold(0.0, f64::max);
    let why = if refused > REFUSED_MAX {
        format!(
            "up to {} of its requests were throttled or failed, which is no calm load; drive it at a lower rate",
            Unit::Share.text(refused)
        )
    } else {
        "it was not driven for as long as a fit needs (8 s after the warm-up); drive it".to_owned()
    };
    Parameter::documented(format!("{}.total", path_of(route)), why)
}

/// The total of a route, with its distribution.
struct Total<'a> {
    route: &'a Route,
    run: &'a str,
    times: &'a Batched,
    chosen: Chosen,
}

impl Total<'_> {
    fn found<'b>(&'b self, method: &'b str) -> Found<'b> {
        Found { tier: Tier::Client, run: self.run, method }
    }

    /// What is seen of it directly.
    fn parameters(&self) -> Vec<Parameter> {
        let path = format!("{}.total", path_of(self.route));
        let method = self.chosen.method();
        let mut all = Vec::new();
        if let Distribution::Family(family) = &self.chosen.distribution {
            let fitted = numbers(family, &self.times.all(), self.chosen.design_effect);
            all.extend(fitted.into_iter().map(|number| self.number(&path, &number, &method)));
        }
        for p in TOLD {
            let Some(((low, high), value)) = interval_of_quantile(self.times, p).zip(self.times.all().quantile(p)) else {
                continue;
            };
            let interval = Interval { low, high };
            let found = self.found("interval of the quantile, from batches");
            all.push(Parameter::found(
                format!("{path}.p{}", p * 100.0),
                Unit::Time,
                (value, interval),
                Identifiable::of(interval),
                found,
            ));
        }
        all
    }

    fn number(&self, path: &str, number: &Number, method: &str) -> Parameter {
        let unit = match (number.is_time, number.name.starts_with("weight")) {
            (true, _) => Unit::Time,
            (false, true) => Unit::Share,
            (false, false) => Unit::Number,
        };
        let path = format!("{path}.{}", key(&number.name));
        let parameter = Parameter::found(path, unit, (number.value, number.interval), number.identifiable, self.found(method));
        match number.identifiable {
            Identifiable::Yes => parameter,
            Identifiable::Set => parameter.with_note("its 95 % interval spans more than a factor of two: no point is named"),
            Identifiable::No => {
                parameter.with_note("the modes do not lie apart: its 95 % interval spans more than a factor of two")
            }
        }
    }

    /// The function behind the route: what is left of the total.
    fn function(&self, function: &str, known: &Known, base: Option<&Moments>, fit: &mut Fit) {
        let path = format!("functions.{}", key(function));
        let slow = slow(&self.chosen, self.times);
        let Some(all) = Moments::of(self.times) else { return };
        let warm = slow.as_ref().map_or(all, |slow| slow.rest);
        let documented = known.overhead.plus(Moments::documented(known.round_trip, 0.0));
        let left = warm.less(base.copied().unwrap_or(documented));
        if left.mean <= 0.0 || left.variance <= 0.0 {
            let note = "what was driven beside it takes as long: nothing is left for the function; see `overhead` and `network`";
            fit.parameters.push(Parameter::unknowable(
                format!("{path}.duration"),
                note,
                self.found("means and variances subtracted"),
            ));
            return;
        }
        self.duration(&path, (base.is_some(), left, warm.less(Moments::documented(known.round_trip, 0.0))), fit);
        let stand_in = Normal::with_moments(left.mean, left.variance);
        fit.settings.push(setting(function, "duration", stand_in));
        if let Some(slow) = slow {
            self.cold(function, &slow, fit);
        }
    }

    /// Mean and deviation of a duration: points where a route that answers by itself was driven, else bounded by the total.
    fn duration(&self, path: &str, (has_base, left, at_most): (bool, Moments, Moments), fit: &mut Fit) {
        let method = if has_base {
            "means and variances of a route that answers by itself subtracted from the total's"
        } else {
            "documented overhead and network subtracted from the total"
        };
        let found = self.found(method);
        let (mean, deviation) = if has_base {
            (left.mean_interval(), left.deviation_interval())
        } else {
            let below = |interval: Interval| Interval { low: 0.0, high: interval.high };
            (below(at_most.mean_interval()), below(at_most.deviation_interval()))
        };
        let split = "only its sum with the gateway's overhead is seen: drive a route that answers by itself (a mock integration) beside it";
        let of = |name: &str, value: f64, interval: Interval| {
            let parameter = Parameter::found(
                format!("{path}.duration.{name}"),
                Unit::Time,
                (value, interval),
                Identifiable::of(interval),
                found,
            );
            if has_base { parameter } else { parameter.with_note(split) }
        };
        fit.parameters.push(of("mean", left.mean, mean));
        fit.parameters.push(of("deviation", left.variance.sqrt(), deviation));
        let stand_in = "its quantiles cannot be told from the client's side; in the profile stands a lognormal with this mean and deviation, so that \
                        totals are right; requests joined with the access log of the target would tell them";
        fit.parameters.push(Parameter::unknowable(format!("{path}.duration"), stand_in, found));
    }

    /// A cold start: what the slow mode takes more.
    fn cold(&self, function: &str, slow: &Slow, fit: &mut Fit) {
        let path = format!("functions.{}.cold_start", key(function));
        let more = slow.own.less(slow.rest);
        let found = self.found("mean and variance of the fast mode subtracted from the slow one's");
        let caution = "a slow mode is taken for cold starts: certain only after idle gaps, or in the first burst";
        let share = Parameter::found(
            format!("{path}.share"),
            Unit::Share,
            (slow.weight.value, slow.weight.interval),
            Identifiable::Yes,
            found,
        );
        fit.parameters.push(share.with_note(caution));
        if more.mean <= 0.0 || more.variance <= 0.0 {
            return;
        }
        let interval = more.mean_interval();
        let mean = Parameter::found(format!("{path}.mean"), Unit::Time, (more.mean, interval), Identifiable::of(interval), found);
        fit.parameters.push(mean.with_note(caution));
        fit.settings.push(setting(function, "cold_start", Normal::with_moments(more.mean, more.variance)));
    }
}

fn setting(function: &str, what: &str, of: Normal) -> Setting {
    let keys = ["gateway", "functions", function, what].map(str::to_owned).to_vec();
    Setting { keys, yaml: format!("{{ lognormal: {{ median: {}, sigma: {:.4} }} }}", time(of.median()), of.sigma.max(0.001)) }
}

/// The gateway's own time, from a route that answers by itself.
fn overhead(base: &Moments, known: &Known, run: &str, fit: &mut Fit) {
    let left = base.less(Moments::documented(known.round_trip, 0.0));
    let found = Found { tier: Tier::Client, run, method: "round trip subtracted from a route that answers by itself" };
    if left.mean <= 0.0 || left.variance <= 0.0 {
        return;
    }
    // The round trip is a point: what varies on the way counts for the gateway.
    for (name, value, interval) in
        [("mean", left.mean, left.mean_interval()), ("deviation", left.variance.sqrt(), left.deviation_interval())]
    {
        let parameter =
            Parameter::found(format!("overhead.{name}"), Unit::Time, (value, interval), Identifiable::of(interval), found);
        fit.parameters
            .push(parameter.with_note("what varies on the way to the gateway is in it: the round trip is subtracted as a point"));
    }
    let stand_in = Normal::with_moments(left.mean, left.variance);
    let yaml = format!("{{ lognormal: {{ median: {}, sigma: {:.4} }} }}", time(stand_in.median()), stand_in.sigma.max(0.001));
    fit.settings.push(Setting { keys: vec!["gateway".to_owned(), "overhead".to_owned()], yaml });
}

/// The token bucket that a route met, if a run kept it empty for long enough.
fn throttle(runs: &[Observed], route: &Route, fit: &mut Fit) {
    let path = route.throttle.iter().skip(1).map(|name| key(name)).collect::<Vec<_>>().join(".");
    let of = |run: &Observed| -> Option<(String, Bucket)> {
        let seen = run.series.iter().find(|one| one.name == route.series)?;
        bucket::from_seconds(&seen.seconds).map(|found| (run.run.clone(), found))
    };
    let narrowest = |a: &(String, Bucket), b: &(String, Bucket)| {
        let width = |one: &Bucket| one.rate_interval.high / one.rate_interval.low.max(1e-9);
        width(&a.1).total_cmp(&width(&b.1))
    };
    let found: Vec<(String, Bucket)> = runs.iter().filter_map(of).collect();
    let limit = limit(runs, route, &found);
    if let (Some((one, other, Limit::Concurrency)), Behind::Function(function)) = (&limit, &route.behind) {
        return concurrency(function, (*one, *other), &found, fit);
    }
    let Some((run, found)) = found.into_iter().min_by(narrowest) else { return };
    let method = "what was admitted second by second in a step of overload";
    let from = Found { tier: Tier::Client, run: &run, method };
    let nested = "the client's counts cannot tell which of nested limits refused: it is taken for this one";
    let caution = match limit {
        Some((.., Limit::Rate)) => format!("{nested}; it is a rate, for as much was admitted while requests lasted far longer"),
        _ => format!("{nested}; nor, from one step, a rate from a number at once"),
    };
    for (name, unit, value, interval) in [
        ("rate", Unit::PerSecond, found.rate_per_s, found.rate_interval),
        ("burst", Unit::Count, found.burst, found.burst_interval),
    ] {
        let identifiable = Identifiable::of(interval);
        fit.parameters.push(
            Parameter::found(format!("{path}.{name}"), unit, (value, interval), identifiable, from).with_note(caution.clone()),
        );
        let text = |value: f64| if name == "rate" { unit.text(value) } else { format!("{:.0}", value.max(1.0).round()) };
        let set = |value: f64| Setting { keys: [&route.throttle[..], &[name.to_owned()]].concat(), yaml: text(value) };
        if identifiable == Identifiable::Yes {
            fit.settings.push(set(value));
        } else {
            fit.low.push(set(interval.low));
            fit.high.push(set(interval.high.min(1e6)));
        }
    }
}

/// What was admitted in two steps of overload whose requests lasted longer and shorter, as far apart as any, and what limit that tells (method 4.1).
fn limit(runs: &[Observed], route: &Route, found: &[(String, Bucket)]) -> Option<(Level, Level, Limit)> {
    let level = |(run, bucket): &(String, Bucket)| {
        let seen = runs.iter().find(|one| one.run == *run)?.series.iter().find(|one| one.name == route.series)?;
        let (duration, _) = seen.times.as_ref()?.all().moments()?;
        Some(Level { admitted_per_s: bucket.rate_per_s, duration })
    };
    let mut levels: Vec<Level> = found.iter().filter_map(level).collect();
    levels.sort_by(|a, b| a.duration.total_cmp(&b.duration));
    let (shortest, longest) = (*levels.first()?, *levels.last()?);
    Some((shortest, longest, bucket::limit(shortest, longest)?))
}

/// A number at once, from two steps: what is admitted times how long it lasts is the same in both (J. Little, Operations Research 9, 1961).
fn concurrency(function: &str, (one, other): (Level, Level), found: &[(String, Bucket)], fit: &mut Fit) {
    let at_once = |level: Level| level.admitted_per_s * level.duration / 1e9;
    let (low, high) = (at_once(one).min(at_once(other)), at_once(one).max(at_once(other)));
    let run = found.iter().map(|(run, _)| run.as_str()).collect::<Vec<_>>().join(", ");
    let from = Found {
        tier: Tier::Client,
        run: &run,
        method: "admitted times lasting, in steps of overload with shorter and longer requests",
    };
    let interval = Interval { low, high };
    let note = "what refuses is a number at once and no rate: less was admitted as requests lasted longer; their lasting includes the way and the gateway's own time";
    let path = format!("functions.{}.concurrency", key(function));
    let value = (low * high).sqrt();
    fit.parameters.push(Parameter::found(path, Unit::Count, (value, interval), Identifiable::of(interval), from).with_note(note));
    let keys = ["gateway", "functions", function, "concurrency"].map(str::to_owned).to_vec();
    fit.settings.push(Setting { keys, yaml: format!("{:.0}", value.max(1.0)) });
}

/// How long idle environments of the function behind a route are kept, if a run asked it after longer and longer gaps.
fn keep_alive(runs: &[Observed], route: &Route, fit: &mut Fit) {
    let Behind::Function(function) = &route.behind else { return };
    let of = |run: &Observed| {
        let seen = run.series.iter().find(|one| one.name == route.series)?;
        gaps::kept(&seen.probes).map(|kept| (run.run.clone(), kept))
    };
    let Some((run, kept)) = runs.iter().find_map(of) else { return };
    let path = format!("functions.{}.keep_alive", key(function));
    let interval = kept.interval_s.map(|s| s * 1e9);
    // Between the two ends every value is as good; a point is named only where they are close.
    let middle = (interval.low * interval.high).sqrt();
    let found = Found { tier: Tier::Client, run: &run, method: "single requests after longer and longer gaps: quick, or slow" };
    let note = if kept.is_fixed {
        "between the longest gap that found an environment and the shortest that found none"
    } else {
        "it is random: some gaps that found an environment are longer than some that found none"
    };
    fit.parameters.push(Parameter::found(path, Unit::Time, (middle, interval), kept.identifiable, found).with_note(note));
    let set =
        |ns: f64| Setting { keys: ["gateway", "functions", function, "keep_alive"].map(str::to_owned).to_vec(), yaml: time(ns) };
    if kept.identifiable == Identifiable::Yes {
        fit.settings.push(set(middle));
    } else {
        fit.low.push(set(interval.low.max(1e9)));
        fit.high.push(set(interval.high));
    }
}
