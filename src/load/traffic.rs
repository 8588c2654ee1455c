//! The described traffic, proven: who asks for what, how often, and for how long.
//!
//! Owns the shapes that `config` proves a profile into and that [`script`](super::script) plays. Refuses to draw anything.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use crate::traffic::SeriesId;
use crate::traffic::catalog::TemplateId;

/// Described traffic. The same value gives the same script, to the nanosecond.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Seed of the traffic (shared by both worlds).
    pub seed: Seed,
    /// Length of the plan.
    pub duration: Span,
    /// How many synthetic identities there are; at least one.
    pub identities: u32,
    /// Which requests, in which proportion; not empty.
    pub mix: Vec<Share>,
    /// When.
    pub pace: Pace,
}

/// One entry of the mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// What is sent.
    pub template: TemplateId,
    /// Where it is counted.
    pub series: SeriesId,
    /// Its weight against the others; above zero.
    pub weight: u32,
}

/// When requests are made.
#[derive(Clone, Debug, PartialEq)]
pub enum Pace {
    /// Arrivals come as planned, whatever the answers do.
    Open(Arrivals),
    /// So many users ask, wait for the answer, think, and ask again.
    Closed {
        /// How many; at least one.
        users: u32,
        /// Time between an answer and the user's next request.
        think: Latency,
        /// The users start evenly spread over this time.
        ramp_up: Span,
    },
}

/// An open arrival process: a rate over time, and how arrivals are spaced at that rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// The rate over time: pieces one after the other; the last one is held until the plan ends.
    pub pieces: Vec<Piece>,
    /// Evenly, or as a Poisson process.
    pub spacing: Spacing,
}

/// A stretch of time in which the rate changes linearly (or not at all).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Rate at its beginning; `tokens` may be zero.
    pub from: PerSecond,
    /// Rate at its end.
    pub to: PerSecond,
    /// How long it lasts.
    pub length: Span,
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Arrival `i` comes when the integral of the rate reaches `i`.
    Even,
    /// A Poisson process with that rate.
    Poisson,
}

impl Arrivals {
    /// The highest rate within the first `duration`. A ramp that it cuts off counts as if it came to its end, to the safe side.
    pub fn peak(&self, duration: Span) -> PerSecond {
        let is_higher = |a: PerSecond, b: PerSecond| {
            u128::from(a.tokens) * u128::from(b.per.as_ns()) > u128::from(b.tokens) * u128::from(a.per.as_ns())
        };
        let mut start = Span::ZERO;
        let mut highest = PerSecond { tokens: 0, per: Span::from_secs(1) };
        for piece in &self.pieces {
            if start < duration {
                highest = [piece.from, piece.to].into_iter().fold(highest, |a, b| if is_higher(b, a) { b } else { a });
            }
            start += piece.length;
        }
        highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_the_pieces_which_are_played() {
        let rate = |tokens| PerSecond { tokens, per: Span::from_secs(1) };
        let held = |tokens| Piece { from: rate(tokens), to: rate(tokens), length: Span::from_secs(10) };
        let arrivals = Arrivals { pieces: vec![held(10), held(500)], spacing: Spacing::Even };
        assert_eq!(arrivals.peak(Span::from_secs(10)), rate(10));
        assert_eq!(arrivals.peak(Span::from_secs(11)), rate(500));
    }
}
