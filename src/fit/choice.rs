//! Which distribution times have: the family that explains them best and is not refuted by times that it has not seen.
//!
//! Owns the choice (method 4.2.2): families are fitted to every other batch, ordered by the Bayesian information criterion (G. Schwarz,
//! Annals of Statistics 6, 1978) of as many times as these are worth, and held against the other batches at p50 to p99 within 10 %. Where all are
//! refuted, a table of quantiles is kept, never beyond 1 - 10 / effective times. Refuses to name numbers of it (`profiled`).
//! Called by `client` and `joined`.

use super::family::Family;
use super::likelihood::{Kind, likeliest, log_likelihood};
use super::tail::Tail;
use super::times::{Batched, Times};
use crate::verdict::judge::{HOLDS_ALPHA, TAIL_EVENTS_MIN, VIOLATED_ALPHA};

/// Quantiles at which a family is held against the batches that were held out.
pub const CONFIRMED_AT: [f64; 4] = [0.5, 0.9, 0.95, 0.99];
/// Margin within which it must hold there.
const MARGIN: f64 = 0.1;
/// Points of a table.
const POINTS: u32 = 200;
/// From where on a table is a fitted tail, with so many points, if at least so many effective times lie there (method 4.2.2).
const TAIL_FROM: f64 = 0.99;
const TAIL_POINTS: u32 = 20;
const TAIL_EFFECTIVE_MIN: f64 = 100.0;
/// Effective times below which nothing is fitted.
pub const EFFECTIVE_MIN: f64 = 100.0;

/// A distribution that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// What it is.
    pub distribution: Distribution,
    /// How many times fewer independent times there were.
    pub design_effect: f64,
    /// How many there were, those that were given up included.
    pub count: f64,
    /// What the held-out half says at [`CONFIRMED_AT`].
    pub answers: [Heard; 4],
}

/// A family, or what was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Fitted to all batches.
    Family(Family),
    /// Quantiles: shares and nanoseconds, both rising; where enough times lie above p99, those beyond are of this tail.
    Table(Vec<(f64, f64)>, Option<Tail>),
}

/// What times that were held out say of a quantile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It lies within the margin.
    Holds,
    /// It does not.
    Refuted,
    /// They are too few.
    Undecided,
}

impl Chosen {
    /// As many independent times as there were.
    pub fn effective(&self) -> f64 {
        self.count / self.design_effect
    }

    /// In words: what it is, and how well it was confirmed.
    pub fn method(&self) -> String {
        let heard = |what: Heard| {
            let at = CONFIRMED_AT.iter().zip(self.answers).filter(|(_, answer)| *answer == what);
            at.map(|(p, _)| format!("p{}", p * 100.0)).collect::<Vec<_>>().join(", ")
        };
        match &self.distribution {
            Distribution::Family(family) => {
                let undecided = heard(Heard::Undecided);
                let confirmed = match (heard(Heard::Holds), undecided.is_empty()) {
                    (holds, true) => format!("{holds} confirmed on held-out batches"),
                    (holds, false) if holds.is_empty() => {
                        format!("not refuted on held-out batches, which are too few for {undecided}")
                    }
                    (holds, false) => format!("{holds} confirmed on held-out batches, which are too few for {undecided}"),
                };
                format!("maximum likelihood, {} chosen by BIC; {confirmed}", family.name())
            }
            Distribution::Table(points, tail) => {
                let last = points.last().map_or(0.0, |(p, _)| p * 100.0);
                let tail = tail.map_or_else(String::new, |tail| {
                    format!(", above p99 as the generalised Pareto tail with shape {:.2} that is fitted to them", tail.shape)
                });
                format!("quantiles as they were seen{tail}, up to p{last:.2}: every family is refuted on held-out batches")
            }
        }
    }
}

impl Distribution {
    /// The time below which the share `p` lies; `None` beyond a table.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        match self {
            Self::Family(family) => Some(family.quantile(p)),
            Self::Table(points, _) => {
                let at = points.iter().position(|(share, _)| *share >= p)?;
                let (share, ns) = points[at];
                let Some((before, lower)) = at.checked_sub(1).map(|at| points[at]) else { return Some(ns) };
                Some(lower + (ns - lower) * (p - before) / (share - before))
            }
        }
    }
}

/// The distribution of these times; `None` if they are worth too few.
pub fn choose(times: &Batched) -> Option<Chosen> {
    let design_effect = times.design_effect();
    let all = times.all();
    let count = all.count();
    if count / design_effect < EFFECTIVE_MIN {
        return None;
    }
    let (fitted_on, held_out) = times.halves();
    let half = fitted_on.all();
    let worth = (half.count() / design_effect).max(2.0);
    let scored = |kind: Kind| {
        let family = likeliest(kind, &half)?;
        let bic = -2.0 * log_likelihood(&family, &half) / design_effect + family.freedom() as f64 * worth.ln();
        Some((bic, kind, family))
    };
    let mut families: Vec<_> = Kind::ALL.into_iter().filter_map(scored).collect();
    families.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, kind, family) in families {
        let answers = CONFIRMED_AT.map(|p| hear(&held_out, p, family.quantile(p)));
        if answers.contains(&Heard::Refuted) {
            continue;
        }
        let distribution = Distribution::Family(likeliest(kind, &all).unwrap_or(family));
        return Some(Chosen { distribution, design_effect, count, answers });
    }
    Some(Chosen { distribution: table(&all, count / design_effect), design_effect, count, answers: [Heard::Refuted; 4] })
}

/// Quantiles of times that are worth so many, never beyond what these can tell.
fn table(times: &Times, effective: f64) -> Distribution {
    let rest = 10.0 / effective;
    let most = 1.0 - rest;
    let enough = (1.0 - TAIL_FROM) * effective >= TAIL_EFFECTIVE_MIN;
    let tail = enough.then(|| Tail::above(times, TAIL_FROM)).flatten();
    let point = |n: u32| {
        let p = most * f64::from(n) / f64::from(POINTS);
        times.quantile(p).map(|ns| (p, ns))
    };
    let mut points: Vec<(f64, f64)> = (1..=POINTS).map_while(point).collect();
    if let Some(tail) = tail {
        points.retain(|(p, _)| *p < TAIL_FROM);
        points.push((TAIL_FROM, tail.from));
        // In equal ratios of what lies beyond.
        let beyond = |n: u32| tail.share * (rest / tail.share).powf(f64::from(n) / f64::from(TAIL_POINTS));
        points.extend((1..=TAIL_POINTS).map(|n| 1.0 - beyond(n)).map(|p| (p, tail.quantile(p))));
    }
    Distribution::Table(points, tail)
}

/// What these times say of `ns` as their p-quantile, by the three-way rule (method 3.3).
pub fn hear(times: &Batched, p: f64, ns: f64) -> Heard {
    let tau = 1.0 - p;
    let (Some(at_low), Some(at_high)) = (times.share_above(ns * (1.0 - MARGIN)), times.share_above(ns * (1.0 + MARGIN))) else {
        return Heard::Undecided;
    };
    let upper_counts = tau * at_low.effective_trials(HOLDS_ALPHA) >= TAIL_EVENTS_MIN;
    if at_high.lower(VIOLATED_ALPHA) > tau || (upper_counts && at_low.upper(VIOLATED_ALPHA) < tau) {
        Heard::Refuted
    } else if upper_counts && at_high.upper(HOLDS_ALPHA) < tau && at_low.lower(HOLDS_ALPHA) > tau {
        Heard::Holds
    } else {
        Heard::Undecided
    }
}

/// The 95 % interval of the p-quantile itself, from the bounds of the share above each time (method 3.3); `None` if it has no upper end.
pub fn interval_of_quantile(times: &Batched, p: f64) -> Option<(f64, f64)> {
    let tau = 1.0 - p;
    let all = times.all();
    let like = times.share_above(all.quantile(p)?)?;
    let share = |ns: f64| crate::verdict::bounds::Share { events: all.above(ns), ..like };
    let edges: Vec<f64> = all.bins().map(|bin| bin.high).collect();
    let low = edges.partition_point(|ns| share(*ns).lower(0.025) > tau);
    let high = edges.partition_point(|ns| share(*ns).upper(0.025) >= tau);
    Some((*edges.get(low)?, *edges.get(high)?))
}
