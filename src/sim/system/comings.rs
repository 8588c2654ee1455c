//! When requests come, one after the other.
//!
//! Owns the two processes that are so simple that no plan by seconds is needed, however long they last. Refuses to end by itself.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use crate::load::system::{Burst, Case, Comings};
use crate::load::traffic::{Arrivals, Spacing};

/// Arrivals in order.
pub(super) enum Stream<'a> {
    /// Nobody comes by itself.
    Closed,
    /// Arrival `k` at the time of `k` tokens.
    Even { rate: PerSecond, next: u64 },
    /// A Poisson process: the mean gap in nanoseconds.
    Poisson { mean_ns: f64, draws: sluicegate_policy::seed::Stream, now: f64 },
    /// Independent gaps.
    Gaps { gaps: &'a Latency, draws: sluicegate_policy::seed::Stream, now: Instant },
    /// A Poisson process whose rate changes by chance.
    Bursts(Bursts<'a>),
    /// All at once, and what is left of the first of them.
    Batches { batches: &'a [(Instant, u32)], done: u32 },
    /// A rate that changes as planned.
    Planned(Box<dyn Iterator<Item = Instant> + 'a>),
}

/// A Poisson process with several rates, in nanoseconds.
pub(super) struct Bursts<'a> {
    states: &'a [Burst],
    state: usize,
    /// What is left of the state.
    left: f64,
    now: f64,
    draws: sluicegate_policy::seed::Stream,
}

impl<'a> Bursts<'a> {
    fn new(states: &'a [Burst], seed: Seed) -> Self {
        let mut draws = seed.stream();
        let whole: f64 = states.iter().map(|state| state.lasts.as_secs_f64()).sum();
        let mut place = draws.unit() * whole;
        let before = states.iter().take_while(|state| {
            place -= state.lasts.as_secs_f64();
            place > 0.0
        });
        let state = before.count().min(states.len() - 1);
        // What is left of an exponential time is as long as a new one.
        let left = draws.exponential() * states[state].lasts.as_ns() as f64;
        Self { states, state, left, now: 0.0, draws }
    }

    fn next(&mut self) -> Instant {
        loop {
            let Burst { rate, .. } = self.states[self.state];
            let gap = self.draws.exponential() * rate.per.as_ns() as f64 / rate.tokens as f64;
            if gap < self.left {
                (self.left, self.now) = (self.left - gap, self.now + gap);
                return Instant::from_ns(self.now as u64);
            }
            self.now += self.left;
            self.state = (self.state + 1) % self.states.len();
            self.left = self.draws.exponential() * self.states[self.state].lasts.as_ns() as f64;
        }
    }
}

impl<'a> Stream<'a> {
    pub(super) fn new(case: &'a Case, seed: Seed) -> Self {
        match &case.comings {
            Comings::Closed { .. } => Self::Closed,
            Comings::Bursts(states) => Self::Bursts(Bursts::new(states, seed)),
            Comings::Batches(batches) => Self::Batches { batches, done: 0 },
            Comings::Gaps(gaps) => Self::Gaps { gaps, draws: seed.stream(), now: Instant::ZERO },
            Comings::Planned(arrivals) => Self::planned(arrivals, case.until, seed),
        }
    }

    fn planned(arrivals: &'a Arrivals, until: Instant, seed: Seed) -> Self {
        match (arrivals.pieces.as_slice(), arrivals.spacing) {
            ([piece], Spacing::Even) if piece.from == piece.to => Self::Even { rate: piece.from, next: 0 },
            ([piece], Spacing::Poisson) if piece.from == piece.to => {
                let mean_ns = piece.from.per.as_ns() as f64 / piece.from.tokens as f64;
                Self::Poisson { mean_ns, draws: seed.stream(), now: 0.0 }
            }
            _ => Self::Planned(Box::new(crate::load::arrivals(arrivals, until.since(Instant::ZERO), seed))),
        }
    }
}

impl Iterator for Stream<'_> {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        match self {
            Self::Closed => None,
            Self::Even { rate, next } => {
                let ns = (u128::from(*next) * u128::from(rate.per.as_ns())).checked_div(u128::from(rate.tokens))?;
                *next += 1;
                u64::try_from(ns).ok().map(Instant::from_ns)
            }
            Self::Poisson { mean_ns, draws, now } => {
                *now += draws.exponential() * *mean_ns;
                // Never, if there is no rate at all; `as` saturates.
                now.is_finite().then_some(Instant::from_ns(*now as u64))
            }
            Self::Gaps { gaps, draws, now } => {
                *now += gaps.at(draws.unit()).max(Span::ZERO);
                Some(*now)
            }
            Self::Bursts(bursts) => Some(bursts.next()),
            Self::Batches { batches, done } => loop {
                let (at, requests) = *batches.first()?;
                if *done < requests {
                    *done += 1;
                    return Some(at);
                }
                (*batches, *done) = (&batches[1..], 0);
            },
            Self::Planned(arrivals) => arrivals.next(),
        }
    }
}
