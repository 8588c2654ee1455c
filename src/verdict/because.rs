//! Why an answer is what it is, in one sentence with numbers; for an inconclusive one also what would decide it.
//!
//! Owns the words of a verdict. Refuses to decide: it asks the evidence. Called by `evidence`
//! alone.

use crate::measure::assumption::Metric;
use crate::measure::record::{Unit, Verdict};

use super::claim::Reference;
use super::evidence::{Direction, Evidence};
use super::judge::{Context, TAIL_EVENTS_MIN, VIOLATED_ALPHA};
use super::words;

/// Times longer than this run beyond which "more of the same" is no advice.
const LONGER_MAX: f64 = 1e4;

impl Evidence<'_> {
    pub(super) fn why_it_holds(&self, verdict: &Verdict) -> String {
        let band = words::range(verdict.unit, self.claim.allowed);
        match verdict.interval {
            Some(interval) => format!("the 90 % interval {} lies within {band}", words::range(verdict.unit, interval)),
            None => format!("both ends of the 90 % interval are proven to lie within {band}"),
        }
    }

    pub(super) fn why_it_is_violated(&self, direction: Direction) -> String {
        let (word, side, end) = match direction {
            Direction::TooHigh => ("above", self.sides.wide_high, self.claim.wide.high),
            Direction::TooLow => ("below", self.sides.wide_low, self.claim.wide.low),
        };
        let (Some(side), Some(end)) = (side, end) else { return String::new() };
        let unit = self.claim.unit();
        let end = words::value(unit, end);
        let share = |share: f64| words::value(Unit::Share, share);
        match (self.claim.assumption.metric, direction) {
            (Metric::Ratio(_), Direction::TooHigh) => {
                format!("at least {} is {word} the upper end {end}", share(side.share.lower(VIOLATED_ALPHA)))
            }
            (Metric::Ratio(_), Direction::TooLow) => {
                format!("at most {} is {word} the lower end {end}", share(side.share.upper(VIOLATED_ALPHA)))
            }
            (Metric::Part(part, _), Direction::TooHigh) => format!(
                "it is {word} the upper end: at least {} spent longer than {end} on the {}, where {} may",
                share(side.share.lower(VIOLATED_ALPHA)),
                part.as_str(),
                share(side.limit)
            ),
            (Metric::Part(part, _), Direction::TooLow) => format!(
                "it is {word} the lower end: at most {} spent longer than {end} on the {}, where {} should",
                share(side.share.upper(VIOLATED_ALPHA)),
                part.as_str(),
                share(side.limit)
            ),
            (Metric::Latency(_), Direction::TooHigh) => format!(
                "it is {word} the upper end: at least {} took longer than {end} or failed, where {} may",
                share(side.share.lower(VIOLATED_ALPHA)),
                share(side.limit)
            ),
            (Metric::Latency(_), Direction::TooLow) => format!(
                "it is {word} the lower end: at most {} took longer than {end} or failed, where {} should",
                share(side.share.upper(VIOLATED_ALPHA)),
                share(side.limit)
            ),
        }
    }

    /// Why nothing could be decided, and that a run so many times as long would.
    pub(super) fn why_not(&self, verdict: &Verdict, longer: Option<f64>, context: &Context) -> String {
        let why = match (self.claim.narrow.low.zip(self.claim.narrow.high), self.tail_events(1.0)) {
            (Some((low, high)), _) if low >= high => return self.why_no_room(),
            (_, Some(events)) if events < TAIL_EVENTS_MIN => {
                format!(
                    "too few requests: they are worth {events:.1} independent ones in the tail, {TAIL_EVENTS_MIN:.0} are needed"
                )
            }
            _ => match (verdict.interval, verdict.band) {
                (None, _) => "the interval has no upper end: too many actions failed".to_owned(),
                (Some(interval), Some((low, high))) if low <= interval.0 && interval.1 <= high => format!(
                    "the 90 % interval {} lies within the band, but not clear of its ends by {} ({})",
                    words::range(verdict.unit, interval),
                    self.whose_error(),
                    words::value(verdict.unit, self.claim.standard_error())
                ),
                (Some(interval), _) => {
                    format!("the 90 % interval {} crosses an end of the band", words::range(verdict.unit, interval))
                }
            },
        };
        let correlated = if self.busiest.design_effect > 2.0 {
            format!("; they depend on each other (design effect {:.1})", self.busiest.design_effect)
        } else {
            String::new()
        };
        format!("{why}{correlated}{}; {}", self.what_is_open(), self.what_would_decide(longer, context))
    }

    /// Nothing can lie clear of both ends of the band.
    fn why_no_room(&self) -> String {
        match self.claim.reference {
            Reference::Model => {
                "the model's own error is as large as the margin: simulate more replications, or widen the margin".to_owned()
            }
            Reference::EarlierRun => format!(
                "the earlier run's own noise (standard error {}) is as large as the margin: it takes a longer one, or a wider margin",
                words::value(self.claim.unit(), self.claim.standard_error())
            ),
        }
    }

    const fn whose_error(&self) -> &'static str {
        match self.claim.reference {
            Reference::Model => "the model's own error",
            Reference::EarlierRun => "the earlier run's own noise",
        }
    }

    /// What may be somebody else's fault.
    fn what_is_open(&self) -> String {
        if !matches!(self.claim.assumption.metric, Metric::Ratio(_)) {
            return String::new();
        }
        let (sure, possible) = self.shares();
        if possible.events <= sure.events {
            return String::new();
        }
        let open = words::value(Unit::Share, possible.value() - sure.value());
        format!("; {open} more are errors of the gateway or of the integration, and their answers do not say whose")
    }

    fn what_would_decide(&self, longer: Option<f64>, context: &Context) -> String {
        let Some(longer) = longer else {
            return "it lies so close to the end of the band that more of the same would hardly decide it".to_owned();
        };
        let more = self.busiest.trials * (longer - 1.0);
        let seconds = seconds_more(longer, context);
        format!("about {} more requests ({} s at this rate) would decide it", words::count(more), words::count(seconds as f64))
    }

    /// How many times as long a run of the same would decide it, if one would.
    pub(super) fn decided_at(&self) -> Option<f64> {
        if self.claim.narrow.low.zip(self.claim.narrow.high).is_some_and(|(low, high)| low >= high) {
            return None;
        }
        smallest_factor(|k| {
            let open = self.gate_is_open(k);
            (open && self.sides.hold(k)) || self.sides.scaled(k).violated(VIOLATED_ALPHA, open).is_some()
        })
    }
}

/// The seconds that a run so many times as long has more.
pub(super) fn seconds_more(longer: f64, context: &Context) -> u64 {
    (context.phase.as_secs_f64() * (longer - 1.0)).ceil() as u64
}

/// The smallest factor above 1 (to a hundredth) at which the condition is met; `None` if not within [`LONGER_MAX`].
fn smallest_factor(is_met: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut low, mut high) = (1.0, 2.0);
    while !is_met(high) {
        (low, high) = (high, high * 2.0);
        if high > LONGER_MAX {
            return None;
        }
    }
    while high / low > 1.01 {
        let middle = f64::midpoint(low, high);
        if is_met(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
