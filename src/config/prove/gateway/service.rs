//! What a route asks of a service of the provider.
//!
//! Owns which requests can be made: the URIs of REST APIs, the first-class integrations of HTTP APIs and their parameters. Refuses what
//! nobody could make of them, so that nothing is left out at run time. Called by `integration`.

use sluicegate_policy::model::{
    ApiKind, Protocol, ServiceCall, ServiceId, ServiceIntegration, ServiceTarget, ServiceUri, Subtype,
};
use sluicegate_policy::time::Span;
use sluicegate_render::proof::{self, Actions};

use super::integration::{Behind, Parts, method, protocol};
use super::{of, referred};
use crate::config::problem::{Spot, listed, quoted, suggestion};
use crate::config::prove::filled;
use crate::config::raw::gateway::Texts;
use crate::config::raw::gateway::integration::Service;
use crate::config::reader::{At, Reader};
use crate::config::value::{Flag, Text};

/// The parameter that all first-class integrations have.
const REGION: &str = "Region";

/// A service behind a route.
pub(super) fn service_integration(
    service: &mut At<Service>,
    timeout: Option<Span>,
    behind: Behind<'_>,
    reader: &mut Reader,
) -> Option<ServiceIntegration> {
    let spot = service.spot.clone();
    let service = &mut service.value;
    let kind = behind.kind;
    let proxy = filled(&mut service.proxy, &spot, "proxy", || Flag(kind == ApiKind::Http)).clone();
    if kind != ApiKind::Http && proxy.value.0 {
        // As the provider refuses it: `AWS_PROXY` leads to functions (and to Firehose, which is not made here).
        let what =
            format!("{} passes requests as they are to functions alone; write proxy: false, requests and responses", of(kind));
        reader.report_at(&proxy.spot, what);
        return None;
    }
    let uri = service.uri.clone();
    let (written, templates) = (service.parameters.clone(), service.requests.clone());
    let method_given = service.method.clone();
    let Service { parameters, requests, passthrough, content_handling, responses, .. } = service;
    let content_handling = content_handling.as_ref();
    let mut parts = Parts { requests: requests.as_ref(), parameters: parameters.as_ref(), content_handling, responses };
    let protocol = protocol(&mut parts, passthrough, (&proxy, &spot, kind), reader);
    let method = method(method_given.as_ref(), reader);
    let (name, call) = match protocol {
        Protocol::Mapped(mapping) => {
            let uri = uri_of(&uri, [written.as_ref(), templates.as_ref()], reader)?;
            (uri.service.clone(), ServiceCall::Request { uri, method, mapping: Box::new(mapping) })
        }
        Protocol::Proxy { parameters } => {
            if let Some(given) = &method_given {
                reader.report_at(&given.spot, "a first-class integration has no method of its own; remove this");
            }
            let subtype = subtype_of(&uri, reader)?;
            first_class(subtype, written.as_ref(), &spot, reader)?;
            (subtype.service().to_owned(), ServiceCall::FirstClass { subtype, parameters })
        }
    };
    let at = referred(&name, &uri.spot, ("service", "gateway.services"), behind.names.services, reader)?;
    Some(ServiceIntegration { service: ServiceId(at as u16), call, timeout: timeout? })
}

fn uri_of(given: &At<Text>, [parameters, requests]: [Option<&At<Texts>>; 2], reader: &mut Reader) -> Option<ServiceUri> {
    const EXAMPLES: &str =
        "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem or arn:aws:apigateway:us-east-1:bucket.s3:path/{key}";
    let text = &given.value.0;
    let uri: ServiceUri = match text.parse() {
        Ok(uri) => uri,
        Err(_) if Subtype::named(text).is_some() => {
            let what = format!("only an HTTP API has first-class integrations such as {text}; write a URI, e.g. {EXAMPLES}");
            reader.report_at(&given.spot, what);
            return None;
        }
        Err(fault) => {
            reader
                .report_at(&given.spot, format!("{} is not the URI of a service: {fault}; write e.g. {EXAMPLES}", quoted(text)));
            return None;
        }
    };
    if let ServiceTarget::Action(_) = &uri.target {
        let service = &uri.service;
        let tells = |name: &str| name.eq_ignore_ascii_case("header.X-Amz-Target");
        let is_mapped = parameters.is_some_and(|given| given.value.0.iter().any(|member| tells(&member.name.0)));
        // A template may set it itself: `$context.requestOverride.header.X-Amz-Target`.
        let overrides = |text: &str| text.to_ascii_lowercase().contains("requestoverride.header.x-amz-target");
        let is_told =
            is_mapped || requests.is_some_and(|given| given.value.0.iter().any(|member| overrides(&member.value.value.0)));
        match proof::actions(service) {
            Actions::ByName => {}
            _ if is_told => {}
            Actions::ByTarget => {
                let what = format!(
                    "the gateway does not add the X-Amz-Target that {service} wants; map it: parameters: {{ header.X-Amz-Target: \"'AWSEvents.PutEvents'\" }}"
                );
                reader.report_at(&given.spot, what);
                return None;
            }
            Actions::Unknown => {
                let what = format!(
                    "how {service} takes an action is not known here; write path/ and what its API has, or map header.X-Amz-Target"
                );
                reader.report_at(&given.spot, what);
                return None;
            }
        }
    }
    Some(uri)
}

fn subtype_of(given: &At<Text>, reader: &mut Reader) -> Option<Subtype> {
    let found = Subtype::named(&given.value.0);
    if found.is_none() {
        let names = || Subtype::ALL.into_iter().map(Subtype::as_str);
        let near = suggestion(&given.value.0, names());
        let what = format!("an HTTP API has no integration {}{near} it has: {}", quoted(&given.value.0), listed(names()));
        reader.report_at(&given.spot, what);
    }
    found
}

/// That all parameters are there that must be, and none that cannot.
fn first_class(subtype: Subtype, given: Option<&At<Texts>>, spot: &Spot, reader: &mut Reader) -> Option<()> {
    let members = || given.iter().flat_map(|given| &given.value.0);
    let names = || subtype.required().iter().chain(subtype.optional()).copied().chain([REGION]);
    for member in members().filter(|member| !names().any(|known| known == member.name.0)) {
        let near = suggestion(&member.name.0, names());
        let what = format!("{} has no parameter {}{near} it has: {}", subtype.as_str(), quoted(&member.name.0), listed(names()));
        reader.report_at(&member.spot, what);
    }
    if let Some(region) = members().find(|member| member.name.0 == REGION) {
        let text = &region.value.value.0;
        let is_name = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') && !text.is_empty();
        if !is_name && !text.contains('$') {
            reader.report_at(&region.value.spot, format!("{} is not a region; write e.g. us-east-1", quoted(text)));
        }
    }
    let missing: Vec<&str> =
        subtype.required().iter().copied().filter(|name| !members().any(|member| member.name.0 == *name)).collect();
    if missing.is_empty() {
        return Some(());
    }
    let at = given.map_or(spot, |given| &given.spot);
    reader.report_at(at, format!("{} needs {}; add it to parameters", subtype.as_str(), missing.join(" and ")));
    None
}
