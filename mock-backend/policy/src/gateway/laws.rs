//! The laws that hold for every model and every sequence of calls, and the comparison with the oracle.

use std::collections::{BTreeMap, BTreeSet};

use super::oracle::{self, Coming};
use super::tests::{EVER, call, gateway, http};
use super::*;
use crate::call::{CallId, Effect, Reply, Size};
use crate::latency::Latency;
use crate::model::{
    Account, ApiKind, Burst, Function, FunctionId, Integration, PAYLOAD_BYTES_MAX, PerSecond, Response, RouteId, Throttle,
};
use proptest::prelude::*;
use std::collections::VecDeque;

/// Times are in nanoseconds and small, so that much happens at once.
fn some_latency() -> impl Strategy<Value = Latency> {
    prop_oneof![
        (0_u64..60).prop_map(|ns| Latency::constant(Span::from_ns(ns))),
        (1_u64..60).prop_map(|ns| Latency::exponential(Span::from_ns(ns)).unwrap()),
    ]
}

fn some_throttle() -> impl Strategy<Value = Throttle> {
    (1_u64..5, 1_u64..40, 0_u64..5)
        .prop_map(|(tokens, per, burst)| Throttle { rate: PerSecond { tokens, per: Span::from_ns(per) }, burst: Burst(burst) })
}

fn some_function() -> impl Strategy<Value = Function> {
    let reserved = prop::option::of(0_u32..4);
    let failures = prop_oneof![Just(0.0), Just(0.3)];
    (some_latency(), some_latency(), some_latency(), reserved, failures).prop_map(
        |(duration, cold_start, keep_alive, concurrency, failures)| Function {
            name: String::new(),
            memory_mb: 128,
            duration,
            cold_start,
            failures,
            concurrency,
            keep_alive,
            response: Response { status: 201, body: String::new() },
        },
    )
}

fn some_model() -> impl Strategy<Value = Model> {
    let stage = || (prop::option::of(some_throttle()), prop::option::of(some_throttle()));
    let times = (some_latency(), some_latency(), 1_u64..100);
    let account = (prop_oneof![Just(EVER), some_throttle()], 0_u32..6);
    (any::<bool>(), prop::collection::vec(some_function(), 2), stage(), times, account).prop_map(
        |(rest, functions, (default, own), (overhead, refusal, timeout), (throttle, concurrency))| {
            let timeout = Span::from_ns(timeout);
            let lambda = |at| Integration::Lambda { function: FunctionId(at), timeout };
            gateway(if rest { ApiKind::Rest } else { ApiKind::Http })
                .mock()
                .route(lambda(0))
                .route(lambda(1))
                .route(http(timeout))
                .set(|model| {
                    (model.apis[0].overhead, model.apis[0].refusal, model.functions) = (overhead, refusal, functions);
                    model.account = Account { throttle, concurrency };
                    model.stages[0].throttle = default;
                    model.stages[0].route_throttles = own.map(|own| (RouteId(1), own)).into_iter().collect();
                })
                .0
        },
    )
}

/// Calls with the time since the one before, and how long external work takes if it is that.
fn some_arrivals() -> impl Strategy<Value = Vec<Coming>> {
    let arrival = (0_u64..20, 0_u16..5, 0_u8..10, 0_u64..100);
    prop::collection::vec(arrival, 0..60).prop_map(|arrivals| {
        let mut now = Instant::ZERO;
        let arrival = |(n, (gap, route, oddity, takes)): (usize, (u64, u16, u8, u64))| {
            now += Span::from_ns(gap);
            let stage = Some(StageId(0)).filter(|_| oddity != 0);
            let route = Some(RouteId(route)).filter(|route| route.0 < 4);
            let size = Size { body: if oddity == 1 { PAYLOAD_BYTES_MAX + 1 } else { 0 }, ..Size::default() };
            let plain = call(0);
            let arrival = Arrival { number: n as u64, stage, deployment: stage.and(plain.arrival.deployment), ..plain.arrival };
            Coming { at: now, call: Call { id: CallId(n as u64), arrival, route, size, ..plain }, takes: Span::from_ns(takes) }
        };
        arrivals.into_iter().enumerate().map(arrival).collect()
    })
}

/// Drives the gateway through the arrivals, step by step, and checks on the way what always holds.
fn drive(model: &Model, seed: Seed, arrivals: &[Coming]) -> Vec<Reply> {
    let mut gateway = Gateway::new(Arc::new(model.clone()), seed);
    let mut coming: VecDeque<&Coming> = arrivals.iter().collect();
    let mut answers: BTreeMap<(Instant, EffectId), Outcome> = BTreeMap::new();
    let mut started = BTreeSet::new();
    let mut replies: Vec<Reply> = Vec::new();
    loop {
        let next_call = coming.front().map(|arrival| arrival.at);
        let next_answer = answers.keys().next().map(|key| key.0);
        let Some(now) = [gateway.next_deadline(), next_call, next_answer].into_iter().flatten().min() else { break };
        gateway.advance(now);
        assert!(gateway.next_deadline().is_none_or(|due| due > now), "a deadline in the past");
        if next_call == Some(now) {
            let call = coming.pop_front().unwrap().call;
            assert_eq!(gateway.arrive(now, call.arrival.stage), call.arrival);
            gateway.on_call(now, call, &mut Plain(model));
        } else if next_answer == Some(now) {
            let ((_, id), what) = answers.pop_first().unwrap();
            gateway.on_effect(now, id, what);
        }
        while let Some(action) = gateway.take_action() {
            match action {
                Action::Reply(reply) => {
                    assert!(reply.at == now && replies.last().is_none_or(|last| last.at <= now), "out of order");
                    replies.push(reply);
                }
                Action::Start(id, Effect::Integrate { call, .. }) => {
                    let takes = arrivals[call.0 as usize].takes;
                    assert!(started.insert(id), "the name of other work is used again");
                    answers.insert((now + takes, id), oracle::outcome(takes));
                }
                Action::Cancel(id) => assert!(started.remove(&id), "cancelled twice, or what did not run"),
                Action::Forget(entry) => panic!("{entry:?} of no cache"),
            }
        }
    }
    assert_eq!(gateway.in_flight(), 0);
    replies
}

fn by_call(mut replies: Vec<Reply>) -> Vec<Reply> {
    replies.sort_by_key(|reply| reply.call);
    replies
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn it_decides_as_the_obvious_gateway_does(model in some_model(), arrivals in some_arrivals(), seed in any::<u64>()) {
        let replies = by_call(drive(&model, Seed::new(seed), &arrivals));
        prop_assert_eq!(&replies, &by_call(oracle::replies(&model, Seed::new(seed), &arrivals)));
        prop_assert_eq!(replies.len(), arrivals.len(), "every call gets exactly one reply");
        for (n, (reply, arrival)) in replies.iter().zip(&arrivals).enumerate() {
            prop_assert_eq!(reply.call, CallId(n as u64));
            prop_assert!(reply.at >= arrival.at && reply.timing.received == arrival.at);
        }
    }

    #[test]
    fn a_driver_that_looks_only_now_and_then_gets_the_same_replies(
        model in some_model(), arrivals in some_arrivals(), gap in 1_u64..200,
    ) {
        // Without external work, which would begin when the driver looks.
        let arrivals: Vec<Coming> = arrivals.into_iter().filter(|arrival| arrival.call.route != Some(RouteId(3))).collect();
        let number = |(n, coming): (usize, Coming)| {
            let arrival = Arrival { number: n as u64, ..coming.call.arrival };
            Coming { call: Call { arrival, ..coming.call }, ..coming }
        };
        let arrivals: Vec<Coming> = arrivals.into_iter().enumerate().map(number).collect();
        let mut gateway = Gateway::new(Arc::new(model.clone()), Seed::new(3));
        for arrival in &arrivals {
            let fixed = gateway.arrive(arrival.at, arrival.call.arrival.stage);
            gateway.on_call(arrival.at, Call { arrival: fixed, ..arrival.call }, &mut Plain(&model));
        }
        let mut now = Instant::ZERO;
        while let Some(due) = gateway.next_deadline() {
            now = now.max(due) + Span::from_ns(gap);
            gateway.advance(now);
        }
        let actions: Vec<Action> = std::iter::from_fn(|| gateway.take_action()).collect();
        let replies: Vec<Reply> =
            actions.into_iter().filter_map(|action| if let Action::Reply(reply) = action { Some(reply) } else { None }).collect();
        prop_assert!(replies.is_sorted_by_key(|reply| reply.at));
        let expected = oracle::replies(&model, Seed::new(3), &arrivals);
        prop_assert_eq!(by_call(replies), by_call(expected));
    }
}
