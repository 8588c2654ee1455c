//! Routes: patterns, conflicts, and what is asked of a request before its integration.
//!
//! Owns what makes a route right by itself and beside its neighbours. Refuses to match a path (the policy's `routing` does) and
//! what is behind it (`integration`). Called by `deployments`.

use sluicegate_policy::model::{ApiKind, CacheKeys, DeploymentId, ParameterRule, Route, Validation};
use sluicegate_policy::routing::{check_pattern, conflicts};
use sluicegate_render::proof;

use super::expression::{self, media_type};
use super::integration::{Behind, integration};
use super::websocket::{self, Answering};
use super::{authorizers, not_of_http, of, only_rest, texts};
use crate::config::problem::{Spot, quoted};
use crate::config::raw::gateway::Texts;
use crate::config::raw::gateway::route::Route as Raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Checked, Member, Named, Parameter, RouteKey, StatusKey};

/// A route of `current`; a snapshot that it belongs to otherwise takes it over.
pub(super) fn route(name: &RouteKey, spot: &Spot, raw: &mut At<Raw>, behind: Behind<'_>, reader: &mut Reader) -> Option<Route> {
    let path = path(name, behind.kind, spot, reader);
    let integration = integration(raw, behind, reader);
    let answering = websocket::answering((name, &mut raw.value), integration.as_ref(), behind, reader);
    let raw = &raw.value;
    let authorization = authorizers::authorization(raw, behind, reader);
    fits_kind(name, raw, behind.kind, reader);
    expression::mapping(raw.map_request.as_ref(), proof::request_mapping, reader);
    for member in raw.map_responses.iter().flat_map(|given| &given.value.0) {
        expression::mapping(Some(&member.value), proof::response_mapping, reader);
    }
    if let Some(name) = &raw.operation_name {
        only_rest(behind.kind, &name.spot, "operation names", reader);
    }
    let (method, path, Answering { response, fan_out }) = (method(name, behind.kind), path?, answering?);
    Some(Route {
        authorization,
        response,
        fan_out,
        operation: raw.operation_name.as_ref().map(|name| name.value.0.clone()),
        api_key: raw.api_key.as_ref().map(|given| given.value.into()).unwrap_or_default(),
        validation: validation(raw, reader),
        cache: CacheKeys { parameters: rules(raw.cache_keys.as_deref(), reader) },
        request_mapping: texts(raw.map_request.as_ref()),
        response_mapping: response_mapping(raw.map_responses.as_ref()),
        ..Route::new(DeploymentId(0), method, path, integration?)
    })
}

/// The method; the route key of a WebSocket API has none, whatever it looks like.
fn method(key: &RouteKey, kind: ApiKind) -> Option<&str> {
    key.method.as_deref().filter(|_| kind != ApiKind::WebSocket)
}

fn path(key: &RouteKey, kind: ApiKind, spot: &Spot, reader: &mut Reader) -> Option<String> {
    if kind == ApiKind::WebSocket {
        return Some(key.to_string());
    }
    if !key.is_path() && key.path != "$default" {
        reader.report_at(spot, key.not_a_path().to_string());
        return None;
    }
    if key.path == "$default" && kind == ApiKind::Rest {
        reader.report_at(spot, "a REST API has no route \"$default\"; write e.g. \"ANY /{proxy+}\"");
        return None;
    }
    reader.accept(spot, check_pattern(&key.path)).map(|()| key.path.clone())
}

/// That the kind of API has what is asked of a request.
fn fits_kind(key: &RouteKey, raw: &Raw, kind: ApiKind, reader: &mut Reader) {
    if kind == ApiKind::WebSocket {
        websocket::asks_of_handshakes(key, raw, reader);
    }
    if let Some(given) = &raw.api_key {
        not_of_http(kind, &given.spot, "API keys", reader);
    }
    let parameters = raw.parameters.iter().flatten().next().map(|given| &given.spot);
    let validated = raw.body.as_ref().map(|given| &given.spot).or(raw.validate.as_ref().map(|given| &given.spot));
    match (kind, parameters) {
        (ApiKind::WebSocket, Some(spot)) => only_rest(kind, spot, "required parameters", reader),
        (ApiKind::WebSocket | ApiKind::Rest, _) => {}
        (ApiKind::Http, _) => {
            if let Some(spot) = parameters.or(validated) {
                only_rest(kind, spot, "request validation", reader);
            }
        }
    }
    if let Some(given) = raw.cache_keys.iter().flatten().next() {
        only_rest(kind, &given.spot, "response cache", reader);
    }
    let mapped = raw.map_request.as_ref().map(|given| &given.spot).or(raw.map_responses.as_ref().map(|given| &given.spot));
    if let Some(spot) = mapped.filter(|_| kind != ApiKind::Http) {
        let what = "maps parameters in its integration; write parameters and responses there, or api: http";
        let what = format!("{} {what}", of(kind));
        reader.report_at(spot, what);
    }
}

/// What is checked: that which is written, unless `validate` says otherwise.
fn validation(raw: &Raw, reader: &mut Reader) -> Validation {
    let required = rules(raw.parameters.as_deref(), reader);
    for member in raw.body.iter().flat_map(|body| &body.value.0) {
        media_type(&member.name.0, &member.spot, reader);
    }
    let is_checked =
        |part: Checked| raw.validate.as_ref().is_none_or(|parts| parts.value.iter().any(|given| given.value == part));
    let body = || texts(raw.body.as_ref());
    let of_body = (raw.body.is_some() || raw.validate.is_some()) && is_checked(Checked::Body);
    Validation { required: if is_checked(Checked::Parameters) { required } else { Vec::new() }, body: of_body.then(body) }
}

fn rules(given: Option<&[At<Parameter>]>, reader: &mut Reader) -> Vec<ParameterRule> {
    let mut rules: Vec<ParameterRule> = Vec::new();
    for parameter in given.unwrap_or_default() {
        if rules.contains(&parameter.value.0) {
            reader.report_at(&parameter.spot, format!("{} is named twice; keep one of them", parameter.value));
        }
        rules.push(parameter.value.0.clone());
    }
    rules
}

fn response_mapping(given: Option<&At<Named<StatusKey, At<Texts>>>>) -> Vec<(u16, Vec<(String, String)>)> {
    let members = given.iter().flat_map(|given| &given.value.0);
    members.map(|member: &Member<StatusKey, At<Texts>>| (member.name.0, texts(Some(&member.value)))).collect()
}

/// Reports the routes that catch the same requests as one before them; `spot` gives where the route of that number is written.
pub(super) fn without_conflicts<'s>(routes: &[Route], spot: impl Fn(usize) -> &'s Spot, reader: &mut Reader) {
    for (at, route) in routes.iter().enumerate() {
        // Keys that are no paths are the same, or they are not.
        let collides = |first: &&Route| match [&first.path, &route.path].map(|path| path.starts_with('/')) {
            [true, true] => conflicts(first, route),
            _ => first.path == route.path,
        };
        if let Some(first) = routes[..at].iter().find(collides) {
            let what = format!("this route catches the same requests as {}; keep one of them", quoted(&first.key()));
            reader.report_at(spot(at), what);
        }
    }
}
