//! Counts and histograms of one series (or of all together), after the warm-up.
//!
//! Owns the range and precision of every histogram: nanoseconds, lowest 1,000, three digits, to 24 h; above that a value is
//! recorded as 24 h and counted as saturated. Refuses to know seconds and edges. Called by the recorder alone.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::time::Span;

use super::edges::{Wait, wait_of};
use super::intervals::bucket_ends;
use super::parts::{Part, Parts};
use super::sample::{Outcome, Sample, blame_of};

/// Lowest value that a histogram tells apart, in nanoseconds.
pub const LOWEST_NS: u64 = 1_000;
/// Highest value that a histogram holds, in nanoseconds: 24 hours.
pub const HIGHEST_NS: u64 = 86_400_000_000_000;
/// Significant decimal digits that a histogram keeps.
pub const DIGITS: u8 = 3;

/// How an action ended, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ending {
    /// As the client saw it.
    pub outcome: Outcome,
    /// HTTP status; zero if there was no answer.
    pub status: u16,
    /// Of an answer that is an error, what kind.
    pub kind: Option<ErrorKind>,
}

impl Ending {
    /// How this action ended.
    pub const fn of(sample: &Sample) -> Self {
        Self { outcome: sample.outcome, status: sample.status, kind: sample.kind }
    }

    /// Whose fault it is, if it is a fault.
    pub const fn blame(self) -> Blame {
        blame_of(self.outcome, self.kind)
    }
}

/// What was recorded under one name.
#[derive(Clone, Debug)]
pub struct Channel {
    count: u64,
    endings: BTreeMap<Ending, u64>,
    admitted: Histogram<u64>,
    /// Of complete answers whose time is no latency: 429 and 5xx.
    denied: Histogram<u64>,
    service: Histogram<u64>,
    first_byte: Histogram<u64>,
    lag: Histogram<u64>,
    /// Of those that waited; most do not.
    waits: Histogram<u64>,
    saturated: u64,
    /// Made when the first parts are told; most runs tell none.
    parts: Option<Box<PartTimes>>,
}

/// How long the parts of admitted attempts took, and these attempts together.
#[derive(Clone, Debug)]
pub struct PartTimes {
    total: Histogram<u64>,
    /// In the order of [`Part::ALL`].
    parts: [Histogram<u64>; Part::ALL.len()],
}

impl Channel {
    /// Nothing recorded yet. Histograms grow with the largest value seen, so that a fast series stays small.
    pub(super) fn new() -> Self {
        let (admitted, denied, service) = (growing(), growing(), growing());
        let (first_byte, lag, waits) = (growing(), growing(), growing());
        Self { count: 0, endings: BTreeMap::new(), admitted, denied, service, first_byte, lag, waits, saturated: 0, parts: None }
    }

    /// Counts one action.
    pub fn on_sample(&mut self, sample: &Sample) {
        self.count += 1;
        *self.endings.entry(Ending::of(sample)).or_default() += 1;
        if let Some(lag) = sample.schedule_lag() {
            self.saturated += record(&mut self.lag, lag);
        }
        if sample.waited > Span::ZERO {
            // Cut off as in `lag`, of which it is a part.
            record(&mut self.waits, sample.waited);
        }
        if sample.outcome == Outcome::Answered {
            let response = match wait_of(sample.outcome, sample.status) {
                Wait::Known => &mut self.admitted,
                Wait::TurnedAway | Wait::Endless | Wait::CutOff => &mut self.denied,
            };
            for (histogram, time) in [(response, sample.response_time()), (&mut self.service, sample.service_time())] {
                self.saturated += time.map_or(0, |time| record(histogram, time));
            }
            if let Some(time) = sample.time_to_first_byte() {
                // Cut off as in `service`, where it is counted.
                record(&mut self.first_byte, time);
            }
        }
    }

    /// Adds how actions ended whose times are added apart.
    pub(super) fn add_endings(&mut self, saturated: u64, ended: &[(Ending, u64)]) {
        self.saturated += saturated;
        for (ending, count) in ended {
            self.count += count;
            *self.endings.entry(*ending).or_default() += count;
        }
    }

    /// Adds response times of complete answers, each with its count.
    pub(super) fn add_times(&mut self, wait: Wait, values: &[(u64, u32)]) {
        let response = match wait {
            Wait::Known => &mut self.admitted,
            Wait::TurnedAway | Wait::Endless | Wait::CutOff => &mut self.denied,
        };
        for (ns, count) in values {
            let ns = bucket_ends((*ns).min(HIGHEST_NS)).0;
            response.record_n(ns, u64::from(*count)).expect("a value up to 24 h fits into a histogram that grows");
        }
    }

    /// Counts the parts of an admitted attempt.
    pub fn on_parts(&mut self, parts: &Parts) {
        self.parts.get_or_insert_default().on_parts(parts);
    }

    /// How long parts took, if any were told.
    pub fn parts(&self) -> Option<&PartTimes> {
        self.parts.as_deref()
    }

    /// Adds what another recorder has seen under the same name.
    pub fn merge(&mut self, other: &Self) {
        if let Some(theirs) = &other.parts {
            self.parts.get_or_insert_default().merge(theirs);
        }
        self.count += other.count;
        self.saturated += other.saturated;
        for (ending, count) in &other.endings {
            *self.endings.entry(*ending).or_default() += count;
        }
        for (mine, theirs) in [
            (&mut self.admitted, &other.admitted),
            (&mut self.denied, &other.denied),
            (&mut self.service, &other.service),
            (&mut self.first_byte, &other.first_byte),
            (&mut self.lag, &other.lag),
            (&mut self.waits, &other.waits),
        ] {
            mine.add(theirs).expect("histograms of one range that grow can be added");
        }
    }

    /// Actions, however they ended.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Actions by their ending, in order.
    pub fn endings(&self) -> impl Iterator<Item = (Ending, u64)> {
        self.endings.iter().map(|(ending, count)| (*ending, *count))
    }

    /// How many actions ended so.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.endings().filter(|(ending, _)| ending.outcome == outcome).map(|(_, count)| count).sum()
    }

    /// How many actions a latency quantile is taken over: those that were admitted and whose end is known.
    pub fn latency_trials(&self) -> u64 {
        let counts = |ending: &Ending| matches!(wait_of(ending.outcome, ending.status), Wait::Known | Wait::Endless);
        self.endings().filter(|(ending, _)| counts(ending)).map(|(_, count)| count).sum()
    }

    /// From the intended instant, of those that were admitted and did not fail: what a latency quantile is read from. What
    /// [`latency_trials`](Self::latency_trials) counts beyond these took for ever.
    pub const fn admitted(&self) -> &Histogram<u64> {
        &self.admitted
    }

    /// From the intended instant, complete answers only, whatever their status.
    pub fn response(&self) -> Histogram<u64> {
        let mut all = self.admitted.clone();
        all.add(&self.denied).expect("histograms of one range that grow can be added");
        all
    }

    /// From the first byte written, complete answers only.
    pub const fn service(&self) -> &Histogram<u64> {
        &self.service
    }

    /// From the first byte written to the first one read, complete answers only.
    pub const fn first_byte(&self) -> &Histogram<u64> {
        &self.first_byte
    }

    /// From the intended instant until the generator turned to it.
    pub const fn lag(&self) -> &Histogram<u64> {
        &self.lag
    }

    /// How long actions waited by no fault of the generator (for a connection that the target held, for a ceiling, or for their
    /// session's step before), however they ended; only of those that waited at all.
    pub const fn waits(&self) -> &Histogram<u64> {
        &self.waits
    }

    /// Values above the range of the histograms.
    pub const fn saturated(&self) -> u64 {
        self.saturated
    }
}

impl Default for PartTimes {
    /// None was told.
    fn default() -> Self {
        Self { total: growing(), parts: std::array::from_fn(|_| growing()) }
    }
}

impl PartTimes {
    /// Counts the parts of one attempt.
    pub fn on_parts(&mut self, parts: &Parts) {
        record(&mut self.total, parts.total);
        for (part, times) in Part::ALL.into_iter().zip(&mut self.parts) {
            if let Some(known) = parts.of(part) {
                record(times, known.value);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        let mine = std::iter::once(&mut self.total).chain(&mut self.parts);
        for (mine, theirs) in mine.zip(std::iter::once(&other.total).chain(&other.parts)) {
            mine.add(theirs).expect("histograms of one range that grow can be added");
        }
    }

    /// From the first byte written to the end, of the attempts whose parts are told.
    pub const fn total(&self) -> &Histogram<u64> {
        &self.total
    }

    /// One part, of those of these attempts that have it.
    pub const fn of(&self, part: Part) -> &Histogram<u64> {
        let [network, gateway, authorizer, integration] = &self.parts;
        match part {
            Part::Network => network,
            Part::Gateway => gateway,
            Part::Authorizer => authorizer,
            Part::Integration => integration,
        }
    }
}

/// A histogram over the whole range, for whoever writes one out.
pub fn full_range() -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).expect("the range and the digits are valid together")
}

/// A histogram that grows with the largest value seen, up to [`HIGHEST_NS`].
pub fn growing() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_bounds(LOWEST_NS, 2 * LOWEST_NS, DIGITS).expect("the range and the digits are valid together");
    histogram.auto(true);
    histogram
}

/// Records a time, cut off at the top of the range; says how many were cut off.
fn record(histogram: &mut Histogram<u64>, time: Span) -> u64 {
    let ns = time.as_ns();
    histogram.record(ns.min(HIGHEST_NS)).expect("a value up to 24 h fits into a histogram that grows");
    u64::from(ns > HIGHEST_NS)
}
