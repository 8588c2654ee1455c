//! A request on its way to an HTTP back end or a service, and its answer on its way to the client.
//!
//! Owns what both are made of. Refuses URLs and header rules ([`backend`](crate::backend)) and to send. Asked by whoever performs
//! the integration, in the place of the gateway.

use sluicegate_policy::call::{Content, Mapped, Outcome};
use sluicegate_policy::model::{ApiKind, ContentHandling};

use super::Examined;
use crate::answer::Answer;
use crate::backend::hop::{self, Hop};
use crate::backend::{BackendRequest, BackendResponse, HttpFace, Parts};
use crate::content;
use crate::context::Context;
use crate::expression::{Backend, Surroundings};
use crate::front::IntegrationFace;
use crate::identification::TRACE_ID;
use crate::mapping;
use crate::naming::ACCOUNT_ID;
use crate::service::{Asks, ServiceFace, SignedFor};
use crate::vtl::{ParamKind, Params as _, Tree};

impl<'a> Examined<'a> {
    /// The request to the back end of its route; `None` if that has none that speaks HTTP. To be asked after the gateway has had
    /// the request mapped.
    pub fn backend_request(&self) -> Option<BackendRequest> {
        let (http, asks) = self.behind()?;
        let seen = self.seen;
        let context = Context { seen, fault: None, reply: None, told: None, granted: self.granted.as_ref() };
        let (params, body) = (seen.parameters(), seen.body());
        let of = Surroundings {
            params: &params,
            context: &context,
            stage_variables: seen.stage_variables(),
            body: &body,
            backend: None,
        };
        let own = self.own_headers(http.hop, asks.is_some());
        if let Some(Asks::FirstClass(first)) = asks {
            let mut request = first.request(seen.to.path, &of);
            request.headers.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
            return Some(request);
        }
        let head = &seen.request.head;
        let path = params.all(ParamKind::Path);
        let mut request = http.request(Parts {
            of,
            method: seen.method(),
            headers: head
                .headers()
                // A signature is the gateway's own business (facts, section 1.2).
                .filter(|(name, value)| !(name.eq_ignore_ascii_case("authorization") && value.starts_with(b"AWS4-")))
                .map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
                .collect(),
            query: head.query().unwrap_or(""),
            path,
            overrides: ["header", "querystring", "path"].map(|part| self.request_overrides(part)),
            own,
            content_type: asks.and_then(Asks::content_type),
            api: &seen.api().id,
            body: self.integration_body(),
        });
        request = http.in_stage(request, seen.stage().map_or("$default", |stage| &stage.name));
        if let Some(asks) = asks {
            asks.complete(&mut request, &http.filling(&of), seen.stage_variables());
        }
        self.face()?.requests.apply(&mut request, seen.to.path, &of);
        Some(request)
    }

    /// What the back end's answer makes of the integration; the answer itself follows when the gateway has decided.
    pub fn on_backend(&mut self, response: &BackendResponse) -> Outcome {
        let Some((http, _)) = self.behind() else { return Outcome::Misconfigured };
        let answer = match &http.mapping {
            Some(mapping) => self.mapped_answer(mapping, response),
            None => self.proxied_answer(http.hop, response),
        };
        answer.map_or(Outcome::Misconfigured, |answer| Outcome::Answered { content: self.keep(answer) })
    }

    /// What is known of the answer before anybody is asked: what a modelled target says.
    pub(super) fn before_back_end(&mut self, http: &HttpFace) -> Mapped {
        let Some(response) = &http.modelled else { return Mapped::Answer(Content::default()) };
        match self.on_backend(response) {
            Outcome::Answered { content } => Mapped::Answer(content),
            Outcome::Unreachable | Outcome::Misconfigured => Mapped::Misconfigured,
        }
    }

    /// What a signature over the request is good for; `None` if it is not signed, because no service answers.
    pub fn signed_for(&self) -> Option<SignedFor> {
        let IntegrationFace::Service(ServiceFace { service, region, asks, .. }) = &self.face()?.integration else { return None };
        let seen = self.seen;
        let context = Context { seen, fault: None, reply: None, told: None, granted: self.granted.as_ref() };
        let (params, body) = (seen.parameters(), seen.body());
        let stage_variables = seen.stage_variables();
        let of = Surroundings { params: &params, context: &context, stage_variables, body: &body, backend: None };
        let chosen = match asks {
            Asks::Request { .. } => None,
            Asks::FirstClass(first) => first.region(seen.to.path, &of),
        };
        Some(SignedFor { service: *service, region: chosen.unwrap_or_else(|| region.clone()) })
    }

    /// What answers over the network, and how it is asked if it is a service.
    fn behind(&self) -> Option<(&'a HttpFace, Option<&'a Asks>)> {
        match &self.face()?.integration {
            IntegrationFace::Http(http) => Some((http, None)),
            IntegrationFace::Service(ServiceFace { http, asks, .. }) => Some((http, Some(asks))),
            IntegrationFace::Constant(_)
            | IntegrationFace::Mock(_)
            | IntegrationFace::Function(_)
            | IntegrationFace::Misconfigured => None,
        }
    }

    /// The integration response for the back end's status, and what its mapping makes of the answer.
    fn mapped_answer(&mut self, mapping: &mapping::Compiled, response: &BackendResponse) -> Option<Answer> {
        let rule = mapping.response(&response.status.to_string())?;
        let bytes = self.outgoing(&response.body, response.header("content-type"), rule.content_handling).ok()?;
        let body = content::for_template(&bytes);
        let backend = Backend { headers: &response.headers, body: &body };
        self.map_response(rule, backend, &bytes).ok()
    }

    fn proxied_answer(&self, hop: Hop, response: &BackendResponse) -> Option<Answer> {
        let body = self.outgoing(&response.body, response.header("content-type"), ContentHandling::ByType).ok()?;
        let mut answer = Answer::new(response.status, body);
        hop::response_headers(hop, &response.headers, &mut answer);
        if let Some(face) = self.face().filter(|face| face.responses.concerns(answer.status)) {
            self.map_parameters(&mut answer, face);
        }
        Some(answer)
    }

    fn request_overrides(&self, part: &str) -> Vec<(String, String)> {
        match self.overrides.at(&["requestOverride", part]) {
            Some(Tree::Map(map)) => map.iter().map(|(name, value)| (name.to_owned(), value.to_text())).collect(),
            _ => Vec::new(),
        }
    }

    /// What the gateway adds itself. Recorded of REST APIs; the `Forwarded` of an HTTP API is documented (facts, section 1.2), its
    /// spelling is RFC 7239's.
    fn own_headers(&self, hop: Hop, is_service: bool) -> Vec<(&'static str, String)> {
        let seen = self.seen;
        let trace = (TRACE_ID, seen.ids.trace(seen.wall));
        let api = ("X-Amzn-Apigateway-Api-Id", seen.api().id.clone());
        let host = seen.header("host").unwrap_or("");
        let proto = if seen.request.secured.is_some() { "https" } else { "http" };
        match hop {
            Hop::RestMapped => vec![api, trace],
            // UNCONFIRMED, no source found: who asks, for the policy of the one who is asked.
            Hop::Service => vec![api, trace, ("X-Amz-Source-Arn", self.source_arn())],
            Hop::Http if is_service => vec![("User-Agent", format!("AmazonAPIGateway_{}", seen.api().id)), trace],
            Hop::RestProxy => {
                let before = seen.header("x-forwarded-for").map(|before| format!("{before}, ")).unwrap_or_default();
                let port =
                    host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
                let port = port.unwrap_or(if proto == "https" { "443" } else { "80" });
                vec![
                    api,
                    trace,
                    ("X-Forwarded-For", format!("{before}{}", seen.request.source)),
                    ("X-Forwarded-Port", port.to_owned()),
                    ("X-Forwarded-Proto", proto.to_owned()),
                ]
            }
            Hop::Http => {
                let source = match seen.request.source {
                    std::net::IpAddr::V4(address) => address.to_string(),
                    std::net::IpAddr::V6(address) => format!("\"[{address}]\""),
                };
                let hop = format!("by={};for={source};host={host};proto={proto}", seen.api().domain);
                let before = seen.header("forwarded").map(|before| format!("{before}, ")).unwrap_or_default();
                vec![("Forwarded", format!("{before}{hop}")), trace]
            }
        }
    }

    /// The ARN of the method.
    fn source_arn(&self) -> String {
        let seen = self.seen;
        let (region, stage) = (&seen.front.model().region, seen.stage().map_or("", |stage| &stage.name));
        let path = seen.route().map_or("", |route| &route.path);
        format!("arn:aws:execute-api:{region}:{ACCOUNT_ID}:{}/{stage}/{}{path}", seen.api().id, seen.method())
    }

    /// Whether the route's answers show a trace of the gateway's own: those of a proxied back end show that back end's, if any.
    pub(super) fn shows_own_trace(&self, http: &HttpFace) -> bool {
        self.seen.api().kind == ApiKind::Rest && matches!(http.hop, Hop::RestMapped | Hop::Service)
    }
}
