//! Trace contexts: what a request is called in distributed tracing, so that the spans of whoever serves it join the span that we tell of it.
//!
//! Owns how ids come from the run and from what a request is, so that whoever writes a header and whoever tells of its sample agree without a word
//! between them; and which requests are sampled: the same whatever lane they are on. Refuses headers (`engine`), spans (`report`), clocks and the
//! system's randomness: nothing of this takes an allocation or a call.
//!
//! A trace id is 32 hexadecimal digits: 8 of the second of the wall clock in which the request was intended, as X-Ray asks for, and 24 that the run and the
//! request's place in it decide. Two requests of a run have the same in one of 2^96 cases, and two runs have different ids.

use sluicegate_policy::seed::{Seed, mix};
use sluicegate_policy::time::{Instant, Span};

use super::sample::Sample;

/// In which words a request says its trace context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `traceparent`, version 00 (W3C Trace Context).
    W3c,
    /// `x-amzn-trace-id` (AWS X-Ray).
    XRay,
}

/// How the requests of a run are traced.
#[derive(Clone, Copy, Debug)]
pub struct Tracing {
    /// In which words.
    pub dialect: Dialect,
    seed: Seed,
    /// A request is sampled whose number is below this.
    below: u64,
    /// Wall clock at the script's zero, since 1970.
    zero: Span,
}

/// One attempt at one step of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// Session of the step.
    pub session: u32,
    /// Step of the session.
    pub seq: u32,
    /// Zero for the first attempt, then one for each retry.
    pub attempt: u8,
    /// When it was intended.
    pub intended: Instant,
}

/// What a request is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: u128,
    /// Our span in it; never zero.
    pub span: u64,
    /// Whether it is told.
    pub sampled: bool,
}

impl Dialect {
    /// The name of the header, in small letters.
    pub const fn header(self) -> &'static str {
        match self {
            Self::W3c => "traceparent",
            Self::XRay => "x-amzn-trace-id",
        }
    }
}

impl Occasion {
    /// The first step of the first session, in the first instant.
    pub const FIRST: Self = Self { session: 0, seq: 0, attempt: 0, intended: Instant::ZERO };

    /// That of which this is the sample.
    pub const fn of(sample: &Sample) -> Self {
        Self { session: sample.session, seq: sample.seq, attempt: sample.attempt, intended: sample.intended }
    }
}

impl Tracing {
    /// Of the run with this name, whose script's zero was so long after 1970. `share` of its requests, 0 to 1, are sampled.
    pub fn new(dialect: Dialect, run: &str, share: f64, zero: Span) -> Self {
        // From 1 on, all: a share of numbers below 2^64 would leave one out.
        let below = if share >= 1.0 { u64::MAX } else { (share.max(0.0) * 2_f64.powi(64)) as u64 };
        Self { dialect, seed: Seed::new(0).child("tracing").child(run), below, zero }
    }

    /// What a request is called.
    pub fn context(&self, occasion: Occasion) -> TraceContext {
        let Occasion { session, seq, attempt, intended } = occasion;
        let step = self.step(session, seq);
        let one = step.nth(u64::from(attempt));
        let second = (self.wall(intended).as_ns() / Span::from_secs(1).as_ns()) as u32;
        let trace = (u128::from(second) << 96) | (u128::from(one.draw(0)) << 32) | u128::from(one.draw(1) as u32);
        TraceContext { trace, span: one.draw(2).max(1), sampled: self.takes(step) }
    }

    /// Whether the step is sampled, all of its attempts together.
    const fn takes(&self, step: Seed) -> bool {
        self.below == u64::MAX || mix(step.root()) < self.below
    }

    /// Whether a request is sampled.
    pub const fn is_sampled(&self, occasion: Occasion) -> bool {
        self.takes(self.step(occasion.session, occasion.seq))
    }

    /// A bijection of the step: no two steps of a run have the same.
    const fn step(&self, session: u32, seq: u32) -> Seed {
        self.seed.nth(((session as u64) << 32) | seq as u64)
    }

    /// Nanoseconds since 1970 at this instant.
    pub fn wall(&self, at: Instant) -> Span {
        self.zero + at.since(Instant::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// 2026-11-22T17:59:31Z.
    const ZERO: Span = Span::from_secs(1_795_370_371);

    fn tracing(share: f64) -> Tracing {
        Tracing::new(Dialect::W3c, "20261122T175931-0a1b2c3d", share, ZERO)
    }

    fn occasions() -> impl Iterator<Item = Occasion> {
        let intended = |n: u32| Instant::from_ns(u64::from(n) * 1_000_000);
        (0..20_000_u32).map(move |n| Occasion { session: n / 2, seq: n % 2, attempt: 0, intended: intended(n) })
    }

    #[test]
    fn every_attempt_has_ids_of_its_own_and_the_same_ones_whenever_it_is_asked() {
        let tracing = tracing(0.5);
        let (mut traces, mut spans) = (BTreeSet::new(), BTreeSet::new());
        for occasion in occasions() {
            for attempt in 0..3 {
                let context = tracing.context(Occasion { attempt, ..occasion });
                assert_eq!(context, tracing.context(Occasion { attempt, ..occasion }));
                assert!(traces.insert(context.trace) && spans.insert(context.span) && context.span != 0);
            }
        }
        assert_eq!(traces.len(), 60_000);
    }

    #[test]
    fn the_trace_says_the_second_in_which_its_request_was_intended() {
        let at = |ms: u64| Occasion { intended: Instant::from_ns(ms * 1_000_000), ..Occasion::FIRST };
        let second = |ms: u64| (tracing(1.0).context(at(ms)).trace >> 96) as u64;
        assert_eq!([second(0), second(999), second(61_500)], [1_795_370_371, 1_795_370_371, 1_795_370_432]);
    }

    #[test]
    fn the_share_of_the_steps_that_is_asked_for_is_sampled_with_all_attempts() {
        for (share, expected) in [(0.0, 0..=0), (0.01, 150..=250), (0.5, 9_700..=10_300), (1.0, 20_000..=20_000)] {
            let tracing = tracing(share);
            let sampled = occasions().filter(|occasion| tracing.is_sampled(*occasion)).count();
            assert!(expected.contains(&sampled), "{share}: {sampled}");
            let alike = |occasion: Occasion| {
                (0..4).all(|attempt| tracing.context(Occasion { attempt, ..occasion }).sampled == tracing.is_sampled(occasion))
            };
            assert!(occasions().take(2_000).all(alike));
        }
    }

    #[test]
    fn two_runs_have_no_id_in_common() {
        let other = Tracing::new(Dialect::W3c, "20261122T175931-0a1b2c3e", 1.0, ZERO);
        let ids = |tracing: &Tracing| occasions().map(|occasion| tracing.context(occasion).span).collect::<BTreeSet<_>>();
        assert!(ids(&tracing(1.0)).is_disjoint(&ids(&other)));
    }
}
