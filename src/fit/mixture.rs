//! Mixtures of lognormal distributions by expectation and maximisation; one component is the censored lognormal itself.
//!
//! Owns the iteration (A. Dempster, N. Laird, D. Rubin, "Maximum likelihood from incomplete data via the EM algorithm", Journal of the
//! Royal Statistical Society B 39, 1977): of times that were given up, what is missing is their length; of all, the component
//! they come from. Refuses components of less than 0.2 % or 30 times, and spreads below 0.02 (method 4.2.2). Bins are half a
//! percent wide, so that their middle stands for them here. Called by `likelihood` and `profiled`.

use statrs::function::erf::erfc;

use super::family::{Component, Normal};
use super::times::Times;

/// Narrowest spread of a logarithm that a component may have.
pub(super) const SIGMA_MIN: f64 = 0.02;
/// Smallest share of a component.
const WEIGHT_MIN: f64 = 0.002;
/// Fewest times of a component.
const COUNT_MIN: f64 = 30.0;
/// Iterations of each start, and of the best of them.
const TRIED: usize = 60;
const FINISHED: usize = 3_000;
/// Gain of the log-likelihood in one iteration below which it has converged; near enough to compare it with a loss of two.
const GAIN_MIN: f64 = 1e-7;
const GAIN_NEAR: f64 = 1e-4;
/// Where the starts cut the times: the share of the upper part, for two components; of the upper two, for three.
const CUTS_OF_TWO: [f64; 5] = [0.005, 0.02, 0.1, 0.3, 0.6];
const CUTS_OF_THREE: [(f64, f64); 5] = [(0.005, 0.05), (0.02, 0.2), (0.1, 0.4), (0.3, 0.6), (0.01, 0.5)];

/// What stays as it is while the rest moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Held {
    /// Nothing.
    Nothing,
    /// The weight of this component.
    Weight(usize),
    /// The median of this component.
    Mu(usize),
    /// The spread of this component.
    Sigma(usize),
}

/// Times as the iteration wants them: logarithms.
pub(super) struct Sample {
    /// Middle of each bin, and how many.
    seen: Vec<(f64, f64)>,
    /// How long those that were given up had lasted, and how many.
    censored: Vec<(f64, f64)>,
    total: f64,
}

/// A mixture, and its log-likelihood up to a constant of the sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Converged {
    pub(super) parts: Vec<Component>,
    pub(super) log_likelihood: f64,
}

/// What belongs to one component, around its old median.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: f64,
    first: f64,
    second: f64,
}

impl Sample {
    pub(super) fn of(times: &Times) -> Self {
        Self {
            seen: times.bins().map(|bin| (0.5 * (bin.low.ln() + bin.high.ln()), bin.count)).collect(),
            censored: times.censored().map(|(ns, count)| (ns.ln(), count)).collect(),
            total: times.count(),
        }
    }

    /// Converges from `parts`, which keep their order; what is `held` stays.
    fn converge(&self, parts: Vec<Component>, held: Held, (iterations, gain_min): (usize, f64)) -> Converged {
        let mut now = Converged { parts, log_likelihood: f64::NEG_INFINITY };
        for _ in 0..iterations {
            let (sums, log_likelihood) = self.expect(&now.parts);
            let gain = log_likelihood - now.log_likelihood;
            now.log_likelihood = log_likelihood;
            if gain < gain_min {
                break;
            }
            maximise(&mut now.parts, &sums, held);
        }
        now
    }

    /// Converges to the end.
    pub(super) fn finish(&self, parts: Vec<Component>, held: Held) -> Converged {
        self.converge(parts, held, (FINISHED, GAIN_MIN))
    }

    /// Converges so far that the log-likelihood is known to a fraction of what an interval asks for.
    pub(super) fn near(&self, parts: Vec<Component>, held: Held) -> Converged {
        self.converge(parts, held, (FINISHED, GAIN_NEAR))
    }

    /// The best of `count` components (1 to 3); `None` if the times do not carry as many.
    pub(super) fn mixture(&self, count: usize) -> Option<Vec<Component>> {
        let starts: Vec<Vec<Component>> = match count {
            1 => vec![self.cut(&[])?],
            2 => CUTS_OF_TWO.iter().filter_map(|upper| self.cut(&[1.0 - upper])).collect(),
            _ => CUTS_OF_THREE.iter().filter_map(|(top, upper)| self.cut(&[1.0 - upper, 1.0 - top])).collect(),
        };
        let tried = starts.into_iter().map(|parts| self.converge(parts, Held::Nothing, (TRIED, GAIN_MIN)));
        let best = tried.max_by(|a, b| a.log_likelihood.total_cmp(&b.log_likelihood))?;
        let mut parts = self.finish(best.parts, Held::Nothing).parts;
        parts.sort_by(|a, b| a.of.mu.total_cmp(&b.of.mu));
        let carried = |part: &Component| part.weight >= WEIGHT_MIN && part.weight * self.total >= COUNT_MIN;
        (count == 1 || parts.iter().all(carried)).then_some(parts)
    }

    /// A component for each part of the times between these shares; `None` if one of them would be empty.
    fn cut(&self, shares: &[f64]) -> Option<Vec<Component>> {
        let seen: f64 = self.seen.iter().map(|(_, count)| count).sum();
        let mut sums = vec![Sums::default(); shares.len() + 1];
        let mut passed = 0.0;
        for (z, count) in &self.seen {
            let part = shares.iter().filter(|share| passed >= **share * seen).count();
            let sum = &mut sums[part];
            (sum.count, sum.first, sum.second) = (sum.count + count, sum.first + count * z, sum.second + count * z * z);
            passed += count;
        }
        let part = |sum: &Sums| {
            let mean = sum.first / sum.count;
            let sigma = (sum.second / sum.count - mean * mean).max(0.0).sqrt().max(SIGMA_MIN);
            Component { weight: sum.count / seen, of: Normal { mu: mean, sigma } }
        };
        sums.iter().all(|sum| sum.count > 0.0).then(|| sums.iter().map(part).collect())
    }

    /// Deals the times out to the components; the log-likelihood of these.
    fn expect(&self, parts: &[Component]) -> (Vec<Sums>, f64) {
        let mut sums = vec![Sums::default(); parts.len()];
        let mut shares = vec![0.0; parts.len()];
        let mut log_likelihood = 0.0;
        for (z, count) in &self.seen {
            for (share, part) in shares.iter_mut().zip(parts) {
                let score = (z - part.of.mu) / part.of.sigma;
                *share = part.weight / part.of.sigma * (-0.5 * score * score).exp();
            }
            log_likelihood += count * deal(&mut shares);
            for ((sum, share), part) in sums.iter_mut().zip(&shares).zip(parts) {
                let (mine, off) = (count * share, z - part.of.mu);
                (sum.count, sum.first, sum.second) = (sum.count + mine, sum.first + mine * off, sum.second + mine * off * off);
            }
        }
        for (z, count) in &self.censored {
            for (share, part) in shares.iter_mut().zip(parts) {
                *share = part.weight * above((z - part.of.mu) / part.of.sigma) * std::f64::consts::TAU.sqrt();
            }
            log_likelihood += count * deal(&mut shares);
            for ((sum, share), part) in sums.iter_mut().zip(&shares).zip(parts) {
                let (mine, sigma) = (count * share, part.of.sigma);
                // Moments of a normal variable that is known to lie above a score.
                let score = (z - part.of.mu) / sigma;
                let hazard = hazard(score);
                let (first, second) = (sigma * hazard, sigma * sigma * (1.0 + score * hazard));
                (sum.count, sum.first, sum.second) = (sum.count + mine, sum.first + mine * first, sum.second + mine * second);
            }
        }
        (sums, log_likelihood)
    }
}

/// Makes shares of the densities; the logarithm of their sum.
fn deal(shares: &mut [f64]) -> f64 {
    let sum = shares.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    for share in shares {
        *share /= sum;
    }
    sum.ln()
}

fn maximise(parts: &mut [Component], sums: &[Sums], held: Held) {
    let total: f64 = sums.iter().map(|sum| sum.count).sum();
    let kept = match held {
        Held::Weight(at) => Some((at, parts[at].weight)),
        Held::Nothing | Held::Mu(_) | Held::Sigma(_) => None,
    };
    for (at, (part, sum)) in parts.iter_mut().zip(sums).enumerate() {
        part.weight = match kept {
            None => sum.count / total,
            Some((held, weight)) if held == at => weight,
            Some((held, weight)) => (1.0 - weight) * sum.count / (total - sums[held].count).max(f64::MIN_POSITIVE),
        };
        if sum.count <= f64::MIN_POSITIVE {
            continue;
        }
        let off = if held == Held::Mu(at) { 0.0 } else { sum.first / sum.count };
        part.of.mu += off;
        if held != Held::Sigma(at) {
            // Around the new median: the old one is where the sums were taken.
            let variance = sum.second / sum.count - 2.0 * off * sum.first / sum.count + off * off;
            part.of.sigma = variance.max(0.0).sqrt().max(SIGMA_MIN);
        }
    }
}

/// The share of the standard normal distribution above `z`.
fn above(z: f64) -> f64 {
    0.5 * erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The normal density over the share above; far out, where both vanish, its asymptote (DLMF 7.12.1).
fn hazard(z: f64) -> f64 {
    if z > 20.0 { z + 1.0 / z } else { (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() / above(z) }
}
