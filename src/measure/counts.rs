//! Plain counts over the whole run, warm-up included: each second, and the load.
//!
//! Owns what the generator is judged by: how many actions the script intended and what became of them. Refuses times.
//! Called by the recorder alone.

use sluicegate_policy::time::Instant;

use super::sample::{Outcome, Sample};

/// What one second of the run saw, by intended instant, warm-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondCounts {
    /// Actions intended in it.
    pub intended: u32,
    /// Completely answered.
    pub answered: u32,
    /// Answered 429.
    pub throttled: u32,
    /// Answered 5xx or not at all.
    pub errors: u32,
}

/// What became of the script's actions, warm-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Actions that the script intended.
    pub intended: u64,
    /// First byte written.
    pub sent: u64,
    /// Never sent: no room in the queue, or policy `drop`.
    pub dropped: u64,
    /// Never sent: stale.
    pub shed: u64,
    /// Not ended when the run ended.
    pub abandoned: u64,
    /// Of those, not even sent.
    pub abandoned_unsent: u64,
    /// Never sent: this machine had no descriptor, port or memory left.
    pub no_sockets: u64,
}

impl SecondCounts {
    pub(super) fn on_sample(&mut self, sample: &Sample) {
        let answered = sample.outcome == Outcome::Answered;
        self.intended += 1;
        self.answered += u32::from(answered);
        self.throttled += u32::from(answered && sample.status == 429);
        self.errors += u32::from(!answered || sample.status >= 500);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.intended += other.intended;
        self.answered += other.answered;
        self.throttled += other.throttled;
        self.errors += other.errors;
    }
}

impl Load {
    pub(super) fn on_sample(&mut self, sample: &Sample) {
        let sent = sample.sent != Instant::MAX;
        self.intended += 1;
        self.sent += u64::from(sent);
        self.dropped += u64::from(sample.outcome == Outcome::Dropped);
        self.shed += u64::from(sample.outcome == Outcome::Shed);
        self.abandoned += u64::from(sample.outcome == Outcome::Abandoned);
        self.abandoned_unsent += u64::from(sample.outcome == Outcome::Abandoned && !sent);
        self.no_sockets += u64::from(sample.outcome == Outcome::NoSockets);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.intended += other.intended;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.shed += other.shed;
        self.abandoned += other.abandoned;
        self.abandoned_unsent += other.abandoned_unsent;
        self.no_sockets += other.no_sockets;
    }

    /// Actions that the generator turned to, whether or not the network let them through.
    pub const fn attempted(&self) -> u64 {
        self.intended.saturating_sub(self.dropped + self.shed + self.abandoned_unsent + self.no_sockets)
    }
}
