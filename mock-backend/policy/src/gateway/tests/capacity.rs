//! Functions that share a pool of connections.

use proptest::prelude::*;

use super::*;
use crate::model::{Capacity, CapacityId, LinkId, ModelledTarget, Serves, Target, VpcLink};
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
    let of = |what| {
        used.iter().find(|used| used.what == what).map(|used| ((used.share.unwrap() * 1e4).round(), used.peak, used.refused))
    };
    assert_eq!(of(Limited::Capacity(POOL)), Some((6_000.0, Some(1), 0)));
    assert_eq!(of(Limited::Function(FunctionId(1))), Some((8.0, Some(1), 0)));
    let seen = gateway.gateway.occupancy(POOL);
    assert_eq!((seen.asked, seen.busy, seen.waited), (2, ms(60), ms(25)));
}

/// A function and the target of a private link that share a pool of one connection for 30 ms; at most one waits, for up to a second.
fn mixed() -> Driven {
    let pool =
        Capacity { name: "db".to_owned(), size: 1, queue: Some(1), service: Latency::constant(ms(30)), timeout: ms(1_000) };
    let target = ModelledTarget { uses: Some(POOL), ..ModelledTarget::new(Latency::constant(ms(20))) };
    let link = VpcLink::new("stock", vec![Target { name: "t".to_owned(), serves: Serves::Modelled(target) }]);
    let Integration::Http(back_end) = http(TIMEOUT) else { unreachable!() };
    let through = Integration::Http(HttpIntegration { connection: Connection::Link(LinkId(0)), ..back_end });
    let uses = |function: &mut Function| {
        function.uses = Some(POOL);
        function.cold_start = Latency::constant(Span::ZERO);
    };
    let set = |model: &mut Model| {
        model.apis[0].overhead = Latency::constant(Span::ZERO);
        model.capacities = vec![pool];
        model.links = vec![link];
    };
    gateway(ApiKind::Rest).lambda(uses).route(through).set(set).start()
}

#[test]
fn a_function_and_a_target_share_one_pool() {
    let mut gateway = mixed();
    gateway.call(at(0), call(1));
    gateway.call(at(5), call(0));
    gateway.call(at(6), call(1));
    let told: Vec<_> = gateway.replies().iter().map(|reply| (reply.status, reply.reason, reply.at)).collect();
    // The target has the connection first, the function waits for it, and the third finds the line full: its target says so itself.
    let exhausted = Reason::CapacityExhausted(POOL);
    assert_eq!(told, [(500, exhausted, at(6)), (200, Reason::Served, at(50)), (200, Reason::Served, at(80))]);
    gateway.gateway.advance(at(100));
    let seen = gateway.gateway.occupancy(POOL);
    assert_eq!((seen.asked, seen.refused, seen.busy), (3, 1, ms(60)));
    let used = gateway.gateway.used();
    let target = used.iter().find(|used| matches!(used.what, Limited::Target(_))).unwrap();
    assert_eq!((target.limit, target.share, target.peak, target.refused), (None, None, Some(2), 0));
    assert_eq!(target.what.name(gateway.gateway.model()), "target t of stock");
}

proptest! {
    #[test]
    fn whoever_asks_a_shared_pool_waits_as_in_one_line(coming in prop::collection::vec((0_u64..50, any::<bool>()), 1..40)) {
        let mut gateway = mixed();
        let mut line = Capacities::new(gateway.gateway.model(), Seed::new(1));
        let mut expected = Vec::new();
        let mut now = 0;
        for (gap, is_target) in coming {
            now += gap;
            gateway.call(at(now), call(u16::from(is_target)));
            // Each has the connection for 30 ms, and then works on for its own 20.
            expected.push(match line.ask(at(now), POOL) {
                Ok(turn) => (200, turn.until + ms(20)),
                Err(given_up) => (if is_target { 500 } else { 502 }, given_up.at),
            });
        }
        let mut told: Vec<_> = gateway.replies().iter().map(|reply| (reply.status, reply.at)).collect();
        told.sort_by_key(|(status, at)| (*at, *status));
        expected.sort_by_key(|(status, at)| (*at, *status));
        prop_assert_eq!(told, expected);
    }
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
