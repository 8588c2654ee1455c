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

/// How long an action is taken to have waited, where a latency is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// As long as its answer took.
    Known,
    /// For ever: it failed.
    Endless,
    /// Nobody knows: the run ended first.
    CutOff,
    /// It was throttled; that is the business of [`Ratio::Throttled`], and no trial of a latency.
    TurnedAway,
}

/// Whether a sample is an event at this edge; `None` if it is not even a trial.
///
/// `SlowerThan`: see [`wait_of`]; what failed is infinitely slow. An action that the end of the run cut off is an event if
/// it had already waited longer, and else no trial: nobody knows.
/// `Throttled`: answered attempts; an event is a 429. `Errors`: attempts that were answered otherwise than by 429 or that
/// the network failed; what the generator itself did not send says nothing about the gateway (method 3.4).
pub fn event_of(event: Event, sample: &Sample) -> Option<bool> {
    match event {
        Event::SlowerThan(limit) => match wait_of(sample.outcome, sample.status) {
            Wait::Known => Some(sample.response_time().is_none_or(|time| time > limit)),
            Wait::Endless => Some(true),
            Wait::CutOff => sample.response_time().is_some_and(|time| time > limit).then_some(true),
            Wait::TurnedAway => None,
        },
        Event::Ratio(ratio) => ratio_event(ratio, sample.outcome, sample.status),
    }
}

/// What an action that ended so says about a latency (method 3.3 and 3.4, in both worlds alike).
///
/// A failure is a 5xx answer or no complete answer at all: however soon it came, nobody got what was waited for. A 4xx answer
/// is what was asked for, and counts by its time; but a 429 is no trial, or a gateway that throttles would look quick.
pub const fn wait_of(outcome: Outcome, status: u16) -> Wait {
    match outcome {
        Outcome::Answered => match status {
            429 => Wait::TurnedAway,
            500.. => Wait::Endless,
            _ => Wait::Known,
        },
        Outcome::Abandoned => Wait::CutOff,
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
        | Outcome::Shed => Wait::Endless,
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
