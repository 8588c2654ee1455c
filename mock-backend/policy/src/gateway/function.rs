//! An invocation: from the hand-over until the function's answer is known.
//!
//! Owns what a modelled function's times mean for its call, or for the look-up of an authorizer, and for its environment; and the connection that it takes meanwhile. Refuses
//! the pools themselves (`lambda`, `capacity`) and real functions (`real`). A part of the gateway.
//!
//! A function that shares a pool asks for a connection when it begins its work, has it for the pool's service time, and then works
//! on for its own duration. One that gets none fails when it knows. Its environment is busy all the time.

use std::collections::BTreeMap;

use super::Gateway;
use super::course::{Decision, Event};
use super::flights::FlightId;
use crate::authorizer::LookUpId;
use crate::call::Reason;
use crate::capacity::{GivenUp, Turn};
use crate::lambda::{Ending, Environment, Invocation};
use crate::metered::Invoked;
use crate::model::{CapacityId, FunctionId, RouteId};
use crate::time::{Instant, Span};

/// Functions that start cold and will ask for a connection; never more than environments.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    started: BTreeMap<u64, Work>,
    count: u64,
}

/// For whom a function works.
#[derive(Clone, Copy, Debug)]
pub(super) enum Caller {
    /// For a call, as its integration.
    Flight(FlightId),
    /// For whoever waits for this look-up, as their authorizer.
    LookUp(LookUpId),
}

/// The work of an invocation.
#[derive(Clone, Copy, Debug)]
struct Work {
    caller: Caller,
    /// For which route it works, where somebody meters: its call may be over before.
    route: Option<RouteId>,
    function: FunctionId,
    environment: Environment,
    capacity: CapacityId,
    handed_over: Instant,
    timeout: Span,
    cold_start: Option<Span>,
    duration: Span,
    ending: Ending,
}

impl Gateway {
    pub(super) fn invoke(&mut self, now: Instant, caller: Caller, function: FunctionId, timeout: Span) {
        let invocation = match self.pools.invoke(now, function) {
            Ok(invocation) => invocation,
            Err(limit) => return self.no_answer(caller, now, Reason::FunctionThrottled(function, limit), None),
        };
        let Invocation { environment, cold_start, busy, ending } = invocation;
        let route = self.metered_route(caller);
        let invoked = &self.model.functions[usize::from(function.0)];
        let uses = invoked.uses;
        if !invoked.code.is_modelled() {
            self.meter(now, Invoked { function, environment, route, start: None, took: None });
            return self.start(now, caller, (function, environment), timeout);
        }
        if let Caller::Flight(id) = caller
            && let Some(flight) = self.flights.get_mut(id)
        {
            flight.reply.timing.cold_start = cold_start;
        }
        let Some(capacity) = uses else {
            let reason = match ending {
                Ending::Returned => Reason::Served,
                Ending::Failed => Reason::FunctionFailed(function),
            };
            self.meter(now, Invoked { function, environment, route, start: cold_start, took: Some(busy) });
            self.queue.schedule(now + busy, Event::FunctionEnds(function, environment));
            return self.returns(caller, now, (busy, timeout), reason);
        };
        let start = cold_start.unwrap_or_default();
        let duration = busy.saturating_sub(start);
        let handed_over = now;
        let work = Work { caller, route, function, environment, capacity, handed_over, timeout, cold_start, duration, ending };
        if start == Span::ZERO {
            return self.work(now, work);
        }
        let number = self.asking.count;
        self.asking.count += 1;
        self.asking.started.insert(number, work);
        self.queue.schedule(now + start, Event::Ask(number));
        // Whoever waits does not wait for a start that takes longer.
        if start > timeout {
            self.no_answer(caller, now + timeout, Reason::IntegrationTimeout, Some(timeout));
        }
    }

    /// A function has started.
    pub(super) fn ask(&mut self, now: Instant, number: u64) {
        if let Some(work) = self.asking.started.remove(&number) {
            self.work(now, work);
        }
    }

    /// A function begins its work, with a connection.
    fn work(&mut self, now: Instant, work: Work) {
        let Work { caller, function, environment, capacity, handed_over, timeout, duration, ending, .. } = work;
        let (ends, reason) = match (self.capacities.ask(now, capacity), ending) {
            (Ok(Turn { until, .. }), Ending::Returned) => (until + duration, Reason::Served),
            (Ok(Turn { until, .. }), Ending::Failed) => (until + duration, Reason::FunctionFailed(function)),
            (Err(GivenUp { at }), _) => (at, Reason::CapacityExhausted(capacity)),
        };
        let (start, took) = (work.cold_start, Some(ends.since(handed_over)));
        self.meter(handed_over, Invoked { function, environment, route: work.route, start, took });
        self.queue.schedule(ends, Event::FunctionEnds(function, environment));
        if now.since(handed_over) <= timeout {
            self.returns(caller, handed_over, (ends.since(handed_over), timeout), reason);
        }
    }

    /// The route for which a function works, where somebody meters; `None` of an authorizer.
    fn metered_route(&mut self, caller: Caller) -> Option<RouteId> {
        self.meter.as_ref()?;
        match caller {
            Caller::Flight(id) => self.flights.get_mut(id)?.reply.route,
            Caller::LookUp(_) => None,
        }
    }

    /// An invocation that was handed over at `since`, for whoever meters.
    fn meter(&mut self, since: Instant, invoked: Invoked) {
        if let Some(meter) = &mut self.meter {
            meter.on_invoked(since, &invoked);
        }
    }

    /// A function that was handed over at `since` has an answer after so long, if that is in time.
    fn returns(&mut self, caller: Caller, since: Instant, (took, timeout): (Span, Span), reason: Reason) {
        if took > timeout {
            return self.no_answer(caller, since + timeout, Reason::IntegrationTimeout, Some(timeout));
        }
        match caller {
            _ if reason != Reason::Served => self.no_answer(caller, since + took, reason, Some(took)),
            // What it says was drawn when it was asked.
            Caller::LookUp(id) => self.queue.schedule(since + took, Event::Authorized(id)),
            Caller::Flight(id) => {
                let Some(content) = self.flights.get_mut(id).map(|flight| flight.content) else { return };
                self.decide(id, since + took, Decision { reason, content, took: Some(took) });
            }
        }
    }

    /// For this reason there is no answer of a function, which is known at `when`. To a look-up all reasons are one.
    fn no_answer(&mut self, caller: Caller, when: Instant, reason: Reason, took: Option<Span>) {
        match caller {
            Caller::Flight(id) => self.fail(id, when, reason, took),
            Caller::LookUp(id) => {
                self.authorizers.fail(id);
                self.queue.schedule(when, Event::Authorized(id));
            }
        }
    }
}
