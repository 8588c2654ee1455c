//! One request, from its head to its answer.
//!
//! Owns the order of things: note the arrival, fix the snapshot, have the request examined, ask the gateway, make the answer, tell
//! the observers. Refuses to decide (the policy does), to word an answer (the renderer does) and to read from a socket. Called by
//! the connections: `http1` and `http2`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use sluicegate_policy::call::{
    Arrival, CacheUse, EffectId, Errand, ErrorKind, Fate, FunctionResult, Invoked, Outcome, Reason, Reply,
};
use sluicegate_policy::lambda::Environment;
use sluicegate_policy::model::{
    ApiId, ApiKind, AuthorizerId, Domain, FunctionId, Integration, Model, ServiceId, ServiceUse, TargetId, Transfer,
};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::answer::Answer;
use sluicegate_render::backend::BackendResponse;
use sluicegate_render::examined::{Addressed, Examined, Told};
use sluicegate_render::front::Front;
use sluicegate_render::function_answer::Returned;
use sluicegate_render::ids::CallIds;
use sluicegate_render::request::{Head, Request};
use sluicegate_render::secured::Secured;
use sluicegate_timer::{Clock, Timer};

use crate::arrivals::Arrivals;
use crate::backends::{Backends, NoAnswer};
use crate::driver::{Driver, Entrance, Pending, Released, Turn};
use crate::functions::{Asked, Functions};
use crate::http1::body::Body;
use crate::http1::date::{DateText, Dates};
use crate::http1::write::Outgoing;
use crate::issuer::Mint;
use crate::jwks::Jwks;
use crate::malformed::{Malformed, check_target};
use crate::observe::{Observed, Observer};
use crate::server::Errors;
use crate::services::Services;
use crate::stamped::Stamp;
use crate::streamed::{Begun, Limits, Outlet, Source, Streamed};
use crate::tls::Trusting;

/// A call under way that ends with its request.
type CallingHere<'d> = Pin<Box<dyn Future<Output = Result<BackendResponse, NoAnswer>> + 'd>>;

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

/// What came of an invocation, as far as its call is concerned.
enum Come {
    /// The gateway's decision came first.
    Released(Released),
    /// It streams, and the gateway knows.
    Streams(Source),
    /// It has ended, and the gateway knows.
    Told,
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
        let to = self.destination(arrived, client, &head);
        let api = to.api().unwrap_or(client.api);
        let ids = self.front.ids(number, api, &head);
        let presence = Presence { desk: Rc::clone(self), held: Cell::new(0), answered: Cell::new(false) };
        let Client { api, source, ref secured, .. } = *client;
        Visit { head, source, secured: secured.clone(), arrived, ids, api, to, presence }
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

    fn on_arrival(&self, arrived: Instant) -> u64 {
        let mut arrivals = self.arrivals.borrow_mut();
        arrivals.on_arrival(self.clock.origin_ns().saturating_add(arrived.as_ns()));
        arrivals.arrived()
    }

    fn destination(&self, arrived: Instant, client: &Client, head: &Head) -> Destination {
        if matches!(head.path(), "/ping" | "/sping") {
            return Destination::Health;
        }
        if !client.may_ask(&self.model.domains, head) {
            return Destination::Nowhere(Malformed::Misdirected);
        }
        match check_target(self.kind(client.api), head.target()) {
            Err(malformed) => Destination::Nowhere(malformed),
            Ok(()) => Destination::Gateway(self.driver.arrive(arrived, client.api, head)),
        }
    }

    /// The key of its token is there, if its issuer has it.
    async fn fetched(&self, examined: &Examined<'_>) -> Fetched {
        let Some((jwks, token)) = self.jwks.as_ref().and_then(|jwks| Some((jwks, examined.token_key()?))) else {
            return Fetched::Nothing;
        };
        if jwks.ready(&self.front, token).await { Fetched::Waited } else { Fetched::Nothing }
    }

    /// The decision on a call, whose integration is performed here if the gateway wants it.
    /// A function that streams goes on in `stream`.
    async fn released(&self, pending: &mut Pending, examined: &mut Examined<'_>, stream: &mut Option<Source>) -> Released {
        loop {
            let (effect, target) = match (&mut *pending).await {
                Turn::Released(released) => return released,
                Turn::Integrate(effect, target) => (effect, target),
                Turn::Resume => {
                    self.driver.resume(pending, self.clock.now(), examined);
                    // What was released now may be kept already, and answer it.
                    self.driver.settled().await;
                    continue;
                }
                Turn::Invoke(effect, Errand::Authorizer(authorizer), function, environment) => {
                    self.authorize(examined, (effect, authorizer), (function, environment));
                    continue;
                }
                Turn::Invoke(effect, Errand::Integration, function, environment) => {
                    let running = (effect, function, environment);
                    match self.invoke(pending, examined, running).await {
                        Come::Released(released) => return released,
                        Come::Streams(source) => *stream = Some(source),
                        Come::Told => {}
                    }
                    continue;
                }
            };
            let outcome = match self.calling(examined, target) {
                None => Outcome::Unreachable,
                Some(calling) => tokio::select! {
                    biased;
                    // A decision before the end is that the time is over: the call is dropped with its connection.
                    turn = &mut *pending => match turn {
                        Turn::Released(released) => return released,
                        Turn::Integrate(..) | Turn::Invoke(..) | Turn::Resume => Outcome::Unreachable,
                    },
                    response = calling => response.map_or(Outcome::Unreachable, |response| examined.on_backend(&response)),
                },
            };
            self.driver.on_effect(self.clock.now(), effect, outcome);
        }
    }

    /// The call to what answers on the route of a request, if that can be called at all.
    fn calling(&self, examined: &Examined<'_>, target: Option<TargetId>) -> Option<CallingHere<'_>> {
        let backends = self.backends.as_ref()?;
        let request = examined.backend_request()?;
        if let Some(signed_for) = examined.signed_for() {
            let retries = self.model.api_of_route(examined.addressed().route?).unconfirmed.service_retries;
            let wall = || self.wall(self.clock.now());
            return Some(Box::pin(self.services.as_ref()?.call(backends, (request, signed_for), retries, wall)));
        }
        let address = target.and_then(|target| self.model.address(target));
        let request = match address {
            Some(address) => request.through(address),
            None => request,
        };
        Some(backends.call(request))
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

    /// Has a real function invoked, and waits for what it says; the decision, if it comes first: the function goes on without us.
    async fn invoke(
        &self,
        pending: &mut Pending,
        examined: &mut Examined<'_>,
        (effect, function, environment): (EffectId, FunctionId, Environment),
    ) -> Come {
        let asked = self.functions.as_ref().zip(examined.function_input());
        let Some((functions, input)) = asked else {
            let ended = Invoked { result: FunctionResult::Misconfigured, fate: Fate::Kept, cold_start: None };
            self.driver.on_invoked(self.clock.now(), effect, ended);
            return Come::Told;
        };
        let asked = Asked { input, trace: examined.trace(), transfer: examined.transfer() };
        let mut running = functions.invoke(effect, (function, environment), asked);
        let begun = tokio::select! {
            biased;
            turn = &mut *pending => return match turn {
                Turn::Released(released) => Come::Released(released),
                Turn::Integrate(..) | Turn::Invoke(..) | Turn::Resume => Come::Told,
            },
            begun = running.begun() => begun,
        };
        match begun {
            Some(Begun::Ended(ended)) => {
                let result = ended.returned().map_or(FunctionResult::Throttled, |returned| examined.on_function(returned));
                ended.came_to(result);
                Come::Told
            }
            Some(Begun::Head { head, cold_start }) => {
                let result = examined.on_function(Returned::Head(&head));
                self.driver.on_begun(self.clock.now(), effect, result, cold_start);
                Come::Streams(running)
            }
            // One that is dropped unsent has told its end itself.
            None => Come::Told,
        }
    }

    /// Has the function of an authorizer invoked. What it says is for all who wait with this call, whoever of them is still there then.
    fn authorize(
        &self,
        examined: &Examined<'_>,
        (effect, authorizer): (EffectId, AuthorizerId),
        which: (FunctionId, Environment),
    ) {
        let asked = self.functions.as_ref().zip(examined.authorizer_event());
        let Some((functions, event)) = asked else {
            let ended = Invoked { result: FunctionResult::Misconfigured, fate: Fate::Kept, cold_start: None };
            return self.driver.on_invoked(self.clock.now(), effect, ended);
        };
        functions.authorize((effect, authorizer), which, event.into(), examined.trace());
    }

    /// Passes the stream behind a reply on; how much of it went.
    async fn flow(&self, source: Source, outlet: &Outlet, reply: &Reply) -> u64 {
        let Ok(mut timer) = Timer::new(self.clock) else {
            outlet.break_off();
            return 0;
        };
        let flown = source.flow(outlet, &mut timer, self.stream_limits(reply)).await;
        if flown.end.is_err() {
            self.tally.broken_off.set(self.tally.broken_off.get() + 1);
        }
        flown.bytes
    }

    /// How long the stream behind a reply may go on: what the gateway waits for an integration counts from its hand-over.
    fn stream_limits(&self, reply: &Reply) -> Limits {
        let Arrival { api, .. } = reply.arrival;
        let timeout = reply.route.and_then(|route| match &self.model.routes[usize::from(route.0)].integration {
            Integration::Lambda(lambda) => Some(lambda.timeout),
            Integration::Mock(_) | Integration::Http(_) | Integration::Service(_) => None,
        });
        let left = timeout.unwrap_or_default().saturating_sub(reply.timing.integration.unwrap_or_default());
        Limits::new(self.front.endpoint(api), reply.at + left)
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
        let Self { head, source, secured, arrived, ids, presence, .. } = self;
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
        let to = Addressed { arrival: entrance.arrival, route: entrance.route, path: &request.head.path()[entrance.path_at..] };
        let mut examined = desk.front.examine(&request, to, &ids, wall);
        let now = match desk.fetched(&examined).await {
            Fetched::Nothing => now,
            Fetched::Waited => {
                desk.driver.settled().await;
                desk.clock.now()
            }
        };
        let mut pending = desk.driver.open();
        let mut call = examined.call(pending.id());
        call.size.body = length;
        desk.driver.on_call(&mut pending, (entrance.at, now), call, &mut examined);
        let mut stream = None;
        let released = desk.released(&mut pending, &mut examined, &mut stream).await;
        desk.driver.on_answered(&pending, &released.reply);
        let answer = examined.answer(&released.reply);
        if let (CacheUse::Kept(entry), Some(kept)) = (released.reply.cache, examined.take_kept()) {
            desk.front.keep(entry, kept);
        }
        let mut outgoing = presence.answered(Outgoing::to(request.head.method(), answer));
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
