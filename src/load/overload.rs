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
