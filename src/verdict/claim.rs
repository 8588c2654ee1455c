//! An assumption with its prediction: what is claimed, and at which lines it is counted.
//!
//! Owns the translation of both kinds of assumption into shares: a latency quantile is the claim that the share of slower
//! actions crosses 1 - p between the ends of the band, a ratio is a share itself. Owns the allowance for the model's own
//! error: the band is narrower by two standard errors for "holds" and wider by as much for "violated" (method 3.3). A ceiling has
//! no such allowance, and can be judged without a prediction. Of errors that may be one party's or another's, those that surely
//! are count towards a lower bound and those that may be towards an upper one. Refuses predictions that are no numbers. Called by `judge`, `power` and `predict`.

use sluicegate_policy::time::Span;

use crate::measure::assumption::{Allowed, Assumption, Edge, Event, Metric, Party, Prediction, Ratio};
use crate::measure::record::Unit;

/// A proven pair of assumption and prediction.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// What is assumed.
    pub assumption: &'a Assumption,
    /// What the model says of it; a ceiling can do without.
    pub prediction: Option<&'a Prediction>,
    /// The band that is allowed.
    pub allowed: (f64, f64),
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

/// Which bound of the counted share a line is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// There are at least so many: only what is sure counts.
    Lower,
    /// There are at most so many: what may be counts, too.
    Upper,
}

impl<'a> Claim<'a> {
    /// `None` if there is no prediction and it takes one, or if that is not made of numbers.
    pub fn about(assumption: &'a Assumption, prediction: Option<&'a Prediction>) -> Option<Self> {
        match (prediction, assumption.allowed) {
            (Some(prediction), _) => Self::of(assumption, prediction),
            (None, Allowed::Within(_)) => None,
            (None, Allowed::AtMost(ceiling)) => Some(Self::between(assumption, None, ((0.0, ceiling), 0.0))),
        }
    }

    /// `None` if the prediction is not made of numbers.
    pub fn of(assumption: &'a Assumption, prediction: &'a Prediction) -> Option<Self> {
        let numbers = [prediction.value, prediction.low, prediction.high];
        if !numbers.iter().all(|number| number.is_finite()) || prediction.standard_error.is_nan() {
            return None;
        }
        let allowance = match assumption.allowed {
            Allowed::Within(_) => 2.0 * prediction.standard_error.max(0.0),
            Allowed::AtMost(_) => 0.0,
        };
        Some(Self::between(assumption, Some(prediction), ((prediction.low, prediction.high), allowance)))
    }

    fn between(assumption: &'a Assumption, prediction: Option<&'a Prediction>, (allowed, allowance): ((f64, f64), f64)) -> Self {
        let top = match assumption.metric {
            Metric::Latency(_) => f64::INFINITY,
            Metric::Ratio(_) => 1.0,
        };
        let (low, high) = allowed;
        let moved = |by: f64| Band {
            // At zero and at one there is nothing beyond, so that the model's error cannot matter there.
            low: (low > 0.0).then_some(low + by).filter(|low| *low > 0.0),
            high: (high < top).then_some(high - by).filter(|high| *high < top),
        };
        Self { assumption, prediction, allowed, narrow: moved(allowance), wide: moved(-allowance) }
    }

    /// How far the model shows that events come in bursts; 1 where it shows nothing.
    pub fn design_effect(&self) -> f64 {
        self.prediction.map_or(1.0, |prediction| prediction.design_effect)
    }

    /// The model's own error; none of a ceiling.
    pub fn standard_error(&self) -> f64 {
        match self.assumption.allowed {
            Allowed::Within(_) => self.prediction.map_or(0.0, |prediction| prediction.standard_error),
            Allowed::AtMost(_) => 0.0,
        }
    }

    /// The unit of its numbers.
    pub const fn unit(&self) -> Unit {
        self.assumption.metric.unit()
    }

    /// The rarer share on which the gate counts its effective events: 1 - p, or the smaller of the ratio and its complement.
    ///
    /// `None` where one end of a ratio's band is the end of all shares (predicted zero, or close to it): then the claim is
    /// "at most so many", and no event at all can prove it (method 3.8, predicted 0). Without a model nothing is known of how such
    /// events come in bursts: then the ceiling itself is the share, and the run must be long enough to have shown them.
    pub fn gated_share(&self) -> Option<f64> {
        match self.assumption.metric {
            Metric::Latency(p) => Some(1.0 - p),
            Metric::Ratio(_) => {
                let Some(value) = self.prediction.map(|prediction| prediction.value) else {
                    return Some(self.allowed.1.min(1.0 - self.allowed.1));
                };
                (self.narrow.low.is_some() && self.narrow.high.is_some()).then(|| value.min(1.0 - value))
            }
        }
    }

    /// Where it is counted, and against what.
    pub fn lines(&self) -> Ends<Line> {
        Ends {
            narrow_low: self.narrow.low.map(|end| self.line(end, Bound::Lower)),
            narrow_high: self.narrow.high.map(|end| self.line(end, Bound::Upper)),
            wide_low: self.wide.low.map(|end| self.line(end, Bound::Upper)),
            wide_high: self.wide.high.map(|end| self.line(end, Bound::Lower)),
        }
    }

    /// The line at the predicted value itself; of a ceiling without one, there.
    pub fn line_at_value(&self) -> Line {
        self.line(self.prediction.map_or(self.allowed.1, |prediction| prediction.value), Bound::Lower)
    }

    fn line(&self, end: f64, bound: Bound) -> Line {
        let series = self.assumption.series;
        match self.assumption.metric {
            Metric::Latency(p) => {
                // A float beyond the range of a span saturates: slower than everything is never counted.
                let limit = Span::from_ns(end.round() as u64);
                Line { edge: Edge { series, event: Event::SlowerThan(limit) }, limit: 1.0 - p }
            }
            Metric::Ratio(ratio) => {
                let event = match (ratio, bound) {
                    (Ratio::ErrorsOf(party @ (Party::Gateway | Party::Integration)), Bound::Upper) => Event::PerhapsOf(party),
                    _ => Event::Ratio(ratio),
                };
                Line { edge: Edge { series, event }, limit: end }
            }
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
    use crate::measure::assumption::Margin;

    /// An assumption about everything.
    pub(crate) fn assume(metric: Metric, relative: f64, absolute: f64) -> Assumption {
        Assumption {
            series: None,
            metric,
            allowed: Allowed::Within(Margin { relative, absolute }),
            name: format!("all {metric}"),
        }
    }

    /// A prediction without error, with the band of the assumption's margin.
    pub(crate) fn predict(assumption: &Assumption, value: f64) -> Prediction {
        let (low, high) = assumption.allowed.band(assumption.metric, value);
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
    fn a_ceiling_stands_whatever_the_model_says_and_without_one() {
        let assumption = Assumption { allowed: Allowed::AtMost(0.01), ..assume(Metric::Ratio(Ratio::Errors), 0.0, 0.0) };
        let prediction = Prediction { standard_error: 0.3, ..predict(&assumption, 0.5) };
        let (with, without) = (Claim::about(&assumption, Some(&prediction)), Claim::about(&assumption, None));
        for claim in [with.expect("a claim"), without.expect("a claim")] {
            assert_eq!((claim.narrow, claim.wide), (Band { low: None, high: Some(0.01) }, Band { low: None, high: Some(0.01) }));
        }
        let gates = [with, without].map(|claim| claim.and_then(|claim| claim.gated_share()));
        assert_eq!(gates, [None, Some(0.01)], "without a model nobody knows of bursts");
        assert!(Claim::about(&assume(Metric::Ratio(Ratio::Errors), 0.1, 0.0), None).is_none());
    }

    #[test]
    fn what_may_be_somebody_else_s_counts_towards_the_upper_bound_alone() {
        let assumption = assume(Metric::Ratio(Ratio::ErrorsOf(Party::Gateway)), 0.0, 0.01);
        let prediction = predict(&assumption, 0.05);
        let lines = Claim::of(&assumption, &prediction).expect("numbers").lines();
        let event = |line: Option<Line>| line.map(|line| line.edge.event);
        let (sure, perhaps) = (Some(Event::Ratio(Ratio::ErrorsOf(Party::Gateway))), Some(Event::PerhapsOf(Party::Gateway)));
        assert_eq!((event(lines.narrow_low), event(lines.narrow_high)), (sure, perhaps));
        assert_eq!((event(lines.wide_low), event(lines.wide_high)), (perhaps, sure));
    }

    #[test]
    fn predictions_that_are_no_numbers_are_refused() {
        let assumption = assume(Metric::Latency(0.5), 0.1, 0.0);
        for value in [f64::NAN, f64::INFINITY] {
            assert!(Claim::of(&assumption, &predict(&assumption, value)).is_none());
        }
    }
}
