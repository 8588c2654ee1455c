//! What happens to actions that are due and cannot start: a value, decided in one place for both worlds.

use sluicegate_policy::time::Span;

/// Overload policy. Whatever it is, what it did is counted and shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overload {
    /// Due actions wait for a connection (up to [`QUEUE_MAX`]); their lag grows and is shown.
    #[default]
    Queue,
    /// What cannot start when it is due is not sent, and counted as dropped.
    Drop,
    /// What has waited longer than this is not sent, and counted as shed.
    Deadline(Span),
}

/// Bound of the queue of due actions of one lane; beyond it actions are dropped and counted.
pub const QUEUE_MAX: usize = 1 << 20;

impl Overload {
    /// Whether an action that finds no free connection at its due instant may wait.
    pub const fn may_wait(self, already_waiting: usize) -> bool {
        match self {
            Self::Drop => false,
            Self::Queue | Self::Deadline(_) => already_waiting < QUEUE_MAX,
        }
    }

    /// Whether an action that is now `lag` late is still sent.
    pub fn still_sent(self, lag: Span) -> bool {
        match self {
            Self::Queue | Self::Drop => true,
            Self::Deadline(limit) => lag <= limit,
        }
    }
}

/// How long a closed session pauses at least after a step that was not answered, so that it does not run in circles around a
/// target that refuses at once: a millisecond, doubled with every round of failures of all connections, up to a second.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    connections: u32,
    /// Since the last answer.
    failures: u32,
}

impl Backoff {
    /// The first pause.
    pub const FIRST: Span = Span::from_ms(1);
    /// 1 ms doubled ten times: about a second.
    const DOUBLINGS_MAX: u32 = 10;

    /// Nothing has failed yet.
    pub const fn new(connections: u32) -> Self {
        Self { connections, failures: 0 }
    }

    /// A step was answered, whatever the status.
    pub const fn on_answer(&mut self) {
        self.failures = 0;
    }

    /// A step ended without an answer; the least time until the session's next.
    pub fn on_failure(&mut self) -> Span {
        let round = self.failures / self.connections.max(1);
        self.failures = self.failures.saturating_add(1);
        Self::FIRST * (1 << round.min(Self::DOUBLINGS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_with_every_round_of_failures_and_an_answer_ends_it() {
        let mut backoff = Backoff::new(2);
        let pauses: Vec<u64> = (0..6).map(|_| backoff.on_failure().as_ns() / 1_000_000).collect();
        assert_eq!(pauses, [1, 1, 2, 2, 4, 4]);
        assert_eq!((0..100).map(|_| backoff.on_failure()).max(), Some(Span::from_ms(1_024)));
        backoff.on_answer();
        assert_eq!(backoff.on_failure(), Backoff::FIRST);
    }
}
