//! Plain counts over the whole run, warm-up included: each second, and the load.
//!
//! Owns what the generator is judged by: how many actions the script intended and what became of them. Refuses times, and retries,
//! which no script intends.
//! Called by the recorder alone.

use serde::{Deserialize, Serialize};
use sluicegate_policy::time::Instant;

use super::sample::{Outcome, Sample};

/// What one second of the run saw, by intended instant, warm-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondCounts {
    /// Actions intended in it.
    pub intended: u32,
    /// Retries whose backoff ended in it; the counts below are of both.
    pub retries: u32,
    /// Completely answered.
    pub answered: u32,
    /// Answered 429.
    pub throttled: u32,
    /// Answered 5xx or not at all.
    pub errors: u32,
}

/// What became of the script's actions, warm-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Of those, not even noticed: the generator had not come to them.
    pub unnoticed: u64,
    /// Of the dropped, what has no form as HTTP.
    pub unsendable: u64,
    /// Never sent: this machine had no descriptor, port or memory left.
    pub no_sockets: u64,
}

impl SecondCounts {
    pub(super) fn on_sample(&mut self, sample: &Sample) {
        let answered = sample.outcome == Outcome::Answered;
        let count = if sample.attempt == 0 { &mut self.intended } else { &mut self.retries };
        *count += 1;
        self.answered += u32::from(answered);
        self.throttled += u32::from(answered && sample.status == 429);
        self.errors += u32::from(!answered || sample.status >= 500);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.intended += other.intended;
        self.retries += other.retries;
        self.answered += other.answered;
        self.throttled += other.throttled;
        self.errors += other.errors;
    }
}

impl Load {
    pub(super) fn on_sample(&mut self, sample: &Sample) {
        if sample.attempt > 0 {
            return;
        }
        let sent = sample.sent != Instant::MAX;
        self.intended += 1;
        self.sent += u64::from(sent);
        self.dropped += u64::from(sample.outcome == Outcome::Dropped);
        self.shed += u64::from(sample.outcome == Outcome::Shed);
        self.abandoned += u64::from(sample.outcome == Outcome::Abandoned);
        self.unnoticed += u64::from(!sample.was_noticed());
        self.unsendable += u64::from(sample.outcome == Outcome::Dropped && sample.started != Instant::MAX);
        self.no_sockets += u64::from(sample.outcome == Outcome::NoSockets);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.intended += other.intended;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.shed += other.shed;
        self.abandoned += other.abandoned;
        self.unnoticed += other.unnoticed;
        self.unsendable += other.unsendable;
        self.no_sockets += other.no_sockets;
    }

    /// Actions for which the generator did its duty: it came to them, and had the means to send them. That they then waited for
    /// connections that a slow target held, and were dropped, shed or abandoned, is a result and not its failure.
    pub const fn attempted(&self) -> u64 {
        self.intended.saturating_sub(self.unnoticed + self.no_sockets + self.unsendable)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{answered, failed};
    use super::*;
    use sluicegate_policy::time::Span;

    fn attempted(sample: Sample) -> u64 {
        let mut load = Load::default();
        load.on_sample(&sample);
        let mut merged = load;
        merged.merge(&load);
        assert_eq!((merged.intended, merged.attempted()), (2, 2 * load.attempted()));
        load.attempted()
    }

    fn unstarted(outcome: Outcome) -> Sample {
        let sent = Instant::MAX;
        Sample { started: Instant::MAX, sent, waited: Span::from_ms(1), ..failed(1.0, outcome) }
    }

    #[test]
    fn what_waited_for_a_slow_target_in_vain_was_attempted() {
        assert_eq!(attempted(answered(1.0, 1.0)), 1);
        for outcome in [Outcome::Dropped, Outcome::Shed, Outcome::Abandoned] {
            assert_eq!(attempted(unstarted(outcome)), 1, "{outcome:?}");
        }
        assert_eq!(attempted(Sample { waited: Span::ZERO, ..unstarted(Outcome::Dropped) }), 1, "it finds no free connection");
    }

    #[test]
    fn what_the_generator_did_not_come_to_or_could_not_send_was_not() {
        assert_eq!(attempted(Sample { waited: Span::ZERO, ..unstarted(Outcome::Abandoned) }), 0);
        assert_eq!(attempted(failed(1.0, Outcome::NoSockets)), 0);
        assert_eq!(attempted(failed(1.0, Outcome::Dropped)), 0, "it began, and had no form as HTTP");
    }
}
