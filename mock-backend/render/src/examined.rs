//! One request, examined: the policy's evidence, and the bytes of the answer that it decides on.
//!
//! Owns which headers and which body go with which answer. Refuses to decide (the policy did), to read a clock, and to send.
//! Made by [`Front::examine`](crate::front::Front::examine) for each request; asked by the gateway while it decides, and once more
//! for the answer. Nothing is looked at before somebody asks: a fixed answer needs no template and no JSON.

use std::borrow::Cow;
use std::sync::Arc;

use sluicegate_policy::call::{
    Arrival, CacheUse, Call, CallId, Content, Credential, EntryId, Evidence, Freshness, Invalid, Mapped, Purpose, Reason,
    Release, Reply, Size,
};
use sluicegate_policy::model::{
    Api, ApiId, ApiKind, Deployment, Domain, Endpoint, Invalidation, KeySource, Model, Route, RouteId, Stage,
};
use sluicegate_policy::time::Span;

use crate::answer::Answer;
use crate::context::Context;
pub use crate::context::Told;
use crate::cors;
use crate::expression::{Backend, Surroundings};
use crate::front::{Constant, Front, IntegrationFace, RouteFace, Trace};
use crate::identification::{TRACE_ID, deliver, identify};
use crate::ids::CallIds;
use crate::mapping::{self, Compiled};
use crate::mock;
use crate::naming::ApiNames;
use crate::parameter_mapping::Sources;
use crate::parameters::Parameters;
use crate::refusal::refusal;
use crate::request::Request;
use crate::validate::Fault;
use crate::vtl::{Limits, Map, RenderError, Scope, Template, Tree};

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// The API whose door it came in by.
    pub api: ApiId,
    /// The snapshot that serves it.
    pub arrival: Arrival,
    /// The route that method and path mean there.
    pub route: Option<RouteId>,
    /// The path below the stage, not decoded.
    pub path: &'a str,
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
    /// The integration's answer, where it is not always the same.
    made: Option<Answer>,
    /// What the response cache kept.
    hit: Option<Arc<Answer>>,
}

/// What is known of a request from the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) front: &'a Front,
    pub(crate) request: &'a Request,
    pub(crate) to: Addressed<'a>,
    pub(crate) ids: &'a CallIds,
    pub(crate) wall: Span,
}

impl<'a> Seen<'a> {
    pub(crate) fn api(&self) -> &'a ApiNames {
        self.front.naming().api(self.to.api)
    }

    fn api_model(&self) -> &'a Api {
        let apis = &self.front.model().apis;
        apis.get(usize::from(self.to.api.0)).unwrap_or(&apis[0])
    }

    pub(crate) fn stage(&self) -> Option<&'a Stage> {
        self.front.model().stages.get(usize::from(self.to.arrival.stage?.0))
    }

    pub(crate) fn deployment(&self) -> Option<&'a Deployment> {
        self.front.model().deployments.get(usize::from(self.to.arrival.deployment?.0))
    }

    pub(crate) fn route(&self) -> Option<&'a Route> {
        self.front.model().routes.get(usize::from(self.to.route?.0))
    }

    /// The custom domain that the request names.
    pub(crate) fn domain(&self) -> Option<&'a Domain> {
        let host = str::from_utf8(self.request.head.header("host")?).ok()?;
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        self.front.model().domains.iter().find(|domain| domain.name.eq_ignore_ascii_case(host))
    }

    /// The method that routed it.
    pub(crate) fn method(&self) -> &'a str {
        self.front.method(self.to.api, &self.request.head)
    }

    pub(crate) fn credential(&self) -> Credential {
        if !self.front.has_keys() || self.api_model().key_source != KeySource::Header {
            return Credential::Absent;
        }
        self.request.head.header("x-api-key").map_or(Credential::Absent, |offered| self.front.credential(offered))
    }

    fn stage_variables(&self) -> &'a [(String, String)] {
        let Some(stage) = self.to.arrival.stage else { return &[] };
        let canary = || self.front.canary_variables(usize::from(stage.0));
        match self.to.arrival.release {
            Release::Base => None,
            Release::Canary => canary(),
        }
        .or_else(|| Some(&self.stage()?.variables))
        .unwrap_or(&[])
    }

    fn parameters(&self) -> Parameters<'a> {
        let pattern = self.route().map_or("", |route| &route.path);
        Parameters { kind: self.api().kind, head: &self.request.head, pattern, path: self.to.path }
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.request.head.header(name).and_then(|value| str::from_utf8(value).ok())
    }

    fn body(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(&self.request.body)
    }
}

impl<'a> Examined<'a> {
    pub(crate) fn new(front: &'a Front, request: &'a Request, to: Addressed<'a>, (ids, wall): (&'a CallIds, Span)) -> Self {
        let seen = Seen { front, request, to, ids, wall };
        Self { seen, fault: None, overrides: Map::default(), transformed: None, made: None, hit: None }
    }

    /// The request as the policy sees it. Its body is as long as what was read of it.
    pub fn call(&self, id: CallId) -> Call {
        let Seen { request, to, .. } = self.seen;
        let preflight = cors::is_preflight(&request.head);
        Call {
            id,
            arrival: to.arrival,
            route: to.route,
            purpose: if preflight { Purpose::Preflight } else { Purpose::Answer },
            key: self.seen.credential(),
            size: Size { body: request.body.len() as u64, ..request.head.size() },
        }
    }

    /// The method that routed it.
    pub fn method(&self) -> &'a str {
        self.seen.method()
    }

    /// The request itself.
    pub fn request(&self) -> &'a Request {
        self.seen.request
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
        self.seen.credential()
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

    /// What the validator found.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// `$context` after the answer.
    pub fn context<'s>(&'s self, told: &'s Told<'s>) -> Context<'s> {
        Context { seen: self.seen, fault: self.fault.as_ref(), reply: Some(told.reply), told: Some(told) }
    }

    /// The bytes of what was decided.
    pub fn answer(&mut self, reply: &Reply) -> Answer {
        let (mut answer, error_type) = match reply.reason {
            Reason::Served => (self.served(reply), None),
            Reason::Preflight => (self.preflight(), None),
            _ => self.refused(reply),
        };
        answer.status = final_status(reply.status);
        if matches!(answer.status, 204 | 304) {
            answer.body.clear();
        }
        self.warn(reply, &mut answer);
        identify(self.seen.api().kind, self.seen.ids, error_type, &mut answer);
        if self.shows_trace(reply) {
            answer.push(TRACE_ID, self.seen.ids.trace(self.seen.wall));
        }
        deliver(self.endpoint(), self.seen.ids, &mut answer);
        if self.seen.request.head.method() == "HEAD" { answer.without_body() } else { answer }
    }

    fn endpoint(&self) -> Endpoint {
        match self.seen.api().kind {
            ApiKind::Rest => self.seen.api_model().endpoint,
            // Always regional (facts, section 1).
            ApiKind::Http => Endpoint::Regional,
        }
    }

    fn face(&self) -> Option<&'a RouteFace> {
        self.seen.front.route(self.seen.to.route?)
    }

    /// The integration's answer, or the one that was kept.
    fn served(&mut self, reply: &Reply) -> Answer {
        if let CacheUse::Hit(_) = reply.cache {
            match (self.hit.take(), self.seen.to.route) {
                (Some(kept), _) => return Answer::clone(&kept),
                // Whoever it was first made for left before it could be kept: it is made again.
                (None, Some(route)) => {
                    self.integrate(route);
                }
                (None, None) => {}
            }
        }
        let mut answer = match (self.made.take(), self.face()) {
            (Some(made), _) => made,
            (None, Some(RouteFace { integration: IntegrationFace::Constant(constant), .. })) => constant.answer(),
            (None, _) => Answer::default(),
        };
        if let Some(sharing) = self.sharing() {
            sharing.share(&self.seen.request.head, &mut answer);
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
        let kind = self.seen.api().kind;
        let Some(refusal) = refusal(kind, reply.reason, reply.status, self.fault.as_ref()) else {
            return (Answer::default(), None);
        };
        let mut answer = Answer::new(reply.status, refusal.body);
        if let Some(content_type) = refusal.content_type {
            answer.push("Content-Type", content_type);
        }
        if let (ApiKind::Rest, Some(response)) = (kind, refusal.response_type) {
            self.customise(response, reply, &mut answer);
        }
        (answer, refusal.error_type)
    }

    fn customise(&self, response: sluicegate_policy::model::ResponseType, reply: &Reply, answer: &mut Answer) {
        let deployment = self.seen.to.arrival.deployment.and_then(|id| self.seen.front.deployment(usize::from(id.0)));
        let built_in = ApiKind::Rest.status_of(reply.reason);
        let Some(custom) = deployment.and_then(|deployment| deployment.customised.of(response, built_in)) else { return };
        let context = Context { seen: self.seen, fault: self.fault.as_ref(), reply: Some(reply), told: None };
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

    /// A client that wanted an entry made anew and may not is warned (developer guide, "Invalidate an API Gateway cache entry").
    fn warn(&self, reply: &Reply, answer: &mut Answer) {
        let Some(cache) = self.seen.stage().and_then(|stage| stage.cache.as_ref()) else { return };
        let ignored = cache.invalidation == Invalidation::IgnoredWithWarning && reply.cache != CacheUse::None;
        if ignored && self.freshness() == Freshness::Anew {
            answer.push("Warning", "199 Cache-control headers were ignored because the caller was unauthorized.");
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
                IntegrationFace::Mapped(_) | IntegrationFace::Real => true,
            })
    }

    fn run(&mut self, template: &Template, body: &str) -> Result<String, RenderError> {
        let context = Context { seen: self.seen, fault: None, reply: None, told: None };
        let params = self.seen.parameters();
        let mut scope = Scope {
            body,
            params: &params,
            context: &context,
            stage_variables: self.seen.stage_variables(),
            overrides: std::mem::take(&mut self.overrides),
            limits: Limits::default(),
        };
        let rendered = template.render(&mut scope);
        self.overrides = scope.overrides;
        rendered
    }

    /// The body after the request template.
    fn map_request(&mut self, mapping: &Compiled) -> Result<(), Mapped> {
        let body = self.seen.body();
        match mapping.request(self.seen.header("content-type")) {
            mapping::Request::Unsupported => return Err(Mapped::UnsupportedMediaType),
            mapping::Request::Unchanged => self.transformed = None,
            mapping::Request::Template(template) => {
                let rendered = self.run(template, &body).map_err(|_| Mapped::Misconfigured)?;
                self.transformed = Some(rendered);
            }
        }
        Ok(())
    }

    /// The answer of a mock integration: the status that the request template says chooses the response, which maps an empty body.
    fn mock(&mut self, mapping: &Compiled) -> Result<Answer, Mapped> {
        self.map_request(mapping)?;
        let said = self.transformed.as_deref().map_or_else(|| mock::status_code(&self.seen.body()), mock::status_code);
        let said = said.ok_or(Mapped::Misconfigured)?.to_string();
        let response = mapping.response(&said).ok_or(Mapped::Misconfigured)?;
        self.map_response(response, Backend { headers: &[], body: "" }).map_err(|_| Mapped::Misconfigured)
    }

    fn map_response(&mut self, response: &mapping::Response, backend: Backend<'_>) -> Result<Answer, RenderError> {
        let body = match response.templates.accepted(self.seen.header("accept")) {
            Some(template) => self.run(template, backend.body)?,
            None => backend.body.to_owned(),
        };
        let mut answer = Answer::new(response.status, body);
        answer.push("Content-Type", mapping::JSON);
        let context = Context { seen: self.seen, fault: None, reply: None, told: None };
        let (params, body) = (self.seen.parameters(), self.seen.body());
        let of = Surroundings {
            params: &params,
            context: &context,
            stage_variables: self.seen.stage_variables(),
            body: &body,
            backend: Some(backend),
        };
        for (name, expression) in &response.headers {
            if let Some(value) = expression.value(&of) {
                answer.set_made(name, &value);
            }
        }
        self.override_response(&mut answer);
        Ok(answer)
    }

    /// What templates set below `$context.responseOverride`. A status counts only as a whole number from 100 to 599.
    fn override_response(&self, answer: &mut Answer) {
        if let Some(Tree::Int(status @ 100..600)) = self.overrides.at(&["responseOverride", "status"]) {
            answer.status = *status as u16;
        }
        if let Some(Tree::Map(headers)) = self.overrides.at(&["responseOverride", "header"]) {
            for (name, value) in headers.iter() {
                answer.set_made(name, &value.to_text());
            }
        }
    }

    /// What always is the same, after the parameter mapping of an HTTP API.
    fn constant(&mut self, constant: &Constant, face: &RouteFace) -> Content {
        let status = final_status(constant.status);
        if !face.responses.concerns(status) {
            return Content { status, bytes: constant.body.len() as u64 };
        }
        let mut answer = constant.answer();
        answer.status = status;
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let body = String::from_utf8_lossy(&constant.body);
        let context = Context { seen: self.seen, fault: None, reply: None, told: None };
        let params = self.seen.parameters();
        let backend = Backend { headers: &headers, body: &body };
        let stage_variables = self.seen.stage_variables();
        face.responses.apply(&mut answer, &Sources { params: &params, context: &context, stage_variables, backend });
        self.keep(answer)
    }

    fn keep(&mut self, answer: Answer) -> Content {
        let content = Content { status: final_status(answer.status), bytes: answer.body.len() as u64 };
        self.made = Some(answer);
        content
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

    fn integrate(&mut self, route: RouteId) -> Mapped {
        let Some(face) = self.seen.front.route(route) else { return Mapped::Misconfigured };
        match &face.integration {
            IntegrationFace::Constant(constant) => Mapped::Answer(self.constant(constant, face)),
            IntegrationFace::Mock(mapping) => match self.mock(mapping) {
                Ok(answer) => Mapped::Answer(self.keep(answer)),
                Err(failed) => failed,
            },
            IntegrationFace::Mapped(mapping) => match self.map_request(mapping) {
                Ok(()) => Mapped::Answer(Content::default()),
                Err(failed) => failed,
            },
            IntegrationFace::Real => Mapped::Answer(Content::default()),
        }
    }
}

impl Constant {
    fn answer(&self) -> Answer {
        // Room for the ids and the trace, too.
        let mut headers = Vec::with_capacity(5);
        headers.push((Cow::Borrowed("Content-Type"), Cow::Borrowed(self.content_type)));
        Answer { status: self.status, headers, body: self.body.clone() }
    }
}

/// A status that no final answer can carry (1xx, or above 999) is the integration's mistake, as the real gateway sees it.
const fn final_status(status: u16) -> u16 {
    if matches!(status, 200..=999) { status } else { 500 }
}
