//! A claim judged by what was kept of each second of a run, which has times to within a bucket.
//!
//! Owns when that is too coarse. Refuses statistics (`verdict`) and to know where the seconds come from. Called by `compare` and `forming`.

use std::borrow::Cow;

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use crate::measure::assumption::{Allowed, Event, Metric};
use crate::measure::kept::bucket_width;
use crate::report;
use crate::verdict::claim::{BUCKETS_IN_MARGIN, Line};
use crate::verdict::judge::{Judged, Observed, Times, judge_claim, unjudged};
use crate::verdict::{Claim, Context};

/// What was kept of the series and part that a claim is about.
pub(super) struct Kept<'a> {
    /// Events and trials of each second, from the run's first on.
    pub(super) rows: &'a dyn Fn(Event) -> Vec<(u32, u32)>,
    /// Times of what was admitted and did not fail.
    pub(super) times: &'a dyn Fn() -> Histogram<u64>,
}

impl Kept<'_> {
    /// Judges a claim by it.
    pub(super) fn judge(&self, claim: &Claim, context: &Context) -> Judged {
        if let Some(why) = too_coarse(claim) {
            return unjudged(claim.assumption, Some(claim), context, why);
        }
        let at_ends = claim.lines().try_map(|line: &Line| Some((self.rows)(line.edge.event))).expect("every line has rows");
        let times = matches!(claim.assumption.metric, Metric::Latency(_))
            .then(|| Times { histogram: Cow::Owned((self.times)()), trials: trials(&(self.rows)(Event::SlowerThan(Span::MAX))) });
        judge_claim(claim, &Observed { rows: at_ends.as_deref(), times }, context)
    }
}

/// Trials of all seconds.
pub(super) fn trials(rows: &[(u32, u32)]) -> u64 {
    rows.iter().map(|row| u64::from(row.1)).sum()
}

/// Kept times are not exact: why a margin is too narrow for them, if it is.
fn too_coarse(claim: &Claim) -> Option<String> {
    let (Allowed::Within(_), Some(prediction)) = (claim.assumption.allowed, claim.prediction) else { return None };
    let margin = prediction.high - prediction.value;
    let widths = claim
        .lines()
        .iter()
        .filter_map(|line| match line.edge.event {
            Event::SlowerThan(limit) => Some(bucket_width(limit).as_ns() as f64),
            Event::Ratio(_) | Event::PerhapsOf(_) | Event::PartAbove(..) | Event::PartPerhapsAbove(..) => None,
        })
        .fold(0.0, f64::max);
    (widths * BUCKETS_IN_MARGIN > margin).then(|| {
        format!(
            "kept times are known within {}, and the margin is only {}: it must be {BUCKETS_IN_MARGIN} times as wide",
            report::quantity::duration(widths),
            report::quantity::duration(margin)
        )
    })
}
