//! Parts of a time that were measured apart: what may be subtracted, and whether parts depend on each other.
//!
//! Owns means and variances with their errors, their subtraction for data that are not joined (method 4.2.4), and Spearman's rank
//! correlation for data that are (4.2.3). Refuses to subtract quantiles: the difference of two p99 is no p99 (4.3, F5). Called by
//! `client` and `joined`.

use super::identified::Interval;
use super::times::Batched;

/// The normal deviate of a 95 % interval.
const DEVIATE: f64 = 1.96;

/// Mean and variance of a time, in nanoseconds and their square, with their variances of estimation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// By how much the mean may be off: the variance of its estimate.
    pub mean_error: f64,
    /// Variance.
    pub variance: f64,
    /// The variance of its estimate.
    pub variance_error: f64,
}

impl Moments {
    /// Of a number that is taken as it is: documented, not measured here.
    pub const fn documented(mean: f64, variance: f64) -> Self {
        Self { mean, mean_error: 0.0, variance, variance_error: 0.0 }
    }

    /// Of what came to an end in these batches; their differences say how far to trust it.
    pub fn of(times: &Batched) -> Option<Self> {
        let (mean, variance) = times.all().moments()?;
        let total = times.all().seen();
        let batches = times.batches().len() as f64;
        let (mut mean_error, mut variance_error) = (0.0, 0.0);
        for batch in times.batches() {
            let Some((own, spread)) = batch.moments() else { continue };
            let weight = batch.seen() / total;
            mean_error += (weight * (own - mean)).powi(2);
            // Around the common mean, so that batches that differ count.
            variance_error += (weight * (spread + (own - mean).powi(2) - variance)).powi(2);
        }
        let correction = batches / (batches - 1.0);
        Some(Self { mean, mean_error: correction * mean_error, variance, variance_error: correction * variance_error })
    }

    /// What is left of this when an independent part is taken out; a variance is not left below zero.
    pub fn less(self, part: Self) -> Self {
        Self {
            mean: self.mean - part.mean,
            mean_error: self.mean_error + part.mean_error,
            variance: (self.variance - part.variance).max(0.0),
            variance_error: self.variance_error + part.variance_error,
        }
    }

    /// Both together, if they are independent.
    pub fn plus(self, part: Self) -> Self {
        Self {
            mean: self.mean + part.mean,
            mean_error: self.mean_error + part.mean_error,
            variance: self.variance + part.variance,
            variance_error: self.variance_error + part.variance_error,
        }
    }

    /// 95 % interval of the mean.
    pub fn mean_interval(&self) -> Interval {
        Interval::around(self.mean, DEVIATE * self.mean_error.sqrt())
    }

    /// 95 % interval of the standard deviation.
    pub fn deviation_interval(&self) -> Interval {
        Interval::around(self.variance, DEVIATE * self.variance_error.sqrt()).map(f64::sqrt)
    }
}

/// Spearman's rank correlation, ties at their middle rank; `None` for fewer than three pairs, or if one side never changes.
pub fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let (left, right) = (ranks(pairs.iter().map(|pair| pair.0)), ranks(pairs.iter().map(|pair| pair.1)));
    let middle = f64::midpoint(pairs.len() as f64, 1.0);
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum() };
    let spread = (product(&left, &left) * product(&right, &right)).sqrt();
    (spread > 0.0).then(|| product(&left, &right) / spread)
}

fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    for group in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let middle = from as f64 + f64::midpoint(group.len() as f64, 1.0);
        for at in group {
            ranks[*at] = middle;
        }
        from += group.len();
    }
    ranks
}
