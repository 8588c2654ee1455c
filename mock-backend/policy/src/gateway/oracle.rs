//! The obvious gateway: slow, without a queue, a heap, a slot or a pool; it judges the real one.
//!
//! It looks through everything that is still to happen for what comes next, keeps each environment for ever with its whole
//! story, and plays each bucket's story again from the beginning whenever it is asked. Only the keys of the draws are shared
//! with the real one: they are part of what a seed means.

mod door;
mod functions;

pub(super) use self::door::BOUNDARY;
use self::door::{Door, Passed};
use self::functions::{Functions, Started};
use crate::call::{
    Arrival, AuthorizationUse, CacheUse, CallId, Content, Credential, Freshness, Invalid, Mapped, Outcome, Purpose, Reason,
    Release, Reply, Size, Timing,
};
use crate::model::{
    Api, ApiId, ApiKind, HttpIntegration, Integration, LambdaIntegration, MockIntegration, Model, RouteId, StageId, UnknownStage,
};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// A request: when its head comes, and when it is whole; what it is; what its bytes say; and how long its external work takes,
/// should it be that.
#[derive(Clone, Debug)]
pub(super) struct Coming {
    pub(super) at: Instant,
    pub(super) reading: Span,
    pub(super) stage: Option<StageId>,
    /// The place of its route within its deployment.
    pub(super) route: usize,
    pub(super) purpose: Purpose,
    pub(super) key: Credential,
    pub(super) size: Size,
    pub(super) says: Says,
    pub(super) takes: Span,
}

/// What the bytes of a request say.
#[derive(Clone, Debug)]
pub(super) struct Says {
    pub(super) examined: Result<(), Invalid>,
    pub(super) values: Vec<u8>,
    pub(super) freshness: Freshness,
    /// What is wrong with its mapping, if something is.
    pub(super) unmapped: Option<Mapped>,
    /// Length of its answer.
    pub(super) bytes: u64,
}

impl Says {
    /// What the mapping makes of it.
    pub(super) fn mapped(&self, model: &Model, route: RouteId) -> Mapped {
        let status = match &model.routes[usize::from(route.0)].integration {
            Integration::Mock(MockIntegration::Fixed { status, .. }) => *status,
            Integration::Lambda(LambdaIntegration { function, .. }) => model.functions[usize::from(function.0)].response.status,
            Integration::Http(_) => 0,
            other @ (Integration::Mock(MockIntegration::Mapped(_)) | Integration::Service(_)) => {
                unreachable!("no law has a {other:?}")
            }
        };
        self.unmapped.unwrap_or(Mapped::Answer(Content { status, bytes: self.bytes }))
    }
}

/// How external work that takes so long ends.
pub(super) fn outcome(coming: &Coming) -> Outcome {
    match coming.takes.as_ns() {
        ns if ns.is_multiple_of(5) => Outcome::Unreachable,
        ns if ns.is_multiple_of(7) => Outcome::Misconfigured,
        ns => Outcome::Answered { content: Content { status: 200 + (ns % 2) as u16 * 100, bytes: coming.says.bytes } },
    }
}

/// The route in that place of a deployment.
pub(super) fn route_in(model: &Model, arrival: Arrival, place: usize) -> Option<RouteId> {
    model.routes_of(arrival.deployment?).nth(place).map(|(id, _)| id)
}

/// All the replies in the order in which they are given, and how often each seat was counted in the last period.
pub(super) fn replies(model: &Model, seed: Seed, requests: &[Coming]) -> (Vec<Reply>, Door) {
    let mut world = World {
        model,
        seed,
        door: Door::new(model),
        functions: Functions::new(model, seed.child("functions")),
        coming: Vec::new(),
        known: 0,
        replies: Vec::new(),
    };
    for (number, request) in requests.iter().enumerate() {
        world.will(request.at, Event::Head(Flight::new(request, number)));
    }
    // What happens by itself goes before what comes from outside at the same instant.
    while let Some(next) = world.coming.iter().map(|(at, order, event)| (*at, event.rank(), *order)).min() {
        let place = world.coming.iter().position(|(_, order, _)| *order == next.2).unwrap();
        let (now, _, event) = world.coming.remove(place);
        world.happens(now, event);
    }
    (world.replies, world.door)
}

/// A request and what became of it so far.
#[derive(Clone, Debug)]
struct Flight<'r> {
    request: &'r Coming,
    reply: Reply,
    after: Span,
    passed: Passed,
}

#[derive(Clone, Debug)]
enum Event<'r> {
    HandOver(Flight<'r>),
    Freed(usize),
    TimeOut(Flight<'r>),
    Reply(Flight<'r>),
    Head(Flight<'r>),
    Whole(Flight<'r>),
    Answer(Flight<'r>),
}

struct World<'m, 'r> {
    model: &'m Model,
    seed: Seed,
    door: Door,
    functions: Functions<'m>,
    /// What is to happen: when, and in which order it was known.
    coming: Vec<(Instant, usize, Event<'r>)>,
    known: usize,
    replies: Vec<Reply>,
}

impl Event<'_> {
    fn rank(&self) -> u8 {
        match self {
            Self::HandOver(_) | Self::Freed(_) | Self::TimeOut(_) | Self::Reply(_) => 0,
            Self::Head(_) => 1,
            Self::Whole(_) => 2,
            Self::Answer(_) => 3,
        }
    }
}

impl<'r> Flight<'r> {
    fn new(request: &'r Coming, number: usize) -> Self {
        let arrival = Arrival { number: number as u64, api: ApiId(0), stage: None, deployment: None, release: Release::Base };
        let reply = Reply {
            call: CallId(number as u64),
            at: request.at,
            status: 0,
            reason: Reason::Served,
            arrival,
            route: None,
            purpose: request.purpose,
            fan_out: None,
            authorization: AuthorizationUse::None,
            cache: CacheUse::None,
            warning: None,
            timing: Timing::default(),
        };
        Self { request, reply, after: Span::ZERO, passed: Passed::default() }
    }

    fn served(&mut self, content: Content) {
        (self.reply.reason, self.reply.status, self.passed.content) = (Reason::Served, content.status, content);
    }
}

impl<'r> World<'_, 'r> {
    fn will(&mut self, at: Instant, event: Event<'r>) {
        self.coming.push((at, self.known, event));
        self.known += 1;
    }

    fn happens(&mut self, now: Instant, event: Event<'r>) {
        match event {
            Event::Head(flight) => self.head(now, flight),
            Event::Whole(flight) => self.whole(now, flight),
            Event::HandOver(flight) => self.hand_over(now, flight),
            Event::Freed(at) => self.functions.free(now, at),
            Event::TimeOut(flight) => self.fails(now, flight, Reason::IntegrationTimeout),
            Event::Answer(mut flight) => match outcome(flight.request) {
                Outcome::Answered { content } => {
                    flight.served(content);
                    self.will(now + flight.after, Event::Reply(flight));
                }
                Outcome::Unreachable => self.fails(now, flight, Reason::IntegrationUnreachable),
                Outcome::Misconfigured => self.fails(now, flight, Reason::Misconfigured),
            },
            Event::Reply(mut flight) => {
                if flight.reply.reason == Reason::Served {
                    self.door.keep(now, &mut flight.reply, &flight.passed);
                }
                self.replies.push(Reply { at: now, ..flight.reply });
            }
        }
    }

    fn head(&mut self, now: Instant, mut flight: Flight<'r>) {
        if let Some(id) = flight.request.stage.filter(|id| usize::from(id.0) < self.model.stages.len()) {
            let stage = &self.model.stages[usize::from(id.0)];
            let mut moves = self.model.moves.iter().filter(|it| it.stage == id && Instant::ZERO + it.at <= now);
            let base = moves.next_back().map_or(stage.deployment, |it| it.deployment);
            let draw = self.seed.child("canary").unit(flight.reply.arrival.number);
            let canary = stage.canary.as_ref().filter(|canary| draw < canary.share);
            let arrival = &mut flight.reply.arrival;
            arrival.stage = Some(id);
            arrival.deployment = Some(canary.map_or(base, |canary| canary.deployment));
            arrival.release = if canary.is_some() { Release::Canary } else { Release::Base };
        }
        flight.reply.route = route_in(self.model, flight.reply.arrival, flight.request.route);
        self.will(now + flight.request.reading, Event::Whole(flight));
    }

    fn whole(&mut self, now: Instant, mut flight: Flight<'r>) {
        let number = flight.reply.arrival.number;
        let refusal = self.model.apis[0].refusal.at(self.seed.child("refusal").unit(number));
        let overhead = self.model.apis[0].overhead.at(self.seed.child("overhead").unit(number)).as_ns();
        flight.reply.timing.received = now;
        let mut passed = Passed::default();
        if let Err(reason) = self.door.pass(self.model, now, (flight.request, &mut flight.reply), &mut passed) {
            return self.fails(now + refusal, flight, reason);
        }
        flight.passed = passed;
        flight.after = Span::from_ns(overhead - overhead / 2);
        let handed_over = now + Span::from_ns(overhead / 2);
        let route = &self.model.routes[usize::from(flight.reply.route.unwrap().0)];
        if flight.passed.from_cache || matches!(route.integration, Integration::Mock(_)) {
            flight.served(flight.passed.content);
            self.will(handed_over + flight.after, Event::Reply(flight));
        } else {
            self.will(handed_over, Event::HandOver(flight));
        }
    }

    fn hand_over(&mut self, now: Instant, mut flight: Flight<'r>) {
        match &self.model.routes[usize::from(flight.reply.route.unwrap().0)].integration {
            Integration::Lambda(LambdaIntegration { function, timeout, .. }) => {
                let Started { cold_start, took, at, failed } = match self.functions.start(now, *function) {
                    Ok(started) => started,
                    Err(limit) => return self.fails(now, flight, Reason::FunctionThrottled(*function, limit)),
                };
                self.will(now + took, Event::Freed(at));
                let waited = took.min(*timeout);
                flight.reply.timing = Timing { integration: Some(waited), cold_start, ..flight.reply.timing };
                if took > *timeout {
                    self.fails(now + waited, flight, Reason::IntegrationTimeout);
                } else if failed {
                    self.fails(now + waited, flight, Reason::FunctionFailed(*function));
                } else {
                    flight.served(flight.passed.content);
                    self.will(now + waited + flight.after, Event::Reply(flight));
                }
            }
            Integration::Http(HttpIntegration { timeout, .. }) => {
                let took = flight.request.takes.min(*timeout);
                flight.reply.timing.integration = Some(took);
                // At the very instant of the time-out the time-out comes first.
                let is_late = flight.request.takes >= *timeout;
                self.will(now + took, if is_late { Event::TimeOut(flight) } else { Event::Answer(flight) });
            }
            other @ (Integration::Mock(_) | Integration::Service(_)) => unreachable!("no law hands over to {other:?}"),
        }
    }

    /// The gateway answers by itself: what is known at `when` is told after the second half of its own time.
    fn fails(&mut self, when: Instant, mut flight: Flight<'r>, reason: Reason) {
        (flight.reply.reason, flight.reply.status) = (reason, status(&self.model.apis[0], reason));
        self.will(when + flight.after, Event::Reply(flight));
    }
}

fn status(api: &Api, reason: Reason) -> u16 {
    let told = &api.unconfirmed;
    match (reason, api.kind) {
        (Reason::Preflight, _) => told.preflight,
        (Reason::NoStage, ApiKind::Rest | ApiKind::WebSocket) if told.unknown_stage == UnknownStage::NotFound => 404,
        (Reason::Invalid(_), _) => 400,
        (Reason::KeyRefused | Reason::InvalidationRefused, _)
        | (Reason::NoStage | Reason::NoRoute, ApiKind::Rest | ApiKind::WebSocket) => 403,
        (Reason::NoStage | Reason::NoRoute, ApiKind::Http) => 404,
        (Reason::PayloadTooLarge, ApiKind::Rest | ApiKind::WebSocket) => 413,
        (Reason::Gone, _) => 410,
        (Reason::PayloadTooLarge, ApiKind::Http) => told.payload_too_large,
        (Reason::UrlTooLong, _) => told.url_too_long,
        (Reason::UnsupportedMediaType | Reason::Binary, _) => 415,
        (Reason::Throttled(_) | Reason::QuotaExceeded | Reason::Unread, _) => 429,
        (Reason::HeadersTooLarge, _) => told.headers_too_large,
        (Reason::Misconfigured, _)
        | (Reason::FunctionThrottled(..), ApiKind::Rest | ApiKind::WebSocket)
        | (Reason::FunctionFailed(_) | Reason::FunctionMalformed(_), ApiKind::Http) => 500,
        (Reason::FunctionFailed(_) | Reason::FunctionMalformed(_), ApiKind::Rest | ApiKind::WebSocket) => 502,
        (Reason::FunctionThrottled(..), ApiKind::Http) => told.throttled_function,
        (Reason::IntegrationTimeout | Reason::IntegrationUnreachable, ApiKind::Http) => 503,
        (Reason::IntegrationTimeout | Reason::IntegrationUnreachable, ApiKind::Rest | ApiKind::WebSocket) => 504,
        (
            Reason::Unauthorized(_)
            | Reason::InsufficientScope
            | Reason::SignatureRefused(_)
            | Reason::AccessDenied(_)
            | Reason::PolicyDenied(_)
            | Reason::AuthorizerFailed
            | Reason::AuthorizerMisconfigured,
            _,
        ) => unreachable!("no law here has an authorizer"),
        (Reason::CapacityExhausted(_), _) => unreachable!("no law has a pool"),
        (Reason::Served, _) => unreachable!("what is served has the status of its integration"),
    }
}
