//! First attempts and retries apart, and how long users waited for the last of their attempts.
//!
//! Owns what is counted of a client that tries again. Refuses to decide about retries (`load::retry` does, and counts what it decided).
//! Called by the recorder alone.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use sluicegate_policy::time::Instant;

use super::channel::{HIGHEST_NS, growing};
use super::sample::{Outcome, Sample};

/// Attempts of one kind, warm-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// The generator turned to it.
    pub begun: u64,
    /// Its first byte was written.
    pub sent: u64,
    /// It was completely answered.
    pub answered: u64,
    /// It was answered 429.
    pub throttled: u64,
}

/// Attempts of both kinds.
#[derive(Clone, Debug)]
pub struct Attempts {
    /// First ones.
    pub first: Tries,
    /// Retries.
    pub again: Tries,
    user_time: Histogram<u64>,
}

impl Tries {
    fn on_sample(&mut self, sample: &Sample) {
        let answered = sample.outcome == Outcome::Answered;
        self.begun += u64::from(sample.started != Instant::MAX);
        self.sent += u64::from(sample.sent != Instant::MAX);
        self.answered += u64::from(answered);
        self.throttled += u64::from(answered && sample.status == 429);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.begun += other.begun;
        self.sent += other.sent;
        self.answered += other.answered;
        self.throttled += other.throttled;
    }

    /// 429 among the answers; `None` if there was no answer.
    pub fn throttled_share(&self) -> Option<f64> {
        (self.answered > 0).then(|| self.throttled as f64 / self.answered as f64)
    }
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { first: Tries::default(), again: Tries::default(), user_time: growing() }
    }

    pub(super) fn on_sample(&mut self, sample: &Sample) {
        let tries = if sample.attempt == 0 { &mut self.first } else { &mut self.again };
        tries.on_sample(sample);
    }

    pub(super) fn on_settled(&mut self, since: Instant, last: &Sample) {
        if last.outcome == Outcome::Answered {
            let ns = last.done.since(since).as_ns().min(HIGHEST_NS);
            self.user_time.record(ns).expect("a value up to 24 h fits into a histogram that grows");
        }
    }

    /// Adds what another recorder has seen.
    pub fn merge(&mut self, other: &Self) {
        self.first.merge(other.first);
        self.again.merge(other.again);
        self.user_time.add(&other.user_time).expect("histograms of one range that grow can be added");
    }

    /// From the intended instant of the first attempt to the answer of the last, after the warm-up; empty where nothing is tried again.
    pub const fn user_time(&self) -> &Histogram<u64> {
        &self.user_time
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{answered, failed};
    use super::*;
    use sluicegate_policy::time::Span;

    #[test]
    fn first_attempts_and_retries_are_counted_apart_and_the_user_waits_for_both() {
        let mut attempts = Attempts::new();
        let first = answered(1.0, 10.0).status(429);
        let retry = Sample { attempt: 1, ..answered(1.5, 10.0) };
        attempts.on_sample(&first);
        attempts.on_sample(&retry);
        attempts.on_settled(first.intended, &retry);
        attempts.on_settled(first.intended, &failed(9.0, Outcome::TimedOut));
        let mut merged = attempts.clone();
        merged.merge(&attempts);
        assert_eq!(merged.first, Tries { begun: 2, sent: 2, answered: 2, throttled: 2 });
        assert_eq!(merged.again, Tries { begun: 2, sent: 2, answered: 2, throttled: 0 });
        assert_eq!((merged.first.throttled_share(), merged.again.throttled_share()), (Some(1.0), Some(0.0)));
        assert_eq!(Tries::default().throttled_share(), None);
        let waited = Span::from_ms(510).as_ns();
        assert_eq!(merged.user_time().len(), 2, "what has no answer took no time that is known");
        assert!(merged.user_time().max().abs_diff(waited) < waited / 500, "{}", merged.user_time().max());
    }
}
