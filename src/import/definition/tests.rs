//! Laws of an import as a whole.

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// Keys that mean something somewhere in a definition or template.
const KEYS: &[&str] = &[
    "$ref",
    "Ref",
    "Fn::Sub",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::Join",
    "Fn::FindInMap",
    "Fn::Select",
    "Fn::Split",
    "Condition",
    "Type",
    "Properties",
    "Events",
    "E",
    "Path",
    "Method",
    "RestApiId",
    "ApiId",
    "DefinitionBody",
    "Body",
    "Auth",
    "Cors",
    "StageName",
    "Variables",
    "MethodSettings",
    "ThrottlingRateLimit",
    "paths",
    "/a",
    "/a/{b}",
    "/$default",
    "get",
    "post",
    "options",
    "parameters",
    "in",
    "name",
    "required",
    "requestBody",
    "content",
    "application/json",
    "schema",
    "properties",
    "security",
    "key",
    "responses",
    "default",
    "statusCode",
    "responseParameters",
    "method.response.header.X",
    "requestTemplates",
    "requestParameters",
    "integration.request.header.X",
    "type",
    "uri",
    "httpMethod",
    "timeoutInMillis",
    "x-amazon-apigateway-integration",
    "x-amazon-apigateway-any-method",
    "x-amazon-apigateway-cors",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-gateway-responses",
    "THROTTLED",
    "allowOrigins",
    "maxAge",
    "info",
    "title",
];

/// Texts that mean something.
const TEXTS: &[&str] = &[
    "#/paths/~1a",
    "#/definitions/M",
    "other.yaml#/x",
    "mock",
    "http",
    "aws_proxy",
    "aws",
    "http_proxy",
    "Api",
    "HttpApi",
    "get",
    "any",
    "/a",
    "/a/{b}",
    "A",
    "F",
    "AWS::NoValue",
    "${A.Arn}",
    "${P}",
    "true",
    "https://example.com/{b}",
    "arn:aws:lambda:r:1:function:f",
    "AWS::Serverless::Api",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::Function",
    "AWS::ApiGateway::Method",
    "header",
    "body",
    "200",
    "-1",
    "99999999999999999999",
    "",
    "\u{0}\u{2028}\"'",
];

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![proptest::sample::select(TEXTS).prop_map(str::to_owned), "\\PC{0,8}"];
    let key = prop_oneof![4 => proptest::sample::select(KEYS).prop_map(str::to_owned), 1 => "\\PC{0,8}"];
    let leaf = prop_oneof![
        4 => text.prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(7, 80, 6, move |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

/// Whatever comes of it, an import ends, and what it writes is YAML with the gateway that it names.
fn holds(document: &Value) {
    if let Ok(imported) = read("d.json", &document.to_string(), &Options::default()) {
        let text = imported.profile();
        let back = Node::parse(&text).unwrap_or_else(|why| panic!("{why:?}\n{text}"));
        assert_eq!(back.json()["gateway"], Value::Object(imported.gateway.clone()), "{text}");
        assert!(!imported.routes().is_empty());
    }
}

proptest! {
    #[test]
    fn no_document_panics(value in values()) {
        holds(&value);
    }

    #[test]
    fn no_definition_panics(paths in values(), integration in values(), rest in values()) {
        holds(&json!({
            "openapi": "3.0.1", "paths": paths, "components": { "schemas": { "M": rest }, "securitySchemes": rest }, "definitions": { "M": rest },
        }));
        holds(&json!({
            "swagger": "2.0", "x-amazon-apigateway-request-validators": { "v": { "validateRequestBody": true, "validateRequestParameters": true } },
            "x-amazon-apigateway-request-validator": "v",
            "paths": { "/a": { "get": { "x-amazon-apigateway-integration": integration, "parameters": rest, "requestBody": rest }, "post": paths } },
        }));
    }

    #[test]
    fn no_template_panics(one in values(), other in values(), events in values()) {
        let function = json!({ "Type": "AWS::Serverless::Function", "Properties": { "Events": { "E": { "Type": "Api", "Properties": events }, "H": { "Type": "HttpApi", "Properties": events } } } });
        holds(&json!({ "Globals": other, "Conditions": other, "Resources": {
            "A": { "Type": "AWS::Serverless::Api", "Properties": one }, "F": function,
        } }));
        holds(&json!({ "Parameters": other, "Resources": {
            "A": { "Type": "AWS::ApiGateway::RestApi", "Properties": one },
            "M": { "Type": "AWS::ApiGateway::Method", "Properties": other },
            "S": { "Type": "AWS::ApiGateway::Stage", "Properties": events },
            "P": { "Type": "AWS::ApiGateway::UsagePlan", "Properties": events },
        } }));
        holds(&json!({ "Resources": {
            "A": { "Type": "AWS::ApiGatewayV2::Api", "Properties": one }, "R": { "Type": "AWS::ApiGatewayV2::Route", "Properties": other }, "X": one,
        } }));
    }
}

#[test]
fn a_definition_says_itself_which_kind_of_api_it_is() {
    let kind = |integration: &str, top: &str| {
        let text =
            format!("openapi: 3.0.1\n{top}\npaths: {{ /a: {{ get: {{ x-amazon-apigateway-integration: {integration} }} }} }}\n");
        read("d", &text, &Options::default()).unwrap().api
    };
    let proxy = "{ type: http_proxy, uri: 'https://x', payloadFormatVersion: '1.0' }";
    assert_eq!(kind(proxy, ""), Api::Rest);
    assert_eq!(kind(proxy, "x-amazon-apigateway-cors: { allowOrigins: ['*'] }"), Api::Http);
    assert_eq!(kind("{ type: aws_proxy, integrationSubtype: SQS-SendMessage }", ""), Api::Http);
    assert_eq!(kind("{ type: mock, payloadFormatVersion: '2.0' }", ""), Api::Rest);
}

#[test]
fn a_key_that_the_user_gives_is_referred_to_by_the_profile_and_shown_nowhere() {
    let secret = "partner-key-0123456789";
    let options = Options { api_keys: vec![("partner".to_owned(), secret.to_owned())], ..Options::default() };
    let text = "swagger: '2.0'\nsecurityDefinitions: { k: { type: apiKey, in: header, name: x-api-key } }\n\
                paths: { /a: { get: { security: [{ k: [] }], x-amazon-apigateway-integration: { type: mock, responses: { default: { statusCode: 200 } } } } } }\n";
    let imported = read("d", text, &options).unwrap();
    assert_eq!(imported.gateway["api_keys"]["partner"]["value"], "${env:API_KEY_PARTNER}");
    assert_eq!(imported.secrets.variables()["API_KEY_PARTNER"], secret);
    assert_eq!(imported.gateway["usage_plans"]["imported"]["keys"], json!(["partner"]));
    assert!(!format!("{options:?}{imported:?}{}", imported.profile()).contains(secret));
}

#[test]
fn keys_whose_names_make_the_same_variable_get_variables_of_their_own() {
    let mut secrets = Secrets::default();
    let names = ["API_KEY_a-b", "API_KEY_a.b", "API_KEY_A_B"].map(|wanted| secrets.keep(wanted, wanted));
    assert_eq!(names, ["API_KEY_A_B", "API_KEY_A_B_2", "API_KEY_A_B_3"]);
}

proptest! {
    #[test]
    fn no_value_of_a_key_stands_in_a_profile_unless_it_is_one_reference(value in "[a-z:}]{0,3}[a-z0-9]{20,40}|\\$\\{(env|file):[A-Z]{1,8}\\}") {
        let options = Options { api_keys: vec![("k".to_owned(), value.clone())], ..Options::default() };
        let text = "swagger: '2.0'\nsecurityDefinitions: { k: { type: apiKey, in: header, name: x-api-key } }\n\
                    paths: { /a: { get: { security: [{ k: [] }], x-amazon-apigateway-integration: { type: mock } } } }\n";
        if let Ok(imported) = read("d", text, &options) {
            prop_assert_eq!(imported.profile().contains(&value), value.starts_with("${"), "{}", imported.profile());
        }
    }
}

#[test]
fn security_at_the_top_counts_for_rest_operations_without_their_own() {
    let answered = "x-amazon-apigateway-integration: { type: mock, responses: { default: { statusCode: 200 } } }";
    let text = format!(
        "swagger: '2.0'\nsecurityDefinitions: {{ k: {{ type: apiKey, in: header, name: x-api-key }} }}\nsecurity: [{{ k: [] }}]\n\
         paths: {{ /a: {{ get: {{ {answered} }}, put: {{ security: [], {answered} }} }} }}\n"
    );
    let imported = read("d", &text, &Options::default()).unwrap();
    assert_eq!(imported.gateway["routes"]["GET /a"]["api_key"], "required");
    assert_eq!(imported.gateway["routes"]["PUT /a"].get("api_key"), None);
}

#[test]
fn a_template_that_cannot_be_one_fails_where_it_would_run() {
    let text = "openapi: 3.0.1\npaths: { /a: { get: { x-amazon-apigateway-integration: { type: mock, responses: \
                { default: { statusCode: 200, responseTemplates: { application/json: '#macro(x)y#end' } } } } } } }\n";
    let mut imported = read("d", text, &Options::default()).unwrap();
    let key = |key: &str| Step::Key(key.to_owned());
    let rule = [key("routes"), key("GET /a"), key("integration"), key("mock"), key("responses"), Step::Index(0)];
    let path: Vec<Step> = rule.into_iter().chain([key("templates"), key("application/json")]).collect();
    assert!(imported.leave_out(&path, "no template"));
    let rule = &imported.gateway["routes"]["GET /a"]["integration"]["mock"]["responses"][0];
    assert_eq!(rule["templates"]["application/json"], "$util.parseJson('{')");
    assert!(imported.notes.lines("d").iter().any(|line| line.ends_with("no template; where it would run, the answer is a 500")));
    assert!(!imported.leave_out(&path, "no template"), "it is put there once");
}

#[test]
fn parameters_mapped_in_front_of_a_function_as_a_proxy_are_kept_for_those_that_may_not_be_set() {
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:echo/invocations";
    let integration = json!({
        "type": "aws_proxy", "httpMethod": "POST", "uri": uri,
        "requestParameters": { "integration.request.header.X": "method.request.header.Y" },
    });
    let document = json!({ "swagger": "2.0", "paths": { "/a": { "get": { "x-amazon-apigateway-integration": integration } } } });
    let imported = read("d", &document.to_string(), &Options::default()).unwrap();
    let parameters = json!({ "header.X": "method.request.header.Y" });
    let integration = &imported.gateway["routes"]["GET /a"]["integration"];
    assert_eq!(*integration, json!({ "lambda": { "function": "echo", "parameters": parameters } }));
}

#[test]
fn only_what_proxies_of_a_rest_api_answer_is_streamed() {
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/arn:aws:lambda:us-east-1:123456789012:function:echo/response-streaming-invocations";
    let function = json!({ "type": "aws_proxy", "httpMethod": "POST", "uri": uri, "responseTransferMode": "STREAM" });
    let http = json!({ "type": "http_proxy", "httpMethod": "GET", "uri": "http://localhost/", "responseTransferMode": "STREAM" });
    let mapped = json!({ "type": "http", "httpMethod": "GET", "uri": "http://localhost/", "responseTransferMode": "STREAM" });
    let paths = json!({
        "/a": { "get": { "x-amazon-apigateway-integration": function } },
        "/b": { "get": { "x-amazon-apigateway-integration": http } },
        "/c": { "get": { "x-amazon-apigateway-integration": mapped } },
    });
    let imported = read("d", &json!({ "swagger": "2.0", "paths": paths }).to_string(), &Options::default()).unwrap();
    let integration = &imported.gateway["routes"]["GET /a"]["integration"];
    assert_eq!(*integration, json!({ "lambda": { "function": "echo", "stream": true } }));
    assert_eq!(imported.gateway["routes"]["GET /b"]["integration"]["http"]["stream"], true);
    assert!(imported.gateway["routes"]["GET /c"]["integration"]["http"].get("stream").is_none());
    let told = imported.notes.lines("d").iter().filter(|line| line.contains("is streamed")).count();
    assert_eq!(told, 1, "{:?}", imported.notes.lines("d"));
}

#[test]
fn how_the_function_of_an_authorizer_is_spoken_to_is_carried() {
    let lambda = |kind: &str, more: &Value| {
        let mut given = json!({ "type": kind, "authorizerUri": "arn:aws:lambda:us-east-1:1:function:check" });
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let scheme =
            json!({ "type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authorizer": given });
        let integration = json!({ "type": "aws_proxy", "httpMethod": "POST", "uri": "arn:aws:lambda:us-east-1:1:function:orders", "payloadFormatVersion": "2.0" });
        let document = json!({
            "openapi": "3.0.1", "components": { "securitySchemes": { "check": scheme } },
            "paths": { "/a": { "get": { "security": [{ "check": [] }], "x-amazon-apigateway-integration": integration } } },
        });
        let api = if kind == "token" || more.get("rest").is_some() { Api::Rest } else { Api::Http };
        let imported = read("d", &document.to_string(), &Options { api: Some(api), ..Options::default() }).unwrap();
        let lambda = &imported.gateway["authorizers"]["check"]["lambda"];
        ["type", "payload_format", "simple_responses"].map(|key| lambda[key].clone())
    };
    let none = Value::Null;
    for (kind, more, expected) in [
        ("token", json!({}), [none.clone(), none.clone(), none.clone()]),
        ("request", json!({ "rest": true }), ["request".into(), none.clone(), none.clone()]),
        ("request", json!({ "authorizerPayloadFormatVersion": "1.0" }), [none.clone(), "1.0".into(), none.clone()]),
        ("request", json!({ "authorizerPayloadFormatVersion": "2.0" }), [none.clone(), none.clone(), none.clone()]),
        ("request", json!({ "enableSimpleResponses": true }), [none.clone(), none.clone(), true.into()]),
    ] {
        assert_eq!(lambda(kind, &more), expected, "{kind} {more}");
    }
}
