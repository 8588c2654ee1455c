//! One measured action: what both worlds emit, and all that a recorder sees.
//!
//! Owns [`Sample`] and the client's [`Outcome`]. Refuses text: series are numbers, named in the catalog.

use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::time::{Instant, Span};

use crate::traffic::SeriesId;

/// One action with its instants on the run's clock. `Instant::MAX` means "did not happen".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the script intended it; of a retry, when its backoff ended.
    pub intended: Instant,
    /// When the generator turned to it (a connection was free and the shaper let it pass).
    pub started: Instant,
    /// When its first byte was written.
    pub sent: Instant,
    /// When the first byte of the answer was read.
    pub first_byte: Instant,
    /// When it ended, well or not.
    pub done: Instant,
    /// Of the time before it started (or, never started, before it ended): how long it waited by no fault of the generator,
    /// for a connection that the target held, for a ceiling, or for its session's step before. Zero for what was abandoned
    /// before the generator came to it.
    pub waited: Span,
    /// Session of the step.
    pub session: u32,
    /// Step of the session.
    pub seq: u32,
    /// Where it is counted.
    pub series: SeriesId,
    /// HTTP status; zero if there was no answer.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Of an answer that is an error, what kind; of what has no answer the outcome says it.
    pub kind: Option<ErrorKind>,
    /// Zero for the first attempt, then one for each retry.
    pub attempt: u8,
}

/// How an action ended, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// A complete answer was read, whatever its status.
    Answered,
    /// No complete answer within the time-out.
    TimedOut,
    /// The host name could not be resolved.
    Unresolved,
    /// The connection was refused.
    Refused,
    /// No connection within the connect time-out, or no way to the host.
    Unreachable,
    /// The TLS handshake failed.
    TlsFailed,
    /// This machine had no descriptor, port or memory left.
    NoSockets,
    /// The peer reset the connection.
    Reset,
    /// The peer closed the connection before a complete head.
    Closed,
    /// The peer closed the connection within the body.
    Truncated,
    /// The answer was not HTTP, or no WebSocket message.
    Malformed,
    /// A pushed message never came to one who was connected when it was published.
    Lost,
    /// Never sent: the queue of due actions was full, or the overload policy drops what cannot start at once.
    Dropped,
    /// Never sent: it was older than the overload policy's deadline.
    Shed,
    /// The run ended before it was answered, or before it was sent.
    Abandoned,
}

impl Outcome {
    /// Every outcome, in the order in which reports show them.
    pub const ALL: [Self; 15] = [
        Self::Answered,
        Self::TimedOut,
        Self::Unresolved,
        Self::Refused,
        Self::Unreachable,
        Self::TlsFailed,
        Self::NoSockets,
        Self::Reset,
        Self::Closed,
        Self::Truncated,
        Self::Malformed,
        Self::Lost,
        Self::Dropped,
        Self::Shed,
        Self::Abandoned,
    ];

    /// The word for it in files; reports explain it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::TimedOut => "timed-out",
            Self::Unresolved => "unresolved",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TlsFailed => "tls-failed",
            Self::NoSockets => "no-sockets",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Lost => "lost",
            Self::Dropped => "dropped",
            Self::Shed => "shed",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whose fault an action is that ended so, without regard to an answer. What has no complete answer in time is the way's fault, as
    /// far as a client can tell.
    pub const fn blame(self) -> Blame {
        match self {
            Self::Answered => Blame::Nobody,
            Self::NoSockets | Self::Dropped | Self::Shed | Self::Abandoned => Blame::Generator,
            Self::TimedOut
            | Self::Unresolved
            | Self::Refused
            | Self::Unreachable
            | Self::TlsFailed
            | Self::Reset
            | Self::Closed
            | Self::Truncated
            | Self::Malformed
            | Self::Lost => Blame::Network,
        }
    }

    /// Whether the action reached the target at all.
    pub const fn was_sent(self) -> bool {
        match self {
            Self::Dropped
            | Self::Shed
            | Self::Unresolved
            | Self::Refused
            | Self::Unreachable
            | Self::TlsFailed
            | Self::NoSockets => false,
            Self::Answered
            | Self::TimedOut
            | Self::Reset
            | Self::Closed
            | Self::Truncated
            | Self::Malformed
            | Self::Lost
            | Self::Abandoned => true,
        }
    }
}

/// Whose fault an action is that ended so, `kind` being that of its answer.
pub const fn blame_of(outcome: Outcome, kind: Option<ErrorKind>) -> Blame {
    match (outcome, kind) {
        (Outcome::Answered, Some(kind)) => kind.blame(),
        (other, _) => other.blame(),
    }
}

impl Sample {
    /// Whose fault it is, if it is a fault.
    pub const fn blame(&self) -> Blame {
        blame_of(self.outcome, self.kind)
    }

    /// From the intended instant to the end: what a user of the gateway waits for this attempt. `None` if it did not end.
    pub fn response_time(&self) -> Option<Span> {
        span(self.intended, self.done)
    }

    /// From the first byte written to the end. `None` if it was not sent or did not end.
    pub fn service_time(&self) -> Option<Span> {
        span(self.sent, self.done)
    }

    /// From the first byte written to the first byte of the answer. `None` if there was no such byte.
    pub fn time_to_first_byte(&self) -> Option<Span> {
        span(self.sent, self.first_byte)
    }

    /// How late the generator turned to it. `None` if it never did.
    pub fn schedule_lag(&self) -> Option<Span> {
        span(self.intended, self.started)
    }

    /// The generator's own part of the lag: from the intended instant until it turned to the action, or gave it up, without
    /// what the action waited by no fault of the generator.
    pub fn own_lag(&self) -> Span {
        self.started.min(self.done).since(self.intended).saturating_sub(self.waited)
    }

    /// Whether the generator came to it at all, in time or late, before the run was over.
    pub fn was_noticed(&self) -> bool {
        self.outcome != Outcome::Abandoned || self.started != Instant::MAX || self.waited > Span::ZERO
    }
}

const _: () = assert!(size_of::<Sample>() <= 64, "a sample is copied often");

fn span(from: Instant, to: Instant) -> Option<Span> {
    (from != Instant::MAX && to != Instant::MAX).then(|| to.since(from))
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{answered, failed};
    use super::*;

    const MS: Span = Span::from_ms(1);

    #[test]
    fn what_an_action_waited_for_the_target_is_not_the_generators_lag() {
        let sample = answered(1.0, 30.0);
        let late = Sample { started: sample.intended + MS * 10, waited: MS * 8, ..sample };
        assert_eq!((late.schedule_lag(), late.own_lag()), (Some(MS * 10), MS * 2));
    }

    #[test]
    fn an_action_that_never_started_has_its_own_lag_too() {
        let sample = failed(1.0, Outcome::Dropped);
        let dropped = Sample { started: Instant::MAX, done: sample.intended + MS * 5, ..sample };
        assert_eq!((dropped.own_lag(), dropped.was_noticed()), (MS * 5, true));
        let abandoned = Sample { outcome: Outcome::Abandoned, ..dropped };
        assert!(!abandoned.was_noticed());
        let waited = Sample { waited: MS * 4, ..abandoned };
        assert_eq!((waited.own_lag(), waited.was_noticed()), (MS, true));
    }
}
