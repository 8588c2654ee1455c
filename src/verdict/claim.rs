//! An assumption with its prediction: what is claimed, and at which lines it is counted.
//!
//! Owns the translation of both kinds of assumption into shares: a latency quantile is the claim that the share of slower
//! actions crosses 1 - p between the ends of the band, a ratio is a share itself. Owns the allowance for the model's own
//! error: the band is narrower by two standard errors for "holds" and wider by as much for "violated" (method 3.3); where an earlier run
//! stands in the model's place, by what that run's own noise asks for among all claims. A ceiling or a floor has
//! no such allowance, and can be judged without a prediction. Of errors that may be one party's or another's, those that surely
//! are count towards a lower bound and those that may be towards an upper one; of a part of a latency that is known in whole milliseconds likewise.
//! Of a latency, what lies in the same histogram bucket as an end of a band counts as that which may be, too: then the times that a run keeps
//! tell the very counts that the run was judged by, always to the side of "inconclusive". Where a bucket is wider than a tenth of the margin, ends
//! are taken as they are, and kept times tell too little (method 3.3). Refuses
//! predictions that are no numbers. Called by `judge`, `power` and `predict`.

use sluicegate_policy::time::Span;

use crate::measure::assumption::{Allowed, Assumption, Edge, Event, Metric, Party, Prediction, Ratio};
use crate::measure::intervals::bucket_ends;
use crate::measure::record::Unit;

use super::beta::normal_deviate;
use super::judge::VIOLATED_ALPHA;

/// Standard errors of the prediction by which the band is narrower and wider (method 3.3).
const MODEL_DEVIATES: f64 = 2.0;

/// A margin is this many times as wide as a histogram's bucket, or more, where kept times are to tell it (method 3.3).
pub const BUCKETS_IN_MARGIN: f64 = 10.0;

/// A proven pair of assumption and prediction.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// What is assumed.
    pub assumption: &'a Assumption,
    /// What the model says of it; a ceiling can do without.
    pub prediction: Option<&'a Prediction>,
    /// Whose prediction it is.
    pub reference: Reference,
    /// The band that is allowed.
    pub allowed: (f64, f64),
    /// The band in which "holds" must be proven.
    pub narrow: Band,
    /// The band outside which "violated" must be proven.
    pub wide: Band,
}

/// Whose value stands as the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The model's, from its replications.
    Model,
    /// An earlier run's, which is as noisy as any run.
    EarlierRun,
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
            (None, Allowed::AtMost(_) | Allowed::AtLeast(_)) => Some(Self::without(assumption, Reference::Model)),
        }
    }

    /// What is claimed of a run after another, which gave the prediction; `None` as in [`about`](Self::about).
    ///
    /// For "violated" the band is wider by so many of the earlier run's standard errors that its noise alone breaks one of `family` claims
    /// with a probability of 1 % at most (Bonferroni), and never by fewer than the method's two: Holm's correction divides the level of the later
    /// run's bounds, and cannot reach into a value that is given.
    pub fn after_run(assumption: &'a Assumption, prediction: Option<&'a Prediction>, family: usize) -> Option<Self> {
        match (prediction, assumption.allowed) {
            // What an earlier run says of a ceiling proves nothing of how its events come in bursts.
            (_, Allowed::AtMost(_) | Allowed::AtLeast(_)) => Some(Self::without(assumption, Reference::EarlierRun)),
            (None, Allowed::Within(_)) => None,
            (Some(prediction), Allowed::Within(_)) => {
                let claim = Self::of(assumption, prediction)?;
                let deviates = normal_deviate(VIOLATED_ALPHA / family.max(1) as f64).max(MODEL_DEVIATES);
                let error = prediction.standard_error.max(0.0);
                let allowances = (MODEL_DEVIATES * error, deviates * error);
                Some(Self {
                    reference: Reference::EarlierRun,
                    ..Self::between(assumption, claim.prediction, (claim.allowed, allowances))
                })
            }
        }
    }

    /// A ceiling or a floor without a prediction.
    fn without(assumption: &'a Assumption, reference: Reference) -> Self {
        let allowed = assumption.allowed.band(assumption.metric, 0.0);
        Self { reference, ..Self::between(assumption, None, (allowed, (0.0, 0.0))) }
    }

    /// `None` if the prediction is not made of numbers.
    pub fn of(assumption: &'a Assumption, prediction: &'a Prediction) -> Option<Self> {
        let numbers = [prediction.value, prediction.low, prediction.high];
        if !numbers.iter().all(|number| number.is_finite()) || prediction.standard_error.is_nan() {
            return None;
        }
        let allowance = match assumption.allowed {
            Allowed::Within(_) => MODEL_DEVIATES * prediction.standard_error.max(0.0),
            Allowed::AtMost(_) | Allowed::AtLeast(_) => 0.0,
        };
        Some(Self::between(assumption, Some(prediction), ((prediction.low, prediction.high), (allowance, allowance))))
    }

    /// `allowances` are those of "holds" and of "violated".
    fn between(
        assumption: &'a Assumption,
        prediction: Option<&'a Prediction>,
        (allowed, allowances): ((f64, f64), (f64, f64)),
    ) -> Self {
        let top = match assumption.metric {
            Metric::Latency(_) | Metric::Part(..) => f64::INFINITY,
            Metric::Ratio(_) => 1.0,
        };
        let (low, high) = allowed;
        let moved = |by: f64| Band {
            // At zero and at one there is nothing beyond, so that the model's error cannot matter there.
            low: (low > 0.0).then_some(low + by).filter(|low| *low > 0.0),
            high: (high < top).then_some(high - by).filter(|high| *high < top),
        };
        let (narrow, wide) = (moved(allowances.0), moved(-allowances.1));
        Self { assumption, prediction, reference: Reference::Model, allowed, narrow, wide }
    }

    /// How far the model shows that events come in bursts; 1 where it shows nothing.
    pub fn design_effect(&self) -> f64 {
        self.prediction.map_or(1.0, |prediction| prediction.design_effect)
    }

    /// The prediction's own error; none of a ceiling or a floor.
    pub fn standard_error(&self) -> f64 {
        match self.assumption.allowed {
            Allowed::Within(_) => self.prediction.map_or(0.0, |prediction| prediction.standard_error),
            Allowed::AtMost(_) | Allowed::AtLeast(_) => 0.0,
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
    /// events come in bursts, and an earlier run without events knows it no better: then the end of the band itself is the share, and the run
    /// must be long enough to have shown them.
    pub fn gated_share(&self) -> Option<f64> {
        match self.assumption.metric {
            Metric::Latency(p) | Metric::Part(_, p) => Some(1.0 - p),
            Metric::Ratio(_) => {
                let end = || self.one_end().min(1.0 - self.one_end());
                let Some(value) = self.prediction.map(|prediction| prediction.value) else { return Some(end()) };
                match (self.narrow.low.is_some() && self.narrow.high.is_some(), self.reference) {
                    (true, _) => Some(value.min(1.0 - value)),
                    (false, Reference::EarlierRun) => Some(end()),
                    (false, Reference::Model) => None,
                }
            }
        }
    }

    /// The end of the band that is no end of all values; the upper one if both are such.
    fn one_end(&self) -> f64 {
        match self.assumption.metric {
            Metric::Ratio(_) if self.allowed.1 >= 1.0 => self.allowed.0,
            Metric::Ratio(_) | Metric::Latency(_) | Metric::Part(..) => self.allowed.1,
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

    /// The line at the predicted value itself; of a ceiling or a floor without one, there.
    pub fn line_at_value(&self) -> Line {
        self.line(self.prediction.map_or(self.one_end(), |prediction| prediction.value), Bound::Lower)
    }

    fn line(&self, end: f64, bound: Bound) -> Line {
        let series = self.assumption.series;
        match self.assumption.metric {
            Metric::Latency(p) => {
                // A float beyond the range of a span saturates: slower than everything is never counted.
                let exact = end.round() as u64;
                let (first, last) = bucket_ends(exact);
                let margin = (self.allowed.1 - self.allowed.0) / 2.0;
                let is_fine = (last - first + 1) as f64 * BUCKETS_IN_MARGIN <= margin;
                let limit = match bound {
                    _ if !is_fine || last == exact => exact,
                    Bound::Lower => last,
                    Bound::Upper => first.saturating_sub(1),
                };
                Line { edge: Edge { series, event: Event::SlowerThan(Span::from_ns(limit)) }, limit: 1.0 - p }
            }
            Metric::Part(part, p) => {
                let limit = Span::from_ns(end.round() as u64);
                let event = match bound {
                    Bound::Lower => Event::PartAbove(part, limit),
                    Bound::Upper => Event::PartPerhapsAbove(part, limit),
                };
                Line { edge: Edge { series, event }, limit: 1.0 - p }
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

    /// The same, borrowed.
    pub fn as_deref(&self) -> Ends<&T::Target>
    where
        T: std::ops::Deref,
    {
        Ends {
            narrow_low: self.narrow_low.as_deref(),
            narrow_high: self.narrow_high.as_deref(),
            wide_low: self.wide_low.as_deref(),
            wide_high: self.wide_high.as_deref(),
        }
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
    fn a_latency_is_counted_at_ends_of_buckets_and_never_in_favour_of_an_answer() {
        let assumption = assume(Metric::Latency(0.95), 0.1, 0.0);
        let prediction = Prediction { standard_error: 0.3e6, ..predict(&assumption, 101.3e6) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let lines = claim.lines();
        let limit = |line: Option<Line>| match line.expect("it has this end").edge.event {
            Event::SlowerThan(limit) => limit.as_ns(),
            other => panic!("{other:?}"),
        };
        let (narrow, wide) =
            ((limit(lines.narrow_low), limit(lines.narrow_high)), (limit(lines.wide_low), limit(lines.wide_high)));
        for (counted, end, is_above) in [
            (narrow.0, claim.narrow.low, true),
            (narrow.1, claim.narrow.high, false),
            (wide.0, claim.wide.low, false),
            (wide.1, claim.wide.high, true),
        ] {
            let off = counted as f64 - end.expect("it has this end");
            assert_eq!(bucket_ends(counted).1, counted, "a kept time lies on one side of it");
            assert!(off.abs() < 1e-3 * counted as f64 && (off >= 0.0) == is_above, "{counted} for {end:?}");
        }
    }

    #[test]
    fn a_latency_with_a_margin_of_a_few_buckets_is_counted_at_the_very_ends() {
        let assumption = assume(Metric::Latency(0.95), 0.1, 0.0);
        let prediction = predict(&assumption, 20_000.0);
        let lines = Claim::of(&assumption, &prediction).expect("numbers").lines();
        let at = |line: Option<Line>| line.map(|line| line.edge.event);
        let slower = |ns| Some(Event::SlowerThan(Span::from_ns(ns)));
        assert_eq!((at(lines.narrow_low), at(lines.wide_high)), (slower(18_000), slower(22_000)));
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
