//! A request on its way through the mapping of its route, and the answer on its way back.
//!
//! Owns the order of the steps: request template, integration response, headers, response template, overrides. Refuses to choose
//! among templates and responses ([`mapping`](crate::mapping)). Called when the gateway asks for the integration, and once more
//! when something real has answered.

use bytes::Bytes;
use sluicegate_policy::call::{Content, Mapped};
use sluicegate_policy::model::{ApiKind, ContentHandling};

use super::Examined;
use crate::answer::{Answer, final_status};
use crate::backend::hop;
use crate::content::{self, Form, Undecodable};
use crate::context::Context;
use crate::expression::{Backend, Surroundings};
use crate::front::{Constant, RouteFace};
use crate::mapping::{self, Compiled};
use crate::mock;
use crate::parameter_mapping::Sources;
use crate::vtl::{Limits, RenderError, Scope, Template, Tree};

impl Examined<'_> {
    fn run(&mut self, template: &Template, body: &str) -> Result<String, RenderError> {
        let context = Context { seen: self.seen, fault: None, reply: None, told: None, granted: self.granted.as_ref() };
        let params = self.seen.parameters();
        let mut scope = Scope {
            body,
            params: &params,
            context: &context,
            stage_variables: self.seen.stage_variables(),
            overrides: std::mem::take(&mut self.overrides),
            unset: self.seen.api_model().unconfirmed.unset_variable,
            limits: Limits::default(),
        };
        let rendered = template.render(&mut scope);
        self.overrides = scope.overrides;
        rendered
    }

    /// The body after the request template.
    pub(super) fn map_request(&mut self, mapping: &Compiled) -> Result<(), Mapped> {
        let chosen = mapping.request(self.seen.header("content-type"));
        if matches!(chosen, mapping::Request::Unsupported) {
            return Err(Mapped::UnsupportedMediaType);
        }
        let body = self.incoming(mapping.content_handling).map_err(|Undecodable| Mapped::Misconfigured)?;
        self.transformed = match chosen {
            mapping::Request::Template(template) => {
                let rendered = self.run(template, &content::for_template(&body));
                Some(rendered.map_err(|_| Mapped::Misconfigured)?)
            }
            mapping::Request::Unchanged | mapping::Request::Unsupported => None,
        };
        self.converted = Some(body);
        Ok(())
    }

    /// The body of the request as its integration takes it, before any template.
    fn incoming(&self, handling: ContentHandling) -> Result<Bytes, Undecodable> {
        let body = &self.seen.request.body;
        if self.seen.api().kind == ApiKind::Http {
            return Ok(body.clone());
        }
        let of = Form::binary_if(self.seen.api().binary.holds(self.seen.header("content-type")));
        content::incoming(body, of, handling)
    }

    /// What goes to the integration: what the template made, else the converted body.
    pub(super) fn integration_body(&self) -> Bytes {
        match (&self.transformed, &self.converted) {
            (Some(text), _) => text.clone().into(),
            (None, Some(converted)) => converted.clone(),
            // A proxy has no mapping; by its type alone every body can be converted.
            (None, None) => self.incoming(ContentHandling::ByType).unwrap_or_else(|Undecodable| self.seen.request.body.clone()),
        }
    }

    /// The body of an integration's answer as the client takes it, before any template.
    pub(super) fn outgoing(
        &self,
        body: &Bytes,
        content_type: Option<&str>,
        handling: ContentHandling,
    ) -> Result<Bytes, Undecodable> {
        let api = self.seen.api();
        if api.kind == ApiKind::Http {
            return Ok(body.clone());
        }
        let of = Form::binary_if(api.binary.holds(content_type));
        let accepted = Form::binary_if(api.binary.accepts(self.seen.header("accept")));
        content::outgoing(body, of, accepted, handling)
    }

    /// The answer of a mock integration: the status that the request template says chooses the response, which maps an empty body.
    pub(super) fn mock(&mut self, mapping: &Compiled) -> Result<Answer, Mapped> {
        self.map_request(mapping)?;
        let said = self.transformed.as_deref().map_or_else(|| mock::status_code(&self.seen.body()), mock::status_code);
        let said = said.ok_or(Mapped::Misconfigured)?.to_string();
        let response = mapping.response(&said).ok_or(Mapped::Misconfigured)?;
        self.map_response(response, Backend { headers: &[], body: "" }, &Bytes::new()).map_err(|_| Mapped::Misconfigured)
    }

    /// The answer that an integration response makes of what is behind; without a template its bytes pass as they are.
    pub(super) fn map_response(
        &mut self,
        response: &mapping::Response,
        backend: Backend<'_>,
        bytes: &Bytes,
    ) -> Result<Answer, RenderError> {
        let body = match response.templates.accepted(self.seen.header("accept")) {
            Some(template) => self.run(template, backend.body)?.into(),
            None => bytes.clone(),
        };
        let mut answer = Answer::new(response.status, body);
        answer.push("Content-Type", mapping::JSON);
        let context = Context { seen: self.seen, fault: None, reply: None, told: None, granted: self.granted.as_ref() };
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
        hop::remap(&mut answer);
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
    pub(super) fn constant(&mut self, constant: &Constant, face: &RouteFace) -> Content {
        let status = final_status(constant.status);
        if !face.responses.concerns(status) {
            return Content { status, bytes: constant.body(self.seen.request).len() as u64 };
        }
        let mut answer = constant.answer(self.seen.request);
        answer.status = status;
        self.map_parameters(&mut answer, face);
        self.keep(answer)
    }

    /// An answer of an HTTP API after the parameter mapping of its route.
    pub(super) fn map_parameters(&self, answer: &mut Answer, face: &RouteFace) {
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let body = answer.body.clone();
        let body = String::from_utf8_lossy(&body);
        let context = Context { seen: self.seen, fault: None, reply: None, told: None, granted: self.granted.as_ref() };
        let params = self.seen.parameters();
        let backend = Backend { headers: &headers, body: &body };
        let stage_variables = self.seen.stage_variables();
        face.responses.apply(answer, &Sources { params: &params, context: &context, stage_variables, backend });
    }

    pub(super) fn keep(&mut self, answer: Answer) -> Content {
        let content = Content { status: final_status(answer.status), bytes: answer.body.len() as u64 };
        self.made = Some(answer);
        content
    }
}
