//! Events of functions and state machines that are routes of an API.
//!
//! Owns the operation that SAM makes of an event. Called by `sam`.

use super::super::document::{Kind as NodeKind, Node};
use super::super::template::Template;

/// Which kind of API an event is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `Type: Api`.
    Rest,
    /// `Type: HttpApi`.
    Http,
}

/// An event that is a route.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The API that it names.
    pub(super) api: Option<String>,
    kind: Kind,
    behind: Behind,
    path: String,
    /// As a path item has it.
    method: String,
    /// Its properties, in the line where it begins.
    pub(super) properties: Node,
}

/// What answers.
#[derive(Clone, Debug)]
enum Behind {
    Function(String),
    StateMachine(String),
}

/// The method of a path item that is every method.
pub(super) const ANY: &str = "x-amazon-apigateway-any-method";

const INTEGRATION: &str = "x-amazon-apigateway-integration";

/// All events of this kind, in the order of the file.
pub(super) fn of_template(template: &Template, kind: Kind) -> Vec<Event> {
    let mut events = Vec::new();
    for resource in &template.resources {
        let behind = match resource.kind.as_str() {
            "AWS::Serverless::Function" => Behind::Function(resource.id.clone()),
            "AWS::Serverless::StateMachine" => Behind::StateMachine(resource.id.clone()),
            _ => continue,
        };
        for (_, event) in resource.properties.get("Events").map(Node::entries).unwrap_or_default() {
            events.extend(read(event, kind, &behind));
        }
    }
    events
}

fn read(event: &Node, kind: Kind, behind: &Behind) -> Option<Event> {
    let (word, key) = match kind {
        Kind::Rest => ("Api", "RestApiId"),
        Kind::Http => ("HttpApi", "ApiId"),
    };
    if event.word("Type").as_deref() != Some(word) {
        return None;
    }
    let mut properties = event.get("Properties").cloned().unwrap_or_else(|| Node::empty(event.line));
    properties.line = event.line;
    // An HTTP API's event without a path is the default route (SAM specification, "HttpApi").
    let path = properties.word("Path").or_else(|| (kind == Kind::Http).then(|| "$default".to_owned()))?;
    let method = properties.word("Method").unwrap_or_else(|| "any".to_owned()).to_ascii_lowercase();
    let method = if matches!(method.as_str(), "any" | "*") || path == "$default" { ANY.to_owned() } else { method };
    Some(Event { api: properties.word(key), kind, behind: behind.clone(), path, method, properties })
}

impl Event {
    /// Adds the route to a definition; one that an HTTP API's definition has already stays as it is.
    pub(super) fn add(&self, document: &mut Node, api: &Node) {
        let line = self.properties.line;
        let Some(item) = document.entry("paths").and_then(|paths| paths.entry(&self.path)) else { return };
        let Some(operation) = item.entry(&self.method) else { return };
        if self.kind == Kind::Http && operation.get(INTEGRATION).is_some() {
            return;
        }
        operation.line = line;
        operation.set(INTEGRATION, self.integration(api));
        self.ask(operation);
        self.secure(operation);
    }

    /// Takes the event's settings of its route over to the stage.
    pub(super) fn add_settings(&self, api: &mut Node) {
        let Some(settings) = self.properties.get("RouteSettings").cloned() else { return };
        let method = if self.method == ANY { "ANY".to_owned() } else { self.method.to_ascii_uppercase() };
        let key = if self.path == "$default" { self.path.clone() } else { format!("{method} {}", self.path) };
        if let Some(all) = api.entry("RouteSettings") {
            all.set(&key, settings);
        }
    }

    fn integration(&self, api: &Node) -> Node {
        let line = self.properties.line;
        let mut integration = Node::empty(line);
        let mut set = |key: &str, value: &str| integration.set(key, Node::text(line, value));
        match &self.behind {
            Behind::Function(id) => {
                set("type", "aws_proxy");
                set("uri", &format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${{{id}.Arn}}/invocations"));
            }
            Behind::StateMachine(_) => {
                set("type", "aws");
                set("uri", "arn:aws:apigateway:us-east-1:states:action/StartExecution");
            }
        }
        set("httpMethod", "POST");
        if self.kind == Kind::Http {
            set("payloadFormatVersion", &self.properties.word("PayloadFormatVersion").unwrap_or_else(|| "2.0".to_owned()));
        }
        if let Behind::StateMachine(id) = &self.behind {
            let template =
                format!("{{\"input\": \"$util.escapeJavaScript($input.json('$'))\", \"stateMachineArn\": \"${{{id}.Arn}}\"}}");
            if let Some(templates) = integration.entry("requestTemplates") {
                templates.set("application/json", Node::text(line, template));
            }
            for (pattern, status) in [("200", "200"), ("400", "400")] {
                if let Some(response) = integration.entry("responses").and_then(|responses| responses.entry(pattern)) {
                    response.set("statusCode", Node::text(line, status));
                }
            }
        }
        for (theirs, ours) in [("TimeoutInMillis", "timeoutInMillis"), ("ResponseTransferMode", "responseTransferMode")] {
            if let Some(given) = self.properties.get(theirs).or_else(|| api.get(theirs)) {
                integration.set(ours, given.clone());
            }
        }
        integration
    }

    /// `RequestModel` and `RequestParameters`: what is asked of a request.
    fn ask(&self, operation: &mut Node) {
        let line = self.properties.line;
        let mut parameters: Vec<Node> = operation.get("parameters").map(Node::items).unwrap_or_default().to_vec();
        let mut cached = Vec::new();
        for given in self.properties.get("RequestParameters").map(Node::items).unwrap_or_default() {
            let named: Vec<(String, Node)> = match given.scalar() {
                Some(name) => vec![(name, Node::empty(given.line))],
                None => given.entries().to_vec(),
            };
            for (name, wish) in named {
                parameters.extend(parameter(&name, &wish));
                if wish.get("Caching").is_some_and(Node::is_true) {
                    cached.push(Node::text(given.line, name));
                }
            }
        }
        if let Some(model) = self.properties.get("RequestModel") {
            let name = model.word("Model").unwrap_or_default();
            let mut body = Node::empty(model.line);
            body.set("in", Node::text(line, "body"));
            body.set("name", Node::text(line, name.to_ascii_lowercase()));
            if let Some(schema) = body.entry("schema") {
                schema.set("$ref", Node::text(line, format!("#/definitions/{name}")));
            }
            parameters.push(body);
            validator(operation, model);
        }
        if !parameters.is_empty() {
            operation.set("parameters", Node::new(line, NodeKind::List(parameters)));
        }
        if !cached.is_empty()
            && let Some(integration) = operation.entry(INTEGRATION)
        {
            integration.set("cacheKeyParameters", Node::new(line, NodeKind::List(cached)));
        }
    }

    /// The event's own `Auth`, kept for `auth`, which knows that of the API.
    fn secure(&self, operation: &mut Node) {
        if let Some(auth) = self.properties.get("Auth") {
            operation.set(super::auth::OWN, auth.clone());
        }
    }
}

/// `method.request.header.X` as a parameter of the operation.
fn parameter(name: &str, wish: &Node) -> Option<Node> {
    let (place, name) = name.strip_prefix("method.request.")?.split_once('.')?;
    let place = if place == "querystring" { "query" } else { place };
    let mut parameter = Node::empty(wish.line);
    parameter.set("in", Node::text(wish.line, place));
    parameter.set("name", Node::text(wish.line, name));
    parameter
        .set("required", Node::text(wish.line, if wish.get("Required").is_some_and(Node::is_true) { "true" } else { "false" }));
    Some(parameter)
}

/// Names of the validators that SAM makes, by what they check.
pub(super) const VALIDATORS: [(&str, bool, bool); 3] =
    [("body-only", true, false), ("params-only", false, true), ("full", true, true)];

fn validator(operation: &mut Node, model: &Node) {
    let says = |key| model.get(key).is_some_and(Node::is_true);
    let (body, parameters) = (says("ValidateBody"), says("ValidateParameters"));
    if let Some((name, ..)) = VALIDATORS.iter().find(|(_, b, p)| (*b, *p) == (body, parameters)) {
        operation.set("x-amazon-apigateway-request-validator", Node::text(model.line, *name));
    }
}
