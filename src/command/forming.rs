//! The verdicts of a run that still goes on, as they would be if it ended now.
//!
//! Owns what of a claim can be known before the end. Refuses to decide anything: whoever looks again and again sees more wrong answers than the
//! method allows one look, and only the last one counts. Called by the live view.

use sluicegate_policy::time::{Instant, Span};

use super::by_seconds::Kept;
use super::predict::Predicted;
use crate::measure::assumption::{Assumption, Metric, Prediction, Ratio};
use crate::measure::kept::KeptSeconds;
use crate::measure::record::Verdict;
use crate::verdict::judge::unjudged;
use crate::verdict::{Claim, Context, Course, Judged, Phase, decide};

/// What nobody tells before the end.
const AT_THE_END: &str = "told by the gateway or its log at the end of the run";

/// What is claimed, with what the model predicts of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Forming {
    claims: Vec<Expected>,
    warmup: Span,
    varies: bool,
}

/// A claim.
#[derive(Clone, Debug)]
struct Expected {
    assumption: Assumption,
    prediction: Option<Prediction>,
    planned_power: Option<f64>,
}

impl Forming {
    /// Of these claims, in the order of the predictions.
    pub(super) fn of(assumptions: &[Assumption], predicted: &Predicted, course: Course) -> Self {
        let known = predicted.predictions.iter().zip(&predicted.powers);
        let claims = assumptions.iter().zip(known).map(|(assumption, (prediction, (power, _)))| Expected {
            assumption: assumption.clone(),
            prediction: *prediction,
            planned_power: power.planned_power,
        });
        Self { claims: claims.collect(), warmup: predicted.phase.warmup, varies: course == Course::Varying }
    }

    /// What would be said of each if the run ended at this instant.
    pub(super) fn verdicts(&self, seconds: &KeptSeconds, until: Instant) -> Vec<Verdict> {
        // The second that is still going on has no part in it.
        let end = Span::from_secs(until.second()).max(self.warmup);
        let phase = Phase { warmup: self.warmup, end };
        decide(self.claims.iter().map(|expected| self.judged(expected, seconds, phase)).collect())
    }

    fn judged(&self, expected: &Expected, seconds: &KeptSeconds, phase: Phase) -> Judged {
        let Expected { assumption, prediction, planned_power } = expected;
        let course = if self.varies { Course::Varying } else { Course::Steady };
        let context = Context { phase, course, planned_power: *planned_power, noise: None };
        let Some(claim) = Claim::about(assumption, prediction.as_ref()) else {
            return unjudged(
                assumption,
                None,
                &context,
                "the model predicts no value for it, so that there is nothing to hold it against",
            );
        };
        match assumption.metric {
            Metric::Part(..) | Metric::Ratio(Ratio::Told(..)) => return unjudged(assumption, Some(&claim), &context, AT_THE_END),
            Metric::Latency(_) | Metric::Ratio(Ratio::Throttled | Ratio::Errors | Ratio::ErrorsOf(_)) => {}
        }
        let first = u32::try_from(phase.warmup.as_ns().div_ceil(1_000_000_000)).unwrap_or(u32::MAX);
        let kept = Kept {
            rows: &|event| seconds.rows(assumption.series, event, first),
            times: &|| seconds.admitted(assumption.series, first),
        };
        kept.judge(&claim, &context)
    }
}
