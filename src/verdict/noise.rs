//! How much one run of a plan that varies differs from another, by the model: the interval of such a plan (method 3.6).
//!
//! Owns the interval for plans whose batches are not exchangeable (ramps, steps, spikes): many replications of exactly the same schedule
//! show how far a single run's statistic lies from the median of all, as a factor for a latency, as a difference of logits for a ratio. No
//! stationarity is needed, but the model's noise is trusted: what is concluded is conditional on the model. Refuses to simulate, and
//! quantities of which a run has too few events for that. Pure.

use crate::measure::assumption::Metric;

use super::beta::{normal_deviate, student_deviate};
use super::claim::Claim;
use super::judge::{HOLDS_ALPHA, VIOLATED_ALPHA};
use super::power::Power;

/// Replications that the method asks for; where they are too dear, fewer.
pub const REPLICATIONS: usize = 999;
/// Fewer than this say nothing.
const REPLICATIONS_MIN: usize = 8;
/// From here on the replications themselves are the distribution, below a normal one is taken.
const EMPIRICAL_FROM: usize = 199;
/// Levels are read off the replications where so many lie beyond, and extrapolated further out.
const BEYOND: f64 = 5.0;
/// A margin must be so many times one run's relative standard deviation to be decided by one run (method 3.6).
pub const SPREADS: f64 = 3.0;

/// The distribution of one run's statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    metric: Metric,
    /// Differences to the median on the statistic's own scale (logarithm, or logit), in order.
    differences: Vec<f64>,
    median: f64,
    deviation: f64,
}

impl Noise {
    /// From what each replication says of a quantity. `None` where that tells too little: too few of them, or one without a value, or a
    /// ratio that is 0 or 1 in one of them.
    pub fn of(metric: Metric, values: &[Option<f64>]) -> Option<Self> {
        if values.len() < REPLICATIONS_MIN {
            return None;
        }
        let mut scaled: Vec<f64> = values.iter().map(|value| scale(metric, (*value)?)).collect::<Option<_>>()?;
        scaled.sort_by(f64::total_cmp);
        let n = scaled.len() as f64;
        let middle = scaled.len() / 2;
        let median = if scaled.len() % 2 == 1 { scaled[middle] } else { f64::midpoint(scaled[middle - 1], scaled[middle]) };
        let mean = scaled.iter().sum::<f64>() / n;
        let deviation = (scaled.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        let differences = scaled.iter().map(|value| value - median).collect();
        Some(Self { metric, differences, median, deviation })
    }

    /// The median run's statistic: what the model predicts for a single run.
    pub fn median(&self) -> f64 {
        unscale(self.metric, self.median)
    }

    /// Standard error of that median: of a normal distribution, sqrt(pi / 2) times the mean's.
    pub fn standard_error(&self) -> f64 {
        let scaled = self.deviation * (std::f64::consts::FRAC_PI_2 / self.differences.len() as f64).sqrt();
        (unscale(self.metric, self.median + scaled) - self.median()).abs()
    }

    /// The standard deviation of one run's statistic, in the statistic's own unit.
    pub fn spread(&self) -> f64 {
        (unscale(self.metric, self.median + self.deviation) - self.median()).abs()
    }

    /// One-sided lower bound of what the median run would be, given one run's statistic.
    pub fn lower(&self, observed: f64, alpha: f64) -> f64 {
        self.moved(observed, self.beyond(alpha))
    }

    /// One-sided upper bound of the same.
    pub fn upper(&self, observed: f64, alpha: f64) -> f64 {
        self.moved(observed, self.below(alpha))
    }

    /// What one run of this plan decides of a claim: the share of the replications that would be found to hold, and of those that would be
    /// violated were they all two margins higher.
    pub fn power(&self, claim: &Claim) -> Power {
        let n = self.differences.len() as f64;
        let share = |met: &dyn Fn(f64) -> bool| self.differences.iter().filter(|it| met(**it)).count() as f64 / n;
        let run = |difference: f64| unscale(self.metric, self.median + difference);
        let holds = |difference: f64| {
            let observed = run(difference);
            claim.narrow.low.is_none_or(|low| self.lower(observed, HOLDS_ALPHA) >= low)
                && claim.narrow.high.is_none_or(|high| self.upper(observed, HOLDS_ALPHA) <= high)
        };
        let margin = claim.prediction.map_or(0.0, |it| (it.high - it.value).max(0.0));
        let two_margins = scale(self.metric, self.median() + 2.0 * margin).map_or(f64::INFINITY, |high| high - self.median);
        let violated = |difference: f64| {
            claim.wide.high.is_some_and(|high| self.lower(run(difference + two_margins), VIOLATED_ALPHA) > high)
        };
        Power { holds: share(&holds), violated: share(&violated) }
    }

    /// How many such runs together would decide a claim: their mean has a spread that is smaller by the square root of their number.
    pub fn runs_needed(&self, claim: &Claim) -> f64 {
        let (low, high) = claim.allowed;
        // Of a floor the upper end is that of all shares.
        let is_floor = matches!(self.metric, Metric::Ratio(_)) && low > 0.0 && high >= 1.0;
        let room = if is_floor { self.median() - low } else { high - self.median() };
        let margin = room.max(f64::MIN_POSITIVE);
        let ratio = SPREADS * self.spread() / margin;
        (ratio * ratio).ceil().max(1.0)
    }

    fn moved(&self, observed: f64, difference: f64) -> f64 {
        match scale(self.metric, observed) {
            Some(scaled) => unscale(self.metric, scaled - difference),
            // A ratio of 0 or 1 is as far out as its scale goes.
            None => observed,
        }
    }

    /// The difference that a share `alpha` of the runs exceeds.
    fn beyond(&self, alpha: f64) -> f64 {
        let n = self.differences.len();
        if n < EMPIRICAL_FROM {
            return self.of_few(alpha);
        }
        let known = alpha.max(BEYOND / n as f64);
        let at = self.differences[((1.0 - known) * n as f64).ceil() as usize - 1].max(0.0);
        at * normal_deviate(alpha) / normal_deviate(known)
    }

    /// The difference that a share `alpha` of the runs stays below.
    fn below(&self, alpha: f64) -> f64 {
        let n = self.differences.len();
        if n < EMPIRICAL_FROM {
            return -self.of_few(alpha);
        }
        let known = alpha.max(BEYOND / n as f64);
        let at = self.differences[((known * n as f64).floor() as usize).min(n - 1)].min(0.0);
        at * normal_deviate(alpha) / normal_deviate(known)
    }

    /// Of few runs the tails are not known: Student's t, for the next run beside a median that is itself uncertain.
    fn of_few(&self, alpha: f64) -> f64 {
        let n = self.differences.len() as f64;
        student_deviate(alpha, n - 1.0) * self.deviation * (1.0 + std::f64::consts::FRAC_PI_2 / n).sqrt()
    }
}

/// On which a run's noise adds; `None` of a value that has no place there.
fn scale(metric: Metric, value: f64) -> Option<f64> {
    let scaled = match metric {
        Metric::Latency(_) | Metric::Part(..) => value.ln(),
        Metric::Ratio(_) => (value / (1.0 - value)).ln(),
    };
    scaled.is_finite().then_some(scaled)
}

fn unscale(metric: Metric, scaled: f64) -> f64 {
    match metric {
        Metric::Latency(_) | Metric::Part(..) => scaled.exp(),
        Metric::Ratio(_) => 1.0 / (1.0 + (-scaled).exp()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::tests::assume;
    use super::*;
    use crate::measure::assumption::{Prediction, Ratio};
    use sluicegate_policy::seed::Seed;

    const P95: Metric = Metric::Latency(0.95);

    /// One run's p95 has this relative standard deviation around 100 ms.
    fn runs(seed: u64, deviation: f64, n: u64) -> Vec<Option<f64>> {
        let draws = Seed::new(seed);
        let run = |at| 100e6 * (deviation * normal_deviate(draws.unit(at).clamp(1e-9, 1.0 - 1e-9))).exp();
        (0..n).map(|at| Some(run(at))).collect()
    }

    #[test]
    fn the_interval_covers_the_median_as_often_as_it_says() {
        for n in [999, 60] {
            let noise = Noise::of(P95, &runs(1, 0.2, n)).unwrap();
            let others = runs(2, 0.2, 4_000);
            for (alpha, allowed) in [(0.05, 0.012), (0.01, 0.006)] {
                let share = |missed: &dyn Fn(f64) -> bool| others.iter().flatten().filter(|it| missed(**it)).count() as f64 / 4e3;
                let (low, high) = (share(&|it| noise.lower(it, alpha) > 100e6), share(&|it| noise.upper(it, alpha) < 100e6));
                assert!(
                    (low - alpha).abs() < allowed + 0.01 && (high - alpha).abs() < allowed + 0.01,
                    "{n} {alpha}: {low} {high}"
                );
            }
        }
    }

    #[test]
    fn levels_beyond_the_replications_are_wider_still() {
        let noise = Noise::of(P95, &runs(1, 0.2, 999)).unwrap();
        let bounds = [0.05, 0.01, 0.001, 1e-6].map(|alpha| noise.lower(100e6, alpha));
        assert!(bounds.windows(2).all(|pair| pair[1] < pair[0]), "{bounds:?}");
    }

    #[test]
    fn power_is_that_of_the_method() {
        // Method 3.6: one run that spreads by 22 % decides nothing within 25 %, one that spreads by 2.8 % holds within 15 %.
        let power = |deviation, margin| {
            let noise = Noise::of(P95, &runs(3, deviation, 999)).unwrap();
            let assumption = assume(P95, margin, 0.0);
            let value = noise.median();
            let (low, high) = assumption.allowed.band(P95, value);
            let prediction = Prediction { value, standard_error: noise.standard_error(), low, high, design_effect: 1.0 };
            let claim = Claim::of(&assumption, &prediction).unwrap();
            (noise.power(&claim), noise.runs_needed(&claim))
        };
        let (wide, needed) = power(0.22, 0.25);
        assert!(wide.holds < 0.05 && needed > 5.0, "{wide:?} {needed}");
        let (narrow, needed) = power(0.028, 0.15);
        assert!(narrow.holds > 0.98 && narrow.violated > 0.95 && needed < 1.5, "{narrow:?} {needed}");
    }

    #[test]
    fn ratios_move_on_their_logits_and_rare_ones_are_refused() {
        let ratio = Metric::Ratio(Ratio::Throttled);
        let draws = Seed::new(4);
        let values: Vec<Option<f64>> = (0..500).map(|at| Some(0.2 + 0.02 * (draws.unit(at) - 0.5))).collect();
        let noise = Noise::of(ratio, &values).unwrap();
        assert!((noise.median() - 0.2).abs() < 0.002);
        assert!(noise.lower(0.2, 0.05) > 0.18 && noise.upper(0.2, 0.05) < 0.22);
        assert_eq!(Noise::of(ratio, &[values.as_slice(), &[Some(0.0)]].concat()), None);
        assert_eq!(Noise::of(ratio, &values[..5]), None);
        assert_eq!(Noise::of(P95, &[vec![None], runs(1, 0.1, 20)].concat()), None);
    }
}
