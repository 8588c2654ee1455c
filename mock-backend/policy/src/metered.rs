//! What a provider meters of what goes through the gateway: answers, lengths in steps, milliseconds of functions, open connections.
//!
//! Owns which answers are billed, how lengths and times are rounded, and the counts, by route, within a stretch of time. Refuses prices
//! and months (whoever reads the counts has these), and to decide. Filled by the gateway where somebody asked for it
//! ([`Gateway::metered`](crate::gateway::Gateway::metered)); read by whoever tells what a design costs.
//!
//! A call counts when it was received within the stretch, an invocation when it was handed over there, a push when it went out there; of a
//! connection the part of its life counts that lies there. Each is counted whole: an invocation goes on, and is paid for, whoever still
//! waits for it.

use std::collections::BTreeMap;

use crate::call::{Ask, CacheUse, Content, Purpose, Reason, Reply, Size};
use crate::lambda::Environment;
use crate::model::{ApiKind, AuthorizerId, FunctionId, Model, RouteId, RouteResponse, Transfer};
use crate::time::{Instant, Span};

/// In what steps lengths are metered, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metering {
    /// From when on.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// Bytes of a request to an HTTP API that are one call; above zero.
    pub request_step: u64,
    /// Bytes of an answer that a REST API streams that are one call; above zero.
    pub stream_step: u64,
    /// Bytes of a WebSocket message that are one message; above zero.
    pub message_step: u64,
}

/// Whether an answer is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// It is.
    Billed,
    /// It is not.
    Free,
    /// No source says; it is taken for billed.
    Unsourced,
}

/// Calls to a route, or, over WebSocket, messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallUse {
    /// All of them, preflights and handshakes too.
    pub calls: u64,
    /// Of these, the ones that are not billed.
    pub free: u64,
    /// Of these, the ones of which no source says whether they are billed.
    pub unsourced: u64,
    /// Of these, handshakes that are not free: they are metered as connections are.
    pub handshakes: u64,
    /// Steps of the billed ones: calls as they are metered; over WebSocket messages that came in.
    pub steps: u64,
    /// Steps of the billed ones as an HTTP API meters them, also where the API is a REST API; none over WebSocket.
    pub request_steps: u64,
    /// Bytes of the billed requests, with their heads; of messages alone what they say.
    pub request_bytes: u64,
    /// Of the calls, the ones that were answered from the response cache.
    pub hits: u64,
    /// Of the calls, the ones that were handed over to an integration that is none of the gateway's own.
    pub handed_over: u64,
    /// Answers that integration or cache gave; over WebSocket messages that went out because of this route.
    pub answers: u64,
    /// Bytes of their bodies.
    pub answer_bytes: u64,
    /// Of messages that went out, the steps.
    pub answer_steps: u64,
}

/// Invocations of a function for a route, or for an authorizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionUse {
    /// All that got an environment.
    pub invocations: u64,
    /// Of these, the ones that a provisioned environment served.
    pub provisioned: u64,
    /// Of these, the ones for which an environment started.
    pub cold_starts: u64,
    /// Of these, the ones of which the model does not know how long they take.
    pub untimed: u64,
    /// Milliseconds of those on demand: each invocation rounded up, its start included (the provider's release note "AWS Lambda
    /// standardizes billing for INIT phase", in force since 1 August 2025).
    pub billed_ms: u64,
    /// The same of those in provisioned environments, which have no start.
    pub provisioned_ms: u64,
    /// How long environments started, in all.
    pub starting: Span,
}

/// Look-ups of an authorizer that is a function outside the model: it has a time, and no environments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookUpUse {
    /// How many.
    pub look_ups: u64,
    /// Their milliseconds, each look-up rounded up.
    pub billed_ms: u64,
}

/// Everything that was metered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    settings: Metering,
    /// By route; `None` are the calls that named none.
    pub calls: BTreeMap<Option<RouteId>, CallUse>,
    /// By function, and by the route for which it was invoked; `None` are authorizers.
    pub functions: BTreeMap<(FunctionId, Option<RouteId>), FunctionUse>,
    /// By authorizer.
    pub look_ups: BTreeMap<AuthorizerId, LookUpUse>,
    /// How long WebSocket connections were open, all together.
    pub connected: Span,
}

/// An invocation of a function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invoked {
    pub(crate) function: FunctionId,
    pub(crate) environment: Environment,
    /// For which route; `None` for an authorizer.
    pub(crate) route: Option<RouteId>,
    pub(crate) start: Option<Span>,
    /// Start and work together; `None` if nobody knows.
    pub(crate) took: Option<Span>,
}

/// Whether an answer with this reason is billed by the gateway.
///
/// Not billed are refusals for authorization or authentication, a missing or invalid key, a throttle or a quota (AWS staff on re:Post,
/// `QUm1jSF1ieSQ25Ol1RzFLysA` of 2020 and `QUY2x146iORPmsJHpff8u0eA`; the guide's own page that said so is gone). What reaches a function
/// is billed, throttled or not. Of the gateway's other refusals nobody says anything.
pub const fn billing(reason: Reason) -> Billing {
    match reason {
        Reason::Served
        | Reason::FunctionThrottled(..)
        | Reason::FunctionFailed(_)
        | Reason::FunctionMalformed(_)
        | Reason::CapacityExhausted(_)
        | Reason::IntegrationTimeout
        | Reason::IntegrationUnreachable
        | Reason::Misconfigured => Billing::Billed,
        Reason::Unauthorized(_)
        | Reason::InsufficientScope
        | Reason::SignatureRefused(_)
        | Reason::AccessDenied(_)
        | Reason::PolicyDenied(_)
        | Reason::KeyRefused
        | Reason::QuotaExceeded
        | Reason::Throttled(_) => Billing::Free,
        Reason::Preflight
        | Reason::NoStage
        | Reason::NoRoute
        | Reason::AuthorizerFailed
        | Reason::AuthorizerMisconfigured
        | Reason::UrlTooLong
        | Reason::HeadersTooLarge
        | Reason::PayloadTooLarge
        | Reason::Invalid(_)
        | Reason::InvalidationRefused
        | Reason::UnsupportedMediaType
        | Reason::Gone
        | Reason::Binary
        | Reason::Unread => Billing::Unsourced,
    }
}

/// How many steps a length is; what has no length is one.
pub const fn steps(bytes: u64, step: u64) -> u64 {
    let whole = bytes.div_ceil(step);
    if whole == 0 { 1 } else { whole }
}

/// Milliseconds, the last one begun counted whole.
const fn billed_ms(took: Span) -> u64 {
    took.as_ns().div_ceil(1_000_000)
}

impl Metered {
    /// Nothing metered yet.
    pub fn new(settings: Metering) -> Self {
        let (calls, functions, look_ups) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { settings, calls, functions, look_ups, connected: Span::ZERO }
    }

    /// What was metered of another run of the same model besides.
    pub fn merge(&mut self, other: &Self) {
        for (route, more) in &other.calls {
            self.calls.entry(*route).or_default().add(more);
        }
        for (of, more) in &other.functions {
            self.functions.entry(*of).or_default().add(more);
        }
        for (authorizer, more) in &other.look_ups {
            let look_ups = self.look_ups.entry(*authorizer).or_default();
            look_ups.look_ups += more.look_ups;
            look_ups.billed_ms += more.billed_ms;
        }
        self.connected += other.connected;
    }

    /// How long was metered.
    pub fn stretch(&self) -> Span {
        self.settings.until.since(self.settings.from)
    }

    /// A call is answered, to which so much was sent and which gets this.
    pub(crate) fn on_reply(&mut self, model: &Model, reply: &Reply, (request, content): (&Size, Content)) {
        if !self.counts(reply.timing.received) {
            return;
        }
        let kind = model.apis.get(usize::from(reply.arrival.api.0)).map_or(ApiKind::Http, |api| api.kind);
        let route = reply.route.and_then(|id| model.routes.get(usize::from(id.0)));
        let settings = self.settings;
        let billing = billing(reply.reason);
        let used = self.calls.entry(reply.route).or_default();
        let is_answered = reply.reason == Reason::Served;
        used.calls += 1;
        used.free += u64::from(billing == Billing::Free);
        used.unsourced += u64::from(billing == Billing::Unsourced);
        used.hits += u64::from(matches!(reply.cache, CacheUse::Hit(_)));
        used.handed_over += u64::from(reply.timing.integration.is_some());
        match reply.purpose {
            Purpose::Answer | Purpose::Preflight => {
                if billing != Billing::Free {
                    let bytes = request.line + request.headers + request.body;
                    let streams = route.is_some_and(|route| route.integration.transfer() == Transfer::Stream);
                    let request_steps = steps(bytes, settings.request_step);
                    used.request_bytes += bytes;
                    used.request_steps += request_steps;
                    used.steps += match kind {
                        ApiKind::Http => request_steps,
                        ApiKind::Rest if streams => steps(content.bytes, settings.stream_step),
                        ApiKind::Rest | ApiKind::WebSocket => 1,
                    };
                }
                if is_answered {
                    used.answers += 1;
                    used.answer_bytes += content.bytes;
                }
            }
            Purpose::Connect(_) => used.handshakes += u64::from(billing != Billing::Free),
            Purpose::Message(..) => {
                if billing != Billing::Free {
                    used.request_bytes += request.body;
                    used.steps += steps(request.body, settings.message_step);
                }
                if is_answered && route.is_some_and(|route| route.response == RouteResponse::Present) {
                    used.on_message_out(content.bytes, settings.message_step);
                }
            }
            Purpose::Callback(Some(_), Ask::Post { .. }) if is_answered => {
                used.on_message_out(request.body, settings.message_step);
            }
            // The gateway's own news, and questions about a connection: no message goes either way.
            Purpose::Disconnect(_) | Purpose::Callback(..) => {}
        }
    }

    /// A message of so many bytes goes out to a connection, because of this route.
    pub(crate) fn on_push(&mut self, now: Instant, route: RouteId, bytes: u64) {
        if self.counts(now) {
            let step = self.settings.message_step;
            self.calls.entry(Some(route)).or_default().on_message_out(bytes, step);
        }
    }

    /// A function was handed over to at this instant.
    pub(crate) fn on_invoked(&mut self, handed_over: Instant, invoked: &Invoked) {
        if !self.counts(handed_over) {
            return;
        }
        let used = self.functions.entry((invoked.function, invoked.route)).or_default();
        used.invocations += 1;
        used.cold_starts += u64::from(invoked.start.is_some());
        used.starting += invoked.start.unwrap_or_default();
        let Some(took) = invoked.took else {
            used.untimed += 1;
            return;
        };
        match invoked.environment {
            Environment::Provisioned => {
                used.provisioned += 1;
                used.provisioned_ms += billed_ms(took);
            }
            Environment::OnDemand(_) => used.billed_ms += billed_ms(took),
        }
    }

    /// A function outside the model was asked as an authorizer at this instant, and takes so long.
    pub(crate) fn on_look_up(&mut self, now: Instant, authorizer: AuthorizerId, takes: Span) {
        if self.counts(now) {
            let used = self.look_ups.entry(authorizer).or_default();
            used.look_ups += 1;
            used.billed_ms += billed_ms(takes);
        }
    }

    /// A connection was open from one instant to another.
    pub(crate) fn on_connected(&mut self, from: Instant, until: Instant) {
        let (from, until) = (from.max(self.settings.from), until.min(self.settings.until));
        self.connected += until.since(from);
    }

    fn counts(&self, at: Instant) -> bool {
        (self.settings.from..self.settings.until).contains(&at)
    }
}

impl CallUse {
    /// Calls that are billed, whatever their steps.
    pub const fn billed(&self) -> u64 {
        self.calls - self.free - self.handshakes
    }

    fn on_message_out(&mut self, bytes: u64, step: u64) {
        self.answers += 1;
        self.answer_bytes += bytes;
        self.answer_steps += steps(bytes, step);
    }

    /// Those counts besides.
    pub const fn add(&mut self, more: &Self) {
        self.calls += more.calls;
        self.free += more.free;
        self.unsourced += more.unsourced;
        self.handshakes += more.handshakes;
        self.steps += more.steps;
        self.request_steps += more.request_steps;
        self.request_bytes += more.request_bytes;
        self.hits += more.hits;
        self.handed_over += more.handed_over;
        self.answers += more.answers;
        self.answer_bytes += more.answer_bytes;
        self.answer_steps += more.answer_steps;
    }
}

impl FunctionUse {
    /// Those counts besides.
    pub fn add(&mut self, more: &Self) {
        self.invocations += more.invocations;
        self.provisioned += more.provisioned;
        self.cold_starts += more.cold_starts;
        self.untimed += more.untimed;
        self.billed_ms += more.billed_ms;
        self.provisioned_ms += more.provisioned_ms;
        self.starting += more.starting;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Scope;

    const MS: Span = Span::from_ms(1);

    fn metering() -> Metering {
        let (from, until) = (Instant::ZERO + Span::from_secs(2), Instant::ZERO + Span::from_secs(20));
        Metering { from, until, request_step: 512 << 10, stream_step: 10 << 20, message_step: 32 << 10 }
    }

    #[test]
    fn a_length_is_metered_in_steps_of_which_the_last_is_whole() {
        // 33 KB are two messages (pricing page, 20 September 2026).
        assert_eq!([0, 1, 32 << 10, 33 << 10].map(|bytes| steps(bytes, 32 << 10)), [1, 1, 1, 2]);
    }

    #[test]
    fn a_throttled_call_is_free_and_one_that_a_throttled_function_gets_is_not() {
        use crate::call::FunctionLimit;
        assert_eq!(billing(Reason::Throttled(Scope::Account)), Billing::Free);
        assert_eq!(billing(Reason::FunctionThrottled(FunctionId(0), FunctionLimit::Concurrency)), Billing::Billed);
    }

    #[test]
    fn an_invocation_is_billed_by_whole_milliseconds_with_its_start() {
        let mut metered = Metered::new(metering());
        let cold = Invoked {
            function: FunctionId(0),
            environment: Environment::OnDemand(0),
            route: None,
            start: Some(MS * 300),
            took: Some(MS * 324 + Span::from_ns(1)),
        };
        metered.on_invoked(Instant::ZERO + MS * 1_999, &cold);
        metered.on_invoked(Instant::ZERO + MS * 2_000, &cold);
        metered.on_invoked(Instant::ZERO + MS * 3_000, &Invoked { start: None, took: Some(MS * 24), ..cold });
        let provisioned = Environment::Provisioned;
        metered
            .on_invoked(Instant::ZERO + MS * 3_000, &Invoked { environment: provisioned, start: None, took: Some(MS), ..cold });
        metered.on_invoked(Instant::ZERO + MS * 3_000, &Invoked { start: None, took: None, ..cold });
        let used = metered.functions[&(FunctionId(0), None)];
        assert_eq!((used.invocations, used.cold_starts, used.provisioned, used.untimed), (4, 1, 1, 1));
        assert_eq!((used.billed_ms, used.provisioned_ms, used.starting), (325 + 24, 1, MS * 300));
    }

    #[test]
    fn of_a_connection_the_part_counts_that_lies_in_the_stretch() {
        let mut metered = Metered::new(metering());
        metered.on_connected(Instant::ZERO, Instant::ZERO + Span::from_secs(3));
        metered.on_connected(Instant::ZERO + Span::from_secs(19), Instant::ZERO + Span::from_secs(25));
        metered.on_connected(Instant::ZERO, Instant::ZERO + Span::from_secs(1));
        assert_eq!(metered.connected, Span::from_secs(2));
    }
}
