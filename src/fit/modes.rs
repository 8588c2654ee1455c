//! A slow mode that lies apart from the rest: what a cold start looks like from outside.
//!
//! Owns when a mode counts as one: its share can be known, and its median lies far from the next. Refuses to call it a cold start
//! (`client` and `joined` do, with a caution). Called by these.

use super::choice::{Chosen, Distribution};
use super::family::{Component, Family};
use super::identified::Identifiable;
use super::parts::Moments;
use super::profiled::{Number, weight};
use super::times::Batched;

/// Least distance of the logarithms of two medians, in the sum of the two sigmas, for modes that lie apart.
const APART: f64 = 1.5;

/// The slow mode, and what is left without it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slow {
    /// Its share, with interval.
    pub weight: Number,
    /// Its own mean and variance.
    pub own: Moments,
    /// Those of the rest.
    pub rest: Moments,
    /// The rest's distribution.
    pub fast: Family,
}

/// The slowest mode of a chosen distribution, if there is one that lies apart.
pub fn slow(chosen: &Chosen, times: &Batched) -> Option<Slow> {
    let Distribution::Family(Family::Mixture(parts)) = &chosen.distribution else { return None };
    let (slow, rest) = parts.split_last()?;
    let before = rest.last()?;
    let apart = slow.of.mu - before.of.mu > APART * (slow.of.sigma + before.of.sigma);
    if !apart || slow.weight > 0.5 {
        return None;
    }
    let weight = weight(parts, parts.len() - 1, &times.all(), chosen.design_effect);
    if weight.identifiable != Identifiable::Yes {
        return None;
    }
    let n = chosen.effective();
    let fast = match rest {
        [only] => Family::Lognormal(only.of),
        _ => Family::Mixture(
            rest.iter().map(|part| Component { weight: part.weight / (1.0 - slow.weight), of: part.of }).collect(),
        ),
    };
    let own = of_fitted(&Family::Lognormal(slow.of), n * slow.weight);
    Some(Slow { own, rest: of_fitted(&fast, n * (1.0 - slow.weight)), fast, weight })
}

/// Mean and variance of a distribution that was fitted to so many independent times.
fn of_fitted(family: &Family, n: f64) -> Moments {
    let (mean, variance) = family.moments();
    // The fourth moment of a lognormal with the same first two (Johnson, Kotz, Balakrishnan, "Continuous univariate distributions", 14.3).
    let w = 1.0 + variance / (mean * mean);
    let kurtosis = w.powi(4) + 2.0 * w.powi(3) + 3.0 * w.powi(2) - 3.0;
    Moments { mean, mean_error: variance / n, variance, variance_error: variance * variance * (kurtosis - 1.0).max(2.0) / n }
}
