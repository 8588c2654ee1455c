//! What is behind a route: functions, fixed and mapped answers, HTTP back ends and services.
//!
//! Owns the references from routes to functions, and what each kind of API may have behind it. Refuses to reach anything.
//! Called by `routes`.

use sluicegate_policy::model::{
    ApiKind, BackEnd, Connection, FunctionId, HttpIntegration, Integration, LambdaIntegration, LinkId, Mapping, MockIntegration,
    ModelledBackEnd, Protocol, ResponseRule, Transfer,
};
use sluicegate_policy::time::Span;
use sluicegate_render::proof::{self, Position};

use super::authorizers::Referable;
use super::expression;
use super::functions::filled_answer;
use super::service::service_integration;
use super::services::{Claims, modelled};
use super::{not_of_http, of, only_rest, referred, texts};
use crate::config::problem::{Spot, quoted};
use crate::config::prove::filled;
use crate::config::raw::gateway::Texts;
use crate::config::raw::gateway::integration::{
    FunctionCall, HttpBackend, Integration as Raw, Lambda, Mapping as RawMapping, Mock, ResponseRule as RawRule,
};
use crate::config::raw::gateway::route::Route;
use crate::config::reader::{At, Reader};
use crate::config::value::{ContentHandling, Duration, Flag, Passthrough, StatusCode, Text};

/// The names of what all APIs of the account share.
#[derive(Clone, Copy)]
pub(super) struct SharedNames<'a> {
    pub(super) functions: &'a [String],
    /// Those of them that are invoked elsewhere.
    pub(super) elsewhere: &'a [String],
    /// Those of them that are real: invoked elsewhere, or run.
    pub(super) real: &'a [String],
    pub(super) services: &'a [String],
    pub(super) links: &'a [String],
}

/// What a route's integration is proven with.
#[derive(Clone, Copy)]
pub(super) struct Behind<'a> {
    pub(super) kind: ApiKind,
    pub(super) names: SharedNames<'a>,
    /// The API's authorizers.
    pub(super) authorizers: &'a Referable,
    /// The key path of the API: `gateway`, `apis.admin`.
    pub(super) section: &'a str,
}

/// The integration of a route.
pub(super) fn integration(route: &mut At<Route>, behind: Behind<'_>, reader: &mut Reader) -> Option<Integration> {
    let spot = route.spot.clone();
    let Route { integration: At { value: raw, spot: at }, timeout, map_request, .. } = &mut route.value;
    match raw {
        Raw::Mock(mock) => {
            if let Some(timeout) = timeout {
                reader.report_at(&timeout.spot, "a mock integration is never waited for; remove the timeout");
            }
            Some(Integration::Mock(mock_integration(mock, at, behind.kind, reader)))
        }
        Raw::Lambda(lambda) => {
            let timeout = waited(timeout, &spot, behind.kind, reader);
            lambda_integration(lambda, timeout, behind, reader)
        }
        Raw::Http(http) => {
            let timeout = waited(timeout, &spot, behind.kind, reader);
            http_integration(http, timeout, behind, reader).map(Integration::Http)
        }
        Raw::Service(service) => {
            if let Some(given) = map_request.as_ref().filter(|_| behind.kind == ApiKind::Http) {
                let what = "a first-class integration has parameters of its own; write them there, and remove this";
                reader.report_at(&given.spot, what);
            }
            let timeout = waited(timeout, &spot, behind.kind, reader);
            service_integration(service, timeout, behind, reader).map(Integration::Service)
        }
    }
}

fn lambda_integration(
    lambda: &mut Lambda,
    timeout: Option<Span>,
    behind: Behind<'_>,
    reader: &mut Reader,
) -> Option<Integration> {
    let call = match lambda {
        Lambda::Named(name) => return Some(Integration::lambda(function(name, behind.names.functions, reader)?, timeout?)),
        Lambda::Full(call) => call,
    };
    let spot = call.spot.clone();
    let call = &mut call.value;
    let function = function(&call.function, behind.names.functions, reader);
    if let Some(format) = call.payload_format.as_ref().filter(|_| behind.kind != ApiKind::Http) {
        let what = format!("{} has one payload format; remove this, or write api: http", of(behind.kind));
        reader.report_at(&format.spot, what);
    }
    let is_mapped = call.requests.is_some() || call.responses.is_some();
    let proxy = filled(&mut call.proxy, &spot, "proxy", || Flag(!is_mapped)).clone();
    let FunctionCall { parameters, requests, passthrough, content_handling, responses, stream, .. } = call;
    if let Some(parameters) = parameters.as_ref().filter(|_| behind.kind == ApiKind::Http) {
        reader
            .report_at(&parameters.spot, "a function gets the request of an HTTP API as it is; remove this, or write api: rest");
    }
    if let Some(stream) = stream.as_ref().filter(|stream| stream.value.0)
        && behind.names.elsewhere.contains(&call.function.value.0)
    {
        let what = "a function that is invoked elsewhere answers as a whole; remove this, or run it by a command";
        reader.report_at(&stream.spot, what);
    }
    let transfer = transfer(stream.as_ref(), &proxy, behind.kind, reader);
    let content_handling = content_handling.as_ref();
    let mut parts = Parts { requests: requests.as_ref(), parameters: parameters.as_ref(), content_handling, responses };
    let protocol = protocol(&mut parts, passthrough, (&proxy, &spot, behind.kind), reader);
    let method = method(call.method.as_ref(), reader);
    let payload = call.payload_format.as_ref().map(|format| format.value.into()).unwrap_or_default();
    Some(Integration::Lambda(LambdaIntegration { function: function?, payload, protocol, method, transfer, timeout: timeout? }))
}

/// How an answer comes to the client (developer guide, "Stream the integration response for your proxy integrations in API Gateway", 2026).
fn transfer(stream: Option<&At<Flag>>, proxy: &At<Flag>, kind: ApiKind, reader: &mut Reader) -> Transfer {
    let Some(stream) = stream.filter(|stream| stream.value.0) else { return Transfer::Buffered };
    only_rest(kind, &stream.spot, "streamed answers", reader);
    if !proxy.value.0 {
        reader.report_at(&stream.spot, "only a proxy streams its answer; remove this, or the templates");
    }
    Transfer::Stream
}

fn function(name: &At<Text>, functions: &[String], reader: &mut Reader) -> Option<FunctionId> {
    let at = referred(&name.value.0, &name.spot, ("function", "gateway.functions"), functions, reader)?;
    Some(FunctionId(at as u16))
}

/// How long the gateway waits, with the default written in.
fn waited(slot: &mut Option<At<Duration>>, route: &Spot, kind: ApiKind, reader: &mut Reader) -> Option<Span> {
    timeout_in_bounds(filled(slot, route, "timeout", || Duration(kind.integration_timeout())), kind, reader)
}

/// 50 ms to 30 s for HTTP APIs; to 29 s for WebSocket APIs; to 29 s for REST APIs, more on request, for which a quarter of an hour is the end
/// (API Gateway developer guide, "Quotas", 2026; the streaming limit of 15 minutes is the highest that it names).
fn timeout_in_bounds(timeout: &At<Duration>, kind: ApiKind, reader: &mut Reader) -> Option<Span> {
    let longest = match kind {
        ApiKind::Http => Span::from_secs(30),
        ApiKind::Rest => Span::from_secs(900),
        ApiKind::WebSocket => Span::from_secs(29),
    };
    let span = timeout.value.0;
    if (Span::from_ms(50)..=longest).contains(&span) {
        return Some(span);
    }
    let what = format!("{span} is not a time that a gateway of this kind waits; write 50ms to {longest}");
    reader.report_at(&timeout.spot, what);
    None
}

fn mock_integration(mock: &mut Mock, spot: &Spot, kind: ApiKind, reader: &mut Reader) -> MockIntegration {
    match mock {
        Mock::Fixed(answer) => {
            let (status, body) = filled_answer(answer, spot, "");
            MockIntegration::Fixed { status, body }
        }
        Mock::Mapped(mapped) => {
            let spot = mapped.spot.clone();
            not_of_http(kind, &spot, "mapping templates", reader);
            let RawMapping { requests, passthrough, content_handling, parameters, responses } = &mut mapped.value;
            let content_handling = content_handling.as_ref();
            let mut parts = Parts { requests: requests.as_ref(), parameters: parameters.as_ref(), content_handling, responses };
            MockIntegration::Mapped(mapping(&mut parts, passthrough, &spot, reader))
        }
    }
}

/// The parts of a mapping, wherever they are written.
pub(super) struct Parts<'a> {
    pub(super) requests: Option<&'a At<Texts>>,
    pub(super) parameters: Option<&'a At<Texts>>,
    pub(super) content_handling: Option<&'a At<ContentHandling>>,
    pub(super) responses: &'a mut Option<Vec<At<RawRule>>>,
}

fn mapping(parts: &mut Parts<'_>, passthrough: &mut Option<At<Passthrough>>, spot: &Spot, reader: &mut Reader) -> Mapping {
    expression::parameters(parts.parameters, reader);
    expression::by_media_type(parts.requests, proof::template, reader);
    let rules = parts.responses.iter_mut().flatten();
    Mapping {
        parameters: texts(parts.parameters),
        requests: texts(parts.requests),
        passthrough: filled(passthrough, spot, "passthrough", || Passthrough::WhenNoMatch).value.into(),
        content_handling: parts.content_handling.map(|given| given.value.into()).unwrap_or_default(),
        responses: rules.map(|rule| response_rule(rule, reader)).collect(),
    }
}

fn response_rule(rule: &mut At<RawRule>, reader: &mut Reader) -> ResponseRule {
    let spot = rule.spot.clone();
    let rule = &mut rule.value;
    if let Some(pattern) = &rule.pattern {
        expression::proven(proof::pattern(&pattern.value.0), &pattern.spot, reader);
    }
    expression::headers(rule.headers.as_ref(), Position::Response, reader);
    expression::by_media_type(rule.templates.as_ref(), proof::template, reader);
    ResponseRule {
        // An empty pattern is the response for the rest, as none is (developer guide, "Set up integration responses", 2023).
        pattern: rule.pattern.as_ref().map(|pattern| pattern.value.0.clone()).filter(|pattern| !pattern.is_empty()),
        status: filled(&mut rule.status, &spot, "status", || StatusCode(200)).value.0,
        headers: texts(rule.headers.as_ref()),
        templates: texts(rule.templates.as_ref()),
        content_handling: rule.content_handling.as_ref().map(|given| given.value.into()).unwrap_or_default(),
    }
}

fn http_integration(
    http: &mut At<HttpBackend>,
    timeout: Option<Span>,
    Behind { kind, names, .. }: Behind<'_>,
    reader: &mut Reader,
) -> Option<HttpIntegration> {
    let spot = http.spot.clone();
    let http = &mut http.value;
    let connection = connection(http, names.links, reader);
    url(&http.url, matches!(connection, Connection::VpcLink(_)), reader);
    let is_mapped = http.requests.is_some() || http.responses.is_some();
    let proxy = filled(&mut http.proxy, &spot, "proxy", || Flag(!is_mapped)).clone();
    if kind == ApiKind::Http
        && let Some(parameters) = &http.parameters
    {
        reader.report_at(&parameters.spot, "an HTTP API maps parameters of the route; write map_request beside the integration");
    }
    let transfer = transfer(http.stream.as_ref(), &proxy, kind, reader);
    let HttpBackend { parameters, requests, passthrough, content_handling, responses, .. } = http;
    let content_handling = content_handling.as_ref();
    let mut parts = Parts { requests: requests.as_ref(), parameters: parameters.as_ref(), content_handling, responses };
    let protocol = protocol(&mut parts, passthrough, (&proxy, &spot, kind), reader);
    let back_end = back_end(http, &connection, &spot, reader);
    Some(HttpIntegration {
        protocol,
        method: method(http.method.as_ref(), reader),
        url: http.url.value.0.clone(),
        connection,
        back_end: back_end?,
        transfer,
        timeout: timeout?,
    })
}

/// Who answers: what is at the URL, or the model in its place.
fn back_end(http: &mut HttpBackend, connection: &Connection, spot: &Spot, reader: &mut Reader) -> Option<BackEnd> {
    let claimed = claimed(http, connection, spot, reader)?;
    let Some(given) = http.modelled.as_ref().filter(|given| given.value.0) else { return Some(BackEnd::Real(claimed)) };
    if claimed.is_none() {
        let what = match connection {
            Connection::Link(_) => "behind a private link its targets are modelled, each by its duration; remove this",
            Connection::Internet | Connection::VpcLink(_) => {
                "without its duration the model says nothing of it; add duration, or remove this"
            }
        };
        reader.report_at(&given.spot, what);
    }
    claimed.map(BackEnd::Modelled)
}

/// What the model says of a back end. Behind a private link that is described, it says it of the targets.
#[allow(clippy::option_option, reason = "that nothing is said is no problem")]
fn claimed(http: &mut HttpBackend, connection: &Connection, spot: &Spot, reader: &mut Reader) -> Option<Option<ModelledBackEnd>> {
    if let (Connection::Link(_), Some(duration)) = (connection, &http.duration) {
        let what = "behind a private link its targets answer, each in its own time; write this at the targets, or remove it";
        reader.report_at(&duration.spot, what);
        return None;
    }
    let HttpBackend { duration, failures, response, .. } = http;
    modelled(Claims { duration: duration.as_ref(), failures, response }, spot, reader)
}

/// The way to a back end. What a load balancer's targets are asked is not encrypted here, whatever the URL would have.
fn connection(http: &HttpBackend, links: &[String], reader: &mut Reader) -> Connection {
    let Some(link) = &http.vpc_link else { return Connection::Internet };
    let Some(at) = links.iter().position(|known| *known == link.value.0) else {
        return Connection::VpcLink(link.value.0.clone());
    };
    if http.url.value.0.starts_with("https://") {
        let what = "the targets of a private link are asked without TLS here; write http:// in place of https://";
        reader.report_at(&http.url.spot, what);
    }
    Connection::Link(LinkId(at as u16))
}

/// As it is, or through templates; HTTP APIs have none of the latter.
pub(super) fn protocol(
    parts: &mut Parts<'_>,
    passthrough: &mut Option<At<Passthrough>>,
    (proxy, spot, kind): (&At<Flag>, &Spot, ApiKind),
    reader: &mut Reader,
) -> Protocol {
    if proxy.value.0 {
        let requests = parts.requests.map(|requests| &requests.spot);
        let responses = parts.responses.iter().flatten().next().map(|rule| &rule.spot);
        let passthrough = passthrough.as_ref().map(|passthrough| &passthrough.spot);
        let converted = parts.content_handling.map(|given| &given.spot);
        if let Some(given) = requests.or(responses).or(passthrough).or(converted) {
            let what = "a proxy passes requests and answers as they are; write proxy: false, or remove this";
            reader.report_at(given, what);
        }
        match kind {
            ApiKind::Rest | ApiKind::WebSocket => expression::parameters(parts.parameters, reader),
            ApiKind::Http => expression::service_parameters(parts.parameters, reader),
        }
        return Protocol::Proxy { parameters: texts(parts.parameters) };
    }
    let at = if proxy.spot.place == crate::config::problem::Place::Nowhere { spot } else { &proxy.spot };
    not_of_http(kind, at, "integrations that are not proxies", reader);
    Protocol::Mapped(mapping(parts, passthrough, spot, reader))
}

fn url(url: &At<Text>, is_private: bool, reader: &mut Reader) {
    let text = &url.value.0;
    let is_url = ["http://", "https://", "${stageVariables."].into_iter().any(|start| text.starts_with(start));
    if text.trim().is_empty() || (!is_private && !is_url) || text.contains(char::is_whitespace) {
        let what = format!("{} is not the URL of a back end; write e.g. \"https://api.example.com/{{id}}\"", quoted(text));
        reader.report_at(&url.spot, what);
    }
}

/// `ANY` passes the request's own on.
pub(super) fn method(given: Option<&At<Text>>, reader: &mut Reader) -> Option<String> {
    let given = given?;
    let text = &given.value.0;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        reader.report_at(&given.spot, format!("{} is not a method; write it in capitals, e.g. GET, or ANY", quoted(text)));
    }
    (text != "ANY").then(|| text.clone())
}
