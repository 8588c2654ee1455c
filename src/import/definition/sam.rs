//! APIs of the Serverless Application Model: `AWS::Serverless::Api`, `HttpApi`, `WebSocketApi`, and those that functions' events imply.
//!
//! Owns the definition that SAM would make of them. Refuses to read that definition (`openapi`). Called by `template`.
//!
//! Source: SAM specification 2016-10-31 and its documentation, 2026; held against SAM's own output by a test.

use serde_json::{Map, Value};

use super::document::{Kind, Node};
use super::notes::Notes;
use super::root::name_of;
use super::stage::Stage;
use super::template::{Protocol, Resource, Source, Template, merged, stage_name};

mod auth;
mod cors;
pub(super) use cors::camel;
mod event;
mod resource_policy;
mod websocket;

use event::{Event, Kind as EventKind};

/// Logical ids of the APIs that events imply.
const IMPLICIT: [(&str, EventKind); 2] = [("ServerlessRestApi", EventKind::Rest), ("ServerlessHttpApi", EventKind::Http)];

/// An API that is a resource.
pub(super) fn api(template: &Template, resource: &Resource, notes: &mut Notes) -> Source {
    match resource.kind.as_str() {
        "AWS::Serverless::Api" => rest(template, &resource.id, &resource.properties, notes),
        "AWS::Serverless::HttpApi" => http(template, &resource.id, &resource.properties, notes),
        _ => websocket::api(template, &resource.id, &resource.properties, notes),
    }
}

/// The APIs of events that name none.
pub(super) fn implicit(template: &Template, notes: &mut Notes) -> Vec<Source> {
    let mut apis = Vec::new();
    for (id, kind) in IMPLICIT {
        let is_resource = template
            .resource(id)
            .is_some_and(|resource| resource.kind.starts_with("AWS::Serverless::") && resource.kind.ends_with("Api"));
        if is_resource || event::of_template(template, kind).iter().all(|event| event.api.is_some()) {
            continue;
        }
        let empty = Node::empty(0);
        apis.push(match kind {
            EventKind::Rest => rest(template, id, &empty, notes),
            EventKind::Http => http(template, id, &empty, notes),
        });
    }
    apis
}

/// The events of this API.
fn events(template: &Template, id: &str, kind: EventKind) -> Vec<Event> {
    let implied = IMPLICIT.iter().any(|(name, of)| *name == id && *of == kind);
    let mine = |event: &Event| event.api.as_deref().map_or(implied, |api| api == id);
    event::of_template(template, kind).into_iter().filter(mine).collect()
}

fn rest(template: &Template, id: &str, own: &Node, notes: &mut Notes) -> Source {
    let globals = template.globals.get("Api").cloned().unwrap_or_else(|| Node::empty(0));
    let properties = merged(&globals, own);
    let (mut document, has_own) = definition(&properties, id, notes);
    document.set("swagger", Node::text(0, "2.0"));
    let adds_events = !has_own || (properties.get("MergeDefinitions").is_some_and(Node::is_true) && !has_null_paths(&document));
    for event in events(template, id, EventKind::Rest) {
        if adds_events {
            event.add(&mut document, &properties);
        } else {
            notes.left_out(
                &event.properties,
                id,
                "an event of a function: SAM adds none to a definition of its own, unless told to merge",
            );
        }
    }
    if let Some(models) = properties.get("Models") {
        document.set("definitions", models.clone());
    }
    resource_policy::of_events(&mut document);
    cors::add(&mut document, &properties);
    auth::add(&mut document, (id, EventKind::Rest), &properties, notes);
    gateway_responses(&mut document, &properties);
    for (theirs, ours) in [
        ("BinaryMediaTypes", "x-amazon-apigateway-binary-media-types"),
        ("MinimumCompressionSize", "x-amazon-apigateway-minimum-compression-size"),
        ("ApiKeySourceType", "x-amazon-apigateway-api-key-source"),
    ] {
        if let Some(given) = properties.get(theirs) {
            document.set(ours, given.clone());
        }
    }
    let default = if id == IMPLICIT[0].0 { "Prod" } else { "test" };
    let mut source = Source {
        stages: vec![stage(&properties, default, id, notes)],
        top: top(&properties, id),
        ..Source::new(id, Protocol::Rest, document)
    };
    auth::plan(&mut source, &properties);
    domains(&mut source, &properties);
    source
}

fn http(template: &Template, id: &str, own: &Node, notes: &mut Notes) -> Source {
    let globals = template.globals.get("HttpApi").cloned().unwrap_or_else(|| Node::empty(0));
    let mut properties = merged(&globals, own);
    let (mut document, _) = definition(&properties, id, notes);
    document.set("openapi", Node::text(0, "3.0.1"));
    if properties.get("DefinitionUri").is_none() {
        for event in events(template, id, EventKind::Http) {
            event.add(&mut document, &properties);
            event.add_settings(&mut properties);
        }
    }
    if let Some(given) = properties.get("CorsConfiguration") {
        document.set("x-amazon-apigateway-cors", cors::of_http_api(given));
    }
    auth::add(&mut document, (id, EventKind::Http), &properties, notes);
    let mut source = Source {
        stages: vec![stage(&properties, "$default", id, notes)],
        top: top(&properties, id),
        ..Source::new(id, Protocol::Http, document)
    };
    domains(&mut source, &properties);
    source
}

/// The definition that stands in the template, and whether the API has one at all, here or elsewhere.
fn definition(properties: &Node, id: &str, notes: &mut Notes) -> (Node, bool) {
    if let Some(uri) = properties.get("DefinitionUri") {
        notes.left_out(uri, id, "its definition is another file, which is not opened; import that file by itself");
    }
    match properties.get("DefinitionBody") {
        Some(body) if matches!(body.kind, Kind::Map(_)) => (body.clone(), true),
        Some(body) => (Node::empty(body.line), true),
        None => (Node::empty(properties.line), properties.get("DefinitionUri").is_some()),
    }
}

/// `paths:` with nothing behind it: SAM merges no event into such a definition, as its own output shows.
fn has_null_paths(document: &Node) -> bool {
    document.entries().iter().any(|(key, value)| key == "paths" && value.kind == Kind::Null)
}

fn stage(properties: &Node, default: &str, id: &str, notes: &mut Notes) -> Stage {
    let given = properties.word("StageName");
    let name = given.as_deref().and_then(stage_name);
    if let (None, Some(given)) = (&name, &given) {
        notes.assumed(properties, id, format!("a stage named {default}: {given} is known only once the template is deployed"));
    }
    Stage::read(name.unwrap_or_else(|| default.to_owned()), properties)
}

/// Name, endpoint and source of keys.
fn top(properties: &Node, id: &str) -> Map<String, Value> {
    let mut top = Map::new();
    let name = properties.word("Name").map(|name| name_of(&name)).filter(|name| !name.is_empty() && !name.contains("${"));
    top.insert("name".to_owned(), name.unwrap_or_else(|| id.to_owned()).into());
    let endpoint = properties.get("EndpointConfiguration");
    let endpoint = endpoint.and_then(|given| given.scalar().or_else(|| given.word("Type"))).map(|word| word.to_ascii_lowercase());
    if let Some(endpoint) = endpoint.filter(|word| matches!(word.as_str(), "edge" | "regional" | "private")) {
        top.insert("endpoint".to_owned(), endpoint.into());
    }
    top
}

/// `GatewayResponses` as the extension has them.
fn gateway_responses(document: &mut Node, properties: &Node) {
    let Some(given) = properties.get("GatewayResponses") else { return };
    let mut responses = Node::empty(given.line);
    for (kind, response) in given.entries() {
        let mut custom = Node::empty(response.line);
        for (theirs, ours) in [("StatusCode", "statusCode"), ("ResponseTemplates", "responseTemplates")] {
            if let Some(value) = response.get(theirs) {
                custom.set(ours, value.clone());
            }
        }
        let mut parameters = Node::empty(response.line);
        for (theirs, ours) in [("Headers", "header"), ("Paths", "path"), ("QueryStrings", "querystring")] {
            for (name, value) in response.at(&["ResponseParameters", theirs]).map(Node::entries).unwrap_or_default() {
                parameters.set(&format!("gatewayresponse.{ours}.{name}"), value.clone());
            }
        }
        custom.set("responseParameters", parameters);
        responses.set(kind, custom);
    }
    document.set("x-amazon-apigateway-gateway-responses", responses);
}

/// `Domain`: each base path leads to the API's stage.
fn domains(source: &mut Source, properties: &Node) {
    let Some(domain) = properties.get("Domain") else { return };
    let Some(name) = domain.word("DomainName") else { return };
    let stage = source.stages[0].name.clone();
    let paths: Vec<String> = match domain.get("BasePath") {
        Some(given) => given.scalar().map_or_else(|| given.items().iter().filter_map(Node::scalar).collect(), |one| vec![one]),
        None => vec![String::new()],
    };
    source.domains = paths.into_iter().map(|path| (name.clone(), path, stage.clone())).collect();
}
