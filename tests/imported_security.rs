//! Who may call what, imported: of SAM's own templates it is what SAM makes of them.
//!
//! Three readings of each: that of the template, that of SAM's output, and a plain one of that output, which shares no code with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use sluicegate::config::{Overrides, Script, is_callback, load_text};
use sluicegate::import::definition::{Options, described};
use sluicegate_policy::model::{
    ApiKind, Authorizer, AuthorizerAnswers, AuthorizerFormat, AuthorizerKind, Condition, IdentitySource, Model, Patterns,
    Requirement, Route, Statement, Test,
};

use crate::definition::{files, name, shared};
use crate::program::{Bench, quiet};

/// What the routes of an API ask of their requests.
#[derive(Debug, Default, PartialEq)]
struct Security {
    /// By route, in words: an API key, an authorizer with scopes, and what of the API's policy speaks of it.
    routes: BTreeMap<String, Asked>,
    /// What of it was left out, as the profile says.
    left_out: BTreeSet<String>,
}

#[derive(Debug, Default, PartialEq)]
struct Asked {
    key: bool,
    authorizer: Option<String>,
    scopes: Vec<String>,
    policy: BTreeSet<String>,
}

/// The APIs of a template by their logical ids; of those that cannot be imported, why not.
type Apis = BTreeMap<String, Result<Security, String>>;

fn imported(bench: &Bench, path: &Path) -> Apis {
    let text = std::fs::read_to_string(path).expect("a template is text");
    let apis = described(&name(path), &text, &Options::default()).unwrap_or_else(|why| panic!("{why}"));
    let of = |id: &str| {
        let arguments = ["import", "sam", path.to_str().expect("a path is text"), "-o", "out.yaml", "--api-id", id];
        let done = bench.sluicegate(arguments);
        if done.code != Some(0) {
            // Without the place, which is another one in each file.
            let told = done.stderr.trim_start_matches("error: ").trim_start_matches(path.to_str().expect("a path is text"));
            return Err(told.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ':' | ' ')).to_owned());
        }
        let profile = std::fs::read_to_string(bench.path("out.yaml")).expect("a profile was written");
        let overrides = Overrides { script: Script::Served, ..Overrides::default() };
        let plan = load_text("out.yaml", &profile, &overrides, &[]).unwrap_or_else(|why| panic!("{why}\n{profile}"));
        Ok(Security { routes: routes(&plan.model), left_out: left_out(&profile) })
    };
    apis.into_iter().map(|api| (api.id.clone(), of(&api.id))).collect()
}

fn routes(model: &Model) -> BTreeMap<String, Asked> {
    let asked = |route: &Route| {
        let authorization = route.authorization.as_ref();
        let authorizer = authorization.map(|asked| &model.authorizers[usize::from(asked.authorizer.0)]);
        let policy = model.apis[0].resource_policy.iter().flat_map(|policy| &policy.statements);
        let asked = Asked {
            key: route.api_key == Requirement::Required,
            authorizer: authorizer.map(in_words),
            scopes: authorization.map(|asked| asked.scopes.clone()).unwrap_or_default(),
            policy: policy.filter(|it| speaks_of(it, model, route)).map(without_resources).collect(),
        };
        (route.key(), asked)
    };
    model.routes.iter().filter(|route| !is_callback(route)).map(asked).collect()
}

/// Whether a statement speaks of a route, whatever its method is.
fn speaks_of(statement: &Statement, model: &Model, route: &Route) -> bool {
    let method = route.method.as_deref().unwrap_or("PATCH");
    let resource = format!("{}/{method}{}", model.stages[0].name, route.path);
    let Patterns::Of(patterns) = &statement.resources else { panic!("SAM names what a statement speaks of") };
    patterns.iter().any(|pattern| covers(pattern.as_bytes(), resource.as_bytes()))
}

fn covers(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|at| covers(rest, &text[at..])),
        (Some((one, rest)), Some((other, text))) => (one == other || *one == b'?') && covers(rest, text),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn without_resources(statement: &Statement) -> String {
    format!("{:?}", Statement { resources: Patterns::Of(Vec::new()), ..statement.clone() })
}

/// What the head of a profile says of security that was left out, without its place.
fn left_out(profile: &str) -> BTreeSet<String> {
    let notes = profile.lines().filter_map(|line| line.strip_prefix("# - left out: "));
    let of_security =
        |note: &str| ["authorizer \"", "the resource policy"].iter().find_map(|word| Some(note[note.find(word)?..].to_owned()));
    notes.filter_map(of_security).collect()
}

/// An authorizer as the plain reading says it.
fn in_words(authorizer: &Authorizer) -> String {
    let source = |source: &IdentitySource| match source {
        IdentitySource::Header(name) => format!("header.{name}"),
        IdentitySource::Query(name) => format!("querystring.{name}"),
        IdentitySource::StageVariable(name) => format!("stageVariables.{name}"),
        IdentitySource::Context(name) => format!("context.{name}"),
    };
    let what = match &authorizer.kind {
        AuthorizerKind::Iam(_) => "iam".to_owned(),
        AuthorizerKind::Jwt(jwt) => format!("jwt {} for {} in {}", jwt.issuer, jwt.audiences.join(","), source(&jwt.identity)),
        AuthorizerKind::Cognito(pool) => {
            let pools = pool.issuers.len();
            format!("cognito of {pools} in {}, {}", source(&pool.identity), pool.validation.as_deref().unwrap_or("-"))
        }
        AuthorizerKind::Lambda(lambda) => {
            let sources: Vec<String> = lambda.identity.iter().map(source).collect();
            let format = match lambda.format {
                AuthorizerFormat::Token => "token",
                AuthorizerFormat::Request => "request",
                AuthorizerFormat::V1 => "1.0",
                AuthorizerFormat::V2(AuthorizerAnswers::Policy) => "2.0",
                AuthorizerFormat::V2(AuthorizerAnswers::Simple) => "2.0 simple",
            };
            let ttl = lambda.ttl.as_ns() / 1_000_000_000;
            format!("{format} by {} for {ttl} s, {}", sources.join(","), lambda.validation.as_deref().unwrap_or("-"))
        }
    };
    format!("{}: {what}", authorizer.name)
}

/// A plain reading of SAM's output: JSON with conditions, and nothing of it left to be made up.
struct Output(Value);

impl Output {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("SAM's output is text");
        Self(serde_json::from_str(&text).expect("SAM's output is JSON"))
    }

    /// Without what conditions keep out.
    fn resolved(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(map) if map.contains_key("Fn::If") => {
                let [condition, then, otherwise] = &map["Fn::If"].as_array()?[..] else { return None };
                self.resolved(if self.holds(condition.as_str()?) { then } else { otherwise })
            }
            Value::Object(map) if map.get("Ref").is_some_and(|name| name == "AWS::NoValue") => None,
            Value::Object(map) => {
                Some(map.iter().filter_map(|(key, value)| Some((key.clone(), self.resolved(value)?))).collect())
            }
            Value::Array(list) => Some(list.iter().filter_map(|value| self.resolved(value)).collect()),
            other => Some(other.clone()),
        }
    }

    fn holds(&self, condition: &str) -> bool {
        let said = &self.0["Conditions"][condition]["Fn::Equals"];
        let [one, other] = &said.as_array().unwrap_or_else(|| panic!("{condition}: {said}"))[..] else { panic!("{said}") };
        assert!(!one.is_object() && !other.is_object(), "{said}");
        one == other
    }

    /// What each route of a WebSocket API asks.
    fn websocket_api(&self, id: &str) -> BTreeMap<String, Asked> {
        let resources = self.0["Resources"].as_object().expect("resources");
        let mine =
            resources.values().filter(|it| it["Type"] == "AWS::ApiGatewayV2::Route" && it["Properties"]["ApiId"]["Ref"] == id);
        let asked = |route: &Value| {
            let route = &route["Properties"];
            let authorizer = match route["AuthorizationType"].as_str() {
                None | Some("NONE") => None,
                Some("AWS_IAM") => Some("AWS_IAM: iam".to_owned()),
                Some(_) => {
                    let name = route["AuthorizerId"]["Ref"].as_str().expect("an authorizer");
                    let sources = texts(&resources[name]["Properties"]["IdentitySource"]);
                    let sources: Vec<String> = sources.iter().map(|text| text.replace("route.request.", "")).collect();
                    Some(format!("{name}: request by {} for 0 s, -", sources.join(",")))
                }
            };
            let key = route["RouteKey"].as_str().expect("a route key").to_owned();
            (key, Asked { key: route["ApiKeyRequired"] == true, authorizer, ..Asked::default() })
        };
        mine.map(asked).collect()
    }

    /// What each route of an API asks, without its policy.
    fn api(&self, id: &str) -> BTreeMap<String, Asked> {
        if self.0["Resources"][id]["Properties"]["ProtocolType"] == "WEBSOCKET" {
            return self.websocket_api(id);
        }
        let body = self.resolved(&self.0["Resources"][id]["Properties"]["Body"]).expect("a body");
        let kind = if self.0["Resources"][id]["Type"] == "AWS::ApiGateway::RestApi" { ApiKind::Rest } else { ApiKind::Http };
        let schemes = [&body["securityDefinitions"], &body["components"]["securitySchemes"]];
        let scheme = |name: &str| schemes.iter().map(|schemes| &schemes[name]).find(|scheme| scheme.is_object());
        let mut routes = BTreeMap::new();
        for (path, item) in body["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let mut asked = Asked::default();
                for (name, scopes) in
                    operation["security"].as_array().into_iter().flatten().flat_map(|it| it.as_object().expect("a scheme"))
                {
                    let Some(scheme) = scheme(name) else { continue };
                    if scheme["name"] == "x-api-key" {
                        asked.key = true;
                    } else {
                        asked.authorizer = Some(format!("{name}: {}", plainly(scheme, kind)));
                        asked.scopes = texts(scopes);
                    }
                }
                let method = if method.starts_with("x-amazon") { "ANY".to_owned() } else { method.to_ascii_uppercase() };
                let key = if path == "$default" { path.clone() } else { format!("{method} {path}") };
                routes.insert(key, asked);
            }
        }
        routes
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// A scheme in the words of [`in_words`].
fn plainly(scheme: &Value, kind: ApiKind) -> String {
    let given = &scheme["x-amazon-apigateway-authorizer"];
    let source = |text: &str| text.trim().trim_start_matches('$').replace("method.", "").replace("request.", "");
    let sources: Vec<String> =
        given["identitySource"].as_str().into_iter().flat_map(|text| text.split(',')).map(source).collect();
    let header = || format!("header.{}", scheme["name"].as_str().expect("a header"));
    let validation = given["identityValidationExpression"].as_str().unwrap_or("-");
    let default = if kind == ApiKind::Rest { 300 } else { 0 };
    let ttl = given["authorizerResultTtlInSeconds"].as_u64().unwrap_or(default);
    match given["type"].as_str() {
        None => {
            assert_eq!(scheme["x-amazon-apigateway-authtype"], "awsSigv4");
            "iam".to_owned()
        }
        Some("jwt") => {
            let jwt = &given["jwtConfiguration"];
            format!(
                "jwt {} for {} in {}",
                jwt["issuer"].as_str().expect("an issuer"),
                texts(&jwt["audience"]).join(","),
                sources[0]
            )
        }
        Some("cognito_user_pools") => {
            // An ARN that says no pool leaves one placeholder.
            format!("cognito of 1 in {}, {validation}", header())
        }
        Some("token") => format!("token by {} for {ttl} s, {validation}", header()),
        Some("request") if kind == ApiKind::Rest => format!("request by {} for {ttl} s, {validation}", sources.join(",")),
        Some("request") => {
            let simple = if given["enableSimpleResponses"] == true { " simple" } else { "" };
            let version = given["authorizerPayloadFormatVersion"].as_f64().expect("a version");
            format!("{version:.1}{simple} by {} for {ttl} s, {validation}", sources.join(","))
        }
        Some(other) => panic!("{other} is no kind of authorizer"),
    }
}

/// Routes that SAM makes and no gateway would take: their integration is a function's, and leads to a web page.
const NO_FUNCTION: [&str; 3] = [
    "api_rest_paths_with_if_condition_openapi.yaml",
    "api_rest_paths_with_if_condition_openapi_no_value_then_case.yaml",
    "api_rest_paths_with_if_condition_swagger.yaml",
];

#[test]
#[ignore = "needs ../shared"]
#[allow(clippy::print_stdout, reason = "the numbers are what it is run for; the harness shows them when asked")]
fn whom_every_sam_template_asks_is_whom_sam_makes_it_ask() {
    let _quiet = quiet();
    let bench = Bench::new();
    let (mut apis, mut by_kind) = (0, BTreeMap::<String, usize>::new());
    for input in &files(&shared("specs/sam/input")) {
        let output = shared("specs/sam/output").join(input.file_stem().expect("a file has a name")).with_extension("json");
        let (ours, theirs) = (imported(&bench, input), imported(&bench, &output));
        assert_eq!(ours, theirs, "{}", name(input));
        let plain = Output::read(&output);
        for (id, security) in ours.into_iter().filter_map(|(id, security)| Some((id, security.ok()?))) {
            let mut plainly = plain.api(&id);
            for (key, asked) in security.routes {
                let expected = plainly.remove(&key).unwrap_or_else(|| panic!("{} {id}: SAM makes no {key}", name(input)));
                for kind in asked.authorizer.iter().chain(asked.key.then_some(&"k: key".to_owned())) {
                    let kind = kind.split(' ').nth(1).expect("a kind");
                    *by_kind.entry(kind.to_owned()).or_default() += 1;
                }
                // The policy of a route is its API's, and was compared as a whole.
                assert_eq!(asked, Asked { policy: asked.policy.clone(), ..expected }, "{} {id} {key}", name(input));
            }
            let has_page = NO_FUNCTION.contains(&&*name(input));
            assert_eq!(
                plainly.keys().collect::<Vec<_>>(),
                if has_page { vec!["POST /post"] } else { Vec::new() },
                "{}",
                name(input)
            );
            apis += 1;
        }
    }
    println!("sam: {apis} APIs ask alike, their routes {by_kind:?}");
    let kinds: Vec<&str> = by_kind.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["1.0", "cognito", "iam", "jwt", "key", "request", "token"], "each kind is there to be compared");
}

/// An API with these properties and routes, and a function with the events.
fn template(properties: &str, events: &[(&str, &str, &str)]) -> String {
    let event = |(at, (method, path, auth)): (usize, &(&str, &str, &str))| {
        format!(
            "        E{at}: {{ Type: Api, Properties: {{ RestApiId: !Ref Shop, Path: '{path}', Method: {method}{auth} }} }}\n"
        )
    };
    let events: String = events.iter().enumerate().map(event).collect();
    format!(
        "Resources:\n  Shop:\n    Type: AWS::Serverless::Api\n    Properties:\n      StageName: live\n{properties}  \
         Orders:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n{events}"
    )
}

/// By route: the effects that the policy of a template has for it, with the first network of each condition.
fn effects(text: &str) -> BTreeMap<String, Vec<String>> {
    let imported =
        sluicegate::import::definition::read("t.yaml", text, &Options::default()).unwrap_or_else(|why| panic!("{why}"));
    let model = crate::definition::proven(&imported).model;
    let policy = model.apis[0].resource_policy.as_ref().unwrap_or_else(|| panic!("{}", imported.profile()));
    let of = |route: &Route| {
        let speaking = policy.statements.iter().filter(|statement| speaks_of(statement, &model, route));
        let mut said: Vec<String> = speaking
            .map(|it| {
                let who = it.principals.as_ref().map(|all| format!(" {all:?}")).unwrap_or_default();
                let network =
                    |it: &Condition| if let Test::In(all) = &it.is { all[0].address.to_string() } else { String::new() };
                let conditions = it.conditions.iter().map(|it| format!(" {:?} {}", it.wanted, network(it)));
                format!("{:?}{who}{}", it.effect, conditions.collect::<String>())
            })
            .collect();
        said.sort();
        (route.key(), said)
    };
    model.routes.iter().map(of).collect()
}

fn of(said: &BTreeMap<String, Vec<String>>, key: &str) -> Vec<String> {
    said[key].clone()
}

#[test]
fn a_policy_in_sams_short_form_speaks_of_the_routes_that_sam_names() {
    let _quiet = quiet();
    let api = "      Auth: { ResourcePolicy: { IpRangeWhitelist: [192.0.2.0/24], AwsAccountBlacklist: ['210987654321'] } }\n";
    let said = effects(&template(api, &[("get", "/", ""), ("any", "/orders/{id}", ""), ("put", "/all/{proxy+}", "")]));
    let expected = ["Allow", "Deny NotSo 192.0.2.0", "Deny [Account(\"210987654321\")]"];
    for key in ["GET /", "ANY /orders/{id}", "PUT /all/{proxy+}"] {
        assert_eq!(of(&said, key), expected, "{key}");
    }
}

#[test]
fn the_policy_of_an_event_speaks_of_its_path_and_makes_the_others_silent() {
    let _quiet = quiet();
    let own = ", Auth: { ResourcePolicy: { IpRangeBlacklist: 203.0.113.7 } }";
    let cors = "      Cors: \"'*'\"\n";
    let said = effects(&template(cors, &[("get", "/a", own), ("post", "/a", ""), ("get", "/b", "")]));
    for (key, expected) in
        [("GET /a", &["Allow", "Deny So 203.0.113.7"][..]), ("POST /a", &["Allow", "Deny So 203.0.113.7"]), ("GET /b", &[])]
    {
        assert_eq!(of(&said, key), expected, "{key}");
    }
    // SAM adds the methods for preflight requests after it has read the events.
    assert_eq!(of(&said, "OPTIONS /a"), Vec::<String>::new());
}

#[test]
fn statements_join_those_of_the_definition_each_once() {
    let _quiet = quiet();
    let statement = "{ Effect: Allow, Principal: '*', Action: execute-api:Invoke, Resource: 'execute-api:/*' }";
    let denial = "{ Effect: Deny, Principal: '*', Action: execute-api:Invoke, Resource: 'execute-api:/*/GET/a', \
                  Condition: { IpAddress: { 'aws:SourceIp': 10.0.0.0/8 } } }";
    let api = format!(
        "      Auth: {{ ResourcePolicy: {{ CustomStatements: [{statement}, {denial}] }} }}\n      MergeDefinitions: true\n      \
         DefinitionBody: {{ swagger: '2.0', paths: {{}}, x-amazon-apigateway-policy: {{ Statement: {statement} }} }}\n"
    );
    let said = effects(&template(&api, &[("get", "/a", ""), ("get", "/b", "")]));
    assert_eq!(of(&said, "GET /a"), ["Allow", "Deny So 10.0.0.0"]);
    assert_eq!(of(&said, "GET /b"), ["Allow"]);
}

#[test]
fn a_policy_of_private_networks_is_left_out_whole_and_told() {
    let _quiet = quiet();
    for list in ["SourceVpcWhitelist: [vpc-1]", "SourceVpcBlacklist: [vpce-1]", "IntrinsicVpceWhitelist: [!Ref Endpoint]"] {
        let api = format!("      Auth: {{ ResourcePolicy: {{ IpRangeWhitelist: [192.0.2.0/24], {list} }} }}\n");
        let text = template(&api, &[("get", "/", "")]);
        let imported = sluicegate::import::definition::read("t.yaml", &text, &Options::default()).unwrap();
        let profile = imported.profile();
        assert!(!profile.contains("resource_policy:"), "{profile}");
        let told = left_out(&profile).into_iter().collect::<String>();
        assert!(
            told.starts_with("the resource policy, so that everybody may call: Statement[2].Condition.String"),
            "{list}: {told}"
        );
    }
}

#[test]
fn an_authorizer_of_a_rest_api_is_what_its_payload_type_says_whatever_format_it_names() {
    let _quiet = quiet();
    let asks = |authorizer: &str, name: &str| {
        let api = format!("      Auth: {{ DefaultAuthorizer: {name}, Authorizers: {{ {name}: {authorizer} }} }}\n");
        let none = ", Auth: { Authorizer: NONE }";
        let text = template(&api, &[("get", "/", ""), ("get", "/open", none)]);
        let imported = sluicegate::import::definition::read("t.yaml", &text, &Options::default()).unwrap();
        let routes = routes(&crate::definition::proven(&imported).model);
        assert_eq!(routes["GET /open"], Asked::default());
        routes["GET /"].authorizer.clone().expect("an authorizer")
    };
    let function = "FunctionArn: !GetAtt Orders.Arn, AuthorizerPayloadFormatVersion: 2.0, EnableSimpleResponses: true";
    assert_eq!(asks(&format!("{{ {function} }}"), "check"), "check: token by header.Authorization for 300 s, -");
    let request =
        format!("{{ {function}, FunctionPayloadType: REQUEST, Identity: {{ QueryStrings: [k], ReauthorizeEvery: 9 }} }}");
    assert_eq!(asks(&request, "check"), "check: request by querystring.k for 9 s, -");
    // SAM lets an authorizer have the name of its own.
    let pool = "{ UserPoolArn: 'arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_a', AuthorizationScopes: [a] }";
    assert_eq!(asks(pool, "AWS_IAM"), "AWS_IAM: cognito of 1 in header.Authorization, -");
}
