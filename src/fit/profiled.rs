//! Profile-likelihood intervals: how far one number of a family can be moved, the others following, before the data object.
//!
//! Owns that search and the names of the numbers. The interval holds what loses no more than half the 95 % quantile of chi-square with
//! one degree of freedom (S. Wilks, Annals of Mathematical Statistics 9, 1938), times the design effect, as correlated data are
//! worth less. Refuses to judge the interval (`identified`). Called by `client` and `joined`.

use super::family::{Component, Family};
use super::identified::{Identifiable, Interval};
use super::likelihood::{bounded, log_likelihood, unbounded};
use super::minimise::minimise;
use super::mixture::{Converged, Held, Sample};
use super::times::Times;

/// Half of 3.841, the 95 % quantile of chi-square with one degree of freedom.
const LOSS: f64 = 1.920_729;
/// How often the step is widened, and how often the crossing is halved.
const WIDENED_MAX: usize = 24;
const HALVED: usize = 9;

/// A number of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// What it is called: `median`, `sigma`, `weight of mode 2`.
    pub name: String,
    /// Whether it is a time in nanoseconds, else a plain number.
    pub is_time: bool,
    /// Its likeliest value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// Whether it can be known.
    pub identifiable: Identifiable,
}

/// All numbers of the likeliest `family` of its kind, with their intervals.
pub fn numbers(family: &Family, times: &Times, design_effect: f64) -> Vec<Number> {
    match family {
        Family::Lognormal(normal) => {
            let parts = [Component { weight: 1.0, of: *normal }];
            of_parts(&parts, times, design_effect)
        }
        Family::Mixture(parts) => of_parts(parts, times, design_effect),
        Family::Shifted { .. } => {
            simplex(family, times, design_effect, &[("shift", true), ("median beyond the shift", true), ("sigma", false)])
        }
        Family::Gamma { .. } | Family::Weibull { .. } => {
            simplex(family, times, design_effect, &[("shape", false), ("scale", true)])
        }
    }
}

/// The share of one part of the likeliest mixture (from zero).
pub fn weight(parts: &[Component], at: usize, times: &Times, design_effect: f64) -> Number {
    Parts::of(parts, times, design_effect).number(Held::Weight(at))
}

fn of_parts(parts: &[Component], times: &Times, design_effect: f64) -> Vec<Number> {
    let parts = Parts::of(parts, times, design_effect);
    let count = parts.best.parts.len();
    let held = (0..count).flat_map(|at| [Held::Weight(at), Held::Mu(at), Held::Sigma(at)]);
    held.filter(|held| count > 1 || !matches!(held, Held::Weight(_))).map(|held| parts.number(held)).collect()
}

/// The likeliest mixture, and the times.
struct Parts {
    sample: Sample,
    best: Converged,
    count: f64,
    design_effect: f64,
}

impl Parts {
    fn of(parts: &[Component], times: &Times, design_effect: f64) -> Self {
        let sample = Sample::of(times);
        let best = sample.finish(parts.to_vec(), Held::Nothing);
        Self { sample, best, count: times.count(), design_effect }
    }

    /// One of its numbers; `held` must name one.
    fn number(&self, held: Held) -> Number {
        let at = match held {
            Held::Weight(at) | Held::Mu(at) | Held::Sigma(at) => at,
            Held::Nothing => 0,
        };
        let (part, apart) = (&self.best.parts[at], self.best.parts.len() > 1);
        let own = (self.count * part.weight / self.design_effect).max(1.0).sqrt();
        let profile =
            |from: f64, step: f64| crossings(from, step, |x| loss(&self.sample, &self.best, held, x) / self.design_effect - LOSS);
        let (name, value, interval) = match held {
            Held::Weight(_) | Held::Nothing => ("weight", part.weight, profile(logit(part.weight), 1.0 / own).map(unlogit)),
            Held::Mu(_) => ("median", part.of.median(), profile(part.of.mu, part.of.sigma / own).map(f64::exp)),
            Held::Sigma(_) => ("sigma", part.of.sigma, profile(part.of.sigma.ln(), 1.0 / own).map(f64::exp)),
        };
        let name = if apart { format!("{name} of mode {}", at + 1) } else { name.to_owned() };
        let identifiable = if apart { Identifiable::of_mode(interval) } else { Identifiable::of(interval) };
        Number { name, is_time: matches!(held, Held::Mu(_)), value, interval, identifiable }
    }
}

/// What is lost when this number is moved to `x`, in nats.
fn loss(sample: &Sample, best: &Converged, held: Held, x: f64) -> f64 {
    let mut parts = best.parts.clone();
    match held {
        Held::Nothing => {}
        Held::Mu(at) => parts[at].of.mu = x,
        Held::Sigma(at) => parts[at].of.sigma = x.exp(),
        Held::Weight(at) => {
            let weight = unlogit(x);
            let rest = (1.0 - weight) / (1.0 - parts[at].weight).max(f64::MIN_POSITIVE);
            for part in &mut parts {
                part.weight *= rest;
            }
            parts[at].weight = weight;
        }
    }
    best.log_likelihood - sample.near(parts, held).log_likelihood
}

fn simplex(family: &Family, times: &Times, design_effect: f64, names: &[(&str, bool)]) -> Vec<Number> {
    let lowest = times.lowest().unwrap_or(1.0);
    let (best, most) = (unbounded(family, lowest), log_likelihood(family, times));
    let step = 1.0 / (times.count() / design_effect).max(1.0).sqrt();
    let value_of = |at: usize, x: f64| {
        let mut moved = best.clone();
        moved[at] = x;
        match (bounded(family, &moved, lowest), at) {
            (Family::Shifted { shift, .. }, 0) => shift,
            (Family::Shifted { .. }, 1) => x.exp(),
            (Family::Shifted { rest, .. }, _) => rest.sigma,
            (Family::Gamma { shape, .. } | Family::Weibull { shape, .. }, 0) => shape,
            (Family::Gamma { scale, .. } | Family::Weibull { scale, .. }, _) => scale,
            (Family::Lognormal(_) | Family::Mixture(_), _) => x,
        }
    };
    let number = |(at, (name, is_time)): (usize, &(&str, bool))| {
        let lost = |x: f64| {
            let start: Vec<f64> = without(&best, at);
            let found = minimise(&start, &vec![2.0 * step; start.len()], |rest| {
                -log_likelihood(&bounded(family, &with(rest, at, x), lowest), times)
            });
            (most + found.value) / design_effect - LOSS
        };
        let interval = crossings(best[at], step, lost).map(|x| value_of(at, x));
        Number {
            name: (*name).to_owned(),
            is_time: *is_time,
            value: value_of(at, best[at]),
            interval,
            identifiable: Identifiable::of(interval),
        }
    };
    names.iter().enumerate().map(number).collect()
}

fn without(all: &[f64], at: usize) -> Vec<f64> {
    all.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, x)| *x).collect()
}

fn with(rest: &[f64], at: usize, x: f64) -> Vec<f64> {
    let mut all = rest.to_vec();
    all.insert(at, x);
    all
}

/// Where `over` becomes positive on both sides of `from`, at which it is negative; without bound where it stays negative.
fn crossings(from: f64, step: f64, over: impl Fn(f64) -> f64) -> Interval {
    let side = |direction: f64| {
        let (mut inside, mut length) = (from, step);
        for _ in 0..WIDENED_MAX {
            let outside = from + direction * length;
            if over(outside) > 0.0 {
                return halve(inside, outside, &over);
            }
            (inside, length) = (outside, length * 1.7);
        }
        direction * f64::INFINITY
    };
    Interval { low: side(-1.0), high: side(1.0) }
}

fn halve(mut inside: f64, mut outside: f64, over: &impl Fn(f64) -> f64) -> f64 {
    for _ in 0..HALVED {
        let middle = f64::midpoint(inside, outside);
        if over(middle) > 0.0 { outside = middle } else { inside = middle }
    }
    f64::midpoint(inside, outside)
}

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

fn unlogit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
