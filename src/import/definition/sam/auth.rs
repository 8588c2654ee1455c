//! `Auth` of SAM's APIs: API keys and their usage plan, authorizers.
//!
//! Owns what SAM makes of it in a definition: security and schemes. The policy is made by `resource_policy`. Called by `sam`.

use super::super::authorizer::IAM;
use super::super::document::{Kind, Node};
use super::super::notes::Notes;
use super::super::plan::{Key, Plan};
use super::super::template::Source;
use super::event::{Kind as EventKind, VALIDATORS};
use super::resource_policy;

/// Where an operation keeps the `Auth` of its event until it is read.
pub(super) const OWN: &str = "x-sam-auth";

/// SAM's name for the security scheme of API keys.
const API_KEY: &str = "api_key";

/// Gives every operation the security that its event and its API say.
pub(super) fn add(document: &mut Node, (id, kind): (&str, EventKind), properties: &Node, notes: &mut Notes) {
    let auth = properties.get("Auth").cloned().unwrap_or_else(|| Node::empty(0));
    if let Some(given) = auth.get("InvokeRole") {
        notes.left_out(given, id, "Auth.InvokeRole is not modelled: back ends may be called");
    }
    if let Some(given) = auth.get("ResourcePolicy") {
        resource_policy::of_api(document, given);
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
        for (name, given) in auth.get("Authorizers").map(Node::entries).unwrap_or_default() {
            schemes.set(name, authorizer(given, kind));
        }
    }
    validators(document);
}

/// The operations of a path, by their methods.
pub(super) fn operations(item: &mut Node) -> impl Iterator<Item = (&str, &mut Node)> {
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
        let of_api = || api.at(&["Authorizers", &name, "AuthorizationScopes"]);
        let scopes = own.get("AuthorizationScopes").or_else(of_api).map(Node::items).unwrap_or_default();
        // SAM gives the name of its own authorizer no scopes, whoever else has it.
        let scopes = if name == IAM { &[] } else { scopes };
        alternative.set(&name, Node::new(line, Kind::List(scopes.to_vec())));
        security.push(alternative);
    }
    if !security.is_empty() {
        operation.set("security", Node::new(line, Kind::List(security)));
    }
}

/// An authorizer of SAM as a security scheme (SAM specification, "`ApiAuth`" and "`HttpApiAuth`", 2026).
fn authorizer(given: &Node, kind: EventKind) -> Node {
    let line = given.line;
    let identity = given.get("Identity").cloned().unwrap_or_else(|| Node::empty(line));
    let mut authorizer = Node::empty(line);
    let mut header = identity.word("Header").unwrap_or_else(|| "Authorization".to_owned());
    let mut set = |key: &str, value: Option<Node>| {
        if let Some(value) = value {
            authorizer.set(key, value);
        }
    };
    set("identityValidationExpression", identity.get("ValidationExpression").cloned());
    set("authorizerResultTtlInSeconds", identity.get("ReauthorizeEvery").cloned());
    let word = |text: &str| Some(Node::text(line, text));
    if let Some(pool) = given.get("UserPoolArn") {
        set("type", word("cognito_user_pools"));
        let pools = if pool.items().is_empty() { vec![pool.clone()] } else { pool.items().to_vec() };
        set("providerARNs", Some(Node::new(line, Kind::List(pools))));
    } else if let Some(jwt) = given.get("JwtConfiguration") {
        set("type", word("jwt"));
        let entries = jwt.entries().iter().map(|(key, value)| (super::camel(key), value.clone())).collect();
        set("jwtConfiguration", Some(Node::new(line, Kind::Map(entries))));
        set("identitySource", given.get("IdentitySource").cloned());
    } else if let Some(function) = given.get("FunctionArn") {
        let of_http = kind == EventKind::Http;
        let is_request = of_http || given.word("FunctionPayloadType").is_some_and(|kind| kind.eq_ignore_ascii_case("REQUEST"));
        set("type", word(if is_request { "request" } else { "token" }));
        set("authorizerUri", Some(function.clone()));
        // Of a REST API SAM passes these over.
        if of_http {
            set("authorizerPayloadFormatVersion", given.get("AuthorizerPayloadFormatVersion").cloned());
            set("enableSimpleResponses", given.get("EnableSimpleResponses").cloned());
        }
        if is_request {
            set("identitySource", Some(Node::text(line, sources(&identity, of_http))));
            "Unused".clone_into(&mut header);
        }
    }
    let mut scheme = Node::empty(line);
    for (key, value) in [("type", "apiKey"), ("in", "header"), ("name", &header)] {
        scheme.set(key, Node::text(line, value));
    }
    scheme.set("x-amazon-apigateway-authorizer", authorizer);
    scheme
}

/// `Identity` of a function that sees the request, as the extension writes its sources.
fn sources(identity: &Node, of_http: bool) -> String {
    let request = if of_http { "$request" } else { "method.request" };
    let mut sources = Vec::new();
    let places = [
        ("Headers", format!("{request}.header")),
        ("QueryStrings", format!("{request}.querystring")),
        ("StageVariables", "stageVariables".to_owned()),
        ("Context", "context".to_owned()),
    ];
    for (key, place) in places {
        let names = identity.get(key).map(Node::items).unwrap_or_default();
        sources.extend(names.iter().filter_map(Node::scalar).map(|name| format!("{place}.{name}")));
    }
    sources.join(",")
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
