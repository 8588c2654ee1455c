//! APIs of plain CloudFormation: `AWS::ApiGateway::*` and `AWS::ApiGatewayV2::*`.
//!
//! Owns the definition that their resources come to, and what belongs to an API beside it: stages, plans, keys, domains.
//! Refuses to read that definition (`openapi`). Called by `template`.
//!
//! Source: CloudFormation resource reference, API Gateway and API Gateway V2, 2026.

use serde_json::{Map, Value};

use super::document::{Kind, Node};
use super::notes::Notes;
use super::plan::{Key, Plan};
use super::root::name_of;
use super::sam::camel;
use super::stage::Stage;
use super::template::{Protocol, Resource, Source, Template, stage_name};

mod http;
mod rest;
mod websocket;

/// `AWS::ApiGateway::RestApi` with its resources, methods and models.
pub(super) fn rest_api(template: &Template, api: &Resource, notes: &mut Notes) -> Source {
    let mut document = body(api, notes);
    document.set("swagger", Node::text(0, "2.0"));
    rest::add(&mut document, template, api, notes);
    for (theirs, ours) in [
        ("BinaryMediaTypes", "x-amazon-apigateway-binary-media-types"),
        ("MinimumCompressionSize", "x-amazon-apigateway-minimum-compression-size"),
        ("ApiKeySourceType", "x-amazon-apigateway-api-key-source"),
        ("Policy", "x-amazon-apigateway-policy"),
    ] {
        if let Some(given) = api.properties.get(theirs) {
            document.set(ours, given.clone());
        }
    }
    Source { top: top(api), ..Source::new(&api.id, Protocol::Rest, document) }
}

/// `AWS::ApiGatewayV2::Api` with its routes and integrations.
pub(super) fn http_api(template: &Template, api: &Resource, notes: &mut Notes) -> Source {
    if api.properties.word("ProtocolType").is_some_and(|protocol| protocol.eq_ignore_ascii_case("WEBSOCKET")) {
        let mut document = Node::empty(api.properties.line);
        websocket::add(&mut document, template, api);
        return Source { top: top(api), ..Source::new(&api.id, Protocol::WebSocket, document) };
    }
    let mut document = body(api, notes);
    document.set("openapi", Node::text(0, "3.0.1"));
    http::add(&mut document, template, api, notes);
    if let Some(given) = api.properties.get("CorsConfiguration") {
        let entries = given.entries().iter().map(|(key, value)| (camel(key), value.clone())).collect();
        document.set("x-amazon-apigateway-cors", Node::new(given.line, Kind::Map(entries)));
    }
    Source { top: top(api), ..Source::new(&api.id, Protocol::Http, document) }
}

/// Adds what other resources say of an API: its stages, usage plans, keys and domains.
pub(super) fn attach(template: &Template, api: &mut Source, notes: &mut Notes) {
    stages(template, api, notes);
    plans(template, api);
    let mappings = [
        ("AWS::ApiGateway::BasePathMapping", "RestApiId", "BasePath"),
        ("AWS::ApiGatewayV2::ApiMapping", "ApiId", "ApiMappingKey"),
    ];
    for (kind, key, path) in mappings {
        for mapping in template.of(kind).filter(|mapping| names(&mapping.properties, key, &api.id)) {
            let domain = mapping.properties.word("DomainName").unwrap_or_default();
            let domain = template.resource(&domain).and_then(|resource| resource.properties.word("DomainName")).unwrap_or(domain);
            let stage = mapping.properties.word("Stage").map(|stage| stage_of(template, &stage)).unwrap_or_default();
            api.domains.push((domain, mapping.properties.word(path).unwrap_or_default(), stage));
        }
    }
}

/// Whether a property names this API: SAM's stages and deployments are its own, so only references count.
fn names(properties: &Node, key: &str, api: &str) -> bool {
    properties.word(key).is_some_and(|name| name == api)
}

fn stages(template: &Template, api: &mut Source, notes: &mut Notes) {
    for (kind, key) in [("AWS::ApiGateway::Stage", "RestApiId"), ("AWS::ApiGatewayV2::Stage", "ApiId")] {
        for stage in template.of(kind).filter(|stage| names(&stage.properties, key, &api.id)) {
            let given = stage.properties.word("StageName").unwrap_or_default();
            let name = stage_name(&given).unwrap_or_else(|| {
                notes.assumed(
                    &stage.properties,
                    &stage.id,
                    format!("a stage named {}: {given:?} is known only once the template is deployed", stage.id),
                );
                stage.id.clone()
            });
            api.stages.push(Stage::read(name, &stage.properties));
        }
    }
    if !api.stages.is_empty() {
        return;
    }
    // A deployment that names a stage makes it.
    for deployment in template.of("AWS::ApiGateway::Deployment").filter(|it| names(&it.properties, "RestApiId", &api.id)) {
        if let Some(name) = deployment.properties.word("StageName").as_deref().and_then(stage_name) {
            let empty = Node::empty(0);
            api.stages.push(Stage::read(name, deployment.properties.get("StageDescription").unwrap_or(&empty)));
        }
    }
}

/// The name of a stage that is given by itself or by its resource.
fn stage_of(template: &Template, given: &str) -> String {
    let id = given.strip_suffix(".Stage").unwrap_or(given);
    let resource = template
        .resource(id)
        .filter(|resource| resource.kind.ends_with("::Stage") || resource.kind.starts_with("AWS::Serverless::"));
    resource.and_then(|resource| resource.properties.word("StageName")).unwrap_or_else(|| given.to_owned())
}

fn plans(template: &Template, api: &mut Source) {
    for plan in template.of("AWS::ApiGateway::UsagePlan") {
        let stages = plan.properties.get("ApiStages").map(Node::items).unwrap_or_default();
        let mine: Vec<&Node> = stages.iter().filter(|stage| names(stage, "ApiId", &api.id)).collect();
        if mine.is_empty() {
            continue;
        }
        let name_of_stage = |stage: &Node| stage_of(template, &stage.word("Stage").unwrap_or_default());
        let name = plan.properties.word("UsagePlanName").filter(|name| !name.contains("${")).unwrap_or_else(|| plan.id.clone());
        let links = template.of("AWS::ApiGateway::UsagePlanKey").filter(|link| names(&link.properties, "UsagePlanId", &plan.id));
        let keys: Vec<String> = links.filter_map(|link| link.properties.word("KeyId")).collect();
        let methods = mine.iter().flat_map(|stage| method_throttles(stage, &name_of_stage(stage))).collect();
        api.plans.plans.push(Plan {
            name,
            stages: mine.iter().map(|stage| name_of_stage(stage)).collect(),
            keys: keys.clone(),
            limits: plan.properties.clone(),
            methods,
        });
        for id in keys {
            if !api.plans.keys.iter().any(|key| key.name == id) {
                let key = template.resource(&id).map_or(Node::empty(0), |key| key.properties.clone());
                let enabled = key.get("Enabled").is_none_or(Node::is_true);
                api.plans.keys.push(Key { name: id, value: key.word("Value"), enabled });
            }
        }
    }
}

/// `Throttle: { /orders/GET: {...} }` of a plan's stage, by route key.
fn method_throttles(stage: &Node, name: &str) -> Vec<(String, String, Node)> {
    let throttles = stage.get("Throttle").map(Node::entries).unwrap_or_default();
    let key = |given: &str| {
        given.rsplit_once('/').map(|(path, method)| format!("{method} {}", if path.is_empty() { "/" } else { path }))
    };
    throttles.iter().filter_map(|(given, node)| Some((name.to_owned(), key(given)?, node.clone()))).collect()
}

/// The definition in the template.
fn body(api: &Resource, notes: &mut Notes) -> Node {
    if let Some(elsewhere) = api.properties.get("BodyS3Location") {
        notes.left_out(elsewhere, &api.id, "its definition is another file, which is not opened; import that file by itself");
    }
    let body = api.properties.get("Body").filter(|body| matches!(body.kind, Kind::Map(_)));
    body.cloned().unwrap_or_else(|| Node::empty(api.properties.line))
}

fn top(api: &Resource) -> Map<String, Value> {
    let mut top = Map::new();
    let name = api.properties.word("Name").map(|name| name_of(&name)).filter(|name| !name.is_empty() && !name.contains("${"));
    if let Some(name) = name.or_else(|| api.properties.get("Body").is_none().then(|| api.id.clone())) {
        top.insert("name".to_owned(), name.into());
    }
    let types = api.properties.at(&["EndpointConfiguration", "Types"]).map(Node::items).unwrap_or_default();
    let endpoint = types.first().and_then(Node::scalar).map(|word| word.to_ascii_lowercase());
    if let Some(endpoint) = endpoint.filter(|word| matches!(word.as_str(), "edge" | "regional" | "private")) {
        top.insert("endpoint".to_owned(), endpoint.into());
    }
    top
}

/// Properties of an integration resource with the extension's names.
fn extension(properties: &Node) -> Node {
    let mut extension = Node::empty(properties.line);
    for (key, value) in properties.entries() {
        let name = match key.as_str() {
            "IntegrationHttpMethod" | "IntegrationMethod" => "httpMethod".to_owned(),
            "IntegrationUri" => "uri".to_owned(),
            "IntegrationType" => "type".to_owned(),
            "CredentialsArn" => "credentials".to_owned(),
            "IntegrationResponses" | "ApiId" | "Description" => continue,
            _ => camel(key),
        };
        extension.set(&name, value.clone());
    }
    extension
}

/// An authorizer resource as a security scheme.
fn scheme(properties: &Node) -> Node {
    let line = properties.line;
    let mut authorizer = Node::empty(line);
    for (key, value) in properties.entries() {
        match key.as_str() {
            "RestApiId" | "ApiId" | "Name" | "AuthType" => {}
            "Type" | "AuthorizerType" => {
                authorizer.set("type", Node::text(line, value.scalar().unwrap_or_default().to_ascii_lowercase()));
            }
            "ProviderARNs" => authorizer.set("providerARNs", value.clone()),
            "JwtConfiguration" => {
                let entries = value.entries().iter().map(|(key, value)| (camel(key), value.clone())).collect();
                authorizer.set("jwtConfiguration", Node::new(value.line, Kind::Map(entries)));
            }
            _ => authorizer.set(&camel(key), value.clone()),
        }
    }
    // `IdentityValidationExpression` is that of the extension, and so are the others.
    let mut scheme = Node::empty(line);
    scheme.set("x-amazon-apigateway-authorizer", authorizer);
    scheme
}
