//! Calls to modelled back ends, and to services with the retries that the gateway makes.
//!
//! Owns how the end of a modelled call becomes an answer. Refuses to know what kind of back end it is, and to reach a real one (the
//! driver does). A part of the gateway.
//!
//! Nothing is kept of a modelled back end: the draws of a call go by its number, so the end is known when it begins.

use std::sync::Arc;

use super::Gateway;
use super::course::{Decision, Event};
use super::flights::{FlightId, Phase};
use crate::call::{Action, Effect, Reason};
use crate::model::{BackEnd, Ends, HttpIntegration, Integration, ModelledBackEnd, RouteId, ServiceId, ServiceUse};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// More retries than anybody may set, so that the draws of one call never meet those of the next.
const TRIES: u64 = 8;

/// The chances of modelled back ends, by the number of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    durations: Seed,
    failures: Seed,
}

impl Draws {
    pub(super) fn new(seed: Seed) -> Self {
        Self { durations: seed.child("durations"), failures: seed.child("failures") }
    }

    fn of(self, number: u64, attempt: u64) -> [f64; 2] {
        let at = number.wrapping_mul(TRIES).wrapping_add(attempt);
        [self.durations.unit(at), self.failures.unit(at)]
    }
}

impl Gateway {
    /// How a service was used so far, by the calls that the policy makes itself; whoever reaches a real one counts his retries.
    pub fn service_usage(&self, service: ServiceId) -> ServiceUse {
        self.services.get(usize::from(service.0)).copied().unwrap_or_default()
    }

    pub(super) fn hand_to_service(&mut self, now: Instant, id: FlightId, (service, route): (ServiceId, RouteId), timeout: Span) {
        let model = Arc::clone(&self.model);
        let at = usize::from(service.0);
        self.services[at].asked += 1;
        match model.services[at].back_end.modelled() {
            Some(modelled) => {
                let retries = model.api_of_route(route).unconfirmed.service_retries;
                self.services[at].retried += self.hand_to_model(now, id, modelled, (timeout, retries));
            }
            None => self.hand_to_driver(now, id, route, timeout),
        }
    }

    /// An HTTP back end that no described link leads to. Nobody asks it twice: no document says so.
    pub(super) fn hand_to_http(&mut self, now: Instant, id: FlightId, route: RouteId, timeout: Span) {
        let model = Arc::clone(&self.model);
        match &model.routes[usize::from(route.0)].integration {
            Integration::Http(HttpIntegration { back_end: BackEnd::Modelled(modelled), .. }) => {
                self.hand_to_model(now, id, modelled, (timeout, 0));
            }
            Integration::Http(_) | Integration::Mock(_) | Integration::Lambda(_) | Integration::Service(_) => {
                self.hand_to_driver(now, id, route, timeout);
            }
        }
    }

    /// The driver reaches what is real.
    pub(super) fn hand_to_driver(&mut self, now: Instant, id: FlightId, route: RouteId, timeout: Span) {
        let Some(flight) = self.flights.get_mut(id) else { return };
        flight.phase = Phase::Waiting(now);
        let effect = Effect::Integrate { call: flight.reply.call, route, target: None };
        self.actions.push_back(Action::Start(id.effect(), effect));
        self.queue.schedule(now + timeout, Event::TimeOut(id));
    }

    /// A modelled back end is called, and up to `retries` times more as long as it breaks off; how often it was called again.
    pub(super) fn hand_to_model(
        &mut self,
        now: Instant,
        id: FlightId,
        back_end: &ModelledBackEnd,
        (timeout, retries): (Span, u32),
    ) -> u64 {
        let Some(number) = self.flights.get_mut(id).map(|flight| flight.reply.arrival.number) else { return 0 };
        let (mut took, mut ends, mut attempt) = (Span::ZERO, Ends::BrokenOff, 0);
        while ends == Ends::BrokenOff && took <= timeout && attempt <= u64::from(retries).min(TRIES - 1) {
            let (one, ended) = back_end.call(self.back_ends.of(number, attempt));
            took += one;
            ends = ended;
            attempt += 1;
        }
        self.on_modelled(now, id, (took, ends), timeout);
        attempt.saturating_sub(1)
    }

    /// What was handed over at `now` to something modelled ends after so long.
    pub(super) fn on_modelled(&mut self, now: Instant, id: FlightId, (took, ends): (Span, Ends), timeout: Span) {
        if took > timeout {
            return self.fail(id, now + timeout, Reason::IntegrationTimeout, Some(timeout));
        }
        match ends {
            Ends::BrokenOff => self.fail(id, now + took, Reason::IntegrationUnreachable, Some(took)),
            Ends::Answered => {
                let Some(content) = self.flights.get_mut(id).map(|flight| flight.content) else { return };
                self.decide(id, now + took, Decision { reason: Reason::Served, content, took: Some(took) });
            }
        }
    }
}
