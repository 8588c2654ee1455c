//! Latencies in a few buckets, with their sum and number.
//!
//! Owns the bounds. Refuses quantiles: whoever reads the metrics computes them, as Prometheus does.

use sluicegate_policy::time::Span;

/// Upper bounds of the buckets in milliseconds, from a mock integration to a function that times out.
pub(super) const BOUNDS_MS: [u64; 16] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 29_000, 30_000];

/// How many latencies were at most as long as each bound, and all of them together.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// By the first bound that is not below; not summed up.
    within: [u64; BOUNDS_MS.len()],
    count: u64,
    sum_ns: u64,
}

impl Histogram {
    /// One more latency.
    pub(super) fn add(&mut self, latency: Span) {
        let ns = latency.as_ns();
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
        let at = BOUNDS_MS.partition_point(|bound| bound * 1_000_000 < ns);
        if let Some(within) = self.within.get_mut(at) {
            *within += 1;
        }
    }

    /// Those of `other`, too.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        for (mine, theirs) in self.within.iter_mut().zip(other.within) {
            *mine += theirs;
        }
    }

    /// Each bound and how many latencies are not above it.
    pub(super) fn up_to(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut sum = 0;
        BOUNDS_MS.into_iter().zip(self.within).map(move |(bound, within)| {
            sum += within;
            (bound, sum)
        })
    }

    /// How many.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Their sum in milliseconds.
    pub(super) fn sum_ms(&self) -> f64 {
        self.sum_ns as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_within_its_bound_and_all_above() {
        let mut histogram = Histogram::default();
        for us in [0, 1_000, 1_001, 40_000_000] {
            histogram.add(Span::from_us(us));
        }
        let mut twice = histogram.clone();
        twice.merge(&histogram);
        let up_to: Vec<_> = twice.up_to().collect();
        assert_eq!(up_to[..2], [(1, 4), (2, 6)]);
        assert_eq!(up_to[15], (30_000, 6));
        assert_eq!((twice.count(), twice.sum_ms()), (8, 80_004.002));
    }
}
