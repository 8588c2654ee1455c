//! `AWS::Serverless::WebSocketApi` as what `websocket` reads.
//!
//! Owns what SAM makes of its `Routes` and its `Auth`. Called by `sam`.

use super::super::document::Node;
use super::super::notes::Notes;
use super::super::template::{Protocol, Source, Template, merged};
use super::super::websocket;
use super::{domains, stage, top};

/// The stage that SAM makes where none is named.
const STAGE: &str = "default";

/// An API of this type.
pub(super) fn api(template: &Template, id: &str, own: &Node, notes: &mut Notes) -> Source {
    let globals = template.globals.get("WebSocketApi").cloned().unwrap_or_else(|| Node::empty(0));
    let properties = merged(&globals, own);
    let mut document = Node::empty(properties.line);
    if let Some(selection) = properties.get("RouteSelectionExpression") {
        document.set("selection", selection.clone());
    }
    let auth = properties.get("Auth");
    let kind = auth.and_then(|auth| auth.word("AuthType")).filter(|kind| kind != "NONE");
    let authorizer = format!("{id}ConnectAuthorizer");
    if let Some(auth) = auth.filter(|_| kind.as_deref() == Some("CUSTOM"))
        && let Some(schemes) = document.entry("securityDefinitions")
    {
        schemes.set(&authorizer, scheme(auth));
    }
    let mut routes = Node::empty(0);
    for (key, given) in properties.get("Routes").map(Node::entries).unwrap_or_default() {
        let mut route = given.clone();
        if let Some(integration) = integration(template, given) {
            route.set("integration", integration);
        }
        if let Some(kind) = kind.as_ref().filter(|_| key == "$connect") {
            route.set("AuthorizationType", Node::text(given.line, kind));
            if kind == "CUSTOM" {
                route.set("AuthorizerId", Node::text(given.line, &authorizer));
            }
        }
        routes.set(key, route);
    }
    document.set("routes", routes);
    if properties.get("DisableExecuteApiEndpoint").is_some_and(Node::is_true) {
        notes.left_out(&properties, id, "the default endpoint is switched off there; here it answers");
    }
    let mut source = Source {
        stages: vec![stage(&properties, STAGE, id, notes)],
        top: top(&properties, id),
        ..Source::new(id, Protocol::WebSocket, document)
    };
    domains(&mut source, &properties);
    source
}

/// The function of a route, as a proxy.
fn integration(template: &Template, route: &Node) -> Option<Node> {
    let function = route.word("FunctionArn")?;
    // A reference to a function is its name, and so is what names one without an ARN.
    let is_name = template.resource(&function).is_some() || !function.contains([':', '$', '/']);
    let uri = if is_name { format!("${{{function}.Arn}}") } else { function };
    let mut integration = Node::empty(route.line);
    integration.set("type", Node::text(route.line, "aws_proxy"));
    integration.set("uri", Node::text(route.line, uri));
    if let Some(timeout) = route.get("IntegrationTimeout") {
        integration.set("timeoutInMillis", timeout.clone());
    }
    Some(websocket::integration(integration, &[]))
}

/// `Auth` as a security scheme.
fn scheme(auth: &Node) -> Node {
    let mut authorizer = Node::empty(auth.line);
    authorizer.set("type", Node::text(auth.line, "request"));
    for (theirs, ours) in [("AuthArn", "authorizerUri"), ("IdentitySource", "identitySource")] {
        if let Some(given) = auth.get(theirs) {
            authorizer.set(ours, given.clone());
        }
    }
    let mut scheme = Node::empty(auth.line);
    scheme.set("x-amazon-apigateway-authorizer", authorizer);
    scheme
}
