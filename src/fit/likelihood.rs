//! The likeliest member of each family.
//!
//! Owns the likelihood of binned and right-censored times, and its maximum: for lognormals and their mixtures by `mixture`, for the
//! others by the simplex. Refuses to choose between families (`choice`). Called by `choice` and `profiled`.

use super::family::{Family, Normal};
use super::minimise::minimise;
use super::mixture::{SIGMA_MIN, Sample};
use super::times::Times;

/// Families that are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Family::Lognormal`].
    Lognormal,
    /// [`Family::Shifted`].
    Shifted,
    /// [`Family::Gamma`].
    Gamma,
    /// [`Family::Weibull`].
    Weibull,
    /// [`Family::Mixture`] of two.
    MixtureOfTwo,
    /// [`Family::Mixture`] of three.
    MixtureOfThree,
}

impl Kind {
    /// All, the simpler before the others.
    pub const ALL: [Self; 6] =
        [Self::Lognormal, Self::Gamma, Self::Weibull, Self::Shifted, Self::MixtureOfTwo, Self::MixtureOfThree];
}

/// Smallest probability that a bin is given: one time in an impossible place does not decide everything.
const PROBABILITY_MIN: f64 = 1e-300;

/// The log-likelihood of the times: each bin by its probability, each time that was given up by that of lasting longer.
pub fn log_likelihood(family: &Family, times: &Times) -> f64 {
    let mut edge = (f64::NAN, (0.0, 1.0));
    let mut at = |x: f64| {
        // Neighbours share an edge, up to rounding.
        if (edge.0 - x).abs() > 1e-9 * x || edge.0.is_nan() {
            edge = (x, family.tails(x));
        }
        edge.1
    };
    let seen: f64 = times
        .bins()
        .map(|bin| {
            let ((below, above), (next_below, next_above)) = (at(bin.low), at(bin.high));
            let probability = if next_below < 0.5 { next_below - below } else { above - next_above };
            bin.count * probability.max(PROBABILITY_MIN).ln()
        })
        .sum();
    seen + times.censored().map(|(ns, count)| count * family.above(ns).max(PROBABILITY_MIN).ln()).sum::<f64>()
}

/// The likeliest of its kind; `None` if the times do not carry one.
pub fn likeliest(kind: Kind, times: &Times) -> Option<Family> {
    let sample = Sample::of(times);
    let one = sample.mixture(1)?[0].of;
    match kind {
        Kind::Lognormal => Some(Family::Lognormal(one)),
        Kind::MixtureOfTwo => sample.mixture(2).map(Family::Mixture),
        Kind::MixtureOfThree => sample.mixture(3).map(Family::Mixture),
        Kind::Shifted => Some(descended(&Family::Shifted { shift: 0.5 * times.lowest()?, rest: one }, times)),
        Kind::Gamma => {
            let shape = (1.0 / (one.sigma * one.sigma)).clamp(0.05, 2_000.0);
            Some(descended(&Family::Gamma { shape, scale: one.moments().0 / shape }, times))
        }
        Kind::Weibull => {
            Some(descended(&Family::Weibull { shape: 1.2 / one.sigma, scale: (one.mu + one.sigma / 2.0).exp() }, times))
        }
    }
}

/// The likeliest of the same family, from this one on.
fn descended(from: &Family, times: &Times) -> Family {
    let lowest = times.lowest().unwrap_or(1.0);
    let start = unbounded(from, lowest);
    let steps = vec![0.3; start.len()];
    let against = |at: &[f64]| -log_likelihood(&bounded(from, at, lowest), times);
    let first = minimise(&start, &steps, against);
    // Once more from there: a simplex may have come together too early.
    let second = minimise(&first.at, &vec![0.1; start.len()], against);
    bounded(from, &second.at, lowest)
}

/// Its numbers, each of which may be any number: logarithms, and of a shift its place below the lowest time.
pub(super) fn unbounded(family: &Family, lowest: f64) -> Vec<f64> {
    match family {
        Family::Lognormal(normal) => vec![normal.mu, normal.sigma.ln()],
        Family::Shifted { shift, rest } => {
            let place = (shift / lowest).clamp(1e-6, 1.0 - 1e-9);
            vec![(place / (1.0 - place)).ln(), rest.mu, rest.sigma.ln()]
        }
        Family::Gamma { shape, scale } | Family::Weibull { shape, scale } => vec![shape.ln(), scale.ln()],
        Family::Mixture(_) => Vec::new(),
    }
}

/// The family of the kind of `like` with these numbers; kept within what its functions can compute.
pub(super) fn bounded(like: &Family, at: &[f64], lowest: f64) -> Family {
    let positive = |ln: f64| ln.clamp(-60.0, 60.0).exp();
    let normal = |at: &[f64]| Normal { mu: at[0], sigma: at[1].clamp(-60.0, 3.0).exp().max(SIGMA_MIN) };
    match like {
        Family::Lognormal(_) => Family::Lognormal(normal(at)),
        Family::Shifted { .. } => Family::Shifted { shift: lowest / (1.0 + (-at[0]).exp()), rest: normal(&at[1..]) },
        Family::Gamma { .. } => Family::Gamma { shape: at[0].clamp(-4.0, 9.0).exp(), scale: positive(at[1]) },
        Family::Weibull { .. } => Family::Weibull { shape: at[0].clamp(-4.0, 6.0).exp(), scale: positive(at[1]) },
        Family::Mixture(parts) => Family::Mixture(parts.clone()),
    }
}
