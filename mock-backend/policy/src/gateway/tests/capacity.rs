//! Functions that share a pool of connections.

use super::*;
use crate::model::{Capacity, CapacityId};
use crate::usage::Limited;

const POOL: CapacityId = CapacityId(0);

/// Two functions of 20 ms that share a pool of one connection, which each has for 30 ms; at most one waits, for up to a second.
fn driven(timeout: Span) -> Driven {
    let uses = |function: &mut Function| {
        function.uses = Some(POOL);
        function.cold_start = Latency::constant(Span::ZERO);
    };
    let pool = Capacity { name: "db".to_owned(), size: 1, queue: Some(1), service: Latency::constant(ms(30)), timeout };
    let set = |model: &mut Model| {
        model.apis[0].overhead = Latency::constant(Span::ZERO);
        model.capacities = vec![pool];
    };
    gateway(ApiKind::Rest).lambda(uses).lambda(uses).set(set).start()
}

#[test]
fn one_function_waits_for_the_connection_that_another_one_has() {
    let mut gateway = driven(ms(1_000));
    gateway.call(at(0), call(0));
    gateway.call(at(5), call(1));
    let replies = gateway.replies();
    let told: Vec<_> = replies.iter().map(|reply| (reply.status, reply.at, reply.timing.integration)).collect();
    assert_eq!(told, [(200, at(50), Some(ms(50))), (200, at(80), Some(ms(75)))]);
    gateway.gateway.advance(at(100));
    let used = gateway.gateway.used();
    let of = |what| used.iter().find(|used| used.what == what).map(|used| ((used.share * 1e4).round(), used.peak, used.refused));
    assert_eq!(of(Limited::Capacity(POOL)), Some((6_000.0, Some(1), 0)));
    assert_eq!(of(Limited::Function(FunctionId(1))), Some((8.0, Some(1), 0)));
    let seen = gateway.gateway.occupancy(POOL);
    assert_eq!((seen.asked, seen.busy, seen.waited), (2, ms(60), ms(25)));
}

#[test]
fn a_function_without_a_connection_fails_when_it_knows_and_its_environment_is_free_again() {
    let mut gateway = driven(ms(10));
    gateway.call(at(0), call(0));
    gateway.call(at(1), call(1));
    gateway.call(at(2), call(1));
    let told: Vec<_> = gateway.replies().iter().map(|reply| (reply.status, reply.reason, reply.at)).collect();
    let exhausted = Reason::CapacityExhausted(POOL);
    // The last one finds the line full, the second one waits for ten milliseconds.
    assert_eq!(told, [(502, exhausted, at(2)), (502, exhausted, at(11)), (200, Reason::Served, at(50))]);
    assert_eq!(exhausted.blame(502), crate::call::Blame::Integration);
    assert_eq!(gateway.gateway.environments(FunctionId(1)).busy, 0);
}

#[test]
fn a_cold_function_asks_when_it_has_started() {
    let mut gateway = driven(ms(1_000));
    let Build(mut model) = Build(Model::clone(gateway.gateway.model()));
    model.functions[1].cold_start = Latency::constant(ms(100));
    gateway = Build(model).start();
    gateway.call(at(0), call(1));
    gateway.call(at(60), call(0));
    let told: Vec<_> = gateway.replies().iter().map(|reply| (reply.at, reply.timing.cold_start)).collect();
    assert_eq!(told, [(at(110), Some(Span::ZERO)), (at(150), Some(ms(100)))], "it found the connection free");
}

#[test]
fn the_account_tells_what_was_busy_at_once_and_what_it_refused_and_a_function_what_its_own_limit_refused() {
    let at_once = |function: &mut Function| function.cold_start = Latency::constant(Span::ZERO);
    let reserved = |function: &mut Function| {
        at_once(function);
        function.concurrency = Some(1);
    };
    let mut gateway = gateway(ApiKind::Rest).lambda(at_once).lambda(reserved).set(|model| model.account.concurrency = 2).start();
    // The one that the other function left, and one too many; then its own one, and one too many.
    for (now, route) in [(0, 0), (1, 0), (100, 1), (101, 1), (102, 1)] {
        gateway.call(at(now), call(route));
    }
    gateway.replies();
    gateway.gateway.advance(at(1_000));
    let of = |what| gateway.gateway.used().into_iter().find(|used| used.what == what).map(|used| (used.peak, used.refused));
    assert_eq!(of(Limited::AccountConcurrency), Some((Some(1), 1)), "never both at once");
    assert_eq!(of(Limited::Function(FunctionId(0))), Some((Some(1), 0)));
    assert_eq!(of(Limited::Function(FunctionId(1))), Some((Some(1), 2)));
}
