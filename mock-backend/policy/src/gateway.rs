//! The order of the checks, as a state machine.
//!
//! Owns what happens to a call from its arrival to its reply: stage, route, throttle, payload limit, integration, and the answer
//! for each way this can go. Refuses rules of its own (throttles, pools and distributions have theirs), clocks (`now` comes in;
//! an earlier one than before counts as the one before) and bytes. Called by the simulator under virtual time and by the mock
//! under the real clock.
//!
//! Its queues are bounded by the calls that the driver has in flight: each holds a few entries for each call, and an action
//! waits only until the driver takes it.

mod flights;
mod plain;
mod queue;

use std::collections::VecDeque;
use std::sync::Arc;

use self::flights::{Flight, FlightId, Flights, Phase};
pub use self::plain::Plain;
use self::queue::Queue;
use crate::call::{
    Action, Arrival, CacheUse, Call, Content, Effect, EffectId, Evidence, Mapped, Outcome, Reason, Release, Reply, Timing,
};
use crate::lambda::{Ending, Environments, Invocation, Pools};
use crate::latency::Latency;
use crate::model::{DeploymentId, FunctionId, Integration, Model, RouteId, StageId};
use crate::routing::{Doors, Router};
use crate::seed::Seed;
use crate::throttle::Throttles;
use crate::time::{Instant, Span};

/// Below this many abandoned time-outs the queue is not searched for them.
const ABANDONED_MIN: usize = 1_024;

/// One API, deciding.
#[derive(Clone, Debug)]
pub struct Gateway {
    model: Arc<Model>,
    doors: Doors,
    /// By deployment.
    routers: Vec<Router>,
    /// What each stage serves now.
    serving: Vec<DeploymentId>,
    throttles: Throttles,
    pools: Pools,
    flights: Flights,
    queue: Queue<Event>,
    actions: VecDeque<Action>,
    overhead: Seed,
    refusal: Seed,
    /// How many calls came so far: the number of a call's own draws.
    arrived: u64,
    /// How many time-outs in the queue nobody waits for any longer.
    abandoned: usize,
    now: Instant,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The gateway has done its part before the integration.
    HandOver(FlightId),
    /// The function is over: its environment is free, whoever still waits for the answer.
    FunctionEnds(FunctionId),
    /// External work is not waited for any longer.
    TimeOut(FlightId),
    /// The answer is ready.
    Reply(FlightId),
}

/// An answer, but for the time until it is given.
#[derive(Clone, Copy, Debug)]
struct Decision {
    reason: Reason,
    status: u16,
    /// How long the integration took, if there was one.
    took: Option<Span>,
}

impl Gateway {
    /// A gateway at rest: full buckets, no environments. All its draws come from `seed`.
    pub fn new(model: Arc<Model>, seed: Seed) -> Self {
        Self {
            doors: Doors::new(&model),
            routers: (0..model.deployments.len()).map(|at| Router::new(&model, DeploymentId(at as u16))).collect(),
            serving: model.stages.iter().map(|stage| stage.deployment).collect(),
            throttles: Throttles::new(&model),
            pools: Pools::new(&model, seed.child("functions")),
            flights: Flights::default(),
            queue: Queue::new(),
            actions: VecDeque::new(),
            overhead: seed.child("overhead"),
            refusal: seed.child("refusal"),
            arrived: 0,
            abandoned: 0,
            now: Instant::ZERO,
            model,
        }
    }

    /// The head of a request is there: fixes which snapshot serves it. What was due until `now` happens before.
    pub fn arrive(&mut self, now: Instant, stage: Option<StageId>) -> Arrival {
        self.advance(now);
        let number = self.arrived;
        self.arrived += 1;
        let deployment = stage.and_then(|stage| self.serving.get(usize::from(stage.0)).copied());
        Arrival { number, stage: stage.filter(|_| deployment.is_some()), deployment, release: Release::Base }
    }

    /// The whole request is there. What was due until `now` happens before.
    pub fn on_call(&mut self, now: Instant, call: Call, evidence: &mut dyn Evidence) {
        self.advance(now);
        match self.admit(&call, evidence) {
            Ok((route, content)) => self.accept(call, route, content),
            Err(reason) => self.refuse(call, reason),
        }
        self.run_due();
    }

    /// The real world answers. The answer to work that was cancelled, or answered before, is ignored.
    pub fn on_effect(&mut self, now: Instant, id: EffectId, what: Outcome) {
        self.advance(now);
        let id = FlightId::of_effect(id);
        let Some(since) = self.flights.waiting_since(id) else { return };
        let took = Some(self.now.since(since));
        match what {
            Outcome::Answered { content } => {
                self.decide(id, self.now, Decision { reason: Reason::Served, status: content.status, took });
            }
            Outcome::Unreachable => self.fail(id, self.now, Reason::IntegrationUnreachable, took),
            Outcome::Misconfigured => self.fail(id, self.now, Reason::Misconfigured, took),
        }
        self.abandon_time_out();
        self.run_due();
    }

    /// Lets everything happen that is due until `now`, in the order and at the instants in which it is due.
    pub fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.run_due();
    }

    /// When [`Self::advance`] is to be called next, if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.queue.next_due()
    }

    /// What the driver is to do next; ask until there is nothing.
    pub fn take_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Which stage a host and a path mean.
    pub const fn doors(&self) -> &Doors {
        &self.doors
    }

    /// Which route a method and a path mean in this deployment.
    pub fn router(&self, deployment: DeploymentId) -> &Router {
        &self.routers[usize::from(deployment.0)]
    }

    /// What this gateway was built from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Calls that came and have no reply yet.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// How the environments of a function were used so far.
    pub fn environments(&self, function: FunctionId) -> Environments {
        self.pools.environments(function)
    }

    /// The checks, in the order in which the gateway makes them.
    fn admit(&mut self, call: &Call, evidence: &mut dyn Evidence) -> Result<(RouteId, Content), Reason> {
        let stage = call.arrival.stage.ok_or(Reason::NoStage)?;
        let route = call.route.filter(|id| usize::from(id.0) < self.model.routes.len()).ok_or(Reason::NoRoute)?;
        self.throttles.try_admit(self.now, stage, route).map_err(|refusal| Reason::Throttled(refusal.scope))?;
        if call.size.body > self.model.api_of(stage).limits.payload_bytes {
            return Err(Reason::PayloadTooLarge);
        }
        match evidence.integrate(route) {
            Mapped::Answer(content) => Ok((route, content)),
            Mapped::UnsupportedMediaType => Err(Reason::UnsupportedMediaType),
            Mapped::Misconfigured => Err(Reason::Misconfigured),
        }
    }

    /// The gateway answers by itself.
    fn refuse(&mut self, call: Call, reason: Reason) {
        let time = draw(&self.api_of(&call).refusal, self.refusal, call.arrival.number);
        let id = self.begin(call, Content::default(), Span::ZERO);
        self.fail(id, self.now + time, reason, None);
    }

    /// The call goes on to its integration, after the first half of the gateway's own time.
    fn accept(&mut self, call: Call, route: RouteId, content: Content) {
        let overhead = draw(&self.api_of(&call).overhead, self.overhead, call.arrival.number);
        let before = Span::from_ns(overhead.as_ns() / 2);
        let id = self.begin(call, content, overhead.saturating_sub(before));
        let handed_over = self.now + before;
        match self.model.routes[usize::from(route.0)].integration {
            Integration::Mock(_) => {
                self.decide(id, handed_over, Decision { reason: Reason::Served, status: content.status, took: None });
            }
            Integration::Lambda { .. } | Integration::Http(_) | Integration::Service(_) => {
                self.queue.schedule(handed_over, Event::HandOver(id));
            }
        }
    }

    /// The API that a call is for; without a stage the first.
    fn api_of(&self, call: &Call) -> &crate::model::Api {
        call.arrival.stage.map_or(&self.model.apis[0], |stage| self.model.api_of(stage))
    }

    fn begin(&mut self, call: Call, content: Content, after: Span) -> FlightId {
        let reply = Reply {
            call: call.id,
            at: self.now,
            status: 0,
            reason: Reason::Served,
            arrival: call.arrival,
            route: call.route,
            cache: CacheUse::None,
            timing: Timing { received: self.now, ..Timing::default() },
        };
        self.flights.begin(Flight { reply, content, after, phase: Phase::Arrived })
    }

    fn run_due(&mut self) {
        while let Some((due, event)) = self.queue.pop_due(self.now) {
            match event {
                Event::HandOver(id) => self.hand_over(due, id),
                Event::FunctionEnds(function) => self.pools.release(due, function),
                Event::TimeOut(id) => self.time_out(due, id),
                Event::Reply(id) => self.reply(due, id),
            }
        }
    }

    fn hand_over(&mut self, now: Instant, id: FlightId) {
        let Some(flight) = self.flights.get_mut(id) else { return };
        let Some(route) = flight.reply.route else { return };
        match self.model.routes[usize::from(route.0)].integration {
            // A mock integration is answered where it is accepted.
            Integration::Mock(_) => {}
            Integration::Lambda { function, timeout } => self.invoke(now, id, function, timeout),
            Integration::Http(crate::model::HttpIntegration { timeout, .. })
            | Integration::Service(crate::model::ServiceIntegration { timeout, .. }) => {
                flight.phase = Phase::Waiting(now);
                let effect = Effect::Integrate { call: flight.reply.call, route };
                self.actions.push_back(Action::Start(id.effect(), effect));
                self.queue.schedule(now + timeout, Event::TimeOut(id));
            }
        }
    }

    fn invoke(&mut self, now: Instant, id: FlightId, function: FunctionId, timeout: Span) {
        let Some(invocation) = self.pools.invoke(now, function) else {
            return self.fail(id, now, Reason::FunctionThrottled(function), None);
        };
        let Invocation { cold_start, busy, ending } = invocation;
        self.queue.schedule(now + busy, Event::FunctionEnds(function));
        let Some(flight) = self.flights.get_mut(id) else { return };
        flight.reply.timing.cold_start = cold_start;
        let status = flight.content.status;
        if busy > timeout {
            return self.fail(id, now + timeout, Reason::IntegrationTimeout, Some(timeout));
        }
        match ending {
            Ending::Returned => self.decide(id, now + busy, Decision { reason: Reason::Served, status, took: Some(busy) }),
            Ending::Failed => self.fail(id, now + busy, Reason::FunctionFailed(function), Some(busy)),
        }
    }

    fn time_out(&mut self, now: Instant, id: FlightId) {
        let Some(since) = self.flights.waiting_since(id) else {
            self.abandoned -= 1;
            return;
        };
        self.actions.push_back(Action::Cancel(id.effect()));
        self.fail(id, now, Reason::IntegrationTimeout, Some(now.since(since)));
    }

    /// The gateway itself answers, for this reason.
    fn fail(&mut self, id: FlightId, when: Instant, reason: Reason, took: Option<Span>) {
        let Some(flight) = self.flights.get_mut(id) else { return };
        let arrival = flight.reply.arrival;
        let kind = arrival.stage.map_or(self.model.apis[0].kind, |stage| self.model.api_of(stage).kind);
        let deployment = arrival.deployment.map(|id| &self.model.deployments[usize::from(id.0)]);
        let status = deployment.map_or(kind.status_of(reason), |deployment| deployment.status_of(kind, reason));
        self.decide(id, when, Decision { reason, status, took });
    }

    /// The answer is known at `when`; the reply follows after the second half of the gateway's own time.
    fn decide(&mut self, id: FlightId, when: Instant, decision: Decision) {
        let Some(flight) = self.flights.get_mut(id) else { return };
        flight.phase = Phase::Decided;
        flight.reply.reason = decision.reason;
        flight.reply.status = decision.status;
        flight.reply.timing.integration = decision.took;
        self.queue.schedule(when + flight.after, Event::Reply(id));
    }

    fn reply(&mut self, now: Instant, id: FlightId) {
        let Some(flight) = self.flights.end(id) else { return };
        self.actions.push_back(Action::Reply(Reply { at: now, ..flight.reply }));
    }

    /// Nobody waits for one of the time-outs any longer. They outlive their calls by half a minute, so they are swept out
    /// whenever they are more than half of the queue.
    fn abandon_time_out(&mut self) {
        self.abandoned += 1;
        if self.abandoned < ABANDONED_MIN || self.abandoned * 2 < self.queue.len() {
            return;
        }
        let flights = &self.flights;
        self.queue.retain(|event| match event {
            Event::TimeOut(id) => flights.waiting_since(*id).is_some(),
            Event::HandOver(_) | Event::FunctionEnds(_) | Event::Reply(_) => true,
        });
        self.abandoned = 0;
    }
}

fn draw(latency: &Latency, seed: Seed, number: u64) -> Span {
    latency.at(seed.unit(number))
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
