//! A system that is described by itself, proven: what its requests pass, when they come, and what is counted.
//!
//! Owns the shapes that `config` proves a case into and that `sim` plays. Refuses to draw anything.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Part, PerSecond};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use super::traffic::Arrivals;

/// A case: a system and what comes to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What each request passes, in this order, with its name; not empty.
    pub parts: Vec<(String, Part)>,
    /// When requests come.
    pub comings: Comings,
    /// Whether those that are refused, or leave unserved, try again.
    pub retries: Option<Retries>,
    /// After so many no more come.
    pub requests: Option<u64>,
    /// After this no more come; what is there is played to its end.
    pub until: Instant,
    /// How many of the first are not counted.
    pub skip: u64,
    /// What comes before this is not counted.
    pub warmup: Span,
    /// When to look how many are there, in ascending order.
    pub observe: Vec<Instant>,
    /// Of each look, whether there are more than so many is told.
    pub above: Option<u64>,
    /// Whether each second is told.
    pub seconds: bool,
    /// From which everything is drawn.
    pub seed: Seed,
}

/// Who is refused by a part, or leaves it unserved, begins anew with the first part.
#[derive(Clone, Debug, PartialEq)]
pub struct Retries {
    /// Attempts of each request, the first included; above zero.
    pub attempts: u32,
    /// How long each waits before it tries again.
    pub backoff: Latency,
}

/// A state of a process whose rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// The rate; may be none.
    pub rate: PerSecond,
    /// How long the state lasts on average; above zero.
    pub lasts: Span,
}

/// When requests come.
#[derive(Clone, Debug, PartialEq)]
pub enum Comings {
    /// At a rate that is planned.
    Planned(Arrivals),
    /// After gaps that are drawn, each for itself.
    Gaps(Latency),
    /// As a Poisson process whose rate goes from one state to the next, around, after exponential times (a Markov-modulated process); it
    /// begins in one of them by chance, as if it had gone on for ever.
    Bursts(Vec<Burst>),
    /// So many at once at each of these instants, which ascend.
    Batches(Vec<(Instant, u32)>),
    /// When a user has thought about the last answer; each thinks first.
    Closed {
        /// How many users.
        users: u32,
        /// How long each thinks.
        think: Latency,
    },
}
