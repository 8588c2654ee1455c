//! Parameters, templates and responses of an integration, in the profile's language.
//!
//! Owns their names: what the extension calls `method.response.header.X` is header `X` here. Refuses to run a template
//! (`render`). Called by `extension`.

use serde_json::{Map, Value};

use super::document::Node;
use super::error::quoted;
use super::extension::insert_full;
use super::notes::Notes;

/// Request templates, passthrough, parameters and responses of a mapped integration.
pub(super) fn mapped(extension: &Node, notes: &mut Notes, at: &str) -> Map<String, Value> {
    let mut mapped = Map::new();
    insert_full(&mut mapped, "parameters", parameters(extension, notes, at));
    mapped.insert("requests".to_owned(), Value::Object(templates(extension.get("requestTemplates"))));
    if let Some(word) = passthrough(extension, notes, at) {
        mapped.insert("passthrough".to_owned(), word.into());
    }
    content_handling(extension, &mut mapped, notes, at);
    let responses = extension.get("responses").map(|responses| responses.entries().to_vec()).unwrap_or_default();
    if responses.is_empty() {
        notes.assumed(extension, at, "it has no integration response: every answer is a 500, as the service has it");
    }
    let rules = responses.iter().filter_map(|(pattern, response)| rule(pattern, response, notes, at)).collect();
    mapped.insert("responses".to_owned(), Value::Array(rules));
    mapped
}

/// `integration.request.header.X: method.request.header.Y` is `header.X: method.request.header.Y`.
pub(super) fn parameters(extension: &Node, notes: &mut Notes, at: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    for (key, value) in extension.get("requestParameters").map(Node::entries).unwrap_or_default() {
        match (key.strip_prefix("integration.request."), value.scalar()) {
            (Some(name), Some(from)) => _ = parameters.insert(name.to_owned(), from.into()),
            _ => notes.left_out(value, at, format!("request parameter {} is none of integration.request", quoted(key))),
        }
    }
    parameters
}

/// The parameters of a call to a service, as an HTTP API names them: by the service's own words.
pub(super) fn service_parameters(extension: &Node) -> Map<String, Value> {
    texts(extension.get("requestParameters"))
}

/// Parameter mapping of an HTTP API: `append:header.x`, `overwrite:path`, for the request and, by status, for the response.
pub(super) fn of_http_api(route: &mut Map<String, Value>, extension: &Node, notes: &mut Notes, at: &str) {
    if extension.get("integrationSubtype").is_none() {
        insert_full(route, "map_request", texts(extension.get("requestParameters")));
    }
    let mut by_status = Map::new();
    for (status, rules) in extension.get("responseParameters").map(Node::entries).unwrap_or_default() {
        if status.parse::<u16>().is_ok_and(|status| (100..=599).contains(&status)) {
            insert_full(&mut by_status, status, texts(Some(&rules_by_name(rules))));
        } else {
            notes.left_out(rules, at, format!("{} is no status of an answer to be mapped", quoted(status)));
        }
    }
    insert_full(route, "map_responses", by_status);
}

/// Templates write them as a list: `ResponseParameters: [{ Destination, Source }]`.
fn rules_by_name(rules: &Node) -> Node {
    let list = rules.get("ResponseParameters").map(Node::items).unwrap_or_default();
    if list.is_empty() {
        return rules.clone();
    }
    let mut named = Node::empty(rules.line);
    for rule in list {
        if let Some((to, from)) = rule.word("Destination").zip(rule.get("Source")) {
            named.set(&to, from.clone());
        }
    }
    named
}

/// One integration response: its pattern, status, headers and templates.
fn rule(pattern: &str, response: &Node, notes: &mut Notes, at: &str) -> Option<Value> {
    let mut rule = Map::new();
    if pattern != "default" {
        rule.insert("pattern".to_owned(), pattern.into());
    }
    let status = response.word("statusCode").or_else(|| Some(pattern.to_owned()));
    let Some(status) = status.and_then(|status| status.parse::<u16>().ok()).filter(|status| (200..=599).contains(status)) else {
        notes.left_out(response, at, format!("integration response {} has no status from 200 to 599", quoted(pattern)));
        return None;
    };
    rule.insert("status".to_owned(), status.into());
    insert_full(&mut rule, "headers", headers(response, notes, at));
    insert_full(&mut rule, "templates", templates(response.get("responseTemplates")));
    content_handling(response, &mut rule, notes, at);
    Some(Value::Object(rule))
}

fn content_handling(of: &Node, into: &mut Map<String, Value>, notes: &mut Notes, at: &str) {
    let Some(given) = of.get("contentHandling") else { return };
    match given.scalar().unwrap_or_default().to_ascii_uppercase().as_str() {
        "CONVERT_TO_BINARY" => _ = into.insert("content_handling".to_owned(), "to_binary".into()),
        "CONVERT_TO_TEXT" => _ = into.insert("content_handling".to_owned(), "to_text".into()),
        other => notes.left_out(given, at, format!("{} is no conversion; the body goes on by its type", quoted(other))),
    }
}

fn headers(response: &Node, notes: &mut Notes, at: &str) -> Map<String, Value> {
    let mut headers = Map::new();
    for (key, value) in response.get("responseParameters").map(Node::entries).unwrap_or_default() {
        match (key.strip_prefix("method.response.header."), value.scalar()) {
            (Some(name), Some(from)) => _ = headers.insert(name.to_owned(), from.into()),
            _ => notes.left_out(value, at, format!("response parameter {} sets no header", quoted(key))),
        }
    }
    headers
}

fn passthrough(extension: &Node, notes: &mut Notes, at: &str) -> Option<&'static str> {
    let given = extension.get("passthroughBehavior")?;
    let word = given.scalar().unwrap_or_default().to_ascii_lowercase();
    let known = ["when_no_match", "when_no_templates", "never"].into_iter().find(|known| *known == word);
    if known.is_none() {
        notes.left_out(given, at, format!("{} is no passthrough behaviour; when_no_match holds", quoted(&word)));
    }
    known
}

/// Templates by media type. One that was written as keys and values becomes their JSON text.
pub(super) fn templates(node: Option<&Node>) -> Map<String, Value> {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries.iter().map(|(name, value)| (name.clone(), value.scalar().unwrap_or_else(|| json_or_empty(value)).into())).collect()
}

fn json_or_empty(value: &Node) -> String {
    match value.json() {
        Value::Null => String::new(),
        json => json.to_string(),
    }
}

fn texts(node: Option<&Node>) -> Map<String, Value> {
    templates(node)
}
