//! Exact counters at the edges of the assumptions, one row for each intended second.
//!
//! Owns what counts as a trial and as an event. Refuses histograms: a count here has no bucket error. Memory is one row a
//! second for each edge, however many requests there are. Called by the recorder; read by `verdict`.

use sluicegate_policy::call::Blame;
use sluicegate_policy::time::Instant;

use super::assumption::{Edge, Event, Party, Ratio};
use super::channel::Ending;
use super::parts::Parts;
use super::sample::{Outcome, Sample};

/// Last second of a run that is counted by seconds: seven days. What is intended later is counted as beyond.
pub const SECONDS_MAX: u64 = 7 * 86_400;

/// Events and trials of each intended second, from second zero of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeRows {
    rows: Vec<(u32, u32)>,
}

/// How long an action is taken to have waited, where a latency is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// As long as its answer took.
    #[default]
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
/// `Throttled`: answered attempts; an event is a 429. `Errors`, and those of one party: attempts that were answered otherwise than by
/// 429 or that the network failed; what the generator itself did not send says nothing about the gateway (method 3.4).
pub fn event_of(event: Event, sample: &Sample) -> Option<bool> {
    match event {
        Event::SlowerThan(limit) => match wait_of(sample.outcome, sample.status) {
            Wait::Known => Some(sample.response_time().is_none_or(|time| time > limit)),
            Wait::Endless => Some(true),
            Wait::CutOff => sample.response_time().is_some_and(|time| time > limit).then_some(true),
            Wait::TurnedAway => None,
        },
        Event::Ratio(ratio) => ratio_event(ratio, Ending::of(sample)),
        Event::PerhapsOf(party) => {
            let ending = Ending::of(sample);
            ratio_event(Ratio::Errors, ending).map(|_| party.is_blamed(ending.blame()) != Some(false))
        }
        // Of parts no sample tells.
        Event::PartAbove(..) | Event::PartPerhapsAbove(..) => None,
    }
}

/// Whether the parts of an admitted attempt are an event at this edge; `None` if it has no such part, or the edge is none of parts.
pub fn part_event_of(event: Event, parts: &Parts) -> Option<bool> {
    match event {
        Event::PartAbove(part, limit) => parts.of(part).map(|known| known.is_above(limit) == Some(true)),
        Event::PartPerhapsAbove(part, limit) => parts.of(part).map(|known| known.is_above(limit) != Some(false)),
        Event::SlowerThan(_) | Event::Ratio(_) | Event::PerhapsOf(_) => None,
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
        | Outcome::Lost
        | Outcome::Dropped
        | Outcome::Shed => Wait::Endless,
    }
}

/// Whether an action that ended so is an event of this ratio; `None` if it is not a trial.
pub const fn ratio_event(ratio: Ratio, ending: Ending) -> Option<bool> {
    let is_throttled = ending.status == 429;
    match (ratio, ending.outcome) {
        (Ratio::Throttled, Outcome::Answered) => Some(is_throttled),
        // Of these nobody tells but the gateway.
        (Ratio::Throttled | Ratio::Told(..), _) => None,
        (Ratio::Errors | Ratio::ErrorsOf(_), Outcome::Answered) if is_throttled => None,
        (Ratio::Errors, Outcome::Answered) => Some(ending.status >= 500),
        (Ratio::ErrorsOf(party), Outcome::Answered) => Some(matches!(party.is_blamed(ending.blame()), Some(true))),
        (Ratio::Errors | Ratio::ErrorsOf(_), other) => match (other.blame(), ratio) {
            (Blame::Network, Ratio::ErrorsOf(party)) => Some(matches!(party, Party::Network)),
            (Blame::Network, _) => Some(true),
            _ => None,
        },
    }
}

impl EdgeRows {
    /// Counts the sample if it is a trial at this edge. The caller has checked series and bounds.
    pub fn on_sample(&mut self, edge: &Edge, sample: &Sample) {
        self.count(sample, event_of(edge.event, sample));
    }

    /// Counts what is known of the parts of an admitted attempt, if it is a trial at this edge. The caller has checked series and bounds.
    pub fn on_parts(&mut self, edge: &Edge, sample: &Sample, parts: &Parts) {
        self.count(sample, part_event_of(edge.event, parts));
    }

    fn count(&mut self, sample: &Sample, event: Option<bool>) {
        if let Some(event) = event {
            let row = row_of(&mut self.rows, sample.intended);
            row.0 = row.0.saturating_add(u32::from(event));
            row.1 = row.1.saturating_add(1);
        }
    }

    /// Adds events and trials of each second that somebody else has counted.
    pub fn add(&mut self, rows: impl IntoIterator<Item = (u32, u32)>) {
        for (second, row) in rows.into_iter().enumerate() {
            if self.rows.len() <= second {
                self.rows.push((0, 0));
            }
            let mine = &mut self.rows[second];
            *mine = (mine.0.saturating_add(row.0), mine.1.saturating_add(row.1));
        }
    }

    /// Adds what another recorder has counted at the same edge.
    pub fn merge(&mut self, other: &Self) {
        self.add(other.rows.iter().copied());
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

#[cfg(test)]
mod tests {
    use super::super::scripted::{answered, failed};
    use super::*;
    use sluicegate_policy::call::ErrorKind;

    fn ends(sample: &Sample) -> [Option<bool>; 4] {
        Party::ALL.map(|party| event_of(Event::Ratio(Ratio::ErrorsOf(party)), sample))
    }

    fn perhaps(sample: &Sample) -> [Option<bool>; 4] {
        Party::ALL.map(|party| event_of(Event::PerhapsOf(party), sample))
    }

    #[test]
    fn every_error_is_one_party_s_and_every_trial_is_everybody_s() {
        for kind in ErrorKind::ALL {
            let status = if kind.blame() == Blame::Client { 400 } else { 500 };
            let sample = Sample { kind: Some(kind), ..answered(1.0, 1.0).status(status) };
            let (sure, possible) = (ends(&sample), perhaps(&sample));
            let count = |ends: [Option<bool>; 4]| ends.into_iter().filter(|event| *event == Some(true)).count();
            let expected = if kind == ErrorKind::ServerError { (0, 2) } else { (1, 1) };
            assert_eq!((count(sure), count(possible)), expected, "{kind:?}");
            assert!(sure.iter().chain(&possible).all(Option::is_some), "{kind:?}: it was admitted");
        }
    }

    #[test]
    fn what_the_network_did_is_the_network_s_and_what_the_generator_did_nobody_s_business() {
        for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Answered) {
            let expected = match outcome.blame() {
                Blame::Network => [Some(false), Some(false), Some(false), Some(true)],
                _ => [None; 4],
            };
            assert_eq!((ends(&failed(1.0, outcome)), perhaps(&failed(1.0, outcome))), (expected, expected), "{outcome:?}");
            assert_eq!(event_of(Event::Ratio(Ratio::Errors), &failed(1.0, outcome)), expected[3], "{outcome:?}");
        }
    }

    #[test]
    fn throttled_is_no_trial_of_any_budget_and_success_is_nobody_s_error() {
        assert_eq!(ends(&answered(1.0, 1.0).status(429)), [None; 4]);
        assert_eq!(ends(&answered(1.0, 1.0)), [Some(false); 4]);
    }
}
