//! Functions that are asked as authorizers: in the environments that all share, and for real.

use super::authorization::{ANN, CHECK, Shows, asks, gateway, lambda, model, ms, only, replies};
use super::*;
use crate::call::{
    AnswerId, AuthorizationUse, Credential, Denied, Effect, EffectId, Errand, Fate, FunctionResult, Invoked, Judged, Permission,
    TokenFault,
};
use crate::model::{
    ApiKey, ApiKind, AuthorizerKind, Capacity, CapacityId, Code, Integration, KeyId, KeySource, LookUps, Real, Requirement,
    ResourcePolicy, Runs, Timed, UsagePlan,
};

/// The same model with a function as its authorizer, of which this is known.
fn asking(ttl: Span, change: impl FnOnce(&mut Model)) -> Model {
    let mut model = model(ApiKind::Rest, lambda(ttl, LookUps::Each, 0.0), Span::ZERO);
    let function = super::gateway(ApiKind::Rest).lambda(|function| function.cold_start = Latency::constant(Span::from_ms(200))).0;
    model.functions = function.functions;
    if let AuthorizerKind::Lambda(lambda) = &mut model.authorizers[0].kind {
        lambda.function = Some(FunctionId(0));
    }
    change(&mut model);
    model
}

fn keeping() -> Span {
    Span::from_secs(300)
}

#[test]
fn a_function_that_is_asked_starts_cold_and_is_then_warm() {
    let mut gateway = gateway(asking(Span::ZERO, |_| {}));
    for (number, (at, ends)) in [(0, 220), (300, 320)].into_iter().enumerate() {
        asks(&mut gateway, ms(at), number as u64, ANN);
        let reply = replies(&mut gateway)[0];
        assert_eq!((reply.at, reply.reason), (ms(ends), Reason::Served));
        assert_eq!((reply.timing.authorizer, reply.timing.cold_start), (Some(Span::from_ms(ends - at)), None));
    }
    let used = gateway.environments(FunctionId(0));
    assert_eq!((used.invocations, used.cold_starts, used.busy), (2, 1, 0));
}

#[test]
fn it_shares_environments_and_limits_with_the_integrations() {
    let both = |model: &mut Model| {
        model.routes[0].integration = Integration::lambda(FunctionId(0), Span::from_secs(29));
        model.account.concurrency = 1;
    };
    let mut alone = gateway(asking(Span::ZERO, both));
    let reply = only(&mut alone, ANN);
    // The environment that said yes answers, too.
    assert_eq!((reply.at, reply.reason, reply.timing.cold_start), (ms(240), Reason::Served, None));
    let mut two = gateway(asking(Span::ZERO, both));
    asks(&mut two, ms(0), 0, ANN);
    asks(&mut two, ms(0), 1, Shows { who: "bob", ..ANN });
    let replies: Vec<_> = replies(&mut two).iter().map(|reply| (reply.call.0, reply.reason, reply.status)).collect();
    assert_eq!(replies, [(1, Reason::AuthorizerFailed, 500), (0, Reason::Served, 200)]);
    assert_eq!(two.environments(FunctionId(0)).throttled, 1);
}

#[test]
fn what_keeps_a_function_from_answering_is_the_authorizers_failure_and_is_not_kept() {
    let failing = |change: fn(&mut Model)| {
        let mut gateway = gateway(asking(keeping(), change));
        let mut ended = Vec::new();
        for number in 0..2 {
            asks(&mut gateway, ms(60_000 * number), number, ANN);
            let reply = replies(&mut gateway)[0];
            assert_eq!((reply.reason, reply.authorization), (Reason::AuthorizerFailed, AuthorizationUse::LookedUp));
            ended.push(reply.at);
        }
        assert_eq!(gateway.authorizer_counts(CHECK).hits, 0);
        [ended[0], ended[1]]
    };
    let slow = |model: &mut Model| model.functions[0].duration = Latency::constant(Span::from_secs(31));
    assert_eq!(failing(slow), [ms(29_000), ms(89_000)]);
    assert_eq!(failing(|model| model.functions[0].failures = 1.0), [ms(220), ms(60_020)]);
    assert_eq!(failing(|model| model.functions[0].concurrency = Some(0)), [ms(0), ms(60_000)]);
    let cold = |model: &mut Model| {
        pooled(model);
        model.functions[0].cold_start = Latency::constant(Span::from_secs(40));
        model.functions[0].keep_alive = Latency::constant(Span::ZERO);
    };
    assert_eq!(failing(cold), [ms(29_000), ms(89_000)]);
}

/// The function needs the only connection of a pool, for which nobody waits.
fn pooled(model: &mut Model) {
    let (name, size, queue) = ("db".to_owned(), 1, Some(0));
    let (service, timeout) = (Latency::constant(Span::from_ms(5)), Span::from_ms(50));
    model.capacities.push(Capacity { name, size, queue, service, timeout });
    model.functions[0].uses = Some(CapacityId(0));
}

#[test]
fn a_function_without_a_connection_is_no_answer_either() {
    let mut gateway = gateway(asking(keeping(), pooled));
    asks(&mut gateway, ms(0), 0, ANN);
    asks(&mut gateway, ms(0), 1, Shows { who: "bob", ..ANN });
    let replies: Vec<_> = replies(&mut gateway).iter().map(|reply| (reply.call.0, reply.at, reply.reason)).collect();
    assert_eq!(replies, [(1, ms(200), Reason::AuthorizerFailed), (0, ms(225), Reason::Served)]);
}

/// The effect that the gateway wants done for an authorizer, and what else it wants.
fn started(gateway: &mut Gateway) -> (EffectId, CallId, Vec<Action>) {
    let actions: Vec<Action> = std::iter::from_fn(|| gateway.take_action()).collect();
    let found = actions.iter().find_map(|action| {
        let Action::Start(id, Effect::Invoke { errand: Errand::Authorizer(CHECK), call, .. }) = action else { return None };
        Some((*id, *call))
    });
    let (id, call) = found.expect("an invocation for the authorizer");
    (id, call, actions)
}

fn real(model: &mut Model) {
    let runs = Runs::Remote("http://127.0.0.1:1".to_owned());
    model.functions[0].code = Code::Real(Real { runs, timed: Timed::Unknown });
}

fn ended(result: FunctionResult) -> Invoked {
    Invoked { result, fate: Fate::Kept, cold_start: None }
}

const SAID: FunctionResult = FunctionResult::Authorized { bytes: 300 };

/// Goes on with each that is to be resumed, which shows this: what became of each, and which answers were let go.
fn go_on(gateway: &mut Gateway, mut shows: Shows) -> (Vec<(u64, Reason)>, Vec<AnswerId>) {
    let (mut replies, mut gone) = (Vec::new(), Vec::new());
    while let Some(action) = gateway.take_action() {
        match action {
            Action::Reply(reply) => replies.push((reply.call.0, reply.reason)),
            Action::Resume(call) => gateway.resume(gateway.now(), call, &mut shows),
            Action::LetGo(answer) => gone.push(answer),
            Action::Start(..) | Action::Cancel(_) | Action::Forget(_) | Action::Reap(..) => {}
            Action::Close(..) | Action::Push(..) | Action::Pushed(_) => unreachable!("no connection is asked for here"),
        }
    }
    (replies, gone)
}

#[test]
fn what_a_real_function_says_is_held_against_each_request_while_it_is_kept() {
    let mut gateway = gateway(asking(keeping(), real));
    asks(&mut gateway, ms(0), 0, ANN);
    let (id, call, _) = started(&mut gateway);
    assert_eq!(call, CallId(0));
    gateway.on_invoked(ms(30), id, ended(SAID));
    assert_eq!(go_on(&mut gateway, ANN), (vec![(0, Reason::Served)], vec![]));
    let denied = |denied| Shows { judged: Judged { verdict: Err(Reason::AccessDenied(denied)), ..ANN.judged }, ..ANN };
    for (number, kind) in [(1, Denied::Explicit), (2, Denied::Implicit)] {
        asks(&mut gateway, ms(40), number, denied(kind));
        assert_eq!(go_on(&mut gateway, ANN), (vec![(number, Reason::AccessDenied(kind))], vec![]), "of another method");
    }
    let counts = gateway.authorizer_counts(CHECK);
    assert_eq!((counts.hits, counts.look_ups, gateway.invocations()), (2, 1, 0));
    asks(&mut gateway, ms(300_030), 3, ANN);
    let (_, _, actions) = started(&mut gateway);
    assert!(actions.contains(&Action::LetGo(id.answer())), "its time is up: {actions:?}");
}

#[test]
fn a_real_functions_end_means_this_and_only_an_answer_is_kept() {
    for (result, reason, status) in [
        (FunctionResult::Unauthorized, Reason::Unauthorized(TokenFault::Refused), 401),
        (FunctionResult::Failed, Reason::AuthorizerFailed, 500),
        (FunctionResult::Throttled, Reason::AuthorizerFailed, 500),
        (FunctionResult::Misconfigured, Reason::AuthorizerMisconfigured, 500),
        (FunctionResult::Answered(Content { status: 200, bytes: 1 }), Reason::AuthorizerMisconfigured, 500),
    ] {
        let mut gateway = gateway(asking(keeping(), real));
        for number in 0..2 {
            asks(&mut gateway, ms(number), number, ANN);
            let (id, ..) = started(&mut gateway);
            gateway.on_invoked(ms(number), id, ended(result));
            let reply = replies(&mut gateway)[0];
            assert_eq!((reply.call.0, reply.reason, reply.status), (number, reason, status));
        }
    }
}

#[test]
fn an_answer_that_comes_too_late_is_nobodys() {
    let mut gateway = gateway(asking(keeping(), real));
    asks(&mut gateway, ms(0), 0, ANN);
    let (id, ..) = started(&mut gateway);
    gateway.advance(ms(29_000));
    assert_eq!(go_on(&mut gateway, ANN).0, [(0, Reason::AuthorizerFailed)]);
    assert_eq!(gateway.invocations(), 1, "the function goes on");
    gateway.on_invoked(ms(29_001), id, ended(SAID));
    assert_eq!(go_on(&mut gateway, ANN), (vec![], vec![id.answer()]));
    assert_eq!(gateway.invocations(), 0);
    asks(&mut gateway, ms(29_002), 1, ANN);
    started(&mut gateway);
}

#[test]
fn who_left_needs_no_answer_and_whoever_waits_with_him_has_it() {
    let mut shared = asking(Span::ZERO, real);
    if let AuthorizerKind::Lambda(lambda) = &mut shared.authorizers[0].kind {
        lambda.look_ups = LookUps::Shared;
    }
    let mut gateway = gateway(shared);
    for number in 0..3 {
        asks(&mut gateway, ms(0), number, ANN);
    }
    let (id, ..) = started(&mut gateway);
    gateway.abandon(ms(1), CallId(0));
    gateway.on_invoked(ms(2), id, ended(SAID));
    gateway.abandon(ms(2), CallId(1));
    assert_eq!(go_on(&mut gateway, ANN), (vec![(2, Reason::Served)], vec![id.answer()]));
}

#[test]
fn deadlines_that_answers_left_behind_are_swept_out() {
    let mut gateway = gateway(asking(Span::ZERO, real));
    for number in 0..5_000 {
        asks(&mut gateway, ms(number), number, ANN);
        let (id, ..) = started(&mut gateway);
        gateway.on_invoked(ms(number), id, ended(SAID));
        go_on(&mut gateway, ANN);
        assert!(gateway.queue.len() <= 2_100, "{}", gateway.queue.len());
    }
    gateway.advance(ms(400_000));
    assert_eq!((gateway.queue.len(), gateway.abandoned, gateway.in_flight()), (0, 0, 0));
}

#[test]
fn whom_the_answer_does_not_speak_of_may_go_on_if_the_resource_policy_allows_it() {
    for (permission, denied, reason) in [
        (Permission::Allowed, Denied::Implicit, Reason::Served),
        (Permission::Allowed, Denied::Explicit, Reason::AccessDenied(Denied::Explicit)),
        (Permission::Silent, Denied::Implicit, Reason::AccessDenied(Denied::Implicit)),
    ] {
        let mut model = asking(keeping(), real);
        model.apis[0].resource_policy = Some(ResourcePolicy::default());
        let mut gateway = gateway(model);
        let judged = Judged { verdict: Err(Reason::AccessDenied(denied)), ..ANN.judged };
        let shows = Shows { permission, judged, ..ANN };
        asks(&mut gateway, ms(0), 0, shows);
        let (id, ..) = started(&mut gateway);
        gateway.on_invoked(ms(5), id, ended(SAID));
        assert_eq!(go_on(&mut gateway, shows).0, [(0, reason)]);
        asks(&mut gateway, ms(6), 1, shows);
        assert_eq!(go_on(&mut gateway, shows).0, [(1, reason)], "of a kept answer");
    }
}

#[test]
fn the_key_that_a_real_function_names_is_the_one_that_counts() {
    let mut model = asking(keeping(), real);
    model.routes[0].api_key = Requirement::Required;
    model.apis[0].key_source = KeySource::Authorizer;
    model.keys.push(ApiKey { name: "gold".to_owned(), value: "a-secret-of-some-length".to_owned(), enabled: true });
    let (stages, keys) = (vec![StageId(0)], vec![KeyId(0)]);
    let (name, route_throttles) = ("plan".to_owned(), Vec::new());
    model.plans.push(UsagePlan { name, stages, keys, throttle: None, route_throttles, quota: None });
    for (key, reason) in [
        (Credential::Key(KeyId(0)), Reason::Served),
        (Credential::Unknown, Reason::KeyRefused),
        (Credential::Absent, Reason::KeyRefused),
    ] {
        let shows = Shows { judged: Judged { verdict: Ok(()), key }, ..ANN };
        let mut gateway = gateway(model.clone());
        asks(&mut gateway, ms(0), 0, shows);
        let (id, ..) = started(&mut gateway);
        gateway.on_invoked(ms(5), id, ended(SAID));
        assert_eq!(go_on(&mut gateway, shows).0, [(0, reason)]);
    }
}
