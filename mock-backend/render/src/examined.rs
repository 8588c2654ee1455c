//! One request, examined: the policy's evidence, and the bytes of the answer that it decides on.
//!
//! Owns which headers and which body go with which answer. Refuses to decide (the policy did), to read a clock, and to send.
//! Made by [`Front::examine`](crate::front::Front::examine) for each request; asked by the gateway while it decides, and once more
//! for the answer. Nothing is looked at before somebody asks: a fixed answer needs no template and no JSON.

mod behind;
mod function;
mod integration;

use std::borrow::Cow;
use std::sync::Arc;

use sluicegate_policy::call::{
    AnswerId, Arrival, CacheUse, Call, CallId, Credential, EntryId, Evidence, Freshness, Identity, Invalid, Judged, Mapped,
    Permission, Purpose, Reason, Reply, Size, Verdict, Warning,
};
use sluicegate_policy::model::{ApiKind, Model, RefusalCors, ResponseType, RouteId, RouteResponse, Stage};
use sluicegate_policy::time::Span;

use bytes::Bytes;

use crate::answer::{Answer, final_status, is_bodiless};
pub use crate::authorizer::TokenKey;
use crate::authorizer::{self, Granted};
use crate::context::Context;
pub use crate::context::Told;
use crate::cors;
use crate::event::PayloadFormat;
use crate::expression::Surroundings;
use crate::front::{Constant, Front, IntegrationFace, RouteFace, Trace};
use crate::identification::{TRACE_ID, deliver, identify};
use crate::ids::CallIds;
use crate::mapping;
use crate::parameters::Parameters;
use crate::refusal::told;
use crate::request::Request;
use crate::seen::Seen;
use crate::service::ServiceFace;
use crate::validate::Fault;
use crate::vtl::Map;
use crate::websocket::{Linked, error_frame, of_callback};

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// The snapshot that serves it.
    pub arrival: Arrival,
    /// The route that method and path mean there.
    pub route: Option<RouteId>,
    /// The path below the stage, not decoded.
    pub path: &'a str,
    /// What it has to do with a WebSocket connection, if it has.
    pub link: Option<Linked<'a>>,
}

/// A request under examination.
#[derive(Debug)]
pub struct Examined<'a> {
    seen: Seen<'a>,
    /// What the validator found.
    fault: Option<Fault>,
    /// What templates set below `$context`.
    overrides: Map,
    /// The body after the request template, where there is one.
    transformed: Option<String>,
    /// What goes to the integration, where that is neither the template's text nor the request's own bytes.
    converted: Option<Bytes>,
    /// The integration's answer, where it is not always the same.
    made: Option<Answer>,
    /// What the response cache is to keep: the integration's answer, before anything of this one request is added.
    to_keep: Option<Answer>,
    /// What the response cache kept.
    hit: Option<Arc<Answer>>,
    /// What a real function said that was asked as the authorizer.
    granted: Option<Granted>,
}

impl<'a> Examined<'a> {
    pub(crate) fn new(front: &'a Front, request: &'a Request, to: Addressed<'a>, (ids, wall): (&'a CallIds, Span)) -> Self {
        let seen = Seen { front, request, to, ids, wall };
        Self {
            seen,
            fault: None,
            overrides: Map::default(),
            transformed: None,
            converted: None,
            made: None,
            to_keep: None,
            hit: None,
            granted: None,
        }
    }

    /// The request as the policy sees it. Its body is as long as what was read of it.
    pub fn call(&self, id: CallId) -> Call {
        let Seen { request, to, .. } = self.seen;
        let preflight = cors::is_preflight(&request.head);
        Call {
            id,
            arrival: to.arrival,
            route: to.route,
            purpose: to.link.map_or(if preflight { Purpose::Preflight } else { Purpose::Answer }, |linked| linked.purpose),
            key: self.seen.credential(None),
            size: Size { body: request.body.len() as u64, ..request.head.size() },
        }
    }

    /// The method that routed it.
    pub fn method(&self) -> &'a str {
        self.seen.method()
    }

    /// The trace that what is behind the gateway is told.
    pub fn trace(&self) -> String {
        self.seen.ids.trace(self.seen.wall)
    }

    /// The request itself.
    pub fn request(&self) -> &'a Request {
        self.seen.request
    }

    /// What is known of it from the start.
    pub(crate) fn seen(&self) -> Seen<'a> {
        self.seen
    }

    /// What a real function said that was asked as the authorizer.
    pub(crate) fn granted(&self) -> Option<&Granted> {
        self.granted.as_ref()
    }

    /// The model that serves it.
    pub(crate) fn model(&self) -> &'a Model {
        self.seen.front.model()
    }

    /// The stage that serves it.
    pub(crate) fn stage(&self) -> Option<&'a Stage> {
        self.seen.stage()
    }

    /// Its parameters.
    pub(crate) fn parameters(&self) -> Parameters<'a> {
        self.seen.parameters()
    }

    /// The API key that it brought.
    pub(crate) fn credential(&self) -> Credential {
        self.seen.credential(self.granted.as_ref())
    }

    /// Where it goes.
    pub fn addressed(&self) -> Addressed<'a> {
        self.seen.to
    }

    /// Its body after the request template; `None` if there was no template.
    pub fn transformed(&self) -> Option<&str> {
        self.transformed.as_deref()
    }

    /// What templates set below `$context`, `requestOverride` among it.
    pub fn overrides(&self) -> &Map {
        &self.overrides
    }

    /// `requestContext.authorizer` of the event for a function in this format; `None` if no authorizer let it through.
    pub fn authorizer(&self, format: PayloadFormat) -> Option<serde_json::Map<String, serde_json::Value>> {
        authorizer::for_event(self.seen, self.granted.as_ref(), format)
    }

    /// The key that its token names, if its route's authorizer verifies one; nothing of it is verified.
    pub fn token_key(&self) -> Option<TokenKey> {
        authorizer::token_key(self.seen)
    }

    /// What the validator found.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// `$context` after the answer.
    pub fn context<'s>(&'s self, told: &'s Told<'s>) -> Context<'s> {
        let granted = self.granted.as_ref();
        Context { seen: self.seen, fault: self.fault.as_ref(), reply: Some(told.reply), told: Some(told), granted }
    }

    /// The bytes of what was decided.
    pub fn answer(&mut self, reply: &Reply) -> Answer {
        let (mut answer, error_type) = match reply.reason {
            Reason::Served => (self.served(reply), None),
            Reason::Preflight => (self.preflight(), None),
            _ => self.refused(reply),
        };
        answer.status = final_status(reply.status);
        if is_bodiless(answer.status) {
            answer.body.clear();
        }
        match reply.warning {
            // Developer guide, "Invalidate an API Gateway cache entry"; the words are unconfirmed, the name is a setting.
            Some(Warning::InvalidationIgnored) => {
                let name = self.seen.api_model().unconfirmed.cache_warning.clone();
                answer.push(name, "199 Cache-control headers were ignored because the caller was unauthorized.");
            }
            None => {}
        }
        identify(self.seen.api().kind, self.seen.ids, error_type, &mut answer);
        if self.shows_trace(reply) {
            answer.push(TRACE_ID, self.seen.ids.trace(self.seen.wall));
        }
        deliver(self.seen.front.endpoint(self.seen.to.arrival.api), self.seen.ids, &mut answer);
        if self.seen.request.head.method() == "HEAD" { answer.without_body() } else { answer }
    }

    /// What a client gets for its message, over its connection; `None` for nothing: its route sends no answers, or there is none to send.
    pub fn frame(&mut self, reply: &Reply) -> Option<Bytes> {
        if reply.reason != Reason::Served {
            let id = self.seen.to.link.and_then(|linked| linked.link).map_or("", |link| &*link.id);
            return Some(error_frame(reply.reason, id, self.seen.ids.request()).into());
        }
        let response = self.seen.route().map(|route| route.response)?;
        let body = (response == RouteResponse::Present).then(|| self.served(reply).body)?;
        Some(body).filter(|body| !body.is_empty())
    }

    /// What the response cache is to keep of the answer: all but what belongs to this request alone (ids, trace, warning, a body
    /// that a `HEAD` is spared). There once, after [`Self::answer`] to a reply that is to be kept.
    pub fn take_kept(&mut self) -> Option<Answer> {
        self.to_keep.take()
    }

    fn face(&self) -> Option<&'a RouteFace> {
        self.seen.front.route(self.seen.to.route?)
    }

    /// The integration's answer, or the one that was kept.
    fn served(&mut self, reply: &Reply) -> Answer {
        if let Some(kept) = self.hit.take() {
            return Answer::clone(&kept);
        }
        let mut answer = match (self.made.take(), self.face()) {
            (Some(made), _) => made,
            (None, Some(RouteFace { integration: IntegrationFace::Constant(constant), .. })) => {
                constant.answer(self.seen.request)
            }
            (None, _) => Answer::default(),
        };
        if let Some(sharing) = self.sharing() {
            sharing.share(&self.seen.request.head, &mut answer);
        }
        if let CacheUse::Kept(_) = reply.cache {
            self.to_keep = Some(answer.clone());
        }
        answer
    }

    fn preflight(&self) -> Answer {
        let mut answer = Answer::default();
        if let Some(sharing) = self.sharing() {
            sharing.permit(&self.seen.request.head, &mut answer);
        }
        answer
    }

    fn sharing(&self) -> Option<&'a cors::Sharing> {
        let deployment = self.seen.front.deployment(usize::from(self.seen.to.arrival.deployment?.0))?;
        deployment.sharing.as_ref().filter(|_| self.seen.api().kind == ApiKind::Http)
    }

    /// The gateway's own answer, and the name of the error.
    fn refused(&self, reply: &Reply) -> (Answer, Option<&'static str>) {
        let api = self.seen.api_model();
        if let (Some(Linked { purpose: Purpose::Callback(..), .. }), Some((error_type, body))) =
            (self.seen.to.link, of_callback(reply.reason))
        {
            let mut answer = Answer::new(reply.status, body);
            answer.push("Content-Type", mapping::JSON);
            return (answer, Some(error_type));
        }
        let Some(refusal) = told(self.seen, reply, self.fault.as_ref()) else {
            return (Answer::default(), None);
        };
        let mut answer = Answer::new(reply.status, refusal.body);
        let challenge = authorizer::challenge(self.seen, reply.reason);
        // The documented answer with a challenge has no content type.
        if let Some(content_type) = refusal.content_type.filter(|_| challenge.is_none()) {
            answer.push("Content-Type", content_type);
        }
        if let Some(challenge) = challenge {
            answer.push("WWW-Authenticate", challenge);
        }
        if let (ApiKind::Rest, Some(response)) = (api.kind, refusal.response_type) {
            self.customise(response, reply, &mut answer);
        }
        match (api.unconfirmed.refusal_cors, self.sharing()) {
            (RefusalCors::Shared, Some(sharing)) => sharing.share(&self.seen.request.head, &mut answer),
            (RefusalCors::Shared, None) | (RefusalCors::Absent, _) => {}
        }
        (answer, refusal.error_type)
    }

    fn customise(&self, response: ResponseType, reply: &Reply, answer: &mut Answer) {
        let deployment = self.seen.to.arrival.deployment.and_then(|id| self.seen.front.deployment(usize::from(id.0)));
        let built_in = self.seen.api_model().status_of(reply.reason);
        let Some(custom) = deployment.and_then(|deployment| deployment.customised.of(response, built_in)) else { return };
        let granted = self.granted.as_ref();
        let context = Context { seen: self.seen, fault: self.fault.as_ref(), reply: Some(reply), told: None, granted };
        let (params, body) = (self.seen.parameters(), self.seen.body());
        let of = Surroundings {
            params: &params,
            context: &context,
            stage_variables: self.seen.stage_variables(),
            body: &body,
            backend: None,
        };
        if let Some((media, body)) = custom.body(self.seen.header("accept"), &of) {
            answer.set_made("Content-Type", media);
            answer.body = body.into();
        }
        for (name, value) in custom.headers(&of) {
            answer.set_made(name, &value);
        }
    }

    fn freshness(&self) -> Freshness {
        let mut asked = self.seen.header("cache-control").unwrap_or("").split(',');
        if asked.any(|directive| directive.trim().eq_ignore_ascii_case("max-age=0")) { Freshness::Anew } else { Freshness::Any }
    }

    fn shows_trace(&self, reply: &Reply) -> bool {
        let served = reply.reason == Reason::Served && !matches!(reply.cache, CacheUse::Hit(_));
        served
            && self.seen.api().kind == ApiKind::Rest
            && self.face().is_some_and(|face| match &face.integration {
                IntegrationFace::Constant(constant) => constant.trace == Trace::Shown,
                IntegrationFace::Mock(_) => false,
                IntegrationFace::Http(http) | IntegrationFace::Service(ServiceFace { http, .. }) => self.shows_own_trace(http),
                IntegrationFace::Function(_) | IntegrationFace::Misconfigured => true,
            })
    }
}

impl Evidence for Examined<'_> {
    fn examine(&mut self, route: RouteId) -> Result<(), Invalid> {
        let validator = self.seen.front.route(route).and_then(|face| face.validator.as_ref());
        let Some(validator) = validator else { return Ok(()) };
        let params = self.seen.parameters();
        let checked = validator.check(&params, self.seen.header("content-type"), &self.seen.request.body);
        checked.map_err(|fault| {
            let kind = fault.kind;
            self.fault = Some(fault);
            kind
        })
    }

    fn cache_key(&mut self, route: RouteId, key: &mut Vec<u8>) -> Freshness {
        let route = self.seen.front.model().routes.get(usize::from(route.0));
        let params = self.seen.parameters();
        for rule in route.iter().flat_map(|route| &route.cache.parameters) {
            match params.by_rule(rule) {
                // A length in front tells values apart, whatever they hold.
                Some(value) => {
                    key.push(1);
                    key.extend_from_slice(&(value.len() as u64).to_le_bytes());
                    key.extend_from_slice(value.as_bytes());
                }
                None => key.push(0),
            }
        }
        self.freshness()
    }

    fn on_hit(&mut self, entry: EntryId) {
        self.hit = self.seen.front.kept(entry);
    }

    fn identify(&mut self, _: RouteId, key: &mut Vec<u8>) -> Identity {
        authorizer::identify(self.seen, key)
    }

    fn verify(&mut self, _: RouteId) -> Verdict {
        authorizer::verify(self.seen)
    }

    fn judge(&mut self, _: RouteId, answer: AnswerId, took: Span) -> Judged {
        let (judged, granted) = authorizer::judge(self.seen, answer, took);
        self.granted = granted;
        judged
    }

    fn permission(&mut self, _: RouteId) -> Permission {
        authorizer::permitted(self.seen)
    }

    fn integrate(&mut self, route: RouteId) -> Mapped {
        let Some(face) = self.seen.front.route(route) else { return Mapped::Misconfigured };
        match &face.integration {
            IntegrationFace::Constant(constant) => Mapped::Answer(self.constant(constant, face)),
            IntegrationFace::Mock(mapping) => match self.mock(mapping) {
                Ok(answer) => Mapped::Answer(self.keep(answer)),
                Err(failed) => failed,
            },
            IntegrationFace::Http(http) | IntegrationFace::Service(ServiceFace { http, .. }) if http.is_forbidden() => {
                Mapped::Misconfigured
            }
            IntegrationFace::Http(http) | IntegrationFace::Service(ServiceFace { http, .. }) => {
                match http.mapping.as_ref().map_or(Ok(()), |mapping| self.map_request(mapping)) {
                    Ok(()) => self.before_back_end(http),
                    Err(failed) => failed,
                }
            }
            IntegrationFace::Function(function) => self.before_function(function),
            IntegrationFace::Misconfigured => Mapped::Misconfigured,
        }
    }
}

impl Constant {
    fn body(&self, request: &Request) -> Bytes {
        self.body.as_ref().unwrap_or(&request.body).clone()
    }

    fn answer(&self, request: &Request) -> Answer {
        // Room for the ids and the trace, too.
        let mut headers = Vec::with_capacity(5);
        headers.push((Cow::Borrowed("Content-Type"), Cow::Borrowed(self.content_type)));
        Answer { status: self.status, headers, body: self.body(request) }
    }
}

#[cfg(test)]
pub(crate) mod tests;
