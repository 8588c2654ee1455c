//! Requests through private links, and what happens to them when a target leaves.
//!
//! Owns how the end of a request at a target becomes an answer. Refuses to choose a target and to judge its health
//! ([`vpc_link`](crate::vpc_link)). A part of the gateway.
//!
//! Without any target, and when the connection is refused or reset, a REST API answers 504 "Network error communicating with
//! endpoint", an HTTP API 503 (facts: developer guide, "Set up private integrations", 2026; re:Post articles on VPC links).

use super::Gateway;
use super::course::Event;
use super::flights::{FlightId, Phase};
use crate::call::{Action, Effect, Reason};
use crate::model::{Ends, Integration, LinkId, RouteId, TargetId};
use crate::time::{Instant, Span};
use crate::vpc_link::{Health, Look, Sent, TargetUse};

impl Gateway {
    /// Somebody looked at a real target. Whatever a target still works on when it becomes unhealthy is reset.
    pub fn on_look(&mut self, now: Instant, target: TargetId, look: Look) {
        self.advance(now);
        if !self.links.on_look(target, look) {
            return;
        }
        for (id, since) in self.flights.waiting_for(target) {
            self.actions.push_back(Action::Cancel(id.effect()));
            self.fail(id, self.now, Reason::IntegrationUnreachable, Some(self.now.since(since)));
            self.abandon_time_out();
        }
        self.run_due();
    }

    /// How a target of a private link was used so far; `None` if there is no such target.
    pub fn target_usage(&self, target: TargetId) -> Option<TargetUse> {
        self.links.usage(target)
    }

    /// Whether a target of a private link was healthy when it was last looked at; `None` if there is no such target.
    pub fn target_health(&self, target: TargetId) -> Option<Health> {
        self.links.health(target)
    }

    pub(super) fn hand_to_link(&mut self, now: Instant, id: FlightId, link: LinkId) {
        let Some((route, timeout)) = self.waits_for(id) else { return };
        let ended = match self.links.send(now, link) {
            Sent::Real(target) => return self.ask_target(now, id, (route, target), timeout),
            Sent::Answers(at) => (at.since(now), Ends::Answered),
            Sent::Breaks(at) => (at.since(now), Ends::BrokenOff),
        };
        self.on_modelled(now, id, ended, timeout);
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
