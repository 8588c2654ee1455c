//! What stands at the top of a definition: its name, gateway responses, CORS, the source of API keys, and what is not modelled.
//!
//! Owns these keys. Refuses paths (`openapi`). Called by `openapi`.

use serde_json::{Map, Value};
use sluicegate_policy::model::ResponseType;
use sluicegate_render::authorizer::document::{Whose, policy};

use super::Api;
use super::document::Node;
use super::error::quoted;
use super::extension::insert_full;
use super::mapping::templates;
use super::notes::Notes;

/// Keys at the top that are not carried over, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("x-amazon-apigateway-minimum-compression-size", "compression of answers is not modelled"),
    ("x-amazon-apigateway-security-policy", "the TLS versions of the API are not modelled"),
    ("x-amazon-apigateway-endpoint-access-mode", "the access mode of the endpoint is not modelled"),
    ("host", "a host name is not taken over, as the service does not"),
];

/// The keys of the profile's `gateway` that the top decides.
pub(super) fn read(root: &Node, api: Api, notes: &mut Notes) -> Map<String, Value> {
    let mut top = Map::new();
    let name = root.at(&["info", "title"]).and_then(Node::scalar).map(|title| name_of(&title)).filter(|name| !name.is_empty());
    if let Some(name) = name {
        top.insert("name".to_owned(), name.into());
    }
    endpoint(root, &mut top, notes);
    resource_policy(root, api, &mut top, notes);
    if api == Api::Rest {
        if root.word("x-amazon-apigateway-api-key-source").is_some_and(|source| source.eq_ignore_ascii_case("AUTHORIZER")) {
            top.insert("api_key_source".to_owned(), "authorizer".into());
        }
        let binary = root.get("x-amazon-apigateway-binary-media-types").map(Node::items).unwrap_or_default();
        let binary: Vec<Value> = binary.iter().filter_map(Node::scalar).map(Value::from).collect();
        if !binary.is_empty() {
            top.insert("binary_media_types".to_owned(), binary.into());
        }
        let responses = root.get("x-amazon-apigateway-gateway-responses");
        insert_full(&mut top, "gateway_responses", responses.map(|given| gateway_responses(given, notes)).unwrap_or_default());
    }
    if let Some(given) = root.get("x-amazon-apigateway-cors") {
        match api {
            Api::Http => insert_full(&mut top, "cors", cors(given, notes)),
            Api::Rest => {
                notes.left_out(
                    given,
                    "x-amazon-apigateway-cors",
                    "a REST API has no CORS of its own: its OPTIONS methods answer",
                );
            }
            Api::WebSocket => notes.left_out(given, "x-amazon-apigateway-cors", "a WebSocket API has no CORS"),
        }
    }
    tell(root, api, notes);
    top
}

/// The resource policy, whole or not at all: half of one would let in whom the whole one does not.
fn resource_policy(root: &Node, api: Api, top: &mut Map<String, Value>, notes: &mut Notes) {
    const KEY: &str = "x-amazon-apigateway-policy";
    let Some(given) = root.get(KEY) else { return };
    let document = given.json();
    match (api, policy(&document, Whose::Api)) {
        (Api::Http | Api::WebSocket, _) => {
            notes.left_out(given, KEY, format!("{} has no resource policy: the service ignores this one", api.named()));
        }
        (Api::Rest, Ok(_)) => _ = top.insert("resource_policy".to_owned(), document),
        (Api::Rest, Err(fault)) => {
            notes.left_out(given, KEY, format!("the resource policy, so that everybody may call: {fault}"));
        }
    }
}

/// A name as an API may have one, and the dimensions of its metrics.
pub(super) fn name_of(title: &str) -> String {
    title.chars().filter(|c| !c.is_control()).take(128).collect::<String>().trim().to_owned()
}

fn endpoint(root: &Node, top: &mut Map<String, Value>, notes: &mut Notes) {
    let servers = root.get("servers").map(Node::items).unwrap_or_default();
    let of_server = servers.iter().find_map(|server| server.get("x-amazon-apigateway-endpoint-configuration"));
    let Some(given) = root.get("x-amazon-apigateway-endpoint-configuration").or(of_server) else { return };
    let is_private = given.get("vpcEndpointIds").or_else(|| given.get("vpcEndpointIds")).is_some();
    if is_private {
        top.insert("endpoint".to_owned(), "private".into());
    }
    if given.get("disableExecuteApiEndpoint").is_some_and(Node::is_true) {
        notes.left_out(
            given,
            "x-amazon-apigateway-endpoint-configuration",
            "the default endpoint is switched off there; here it answers",
        );
    }
}

/// By type, with `gatewayresponse.header.X` as header `X`.
fn gateway_responses(given: &Node, notes: &mut Notes) -> Map<String, Value> {
    let mut responses = Map::new();
    for (kind, response) in given.entries() {
        let at = format!("gateway response {kind}");
        if ResponseType::named(kind).is_none() {
            notes.left_out(response, &at, "there is no gateway response of this type");
            continue;
        }
        let mut custom = Map::new();
        if let Some(status) = response.word("statusCode") {
            match status.parse::<u16>().ok().filter(|status| (200..=599).contains(status)) {
                Some(status) => _ = custom.insert("status".to_owned(), status.into()),
                None => notes.left_out(response, &at, format!("{} is no status from 200 to 599", quoted(&status))),
            }
        }
        let mut headers = Map::new();
        for (name, value) in response.get("responseParameters").map(Node::entries).unwrap_or_default() {
            match (name.strip_prefix("gatewayresponse.header."), value.scalar()) {
                (Some(header), Some(from)) => _ = headers.insert(header.to_owned(), from.into()),
                _ => notes.left_out(value, &at, format!("parameter {} sets no header", quoted(name))),
            }
        }
        insert_full(&mut custom, "headers", headers);
        insert_full(&mut custom, "templates", templates(response.get("responseTemplates")));
        responses.insert(kind.clone(), Value::Object(custom));
    }
    responses
}

/// CORS of an HTTP API.
pub(super) fn cors(given: &Node, notes: &mut Notes) -> Map<String, Value> {
    let mut cors = Map::new();
    for (theirs, ours) in [
        ("allowOrigins", "allow_origins"),
        ("allowMethods", "allow_methods"),
        ("allowHeaders", "allow_headers"),
        ("exposeHeaders", "expose_headers"),
    ] {
        let Some(list) = given.get(theirs) else { continue };
        let words: Vec<Value> = match list.scalar() {
            Some(text) => text.split(',').map(|word| word.trim().into()).collect(),
            None => list.items().iter().filter_map(Node::scalar).map(Value::from).collect(),
        };
        if !words.is_empty() {
            cors.insert(ours.to_owned(), words.into());
        }
    }
    if let Some(age) = given.get("maxAge") {
        // -1 is the service's word for "none" (HTTP APIs, "Configuring CORS", 2026).
        match age.scalar().and_then(|text| text.parse::<i64>().ok()) {
            Some(-1) => {}
            Some(seconds @ 0..=86_400) => _ = cors.insert("max_age".to_owned(), format!("{seconds}s").into()),
            _ => notes.left_out(age, "CORS", "maxAge is no number of seconds up to a day"),
        }
    }
    if given.get("allowCredentials").is_some_and(Node::is_true) {
        cors.insert("allow_credentials".to_owned(), true.into());
    }
    cors
}

fn tell(root: &Node, api: Api, notes: &mut Notes) {
    for (key, reason) in LEFT_OUT {
        if let Some(given) = root.get(key) {
            notes.left_out(given, key, *reason);
        }
    }
    if let Some(given) = root.get("x-amazon-apigateway-gateway-responses").filter(|_| api == Api::Http) {
        notes.left_out(
            given,
            "x-amazon-apigateway-gateway-responses",
            "an HTTP API has no gateway responses: the service ignores them",
        );
    }
    if let Some(security) = root.get("security").filter(|_| api == Api::Http) {
        notes.left_out(security, "security", "security at the top of the file: the service takes it from the operations only");
    }
    if let Some(path) = base_path(root) {
        let what = format!("base path {}: it is ignored, as the service does unless it is told otherwise", quoted(&path));
        notes.left_out(root.get("basePath").or_else(|| root.get("servers")).unwrap_or(root), "", what);
    }
}

/// The base path that the definition names, if it is more than `/`.
fn base_path(root: &Node) -> Option<String> {
    let server = root.get("servers").map(Node::items).unwrap_or_default().first();
    let variable = server.and_then(|server| server.at(&["variables", "basePath", "default"])).and_then(Node::scalar);
    let url = server.and_then(|server| server.word("url")).and_then(|url| {
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        rest.split_once('/').map(|(_, path)| format!("/{path}"))
    });
    let path = root.word("basePath").or(variable).or(url)?;
    (!path.trim_matches('/').is_empty() && path != "/{basePath}").then_some(path)
}
