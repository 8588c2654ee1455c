//! The tail of a distribution that no family has: what lies above a high quantile.
//!
//! Owns the fit (method 4.2.2): excesses over a threshold have a generalised Pareto distribution (J. Pickands, Annals of Statistics 3, 1975), of which
//! probability-weighted moments tell scale and shape (J. Hosking, J. Wallis, Technometrics 29, 1987). Refuses tails in which something was given
//! up. Called by `choice`.

use super::times::{Bin, Times};

/// What lies above a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// The threshold, in nanoseconds.
    pub from: f64,
    /// The share of all times that lies above it.
    pub share: f64,
    /// Scale of the excess, in nanoseconds.
    pub scale: f64,
    /// Its shape: zero is exponential, above it the tail is heavier.
    pub shape: f64,
}

impl Tail {
    /// The tail above the p-quantile; `None` if times in it were given up, or if it is no such tail.
    pub fn above(times: &Times, p: f64) -> Option<Self> {
        if times.censored().any(|(_, count)| count > 0.0) {
            return None;
        }
        let from = times.quantile(p)?;
        let count = times.above(from);
        let (mut below, mut mean, mut weighted) = (0.0, 0.0, 0.0);
        for Bin { low, high, count: all } in times.bins().filter(|bin| bin.high > from) {
            let own = all * ((high - from) / (high - low)).clamp(0.0, 1.0);
            let excess = f64::midpoint(low.max(from), high) - from;
            mean += own * excess / count;
            weighted += own * excess * (1.0 - (below + own / 2.0) / count) / count;
            below += own;
        }
        let rest = mean - 2.0 * weighted;
        if rest <= 0.0 || mean <= 0.0 {
            return None;
        }
        let (scale, shape) = (2.0 * mean * weighted / rest, 2.0 - mean / rest);
        // The moments' errors exist up to a shape of one half; at minus one the tail is even up to its end, and beyond that it rises.
        (-1.2..0.5).contains(&shape).then_some(Self { from, share: 1.0 - p, scale, shape })
    }

    /// The time below which the share `p` of all times lies; for shares above that of the threshold.
    pub fn quantile(&self, p: f64) -> f64 {
        let beyond = (1.0 - p) / self.share;
        let excess = if self.shape.abs() < 1e-6 { -beyond.ln() } else { (beyond.powf(-self.shape) - 1.0) / self.shape };
        self.from + self.scale * excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(n: u32, quantile: impl Fn(f64) -> f64) -> Times {
        let mut times = Times::default();
        times.extend((0..n).map(|k| quantile((f64::from(k) + 0.5) / f64::from(n))));
        times
    }

    #[test]
    fn scale_and_shape_are_found_and_the_quantiles_with_them() {
        // 50 ms and an exponential excess of 10 ms in the mean; and a Pareto tail with shape 0.25.
        let exponential = |p: f64| 50e6 - 10e6 * (1.0 - p).ln();
        let pareto = |p: f64| 50e6 + 10e6 * ((1.0 - p).powf(-0.25) - 1.0) / 0.25;
        for (quantile, shape) in [(&exponential as &dyn Fn(f64) -> f64, 0.0), (&pareto, 0.25)] {
            let tail = Tail::above(&times(200_000, quantile), 0.99).expect("a tail");
            assert!((tail.shape - shape).abs() < 0.06, "{tail:?}");
            for p in [0.995, 0.999, 0.9998] {
                assert!((tail.quantile(p) / quantile(p) - 1.0).abs() < 0.02, "{p}: {} for {}", tail.quantile(p), quantile(p));
            }
        }
    }

    #[test]
    fn what_was_given_up_has_no_tail_that_could_be_fitted() {
        let mut cut = times(20_000, |p| 50e6 - 10e6 * (1.0 - p).ln());
        cut.add_censored(100e6, 3.0);
        assert_eq!(Tail::above(&cut, 0.99), None);
        assert_eq!(Tail::above(&Times::default(), 0.99), None);
        assert_eq!(
            Tail::above(&times(10_000, |_| 50e6), 0.99).filter(|tail| tail.quantile(0.999) > 51e6),
            None,
            "one value has none"
        );
    }
}
