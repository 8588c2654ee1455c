//! `Auth` of SAM's APIs: API keys and their usage plan; authorizers, which are told and come later.
//!
//! Owns what SAM makes of it in a definition. Called by `sam`.

use super::super::document::{Kind, Node};
use super::super::notes::Notes;
use super::super::plan::{Key, Plan};
use super::super::template::Source;
use super::event::VALIDATORS;

/// Where an operation keeps the `Auth` of its event until it is read.
pub(super) const OWN: &str = "x-sam-auth";

/// SAM's name for the security scheme of API keys.
const API_KEY: &str = "api_key";

/// Gives every operation the security that its event and its API say.
pub(super) fn add(document: &mut Node, properties: &Node, notes: &mut Notes, id: &str) {
    let auth = properties.get("Auth").cloned().unwrap_or_else(|| Node::empty(0));
    for key in ["ResourcePolicy", "InvokeRole"] {
        if let Some(given) = auth.get(key) {
            notes.left_out(given, id, format!("Auth.{key} is not modelled: everybody may call, and back ends may be called"));
        }
    }
    if properties.get("DisableExecuteApiEndpoint").is_some_and(Node::is_true) {
        notes.left_out(properties, id, "the default endpoint is switched off there; here it answers");
    }
    let line = document.line;
    let Some(paths) = document.entry("paths") else { return };
    let Kind::Map(items) = &mut paths.kind else { return };
    for (method, operation) in items.iter_mut().flat_map(|(_, item)| operations(item)) {
        secure(method, operation, &auth);
    }
    let mut scheme = Node::empty(line);
    for (key, value) in [("type", "apiKey"), ("in", "header"), ("name", "x-api-key")] {
        scheme.set(key, Node::text(line, value));
    }
    if let Some(schemes) = document.entry("securityDefinitions") {
        schemes.set(API_KEY, scheme);
    }
    validators(document);
}

fn operations(item: &mut Node) -> impl Iterator<Item = (&str, &mut Node)> {
    let entries = match &mut item.kind {
        Kind::Map(entries) => entries.as_mut_slice(),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => &mut [],
    };
    entries
        .iter_mut()
        .filter(|(_, operation)| matches!(operation.kind, Kind::Map(_)))
        .map(|(method, operation)| (method.as_str(), operation))
}

fn secure(method: &str, operation: &mut Node, api: &Node) {
    let own = operation.get(OWN).cloned().unwrap_or_else(|| Node::empty(0));
    let preflight = method.eq_ignore_ascii_case("options");
    let says = |node: &Node, key: &str| node.get(key).map(Node::is_true);
    let of_preflight = !preflight || says(api, "AddApiKeyRequiredToCorsPreflight").unwrap_or(true);
    let key = says(&own, "ApiKeyRequired").unwrap_or(says(api, "ApiKeyRequired").unwrap_or(false) && of_preflight);
    let of_preflight = !preflight || says(api, "AddDefaultAuthorizerToCorsPreflight").unwrap_or(true);
    let default = api.word("DefaultAuthorizer").filter(|_| of_preflight && operation.get("security").is_none());
    let authorizer = own.word("Authorizer").or(default).filter(|name| name != "NONE");
    let line = operation.line;
    let mut security: Vec<Node> = operation.get("security").map(Node::items).unwrap_or_default().to_vec();
    for name in authorizer.into_iter().chain(key.then(|| API_KEY.to_owned())) {
        let mut alternative = Node::empty(line);
        alternative.set(&name, Node::new(line, Kind::List(Vec::new())));
        security.push(alternative);
    }
    if !security.is_empty() {
        operation.set("security", Node::new(line, Kind::List(security)));
    }
}

/// The validators that events may name.
fn validators(document: &mut Node) {
    let Some(all) = document.entry("x-amazon-apigateway-request-validators") else { return };
    for (name, body, parameters) in VALIDATORS {
        let mut validator = Node::empty(0);
        validator.set("validateRequestBody", Node::new(0, Kind::Bool(body)));
        validator.set("validateRequestParameters", Node::new(0, Kind::Bool(parameters)));
        if all.get(name).is_none() {
            all.set(name, validator);
        }
    }
}

/// `UsagePlan`: SAM makes a plan and one key; the key's value is the service's to make.
pub(super) fn plan(source: &mut Source, properties: &Node) {
    let Some(given) = properties.at(&["Auth", "UsagePlan"]) else { return };
    if given.word("CreateUsagePlan").is_none_or(|word| word == "NONE") {
        return;
    }
    let key = format!("{}ApiKey", source.id);
    let name =
        given.word("UsagePlanName").filter(|name| !name.contains("${")).unwrap_or_else(|| format!("{}UsagePlan", source.id));
    let plan = Plan {
        name,
        stages: vec![source.stages[0].name.clone()],
        keys: vec![key.clone()],
        limits: given.clone(),
        methods: Vec::new(),
    };
    source.plans.keys.push(Key { name: key, value: None, enabled: true });
    source.plans.plans.push(plan);
}
