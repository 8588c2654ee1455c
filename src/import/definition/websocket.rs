//! A WebSocket API: its routes by their keys, as `sam` and `cloudformation` make them of resources.
//!
//! Owns what such a route asks and answers, and which of its templates holds. Refuses the resources themselves, and what answers
//! (`extension`). Called by [`read`](super::read).
//!
//! Source: developer guide, "Working with routes for WebSocket APIs" and "WebSocket API mapping template reference", 2026.

use serde_json::{Map, Value};

use super::Api;
use super::authorizer::Authorizers;
use super::document::{Kind, Node};
use super::error::Fault;
use super::extension::{Integrations, insert_full};
use super::notes::Notes;
use super::openapi::Contents;
use super::service::BackEnds;

/// The key of what holds for whatever has no other.
const DEFAULT: &str = "$default";
/// The routes to which no message comes.
const WITHOUT_MESSAGES: [&str; 2] = ["$connect", "$disconnect"];

/// Reads the routes of an API.
pub(super) fn read(
    root: &Node,
    variables: &[(String, String)],
    back_ends: &mut BackEnds,
    notes: &mut Notes,
) -> Result<Contents, Fault> {
    let mut authorizers = Authorizers::default();
    let mut contents = Contents::default();
    if let Some(given) = root.get("selection") {
        contents.top.insert("route_selection".to_owned(), given.scalar().unwrap_or_default().into());
    }
    for (key, given) in root.get("routes").map(Node::entries).unwrap_or_default() {
        contents.found.push(key.clone());
        let Some(integration) = given.get("integration") else {
            notes.left_out(given, key, "no integration of this template says what answers; the route is left out");
            continue;
        };
        let mut route = asked(root, (key, given), &mut authorizers, notes);
        answered(&mut route, (key, given), notes);
        let mut integrations = Integrations { api: Api::WebSocket, variables, back_ends, notes };
        if let Some(answers) = integrations.route(integration, key) {
            route.extend(answers);
            contents.routes.insert(key.clone(), Value::Object(route));
        }
    }
    insert_full(&mut contents.top, "authorizers", authorizers.into_profile());
    if contents.routes.is_empty() {
        return Err(Fault::new(root, "Routes", "it has no route that can be served; give it one with an integration"));
    }
    Ok(contents)
}

/// What a handshake is asked. Of messages nothing is, whatever the template says.
fn asked(root: &Node, (key, given): (&str, &Node), authorizers: &mut Authorizers, notes: &mut Notes) -> Map<String, Value> {
    let mut route = Map::new();
    let kind = given.word("AuthorizationType").filter(|kind| kind != "NONE");
    let asks_for_key = given.get("ApiKeyRequired").is_some_and(Node::is_true);
    if key != "$connect" {
        if kind.is_some() || asks_for_key {
            notes.left_out(given, key, "the service asks who somebody is at $connect alone");
        }
        return route;
    }
    if asks_for_key {
        route.insert("api_key".to_owned(), "required".into());
    }
    if let Some(kind) = kind {
        let name = given.word("AuthorizerId").unwrap_or(kind);
        route.extend(authorizers.route((root, Api::WebSocket), (&name, &[]), key, notes));
    }
    route
}

/// Whether the client gets the answer, and what of the route is not carried over.
fn answered(route: &mut Map<String, Value>, (key, given): (&str, &Node), notes: &mut Notes) {
    if given.get("responds").is_some_and(Node::is_true) {
        if WITHOUT_MESSAGES.contains(&key) {
            notes.left_out(given, key, "a route response: no message comes to this route that it could answer");
        } else {
            route.insert("responds".to_owned(), true.into());
        }
    }
    for (name, what) in [
        ("RequestModels", "what its messages are checked against"),
        ("RequestParameters", "the parameters that it names: a WebSocket API checks none here"),
    ] {
        if let Some(given) = given.get(name).filter(|given| given.kind != Kind::Null) {
            notes.left_out(given, key, what);
        }
    }
}

/// The extension of an integration's properties: of its templates the one that holds, of its responses those that are given. One
/// without responses is one-way, which is no error here as it is with a REST API.
pub(super) fn integration(mut extension: Node, responses: &[Node]) -> Node {
    let line = extension.line;
    if let Some(given) = extension.get("contentHandlingStrategy").cloned() {
        extension.set("contentHandling", given);
    }
    one_template(&mut extension, "requestTemplates");
    if let Some(given) = extension.get("requestParameters").cloned() {
        let ours = |(name, value): &(String, Node)| (name.clone(), in_rest_words(value));
        extension.set("requestParameters", Node::new(line, Kind::Map(given.entries().iter().map(ours).collect())));
    }
    if extension.word("type").is_some_and(|kind| kind.to_ascii_lowercase().ends_with("_proxy")) {
        return without(&extension, &["templateSelectionExpression", "contentHandlingStrategy"]);
    }
    let mut entries: Vec<(String, Node)> = responses.iter().map(response).collect();
    if !entries.iter().any(|(pattern, _)| pattern == "default") {
        let mut default = Node::empty(line);
        default.set("statusCode", Node::text(line, "200"));
        entries.push(("default".to_owned(), default));
    }
    extension.set("responses", Node::new(line, Kind::Map(entries)));
    without(&extension, &["templateSelectionExpression", "contentHandlingStrategy"])
}

/// An integration response by its pattern: its key is `$default`, or a pattern between slashes.
fn response(given: &Node) -> (String, Node) {
    let key = given.word("integrationResponseKey").unwrap_or_else(|| DEFAULT.to_owned());
    let pattern = match key.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(pattern) => pattern.to_owned(),
        None if key == DEFAULT => "default".to_owned(),
        None => key,
    };
    let status = pattern.parse::<u16>().ok().filter(|status| (200..=599).contains(status)).unwrap_or(200);
    let mut response = given.clone();
    one_template(&mut response, "responseTemplates");
    response.set("statusCode", Node::text(given.line, status.to_string()));
    (pattern, without(&response, &["templateSelectionExpression", "integrationResponseKey", "contentHandlingStrategy"]))
}

/// A message has no media type: the template that is selected becomes that of JSON, which is what is assumed of one.
fn one_template(of: &mut Node, key: &str) {
    let Some(templates) = of.get(key).cloned() else { return };
    let expression = of.word("templateSelectionExpression");
    let selected = expression.as_deref().map(|text| text.trim_start_matches('\\'));
    let chosen = match selected {
        Some(text) if !text.starts_with('$') || text == DEFAULT => templates.get(text),
        Some(_) | None => None,
    };
    // What depends on the message is the default here.
    let chosen = chosen.or_else(|| templates.get(DEFAULT)).or_else(|| templates.get("application/json"));
    let one = chosen.map(|template| ("application/json".to_owned(), template.clone()));
    of.set(key, Node::new(templates.line, Kind::Map(one.into_iter().collect())));
}

/// `route.request.header.X` is `method.request.header.X` to a REST API.
fn in_rest_words(value: &Node) -> Node {
    match value.scalar().as_deref().and_then(|text| text.strip_prefix("route.request.")) {
        Some(rest) => Node::text(value.line, format!("method.request.{rest}")),
        None => value.clone(),
    }
}

fn without(node: &Node, keys: &[&str]) -> Node {
    let kept = node.entries().iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    Node::new(node.line, Kind::Map(kept.cloned().collect()))
}

/// The route keys of an API.
pub(super) fn keys(root: &Node) -> Vec<String> {
    root.get("routes").map(Node::entries).unwrap_or_default().iter().map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Imported, Options, read};
    use crate::config::{Overrides, Plan, Script, is_callback, load_text};
    use sluicegate_policy::model::{Integration, MockIntegration, Protocol, Requirement, Route, RouteResponse, ServiceCall};

    /// An API of plain CloudFormation with everything that this module carries over.
    const CHAT: &str = r#"
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.kind }
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Chat
      StageName: live
      DefaultRouteSettings: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 20, LoggingLevel: INFO }
      RouteSettings: { send: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 2 } }
  Check:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Chat
      AuthorizerType: REQUEST
      AuthorizerResultTtlInSeconds: 300
      AuthorizerUri: !Sub arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Asked.Arn}/invocations
      IdentitySource: [route.request.header.token, route.request.querystring.t]
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: $connect, AuthorizationType: CUSTOM, AuthorizerId: !Ref Check, ApiKeyRequired: true, Target: !Sub "integrations/${Fixed}" }
  Fixed:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: MOCK
      TemplateSelectionExpression: '200'
      RequestTemplates: { '200': '{"statusCode":200}', '500': '{"statusCode":500}' }
  FixedResponse:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties: { ApiId: !Ref Chat, IntegrationId: !Ref Fixed, IntegrationResponseKey: /200/ }
  Send:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: send, AuthorizationType: AWS_IAM, Target: !Join [/, [integrations, !Ref Sent]] }
  SendResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: { ApiId: !Ref Chat, RouteId: !Ref Send, RouteResponseKey: $default }
  Sent:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS_PROXY
      TimeoutInMillis: 5000
      IntegrationUri: !Sub arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Sender.Arn}/invocations
  Start:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: $default, Target: !Sub "integrations/${Started}" }
  Started:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS
      IntegrationMethod: POST
      IntegrationUri: arn:aws:apigateway:us-east-1:states:action/StartExecution
      TemplateSelectionExpression: \$default
      RequestTemplates: { $default: '{"input": "x"}' }
      RequestParameters: { integration.request.header.X-Token: route.request.header.token }
  Lost:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: lost, Target: integrations/Gone }
  Asked: { Type: AWS::Serverless::Function, Properties: { MemorySize: 256 } }
  Sender: { Type: AWS::Serverless::Function, Properties: { MemorySize: 512 } }
"#;

    fn imported(text: &str) -> Imported {
        read("t.yaml", text, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn proven(imported: &Imported) -> Plan {
        let overrides =
            Overrides { script: Script::Served, variables: imported.secrets.variables().clone(), ..Overrides::default() };
        load_text("t", &imported.profile(), &overrides, &[]).unwrap_or_else(|error| panic!("{error}\n{}", imported.profile()))
    }

    fn route<'p>(plan: &'p Plan, key: &str) -> &'p Route {
        plan.model.routes.iter().find(|route| route.key() == key).unwrap_or_else(|| panic!("no route {key}"))
    }

    #[test]
    fn an_api_of_cloudformation_is_a_profile_with_its_routes_and_its_stage() {
        let imported = imported(CHAT);
        let plan = proven(&imported);
        let mut keys: Vec<String> = plan.model.routes.iter().filter(|it| !is_callback(it)).map(Route::key).collect();
        keys.sort();
        assert_eq!(keys, ["$connect", "$default", "send"]);
        assert_eq!(plan.model.apis[0].websocket.selection, ["kind"]);
        let stage = &plan.model.stages[0];
        assert_eq!((stage.name.as_str(), stage.throttle.map(|it| it.burst.0)), ("live", Some(20)));
        assert_eq!(stage.route_throttles.iter().map(|(_, throttle)| throttle.burst.0).collect::<Vec<_>>(), [2]);
        assert_eq!(plan.model.functions.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Sender"]);
    }

    #[test]
    fn a_handshake_asks_whom_the_template_lets_it_ask_and_messages_ask_nobody() {
        let imported = imported(CHAT);
        let plan = proven(&imported);
        let connect = route(&plan, "$connect");
        assert_eq!((connect.api_key, connect.authorization.is_some()), (Requirement::Required, true));
        assert!(route(&plan, "send").authorization.is_none());
        let lambda = plan.model.authorizers[0].lambda().expect("it asks a function");
        assert_eq!((lambda.identity.len(), lambda.ttl.as_ns()), (2, 0));
        let told = imported.notes.lines("t.yaml").join("\n");
        assert!(told.contains("send: the service asks who somebody is at $connect alone"), "{told}");
        assert!(told.contains("lost: no integration of this template says what answers"), "{told}");
    }

    #[test]
    fn the_template_that_is_selected_holds_and_a_message_is_answered_where_a_route_response_says_so() {
        let plan = proven(&imported(CHAT));
        let Integration::Mock(MockIntegration::Mapped(fixed)) = &route(&plan, "$connect").integration else { panic!("a mock") };
        assert_eq!(fixed.requests, [("application/json".to_owned(), "{\"statusCode\":200}".to_owned())]);
        let patterns: Vec<_> = fixed.responses.iter().map(|rule| (rule.pattern.as_deref(), rule.status)).collect();
        assert_eq!(patterns, [(Some("200"), 200), (None, 200)]);
        let (send, started) = (route(&plan, "send"), route(&plan, "$default"));
        assert_eq!((send.response, started.response), (RouteResponse::Present, RouteResponse::Absent));
        let Integration::Lambda(sent) = &send.integration else { panic!("a function") };
        assert_eq!((sent.timeout.as_ns(), matches!(sent.protocol, Protocol::Proxy { .. })), (5_000_000_000, true));
        let Integration::Service(service) = &started.integration else { panic!("a service") };
        let ServiceCall::Request { mapping, .. } = &service.call else { panic!("a request") };
        assert_eq!(mapping.requests, [("application/json".to_owned(), "{\"input\": \"x\"}".to_owned())]);
        let header = ("header.X-Token".to_owned(), "method.request.header.token".to_owned());
        assert_eq!((mapping.parameters.as_slice(), mapping.responses.len()), (&[header][..], 1));
    }

    #[test]
    fn an_api_of_sam_is_what_sam_makes_of_it() {
        let text = "Resources:\n  Talk:\n    Type: AWS::Serverless::WebSocketApi\n    Properties:\n      Name: talk\n      \
                    RouteSelectionExpression: $request.body.action\n      Auth: { AuthType: CUSTOM, AuthArn: !GetAtt Asked.Arn, \
                    IdentitySource: [route.request.querystring.t] }\n      Routes:\n        $connect: { FunctionArn: !GetAtt Greet.Arn, \
                    IntegrationTimeout: 15000 }\n        say: { FunctionArn: !GetAtt Greet.Arn }\n  Greet: { Type: AWS::Serverless::Function }\n  \
                    Asked: { Type: AWS::Serverless::Function }\n";
        let plan = proven(&imported(text));
        assert_eq!(plan.model.stages[0].name, "default");
        assert!(route(&plan, "$connect").authorization.is_some() && route(&plan, "say").authorization.is_none());
        assert_eq!(plan.model.authorizers[0].name, "TalkConnectAuthorizer");
        let Integration::Lambda(greet) = &route(&plan, "$connect").integration else { panic!("a function") };
        assert_eq!((greet.timeout.as_ns(), plan.model.functions[0].name.as_str()), (15_000_000_000, "Greet"));
    }
}
