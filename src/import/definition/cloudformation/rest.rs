//! Resources, methods and models of a REST API as a definition.
//!
//! Owns the paths that chains of `AWS::ApiGateway::Resource` come to. Called by `cloudformation`.

use super::super::document::{Kind, Node};
use super::super::notes::Notes;
use super::super::template::{Resource, Template};
use super::{extension, names};

/// Resources in each other that are followed to the root.
const DEPTH_MAX: usize = 64;

const ANY: &str = "x-amazon-apigateway-any-method";

/// Adds all methods of the API, and what they name.
pub(super) fn add(document: &mut Node, template: &Template, api: &Resource, notes: &mut Notes) {
    for method in template.of("AWS::ApiGateway::Method").filter(|method| names(&method.properties, "RestApiId", &api.id)) {
        let Some(path) = path(template, api, &method.properties.word("ResourceId").unwrap_or_default()) else {
            notes.left_out(&method.properties, &method.id, "a method whose resource is not in this template");
            continue;
        };
        let verb = method.properties.word("HttpMethod").unwrap_or_default().to_ascii_lowercase();
        let verb = if verb == "any" { ANY } else { &verb };
        if let Some(item) = document.entry("paths").and_then(|paths| paths.entry(&path)) {
            item.set(verb, operation(template, method));
        }
    }
    named(document, template, api);
}

/// The path of a resource, from its parents; `None` if one of them is not there, or they form a circle.
fn path(template: &Template, api: &Resource, id: &str) -> Option<String> {
    let root = format!("${{{}.RootResourceId}}", api.id);
    let mut parts = Vec::new();
    let mut at = id.to_owned();
    for _ in 0..DEPTH_MAX {
        if at == root {
            parts.reverse();
            return Some(format!("/{}", parts.join("/")));
        }
        // `!GetAtt Child.ResourceId` is the same as `!Ref Child`.
        let name = at.strip_prefix("${").and_then(|rest| rest.strip_suffix(".ResourceId}")).unwrap_or(&at);
        let resource = template.resource(name).filter(|resource| resource.kind == "AWS::ApiGateway::Resource")?;
        parts.push(resource.properties.word("PathPart")?);
        at = resource.properties.word("ParentId")?;
    }
    None
}

/// A method as an operation.
fn operation(template: &Template, method: &Resource) -> Node {
    let properties = &method.properties;
    let line = properties.line;
    let mut operation = Node::empty(line);
    security(&mut operation, properties);
    let mut parameters = Vec::new();
    for (name, required) in properties.get("RequestParameters").map(Node::entries).unwrap_or_default() {
        let Some((place, name)) = name.strip_prefix("method.request.").and_then(|rest| rest.split_once('.')) else { continue };
        let mut parameter = Node::empty(required.line);
        parameter.set("in", Node::text(line, if place == "querystring" { "query" } else { place }));
        parameter.set("name", Node::text(line, name));
        parameter.set("required", required.clone());
        parameters.push(parameter);
    }
    operation.set("parameters", Node::new(line, Kind::List(parameters)));
    for (media, model) in properties.get("RequestModels").map(Node::entries).unwrap_or_default() {
        let pointer = format!("#/definitions/{}", model_name(template, &model.scalar().unwrap_or_default()));
        let content =
            operation.entry("requestBody").and_then(|body| body.entry("content")).and_then(|content| content.entry(media));
        if let Some(schema) = content.and_then(|content| content.entry("schema")) {
            schema.set("$ref", Node::text(model.line, pointer));
        }
    }
    if let Some(validator) = properties.get("RequestValidatorId") {
        operation.set("x-amazon-apigateway-request-validator", validator.clone());
    }
    if let Some(integration) = properties.get("Integration") {
        let mut extension = extension(integration);
        extension.set("responses", responses(integration));
        operation.set("x-amazon-apigateway-integration", extension);
    }
    operation
}

fn security(operation: &mut Node, properties: &Node) {
    let line = properties.line;
    let mut security = Vec::new();
    let mut need = |name: &str| {
        let mut alternative = Node::empty(line);
        let scopes = properties.get("AuthorizationScopes").map(Node::items).unwrap_or_default();
        alternative.set(name, Node::new(line, Kind::List(scopes.to_vec())));
        security.push(alternative);
    };
    if properties.get("ApiKeyRequired").is_some_and(Node::is_true) {
        need("api_key");
    }
    match properties.word("AuthorizationType") {
        Some(kind) if kind != "NONE" => need(&properties.word("AuthorizerId").unwrap_or(kind)),
        _ => {}
    }
    operation.set("security", Node::new(line, Kind::List(security)));
}

/// Integration responses by their patterns, in their order; two may have the same pattern, and the first one counts.
fn responses(integration: &Node) -> Node {
    let mut entries: Vec<(String, Node)> = Vec::new();
    for response in integration.get("IntegrationResponses").map(Node::items).unwrap_or_default() {
        let pattern =
            response.word("SelectionPattern").filter(|pattern| !pattern.is_empty()).unwrap_or_else(|| "default".to_owned());
        if !entries.iter().any(|(known, _)| *known == pattern) {
            entries.push((pattern, extension(response)));
        }
    }
    Node::new(integration.line, Kind::Map(entries))
}

/// Models, validators and gateway responses, by the names that methods use.
fn named(document: &mut Node, template: &Template, api: &Resource) {
    let own = |resource: &&Resource| names(&resource.properties, "RestApiId", &api.id);
    let mut put = |section: &str, name: &str, value: Node| {
        if let Some(section) = document.entry(section) {
            section.set(name, value);
        }
    };
    for model in template.of("AWS::ApiGateway::Model").filter(own) {
        let schema = model.properties.get("Schema").cloned().unwrap_or_else(|| Node::empty(0));
        // A schema may be given as its text.
        let schema = match &schema.kind {
            Kind::Text(text) => Node::parse(text).unwrap_or_else(|_| Node::empty(schema.line)),
            _ => schema,
        };
        put("definitions", &model_name(template, &model.id), schema);
    }
    for validator in template.of("AWS::ApiGateway::RequestValidator").filter(own) {
        put("x-amazon-apigateway-request-validators", &validator.id, extension(&validator.properties));
    }
    for response in template.of("AWS::ApiGateway::GatewayResponse").filter(own) {
        let kind = response.properties.word("ResponseType").unwrap_or_default();
        put("x-amazon-apigateway-gateway-responses", &kind, extension(&response.properties));
    }
    for authorizer in template.of("AWS::ApiGateway::Authorizer").filter(own) {
        put("securityDefinitions", &authorizer.id, super::scheme(&authorizer.properties));
    }
    let mut scheme = Node::empty(0);
    for (key, value) in [("type", "apiKey"), ("in", "header"), ("name", "x-api-key")] {
        scheme.set(key, Node::text(0, value));
    }
    put("securityDefinitions", "api_key", scheme);
}

/// A model's own name, or the logical id of one that has none.
fn model_name(template: &Template, given: &str) -> String {
    let resource = template.resource(given).filter(|resource| resource.kind == "AWS::ApiGateway::Model");
    resource.and_then(|resource| resource.properties.word("Name")).unwrap_or_else(|| given.to_owned())
}
