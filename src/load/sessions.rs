//! The seam between a script of WebSocket sessions and whoever plays it.
//!
//! Owns what a player tells ([`Event`]) and what it gets ([`Turn`]). Refuses to make a script (`load::dialogue` does) and to play it
//! (`engine` and `sim` do).
//!
//! A session has at most one turn ahead of it. Its player keeps that turn until it is due, unless the connection ends before: then
//! it drops the turn, tells [`Happened::Closed`], and goes on with what it is given for that. Questions that had no reply by then
//! have ended as [closed](crate::measure::Outcome::Closed).

use sluicegate_policy::time::Instant;

pub use crate::traffic::conversation::ClosedBy;
use crate::traffic::conversation::{Act, Awaits, Turn};

/// Gives the turns of a script of sessions, lazily and in order.
pub trait Sessions: Send {
    /// The first turn of the next session: an [`Act::Connect`] with a
    /// [`Due::At`](crate::traffic::Due::At), in order of their instants; `None` when no more sessions come.
    fn begin(&mut self) -> Option<Turn>;

    /// What the session does next; `None` if it does nothing until something else happens to it: it listens until the end of the plan, or,
    /// without a connection, is over.
    fn next(&mut self, session: u32, event: Event) -> Option<Turn>;
}

/// What has happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// The instant at which the turn was intended that it belongs to; of what belongs to none, `at`. Steady senders count from it, so that
    /// late stays late and the plan does not move.
    pub intended: Instant,
    /// What.
    pub what: Happened,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The connection is open.
    Opened,
    /// It could not be opened: the status of the answer, zero without one.
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// A message that awaits nothing, or a ping, has been written, or every post of a step has ended; or could not be, as the overload
    /// policy gave it up.
    Sent,
    /// A reply has come.
    Replied,
    /// No reply has come in time.
    Unanswered,
    /// The connection is gone that was open.
    Closed {
        /// By whom.
        by: ClosedBy,
        /// The code of the close frame; 1005 for an empty one, 1006 without any (RFC 6455, section 7.1.5).
        code: u16,
    },
}

impl Happened {
    /// What a session is told of a turn that its player gives up before it is sent.
    pub fn given_up(act: &Act) -> Self {
        match act {
            Act::Connect(_) => Self::Refused { status: 0 },
            Act::Message(message) if message.awaits != Awaits::Nothing => Self::Unanswered,
            Act::Message(_) | Act::Post(_) | Act::Ping { .. } | Act::Close(_) => Self::Sent,
        }
    }

    /// Whether a session that goes on at once after this could run in circles; its player has it wait for
    /// [`Backoff::FIRST`](super::overload::Backoff::FIRST) at least.
    pub const fn is_failure(self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unanswered | Self::Closed { .. } => true,
            Self::Opened | Self::Sent | Self::Replied => false,
        }
    }
}
