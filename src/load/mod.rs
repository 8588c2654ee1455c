//! What is sent and when: the script, its pace and its limits. Pure: the same source feeds simulator and engine.
//!
//! Owns the [`Source`] of steps, the [`dialogue`] of sessions and [recorded] ones, arrival processes, speed and loop, the shaper and the overload policies. Refuses clocks,
//! sockets and the gateway. Called by `sim` and by every lane of `engine`.

mod arrivals;
mod curve;
pub mod dialogue;
pub mod hash;
pub mod held;
pub mod keeping;
pub mod overload;
pub mod rate_search;
pub mod recorded;
pub mod replay;
pub mod retry;
pub mod script;
pub mod sessions;
pub mod shaper;
pub mod system;
pub mod traffic;

use sluicegate_policy::call::Blame;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use crate::traffic::{Request, Step};

/// The instants of an open plan in order, without what comes then.
pub fn arrivals(arrivals: &traffic::Arrivals, duration: Span, seed: Seed) -> impl Iterator<Item = Instant> + use<> {
    arrivals::ArrivalStream::new(arrivals, duration, seed)
}

/// Gives the steps of a script, lazily and in order.
///
/// A consumer asks with [`Feedback::Idle`] for the next step of the plan: those come in order of their `Due::At`; `None`
/// means that the plan has no more. When a step has ended it says so with [`Feedback::Ended`], and gets what its session does
/// next (a `Due::After`, or the same step again at its instant), or `None` when the session is over. In a closed model the users'
/// first steps come from `Idle`.
pub trait Source: Send {
    /// The next step, given what the consumer tells.
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step>;

    /// What was decided about retries so far; `None` of a source that repeats nothing.
    fn retries(&self) -> Option<retry::Tally> {
        None
    }
}

/// What the consumer tells a source.
#[derive(Clone, Copy, Debug)]
pub enum Feedback<'a> {
    /// Nothing: it wants the next step of the plan.
    Idle,
    /// A step has ended; what does its session do next?
    Ended(Ended<'a>),
}

/// How a step has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The session of the step.
    pub session: u32,
    /// The step of the session.
    pub seq: u32,
    /// Which attempt at the step it was, from zero.
    pub attempt: u8,
    /// When it ended; a user whose next step would come after the end of the plan stops.
    pub at: Instant,
    /// HTTP status of its answer; zero if there was none.
    pub status: u16,
    /// Who kept it from a complete answer: nobody, if it has one, whatever its status; else the network or the generator.
    pub fault: Blame,
    /// What it sent, or would have.
    pub request: &'a Request,
}

/// Which part of the script a lane (or worker) plays: the sessions of every `of`-th virtual slice.
///
/// A session belongs to slice `mix(session) mod 256`; slice `s` is played by the share with `index == s mod of`. The union of
/// all shares is the script, whatever `of` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which share, below `of`.
    pub index: u16,
    /// How many there are, 1 to 256.
    pub of: u16,
}

impl Share {
    /// The whole script.
    pub const ALL: Self = Self { index: 0, of: 1 };

    /// Whether this share plays the session.
    pub const fn plays(self, session: u32) -> bool {
        let slice = sluicegate_policy::seed::mix(session as u64) % 256;
        slice % self.of as u64 == self.index as u64
    }
}
