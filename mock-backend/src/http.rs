//! One request, from its head to its answer.
//!
//! Owns the order of things: note the arrival, fix the snapshot, have the request examined, ask the gateway, make the answer, tell
//! the observers. Refuses to decide (the policy does), to word an answer (the renderer does) and to read from a socket. Called by
//! the connections: `http1` and `http2`.

mod connections;
mod perform;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use sluicegate_policy::call::{CacheUse, ErrorKind, Reason};
use sluicegate_policy::model::{ApiId, ApiKind, Domain, Model, ServiceId, ServiceUse, Transfer};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::answer::Answer;
use sluicegate_render::examined::{Addressed, Examined, Told};
use sluicegate_render::front::Front;
use sluicegate_render::ids::CallIds;
use sluicegate_render::request::{Head, Request};
use sluicegate_render::secured::Secured;
use sluicegate_timer::Clock;

use crate::arrivals::Arrivals;
use crate::backends::Backends;
use crate::driver::{Driver, Entrance};
use crate::functions::Functions;
use crate::http1::body::Body;
use crate::http1::date::{DateText, Dates};
use crate::http1::write::Outgoing;
use crate::issuer::Mint;
use crate::jwks::Jwks;
use crate::malformed::{Malformed, check_target};
use crate::observe::{Observed, Observer};
use crate::services::Services;
use crate::settings::Errors;
use crate::stamped::Stamp;
use crate::streamed::{Outlet, Streamed};
use crate::tls::Trusting;
use crate::websocket::handshake::Handshake;

/// What all requests of a server share.
pub(crate) struct Desk {
    pub(crate) model: Arc<Model>,
    pub(crate) driver: Rc<Driver>,
    pub(crate) front: Rc<Front>,
    /// `None` if the model has nothing that is asked by HTTP.
    pub(crate) backends: Option<Backends>,
    /// `None` if all services of the model are modelled.
    pub(crate) services: Option<Services>,
    /// `None` if the model has no real function.
    pub(crate) functions: Option<Rc<Functions>>,
    /// `None` if no issuer's keys stand at a URL.
    pub(crate) jwks: Option<Jwks>,
    /// `None` if every issuer has keys of its own.
    pub(crate) mint: Option<Mint>,
    pub(crate) clock: Clock,
    /// The wall clock when the monotonic one read zero.
    pub(crate) wall_origin: Span,
    pub(crate) errors: Errors,
    pub(crate) arrivals: RefCell<Arrivals>,
    pub(crate) observer: RefCell<Observer>,
    pub(crate) tally: Tally,
    pub(crate) dates: Dates,
    /// What the bodies that are being read may hold together.
    pub(crate) bodies_bytes_max: usize,
}

/// What is counted as it happens.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) replies: RefCell<BTreeMap<u16, u64>>,
    pub(crate) health_checks: Cell<u64>,
    pub(crate) malformed: Cell<u64>,
    pub(crate) crowded: Cell<u64>,
    pub(crate) abandoned: Cell<u64>,
    pub(crate) broken_off: Cell<u64>,
    /// Bytes of bodies that are being read, all together.
    pub(crate) held: Cell<usize>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The API whose listener it came to.
    pub(crate) api: ApiId,
    /// Whence it came.
    pub(crate) source: IpAddr,
    /// Its TLS connection, if it speaks TLS.
    pub(crate) secured: Option<Arc<Secured>>,
    /// When what was read last from it arrived.
    pub(crate) stamp: Stamp,
    /// The custom domain whose trust store its certificate satisfied.
    pub(crate) trusting: Option<Trusting>,
}

impl Client {
    /// Whether it may ask a custom domain for something. One that trusts authorities of its own wants to have verified the client
    /// itself: a connection that came by another name has not been asked for a certificate, whatever `Host` it then says (the guide,
    /// "Security policies for REST APIs", 2025, has such a match of names and does not say how a request without it is refused).
    /// Without TLS at all there is nothing to verify: whoever serves so has it done elsewhere, or not at all.
    fn may_ask(&self, domains: &[Domain], head: &Head) -> bool {
        let Some(host) = head.header("host").and_then(|host| str::from_utf8(host).ok()) else { return true };
        let asked = domains.iter().position(|domain| domain.is(host)).filter(|at| domains[*at].truststore.is_some());
        self.secured.is_none() || asked.is_none_or(|at| self.trusting == Some(Trusting(at)))
    }
}

/// A request whose head is there. Dropping it means that its client went away.
pub(crate) struct Visit {
    head: Head,
    source: IpAddr,
    secured: Option<Arc<Secured>>,
    arrived: Instant,
    ids: CallIds,
    /// The API of the listener.
    api: ApiId,
    to: Destination,
    /// Of a request for a WebSocket connection, with the client that asks.
    handshake: Option<(Handshake, Client)>,
    presence: Presence,
}

/// What a request is for.
#[derive(Clone, Copy)]
enum Destination {
    /// The provider's health check.
    Health,
    /// Nothing: it is broken.
    Nowhere(Malformed),
    /// The gateway.
    Gateway(Entrance),
}

/// Whether keys were waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetched {
    Nothing,
    Waited,
}

/// That a request is being dealt with. It counts as abandoned unless it was answered.
struct Presence {
    desk: Rc<Desk>,
    /// Bytes of its body.
    held: Cell<usize>,
    answered: Cell<bool>,
}

impl Desk {
    /// A head has been read.
    pub(crate) fn on_head(self: &Rc<Self>, client: &Client, head: Head) -> Visit {
        let arrived = client.stamp.take(self.clock.now());
        let number = self.on_arrival(arrived);
        let (to, handshake) = self.destination(arrived, client, &head);
        let api = to.api().unwrap_or(client.api);
        let ids = self.front.ids(number, api, &head);
        let presence = Presence { desk: Rc::clone(self), held: Cell::new(0), answered: Cell::new(false) };
        let Client { api, source, ref secured, .. } = *client;
        let client = handshake.is_some().then(|| client.clone());
        Visit { head, source, secured: secured.clone(), arrived, ids, api, to, handshake: handshake.zip(client), presence }
    }

    /// What came is no request at all; what to say to that.
    pub(crate) fn on_malformed(self: &Rc<Self>, client: &Client, malformed: Malformed) -> Outgoing {
        self.on_head(client, Head::new("", "", [])).refuse(malformed)
    }

    /// The date of an answer.
    pub(crate) fn date(&self) -> DateText {
        self.dates.at(self.wall(self.clock.now()))
    }

    /// The wall clock at an instant, since 1970.
    pub(crate) fn wall(&self, at: Instant) -> Span {
        self.wall_origin + at.since(Instant::ZERO)
    }

    pub(crate) fn on_arrival(&self, arrived: Instant) -> u64 {
        let mut arrivals = self.arrivals.borrow_mut();
        arrivals.on_arrival(self.clock.origin_ns().saturating_add(arrived.as_ns()));
        arrivals.arrived()
    }

    fn destination(&self, arrived: Instant, client: &Client, head: &Head) -> (Destination, Option<Handshake>) {
        if matches!(head.path(), "/ping" | "/sping") {
            return (Destination::Health, None);
        }
        if !client.may_ask(&self.model.domains, head) {
            return (Destination::Nowhere(Malformed::Misdirected), None);
        }
        let checked = check_target(self.kind(client.api), head.target());
        let handshake = checked.and_then(|()| match self.kind(client.api) {
            ApiKind::WebSocket => Handshake::of(head),
            ApiKind::Http | ApiKind::Rest => Ok(None),
        });
        match handshake {
            Err(malformed) => (Destination::Nowhere(malformed), None),
            Ok(handshake) => (Destination::Gateway(self.driver.arrive(arrived, client.api, head)), handshake),
        }
    }

    /// The key of its token is there, if its issuer has it.
    async fn fetched(&self, examined: &Examined<'_>) -> Fetched {
        let Some((jwks, token)) = self.jwks.as_ref().and_then(|jwks| Some((jwks, examined.token_key()?))) else {
            return Fetched::Nothing;
        };
        if jwks.ready(&self.front, token).await { Fetched::Waited } else { Fetched::Nothing }
    }

    /// How the services of the model were used, by their names: those that are reached, and those that are modelled.
    pub(crate) fn services_used(&self) -> Vec<(String, ServiceUse)> {
        let ids = (0..self.model.services.len()).map(|at| ServiceId(at as u16));
        let used = |id: ServiceId| match (&self.services, self.model.services[usize::from(id.0)].back_end.modelled()) {
            (Some(services), None) => services.usage(id),
            (None, None) | (_, Some(_)) => self.driver.tell(self.clock.now(), |gateway, _| gateway.service_usage(id)),
        };
        ids.map(|id| (self.model.services[usize::from(id.0)].name.clone(), used(id))).collect()
    }

    fn kind(&self, api: ApiId) -> ApiKind {
        self.model.apis[usize::from(api.0)].kind
    }
}

impl Destination {
    fn api(&self) -> Option<ApiId> {
        match self {
            Self::Gateway(entrance) => Some(entrance.arrival.api),
            Self::Health | Self::Nowhere(_) => None,
        }
    }
}

impl Visit {
    /// How long a body may be that anybody looks at.
    pub(crate) fn body_bytes_max(&self) -> u64 {
        let api = self.to.api().map(|api| &self.presence.desk.model.apis[usize::from(api.0)]);
        api.map_or(0, |api| api.limits.payload_bytes)
    }

    /// So much of its body is held now; whether there is room for it.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Malformed> {
        self.presence.hold(bytes)
    }

    /// The answer, when it is due.
    pub(crate) async fn answer(self, body: Body) -> Outgoing {
        match self.to {
            Destination::Gateway(entrance) if self.streams(entrance) => {
                let outlet = Rc::new(Outlet::default());
                let into = Rc::clone(&outlet);
                Streamed::begin(Box::pin(async move { self.through_gateway(entrance, body, Some(&into)).await }), outlet).await
            }
            Destination::Gateway(entrance) => self.through_gateway(entrance, body, None).await,
            Destination::Nowhere(malformed) => self.refuse(malformed),
            Destination::Health => {
                let health_checks = &self.presence.desk.tally.health_checks;
                health_checks.set(health_checks.get() + 1);
                self.presence.answered(Outgoing::to(self.head.method(), Answer::health()))
            }
        }
    }

    /// It broke on the way.
    pub(crate) fn refuse(self, malformed: Malformed) -> Outgoing {
        let desk = &self.presence.desk;
        desk.tally.malformed.set(desk.tally.malformed.get() + 1);
        let api = self.to.api().unwrap_or(self.api);
        let mut answer = malformed.answer(&desk.model.apis[usize::from(api.0)].unconfirmed);
        desk.front.identify(api, &self.ids, Some(malformed.error_type()), &mut answer);
        self.presence.answered(Outgoing::to(self.head.method(), answer).last())
    }

    /// Whether its answer may come bit by bit.
    fn streams(&self, entrance: Entrance) -> bool {
        let routes = &self.presence.desk.model.routes;
        entrance.route.is_some_and(|route| routes[usize::from(route.0)].integration.transfer() == Transfer::Stream)
    }

    /// The answer; of one that comes bit by bit the head goes through the outlet first, and all of it has when this is over.
    async fn through_gateway(self, entrance: Entrance, body: Body, outlet: Option<&Outlet>) -> Outgoing {
        let Self { head, source, secured, arrived, ids, handshake, presence, .. } = self;
        let desk = &*presence.desk;
        let Body { bytes, length } = body;
        // Without a body the head is all there is, and the gateway's instant is the recorded one.
        let now = if length == 0 { arrived } else { desk.clock.now() };
        if length > 0 {
            desk.driver.advance_to(now);
        }
        desk.driver.settled().await;
        let wall = desk.wall(now);
        let request = Request { head, body: bytes, source, secured };
        let path = &request.head.path()[entrance.path_at..];
        let errand = match handshake {
            Some((handshake, client)) => desk.knock(handshake, client, (&request.head, entrance)),
            None => desk.errand(entrance, (request.head.method(), path)),
        };
        let told = errand.link();
        let to = Addressed { arrival: entrance.arrival, route: entrance.route, path, link: errand.linked(told.as_ref()) };
        let mut examined = desk.front.examine(&request, to, &ids, wall);
        let now = match desk.fetched(&examined).await {
            Fetched::Nothing => now,
            Fetched::Waited => {
                desk.driver.settled().await;
                desk.clock.now()
            }
        };
        let mut stream = None;
        let released = desk.decided(&mut examined, (entrance.at, now), length, &mut stream).await;
        let answer = desk.done(&errand, &mut examined, &released.reply);
        if let (CacheUse::Kept(entry), Some(kept)) = (released.reply.cache, examined.take_kept()) {
            desk.front.keep(entry, kept);
        }
        let mut outgoing = presence.answered(errand.outgoing(&examined, &released.reply, answer));
        let received = released.reply.timing.received;
        let stream = stream.filter(|_| released.reply.reason == Reason::Served).zip(outlet);
        let (sent_bytes, latency) = match stream {
            Some((source, outlet)) => {
                let may_have_body = outgoing.length.take().is_some() && request.head.method() != "HEAD";
                if may_have_body {
                    outlet.begin(outgoing.head());
                }
                let sent = if may_have_body { desk.flow(source, outlet, &released.reply).await } else { 0 };
                (sent, desk.clock.now().since(received))
            }
            None => (outgoing.answer.body.len() as u64, released.at.since(received)),
        };
        let told = Told { reply: &released.reply, answer: &outgoing.answer, sent_bytes, body_bytes: length, latency };
        desk.observer.borrow_mut().on_answer(&Observed { examined: &examined, told: &told });
        if let (Errors::Told, Some(kind)) = (desk.errors, released.reply.kind()) {
            outgoing.answer.push(ErrorKind::TOLD_IN, kind.as_str());
        }
        outgoing
    }
}

impl Presence {
    fn hold(&self, bytes: usize) -> Result<(), Malformed> {
        let held = &self.desk.tally.held;
        held.set(held.get() - self.held.replace(bytes) + bytes);
        if held.get() <= self.desk.bodies_bytes_max {
            return Ok(());
        }
        self.desk.tally.crowded.set(self.desk.tally.crowded.get() + 1);
        Err(Malformed::Crowded)
    }

    fn answered(&self, outgoing: Outgoing) -> Outgoing {
        self.answered.set(true);
        *self.desk.tally.replies.borrow_mut().entry(outgoing.answer.status).or_default() += 1;
        outgoing
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let tally = &self.desk.tally;
        tally.held.set(tally.held.get() - self.held.get());
        if !self.answered.get() {
            tally.abandoned.set(tally.abandoned.get() + 1);
        }
    }
}
