//! A client that tries again, in virtual time.

use super::*;
use crate::load::retry::{Jitter, Policy, Tally, retrying};

pub(super) fn policy() -> Policy {
    Policy {
        attempts: 3,
        statuses: vec![429],
        network: true,
        backoff: MS * 100,
        max_backoff: Span::from_secs(20),
        jitter: Jitter::Full,
        budget: None,
    }
}

pub(super) fn client(plan: &Traffic, policy: Policy) -> Box<dyn Source> {
    retrying(script(plan, Share::ALL), policy, plan.seed, Share::ALL)
}

/// Behind a bucket of one token: after each request that passes it is empty for exactly 1 / rate.
fn throttled(rate: u64) -> World {
    let mut model = model(constant(1));
    model.stages[0].throttle = Some(Throttle { rate: per_second(rate), burst: Burst(1) });
    World { connections: 10_000, ..world(model) }
}

/// Attempts a second, and how many of them pass, if `offered` requests a second have three attempts each at a throttle of `rate` with a
/// burst of one: the fixed point of A = offered (1 + q + q^2), where q is the share that is refused. Of attempts that come as a Poisson
/// process, A / (1 + A / rate) a second find the bucket full (a counter with a fixed dead time, as in renewal theory).
fn amplified(offered: f64, rate: f64) -> (f64, f64) {
    let passed = |all: f64| all / (1.0 + all / rate);
    let all = (0..1_000).fold(offered, |all, _| {
        let refused = 1.0 - passed(all) / all;
        offered * (1.0 + refused + refused * refused)
    });
    (all, passed(all))
}

#[test]
fn retries_amplify_the_load_of_a_throttle_as_the_fixed_point_says() {
    for (offered, rate) in [(300_u64, 200_u64), (300, 100), (100, 400)] {
        let plan = traffic(1, 60, open(offered, Spacing::Poisson));
        let (samples, summary) = run_source(&throttled(rate), client(&plan, policy()));
        // Of what came, not of what was planned: Poisson arrivals over a minute differ from their rate by a percent.
        let (all, passed) = amplified(summary.intended as f64 / 60.0, rate as f64);
        let share = |status| count(&samples, |sample| sample.status == status) as f64 / 60.0;
        for (what, found, expected) in [("attempts", samples.len() as f64 / 60.0, all), ("passed", share(200), passed)] {
            assert!(
                (found / expected - 1.0).abs() < 0.02,
                "{offered}/s at {rate}/s: {found} {what} a second, expected {expected}"
            );
        }
        let tally = summary.retried.unwrap();
        assert_eq!(tally.exhausted + count(&samples, |sample| sample.status == 200) as u64, summary.intended);
    }
}

#[test]
fn a_budget_bounds_the_amplification_and_counts_what_it_refuses() {
    let plan = traffic(1, 60, open(300, Spacing::Poisson));
    let budgeted = Policy { budget: Some(200_000), ..policy() };
    let (samples, summary) = run_source(&throttled(100), client(&plan, budgeted));
    let retries = count(&samples, |sample| sample.attempt > 0) as f64;
    let share = retries / summary.intended as f64;
    // A fifth, and one a second more for the minimum; it is used up, for there are far more failures.
    assert!((share - (0.2 + 1.0 / 300.0)).abs() < 0.005, "{share}");
    let Tally { granted, refused, exhausted, recovered } = summary.retried.unwrap();
    assert_eq!((granted, summary.retries), (retries as u64, retries as u64));
    assert_eq!(
        refused + exhausted + recovered + count(&samples, |it| it.attempt == 0 && it.status == 200) as u64,
        summary.intended
    );
}

#[test]
fn a_retry_is_intended_at_the_end_of_its_backoff_and_the_script_stays_the_same() {
    let plan = traffic(1, 2, open(100, Spacing::Even));
    let (samples, summary) = run_source(&throttled(10), client(&plan, Policy { jitter: Jitter::None, ..policy() }));
    let (_, without) = run(&throttled(10), &plan);
    assert_eq!((summary.script, summary.intended), (without.script, without.intended));
    assert_eq!(without.retried, None);
    let find = |session, attempt| samples.iter().find(|sample| (sample.session, sample.attempt) == (session, attempt));
    let mut pairs = 0;
    for retry in samples.iter().filter(|sample| sample.attempt > 0) {
        let before = find(retry.session, retry.attempt - 1).unwrap();
        assert_eq!(retry.intended, before.done + MS * 100 * u64::from(retry.attempt));
        pairs += 1;
    }
    assert_eq!(pairs, summary.retries);
    assert!(pairs > 200, "{pairs}");
}

#[test]
fn a_user_who_is_throttled_waits_for_the_last_attempt_before_the_next_request() {
    let users = closed(5, MS * 10, 2);
    let mut refusing = model(constant(1));
    refusing.stages[0].throttle = Some(Throttle { rate: per_second(20), burst: Burst(1) });
    let (samples, _) = run_source(&world(refusing), client(&users, policy()));
    let mut own: Vec<&Sample> = samples.iter().filter(|sample| sample.session == 3).collect();
    own.sort_by_key(|sample| (sample.seq, sample.attempt));
    assert!(own.windows(2).all(|pair| pair[1].intended >= pair[0].done), "one after the other");
    assert!(own.iter().any(|sample| sample.attempt == 2) && own.iter().any(|sample| sample.seq > 5));
}
