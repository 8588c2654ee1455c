//! The laws of a client that tries again.

use proptest::prelude::*;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Instant;

use super::*;
use crate::load::script::script;
use crate::load::traffic::{Arrivals, Pace, Piece, Share as MixShare, Spacing, Traffic};
use crate::traffic::SeriesId;
use crate::traffic::catalog::TemplateId;

const MS: Span = Span::from_ms(1);

fn policy() -> Policy {
    Policy {
        attempts: 3,
        statuses: vec![429, 503],
        network: true,
        backoff: MS * 100,
        max_backoff: Span::from_secs(20),
        jitter: Jitter::Full,
        budget: None,
    }
}

fn traffic(pace: Pace, secs: u64) -> Traffic {
    let mix = vec![MixShare { template: TemplateId(0), series: SeriesId(0), weight: 1 }];
    Traffic { seed: Seed::new(7), duration: Span::from_secs(secs), identities: 9, mix, pace }
}

fn open(tokens: u64, secs: u64) -> Traffic {
    let rate = PerSecond { tokens, per: Span::from_secs(1) };
    let pieces = vec![Piece { from: rate, to: rate, length: Span::from_secs(1) }];
    traffic(Pace::Open(Arrivals { pieces, spacing: Spacing::Even }), secs)
}

fn client(traffic: &Traffic, policy: &Policy, share: Share) -> Box<dyn Source> {
    retrying(script(traffic, share), policy.clone(), traffic.seed, share)
}

/// Tells that a step ended at `at` with this fault and status; what its session does next.
fn end(source: &mut dyn Source, step: &Step, at: Instant, (fault, status): (Blame, u16)) -> Option<Step> {
    let Action::Request(request) = &step.action;
    let Step { session, seq, attempt, .. } = *step;
    source.next(Feedback::Ended(Ended { session, seq, attempt, at, status, fault, request }))
}

const THROTTLED: (Blame, u16) = (Blame::Nobody, 429);
const ANSWERED: (Blame, u16) = (Blame::Nobody, 200);

/// Every step of the plan ends so, a millisecond after it is due; all attempts in the order of their instants.
fn attempts(mut source: Box<dyn Source>, ends: impl Fn(&Step) -> (Blame, u16)) -> (Vec<(Instant, Step)>, Tally) {
    let at = |step: &Step, now| match step.due {
        Due::At(at) => at,
        Due::After(think) => now + think,
    };
    let mut planned = source.next(Feedback::Idle);
    let mut later: Vec<(Instant, Step)> = Vec::new();
    let mut done = Vec::new();
    loop {
        later.sort_by_key(|(due, step)| std::cmp::Reverse((*due, step.session)));
        let due = planned.as_ref().map(|step| at(step, Instant::ZERO));
        let (due, step) = match (due, later.last()) {
            (Some(due), next) if next.is_none_or(|(other, _)| due <= *other) => {
                (due, std::mem::replace(&mut planned, source.next(Feedback::Idle)).unwrap())
            }
            _ => match later.pop() {
                Some(next) => next,
                None => return (done, source.retries().unwrap()),
            },
        };
        let now = due + MS;
        later.extend(end(source.as_mut(), &step, now, ends(&step)).map(|next| (at(&next, now), next)));
        done.push((due, step));
    }
}

proptest! {
    #[test]
    fn a_backoff_doubles_up_to_the_longest_and_jitter_keeps_within_it(
        base in 1_u64..1 << 40, max in 1_u64..1 << 42, attempt in 1_u8..=255, draw in 1e-9..1.0_f64,
    ) {
        let with = |jitter| Policy { backoff: Span::from_ns(base), max_backoff: Span::from_ns(max.max(base)), jitter, ..policy() };
        let doubled = base as f64 * 2_f64.powi(i32::from(attempt) - 1);
        let whole = with(Jitter::None).wait(attempt, draw);
        prop_assert_eq!(whole.as_ns(), doubled.min(max.max(base) as f64) as u64);
        prop_assert!(with(Jitter::Full).wait(attempt, draw) <= whole);
        let equal = with(Jitter::Equal).wait(attempt, draw);
        prop_assert!(equal <= whole && equal.as_ns() >= whole.as_ns() / 2);
    }

    #[test]
    fn what_is_retried_and_when_does_not_depend_on_how_many_lanes_there_are(of in 1_u16..9, fails in 1_u32..6) {
        let traffic = open(50, 2);
        let ends = |step: &Step| if step.session.is_multiple_of(fails) { THROTTLED } else { ANSWERED };
        let key = |(due, step): &(Instant, Step)| (*due, step.session, step.seq, step.attempt);
        let (whole, tally) = attempts(client(&traffic, &policy(), Share::ALL), ends);
        let lanes = (0..of).map(|index| attempts(client(&traffic, &policy(), Share { index, of }), ends));
        let (mut union, mut told) = (Vec::new(), Tally::default());
        for (steps, tally) in lanes {
            union.extend(steps.iter().map(key));
            told = told.and(tally);
        }
        union.sort_unstable();
        let mut all: Vec<_> = whole.iter().map(key).collect();
        all.sort_unstable();
        prop_assert_eq!(union, all);
        prop_assert_eq!(told, tally);
    }

    #[test]
    fn retries_never_exceed_the_budget(millionths in 0_u32..=1_000_000, rate in 1_u64..300) {
        let budgeted = Policy { budget: Some(millionths), ..policy() };
        let (steps, tally) = attempts(client(&open(rate, 4), &budgeted, Share::ALL), |_| THROTTLED);
        let retries = steps.iter().filter(|(_, step)| step.attempt > 0).count() as u64;
        // Four seconds, and backoffs of at most 0.3 s: all of it lies within one window.
        prop_assert!(retries <= 4 * rate * u64::from(millionths) / 1_000_000 + MINIMUM);
        prop_assert_eq!(retries, tally.granted);
        prop_assert_eq!(tally.refused + tally.exhausted, 4 * rate, "each of them ends by one of the two");
    }
}

#[test]
fn a_request_that_keeps_failing_has_as_many_attempts_as_it_may_and_nothing_else_changes() {
    let (steps, tally) = attempts(client(&open(10, 1), &Policy { jitter: Jitter::None, ..policy() }, Share::ALL), |_| THROTTLED);
    assert_eq!(tally, Tally { granted: 20, refused: 0, exhausted: 10, recovered: 0 });
    let of_first: Vec<_> = steps.iter().filter(|(_, step)| step.session == 0).collect();
    // Each ends a millisecond after it is due; then 100 ms, then 200 ms.
    let instants: Vec<Instant> = of_first.iter().map(|(due, _)| *due).collect();
    assert_eq!(instants, [0, 101, 302].map(|ms| Instant::ZERO + MS * ms));
    assert_eq!(of_first.iter().map(|(_, step)| (step.seq, step.attempt)).collect::<Vec<_>>(), [(0, 0), (0, 1), (0, 2)]);
    let what = |step: &Step| format!("{:?}", step.action);
    assert!(of_first.iter().all(|(_, step)| what(step) == what(&of_first[0].1)), "it sends the same again");
}

#[test]
fn full_jitter_is_uniform_over_the_whole_backoff() {
    let (steps, _) = attempts(client(&open(1_000, 4), &policy(), Share::ALL), |_| THROTTLED);
    for (attempt, backoff_ms) in [(1, 100.0), (2, 200.0)] {
        let before = |session| steps.iter().find(|(_, step)| step.session == session && step.attempt + 1 == attempt).unwrap().0;
        let own = steps.iter().filter(|(_, step)| step.attempt == attempt && step.session < 500);
        let waits: Vec<f64> = own.map(|(due, step)| due.since(before(step.session) + MS).as_ns() as f64 / 1e6).collect();
        assert_eq!(waits.len(), 500);
        assert!(waits.iter().all(|wait| *wait <= backoff_ms));
        // Mean of 500 uniform numbers: within 4.5 standard deviations.
        let mean = waits.iter().sum::<f64>() / 500.0;
        assert!((mean - backoff_ms / 2.0).abs() < 4.5 * backoff_ms / 12_f64.sqrt() / 500_f64.sqrt(), "{mean}");
    }
}

#[test]
fn only_what_the_policy_names_is_retried_and_never_what_was_not_sent() {
    let tries = |policy: &Policy, how| {
        let mut source = client(&open(10, 1), policy, Share::ALL);
        let step = source.next(Feedback::Idle).unwrap();
        end(source.as_mut(), &step, Instant::ZERO, how).is_some()
    };
    let blind = Policy { network: false, ..policy() };
    for (how, retried) in [
        (THROTTLED, true),
        ((Blame::Nobody, 503), true),
        ((Blame::Network, 0), true),
        // An answer that broke off has a status.
        ((Blame::Network, 200), true),
        ((Blame::Nobody, 500), false),
        (ANSWERED, false),
        ((Blame::Generator, 0), false),
    ] {
        assert_eq!(tries(&policy(), how), retried, "{how:?}");
        assert_eq!(tries(&blind, how), retried && how.0 != Blame::Network, "{how:?}");
    }
}

#[test]
fn a_user_goes_on_after_the_last_attempt() {
    let pace = Pace::Closed { users: 1, think: Latency::constant(MS * 30), ramp_up: Span::ZERO };
    let fails_twice = |step: &Step| if step.attempt < 2 && step.seq == 0 { THROTTLED } else { ANSWERED };
    let (steps, tally) =
        attempts(client(&traffic(pace, 1), &Policy { jitter: Jitter::None, ..policy() }, Share::ALL), fails_twice);
    let first: Vec<_> = steps.iter().take(5).map(|(due, step)| (due.as_ns() / 1_000_000, step.seq, step.attempt)).collect();
    assert_eq!(first, [(0, 0, 0), (101, 0, 1), (302, 0, 2), (333, 1, 0), (364, 2, 0)]);
    assert_eq!(tally, Tally { granted: 2, refused: 0, exhausted: 0, recovered: 1 });
}

#[test]
fn retries_have_no_part_in_the_plan() {
    let traffic = open(10, 1);
    let mut source = client(&traffic, &policy(), Share::ALL);
    let mut plain = script(&traffic, Share::ALL);
    while let Some(step) = source.next(Feedback::Idle) {
        assert_eq!(format!("{step:?}"), format!("{:?}", plain.next(Feedback::Idle).unwrap()));
        end(source.as_mut(), &step, Instant::ZERO, THROTTLED);
    }
    assert!(plain.next(Feedback::Idle).is_none());
    assert_eq!(source.retries().unwrap().granted, 10);
}
