//! One builder for all of these tests: a model, and what it answers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_policy::call::{Arrival, CacheUse, CallId, EntryId, Evidence, Mapped, Purpose, Reason, Release, Reply, Timing};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Api, ApiKind, DeploymentId, Function, FunctionId, Integration, Mapping, MockIntegration, Model, Response, ResponseRule,
    Route, RouteId, Scaling,
};
use sluicegate_policy::routing::{Doors, Router};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use crate::answer::Answer;
use crate::context::Told;
use crate::examined::{Addressed, Examined};
use crate::front::Front;
use crate::request::{Head, Request};
use crate::vtl::Lookup;

/// 2026-09-20T05:04:03.250Z.
pub(crate) const WALL: Span = Span::from_ms(1_789_880_643_250);

/// A model and how it is asked.
pub(crate) struct Door {
    pub(crate) model: Model,
    pub(crate) release: Release,
}

/// A request.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
    /// Length of a body that was too long to be kept.
    pub(crate) body_bytes: Option<u64>,
    /// What the policy decides, unless it depends on the evidence.
    pub(crate) reason: Option<Reason>,
    pub(crate) cache: CacheUse,
}

impl Door {
    pub(crate) fn new(kind: ApiKind, routes: &[(&str, Integration)]) -> Self {
        let route = |(key, integration): &(&str, Integration)| {
            let (method, path) = key.split_once(' ').unwrap_or(("", key));
            Route::new(DeploymentId(0), Some(method).filter(|method| !method.is_empty()), path, integration.clone())
        };
        let mut model = Model::of(Api::new(kind, "a1b2c3d4e5"), &["prod"], routes.iter().map(route).collect());
        model.functions.push(function(200, r#"{"from":"function"}"#));
        Self { model, release: Release::Base }
    }

    pub(crate) fn get(kind: ApiKind, integration: Integration) -> Self {
        Self::new(kind, &[("GET /pets/{id}", integration)])
    }

    pub(crate) fn front(&self) -> Front {
        Front::new(Arc::new(self.model.clone()), Seed::new(1)).unwrap()
    }

    /// The answer to a request, as the policy would have it.
    pub(crate) fn answer(&self, method: &str, ask: Ask<'_>) -> Answer {
        self.told(method, ask, |answer, _| answer.clone())
    }

    /// What `$context` says after the answer; `-` where it says nothing.
    pub(crate) fn says(&self, method: &str, ask: Ask<'_>, names: &[&str]) -> Vec<String> {
        self.told(method, ask, |_, context| {
            names.iter().map(|name| context.get(name).map_or_else(|| "-".to_owned(), std::borrow::Cow::into_owned)).collect()
        })
    }

    /// What is found in a request by looking at it, before anything is decided.
    pub(crate) fn look<T>(&self, method: &str, ask: Ask<'_>, look: impl FnOnce(&mut Examined<'_>) -> T) -> T {
        let target = if ask.target.is_empty() { "/prod/pets/7" } else { ask.target };
        let headers = ask.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let head = Head::new(method, target, headers);
        let body = Bytes::copy_from_slice(ask.body.as_bytes());
        self.look_at(&Request { head, body, source: IpAddr::V4(Ipv4Addr::LOCALHOST), secured: None }, look)
    }

    pub(crate) fn look_at<T>(&self, request: &Request, look: impl FnOnce(&mut Examined<'_>) -> T) -> T {
        let front = self.front();
        let to = self.addressed(&front, request);
        let ids = front.ids(0, to.arrival.api, &request.head);
        look(&mut front.examine(request, to, &ids, WALL))
    }

    fn told<T>(&self, method: &str, ask: Ask<'_>, tell: impl FnOnce(&Answer, &dyn Lookup) -> T) -> T {
        self.look(method, ask, |examined| self.tell(examined, ask, tell))
    }

    /// The answer to a request that was looked at, and what `$context` says after it.
    pub(crate) fn tell<T>(&self, examined: &mut Examined<'_>, ask: Ask<'_>, tell: impl FnOnce(&Answer, &dyn Lookup) -> T) -> T {
        let reply = self.reply(examined, &ask);
        let answer = examined.answer(&reply);
        let told = Told {
            reply: &reply,
            answer: &answer,
            sent_bytes: answer.body.len() as u64,
            body_bytes: ask.body_bytes.unwrap_or(ask.body.len() as u64),
            latency: Span::from_us(1_600),
        };
        let context = examined.context(&told);
        tell(&answer, &context)
    }

    pub(crate) fn addressed<'r>(&self, front: &Front, request: &'r Request) -> Addressed<'r> {
        let doors = Doors::new(&self.model);
        let host = request.head.header("host").and_then(|host| str::from_utf8(host).ok());
        let entered = doors.enter(sluicegate_policy::model::ApiId(0), host, request.head.path());
        let stage = entered.stage.map(|id| &self.model.stages[usize::from(id.0)]);
        let deployment = stage.map(|stage| stage.deployment);
        let arrival = Arrival { number: 0, api: entered.api, stage: entered.stage, deployment, release: self.release };
        let method = front.method(entered.api, &request.head);
        let route = deployment.and_then(|id| Router::new(&self.model, id).in_stage(method, entered.path));
        Addressed { arrival, route, path: entered.path, link: None }
    }

    /// What the gateway's checks that matter here would decide.
    fn reply(&self, examined: &mut Examined<'_>, ask: &Ask<'_>) -> Reply {
        let call = examined.call(CallId(0));
        let (reason, status) = match ask.reason {
            Some(reason) => (reason, 0),
            None if call.purpose == Purpose::Preflight && self.has_cors() => (Reason::Preflight, 0),
            None => checked(examined, call.route, ask),
        };
        let api = &self.model.apis[0];
        let own = call.arrival.deployment.map(|id| self.model.deployments[usize::from(id.0)].status_of(api, reason));
        let status = if status == 0 { own.unwrap_or(api.status_of(reason)) } else { status };
        Reply {
            call: call.id,
            at: Instant::ZERO,
            status,
            reason,
            arrival: call.arrival,
            route: call.route,
            purpose: Purpose::Answer,
            fan_out: None,
            authorization: sluicegate_policy::call::AuthorizationUse::None,
            cache: ask.cache,
            warning: None,
            timing: Timing::default(),
        }
    }

    fn has_cors(&self) -> bool {
        self.model.deployments[0].cors.is_some()
    }
}

/// What becomes of a request that nothing refused before.
fn checked(examined: &mut Examined<'_>, route: Option<RouteId>, ask: &Ask<'_>) -> (Reason, u16) {
    let Some(route) = route else { return (Reason::NoRoute, 0) };
    if let CacheUse::Hit(entry) = ask.cache {
        examined.on_hit(entry);
        return (Reason::Served, 200);
    }
    if let Err(invalid) = examined.examine(route) {
        return (Reason::Invalid(invalid), 0);
    }
    match examined.integrate(route) {
        Mapped::Answer(content) => (Reason::Served, content.status),
        Mapped::UnsupportedMediaType => (Reason::UnsupportedMediaType, 0),
        Mapped::Misconfigured => (Reason::Misconfigured, 0),
    }
}

/// A function that answers this.
pub(crate) fn function(status: u16, body: &str) -> Function {
    Function {
        name: "orders".to_owned(),
        memory_mb: 128,
        duration: Latency::constant(Span::ZERO),
        cold_start: Latency::constant(Span::ZERO),
        failures: 0.0,
        concurrency: None,
        keep_alive: Latency::constant(Span::ZERO),
        scaling: Scaling::default(),
        response: Response { status, body: body.to_owned() },
        echoes: false,
        uses: None,
        code: sluicegate_policy::model::Code::Modelled,
    }
}

pub(crate) fn lambda() -> Integration {
    Integration::lambda(FunctionId(0), Span::from_secs(29))
}

/// A mock integration with these request and response templates for JSON.
pub(crate) fn mapped(request: &str, responses: &[ResponseRule]) -> Integration {
    Integration::Mock(MockIntegration::Mapped(Mapping {
        requests: json(request),
        responses: responses.to_vec(),
        ..Mapping::default()
    }))
}

/// An integration response.
pub(crate) fn rule(pattern: Option<&str>, status: u16, headers: &[(&str, &str)], template: Option<&str>) -> ResponseRule {
    ResponseRule {
        pattern: pattern.map(str::to_owned),
        status,
        headers: pairs(headers),
        templates: template.map_or_else(Vec::new, json),
        ..ResponseRule::default()
    }
}

pub(crate) fn json(text: &str) -> Vec<(String, String)> {
    pairs(&[("application/json", text)])
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn names(answer: &Answer) -> Vec<&str> {
    answer.headers.iter().map(|(name, _)| &**name).collect()
}

pub(crate) fn text(answer: &Answer) -> &str {
    str::from_utf8(&answer.body).unwrap()
}

pub(crate) const ENTRY: EntryId = EntryId(1);
