//! What is known of a request from the start, and where each of it stands.
//!
//! Owns the look-ups that answers, templates and logs share. Refuses to change anything: it is copied freely. Made by
//! [`Examined`](crate::examined::Examined).

use std::borrow::Cow;

use sluicegate_policy::call::{Credential, Release};
use sluicegate_policy::model::{Api, Deployment, Domain, KeySource, Route, Stage};
use sluicegate_policy::time::Span;

use crate::authorizer::Granted;
use crate::examined::Addressed;
use crate::front::Front;
use crate::ids::CallIds;
use crate::naming::ApiNames;
use crate::parameters::Parameters;
use crate::request::Request;

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
        self.front.naming().api(self.to.arrival.api)
    }

    pub(crate) fn api_model(&self) -> &'a Api {
        let apis = &self.front.model().apis;
        apis.get(usize::from(self.to.arrival.api.0)).unwrap_or(&apis[0])
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
        self.front.model().domains.iter().find(|domain| domain.is(host))
    }

    /// The method that routed it.
    pub(crate) fn method(&self) -> &'a str {
        self.front.method(self.to.arrival.api, &self.request.head)
    }

    /// The API key that it brought, or that its authorizer names.
    pub(crate) fn credential(&self, granted: Option<&Granted>) -> Credential {
        if !self.front.has_keys() {
            return Credential::Absent;
        }
        if self.api_model().key_source == KeySource::Authorizer {
            if let Some(granted) = granted {
                return granted.key;
            }
            let named = self.to.route.and_then(|route| self.front.model().authorization(route));
            return named.and_then(|(_, authorizer)| authorizer.api_key()).map_or(Credential::Absent, Credential::Key);
        }
        self.request.head.header("x-api-key").map_or(Credential::Absent, |offered| self.front.credential(offered))
    }

    pub(crate) fn stage_variables(&self) -> &'a [(String, String)] {
        match (self.to.arrival.stage, self.to.arrival.release) {
            (Some(stage), Release::Canary) => self.front.canary_variables(stage),
            (_, Release::Base | Release::Canary) => self.stage().map_or(&[], |stage| &stage.variables),
        }
    }

    pub(crate) fn parameters(&self) -> Parameters<'a> {
        let pattern = self.route().map_or("", |route| &route.path);
        Parameters { kind: self.api().kind, head: &self.request.head, pattern, path: self.to.path }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.request.head.header(name).and_then(|value| str::from_utf8(value).ok())
    }

    pub(crate) fn body(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(&self.request.body)
    }
}
