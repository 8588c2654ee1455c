//! What holds for every account, every function and every sequence of invocations.

use super::*;
use crate::latency::Latency;
use crate::model::{Api, ApiKind, Dispatch, Response, Scaling};
use proptest::prelude::*;

fn some_throttle() -> impl Strategy<Value = Throttle> {
    (1_u64..5, 1_u64..60, 0_u64..5)
        .prop_map(|(tokens, per, burst)| Throttle { rate: PerSecond { tokens, per: Span::from_ms(per) }, burst: Burst(burst) })
}

fn some_function() -> impl Strategy<Value = Function> {
    let dispatch = prop::sample::select(vec![
        Dispatch::MostRecentlyUsed,
        Dispatch::NewestCreated,
        Dispatch::LeastRecentlyUsed,
        Dispatch::Random,
    ]);
    let times = (0_u64..60, 0_u64..60, 1_u64..60);
    (prop::option::of(0_u32..5), 0_u32..3, some_throttle(), dispatch, times).prop_map(
        |(concurrency, provisioned, scale_out, dispatch, (duration, cold_start, keep_alive))| Function {
            name: String::new(),
            memory_mb: 128,
            duration: Latency::constant(Span::from_ms(duration)),
            cold_start: Latency::constant(Span::from_ms(cold_start)),
            failures: 0.0,
            concurrency,
            keep_alive: Latency::exponential(Span::from_ms(keep_alive)).unwrap(),
            scaling: Scaling { scale_out, provisioned, dispatch },
            response: Response { status: 200, body: String::new() },
            echoes: false,
            uses: None,
            code: crate::model::Code::Modelled,
        },
    )
}

fn some_model() -> impl Strategy<Value = Model> {
    (prop::collection::vec(some_function(), 2), 0_u32..8, 1_u32..12).prop_map(|(functions, concurrency, each)| {
        let mut model = Model { functions, ..Model::of(Api::new(ApiKind::Http, "a"), &["prod"], Vec::new()) };
        (model.account.concurrency, model.account.invocations_per_environment) = (concurrency, each);
        model
    })
}

/// Invocations: how long after the one before, and of which function.
fn some_invocations() -> impl Strategy<Value = Vec<(u64, u16)>> {
    prop::collection::vec((0_u64..25, 0_u16..2), 1..150)
}

/// One invocation that was let in.
#[derive(Clone, Copy)]
struct Admitted {
    at: Instant,
    function: FunctionId,
    until: Instant,
    invocation: Invocation,
}

/// Lets the invocations come, and gives back each environment when its time is over; `look` sees the pools before each.
fn play(model: &Model, invocations: &[(u64, u16)], mut look: impl FnMut(&mut Pools, Instant, FunctionId)) -> Vec<Admitted> {
    let mut pools = Pools::new(model, Seed::new(5));
    let (mut now, mut admitted, mut running) = (Instant::ZERO, Vec::<Admitted>::new(), Vec::<Admitted>::new());
    for (gap, function) in invocations {
        now += Span::from_ms(*gap);
        let function = FunctionId(*function);
        running.sort_by_key(|it| it.until);
        while running.first().is_some_and(|it| it.until <= now) {
            let over = running.remove(0);
            pools.release(over.until, over.function, over.invocation.environment);
        }
        look(&mut pools, now, function);
        if let Ok(invocation) = pools.invoke(now, function) {
            let one = Admitted { at: now, function, until: now + invocation.busy, invocation };
            admitted.push(one);
            running.push(one);
        }
    }
    admitted
}

/// Whether no window saw more than the bucket can give.
fn keeps(throttle: Throttle, given: &[Instant]) -> bool {
    let per = u128::from(throttle.rate.per.as_ns());
    (0..given.len()).all(|from| {
        (from..given.len()).all(|to| {
            let brought = u128::from(given[to].since(given[from]).as_ns()) * u128::from(throttle.rate.tokens);
            (to - from + 1) as u128 * per <= u128::from(throttle.burst.0) * per + brought
        })
    })
}

/// How many of these are busy at once, at most.
fn peak(admitted: &[Admitted], counts: impl Fn(&Admitted) -> bool) -> usize {
    let busy = |now: Instant| admitted.iter().filter(|it| counts(it) && it.at <= now && it.until > now).count();
    admitted.iter().map(|it| busy(it.at)).max().unwrap_or_default()
}

fn instants(admitted: &[Admitted], counts: impl Fn(&Admitted) -> bool) -> Vec<Instant> {
    admitted.iter().filter(|it| counts(it)).map(|it| it.at).collect()
}

fn is_provisioned(it: &Admitted) -> bool {
    it.invocation.environment == Environment::Provisioned
}

proptest! {
    #[test]
    fn never_are_more_environments_busy_than_account_reservation_and_provision_allow(
        model in some_model(), invocations in some_invocations(),
    ) {
        let admitted = play(&model, &invocations, |_, _, _| {});
        let account = model.account.concurrency as usize;
        prop_assert!(peak(&admitted, |_| true) <= account);
        let set_aside: u32 = model.functions.iter().map(set_aside).sum();
        let unreserved = |it: &Admitted| model.functions[usize::from(it.function.0)].concurrency.is_none() && !is_provisioned(it);
        prop_assert!(peak(&admitted, unreserved) <= account.saturating_sub(set_aside as usize));
        for (at, function) in model.functions.iter().enumerate() {
            let own = |it: &Admitted| usize::from(it.function.0) == at;
            prop_assert!(function.concurrency.is_none_or(|limit| peak(&admitted, own) <= limit as usize));
            prop_assert!(peak(&admitted, |it| own(it) && is_provisioned(it)) <= function.scaling.provisioned as usize);
        }
    }

    #[test]
    fn no_window_sees_more_cold_starts_or_invocations_than_its_bucket_gives(
        model in some_model(), invocations in some_invocations(),
    ) {
        let admitted = play(&model, &invocations, |_, _, _| {});
        let rate = |concurrency| super::invocations(concurrency, model.account.invocations_per_environment);
        prop_assert!(keeps(rate(model.account.concurrency), &instants(&admitted, |_| true)));
        for (at, function) in model.functions.iter().enumerate() {
            let own = |it: &Admitted| usize::from(it.function.0) == at;
            let cold = instants(&admitted, |it| own(it) && it.invocation.cold_start.is_some());
            prop_assert!(keeps(function.scaling.scale_out, &cold));
            prop_assert!(function.concurrency.is_none_or(|limit| keeps(rate(limit), &instants(&admitted, own))));
            let provisioned = instants(&admitted, |it| own(it) && is_provisioned(it));
            prop_assert!(keeps(rate(function.scaling.provisioned), &provisioned));
        }
    }

    #[test]
    fn a_provisioned_environment_is_never_cold_and_is_used_while_one_is_free(
        model in some_model(), invocations in some_invocations(),
    ) {
        // The rate is no matter here.
        let mut model = model;
        model.account.invocations_per_environment = 1_000;
        let admitted = play(&model, &invocations, |_, _, _| {});
        for (n, it) in admitted.iter().enumerate() {
            let same = |other: &&Admitted| other.function == it.function && is_provisioned(other) && other.until > it.at;
            let busy = admitted[..n].iter().filter(same).count();
            let limit = model.functions[usize::from(it.function.0)].scaling.provisioned as usize;
            prop_assert_eq!(is_provisioned(it), busy < limit);
            prop_assert!(!is_provisioned(it) || it.invocation.cold_start.is_none());
        }
    }

    #[test]
    fn growth_is_refused_at_every_instant_before_the_one_it_promised_and_not_at_it(
        model in some_model(), invocations in some_invocations(), share in 0.0_f64..1.0,
    ) {
        // What a provisioned environment may serve again meanwhile is no growth.
        let mut model = model;
        model.account.invocations_per_environment = 1_000;
        play(&model, &invocations, |pools, now, function| {
            if pools.clone().invoke(now, function) != Err(FunctionLimit::ScaleOut) {
                return;
            }
            let promised = pools.functions[usize::from(function.0)].scale_out.check(now, 1).unwrap_err();
            if promised == Instant::MAX {
                return;
            }
            let wait = promised.since(now).as_ns();
            for before in [0, (share * wait as f64) as u64, wait - 1] {
                let early = now + Span::from_ns(before.min(wait - 1));
                assert_eq!(pools.clone().invoke(early, function), Err(FunctionLimit::ScaleOut));
            }
            assert!(pools.clone().invoke(promised, function).is_ok_and(|it| it.cold_start.is_some()));
        });
    }

    #[test]
    fn what_is_refused_takes_nothing(model in some_model(), invocations in some_invocations()) {
        play(&model, &invocations, |pools, now, function| {
            let mut refused = pools.clone();
            if refused.invoke(now, function).is_err() {
                // Whoever is refused twice is no worse off than who is refused once.
                let later = now + Span::from_ms(40);
                assert_eq!(refused.invoke(later, function), pools.clone().invoke(later, function));
            }
        });
    }
}
