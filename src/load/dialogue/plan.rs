//! Sessions as a profile describes them, proven: which clients come, what each of them does, and whether they come back.
//!
//! Owns the shapes that `config` proves a profile into and that [`dialogue`](super::dialogue) plays. Refuses to draw anything.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use crate::load::traffic::Arrivals;
use crate::traffic::SeriesId;
use crate::traffic::catalog::TemplateId;
use crate::traffic::conversation::{Awaits, Farewell, Hears, NameId, StreamId};

/// Described sessions. The same value gives the same script, to the nanosecond, but for what answers time.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialogue {
    /// Seed of the traffic (shared by both worlds).
    pub seed: Seed,
    /// Length of the plan.
    pub duration: Span,
    /// How many synthetic identities there are; at least one.
    pub identities: u32,
    /// When sessions begin.
    pub arrivals: Arrivals,
    /// How many sessions there are at most, each with one connection at a time; at least one.
    pub connections: u32,
    /// Whether a session comes back whose connection is gone; `None` is never.
    pub reconnect: Option<Reconnect>,
    /// Which kinds of session there are; not empty.
    pub roles: Vec<Role>,
}

/// One kind of session.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its weight against the others; above zero.
    pub weight: u32,
    /// What makes the request for the connection.
    pub handshake: TemplateId,
    /// Where connects are counted.
    pub connects: SeriesId,
    /// Which streams it is to receive.
    pub hears: Hears,
    /// Where its messages say what its connection is called.
    pub named: Option<NameId>,
    /// How long each of its connections lives; `None` is until the end of the plan.
    pub life: Option<Latency>,
    /// How it closes a connection whose life is over.
    pub close: Farewell,
    /// What it does, one step after the other; then it listens.
    pub script: Vec<Step>,
}

/// A step of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Time passes, from the end of what came before.
    Wait(Latency),
    /// A message is sent.
    Send(Sending),
    /// A text is posted to connections of others.
    Post(Posting),
    /// A ping is sent.
    Ping(SeriesId),
    /// Steps are done again.
    Repeat {
        /// How often they are done.
        rounds: Rounds,
        /// From the intended beginning of one round to that of the next, above zero; `None` begins a round when the one before has ended.
        every: Option<Span>,
        /// What is done in each round; something is sent in it.
        steps: Vec<Step>,
    },
}

/// How often something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounds {
    /// So often; at least once.
    Times(u32),
    /// As long as the connection lives; nothing comes after it.
    Forever,
}

/// A message of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Where it is counted.
    pub series: SeriesId,
    /// What makes its text.
    pub template: TemplateId,
    /// Whether it has a reply.
    pub awaits: Awaits,
    /// Which stream it publishes to, if it does.
    pub publishes: Option<StreamId>,
}

/// A text that is posted to all who hear a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Where the step is counted.
    pub series: SeriesId,
    /// Where each of its posts is counted.
    pub each: SeriesId,
    /// What makes its text.
    pub template: TemplateId,
    /// The stream.
    pub to: StreamId,
    /// How many posts are under way at a time; at least one.
    pub at_once: u32,
}

/// How a session comes back that could not connect, or whose connection somebody else ended.
///
/// The pause before the n-th attempt in a row is `first * factor^(n-1)`, at most `most`, less up to a share of `jitter` of it. A connection
/// that was open for longer than `most` ends the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnect {
    /// Pause before the first attempt; above zero.
    pub first: Span,
    /// By what it grows from attempt to attempt; at least one.
    pub factor: f64,
    /// The longest pause.
    pub most: Span,
    /// Which share of the pause is spread evenly: 0 is none of it, 1 from nothing to all of it.
    pub jitter: f64,
    /// How many attempts in a row there are; `None` is without end.
    pub attempts: Option<u32>,
    /// Where its script goes on.
    pub resume: Resume,
}

/// Where the script of a session goes on that has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Where it was: with the step whose end it has not seen.
    WhereItWas,
    /// From its beginning.
    FromTheBeginning,
}

impl Dialogue {
    /// Whether some session goes on only when it has a reply, or when its posts have answers: those that send by a beat do not wait.
    pub fn waits_for_replies(&self) -> bool {
        self.roles.iter().any(|role| waits(&role.script))
    }

    /// Whether some session posts to connections.
    pub fn posts(&self) -> bool {
        self.roles.iter().any(|role| posts(&role.script))
    }
}

fn posts(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Post(_) => true,
        Step::Wait(_) | Step::Send(_) | Step::Ping(_) => false,
        Step::Repeat { steps, .. } => posts(steps),
    })
}

fn waits(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Wait(_) | Step::Ping(_) => false,
        Step::Send(sending) => sending.awaits != Awaits::Nothing,
        Step::Post(_) => true,
        Step::Repeat { every, steps, .. } => every.is_none() && waits(steps),
    })
}

impl Reconnect {
    /// The pause before attempt number `nth` in a row (from one), spread by a draw from (0, 1).
    pub(super) fn pause(&self, nth: u32, draw: f64) -> Span {
        let grown = self.factor.powf(f64::from(nth.saturating_sub(1)));
        // Infinite after many attempts, and `min` makes it `most` then.
        let whole = (self.first.as_ns() as f64 * grown).min(self.most.as_ns() as f64);
        Span::from_ns((whole * (1.0 - self.jitter * draw)) as u64)
    }
}
