//! The event loop of one simulated run.
//!
//! Owns the order of events. Times to the gateway and back are constant, so what is under way is in order already and needs no
//! heap: the next event is the earliest of a few fronts. At one instant the order is fixed: the gateway's own deadlines, answers
//! that arrive (an answer in the last nanosecond is in time), time-outs, actions that are due, waiting actions, and last the
//! calls that reach the gateway.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use sluicegate_policy::call::{
    Action as PolicyAction, Arrival, CallId, Content, Effect, EffectId, Errand, Fate as EnvironmentFate, FunctionResult, Invoked,
    Outcome as EffectOutcome, Reply, Timing,
};
use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::model::RouteId;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use super::client::{Client, Fate, Pending};
use super::door::Door;
use super::flights::{Flight, Flights};
use super::routes::Routes;
use super::seats::{Seats, Taken};
use super::{SimSummary, World};
use crate::load::overload::Backoff;
use crate::load::shaper::Shaper;
use crate::load::{Ended, Feedback, Source};
use crate::measure::parts::Parts;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::{Action, Due, Request, SeriesId, Step};

/// Status of an answer that the model does not predict.
const UNPREDICTED_STATUS: u16 = 200;

/// One run.
pub(super) struct Simulation<'a> {
    world: &'a World,
    source: Box<dyn Source>,
    record: &'a mut dyn Record,
    gateway: Gateway,
    door: Door,
    routes: Routes,
    client: Client,
    backoff: Backoff,
    flights: Flights,
    /// The next step of the plan, and when.
    planned: Option<(Instant, Pending)>,
    thinking: BinaryHeap<Reverse<Thinking>>,
    /// On the way to the gateway, over connections that were idle and over new ones: each in order of arrival.
    over_idle: VecDeque<(Instant, Arriving)>,
    over_new: VecDeque<(Instant, Arriving)>,
    /// On the way back.
    replies: VecDeque<(Instant, Reply)>,
    /// In the gateway, where they wait for an authorizer.
    parked: BTreeMap<CallId, Parked>,
    unpredicted: BTreeMap<SeriesId, u64>,
    summary: SimSummary,
}

/// A request on its way to the gateway.
struct Arriving {
    id: CallId,
    request: Request,
}

/// A request that waits for an authorizer.
struct Parked {
    /// When it reached the gateway.
    at: Instant,
    request: Request,
    arrival: Arrival,
    route: Option<RouteId>,
}

/// A step that comes after another has ended.
struct Thinking {
    due: Instant,
    order: u64,
    pending: Pending,
}

impl<'a> Simulation<'a> {
    pub(super) fn new(world: &'a World, source: Box<dyn Source>, seed: Seed, record: &'a mut dyn Record) -> Self {
        let gateway = super::gateway(world, seed);
        let door = Door::new(&world.model, world.stage, world.wall, seed);
        let routes = Routes::new(&world.catalog, &gateway);
        let summary = SimSummary { retried: source.retries(), ..SimSummary::default() };
        let seats = Seats::new(world.connections, world.streams, world.network.connect, world.keeping);
        Self {
            world,
            source,
            record,
            gateway,
            door,
            routes,
            client: Client::new(seats, world.overload, Shaper::new(&world.ceilings)),
            backoff: Backoff::new(world.connections.saturating_mul(world.streams.max(1))),
            flights: Flights::new(),
            planned: None,
            thinking: BinaryHeap::new(),
            over_idle: VecDeque::new(),
            over_new: VecDeque::new(),
            replies: VecDeque::new(),
            parked: BTreeMap::new(),
            unpredicted: BTreeMap::new(),
            summary,
        }
    }

    /// Until every step has ended, or the run is over; what the gateway still does then is of no interest.
    pub(super) fn run(mut self) -> SimSummary {
        self.plan_next();
        while let Some(now) = self.next_instant().filter(|now| *now <= self.world.end) {
            self.turn(now);
        }
        self.abandon(self.world.end);
        SimSummary {
            shaped: self.client.shaped(),
            waiting_max: self.client.waiting_max,
            connections_opened: self.client.seats.opened,
            reconnects: self.client.seats.reconnects,
            unpredicted: self.unpredicted.into_iter().collect(),
            used: self.gateway.used(),
            metered: self.gateway.take_metered().map(Box::new),
            retried: self.source.retries(),
            ..self.summary
        }
    }

    fn next_instant(&self) -> Option<Instant> {
        // Plain minima: this is asked before every turn.
        let next = or_never(self.planned.as_ref().map(|(at, _)| *at))
            .min(or_never(self.thinking.peek().map(|Reverse(next)| next.due)))
            .min(front(&self.over_idle))
            .min(front(&self.over_new))
            .min(front(&self.replies))
            .min(or_never(self.flights.oldest().map(|(_, started)| started + self.world.timeout)))
            .min(or_never(self.client.next_release()));
        (next < Instant::MAX).then(|| next.min(or_never(self.gateway.next_deadline())))
    }

    /// All that happens at `now`, and is known by now to happen.
    fn turn(&mut self, now: Instant) {
        if self.gateway.next_deadline().is_some_and(|due| due <= now) {
            self.gateway.advance(now);
            self.take_actions(now);
        }
        while let Some(reply) = pop_due(&mut self.replies, now) {
            self.on_reply(now, &reply);
        }
        while let Some((call, _)) = self.flights.oldest().filter(|(_, started)| *started + self.world.timeout <= now) {
            self.on_time_out(now, call);
        }
        while let Some((intended, pending)) = self.planned.take_if(|(at, _)| *at <= now) {
            self.plan_next();
            self.summary.last_intended = self.summary.last_intended.max(intended);
            self.on_due(now, pending);
        }
        while self.thinking.peek().is_some_and(|Reverse(next)| next.due <= now) {
            if let Some(Reverse(next)) = self.thinking.pop() {
                self.summary.last_intended = self.summary.last_intended.max(next.due);
                self.on_due(now, next.pending);
            }
        }
        while let Some(fate) = self.client.next(now) {
            self.meet(now, fate);
        }
        while let Some(call) = pop_due(&mut self.over_idle, now) {
            self.on_arrived(now, call);
        }
        while let Some(call) = pop_due(&mut self.over_new, now) {
            self.on_arrived(now, call);
        }
    }

    /// Asks the source for the next step of the plan.
    fn plan_next(&mut self) {
        self.planned = self.source.next(Feedback::Idle).map(|step| {
            self.summary.script.add(&step);
            let at = match step.due {
                Due::At(at) => at,
                // The plan's own steps have an instant; one that has none is due when it is asked for.
                Due::After(_) => Instant::ZERO,
            };
            (at, pending(step, at))
        });
    }

    fn on_due(&mut self, now: Instant, pending: Pending) {
        // A retry is no part of the plan: it is counted apart.
        let count = if pending.attempt == 0 { &mut self.summary.intended } else { &mut self.summary.retries };
        *count += 1;
        let fate = self.client.offer(now, pending);
        self.meet(now, fate);
    }

    fn meet(&mut self, now: Instant, fate: Fate) {
        match fate {
            Fate::Start(action) => self.start(now, action),
            Fate::Wait => {}
            Fate::Drop(action) => {
                self.summary.dropped += 1;
                self.finish(&action, &never_sent(&action, now, Outcome::Dropped));
            }
            Fate::Shed(action) => {
                self.summary.shed += 1;
                self.finish(&action, &never_sent(&action, now, Outcome::Shed));
            }
        }
    }

    fn start(&mut self, now: Instant, action: Pending) {
        let Taken { over, set_up } =
            self.client.seats.take(now, (action.session, action.seq)).expect("an action starts only when a seat is free");
        // A connection that takes longer than the time-out is never written to.
        let is_sent = set_up == Span::ZERO || self.world.network.connect < self.world.timeout;
        let sent = if is_sent { now + set_up } else { Instant::MAX };
        let request = action.request.clone();
        let id = self.flights.begin(Flight { action, started: now, sent, over });
        if !is_sent {
            return;
        }
        self.summary.sent += 1;
        let call = Arriving { id, request };
        let at = sent + Span::from_ns(self.world.network.round_trip.as_ns() / 2);
        if set_up == Span::ZERO {
            self.over_idle.push_back((at, call));
        } else {
            // Who waits for a connection that another opened may be there before who opened one meanwhile.
            let place = self.over_new.partition_point(|(other, _)| *other <= at);
            self.over_new.insert(place, (at, call));
        }
    }

    fn on_arrived(&mut self, now: Instant, Arriving { id, request }: Arriving) {
        let arrival = self.gateway.arrive(now, self.door.api(), Some(self.world.stage));
        let catalog = &self.world.catalog;
        let route = arrival.deployment.and_then(|deployment| self.routes.of(&request, deployment, catalog, &self.gateway));
        if route.is_some_and(|route| self.world.model.real_authorizer(route).is_some()) {
            self.count_unpredicted(id);
        }
        let mut visitor = self.door.visit(now, (catalog, &request), (arrival, route));
        let call = visitor.call(id);
        self.gateway.on_call(now, call, &mut visitor);
        if self.gateway.is_parked(id) {
            self.parked.insert(id, Parked { at: now, request, arrival, route });
        }
        self.take_actions(now);
    }

    fn take_actions(&mut self, now: Instant) {
        let back = self.world.network.round_trip.as_ns().div_ceil(2);
        while let Some(action) = self.gateway.take_action() {
            match action {
                PolicyAction::Reply(reply) => {
                    self.summary.told.on_reply(&self.world.model, &reply);
                    self.replies.push_back((reply.at + Span::from_ns(back), reply));
                }
                PolicyAction::Start(id, Effect::Integrate { call, .. }) => self.answer_unpredicted(now, id, call),
                PolicyAction::Start(id, Effect::Invoke { errand, call, .. }) => self.return_unpredicted(now, id, (errand, call)),
                PolicyAction::Resume(call) => self.resume(now, call),
                // Requests open no connection, so that there is none to close and none to post to.
                PolicyAction::Cancel(_)
                | PolicyAction::Forget(_)
                | PolicyAction::LetGo(_)
                | PolicyAction::Reap(..)
                | PolicyAction::Close(..)
                | PolicyAction::Push(..)
                | PolicyAction::Pushed(_) => {}
            }
        }
    }

    fn return_unpredicted(&mut self, now: Instant, id: EffectId, (errand, call): (Errand, CallId)) {
        let result = match errand {
            Errand::Integration => {
                self.count_unpredicted(call);
                FunctionResult::Answered(Content { status: UNPREDICTED_STATUS, bytes: 0 })
            }
            // Whoever would have asked it was counted on arrival.
            Errand::Authorizer(_) => FunctionResult::Authorized { bytes: 0 },
        };
        self.gateway.on_invoked(now, id, Invoked { result, fate: EnvironmentFate::Kept, cold_start: None });
    }

    fn count_unpredicted(&mut self, call: CallId) {
        if let Some(flight) = self.flights.get(call) {
            *self.unpredicted.entry(flight.action.request.series).or_default() += 1;
        }
    }

    /// Its authorizer has answered: the same request goes on.
    fn resume(&mut self, now: Instant, call: CallId) {
        let Some(parked) = self.parked.remove(&call) else { return };
        let goes_to = (parked.arrival, parked.route);
        let mut visitor = self.door.visit(parked.at, (&self.world.catalog, &parked.request), goes_to);
        self.gateway.resume(now, call, &mut visitor);
    }

    fn answer_unpredicted(&mut self, now: Instant, id: EffectId, call: CallId) {
        self.count_unpredicted(call);
        self.gateway.on_effect(now, id, EffectOutcome::Answered { content: Content { status: UNPREDICTED_STATUS, bytes: 0 } });
    }

    fn on_reply(&mut self, now: Instant, reply: &Reply) {
        // Nobody waits for an answer whose call has timed out.
        let Some(flight) = self.flights.end(reply.call) else { return };
        self.client.seats.on_answer(now, flight.over);
        self.summary.answered += 1;
        let answered = Sample { status: reply.status, kind: reply.kind(), ..ended(&flight, now, Outcome::Answered) };
        let Timing { received, integration, authorizer, .. } = reply.timing;
        let parts = Parts::exact(now.since(flight.sent), reply.at.since(received), authorizer, integration);
        self.record.on_parts(&answered, &parts);
        self.finish(&flight.action, &answered);
    }

    fn on_time_out(&mut self, now: Instant, call: CallId) {
        let Some(flight) = self.flights.end(call) else { return };
        self.client.seats.on_time_out(now, flight.over);
        self.summary.timed_out += 1;
        self.finish(&flight.action, &ended(&flight, now, Outcome::TimedOut));
    }

    /// The run is over: nobody goes on, but every step has its sample.
    fn abandon(&mut self, now: Instant) {
        let waiting = self.client.drain().into_iter();
        let mut abandoned: Vec<(Instant, Sample)> =
            waiting.map(|action| (action.since, never_sent(&action, now, Outcome::Abandoned))).collect();
        while let Some(flight) = self.flights.oldest().and_then(|(call, _)| self.flights.end(call)) {
            abandoned.push((flight.action.since, ended(&flight, now, Outcome::Abandoned)));
        }
        self.summary.abandoned = abandoned.len() as u64;
        for (since, sample) in &abandoned {
            self.summary.ended = now;
            self.record.on_sample(sample);
            self.settle(*since, sample);
        }
    }

    /// Records the end of a step, and asks what its session does next.
    fn finish(&mut self, action: &Pending, sample: &Sample) {
        self.record.on_sample(sample);
        self.summary.ended = self.summary.ended.max(sample.done);
        let at = sample.done;
        let Pending { session, seq, attempt, request, .. } = action;
        let (status, fault) = (sample.status, sample.outcome.blame());
        let ended = Ended { session: *session, seq: *seq, attempt: *attempt, at, status, fault, request };
        let step = self.source.next(Feedback::Ended(ended));
        let earliest = self.earliest_after(sample);
        let Some(step) = step else { return self.settle(action.since, sample) };
        // A retry waits for its backoff and for nothing else.
        let is_retry = step.attempt > 0;
        let due = match step.due {
            Due::At(instant) if is_retry => instant.max(at),
            Due::At(instant) => instant.max(earliest),
            Due::After(think) => (at + think).max(earliest),
        };
        if !is_retry {
            self.settle(action.since, sample);
        }
        let order = self.summary.intended;
        let since = if is_retry { action.since } else { due };
        self.thinking.push(Reverse(Thinking { due, order, pending: Pending { since, ..pending(step, due) } }));
    }

    /// Nobody tries again what was first intended at `since`.
    fn settle(&mut self, since: Instant, last: &Sample) {
        if self.summary.retried.is_some() {
            self.record.on_settled(since, last);
        }
    }

    /// A session pauses after a failure before it does something else, as the engine's do; and after an answer that took no time at all (no latency anywhere
    /// in the model), because virtual time must go on.
    fn earliest_after(&mut self, sample: &Sample) -> Instant {
        if sample.outcome != Outcome::Answered {
            return sample.done + self.backoff.on_failure();
        }
        self.backoff.on_answer();
        if sample.done > sample.intended { sample.done } else { sample.done + Backoff::FIRST }
    }
}

fn never_sent(action: &Pending, now: Instant, outcome: Outcome) -> Sample {
    over(action, (Instant::MAX, Instant::MAX), now, outcome)
}

fn pending(step: Step, intended: Instant) -> Pending {
    let Action::Request(request) = step.action;
    let Step { session, seq, attempt, .. } = step;
    Pending { session, seq, attempt, since: intended, intended, request }
}

fn or_never(instant: Option<Instant>) -> Instant {
    instant.unwrap_or(Instant::MAX)
}

fn front<T>(queue: &VecDeque<(Instant, T)>) -> Instant {
    or_never(queue.front().map(|(at, _)| *at))
}

fn pop_due<T>(queue: &mut VecDeque<(Instant, T)>, now: Instant) -> Option<T> {
    if queue.front()?.0 > now {
        return None;
    }
    queue.pop_front().map(|(_, due)| due)
}

/// A sample as far as it is known without its answer.
fn ended(flight: &Flight, done: Instant, outcome: Outcome) -> Sample {
    over(&flight.action, (flight.started, flight.sent), done, outcome)
}

fn over(action: &Pending, (started, sent): (Instant, Instant), done: Instant, outcome: Outcome) -> Sample {
    let Pending { session, seq, attempt, intended, request, .. } = action;
    // Virtual time is never late: whatever passed was a wait.
    let waited = started.min(done).since(*intended);
    Sample {
        intended: *intended,
        started,
        sent,
        // The model does not know how an answer comes in.
        first_byte: Instant::MAX,
        done,
        waited,
        session: *session,
        seq: *seq,
        series: request.series,
        status: 0,
        outcome,
        kind: None,
        attempt: *attempt,
    }
}

impl PartialEq for Thinking {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Thinking {}

impl PartialOrd for Thinking {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By instant; of those due together the session that spoke first in the script comes first.
impl Ord for Thinking {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |thinking: &Self| (thinking.due, thinking.order, thinking.pending.session);
        key(self).cmp(&key(other))
    }
}
