//! Routes and integrations of an HTTP API as a definition.
//!
//! Owns which integration a route's `Target` names. Called by `cloudformation`.

use super::super::document::{Kind, Node};
use super::super::notes::Notes;
use super::super::template::{Resource, Template};
use super::{extension, names};

const ANY: &str = "x-amazon-apigateway-any-method";

/// Adds all routes of the API.
pub(super) fn add(document: &mut Node, template: &Template, api: &Resource, notes: &mut Notes) {
    quick(document, api);
    for authorizer in template.of("AWS::ApiGatewayV2::Authorizer").filter(|it| names(&it.properties, "ApiId", &api.id)) {
        let schemes = document.entry("components").and_then(|components| components.entry("securitySchemes"));
        if let Some(schemes) = schemes {
            schemes.set(&authorizer.id, super::scheme(&authorizer.properties));
        }
    }
    for route in template.of("AWS::ApiGatewayV2::Route").filter(|route| names(&route.properties, "ApiId", &api.id)) {
        let properties = &route.properties;
        let key = properties.word("RouteKey").unwrap_or_default();
        let mut operation = Node::empty(properties.line);
        match integration(template, properties) {
            Some(integration) => operation.set("x-amazon-apigateway-integration", integration),
            None => notes.left_out(properties, &route.id, "its target is no integration of this template"),
        }
        if let Some(kind) = properties.word("AuthorizationType").filter(|kind| kind != "NONE") {
            let mut alternative = Node::empty(properties.line);
            let scopes = properties.get("AuthorizationScopes").map(Node::items).unwrap_or_default();
            let name = properties.word("AuthorizerId").unwrap_or(kind);
            alternative.set(&name, Node::new(properties.line, Kind::List(scopes.to_vec())));
            operation.set("security", Node::new(properties.line, Kind::List(vec![alternative])));
        }
        put(document, &key, operation);
    }
}

/// `Target` of the API itself: one route to a function or URL ("quick create").
fn quick(document: &mut Node, api: &Resource) {
    let Some(target) = api.properties.word("Target") else { return };
    let line = api.properties.line;
    let is_url = target.starts_with("http://") || target.starts_with("https://");
    let mut integration = Node::empty(line);
    for (key, value) in
        [("type", if is_url { "http_proxy" } else { "aws_proxy" }), ("uri", &target), ("payloadFormatVersion", "2.0")]
    {
        integration.set(key, Node::text(line, value));
    }
    let mut operation = Node::empty(line);
    operation.set("x-amazon-apigateway-integration", integration);
    put(document, &api.properties.word("RouteKey").unwrap_or_else(|| "$default".to_owned()), operation);
}

/// `GET /orders`, `ANY /orders`, `$default`.
fn put(document: &mut Node, key: &str, operation: Node) {
    let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
    let method = if method.eq_ignore_ascii_case("ANY") { ANY.to_owned() } else { method.to_ascii_lowercase() };
    if let Some(item) = document.entry("paths").and_then(|paths| paths.entry(path.trim())) {
        item.set(&method, operation);
    }
}

/// The integration that `Target: integrations/Id` names.
fn integration(template: &Template, route: &Node) -> Option<Node> {
    Some(with_function(template, extension(&target(template, route)?.properties)))
}

/// The integration that a route leads to.
pub(super) fn target<'t>(template: &'t Template, route: &Node) -> Option<&'t Resource> {
    let target = route.word("Target")?;
    let id = target.rsplit('/').next()?;
    let id = id.strip_prefix("${").and_then(|id| id.strip_suffix('}')).unwrap_or(id);
    template.resource(id).filter(|resource| resource.kind == "AWS::ApiGatewayV2::Integration")
}

/// The integration, whose function is known as the extension knows functions.
pub(super) fn with_function(template: &Template, mut integration: Node) -> Node {
    // A reference to a function is its name; the extension knows functions by their ARNs.
    if let Some(uri) =
        integration.word("uri").filter(|uri| template.resource(uri).is_some_and(|it| it.kind.ends_with("::Function")))
    {
        let line = integration.line;
        integration.set("uri", Node::text(line, format!("${{{uri}.Arn}}")));
    }
    integration
}
