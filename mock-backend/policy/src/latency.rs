//! Latency distributions, all drawn by their inverse distribution function.
//!
//! Owns the named distributions, the one through given quantiles and the empirical one, their mean and their scaling. Refuses
//! randomness: the caller brings a number in (0, 1), so that a draw is keyed to what it is for and a distribution times k
//! draws exactly k times as much. Called by the gateway, the function pool, and the traffic's think times.

mod gamma;
mod line;
mod normal;

use crate::time::Span;

use self::gamma::GammaTable;
use self::line::{Line, slope};

pub use self::normal::inverse_normal;

/// A distribution of spans. Cheap to clone: tables are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// By which the shape's number is multiplied to get nanoseconds.
    scale: f64,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Always one.
    Constant,
    /// Median one; the standard deviation of the logarithm.
    Lognormal(f64),
    /// Mean one.
    Exponential,
    /// Mean one.
    Gamma(GammaTable),
    /// In (normal score, ln nanoseconds).
    Lines(Line),
    /// In (probability, nanoseconds), from probability zero to one.
    Empirical(Line),
}

/// Why numbers do not make a distribution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LatencyError {
    /// A median or mean of zero.
    #[error("a {what} of zero leaves nothing to spread; write a {what} above zero, or a constant of 0s")]
    Zero {
        /// Which number.
        what: &'static str,
    },
    /// Sigma is negative or not a number.
    #[error("sigma {0} is not the spread of a lognormal; write a number from 0 to 10, e.g. 0.5")]
    Sigma(f64),
    /// The shape is outside of what the table covers.
    #[error("shape {0} is not the shape of a gamma distribution here; write a number from 0.1 to 1000, e.g. 2")]
    Shape(f64),
    /// No quantile at all.
    #[error("no quantile is given; write at least one, e.g. p50: 24ms")]
    NoQuantile,
    /// A probability outside of (0, 1).
    #[error("p{} is not a quantile; write one above p0 and below p100, e.g. p50 or p99.9", percent(*.0))]
    Probability(f64),
    /// Probabilities are not in ascending order, or one is given twice.
    #[error("p{} comes after p{}; write each quantile once, in ascending order", percent(*.second), percent(*.first))]
    Order {
        /// The probability that came first.
        first: f64,
        /// The one that came next and is not larger.
        second: f64,
    },
    /// A quantile of zero has no logarithm.
    #[error("p{} is zero; write a time above zero, or a constant of 0s", percent(*.0))]
    ZeroQuantile(f64),
    /// A higher quantile is shorter than a lower one.
    #[error("p{} is {second_span}, which is below p{} with {first_span}; a higher quantile is never shorter", percent(*.second), percent(*.first))]
    Falling {
        /// The lower probability.
        first: f64,
        /// Its span.
        first_span: Span,
        /// The higher probability.
        second: f64,
        /// Its span, which is shorter.
        second_span: Span,
    },
    /// The histogram has no count above zero.
    #[error("the histogram counts nothing; give at least one bin with a count above zero")]
    EmptyHistogram,
    /// Upper bounds are not in ascending order.
    #[error("bin bound {second} comes after {first}; write the bins once each, in ascending order of their upper bounds")]
    BinOrder {
        /// The bound that came first.
        first: Span,
        /// The one that came next and is not larger.
        second: Span,
    },
}

impl Latency {
    /// Always `span`; zero is allowed.
    pub fn constant(span: Span) -> Self {
        Self { scale: span.as_ns() as f64, shape: Shape::Constant }
    }

    /// The logarithm is normal with standard deviation `sigma` (0 to 10), the median is `median`.
    pub fn lognormal(median: Span, sigma: f64) -> Result<Self, LatencyError> {
        if !(0.0..=10.0).contains(&sigma) {
            return Err(LatencyError::Sigma(sigma));
        }
        Ok(Self { scale: above_zero(median, "median")?, shape: Shape::Lognormal(sigma) })
    }

    /// Gamma with this mean; `shape` (0.1 to 1000) is the inverse square of the coefficient of variation.
    ///
    /// Its inverse is tabled when it is made (some milliseconds); relative error of a draw below 1e-6.
    pub fn gamma(mean: Span, shape: f64) -> Result<Self, LatencyError> {
        if !(0.1..=1_000.0).contains(&shape) {
            return Err(LatencyError::Shape(shape));
        }
        Ok(Self { scale: above_zero(mean, "mean")?, shape: Shape::Gamma(GammaTable::new(shape)) })
    }

    /// Exponential with this mean.
    pub fn exponential(mean: Span) -> Result<Self, LatencyError> {
        Ok(Self { scale: above_zero(mean, "mean")?, shape: Shape::Exponential })
    }

    /// Through the given quantiles `(p, span)`: straight lines between them in (normal score, logarithm), the outer ones
    /// extended. One quantile is a constant, two are exactly a lognormal.
    ///
    /// The probabilities ascend strictly within (0, 1); the spans are above zero and never fall.
    pub fn quantiles(quantiles: &[(f64, Span)]) -> Result<Self, LatencyError> {
        check_quantiles(quantiles)?;
        let knots: Vec<(f64, f64)> = quantiles.iter().map(|(p, span)| (inverse_normal(*p), (span.as_ns() as f64).ln())).collect();
        match knots.as_slice() {
            [] => Err(LatencyError::NoQuantile),
            [_] => Ok(Self::constant(quantiles[0].1)),
            [a, b] => {
                let sigma = slope(*a, *b);
                Ok(Self { scale: (a.1 - sigma * a.0).exp(), shape: Shape::Lognormal(sigma) })
            }
            _ => Ok(Self { scale: 1.0, shape: Shape::Lines(Line::through(&knots)) }),
        }
    }

    /// A histogram: the upper bound of each bin, and how many were counted in it; evenly spread within a bin.
    ///
    /// The bounds ascend strictly. The first bin begins at zero; put a bin with count zero before it to begin elsewhere.
    pub fn empirical(bins: &[(Span, u64)]) -> Result<Self, LatencyError> {
        for pair in bins.windows(2) {
            let (first, second) = (pair[0].0, pair[1].0);
            if second <= first {
                return Err(LatencyError::BinOrder { first, second });
            }
        }
        let total: u128 = bins.iter().map(|bin| u128::from(bin.1)).sum();
        if total == 0 {
            return Err(LatencyError::EmptyHistogram);
        }
        let mut counted = 0_u128;
        let mut knots = vec![(0.0, 0.0)];
        for (bound, count) in bins {
            counted += u128::from(*count);
            // An empty bin gives a knot of equal probability: there the inverse jumps over the bin.
            knots.push((counted as f64 / total as f64, bound.as_ns() as f64));
        }
        Ok(Self { scale: 1.0, shape: Shape::Empirical(Line::through(&knots)) })
    }

    /// The span below which the share `u` of the distribution lies, 0 < u < 1, rounded to the nanosecond; a uniform `u`
    /// makes it a draw.
    pub fn at(&self, u: f64) -> Span {
        let number = match &self.shape {
            Shape::Constant => 1.0,
            Shape::Lognormal(sigma) => (sigma * inverse_normal(u)).exp(),
            Shape::Exponential => -(-u).ln_1p(),
            Shape::Gamma(table) => table.at(inverse_normal(u)),
            Shape::Lines(line) => line.at(inverse_normal(u)).exp(),
            Shape::Empirical(line) => line.at(u),
        };
        // `as` cuts off, which with a half more rounds what is not below zero, and saturates: what is longer than time can be said is the longest.
        // `f64::round` is a call on processors that are not known to have the instruction, and this is in every draw.
        Span::from_ns((self.scale * number + 0.5) as u64)
    }

    /// This distribution with every quantile `k` times as long; `k` not above zero (or NaN) makes it the constant zero.
    pub fn scaled(&self, k: f64) -> Self {
        if k > 0.0 { Self { scale: self.scale * k, shape: self.shape.clone() } } else { Self::constant(Span::ZERO) }
    }

    /// The mean, in closed form.
    pub fn mean(&self) -> Span {
        let number = match &self.shape {
            Shape::Constant | Shape::Exponential | Shape::Gamma(_) => 1.0,
            Shape::Lognormal(sigma) => (sigma * sigma / 2.0).exp(),
            Shape::Lines(line) => line.normal_mean_of_exp(),
            Shape::Empirical(line) => line.integral(),
        };
        Span::from_ns((self.scale * number).round() as u64)
    }
}

fn above_zero(span: Span, what: &'static str) -> Result<f64, LatencyError> {
    if span == Span::ZERO { Err(LatencyError::Zero { what }) } else { Ok(span.as_ns() as f64) }
}

fn check_quantiles(quantiles: &[(f64, Span)]) -> Result<(), LatencyError> {
    for (p, span) in quantiles {
        if !(*p > 0.0 && *p < 1.0) {
            return Err(LatencyError::Probability(*p));
        }
        if *span == Span::ZERO {
            return Err(LatencyError::ZeroQuantile(*p));
        }
    }
    for pair in quantiles.windows(2) {
        let ((first, first_span), (second, second_span)) = (pair[0], pair[1]);
        if second <= first {
            return Err(LatencyError::Order { first, second });
        }
        if second_span < first_span {
            return Err(LatencyError::Falling { first, first_span, second, second_span });
        }
    }
    Ok(())
}

/// 0.999 as people write it after the letter p: 99.9.
fn percent(p: f64) -> f64 {
    (p * 1e8).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Span {
        Span::from_ms(ms)
    }

    fn every_kind() -> Vec<Latency> {
        vec![
            Latency::constant(ms(3)),
            Latency::lognormal(ms(50), 0.6).unwrap(),
            Latency::exponential(ms(20)).unwrap(),
            Latency::gamma(ms(20), 2.5).unwrap(),
            Latency::quantiles(&[(0.5, ms(24)), (0.99, ms(77))]).unwrap(),
            Latency::quantiles(&[(0.5, ms(24)), (0.95, ms(60)), (0.99, ms(100))]).unwrap(),
            Latency::empirical(&[(ms(5), 0), (ms(10), 70), (ms(20), 0), (ms(40), 30)]).unwrap(),
        ]
    }

    fn near(found: Span, expected: Span, relative: f64) -> bool {
        (found.as_secs_f64() - expected.as_secs_f64()).abs() <= relative * expected.as_secs_f64() + 1e-9
    }

    #[test]
    fn given_quantiles_are_met() {
        let given = [(0.1, ms(4)), (0.5, ms(24)), (0.95, ms(60)), (0.99, ms(300)), (0.999, ms(300))];
        for n in 1..=given.len() {
            let latency = Latency::quantiles(&given[..n]).unwrap();
            for (p, span) in &given[..n] {
                assert!(near(latency.at(*p), *span, 1e-9), "{n} quantiles, p{p}: {}", latency.at(*p));
            }
        }
    }

    #[test]
    fn two_quantiles_are_a_lognormal() {
        let lognormal = Latency::lognormal(ms(50), 0.6).unwrap();
        let through = Latency::quantiles(&[(0.3, lognormal.at(0.3)), (0.95, lognormal.at(0.95))]).unwrap();
        for u in [1e-6, 0.01, 0.4, 0.6, 0.9999] {
            assert!(near(through.at(u), lognormal.at(u), 1e-6), "{u}");
        }
        assert!(near(through.mean(), lognormal.mean(), 1e-6));
    }

    #[test]
    fn the_mean_is_the_mean_of_the_draws() {
        let n = 200_000;
        for latency in every_kind() {
            // Stratified, so that the test needs no luck.
            let total: f64 = (0..n).map(|i| latency.at((f64::from(i) + 0.5) / f64::from(n)).as_secs_f64()).sum();
            let mean = latency.mean().as_secs_f64();
            assert!((total / f64::from(n) / mean - 1.0).abs() < 2e-3, "{latency:?}: {}", total / f64::from(n));
        }
    }

    #[test]
    fn a_histogram_is_drawn_from_its_bins_and_never_from_empty_ones() {
        let latency = Latency::empirical(&[(ms(5), 0), (ms(10), 70), (ms(20), 0), (ms(40), 30), (ms(90), 0)]).unwrap();
        assert_eq!(latency.at(0.35), Span::from_us(7_500));
        assert_eq!(latency.at(0.70), ms(10));
        assert_eq!(latency.at(0.85), ms(30));
        let draws = Seed::new(1);
        for n in 0..10_000 {
            let span = latency.at(draws.unit(n));
            assert!((span > ms(5) && span <= ms(10)) || (span >= ms(20) && span <= ms(40)), "{span}");
        }
    }

    #[test]
    fn a_constant_is_exact_even_if_it_is_forever() {
        assert_eq!(Latency::constant(Span::MAX).at(0.5), Span::MAX);
        assert_eq!(Latency::constant(Span::ZERO).at(0.5), Span::ZERO);
        assert_eq!(Latency::constant(Span::from_ns(12_345_678_901)).mean(), Span::from_ns(12_345_678_901));
    }

    #[test]
    fn numbers_that_make_no_distribution_are_refused_with_the_cure() {
        let refusals = [
            Latency::lognormal(ms(0), 0.5).unwrap_err(),
            Latency::lognormal(ms(1), f64::NAN).unwrap_err(),
            Latency::lognormal(ms(1), -0.1).unwrap_err(),
            Latency::gamma(ms(1), 0.0).unwrap_err(),
            Latency::exponential(ms(0)).unwrap_err(),
            Latency::quantiles(&[]).unwrap_err(),
            Latency::quantiles(&[(1.0, ms(1))]).unwrap_err(),
            Latency::quantiles(&[(f64::NAN, ms(1))]).unwrap_err(),
            Latency::quantiles(&[(0.5, ms(1)), (0.5, ms(2))]).unwrap_err(),
            Latency::quantiles(&[(0.5, ms(0))]).unwrap_err(),
            Latency::quantiles(&[(0.5, ms(2)), (0.999, ms(1))]).unwrap_err(),
            Latency::empirical(&[]).unwrap_err(),
            Latency::empirical(&[(ms(1), 0)]).unwrap_err(),
            Latency::empirical(&[(ms(2), 1), (ms(1), 1)]).unwrap_err(),
        ];
        for refusal in &refusals {
            let text = refusal.to_string();
            assert!(["write", "give", "never"].iter().any(|cure| text.contains(cure)), "{text}");
        }
        assert_eq!(refusals[10].to_string(), "p99.9 is 1ms, which is below p50 with 2ms; a higher quantile is never shorter");
    }

    proptest! {
        #[test]
        fn a_larger_share_never_lies_below_a_shorter_span(a in 1e-15_f64..1.0, b in 1e-15_f64..1.0) {
            for latency in every_kind() {
                prop_assert!(latency.at(a.min(b)) <= latency.at(a.max(b)), "{:?}", latency);
            }
        }

        #[test]
        fn scaling_scales_every_quantile(u in 1e-9_f64..1.0, k in 0.01_f64..100.0) {
            for latency in every_kind() {
                let scaled = latency.scaled(k);
                // The unscaled draw was rounded to the nanosecond already.
                let gap = scaled.at(u).as_secs_f64() - latency.at(u).as_secs_f64() * k;
                prop_assert!(gap.abs() <= (1.0 + k) * 1e-9 + 1e-12 * scaled.at(u).as_secs_f64(), "{:?}", latency);
                prop_assert!(near(scaled.mean(), latency.mean().scaled(k), 1e-6));
            }
        }

        #[test]
        fn no_number_panics(u in proptest::num::f64::ANY, k in proptest::num::f64::ANY) {
            for latency in every_kind() {
                let _ = latency.scaled(k).at(u);
            }
        }
    }
}
