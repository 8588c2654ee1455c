//! Real functions: what the gateway wants done, and what their ends mean.

use super::*;
use crate::call::{Action, Effect, Fate, FunctionResult, Invoked};
use crate::lambda::Environment;
use crate::model::{Code, Process, Real, Runs, Timed};

const KEEP_ALIVE: Span = Span::from_secs(60);

fn real(function: &mut Function) {
    let command = vec!["run".to_owned()];
    let timeout = Span::from_secs(3);
    let process = Process {
        command,
        environment: vec![("KEY".to_owned(), "secret".to_owned())],
        directory: ".".into(),
        handler: String::new(),
        timeout,
    };
    function.code = Code::Real(Real { runs: Runs::Process(process), timed: Timed::Unknown });
    function.keep_alive = Latency::constant(KEEP_ALIVE);
}

fn driven(change: impl FnOnce(&mut Function)) -> Driven {
    let function = |function: &mut Function| {
        real(function);
        change(function);
    };
    gateway(ApiKind::Rest).lambda(function).set(|model| model.apis[0].overhead = Latency::constant(Span::ZERO)).start()
}

impl Driven {
    /// Calls the function; its effect and its environment.
    fn invoke(&mut self, now: Instant) -> (EffectId, Environment) {
        self.call(now, call(0));
        match self.gateway.take_action() {
            Some(Action::Start(id, Effect::Invoke { environment, .. })) => (id, environment),
            other => panic!("no invocation: {other:?}"),
        }
    }

    fn end(&mut self, now: Instant, id: EffectId, result: FunctionResult, fate: Fate) -> Vec<Action> {
        self.gateway.on_invoked(now, id, Invoked { result, fate, cold_start: Some(ms(7)) });
        std::iter::from_fn(|| self.gateway.take_action()).collect()
    }

    fn reap(&mut self, until: Instant) -> Vec<Environment> {
        self.gateway.advance(until);
        let actions = std::iter::from_fn(|| self.gateway.take_action());
        actions.filter_map(|action| if let Action::Reap(_, environment) = action { Some(environment) } else { None }).collect()
    }
}

fn fine() -> FunctionResult {
    FunctionResult::Answered(Content { status: 201, bytes: 3 })
}

fn status(actions: &[Action]) -> Option<(u16, Reason)> {
    actions.iter().find_map(|action| if let Action::Reply(reply) = action { Some((reply.status, reply.reason)) } else { None })
}

#[test]
fn an_environment_serves_one_invocation_at_a_time_and_the_next_one_when_it_has_ended() {
    let mut gateway = driven(|_| {});
    let (first, one) = gateway.invoke(at(0));
    let (_, other) = gateway.invoke(at(1));
    assert_eq!((one, other), (Environment::OnDemand(0), Environment::OnDemand(1)));
    let actions = gateway.end(at(9), first, fine(), Fate::Kept);
    assert_eq!(status(&actions), Some((201, Reason::Served)));
    let Action::Reply(reply) = &actions[0] else { panic!("{actions:?}") };
    assert_eq!((reply.timing.integration, reply.timing.cold_start), (Some(ms(9)), Some(ms(7))));
    assert_eq!(gateway.invoke(at(10)).1, one, "it is warm");
    assert_eq!(gateway.gateway.environments(FunctionId(0)).cold_starts, 2);
}

#[test]
fn each_end_has_its_reason() {
    for (result, status_of, reason) in [
        (FunctionResult::Failed, 502, Reason::FunctionFailed(FunctionId(0))),
        (FunctionResult::Malformed, 502, Reason::FunctionMalformed(FunctionId(0))),
        (FunctionResult::Misconfigured, 500, Reason::Misconfigured),
        (FunctionResult::Throttled, 500, Reason::FunctionThrottled(FunctionId(0), FunctionLimit::Concurrency)),
    ] {
        let mut gateway = driven(|_| {});
        let (id, _) = gateway.invoke(at(0));
        assert_eq!(status(&gateway.end(at(5), id, result, Fate::Kept)), Some((status_of, reason)));
        assert_eq!(gateway.end(at(6), id, fine(), Fate::Kept), [], "an invocation ends once");
    }
}

#[test]
fn a_function_goes_on_after_the_gateway_has_stopped_waiting() {
    let mut gateway = driven(|function| function.concurrency = Some(1));
    let (id, _) = gateway.invoke(at(0));
    gateway.gateway.advance(Instant::ZERO + TIMEOUT);
    let actions: Vec<Action> = std::iter::from_fn(|| gateway.gateway.take_action()).collect();
    assert_eq!(status(&actions), Some((504, Reason::IntegrationTimeout)));
    assert_eq!(actions.len(), 1, "nothing is cancelled");
    assert_eq!((gateway.gateway.in_flight(), gateway.gateway.invocations()), (0, 1));
    let throttled = gateway.reply_to(at(10_001), 0);
    assert_eq!(throttled.reason, Reason::FunctionThrottled(FunctionId(0), FunctionLimit::Reserved));
    assert_eq!(gateway.end(at(10_002), id, fine(), Fate::Kept), [], "nobody waits any longer");
    gateway.invoke(at(10_003));
}

#[test]
fn a_stream_is_decided_by_its_head_and_its_environment_is_busy_until_its_end() {
    let mut gateway = driven(|function| function.concurrency = Some(1));
    let (id, _) = gateway.invoke(at(0));
    gateway.gateway.on_begun(at(4), id, fine(), Some(ms(2)));
    let actions: Vec<Action> = std::iter::from_fn(|| gateway.gateway.take_action()).collect();
    let Action::Reply(reply) = &actions[0] else { panic!("{actions:?}") };
    assert_eq!((reply.status, reply.timing.integration, reply.timing.cold_start), (201, Some(ms(4)), Some(ms(2))));
    assert_eq!(gateway.reply_to(at(5), 0).reason, Reason::FunctionThrottled(FunctionId(0), FunctionLimit::Reserved));
    gateway.gateway.on_begun(at(6), id, FunctionResult::Failed, None);
    assert_eq!(gateway.end(at(7), id, FunctionResult::Failed, Fate::Kept), [], "it was answered when it began");
    gateway.invoke(at(8));
}

#[test]
fn an_environment_that_is_lost_is_not_used_again() {
    let mut gateway = driven(|_| {});
    let (id, _) = gateway.invoke(at(0));
    gateway.end(at(5), id, FunctionResult::Failed, Fate::Lost);
    assert_eq!(gateway.gateway.kept_environments(FunctionId(0)), 0);
    assert_eq!(gateway.invoke(at(6)).1, Environment::OnDemand(1));
}

#[test]
fn an_idle_environment_is_reaped_once_when_its_time_is_up() {
    let mut gateway = driven(|_| {});
    let ids = [gateway.invoke(at(0)).0, gateway.invoke(at(0)).0];
    gateway.end(at(10), ids[0], fine(), Fate::Kept);
    gateway.end(at(20), ids[1], fine(), Fate::Kept);
    let (again, environment) = gateway.invoke(at(30));
    assert_eq!(environment, Environment::OnDemand(1), "the one that was used last");
    gateway.end(at(40), again, fine(), Fate::Kept);
    assert_eq!(gateway.reap(at(9) + KEEP_ALIVE), []);
    assert_eq!(gateway.reap(at(10) + KEEP_ALIVE), [Environment::OnDemand(0)]);
    assert_eq!(gateway.reap(at(39) + KEEP_ALIVE), []);
    assert_eq!(gateway.reap(at(40) + KEEP_ALIVE), [Environment::OnDemand(1)]);
    assert_eq!(gateway.gateway.next_deadline(), None, "nothing is left to look for");
}

#[test]
fn a_model_that_is_only_simulated_keeps_real_what_it_knows_no_times_of() {
    let told = |function: &mut Function| {
        real(function);
        if let Code::Real(real) = &mut function.code {
            real.timed = Timed::Modelled;
        }
    };
    let Build(model) = gateway(ApiKind::Http).lambda(real).lambda(told);
    assert!(!format!("{model:?}").contains("secret"));
    let model = model.simulated();
    assert_eq!([0, 1].map(|at| model.functions[at].code.is_modelled()), [false, true]);
}
