//! When a run ends itself: thresholds that are held against the answers of each second.
//!
//! Owns what a threshold counts and for how long it must be exceeded. Refuses to count samples (each lane does, by
//! [`event_of`](super::edges::event_of)), to read a clock and to stop anything (`engine`). Proven by `config`.
//!
//! No histogram is needed: a quantile is above a limit exactly when more than `1 - p` of the answers are slower than it.

use std::collections::VecDeque;

use super::assumption::{Event, Ratio};
use super::record::AbortSecond;

/// As many seconds of a streak are kept to be shown, the last ones.
const SHOWN_MAX: usize = 10;

/// A threshold that ends a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As the profile writes it.
    pub name: String,
    /// What is counted among the answers that came in a second.
    pub event: Event,
    /// Share of events among the trials, 0 to 1, above which a second is bad.
    pub over: f64,
    /// How many seconds it must be so, from the first bad one to the last.
    pub seconds: u32,
}

/// How long a threshold has been exceeded.
#[derive(Clone, Debug)]
pub struct Streak<'a> {
    threshold: &'a Threshold,
    since: Option<u64>,
    seen: VecDeque<AbortSecond>,
}

/// A threshold was exceeded for as long as it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Met {
    /// First second of the streak.
    pub since: u64,
    /// Second in which it had lasted long enough.
    pub second: u64,
    /// The last seconds of the streak that had answers, at most ten.
    pub seen: Vec<AbortSecond>,
}

impl Threshold {
    /// What it counts, in words.
    pub fn counted(&self) -> String {
        match self.event {
            Event::SlowerThan(limit) => format!("slower than {limit}, or failed"),
            Event::PartAbove(part, limit) | Event::PartPerhapsAbove(part, limit) => {
                format!("{} slower than {limit}", part.as_str())
            }
            Event::Ratio(ratio) => ratio.as_str().to_owned(),
            Event::PerhapsOf(party) => format!("perhaps {}", Ratio::ErrorsOf(party).as_str()),
        }
    }

    /// Whether so many events among so many trials exceed it; never without trials.
    pub fn is_exceeded(&self, events: u64, trials: u64) -> bool {
        // 1 - 0.9 is a little less than 0.1: without the allowance one of ten would exceed it.
        events as f64 > self.over * trials as f64 + 1e-9
    }
}

impl<'a> Streak<'a> {
    /// Nothing was exceeded yet.
    pub const fn new(threshold: &'a Threshold) -> Self {
        Self { threshold, since: None, seen: VecDeque::new() }
    }

    /// Takes what was counted in a second; seconds come in order.
    ///
    /// A second in which nothing ended says nothing: it neither begins a streak nor ends one, or a target that hangs would be the
    /// last to be stopped.
    pub fn on_second(&mut self, second: u64, events: u64, trials: u64) -> Option<Met> {
        if trials == 0 {
            return None;
        }
        if !self.threshold.is_exceeded(events, trials) {
            self.since = None;
            self.seen.clear();
            return None;
        }
        let since = *self.since.get_or_insert(second);
        if self.seen.len() == SHOWN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(AbortSecond { second, events, trials });
        (second - since + 1 >= u64::from(self.threshold.seconds)).then(|| Met {
            since,
            second,
            seen: self.seen.iter().copied().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(over: f64, seconds: u32) -> Threshold {
        Threshold { name: "errors".to_owned(), event: Event::Ratio(Ratio::Errors), over, seconds }
    }

    /// The second in which it is met, if it is, by events and trials of each second.
    fn met(threshold: &Threshold, seconds: &[(u64, u64)]) -> Option<Met> {
        let mut streak = Streak::new(threshold);
        (0..).zip(seconds).find_map(|(second, (events, trials))| streak.on_second(second, *events, *trials))
    }

    #[test]
    fn it_must_be_exceeded_for_as_long_as_it_says() {
        let threshold = threshold(0.2, 3);
        assert_eq!(met(&threshold, &[(3, 10), (3, 10)]), None);
        let met = met(&threshold, &[(0, 10), (3, 10), (4, 10), (5, 10), (5, 10)]).unwrap();
        assert_eq!((met.since, met.second), (1, 3));
        assert_eq!(met.seen[2], AbortSecond { second: 3, events: 5, trials: 10 });
    }

    #[test]
    fn one_good_second_begins_it_anew() {
        let flapping: Vec<(u64, u64)> = (0..60).map(|second| (if second % 3 == 2 { 0 } else { 9 }, 10)).collect();
        assert_eq!(met(&threshold(0.2, 3), &flapping), None);
        assert!(met(&threshold(0.2, 2), &flapping).is_some());
    }

    #[test]
    fn a_second_without_an_answer_says_nothing() {
        assert_eq!(met(&threshold(0.2, 1), &[(0, 0), (0, 0)]), None);
        assert_eq!(met(&threshold(0.2, 4), &[(5, 10), (0, 0), (0, 0), (6, 10)]).map(|met| met.second), Some(3));
    }

    #[test]
    fn a_share_at_the_threshold_does_not_exceed_it() {
        assert!(!threshold(0.2, 1).is_exceeded(2, 10));
        assert!(!threshold(1.0 - 0.9, 1).is_exceeded(1, 10));
        assert!(threshold(0.2, 1).is_exceeded(3, 10));
    }

    #[test]
    fn of_a_long_streak_the_last_seconds_are_kept() {
        let seconds = vec![(1, 1); 5_000];
        let met = met(&threshold(0.5, 5_000), &seconds).unwrap();
        assert_eq!((met.seen.len(), met.seen[0].second, met.second), (10, 4_990, 4_999));
    }
}
