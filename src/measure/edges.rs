//! Exact counters at the edges of the assumptions, one row for each intended second.
//!
//! Owns what counts as a trial and as an event. Refuses histograms: a count here has no bucket error. Memory is one row a
//! second for each edge, however many requests there are. Called by the recorder; read by `verdict`.

use sluicegate_policy::time::Instant;

use super::assumption::{Edge, Event, Ratio};
use super::sample::{Outcome, Sample};

/// Last second of a run that is counted by seconds: seven days. What is intended later is counted as beyond.
pub const SECONDS_MAX: u64 = 7 * 86_400;

/// Events and trials of each intended second, from second zero of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeRows {
    rows: Vec<(u32, u32)>,
}

/// Whether a sample is an event at this edge; `None` if it is not even a trial.
///
/// `SlowerThan`: every action that was to be sent is a trial; what was not answered is infinitely slow (method 3.3). An
/// action that the end of the run cut off is an event if it had already waited longer, and else no trial: nobody knows.
/// `Throttled`: answered attempts; an event is a 429. `Errors`: attempts that were answered otherwise than by 429 or that
/// the network failed; what the generator itself did not send says nothing about the gateway (method 3.4).
pub fn event_of(event: Event, sample: &Sample) -> Option<bool> {
    match event {
        Event::SlowerThan(limit) => match sample.outcome {
            Outcome::Answered => Some(sample.response_time().is_none_or(|time| time > limit)),
            Outcome::Abandoned => sample.response_time().is_some_and(|time| time > limit).then_some(true),
            Outcome::TimedOut
            | Outcome::Unresolved
            | Outcome::Refused
            | Outcome::Unreachable
            | Outcome::TlsFailed
            | Outcome::NoSockets
            | Outcome::Reset
            | Outcome::Closed
            | Outcome::Truncated
            | Outcome::Malformed
            | Outcome::Dropped
            | Outcome::Shed => Some(true),
        },
        Event::Ratio(ratio) => ratio_event(ratio, sample.outcome, sample.status),
    }
}

/// Whether an action that ended so is an event of this ratio; `None` if it is not a trial.
pub const fn ratio_event(ratio: Ratio, outcome: Outcome, status: u16) -> Option<bool> {
    match (ratio, outcome) {
        (Ratio::Throttled, Outcome::Answered) => Some(status == 429),
        (Ratio::Errors, Outcome::Answered) => match status {
            429 => None,
            _ => Some(status >= 500),
        },
        (
            Ratio::Errors,
            Outcome::TimedOut
            | Outcome::Unresolved
            | Outcome::Refused
            | Outcome::Unreachable
            | Outcome::TlsFailed
            | Outcome::Reset
            | Outcome::Closed
            | Outcome::Truncated
            | Outcome::Malformed,
        ) => Some(true),
        (Ratio::Throttled | Ratio::Errors, _) => None,
    }
}

impl EdgeRows {
    /// Counts the sample if it is a trial at this edge. The caller has checked series and bounds.
    pub fn on_sample(&mut self, edge: &Edge, sample: &Sample) {
        if let Some(event) = event_of(edge.event, sample) {
            let row = row_of(&mut self.rows, sample.intended);
            row.0 = row.0.saturating_add(u32::from(event));
            row.1 = row.1.saturating_add(1);
        }
    }

    /// Adds what another recorder has counted at the same edge.
    pub fn merge(&mut self, other: &Self) {
        if self.rows.len() < other.rows.len() {
            self.rows.resize(other.rows.len(), (0, 0));
        }
        for (mine, theirs) in self.rows.iter_mut().zip(&other.rows) {
            *mine = (mine.0.saturating_add(theirs.0), mine.1.saturating_add(theirs.1));
        }
    }

    /// Events and trials of each second.
    pub fn rows(&self) -> &[(u32, u32)] {
        &self.rows
    }
}

/// The row of the second that `intended` falls into, which must be below [`SECONDS_MAX`].
pub(super) fn row_of<T: Clone + Default>(rows: &mut Vec<T>, intended: Instant) -> &mut T {
    let second = intended.second() as usize;
    if rows.len() <= second {
        rows.resize(second + 1, T::default());
    }
    &mut rows[second]
}
