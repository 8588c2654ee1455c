//! The gateway's side of simulated sessions: calls in, actions out.
//!
//! Owns how a turn becomes a call, and what each action means for a client. Refuses to decide (the policy does). A part of
//! [`sessions`](super).

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sluicegate_policy::call::{
    Action, Ask, Call as PolicyCall, CallId, Closing, ConnectionId, Content, Effect, Errand, Evidence, Fate, Form,
    FunctionResult, Invoked, Outcome as EffectOutcome, Purpose, Reason, Reply,
};
use sluicegate_policy::model::{ApiId, RouteId, RouteResponse, StageId};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::examined::Addressed;
use sluicegate_render::front::Front;
use sluicegate_render::request::{Head, Request};
use sluicegate_render::websocket::{Link, Linked, selected};

use super::{ABNORMAL, Conversation, Happens, Posted, Published, World};
use crate::load::sessions::ClosedBy;
use crate::sim::trusting::Trusting;
use crate::traffic::conversation::{Act, Call, Connect, Message, Turn};
use crate::traffic::{Outgoing, SeriesId};

/// What an unpredicted part answers with.
const UNPREDICTED: Content = Content { status: 200, bytes: 0 };

/// Whence simulated clients come.
const SOURCE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// The way into the gateway.
pub(super) struct Entry {
    front: Front,
    api: ApiId,
    stage: StageId,
    /// Path of the stage.
    prefix: String,
    wall: Span,
    outgoing: Outgoing,
    /// Handshakes that wait for an authorizer, with what they said.
    parked: Vec<(CallId, Said)>,
}

/// What a call says.
#[derive(Clone, Debug)]
struct Said {
    head: Head,
    body: Bytes,
    at: Instant,
    purpose: Purpose,
    /// With which code and words its connection ended, of the news that it did.
    ended: Option<(u16, &'static str)>,
    arrival: sluicegate_policy::call::Arrival,
    route: Option<RouteId>,
}

impl Entry {
    /// The way into the stage of a world.
    ///
    /// Panics if the model's templates or schemas are none: `config` has proven them.
    pub(super) fn new(world: &World, seed: Seed) -> Self {
        let front = Front::new(Arc::clone(&world.model), seed).expect("the model's templates and schemas were proven");
        let served = world.model.stages.get(usize::from(world.stage.0));
        let (name, api) = served.map_or(("", ApiId(0)), |stage| (stage.name.as_str(), stage.api));
        let prefix = format!("/{name}");
        let (stage, wall) = (world.stage, world.wall);
        Self { front, api, stage, prefix, wall, outgoing: Outgoing::default(), parked: Vec::new() }
    }

    /// Shows the gateway what is said, by the same code that looks at it in the mock.
    fn show<T>(&self, said: &Said, ask: impl FnOnce(PolicyCall, &mut dyn Evidence) -> T) -> T {
        let request = Request { head: said.head.clone(), body: said.body.clone(), source: SOURCE, secured: None };
        let ids = self.front.ids(said.arrival.number, self.api, &request.head);
        let link = Link::default();
        let linked = Linked { link: Some(&link), purpose: said.purpose, ended: said.ended };
        let to = Addressed { arrival: said.arrival, route: said.route, path: "", link: Some(linked) };
        let wall = self.wall + said.at.since(Instant::ZERO);
        let mut examined = self.front.examine(&request, to, &ids, wall);
        let call = examined.call(CallId(0));
        ask(call, &mut Trusting { examined: &mut examined, model: self.front.model() })
    }
}

impl Conversation<'_> {
    /// A turn has come to the gateway.
    pub(super) fn arrive(&mut self, now: Instant, (at, life): (u32, u32), turn: &Turn, intended: Instant) {
        let call = turn.call();
        match &turn.act {
            Act::Connect(connect) => self.knock(now, (at, life, call), connect),
            Act::Message(message) => self.message((now, intended), (at, life, call), message),
            Act::Ping { .. } => self.pong(now, (at, life, call)),
            // Posts come by themselves.
            Act::Post(_) | Act::Close(_) => {}
        }
    }

    fn knock(&mut self, now: Instant, from: (u32, u32, Call), connect: &Connect) {
        let arrival = self.gateway.arrive(now, self.entry.api, Some(self.entry.stage));
        let id = self.gateway.knock(now, arrival);
        self.own(id, from.0);
        let mut out = std::mem::take(&mut self.entry.outgoing);
        self.world.catalog.handshake(connect, &mut out);
        self.world.catalog.add_presence_of(connect.identity, &mut out);
        let target = [self.entry.prefix.as_str(), &out.target].concat();
        let headers = out.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let head = Head::new("GET", &target, headers);
        self.entry.outgoing = out;
        let route = arrival.deployment.and_then(|deployment| self.gateway.router(deployment).of_key("$connect"));
        if route.is_some_and(|route| self.world.model.real_authorizer(route).is_some()) {
            self.count_unpredicted(connect.series);
        }
        self.call(
            now,
            from,
            Said { head, body: Bytes::new(), at: now, purpose: Purpose::Connect(id), ended: None, arrival, route },
        );
    }

    fn message(&mut self, (now, intended): (Instant, Instant), from: (u32, u32, Call), message: &Message) {
        let place = &self.places[from.0 as usize];
        let Some(id) = place.connection.filter(|_| place.life == from.1) else { return };
        let arrival = self.gateway.arrive(now, self.entry.api, Some(self.entry.stage));
        let mut out = std::mem::take(&mut self.entry.outgoing);
        self.world.catalog.message(message, from.2, arrival.number, &mut out);
        let body = Bytes::copy_from_slice(&out.body);
        self.entry.outgoing = out;
        self.connections.on_up(now, body.len());
        let selection = &self.world.model.apis[usize::from(self.entry.api.0)].websocket.selection;
        let key = selected(&body, selection);
        let route = arrival.deployment.and_then(|deployment| self.gateway.router(deployment).of_message(key.as_deref()));
        let head = Head::new("POST", "/", []);
        let said = Said { head, body, at: now, purpose: Purpose::Message(id, Form::Text), ended: None, arrival, route };
        let number = self.call(now, from, said);
        if let Some(stream) = message.publishes {
            self.publishing.insert(number, Published { stream, intended });
        }
    }

    fn call(&mut self, now: Instant, from: (u32, u32, Call), said: Said) -> CallId {
        self.calls.insert(CallId(self.called), from);
        let id = self.ask(now, said);
        self.take_actions(now);
        id
    }

    /// Something is asked of a connection over `@connections`, by this identity and with this text: under which name the gateway has the
    /// call.
    pub(super) fn callback(&mut self, now: Instant, (id, ask): (ConnectionId, Ask), (identity, body): (u32, Bytes)) -> CallId {
        let arrival = self.gateway.arrive(now, self.entry.api, Some(self.entry.stage));
        let name = self.entry.front.connection_name(id);
        let path = format!("/@connections/{}", utf8_percent_encode(&name, NON_ALPHANUMERIC));
        let mut out = Outgoing::default();
        self.world.catalog.add_presence_of(identity, &mut out);
        let headers = out.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let head = Head::new("POST", &[self.entry.prefix.as_str(), &path].concat(), headers);
        let route = arrival.deployment.and_then(|deployment| self.gateway.router(deployment).in_stage("POST", &path));
        self.ask(now, Said { head, body, at: now, purpose: Purpose::Callback(Some(id), ask), ended: None, arrival, route })
    }

    fn ask(&mut self, now: Instant, said: Said) -> CallId {
        let id = CallId(self.called);
        self.called += 1;
        let (entry, gateway) = (&self.entry, &mut self.gateway);
        entry.show(&said, |call, evidence| gateway.on_call(now, PolicyCall { id, ..call }, evidence));
        if self.gateway.is_parked(id) {
            self.entry.parked.push((id, said));
        }
        id
    }

    /// A connection is over. Whoever wants to know is told once, by a call of which nobody waits for the answer.
    pub(super) fn on_gone(&mut self, now: Instant, connection: ConnectionId, ended: (u16, &'static str)) {
        self.gateway.on_gone(now, connection);
        if self.disown(connection) {
            let arrival = self.gateway.arrive(now, self.entry.api, Some(self.entry.stage));
            let route = arrival.deployment.and_then(|deployment| self.gateway.router(deployment).of_key("$disconnect"));
            if route.is_some() {
                let (head, purpose) = (Head::new("POST", "/", []), Purpose::Disconnect(connection));
                self.ask(now, Said { head, body: Bytes::new(), at: now, purpose, ended: Some(ended), arrival, route });
            }
        }
        self.take_actions(now);
    }

    fn pong(&mut self, now: Instant, (at, life, call): (u32, u32, Call)) {
        let place = &self.places[at as usize];
        let Some(id) = place.connection.filter(|_| place.life == life) else { return };
        self.gateway.on_ping(now, id);
        // A pong is like a reply that says nothing.
        let back = now + self.back();
        self.queue.schedule(back, Happens::Answered { place: at, life, call, reply: Box::new(pong(id)) });
        self.take_actions(now);
    }

    fn own(&mut self, id: ConnectionId, place: u32) {
        let slot = id.0 as u32 as usize;
        if self.owners.len() <= slot {
            self.owners.resize(slot + 1, None);
        }
        self.owners[slot] = Some((id.0, place));
    }

    pub(super) fn owner(&self, id: ConnectionId) -> Option<u32> {
        self.owners.get(id.0 as u32 as usize)?.filter(|(name, _)| *name == id.0).map(|(_, place)| place)
    }

    /// It is nobody's any more; whether it was somebody's.
    fn disown(&mut self, id: ConnectionId) -> bool {
        let slot = self.owners.get_mut(id.0 as u32 as usize);
        slot.and_then(|slot| slot.take_if(|(name, _)| *name == id.0)).is_some()
    }

    pub(super) fn back(&self) -> Span {
        Span::from_ns(self.world.network.round_trip.as_ns().div_ceil(2))
    }

    /// Does what the gateway wants done.
    pub(super) fn take_actions(&mut self, now: Instant) {
        while let Some(action) = self.gateway.take_action() {
            match action {
                Action::Reply(reply) => self.on_reply(&reply),
                Action::Resume(call) => self.resume(now, call),
                Action::Close(id, why) => self.on_close(now, id, why),
                Action::Push(post, to) => self.push(now, post, to),
                Action::Pushed(post) => {
                    self.posted.remove(&post);
                }
                Action::Start(id, Effect::Integrate { call, .. }) => {
                    self.count_unpredicted_call(call);
                    self.gateway.on_effect(now, id, EffectOutcome::Answered { content: UNPREDICTED });
                }
                Action::Start(id, Effect::Invoke { errand, call, .. }) => {
                    let result = match errand {
                        Errand::Integration => {
                            self.count_unpredicted_call(call);
                            FunctionResult::Answered(UNPREDICTED)
                        }
                        // Whoever would have asked it was counted when it came.
                        Errand::Authorizer(_) => FunctionResult::Authorized { bytes: 0 },
                    };
                    self.gateway.on_invoked(now, id, Invoked { result, fate: Fate::Kept, cold_start: None });
                }
                Action::Cancel(_) | Action::Forget(_) | Action::LetGo(_) | Action::Reap(..) => {}
            }
        }
    }

    fn resume(&mut self, now: Instant, call: CallId) {
        let Some(at) = self.entry.parked.iter().position(|(id, _)| *id == call) else { return };
        let (_, said) = self.entry.parked.swap_remove(at);
        let (entry, gateway) = (&self.entry, &mut self.gateway);
        entry.show(&said, |_, evidence| gateway.resume(now, call, evidence));
    }

    fn on_reply(&mut self, reply: &Reply) {
        self.summary.told.on_reply(&self.world.model, reply);
        if let Purpose::Callback(..) = reply.purpose {
            return self.on_callback(reply);
        }
        let published = self.publishing.remove(&reply.call);
        let caller = self.calls.remove(&reply.call);
        if let Some(post) = reply.fan_out {
            let said = || caller.map(|(place, life, call)| Posted::Said(place, life, call));
            if let Some(posted) = published.map(Posted::Published).or_else(said) {
                self.posted.insert(post, posted);
            }
        }
        let Some((place, life, call)) = caller else { return };
        if let Some(Published { stream, .. }) = published.filter(|_| reply.fan_out.is_none() && reply.reason == Reason::Served) {
            // What would publish it is real: nobody knows when.
            self.count_unpredicted(self.world.catalog.streams[usize::from(stream.0)].series);
        }
        let answers = match reply.purpose {
            Purpose::Connect(_) => true,
            Purpose::Message(..) => {
                let response = reply.route.map(|route| self.world.model.routes[usize::from(route.0)].response);
                // Whoever is gone hears nothing.
                reply.reason != Reason::Gone && (reply.reason != Reason::Served || response == Some(RouteResponse::Present))
            }
            Purpose::Answer | Purpose::Preflight | Purpose::Disconnect(_) | Purpose::Callback(..) => false,
        };
        if answers {
            let back = reply.at + self.back();
            self.queue.schedule(back, Happens::Answered { place, life, call, reply: Box::new(*reply) });
        }
    }

    fn on_close(&mut self, now: Instant, id: ConnectionId, why: Closing) {
        let Some(place) = self.owner(id) else { return };
        let life = self.places[place as usize].life;
        let by = if why.code().is_some() { ClosedBy::Server } else { ClosedBy::Network };
        let back = now + self.back();
        self.queue.schedule(back, Happens::Closes { place, life, by, code: why.code() });
        // The client's answer to a close frame ends the connection; without one it is over already.
        let over = if why.code().is_some() { now + self.world.network.round_trip } else { now };
        self.queue.schedule(over, Happens::Gone { connection: id, ended: (why.code().unwrap_or(ABNORMAL), why.reason()) });
    }

    fn push(&mut self, now: Instant, post: sluicegate_policy::call::FanOutId, to: ConnectionId) {
        let (Some(posted), Some(place)) = (self.posted.get(&post).copied(), self.owner(to)) else { return };
        let life = self.places[place as usize].life;
        let back = now + self.back();
        let happens = match posted {
            Posted::Published(published) => Happens::Delivered { place, life, published },
            Posted::Said(by, of, call) => Happens::Echoed { place, life, call: ((by, of) == (place, life)).then_some(call) },
        };
        self.queue.schedule(back, happens);
    }

    fn count_unpredicted(&mut self, series: SeriesId) {
        *self.unpredicted.entry(series).or_default() += 1;
    }

    fn count_unpredicted_call(&mut self, call: CallId) {
        let Some((at, _, call)) = self.calls.get(&call).copied() else { return };
        let place = &self.places[at as usize];
        let question = place.questions.iter().find(|question| question.sample.seq == call.seq);
        if let Some(series) = question.map(|question| question.sample.series) {
            self.count_unpredicted(series);
        }
    }
}

/// Whether the answer to a handshake opens its connection.
pub(super) fn opens(reply: &Reply) -> bool {
    reply.reason == Reason::Served && (200..300).contains(&reply.status)
}

/// The reply to a ping.
fn pong(id: ConnectionId) -> Reply {
    use sluicegate_policy::call::{Arrival, AuthorizationUse, CacheUse, Release, Timing};
    Reply {
        call: CallId(u64::MAX),
        at: Instant::ZERO,
        status: 0,
        reason: Reason::Served,
        arrival: Arrival { number: 0, api: ApiId(0), stage: None, deployment: None, release: Release::Base },
        route: None,
        purpose: Purpose::Message(id, Form::Text),
        fan_out: None,
        authorization: AuthorizationUse::None,
        cache: CacheUse::None,
        warning: None,
        timing: Timing::default(),
    }
}
