//! Stand-in until the renderer's front is there.

use std::sync::Arc;

use http::HeaderMap;
use sluicegate_policy::call::{Arrival, Call, CallId, Credential, EntryId, Evidence, Freshness, Invalid, Mapped, Purpose, Reply};
use sluicegate_policy::gateway::Plain;
use sluicegate_policy::model::{ApiId, ApiKind, Model, RouteId};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;
use sluicegate_render::answer::Answer;
use sluicegate_render::request::{Head, Request};

use crate::render::Renderer;
pub(crate) use crate::request_id::CallIds;
use crate::request_id::IdSource;

pub(crate) struct Front {
    model: Arc<Model>,
    renderer: Renderer,
    ids: IdSource,
}

#[derive(Debug, thiserror::Error)]
#[error("no front")]
pub struct FrontError;

pub(crate) struct Addressed<'a> {
    pub(crate) api: ApiId,
    pub(crate) arrival: Arrival,
    pub(crate) route: Option<RouteId>,
    pub(crate) path: &'a str,
}

pub(crate) struct Examined<'a> {
    front: &'a Front,
    request: &'a Request,
    to: Addressed<'a>,
    ids: &'a CallIds,
    wall: Span,
}

impl Front {
    pub(crate) fn new(model: Arc<Model>, seed: Seed) -> Result<Self, FrontError> {
        Ok(Self { renderer: Renderer::new(&model), ids: IdSource::new(seed, model.apis[0].kind), model })
    }

    pub(crate) fn method<'h>(&self, api: ApiId, head: &'h Head) -> &'h str {
        let rest = self.model.apis[usize::from(api.0)].kind == ApiKind::Rest;
        let named = head.header("x-http-method-override").filter(|_| rest);
        named.and_then(|method| std::str::from_utf8(method).ok()).unwrap_or(head.method())
    }

    pub(crate) fn ids(&self, number: u64, _: ApiId, head: &Head) -> CallIds {
        self.ids.ids(number, head.header("x-amzn-requestid"))
    }

    pub(crate) fn examine<'a>(&'a self, request: &'a Request, to: Addressed<'a>, ids: &'a CallIds, wall: Span) -> Examined<'a> {
        Examined { front: self, request, to, ids, wall }
    }

    pub(crate) fn identify(&self, _: ApiId, ids: &CallIds, answer: &mut Answer) {
        for (name, value) in self.renderer.identity(ids) {
            answer.push(name, value);
        }
    }

    pub(crate) fn keep(&self, _: EntryId, _: &Answer) {}

    pub(crate) fn forget(&self, _: EntryId) {}
}

impl Evidence for Examined<'_> {
    fn examine(&mut self, route: RouteId) -> Result<(), Invalid> {
        Plain(&self.front.model).examine(route)
    }

    fn cache_key(&mut self, route: RouteId, key: &mut Vec<u8>) -> Freshness {
        Plain(&self.front.model).cache_key(route, key)
    }

    fn on_hit(&mut self, _: EntryId) {}

    fn integrate(&mut self, route: RouteId) -> Mapped {
        Plain(&self.front.model).integrate(route)
    }
}

impl Examined<'_> {
    pub(crate) fn call(&self, id: CallId) -> Call {
        let mut size = self.request.head.size();
        size.body = self.request.body.len() as u64;
        let _ = self.to.path;
        let key = self.request.head.header("x-api-key").map_or(Credential::Absent, |value| {
            let of = |key: &sluicegate_policy::model::ApiKey| key.value.as_bytes() == value;
            self.front
                .model
                .keys
                .iter()
                .position(of)
                .map_or(Credential::Unknown, |at| Credential::Key(sluicegate_policy::model::KeyId(at as u16)))
        });
        Call { id, arrival: self.to.arrival, route: self.to.route, purpose: Purpose::Answer, key, size }
    }

    pub(crate) fn answer(&mut self, reply: &Reply) -> Answer {
        let response = self.front.renderer.render(reply, self.ids, self.wall);
        let mut answer = Answer::new(response.status().as_u16(), response.body().clone());
        let _: &HeaderMap = response.headers();
        let _ = self.to.api;
        for (name, value) in response.headers() {
            answer.push(name.as_str().to_owned(), value.to_str().unwrap_or("").to_owned());
        }
        answer
    }
}
