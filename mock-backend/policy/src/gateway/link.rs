//! Requests through private links, and what happens to them when a target leaves.
//!
//! Owns how the end of a request at a target becomes an answer. Refuses to choose a target and to judge its health
//! ([`vpc_link`](crate::vpc_link)). A part of the gateway.
//!
//! Without any target, and when the connection is refused or reset, a REST API answers 504 "Network error communicating with
//! endpoint", an HTTP API 503 (facts: developer guide, "Set up private integrations", 2026; re:Post articles on VPC links).

use super::Gateway;
use super::course::{Decision, Event};
use super::flights::{FlightId, Phase};
use crate::call::{Action, Content, Effect, Reason};
use crate::model::{CapacityId, Ends, Integration, LinkId, RouteId, TargetId};
use crate::time::{Instant, Span};
use crate::vpc_link::{Health, Look, Sent, TargetUse};

/// What a target answers that gets no connection of the pool that it uses: like an application whose pool times out.
const EXHAUSTED: u16 = 500;

impl Gateway {
    /// Somebody looked at a real target. Whatever a target still works on when it becomes unhealthy is reset.
    pub fn on_look(&mut self, now: Instant, target: TargetId, look: Look) {
        self.advance(now);
        if !self.links.on_look(target, look) {
            return;
        }
        for (id, since) in self.flights.waiting_for(target) {
            self.let_go(id, false);
            self.actions.push_back(Action::Cancel(id.effect()));
            self.fail(id, self.now, Reason::IntegrationUnreachable, Some(self.now.since(since)));
            self.abandon_time_out();
        }
        self.run_due();
    }

    /// How a target of a private link was used so far; `None` if there is no such target.
    pub fn target_usage(&self, target: TargetId) -> Option<TargetUse> {
        self.links.usage(self.now, target)
    }

    /// Whether a target of a private link was healthy when it was last looked at; `None` if there is no such target.
    pub fn target_health(&self, target: TargetId) -> Option<Health> {
        self.links.health(target)
    }

    pub(super) fn hand_to_link(&mut self, now: Instant, id: FlightId, link: LinkId) {
        let Some((route, timeout)) = self.waits_for(id) else { return };
        let ended = match self.links.send(now, link, &mut self.capacities) {
            Sent::Real(target) => return self.ask_target(now, id, (route, target), timeout),
            Sent::Answers(at) => (at.since(now), Ends::Answered),
            Sent::Breaks(at) => (at.since(now), Ends::BrokenOff),
            Sent::Exhausted(at, pool) => return self.exhausted(now, id, (at, pool), timeout),
        };
        self.on_modelled(now, id, ended, timeout);
    }

    /// A target without a connection of its pool answers by itself that it failed.
    fn exhausted(&mut self, now: Instant, id: FlightId, (at, pool): (Instant, CapacityId), timeout: Span) {
        let took = at.since(now);
        if took > timeout {
            return self.fail(id, now + timeout, Reason::IntegrationTimeout, Some(timeout));
        }
        let content = Content { status: EXHAUSTED, bytes: 0 };
        self.decide(id, at, Decision { reason: Reason::CapacityExhausted(pool), content, took: Some(took) });
    }

    /// Nobody waits any longer for the target that works on a request, if one does.
    pub(super) fn let_go(&mut self, id: FlightId, was_answered: bool) {
        let since = self.flights.waiting_since(id);
        let target = self.flights.get_mut(id).and_then(|flight| flight.target.take());
        if let Some((target, since)) = target.zip(since) {
            self.links.on_end(self.now, target, since, was_answered);
        }
    }

    fn ask_target(&mut self, now: Instant, id: FlightId, (route, target): (RouteId, TargetId), timeout: Span) {
        let Some(flight) = self.flights.get_mut(id) else { return };
        flight.phase = Phase::Waiting(now);
        flight.target = Some(target);
        let effect = Effect::Integrate { call: flight.reply.call, route, target: Some(target) };
        self.actions.push_back(Action::Start(id.effect(), effect));
        self.queue.schedule(now + timeout, Event::TimeOut(id));
    }

    /// The route of a flight to a back end, and how long the gateway waits there.
    fn waits_for(&mut self, id: FlightId) -> Option<(RouteId, Span)> {
        let route = self.flights.get_mut(id)?.reply.route?;
        match &self.model.routes[usize::from(route.0)].integration {
            Integration::Http(http) => Some((route, http.timeout)),
            Integration::Mock(_) | Integration::Lambda(_) | Integration::Service(_) => None,
        }
    }
}
