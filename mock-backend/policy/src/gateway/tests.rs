//! The rules, as sentences.

mod asked;
mod authorization;
mod capacity;
mod front_door;
mod functions;
mod links;
mod metered;
mod services;
mod websocket;

use super::*;
use crate::call::{CallId, Content, Credential, FunctionLimit, Purpose, Reason, Reply, Scope, Size};
use crate::latency::Latency;
use crate::model::{
    Account, Api, ApiKind, BackEnd, Burst, Connection, Function, HttpIntegration, Integration, PAYLOAD_BYTES_MAX, PerSecond,
    Protocol, Response, Route, RouteId, Scaling, Throttle, Transfer,
};

pub(super) const EVER: Throttle =
    Throttle { rate: PerSecond { tokens: 1_000_000_000, per: Span::from_secs(1) }, burst: Burst(1 << 40) };
const TIMEOUT: Span = Span::from_secs(10);

fn ms(ms: u64) -> Span {
    Span::from_ms(ms)
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Span::from_ms(ms)
}

fn per_second(tokens: u64, burst: u64) -> Throttle {
    Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(burst) }
}

/// A model with one stage; routes are added by what answers them.
pub(super) struct Build(pub(super) Model);

pub(super) fn gateway(kind: ApiKind) -> Build {
    let times = (Latency::constant(ms(4)), Latency::constant(ms(1)));
    let api = Api { overhead: times.0, refusal: times.1, ..Api::new(kind, "a1b2c3") };
    let account = Account { throttle: EVER, connects: EVER, ..Account::default_in("us-east-1") };
    Build(Model { account, ..Model::of(api, &["prod"], Vec::new()) })
}

/// A back end that the driver reaches.
pub(super) fn http(timeout: Span) -> Integration {
    Integration::Http(HttpIntegration {
        protocol: Protocol::Proxy { parameters: Vec::new() },
        method: None,
        url: "http://127.0.0.1/".to_owned(),
        connection: Connection::Internet,
        back_end: BackEnd::Real(None),
        transfer: Transfer::Buffered,
        timeout,
    })
}

impl Build {
    pub(super) fn route(mut self, integration: Integration) -> Self {
        let path = format!("/r{}", self.0.routes.len());
        self.0.routes.push(Route::new(DeploymentId(0), None, path, integration));
        self
    }

    pub(super) fn mock(self) -> Self {
        self.route(Integration::fixed(204, ""))
    }

    fn external(self) -> Self {
        self.route(http(TIMEOUT))
    }

    /// A function of 20 ms, 100 ms more if cold, and a route to it.
    fn lambda(mut self, change: impl FnOnce(&mut Function)) -> Self {
        let mut function = Function {
            name: format!("f{}", self.0.functions.len()),
            memory_mb: 512,
            duration: Latency::constant(ms(20)),
            cold_start: Latency::constant(ms(100)),
            failures: 0.0,
            concurrency: None,
            keep_alive: Latency::constant(Span::from_secs(300)),
            scaling: Scaling::default(),
            response: Response { status: 200, body: String::new() },
            echoes: false,
            uses: None,
            code: crate::model::Code::Modelled,
        };
        change(&mut function);
        let id = FunctionId(self.0.functions.len() as u16);
        self.0.functions.push(function);
        self.route(Integration::lambda(id, TIMEOUT))
    }

    pub(super) fn set(mut self, change: impl FnOnce(&mut Model)) -> Self {
        change(&mut self.0);
        self
    }

    fn start(self) -> Driven {
        Driven { gateway: Gateway::new(Arc::new(self.0), Seed::new(1)), calls: 0 }
    }
}

/// A gateway whose driver does what it is told at once.
struct Driven {
    gateway: Gateway,
    calls: u64,
}

impl Driven {
    /// A call to the first stage, or to none where the call says so.
    fn call(&mut self, now: Instant, call: Call) {
        let arrival = self.gateway.arrive(now, call.arrival.api, call.arrival.stage);
        let model = Arc::clone(self.gateway.model());
        self.gateway.on_call(now, Call { id: CallId(self.calls), arrival, ..call }, &mut Plain(&model));
        self.calls += 1;
    }

    /// Calls the route, waits, and gives its reply.
    fn reply_to(&mut self, now: Instant, route: u16) -> Reply {
        self.call(now, call(route));
        self.only_reply()
    }

    fn only_reply(&mut self) -> Reply {
        let mut replies = self.replies();
        assert_eq!(replies.len(), 1);
        replies.remove(0)
    }

    /// Lets everything happen, and gives the replies.
    fn replies(&mut self) -> Vec<Reply> {
        while let Some(due) = self.gateway.next_deadline() {
            self.gateway.advance(due);
        }
        let actions = std::iter::from_fn(|| self.gateway.take_action());
        actions.filter_map(|action| if let Action::Reply(reply) = action { Some(reply) } else { None }).collect()
    }

    fn started(&mut self) -> EffectId {
        match self.gateway.take_action() {
            Some(Action::Start(id, _)) => id,
            other => panic!("not a start: {other:?}"),
        }
    }
}

pub(super) fn call(route: u16) -> Call {
    Call {
        id: CallId(0),
        arrival: Arrival {
            number: 0,
            api: ApiId(0),
            stage: Some(StageId(0)),
            deployment: Some(DeploymentId(0)),
            release: Release::Base,
        },
        route: Some(RouteId(route)),
        purpose: Purpose::Answer,
        key: Credential::Absent,
        size: Size::default(),
    }
}

/// To this stage, if any.
fn to(stage: Option<StageId>, call: Call) -> Call {
    Call { arrival: Arrival { stage, ..call.arrival }, ..call }
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered { content: Content { status, bytes: 0 } }
}

#[test]
fn what_a_client_sees_depends_on_the_kind_of_api() {
    for (api, expected) in [(ApiKind::Http, [404, 404, 429, 413, 503, 500]), (ApiKind::Rest, [403, 403, 429, 413, 500, 502])] {
        let mut gateway = gateway(api)
            .mock()
            .lambda(|function| function.concurrency = Some(0))
            .lambda(|function| function.failures = 1.0)
            .mock()
            .set(|model| model.stages[0].route_throttles.push((RouteId(3), per_second(1, 0))))
            .start();
        let calls = [
            to(None, call(0)),
            Call { route: None, ..call(0) },
            call(3),
            Call { size: Size { body: PAYLOAD_BYTES_MAX + 1, ..Size::default() }, ..call(0) },
            call(1),
            call(2),
        ];
        let statuses = calls.map(|call| {
            gateway.call(at(0), call);
            gateway.only_reply().status
        });
        assert_eq!(statuses, expected, "{api:?}");
    }
}

#[test]
fn the_gateway_needs_half_its_time_before_the_integration_and_half_after() {
    let mut gateway = gateway(ApiKind::Http).lambda(|_| {}).mock().external().start();
    let cold = gateway.reply_to(at(0), 0);
    assert_eq!(cold.at, at(2 + 120 + 2));
    assert_eq!(cold.timing.integration, Some(ms(120)));
    assert_eq!(cold.timing.cold_start, Some(ms(100)));
    let warm = gateway.reply_to(at(1_000), 0);
    assert_eq!((warm.at, warm.timing.cold_start), (at(1_024), None));
    let mock = gateway.reply_to(at(2_000), 1);
    assert_eq!((mock.at, mock.status, mock.timing.integration), (at(2_004), 204, None));
    gateway.call(at(3_000), call(2));
    gateway.gateway.advance(at(3_002));
    let effect = gateway.started();
    gateway.gateway.on_effect(at(3_050), effect, answered(418));
    let external = gateway.only_reply();
    assert_eq!((external.at, external.status, external.timing.integration), (at(3_052), 418, Some(ms(48))));
}

#[test]
fn a_refusal_takes_the_time_of_a_refusal() {
    let mut gateway = gateway(ApiKind::Http).mock().start();
    gateway.call(at(5), Call { route: None, ..call(0) });
    let reply = gateway.only_reply();
    assert_eq!((reply.at, reply.reason, reply.timing.integration), (at(6), Reason::NoRoute, None));
}

#[test]
fn a_function_is_waited_for_as_long_as_the_time_out_and_stays_busy_until_it_ends() {
    for (api, status) in [(ApiKind::Http, 503), (ApiKind::Rest, 504)] {
        let slow = |function: &mut Function| {
            function.duration = Latency::constant(Span::from_secs(15));
            function.concurrency = Some(1);
        };
        let mut gateway = gateway(api).lambda(slow).start();
        gateway.call(at(0), call(0));
        gateway.gateway.advance(at(10_004));
        let Some(Action::Reply(reply)) = gateway.gateway.take_action() else { panic!("no reply") };
        assert_eq!((reply.at, reply.status, reply.reason), (at(10_004), status, Reason::IntegrationTimeout));
        assert_eq!(gateway.gateway.environments(FunctionId(0)).busy, 1);
        gateway.call(at(15_099), call(0));
        gateway.gateway.advance(at(15_103));
        let Some(Action::Reply(reply)) = gateway.gateway.take_action() else { panic!("no reply") };
        assert_eq!(reply.reason, Reason::FunctionThrottled(FunctionId(0), FunctionLimit::Reserved));
        assert_eq!(gateway.gateway.environments(FunctionId(0)).busy, 0);
    }
}

#[test]
fn a_function_that_answers_at_the_last_instant_is_in_time() {
    let mut gateway =
        gateway(ApiKind::Http).lambda(|function| function.duration = Latency::constant(TIMEOUT.saturating_sub(ms(100)))).start();
    assert_eq!(gateway.reply_to(at(0), 0).reason, Reason::Served);
}

#[test]
fn external_work_is_cancelled_at_its_time_out_and_its_late_answer_ignored() {
    for (api, status) in [(ApiKind::Http, 503), (ApiKind::Rest, 504)] {
        let mut gateway = gateway(api).external().start();
        gateway.call(at(0), call(0));
        gateway.gateway.advance(at(2));
        let effect = gateway.started();
        gateway.gateway.advance(at(10_004));
        assert_eq!(gateway.gateway.take_action(), Some(Action::Cancel(effect)));
        let reply = gateway.only_reply();
        assert_eq!((reply.at, reply.status, reply.reason), (at(10_004), status, Reason::IntegrationTimeout));
        gateway.gateway.on_effect(at(11_000), effect, answered(200));
        assert_eq!(gateway.replies(), []);
    }
}

#[test]
fn only_the_first_answer_of_external_work_counts() {
    for (api, status) in [(ApiKind::Http, 503), (ApiKind::Rest, 504)] {
        let mut gateway = gateway(api).external().start();
        gateway.call(at(0), call(0));
        gateway.gateway.advance(at(2));
        let effect = gateway.started();
        gateway.gateway.on_effect(at(3), effect, Outcome::Unreachable);
        gateway.gateway.on_effect(at(4), effect, answered(200));
        let reply = gateway.only_reply();
        assert_eq!((reply.status, reply.reason), (status, Reason::IntegrationUnreachable));
        gateway.gateway.on_effect(at(20_000), effect, answered(200));
        gateway.gateway.on_effect(at(20_000), EffectId(u64::MAX), Outcome::Unreachable);
        assert_eq!(gateway.replies(), []);
    }
}

#[test]
fn the_stage_is_asked_before_the_route_the_throttle_before_the_payload() {
    let mut gateway = gateway(ApiKind::Rest).mock().set(|model| model.stages[0].throttle = Some(per_second(1, 1))).start();
    let huge = Call { size: Size { body: u64::MAX, ..Size::default() }, ..call(0) };
    let reasons = [to(None, Call { route: None, ..huge }), Call { route: None, ..huge }, huge, huge].map(|call| {
        gateway.call(at(0), call);
        gateway.only_reply().reason
    });
    assert_eq!(reasons, [Reason::NoStage, Reason::NoRoute, Reason::PayloadTooLarge, Reason::Throttled(Scope::Stage)]);
}

#[test]
fn ids_that_the_model_does_not_have_are_no_stage_and_no_route() {
    let mut gateway = gateway(ApiKind::Http).mock().start();
    assert_eq!(gateway.reply_to(at(0), 9).reason, Reason::NoRoute);
    gateway.call(at(1_000), to(Some(StageId(9)), call(0)));
    assert_eq!(gateway.only_reply().reason, Reason::NoStage);
}

#[test]
fn a_free_gateway_answers_within_the_same_instant() {
    let free = |model: &mut Model| model.apis[0].overhead = Latency::constant(Span::ZERO);
    let mut gateway = gateway(ApiKind::Http).mock().set(free).start();
    gateway.call(at(7), call(0));
    assert_eq!(gateway.gateway.next_deadline(), None);
    assert!(matches!(gateway.gateway.take_action(), Some(Action::Reply(reply)) if reply.at == at(7)));
}

#[test]
fn answered_time_outs_do_not_pile_up() {
    let mut gateway = gateway(ApiKind::Http).external().start();
    for n in (0..30_000).step_by(3) {
        gateway.call(at(n), call(0));
        gateway.gateway.advance(at(n) + ms(2));
        while let Some(action) = gateway.gateway.take_action() {
            if let Action::Start(effect, _) = action {
                gateway.gateway.on_effect(at(n) + ms(2), effect, answered(200));
            }
        }
    }
    assert!(gateway.gateway.queue.len() < 3 * course::ABANDONED_MIN, "{}", gateway.gateway.queue.len());
    assert_eq!(gateway.gateway.in_flight(), 1);
}
