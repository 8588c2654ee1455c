//! What happens to a call once it is admitted or refused, until its reply.
//!
//! Owns the deadlines of calls in flight: the hand-over to the integration, the function's end, time-outs, replies; and what the
//! response cache is given. Refuses to admit ([`admission`](super::admission) does). A part of the gateway.

use super::Gateway;
use super::admission::{Admitted, Notes};
use super::flights::{Flight, FlightId, Phase};
use super::function::Caller;
use crate::authorizer::LookUpId;
use crate::call::{Action, CacheUse, Call, ConnectionId, Content, FanOutId, Reason, Reply, Timing};
use crate::lambda::Environment;
use crate::latency::Latency;
use crate::model::{
    DeploymentId, FunctionId, HttpIntegration, Integration, LambdaIntegration, Move, RouteId, ServiceIntegration, StageId,
};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// Below this many abandoned time-outs the queue is not searched for them.
pub(super) const ABANDONED_MIN: usize = 1_024;

/// What a deadline is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A stage moves: the n-th move of the model.
    Move(usize),
    /// All connections of a stage are closed: the n-th such drop of the model.
    Drop(usize),
    /// An authorizer has answered, or is not waited for any longer.
    Authorized(LookUpId),
    /// The gateway has done its part before the integration.
    HandOver(FlightId),
    /// The idle environments of a real function are looked through for those whose time is up.
    Sweep(FunctionId),
    /// A function has started, and asks for a connection: the n-th that asks.
    Ask(u64),
    /// The function is over: its environment is free, whoever still waits for the answer.
    FunctionEnds(FunctionId, Environment),
    /// External work is not waited for any longer.
    TimeOut(FlightId),
    /// The answer is ready.
    Reply(FlightId),
    /// A WebSocket connection may have been idle for too long, or have lived long enough.
    Watch(ConnectionId),
    /// A message goes on to some more connections.
    Post(FanOutId),
}

/// An answer, but for the time until it is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) reason: Reason,
    pub(super) content: Content,
    /// How long the integration took, if there was one.
    pub(super) took: Option<Span>,
}

impl Gateway {
    /// The gateway answers by itself.
    pub(super) fn refuse(&mut self, call: Call, reason: Reason, mut notes: Notes) {
        let time = draw(&self.api_of(call.arrival).refusal, self.refusal, call.arrival.number);
        // A refusal is never kept.
        notes.fill = None;
        let id = self.begin(call, notes, Span::ZERO);
        self.fail(id, self.now + time, reason, None);
    }

    /// The call goes on to its integration, or to what was kept of it, after the first half of the gateway's own time.
    pub(super) fn accept(&mut self, call: Call, admitted: Admitted, notes: Notes) {
        let overhead = draw(&self.api_of(call.arrival).overhead, self.overhead, call.arrival.number);
        let before = Span::from_ns(overhead.as_ns() / 2);
        let id = self.begin(call, notes, overhead.saturating_sub(before));
        let handed_over = self.now + before;
        let content = match admitted {
            Admitted::ToIntegration(route, content) if !self.answers_itself(route) => {
                if let Some(flight) = self.flights.get_mut(id) {
                    flight.content = content;
                }
                return self.queue.schedule(handed_over, Event::HandOver(id));
            }
            Admitted::FromCache(content) | Admitted::AtOnce(content) | Admitted::ToIntegration(_, content) => content,
        };
        self.decide(id, handed_over, Decision { reason: Reason::Served, content, took: None });
    }

    fn answers_itself(&self, route: RouteId) -> bool {
        match self.model.routes[usize::from(route.0)].integration {
            Integration::Mock(_) => true,
            Integration::Lambda(_) | Integration::Http(_) | Integration::Service(_) => false,
        }
    }

    fn begin(&mut self, call: Call, notes: Notes, after: Span) -> FlightId {
        let reply = Reply {
            call: call.id,
            at: self.now,
            status: 0,
            reason: Reason::Served,
            arrival: call.arrival,
            route: call.route,
            purpose: call.purpose,
            fan_out: None,
            authorization: notes.authorization,
            cache: notes.cache,
            warning: notes.warning,
            timing: Timing { received: notes.received, authorizer: notes.authorizer, ..Timing::default() },
        };
        let (content, phase) = (Content::default(), Phase::Arrived);
        self.flights.begin(Flight { reply, size: call.size, content, fill: notes.fill, after, phase, target: None })
    }

    pub(super) fn run_due(&mut self) {
        while let Some((due, event)) = self.queue.pop_due(self.now) {
            match event {
                Event::Move(at) => {
                    let Move { stage, deployment, .. } = self.model.moves[at];
                    // One that does not fit changes nothing.
                    let _ = self.move_stage(stage, deployment);
                }
                Event::Drop(at) => self.drop_connections(at),
                Event::Authorized(look_up) => {
                    if !self.authorized(due, look_up) {
                        self.abandoned -= 1;
                    }
                }
                Event::HandOver(id) => self.hand_over(due, id),
                Event::Ask(number) => self.ask(due, number),
                Event::Sweep(function) => self.sweep(due, function),
                Event::FunctionEnds(function, environment) => self.pools.release(due, function, environment),
                Event::TimeOut(id) => self.time_out(due, id),
                Event::Reply(id) => self.reply(due, id),
                Event::Watch(id) => {
                    if !self.look_at(due, id) {
                        self.abandoned -= 1;
                    }
                }
                Event::Post(id) => self.post(due, id),
            }
        }
    }

    /// `None` if the deployment is none of the stage's API.
    pub(super) fn move_stage(&mut self, stage: StageId, deployment: DeploymentId) -> Option<()> {
        let api = self.model.stages.get(usize::from(stage.0))?.api;
        let fits = self.model.deployments.get(usize::from(deployment.0))?.api == api;
        fits.then(|| self.serving[usize::from(stage.0)] = deployment)
    }

    fn hand_over(&mut self, now: Instant, id: FlightId) {
        let Some(route) = self.flights.get_mut(id).and_then(|flight| flight.reply.route) else { return };
        if let Some(link) = self.model.link_of(route) {
            return self.hand_to_link(now, id, link);
        }
        match self.model.routes[usize::from(route.0)].integration {
            // A mock integration is answered where it is accepted.
            Integration::Mock(_) => {}
            Integration::Lambda(LambdaIntegration { function, timeout, .. }) => {
                self.invoke(now, Caller::Flight(id), function, timeout);
            }
            Integration::Http(HttpIntegration { timeout, .. }) => self.hand_to_http(now, id, route, timeout),
            Integration::Service(ServiceIntegration { service, timeout, .. }) => {
                self.hand_to_service(now, id, (service, route), timeout);
            }
        }
    }

    fn time_out(&mut self, now: Instant, id: FlightId) {
        let Some(since) = self.flights.waiting_since(id) else {
            self.abandoned -= 1;
            return;
        };
        self.let_go(id, false);
        // A function is not stopped: it goes on, and is paid for.
        if !self.invokes(id) {
            self.actions.push_back(Action::Cancel(id.effect()));
        }
        self.fail(id, now, Reason::IntegrationTimeout, Some(now.since(since)));
    }

    /// The gateway itself answers, for this reason.
    pub(super) fn fail(&mut self, id: FlightId, when: Instant, reason: Reason, took: Option<Span>) {
        let Some(flight) = self.flights.get_mut(id) else { return };
        let arrival = flight.reply.arrival;
        let api = self.api_of(arrival);
        let deployment = arrival.deployment.and_then(|id| self.model.deployments.get(usize::from(id.0)));
        let status = deployment.map_or_else(|| api.status_of(reason), |deployment| deployment.status_of(api, reason));
        self.decide(id, when, Decision { reason, content: Content { status, bytes: 0 }, took });
    }

    /// The answer is known at `when`; the reply follows after the second half of the gateway's own time.
    pub(super) fn decide(&mut self, id: FlightId, when: Instant, decision: Decision) {
        let Some(flight) = self.flights.get_mut(id) else { return };
        flight.phase = Phase::Decided;
        flight.reply.reason = decision.reason;
        flight.reply.status = decision.content.status;
        flight.content = decision.content;
        flight.reply.timing.integration = decision.took;
        self.queue.schedule(when + flight.after, Event::Reply(id));
    }

    fn reply(&mut self, now: Instant, id: FlightId) {
        let Some(Flight { mut reply, size, content, fill, .. }) = self.flights.end(id) else { return };
        if let Some(fill) = fill.filter(|_| reply.reason == Reason::Served)
            && let Some(entry) = self.caches.keep(now, fill, content)
        {
            reply.cache = CacheUse::Kept(entry);
        }
        // What makes room leaves before what comes in, so that the driver never holds more than fits.
        self.forget();
        if let Some(meter) = &mut self.meter {
            meter.on_reply(&self.model, &reply, (&size, content));
        }
        let closing = self.after_reply(now, &mut reply, &size);
        self.actions.push_back(Action::Reply(Reply { at: now, ..reply }));
        if let (Some(why), Some(id)) = (closing, reply.purpose.connection()) {
            self.close(id, why);
        }
    }

    /// Tells the driver which entries of the response cache are gone.
    pub(super) fn forget(&mut self) {
        while let Some(entry) = self.caches.take_gone() {
            self.actions.push_back(Action::Forget(entry));
        }
    }

    /// Nobody waits for one of the time-outs any longer. They outlive their calls by half a minute, so they are swept out
    /// whenever they are more than half of the queue.
    pub(super) fn abandon_time_out(&mut self) {
        self.abandoned += 1;
        if self.abandoned < ABANDONED_MIN || self.abandoned * 2 < self.queue.len() {
            return;
        }
        let (flights, authorizers, connections) = (&self.flights, &self.authorizers, &self.connections);
        self.queue.retain(|event| match event {
            Event::TimeOut(id) => flights.waiting_since(*id).is_some(),
            Event::Authorized(look_up) => authorizers.is_under_way(*look_up),
            Event::Watch(id) => connections.open_one(*id).is_some(),
            Event::Move(_)
            | Event::Drop(_)
            | Event::HandOver(_)
            | Event::Ask(_)
            | Event::Sweep(_)
            | Event::FunctionEnds(..)
            | Event::Reply(_)
            | Event::Post(_) => true,
        });
        self.abandoned = 0;
    }
}

fn draw(latency: &Latency, seed: Seed, number: u64) -> Span {
    latency.at(seed.unit(number))
}
