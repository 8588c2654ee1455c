//! What is billed, as the gateway meters it.

use super::*;
use crate::call::{ConnectionId, Form};
use crate::metered::{CallUse, FunctionUse, Metered, Metering};
use crate::model::{FanOut, Receivers};

/// The first hour, in the provider's steps.
fn an_hour() -> Metering {
    let until = Instant::ZERO + Span::from_secs(3_600);
    Metering { from: Instant::ZERO, until, request_step: 512 << 10, stream_step: 10 << 20, message_step: 32 << 10 }
}

impl Build {
    fn metered(self) -> Driven {
        let Driven { gateway, calls } = self.start();
        Driven { gateway: gateway.metered(an_hour()), calls }
    }
}

impl Driven {
    fn bill(&mut self) -> Metered {
        self.gateway.take_metered().expect("it is metered")
    }
}

fn of_function(metered: &Metered) -> FunctionUse {
    metered.functions[&(FunctionId(0), Some(RouteId(0)))]
}

#[test]
fn a_function_is_paid_for_to_its_end_although_nobody_waits_so_long() {
    let slow = |function: &mut Function| function.duration = Latency::constant(TIMEOUT + ms(2_000));
    let mut driven = gateway(ApiKind::Rest).lambda(slow).metered();
    assert_eq!(driven.reply_to(at(0), 0).reason, Reason::IntegrationTimeout);
    let metered = driven.bill();
    // 12 s, and 100 ms of a start.
    assert_eq!((of_function(&metered).billed_ms, of_function(&metered).cold_starts), (12_100, 1));
    assert_eq!(metered.calls[&Some(RouteId(0))].billed(), 1);
}

#[test]
fn what_a_throttle_refuses_is_free_and_invokes_nothing() {
    let mut driven =
        gateway(ApiKind::Rest).lambda(|_| {}).set(|model| model.stages[0].throttle = Some(per_second(1, 1))).metered();
    for _ in 0..3 {
        driven.reply_to(at(0), 0);
    }
    let metered = driven.bill();
    let calls = metered.calls[&Some(RouteId(0))];
    assert_eq!((calls.calls, calls.free, calls.billed(), calls.steps), (3, 2, 1, 1));
    assert_eq!(of_function(&metered).invocations, 1);
}

#[test]
fn a_call_that_a_throttled_function_gets_is_billed_and_the_function_is_not() {
    let mut driven = gateway(ApiKind::Http).lambda(|function| function.concurrency = Some(0)).metered();
    assert!(matches!(driven.reply_to(at(0), 0).reason, Reason::FunctionThrottled(..)));
    let metered = driven.bill();
    assert_eq!((metered.calls[&Some(RouteId(0))].billed(), metered.functions.len()), (1, 0));
}

#[test]
fn a_long_request_is_several_calls_to_an_http_api_and_one_to_a_rest_api() {
    for (kind, steps) in [(ApiKind::Http, 2), (ApiKind::Rest, 1)] {
        let mut driven = gateway(kind).mock().metered();
        driven.call(at(0), Call { size: Size { body: 600 << 10, ..Size::default() }, ..call(0) });
        driven.only_reply();
        let calls = driven.bill().calls[&Some(RouteId(0))];
        assert_eq!((calls.steps, calls.request_steps, calls.billed()), (steps, 2, 1));
    }
}

#[test]
fn a_message_to_all_is_paid_for_once_and_then_for_each_and_connections_while_they_are_open() {
    let fan_out = FanOut { to: Receivers::Everyone, at_once: 10, each: Latency::constant(ms(1)) };
    let build = gateway(ApiKind::WebSocket).mock().set(|model| {
        model.routes[0].path = "send".to_owned();
        model.routes[0].fan_out = Some(fan_out);
    });
    let mut driven = build.metered();
    let open = |driven: &mut Driven| -> ConnectionId {
        let arrival = driven.gateway.arrive(at(0), ApiId(0), Some(StageId(0)));
        let id = driven.gateway.knock(at(0), arrival);
        driven.call(at(0), Call { route: None, purpose: Purpose::Connect(id), ..call(0) });
        id
    };
    let (one, _other) = (open(&mut driven), open(&mut driven));
    driven.gateway.advance(at(1_000));
    let (purpose, size) = (Purpose::Message(one, Form::Text), Size { body: 40 << 10, ..Size::default() });
    driven.call(at(1_000), Call { purpose, size, ..call(0) });
    driven.gateway.advance(at(2_000));
    let opened = driven.gateway.connection(one).expect("it is open").since;
    driven.gateway.on_gone(at(61_000), one);
    driven.gateway.advance(at(120_000));
    let metered = driven.bill();
    let said = metered.calls[&Some(RouteId(0))];
    // 40 KB are two messages of 32 KB, in each direction.
    assert_eq!((said.steps, said.answers, said.answer_steps), (2, 2, 4));
    assert_eq!(metered.calls[&None].handshakes, 2);
    assert_eq!(metered.connected, at(61_000).since(opened) + at(120_000).since(opened));
}

#[test]
fn a_handshake_that_is_refused_is_free_and_is_counted_once() {
    let build = gateway(ApiKind::WebSocket).mock().set(|model| model.account.connects = per_second(1, 1));
    let mut driven = build.metered();
    for _ in 0..3 {
        let arrival = driven.gateway.arrive(at(0), ApiId(0), Some(StageId(0)));
        let id = driven.gateway.knock(at(0), arrival);
        driven.call(at(0), Call { route: None, purpose: Purpose::Connect(id), ..call(0) });
    }
    driven.gateway.advance(at(1_000));
    let metered = driven.bill();
    let (knocked, free) = metered.calls.values().fold((0, 0), |sum, used| (sum.0 + used.calls, sum.1 + used.free));
    let handshakes: u64 = metered.calls.values().map(|used| used.handshakes).sum();
    assert_eq!((knocked, free, handshakes), (3, 2, 1));
    assert_eq!(metered.calls.values().map(CallUse::billed).sum::<u64>(), 0, "connections are metered by their time");
}

#[test]
fn nothing_is_metered_that_nobody_asked_for() {
    let mut driven = gateway(ApiKind::Rest).mock().start();
    driven.reply_to(at(0), 0);
    assert_eq!(driven.gateway.take_metered(), None);
}
