//! An assumption with its prediction: what is claimed, and at which lines it is counted.
//!
//! Owns the translation of both kinds of assumption into shares: a latency quantile is the claim that the share of slower
//! actions crosses 1 - p between the ends of the band, a ratio is a share itself. Owns the allowance for the model's own
//! error: the band is narrower by two standard errors for "holds" and wider by as much for "violated" (method 3.3). Refuses
//! predictions that are no numbers. Called by `judge`, `power` and `predict`.

use sluicegate_policy::time::Span;

use crate::measure::assumption::{Assumption, Edge, Event, Metric, Prediction};
use crate::measure::record::Unit;

/// A proven pair of assumption and prediction.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// What is assumed.
    pub assumption: &'a Assumption,
    /// What the model says of it.
    pub prediction: &'a Prediction,
    /// The band in which "holds" must be proven.
    pub narrow: Band,
    /// The band outside which "violated" must be proven.
    pub wide: Band,
}

/// The ends of a band; an end is absent where the quantity cannot lie beyond it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// A line at which a share is counted, and the value that it is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// What is counted.
    pub edge: Edge,
    /// The share that the counted one must lie above (at a lower end) or below (at an upper end).
    pub limit: f64,
}

/// The lines at the four ends of a claim's two bands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends<T> {
    /// Lower end for "holds".
    pub narrow_low: Option<T>,
    /// Upper end for "holds".
    pub narrow_high: Option<T>,
    /// Lower end for "violated".
    pub wide_low: Option<T>,
    /// Upper end for "violated".
    pub wide_high: Option<T>,
}

impl<'a> Claim<'a> {
    /// `None` if the prediction is not made of numbers.
    pub fn of(assumption: &'a Assumption, prediction: &'a Prediction) -> Option<Self> {
        let numbers = [prediction.value, prediction.low, prediction.high];
        if !numbers.iter().all(|number| number.is_finite()) || prediction.standard_error.is_nan() {
            return None;
        }
        let top = match assumption.metric {
            Metric::Latency(_) => f64::INFINITY,
            Metric::Ratio(_) => 1.0,
        };
        let moved = |by: f64| Band {
            // At zero and at one there is nothing beyond, so that the model's error cannot matter there.
            low: (prediction.low > 0.0).then_some(prediction.low + by).filter(|low| *low > 0.0),
            high: (prediction.high < top).then_some(prediction.high - by).filter(|high| *high < top),
        };
        let allowance = 2.0 * prediction.standard_error.max(0.0);
        Some(Self { assumption, prediction, narrow: moved(allowance), wide: moved(-allowance) })
    }

    /// The unit of its numbers.
    pub const fn unit(&self) -> Unit {
        match self.assumption.metric {
            Metric::Latency(_) => Unit::Ns,
            Metric::Ratio(_) => Unit::Share,
        }
    }

    /// The rarer share on which the gate counts its effective events: 1 - p, or the smaller of the ratio and its complement.
    ///
    /// `None` where one end of a ratio's band is the end of all shares (predicted zero, or close to it): then the claim is
    /// "at most so many", and no event at all can prove it (method 3.8, predicted 0).
    pub fn gated_share(&self) -> Option<f64> {
        match self.assumption.metric {
            Metric::Latency(p) => Some(1.0 - p),
            Metric::Ratio(_) => {
                let value = self.prediction.value;
                (self.narrow.low.is_some() && self.narrow.high.is_some()).then(|| value.min(1.0 - value))
            }
        }
    }

    /// Where it is counted, and against what.
    pub fn lines(&self) -> Ends<Line> {
        Ends {
            narrow_low: self.narrow.low.map(|end| self.line(end)),
            narrow_high: self.narrow.high.map(|end| self.line(end)),
            wide_low: self.wide.low.map(|end| self.line(end)),
            wide_high: self.wide.high.map(|end| self.line(end)),
        }
    }

    /// The line at the predicted value itself.
    pub fn line_at_value(&self) -> Line {
        self.line(self.prediction.value)
    }

    fn line(&self, end: f64) -> Line {
        let series = self.assumption.series;
        match self.assumption.metric {
            Metric::Latency(p) => {
                // A float beyond the range of a span saturates: slower than everything is never counted.
                let limit = Span::from_ns(end.round() as u64);
                Line { edge: Edge { series, event: Event::SlowerThan(limit) }, limit: 1.0 - p }
            }
            Metric::Ratio(ratio) => Line { edge: Edge { series, event: Event::Ratio(ratio) }, limit: end },
        }
    }
}

impl<T> Ends<T> {
    /// The ends that exist, lower before upper, narrow before wide.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.narrow_low, &self.narrow_high, &self.wide_low, &self.wide_high].into_iter().flatten()
    }

    /// What both have at each end.
    pub fn zip<U>(self, other: Ends<U>) -> Ends<(T, U)> {
        Ends {
            narrow_low: self.narrow_low.zip(other.narrow_low),
            narrow_high: self.narrow_high.zip(other.narrow_high),
            wide_low: self.wide_low.zip(other.wide_low),
            wide_high: self.wide_high.zip(other.wide_high),
        }
    }

    /// The same for each end; `None` if it fails for one.
    pub fn try_map<U>(&self, f: impl Fn(&T) -> Option<U>) -> Option<Ends<U>> {
        let end = |end: &Option<T>| end.as_ref().map_or(Some(None), |end| f(end).map(Some));
        Some(Ends {
            narrow_low: end(&self.narrow_low)?,
            narrow_high: end(&self.narrow_high)?,
            wide_low: end(&self.wide_low)?,
            wide_high: end(&self.wide_high)?,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::measure::assumption::{Margin, Ratio};

    /// An assumption about everything.
    pub(crate) fn assume(metric: Metric, relative: f64, absolute: f64) -> Assumption {
        Assumption { series: None, metric, margin: Margin { relative, absolute }, name: format!("all {metric}") }
    }

    /// A prediction without error, with the band of the assumption's margin.
    pub(crate) fn predict(assumption: &Assumption, value: f64) -> Prediction {
        let (low, high) = assumption.margin.band(assumption.metric, value);
        Prediction { value, standard_error: 0.0, low, high, design_effect: 1.0 }
    }

    #[test]
    fn the_models_error_narrows_one_band_and_widens_the_other() {
        let assumption = assume(Metric::Latency(0.95), 0.1, 0.0);
        let prediction = Prediction { standard_error: 1e6, ..predict(&assumption, 100e6) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let near = |band: Band, low: f64, high: f64| {
            band.low.is_some_and(|x| (x - low).abs() < 1.0) && band.high.is_some_and(|x| (x - high).abs() < 1.0)
        };
        assert!(near(claim.narrow, 92e6, 108e6) && near(claim.wide, 88e6, 112e6), "{claim:?}");
    }

    #[test]
    fn predicted_zero_has_no_lower_end_and_no_gate() {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.1, 0.01);
        let prediction = Prediction { standard_error: 0.001, ..predict(&assumption, 0.0) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        assert_eq!((claim.narrow.low, claim.wide.low, claim.gated_share()), (None, None, None));
    }

    #[test]
    fn predictions_that_are_no_numbers_are_refused() {
        let assumption = assume(Metric::Latency(0.5), 0.1, 0.0);
        for value in [f64::NAN, f64::INFINITY] {
            assert!(Claim::of(&assumption, &predict(&assumption, value)).is_none());
        }
    }
}
