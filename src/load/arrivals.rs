//! Arrivals of an open plan, second by second: each second can be computed alone.
//!
//! Owns the two spacings. Refuses to say what arrives (`script` does). Called by `script`.
//!
//! A Poisson process with rate r(t) is a Poisson process of rate one on the scale of the integral of r (time change; Lewis and
//! Shedler 1979): so in each second exponential gaps of mean one, drawn from that second's own stream, are walked along the
//! integral until it ends. Numbers are Poisson, positions are sorted, seconds are independent, and nothing is stored.

use sluicegate_policy::seed::{Seed, Stream};
use sluicegate_policy::time::{Instant, Span};

use super::curve::{Curve, Segment};
use super::traffic::{Arrivals, Spacing};

const SECOND_NS: u64 = 1_000_000_000;

/// All arrivals of a plan, in order.
pub(super) struct ArrivalStream {
    plan: Plan,
    second: u64,
    within: Within,
}

/// What each second is computed from.
pub(super) struct Plan {
    curve: Curve,
    spacing: Spacing,
    seed: Seed,
}

/// The arrivals of one second that are still to come.
enum Within {
    Even { next: u64, end: u64 },
    Poisson { draws: Stream, segment: Option<Segment>, until: u64, ahead: f64 },
}

impl ArrivalStream {
    pub(super) fn new(arrivals: &Arrivals, duration: Span, seed: Seed) -> Self {
        let plan = Plan { curve: Curve::new(&arrivals.pieces, duration), spacing: arrivals.spacing, seed };
        let within = plan.second(0);
        Self { plan, second: 0, within }
    }
}

impl Iterator for ArrivalStream {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        loop {
            if let Some(at) = self.within.next(&self.plan.curve) {
                return Some(at);
            }
            self.second += 1;
            let start = self.second * SECOND_NS;
            if start >= self.plan.curve.end() || self.plan.curve.is_silent_from(start) {
                return None;
            }
            self.within = self.plan.second(self.second);
        }
    }
}

impl Plan {
    fn second(&self, second: u64) -> Within {
        let start = second * SECOND_NS;
        let until = (start + SECOND_NS).min(self.curve.end());
        match self.spacing {
            Spacing::Even => Within::Even { next: self.curve.events_before(start), end: self.curve.events_before(until) },
            Spacing::Poisson => {
                let mut draws = self.seed.nth(second).stream();
                let ahead = draws.exponential();
                Within::Poisson { draws, segment: self.curve.segment(start, until), until, ahead }
            }
        }
    }
}

impl Within {
    fn next(&mut self, curve: &Curve) -> Option<Instant> {
        match self {
            Self::Even { next, end } => {
                let i = *next;
                (i < *end).then(|| {
                    *next += 1;
                    curve.instant_of(i)
                })
            }
            Self::Poisson { draws, segment, until, ahead } => loop {
                let here = (*segment)?;
                if *ahead < here.events {
                    let at = here.reaches(*ahead);
                    *ahead += draws.exponential();
                    return Some(Instant::from_ns(at));
                }
                *ahead -= here.events;
                *segment = curve.segment(here.end, *until);
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::traffic::Piece;
    use proptest::prelude::*;
    use sluicegate_policy::model::PerSecond;

    fn rate(tokens: u64) -> PerSecond {
        PerSecond { tokens, per: Span::from_secs(1) }
    }

    fn plan(spacing: Spacing, pieces: &[(u64, u64, u64)], seed: u64) -> Plan {
        let piece = |&(from, to, ms): &(u64, u64, u64)| Piece { from: rate(from), to: rate(to), length: Span::from_ms(ms) };
        let pieces: Vec<Piece> = pieces.iter().map(piece).collect();
        let length = pieces.iter().map(|piece| piece.length).sum();
        Plan { curve: Curve::new(&pieces, length), spacing, seed: Seed::new(seed) }
    }

    fn stream(plan: Plan) -> ArrivalStream {
        let within = plan.second(0);
        ArrivalStream { plan, second: 0, within }
    }

    fn alone(plan: &Plan, second: u64) -> Vec<Instant> {
        let mut within = plan.second(second);
        std::iter::from_fn(|| within.next(&plan.curve)).collect()
    }

    #[test]
    fn even_arrivals_are_as_many_as_the_rate_says_and_equally_far_apart() {
        let arrivals: Vec<Instant> = stream(plan(Spacing::Even, &[(200, 200, 20_000)], 1)).collect();
        assert_eq!(arrivals.len(), 4_000);
        assert!(arrivals.windows(2).all(|pair| pair[1].since(pair[0]) == Span::from_ms(5)));
    }

    #[test]
    fn poisson_counts_have_mean_and_variance_of_the_rate() {
        let plan = plan(Spacing::Poisson, &[(100, 100, 2_000_000)], 7);
        let counts: Vec<f64> = (0..2_000).map(|second| alone(&plan, second).len() as f64).collect();
        let mean = counts.iter().sum::<f64>() / 2_000.0;
        let variance = counts.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 1_999.0;
        // Standard errors: 0.22 and 3.2.
        assert!((mean - 100.0).abs() < 1.0, "{mean}");
        assert!((variance - 100.0).abs() < 15.0, "{variance}");
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let arrivals: Vec<Instant> = stream(plan(Spacing::Poisson, &[(1_000, 1_000, 100_000)], 3)).collect();
        let gaps: Vec<f64> = arrivals.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64() * 1_000.0).collect();
        for (above, share) in [(0.5, 0.6065), (1.0, 0.3679), (2.0, 0.1353)] {
            let seen = gaps.iter().filter(|gap| **gap > above).count() as f64 / gaps.len() as f64;
            assert!((seen - share).abs() < 0.008, "above {above}: {seen}");
        }
    }

    #[test]
    fn a_poisson_ramp_follows_the_rate() {
        let arrivals: Vec<Instant> = stream(plan(Spacing::Poisson, &[(0, 2_000, 100_000)], 5)).collect();
        let early = arrivals.iter().filter(|at| at.second() < 50).count() as f64 / arrivals.len() as f64;
        assert!((early - 0.25).abs() < 0.006, "{early}");
    }

    proptest! {
        #[test]
        fn seconds_alone_are_the_seconds_in_sequence_and_arrivals_are_sorted(
            pieces in prop::collection::vec((0_u64..400, 0_u64..400, 1_u64..3_000), 1..5),
            poisson in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let spacing = if poisson { Spacing::Poisson } else { Spacing::Even };
            let whole: Vec<Instant> = stream(plan(spacing, &pieces, seed)).collect();
            prop_assert!(whole.is_sorted());
            let plan = plan(spacing, &pieces, seed);
            prop_assert!(whole.iter().all(|at| at.as_ns() < plan.curve.end()));
            let last = plan.curve.end().div_ceil(SECOND_NS);
            // Backwards, so that nothing can be carried from one to the next.
            let mut seconds: Vec<Vec<Instant>> = (0..last).rev().map(|second| alone(&plan, second)).collect();
            seconds.reverse();
            for (second, arrivals) in seconds.iter().enumerate() {
                prop_assert!(arrivals.iter().all(|at| at.second() == second as u64));
            }
            prop_assert_eq!(seconds.concat(), whole);
        }
    }
}
