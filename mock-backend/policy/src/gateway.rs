//! The order of the checks, as a state machine.
//!
//! Owns what happens to a call from its arrival to its reply: the snapshot that serves it, the checks of `admission`, its
//! integration, and the answer for each way this can go. Refuses rules of its own (throttles, caches, pools and distributions
//! have theirs), clocks (`now` comes in; an earlier one than before counts as the one before) and bytes. Called by the simulator
//! under virtual time and by the mock under the real clock.
//!
//! A request sees one snapshot, the one that its stage (or the stage's canary) served when its head arrived; a stage that moves
//! meanwhile changes nothing for it.
//!
//! Its queues are bounded by the calls that the driver has in flight (each holds a few entries for each call), by the moves of
//! the model and by the entries of the response cache; an action waits only until the driver takes it.

mod admission;
mod authorization;
mod back_end;
mod connections;
mod course;
mod flights;
mod function;
mod link;
mod plain;
mod queue;
mod real;
mod used;
mod websocket;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use self::admission::{Admitted, Notes};
use self::authorization::{Parked, Passage};
use self::back_end::Draws;
use self::connections::Connections;
use self::course::{Decision, Event};
use self::flights::{FlightId, Flights};
use self::function::Asking;
pub use self::plain::Plain;
use self::queue::Queue;
use self::real::Invocations;
use self::websocket::Posting;
pub use self::websocket::{Connection, ConnectionCounts};
use crate::authorizer::{AuthorizerCounts, Authorizers};
use crate::cache::Caches;
use crate::call::{Action, Arrival, Call, CallId, EffectId, EntryId, Evidence, FanOutId, Outcome, Purpose, Reason, Release};
use crate::capacity::{Capacities, Occupancy};
use crate::lambda::{Environments, Pools};
use crate::metered::{Metered, Metering};
use crate::model::{ApiId, AuthorizerId, CapacityId, DeploymentId, FunctionId, KeyId, Model, Move, PlanId, ServiceUse, StageId};
use crate::plans::Plans;
use crate::quota::{Quotas, Usage};
use crate::routing::{Doors, Router};
use crate::seed::Seed;
use crate::throttle::Throttles;
use crate::time::{Instant, Span};
use crate::vpc_link::Links;

/// The APIs of an account, deciding.
#[derive(Clone, Debug)]
pub struct Gateway {
    model: Arc<Model>,
    doors: Doors,
    /// By deployment.
    routers: Vec<Router>,
    /// What each stage serves now.
    serving: Vec<DeploymentId>,
    plans: Plans,
    quotas: Quotas,
    throttles: Throttles,
    caches: Caches,
    authorizers: Authorizers,
    /// Requests that wait for an authorizer.
    parked: BTreeMap<CallId, Parked>,
    /// For the key of the request that is looked up, so that none is made for each.
    cache_key: Vec<u8>,
    pools: Pools,
    links: Links,
    /// By service, how it was used.
    services: Vec<ServiceUse>,
    back_ends: Draws,
    capacities: Capacities,
    /// Of WebSocket APIs.
    connections: Connections,
    /// Messages on their way to several connections; bounded.
    postings: BTreeMap<FanOutId, Posting>,
    asking: Asking,
    /// Of real functions.
    invocations: Invocations,
    flights: Flights,
    /// What is billed, if somebody wants to know.
    meter: Option<Box<Metered>>,
    queue: Queue<Event>,
    actions: VecDeque<Action>,
    overhead: Seed,
    refusal: Seed,
    canary: Seed,
    posts: Seed,
    /// How many calls came so far: the number of a call's own draws.
    arrived: u64,
    /// When the first one came.
    first: Option<Instant>,
    /// How many time-outs in the queue nobody waits for any longer.
    abandoned: usize,
    /// Whether moves and drops are not scheduled yet.
    awaits_begin: bool,
    now: Instant,
}

/// A stage cannot serve this deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stage {} cannot serve deployment {}: it has to be one of the stage's own API", stage.0, deployment.0)]
pub struct DeployError {
    /// Which stage.
    pub stage: StageId,
    /// Which deployment.
    pub deployment: DeploymentId,
}

impl Gateway {
    /// A gateway at rest: full buckets, untouched quotas, empty caches, no environments. All its draws come from `seed`. Its
    /// wall time starts on 1 January 1970, unless [`Self::at_wall`] says when.
    pub fn new(model: Arc<Model>, seed: Seed) -> Self {
        let mut queue = Queue::new();
        schedule(&model, Instant::ZERO, &mut queue);
        Self {
            doors: Doors::new(&model),
            routers: (0..model.deployments.len()).map(|at| Router::new(&model, DeploymentId(at as u16))).collect(),
            serving: model.stages.iter().map(|stage| stage.deployment).collect(),
            plans: Plans::new(&model),
            quotas: Quotas::new(&model, Span::ZERO),
            throttles: Throttles::new(&model),
            caches: Caches::new(&model),
            authorizers: Authorizers::new(&model, seed.child("authorizers")),
            parked: BTreeMap::new(),
            cache_key: Vec::new(),
            pools: Pools::new(&model, seed.child("functions")),
            links: Links::new(&model, seed.child("links")),
            services: vec![ServiceUse::default(); model.services.len()],
            back_ends: Draws::new(seed.child("back ends")),
            capacities: Capacities::new(&model, seed.child("capacities")),
            connections: Connections::new(model.account.connects),
            postings: BTreeMap::new(),
            asking: Asking::default(),
            invocations: Invocations::new(model.functions.len()),
            flights: Flights::default(),
            meter: None,
            queue,
            actions: VecDeque::new(),
            overhead: seed.child("overhead"),
            refusal: seed.child("refusal"),
            canary: seed.child("canary"),
            posts: seed.child("posts"),
            arrived: 0,
            first: None,
            abandoned: 0,
            awaits_begin: false,
            now: Instant::ZERO,
            model,
        }
    }

    /// The same gateway, whose moves and drops wait for [`Self::begin_run`]: one that is up for some time before its run begins.
    pub fn awaiting_begin(self) -> Self {
        Self { queue: Queue::new(), awaits_begin: true, ..self }
    }

    /// The run begins at `start`, now or later: from there the instants of moves and drops count. Nothing happens if it began before.
    pub fn begin_run(&mut self, now: Instant, start: Instant) {
        self.advance(now);
        if std::mem::take(&mut self.awaits_begin) {
            schedule(&self.model, start.max(now), &mut self.queue);
        }
    }

    /// The same gateway for a run that starts `wall` after 1 January 1970, 00:00 UTC: it tells the periods of quotas. To be called
    /// before the first request, as it counts anew.
    pub fn at_wall(mut self, wall: Span) -> Self {
        self.quotas = Quotas::new(&self.model, wall);
        self
    }

    /// The same gateway, which meters what is billed. To be called before the first request.
    pub fn metered(self, settings: Metering) -> Self {
        Self { meter: Some(Box::new(Metered::new(settings))), ..self }
    }

    /// What was metered so far, the connections that are open until now included; `None` if nobody asked for it.
    pub fn take_metered(&mut self) -> Option<Metered> {
        let mut metered = *self.meter.take()?;
        for id in self.connections.all_open(None) {
            if let Some(open) = self.connections.open_one(id) {
                metered.on_connected(open.since, self.now);
            }
        }
        Some(metered)
    }

    /// The head of a request is there that came in by the door of `api`: fixes which snapshot serves it. What was due until `now`
    /// happens before.
    pub fn arrive(&mut self, now: Instant, api: ApiId, stage: Option<StageId>) -> Arrival {
        self.advance(now);
        let number = self.arrived;
        self.arrived += 1;
        self.first.get_or_insert(self.now);
        let served = stage.and_then(|stage| Some((stage, *self.serving.get(usize::from(stage.0))?)));
        let Some((stage, base)) = served else {
            return Arrival { number, api, stage: None, deployment: None, release: Release::Base };
        };
        let served = &self.model.stages[usize::from(stage.0)];
        let drawn = served.canary.as_ref().filter(|canary| self.canary.unit(number) < canary.share);
        let release = if drawn.is_some() { Release::Canary } else { Release::Base };
        let deployment = Some(drawn.map_or(base, |canary| canary.deployment));
        Arrival { number, api: served.api, stage: Some(stage), deployment, release }
    }

    /// The whole request is there. What was due until `now` happens before.
    ///
    /// A driver that keeps answers for the response cache calls [`Self::advance`] with the same `now`, and takes all actions,
    /// before it calls this: else the request may be answered from an entry whose reply the driver has not seen.
    pub fn on_call(&mut self, now: Instant, call: Call, evidence: &mut dyn Evidence) {
        self.advance(now);
        let mut notes = Notes::at(self.now);
        match self.decide_on(&call, evidence, &mut notes) {
            Ok(None) => {}
            Ok(Some(admitted)) => self.accept(call, admitted, notes),
            Err(reason) => self.refuse(call, reason, notes),
        }
        self.run_due();
    }

    /// All checks at once, as long as none of them takes time; `None` if the request is parked.
    fn decide_on(&mut self, call: &Call, evidence: &mut dyn Evidence, notes: &mut Notes) -> Result<Option<Admitted>, Reason> {
        match call.purpose {
            Purpose::Answer | Purpose::Preflight | Purpose::Callback(..) => {}
            Purpose::Connect(_) => {
                if let Some(admitted) = self.admit_connect(call)? {
                    return Ok(Some(admitted));
                }
            }
            Purpose::Message(..) | Purpose::Disconnect(_) => return self.admit_message(call, evidence, notes).map(Some),
        }
        let to = self.enter(call)?;
        match self.authorize(call, to, evidence, notes)? {
            Passage::Parked => Ok(None),
            Passage::Open => self.admit(call, to, evidence, notes).map(Some),
        }
    }

    /// From now on the stage serves this deployment; what has arrived before keeps its own.
    pub fn deploy(&mut self, now: Instant, stage: StageId, deployment: DeploymentId) -> Result<(), DeployError> {
        self.advance(now);
        self.move_stage(stage, deployment).ok_or(DeployError { stage, deployment })
    }

    /// Empties the response cache of a stage and of its canary.
    pub fn flush(&mut self, now: Instant, stage: StageId) {
        self.advance(now);
        self.caches.flush(stage);
        self.forget();
    }

    /// Nobody makes the answer that was to be kept as this entry: whoever asks next misses. One that is gone is no matter.
    pub fn drop_entry(&mut self, now: Instant, entry: EntryId) {
        self.advance(now);
        self.caches.drop_entry(entry);
        self.forget();
    }

    /// The real world answers. The answer to work that was cancelled, or answered before, is ignored.
    pub fn on_effect(&mut self, now: Instant, id: EffectId, what: Outcome) {
        self.advance(now);
        let id = FlightId::of_effect(id);
        let Some(since) = self.flights.waiting_since(id) else { return };
        let took = Some(self.now.since(since));
        self.let_go(id, what != Outcome::Unreachable);
        match what {
            Outcome::Answered { content } => {
                self.decide(id, self.now, Decision { reason: Reason::Served, content, took });
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
        self.caches.expire(self.now);
        self.forget();
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

    /// Until when everything has happened.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Calls that came and have no reply yet.
    pub fn in_flight(&self) -> usize {
        self.flights.len() + self.parked.len()
    }

    /// What a stage serves now, but for its canary; `None` if there is no such stage.
    pub fn serving(&self, stage: StageId) -> Option<DeploymentId> {
        self.serving.get(usize::from(stage.0)).copied()
    }

    /// The usage plan that a key has on a stage; `None` if it is switched off, unknown, or in no plan of the stage.
    pub fn plan_of(&self, stage: StageId, key: KeyId) -> Option<PlanId> {
        self.plans.seat(stage, key).and_then(|seat| self.plans.holder(seat)).map(|(plan, _)| plan)
    }

    /// How far a key has used its quota in a plan; `None` if it has none there.
    pub fn usage(&self, plan: PlanId, key: KeyId) -> Option<Usage> {
        self.quotas.usage(self.now, self.plans.seat_in(plan, key)?)
    }

    /// How many answers the response caches hold.
    pub fn kept_answers(&self) -> usize {
        self.caches.entries()
    }

    /// How often an authorizer was asked so far, and what was kept of its answers.
    pub fn authorizer_counts(&self, authorizer: AuthorizerId) -> AuthorizerCounts {
        self.authorizers.counts(authorizer)
    }

    /// How the environments of a function were used so far.
    pub fn environments(&self, function: FunctionId) -> Environments {
        self.pools.environments(function)
    }

    /// How a pool that functions and targets share was used so far.
    pub fn occupancy(&self, capacity: CapacityId) -> Occupancy {
        self.capacities.occupancy(self.now, capacity)
    }

    /// How many environments of a function are there, busy or idle.
    pub fn kept_environments(&self, function: FunctionId) -> usize {
        self.pools.kept(self.now, function)
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

/// What the model does by itself in a run that begins at `start`.
fn schedule(model: &Model, start: Instant, queue: &mut Queue<Event>) {
    for (at, Move { at: due, .. }) in model.moves.iter().enumerate() {
        queue.schedule(start + *due, Event::Move(at));
    }
    for (at, drop) in model.drops.iter().enumerate() {
        queue.schedule(start + drop.at, Event::Drop(at));
    }
}
