//! Routes and integrations of a WebSocket API as what `websocket` reads.
//!
//! Owns which resources belong to a route: its integration, what that answers, and whether the client gets it. Called by
//! `cloudformation`.

use super::super::document::{Kind, Node};
use super::super::template::{Resource, Template};
use super::super::websocket;
use super::{extension, http, names, scheme};

/// Adds all routes of the API.
pub(super) fn add(document: &mut Node, template: &Template, api: &Resource) {
    if let Some(selection) = api.properties.get("RouteSelectionExpression") {
        document.set("selection", selection.clone());
    }
    for authorizer in template.of("AWS::ApiGatewayV2::Authorizer").filter(|it| names(&it.properties, "ApiId", &api.id)) {
        if let Some(schemes) = document.entry("securityDefinitions") {
            schemes.set(&authorizer.id, scheme(&authorizer.properties));
        }
    }
    let mut routes = Node::empty(0);
    for route in template.of("AWS::ApiGatewayV2::Route").filter(|route| names(&route.properties, "ApiId", &api.id)) {
        let mut given = route.properties.clone();
        if let Some(target) = http::target(template, &route.properties) {
            given.set("integration", integration(template, target));
        }
        let responds =
            template.of("AWS::ApiGatewayV2::RouteResponse").any(|response| names(&response.properties, "RouteId", &route.id));
        if responds {
            given.set("responds", Node::new(given.line, Kind::Bool(true)));
        }
        routes.set(&route.properties.word("RouteKey").unwrap_or_default(), given);
    }
    document.set("routes", routes);
}

/// An integration with its responses.
fn integration(template: &Template, resource: &Resource) -> Node {
    let of = |response: &&Resource| names(&response.properties, "IntegrationId", &resource.id);
    let responses: Vec<Node> = template
        .of("AWS::ApiGatewayV2::IntegrationResponse")
        .filter(of)
        .map(|response| without_id(&extension(&response.properties)))
        .collect();
    websocket::integration(http::with_function(template, extension(&resource.properties)), &responses)
}

fn without_id(response: &Node) -> Node {
    let kept = response.entries().iter().filter(|(key, _)| key != "integrationId");
    Node::new(response.line, Kind::Map(kept.cloned().collect()))
}
