//! What was tried again, in the model and in the run, side by side.
//!
//! Owns putting together what the clients decided and what was recorded of it. Refuses to judge. Called by `predict`, `simulate` and
//! `rehearsal`.

use crate::load::retry::Tally;
use crate::measure::attempts::Attempts;
use crate::measure::record::{RetriesRecord, RetryRecord};
use crate::measure::{Recorder, summary};
use crate::sim::SimSummary;

/// What replications of one model tried again, in the mean; `None` if nothing is.
pub(super) fn predicted(recorded: &Attempts, summaries: &[&SimSummary]) -> Option<RetryRecord> {
    let tally = summaries.iter().filter_map(|summary| summary.retried).reduce(Tally::and)?;
    Some(record(recorded, tally, summaries.len() as u64))
}

/// The attempts of all replications together.
pub(super) fn together<'a>(mut recorders: impl Iterator<Item = &'a Recorder>) -> Option<Attempts> {
    let first = recorders.next()?.attempts().clone();
    Some(recorders.fold(first, |mut all, one| {
        all.merge(one.attempts());
        all
    }))
}

/// What the lanes of a drive tried again; `None` if nothing is.
pub(super) fn observed(recorder: &Recorder, tally: Option<Tally>) -> Option<RetryRecord> {
    tally.map(|tally| record(recorder.attempts(), tally, 1))
}

/// Both worlds; `None` if nothing is tried again.
pub(super) fn both(predicted: Option<RetryRecord>, observed: Option<RetryRecord>) -> Option<RetriesRecord> {
    (predicted.is_some() || observed.is_some()).then_some(RetriesRecord { predicted, observed })
}

fn record(attempts: &Attempts, tally: Tally, times: u64) -> RetryRecord {
    let Attempts { first, again, .. } = attempts;
    let mean = |sum: u64| (sum as f64 / times.max(1) as f64).round() as u64;
    let user_time = summary::quantiles(attempts.user_time());
    RetryRecord {
        first_attempts: mean(first.begun),
        retries: mean(again.begun),
        attempts_per_request: (first.begun > 0).then(|| (first.begun + again.begun) as f64 / first.begun as f64),
        refused: mean(tally.refused),
        recovered: mean(tally.recovered),
        exhausted: mean(tally.exhausted),
        unsent: mean(tally.granted.saturating_sub(again.begun)),
        first_throttled: first.throttled_share(),
        retries_throttled: again.throttled_share(),
        user_time,
    }
}
