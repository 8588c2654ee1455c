//! Real functions: who runs, for which call or look-up, and what their end means.
//!
//! Owns the invocations under way. An invocation outlives its call: the gateway stops waiting, or its client leaves, and the function
//! goes on in its environment (Lambda developer guide, "Understanding Lambda function scaling", 2026: an environment is busy until
//! its invocation has ended). Refuses limits and the choice of environments (`lambda`). A part of the gateway.

use std::collections::BTreeMap;

use super::Gateway;
use super::course::{Decision, Event};
use super::flights::{FlightId, Phase};
use super::function::Caller;
use crate::call::{Action, Effect, EffectId, Errand, Fate, FunctionLimit, FunctionResult, Invoked, Reason};
use crate::lambda::Environment;
use crate::model::{FunctionId, Integration, RouteId};
use crate::time::{Instant, Span};

/// Effects of this kind have the highest bit; flights count far below it.
const INVOCATION: u64 = 1 << 63;

/// The invocations under way; never more than environments.
#[derive(Clone, Debug)]
pub(super) struct Invocations {
    running: BTreeMap<u64, Running>,
    started: u64,
    /// By function, whether a sweep is due.
    swept: Vec<bool>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    caller: Caller,
    function: FunctionId,
    environment: Environment,
}

impl Invocations {
    pub(super) fn new(functions: usize) -> Self {
        Self { running: BTreeMap::new(), started: 0, swept: vec![false; functions] }
    }
}

impl Gateway {
    /// How many invocations of real functions have not ended, whether or not their calls have.
    pub fn invocations(&self) -> usize {
        self.invocations.running.len()
    }

    /// A real function's invocation has ended. What was ended before is ignored.
    pub fn on_invoked(&mut self, now: Instant, id: EffectId, ended: Invoked) {
        self.advance(now);
        let Some(Running { caller, function, environment }) = self.invocations.running.remove(&(id.0 & !INVOCATION)) else {
            return;
        };
        match ended.fate {
            Fate::Kept => {
                self.pools.release(self.now, function, environment);
                self.schedule_sweep(function);
            }
            Fate::Lost => self.pools.lose(self.now, function, environment),
        }
        self.tell_gone(function);
        match caller {
            Caller::Flight(flight) => self.on_result(flight, function, ended.result, ended.cold_start),
            Caller::LookUp(look_up) => self.on_said(look_up, id.answer(), ended.result),
        }
        self.run_due();
    }

    /// A real function has begun to stream its answer, whose head comes to this: the reply is decided, and the invocation goes on until
    /// [`Self::on_invoked`] tells of its end. What nobody waits for any longer is ignored.
    pub fn on_begun(&mut self, now: Instant, id: EffectId, result: FunctionResult, cold_start: Option<Span>) {
        self.advance(now);
        let running = self.invocations.running.get(&(id.0 & !INVOCATION)).copied();
        // The function of an authorizer answers as a whole.
        if let Some(Running { caller: Caller::Flight(flight), function, .. }) = running {
            self.on_result(flight, function, result, cold_start);
            self.run_due();
        }
    }

    /// Decides on the call, if it still waits.
    fn on_result(&mut self, flight: FlightId, function: FunctionId, result: FunctionResult, cold_start: Option<Span>) {
        let Some(since) = self.flights.waiting_since(flight) else { return };
        if let Some(flight) = self.flights.get_mut(flight) {
            flight.reply.timing.cold_start = cold_start;
        }
        let (now, took) = (self.now, Some(self.now.since(since)));
        match result {
            FunctionResult::Answered(content) => self.decide(flight, now, Decision { reason: Reason::Served, content, took }),
            FunctionResult::Failed => self.fail(flight, now, Reason::FunctionFailed(function), took),
            FunctionResult::Malformed => self.fail(flight, now, Reason::FunctionMalformed(function), took),
            // What an authorizer says answers no call.
            FunctionResult::Misconfigured | FunctionResult::Authorized { .. } | FunctionResult::Unauthorized => {
                self.fail(flight, now, Reason::Misconfigured, took);
            }
            // Which limit it was, whoever runs the function keeps to himself.
            FunctionResult::Throttled => {
                self.fail(flight, now, Reason::FunctionThrottled(function, FunctionLimit::Concurrency), None);
            }
        }
        self.abandon_time_out();
    }

    /// A real function begins, in this environment.
    pub(super) fn start(&mut self, now: Instant, caller: Caller, runs: (FunctionId, Environment), timeout: Span) {
        let (function, environment) = runs;
        self.tell_gone(function);
        let (call, errand, time_out) = match caller {
            Caller::Flight(id) => {
                let Some(flight) = self.flights.get_mut(id) else { return };
                flight.phase = Phase::Waiting(now);
                (flight.reply.call, Errand::Integration, Event::TimeOut(id))
            }
            Caller::LookUp(id) => {
                // What it says when its time is over.
                self.authorizers.fail(id);
                let Some((call, authorizer)) = self.authorizers.first(id) else { return };
                (call, Errand::Authorizer(authorizer), Event::Authorized(id))
            }
        };
        let number = self.invocations.started;
        self.invocations.started += 1;
        self.invocations.running.insert(number, Running { caller, function, environment });
        let effect = Effect::Invoke { errand, call, function, environment };
        self.actions.push_back(Action::Start(EffectId(INVOCATION | number), effect));
        self.queue.schedule(now + timeout, time_out);
    }

    /// Whether a flight waits for a real function.
    pub(super) fn invokes(&mut self, id: FlightId) -> bool {
        let route = self.flights.get_mut(id).and_then(|flight| flight.reply.route);
        route.is_some_and(|RouteId(route)| matches!(self.model.routes[usize::from(route)].integration, Integration::Lambda(_)))
    }

    /// An idle environment is let go when its time is up, or at the next look after that: there is one at a time for each function.
    fn schedule_sweep(&mut self, function: FunctionId) {
        let scheduled = &mut self.invocations.swept[usize::from(function.0)];
        if !*scheduled && let Some(due) = self.pools.sweep(self.now, function) {
            *scheduled = true;
            self.queue.schedule(due, Event::Sweep(function));
        }
    }

    pub(super) fn sweep(&mut self, now: Instant, function: FunctionId) {
        let next = self.pools.sweep(now, function);
        self.invocations.swept[usize::from(function.0)] = next.is_some();
        if let Some(due) = next {
            self.queue.schedule(due, Event::Sweep(function));
        }
        self.tell_gone(function);
    }

    fn tell_gone(&mut self, function: FunctionId) {
        while let Some(environment) = self.pools.take_gone(function) {
            self.actions.push_back(Action::Reap(function, environment));
        }
    }
}
