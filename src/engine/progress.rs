//! Where a drive stands, for a progress line: a few counters that lanes bring up to date some fifty times a second.
//!
//! Owns the counters. Refuses precision: the run's numbers come from the recorders.

use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate_policy::time::Span;

/// Counters of all lanes together.
#[derive(Debug, Default)]
pub struct Progress {
    intended: AtomicU64,
    sent: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    lag_ns: AtomicU64,
}

/// What the counters said at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Actions that were due, retries included.
    pub intended: u64,
    /// Actions whose first byte was written, ended ones only.
    pub sent: u64,
    /// Actions that were completely answered.
    pub answered: u64,
    /// Actions that ended otherwise.
    pub failed: u64,
    /// Due, and neither answered nor failed yet: in flight or waiting.
    pub pending: u64,
    /// The largest schedule lag since the reading before.
    pub lag: Span,
}

/// What one lane has counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) intended: u64,
    pub(super) sent: u64,
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) lag: Span,
}

impl Progress {
    /// Reads the counters; the lag starts anew.
    pub fn read(&self) -> Reading {
        Reading { lag: Span::from_ns(self.lag_ns.swap(0, Ordering::Relaxed)), ..self.look() }
    }

    /// The same for one of several who look: the lag is left to the other, and told as none.
    pub fn look(&self) -> Reading {
        let [answered, failed] = [&self.answered, &self.failed].map(|counter| counter.load(Ordering::Relaxed));
        let [intended, sent] = [&self.intended, &self.sent].map(|counter| counter.load(Ordering::Relaxed));
        Reading { intended, sent, answered, failed, pending: intended.saturating_sub(answered + failed), lag: Span::ZERO }
    }

    /// Adds what a lane has counted since `before`.
    pub(super) fn add(&self, before: Tally, now: Tally) {
        self.intended.fetch_add(now.intended - before.intended, Ordering::Relaxed);
        self.sent.fetch_add(now.sent - before.sent, Ordering::Relaxed);
        self.answered.fetch_add(now.answered - before.answered, Ordering::Relaxed);
        self.failed.fetch_add(now.failed - before.failed, Ordering::Relaxed);
        self.lag_ns.fetch_max(now.lag.as_ns(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_add_up_and_the_lag_starts_anew_with_each_reading() {
        let progress = Progress::default();
        let one = Tally { intended: 10, sent: 8, answered: 5, failed: 2, lag: Span::from_us(7) };
        progress.add(Tally::default(), one);
        progress.add(one, Tally { intended: 12, answered: 6, ..one });
        let expected = Reading { intended: 12, sent: 8, answered: 6, failed: 2, pending: 4, lag: Span::from_us(7) };
        assert_eq!(progress.look(), Reading { lag: Span::ZERO, ..expected }, "who only looks takes nothing");
        assert_eq!(progress.read(), expected);
        assert_eq!(progress.read().lag, Span::ZERO);
    }
}
