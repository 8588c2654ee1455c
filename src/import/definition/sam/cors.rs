//! CORS of SAM's APIs: an OPTIONS method on every path of a REST API, the configuration of an HTTP API.
//!
//! Owns what SAM makes of `Cors` and `CorsConfiguration`. Called by `sam`.

use super::super::document::{Kind, Node};
use super::event::ANY;

/// Adds an OPTIONS method to every path that has none, if the API has `Cors`.
pub(super) fn add(document: &mut Node, properties: &Node) {
    let Some(cors) = properties.get("Cors") else { return };
    let Some(paths) = document.get("paths").cloned() else { return };
    for (path, item) in paths.entries() {
        let has = |method: &str| item.entries().iter().any(|(name, _)| name.eq_ignore_ascii_case(method));
        if has("options") {
            continue;
        }
        let operation = options(cors, item);
        if let Some(item) = document.entry("paths").and_then(|paths| paths.entry(path)) {
            item.set("options", operation);
        }
    }
}

/// The mock that answers a preflight.
fn options(cors: &Node, item: &Node) -> Node {
    let line = cors.line;
    let text = |text: &str| Node::text(line, text);
    let mut integration = Node::empty(line);
    integration.set("type", text("mock"));
    if let Some(templates) = integration.entry("requestTemplates") {
        templates.set("application/json", text("{\n  \"statusCode\" : 200\n}\n"));
    }
    if let Some(response) = integration.entry("responses").and_then(|responses| responses.entry("default")) {
        response.set("statusCode", text("200"));
        if let Some(templates) = response.entry("responseTemplates") {
            templates.set("application/json", text("{}\n"));
        }
        if let Some(headers) = response.entry("responseParameters") {
            for (name, value) in answer_headers(cors, item) {
                headers.set(&format!("method.response.header.Access-Control-{name}"), text(&value));
            }
        }
    }
    let mut operation = Node::empty(line);
    operation.set("x-amazon-apigateway-integration", integration);
    operation
}

/// The headers, whose values stand in quotes already where the template has them.
fn answer_headers(cors: &Node, item: &Node) -> Vec<(&'static str, String)> {
    let word = |key: &str| cors.word(key);
    let origin = cors.scalar().or_else(|| word("AllowOrigin")).unwrap_or_else(|| "'*'".to_owned());
    let methods = word("AllowMethods").unwrap_or_else(|| format!("'{}'", methods(item)));
    let mut headers = vec![("Allow-Origin", origin), ("Allow-Methods", methods)];
    headers.extend(word("AllowHeaders").map(|value| ("Allow-Headers", value)));
    headers.extend(word("MaxAge").map(|value| ("Max-Age", value)));
    if cors.get("AllowCredentials").is_some_and(Node::is_true) {
        headers.push(("Allow-Credentials", "'true'".to_owned()));
    }
    headers
}

/// The methods of a path with OPTIONS, in the order of the alphabet.
fn methods(item: &Node) -> String {
    if item.entries().iter().any(|(name, _)| name == ANY) {
        return "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT".to_owned();
    }
    let known = ["delete", "get", "head", "patch", "post", "put"];
    let own = item.entries().iter().map(|(name, _)| name.to_ascii_lowercase()).filter(|name| known.contains(&name.as_str()));
    let mut methods: Vec<String> = own.map(|name| name.to_ascii_uppercase()).chain(["OPTIONS".to_owned()]).collect();
    methods.sort_unstable();
    methods.join(",")
}

/// `CorsConfiguration`, with the words of the extension; `true` allows every origin.
pub(super) fn of_http_api(given: &Node) -> Node {
    let mut cors = Node::empty(given.line);
    if given.is_true() {
        cors.set("allowOrigins", Node::new(given.line, Kind::List(vec![Node::text(given.line, "*")])));
    }
    for (key, value) in given.entries() {
        cors.set(&camel(key), value.clone());
    }
    cors
}

/// `AllowOrigins` is allowOrigins.
pub(in super::super) fn camel(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
