//! API definitions and templates become profiles that the product itself can prove, and the mock serves them as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use sluicegate::config::{Overrides, Plan, Script, load_text};
use sluicegate::import::definition::{DefinitionError, Imported, Options, described, read};
use sluicegate_policy::model::{Requirement, Route};

use crate::program::{Bench, Mock, quiet};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/definition")
}

pub(crate) fn shared(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(below)
}

/// All files below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder is readable").path()).collect();
    found.sort();
    found.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn import(path: &Path, options: &Options) -> Result<Imported, DefinitionError> {
    read(&name(path), &fs::read_to_string(path).expect("a definition is text"), options)
}

/// The profile proves, and its routes are those that the import names.
pub(crate) fn proven(imported: &Imported) -> Plan {
    let text = imported.profile();
    let variables = imported.secrets.variables().clone();
    let overrides = Overrides { script: Script::Served, variables, ..Overrides::default() };
    let plan = load_text("imported.yaml", &text, &overrides, &[]).unwrap_or_else(|why| panic!("{why}\n{text}"));
    assert_eq!(plan.model.routes.iter().map(Route::key).collect::<Vec<_>>(), imported.routes());
    plan
}

fn fixture(name: &str) -> Imported {
    import(&fixtures().join(name), &Options::default()).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn every_definition_of_our_own_becomes_a_profile_that_proves() {
    let all = files(&fixtures());
    assert!(all.len() >= 6, "{all:?}");
    for path in all {
        proven(&import(&path, &Options::default()).unwrap_or_else(|why| panic!("{why}")));
    }
}

#[test]
fn what_an_openapi_document_says_stands_in_the_profile_or_in_its_head() {
    insta::assert_snapshot!(fixture("orders.openapi.yaml").profile());
}

#[test]
fn a_sam_template_brings_its_stage_its_keys_and_the_methods_that_sam_adds() {
    insta::assert_snapshot!(fixture("shop.sam.yaml").profile());
}

#[test]
fn resources_of_cloudformation_become_routes_stages_plans_and_domains() {
    let plan = proven(&fixture("bank.cloudformation.yaml"));
    let model = &plan.model;
    assert_eq!(model.routes.iter().map(Route::key).collect::<Vec<_>>(), ["GET /accounts/{id}", "POST /accounts"]);
    assert_eq!(model.routes[0].api_key, Requirement::Required);
    assert_eq!(model.stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), ["live", "staging"]);
    assert_eq!((model.plans[0].name.as_str(), model.plans[0].route_throttles.len()), ("gold", 1));
    assert_eq!(model.keys[0].value, "0123456789abcdefghijklmn");
}

#[test]
fn what_the_user_says_goes_before_what_the_definition_says() {
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let options = Options {
        stage: Some("prod".to_owned()),
        variables: pair("table", "t9"),
        api_keys: pair("partner", "a-key-of-more-than-20-characters"),
        parameters: pair("Env", "prod"),
        ..Options::default()
    };
    let plan = proven(&import(&fixtures().join("shop.sam.yaml"), &options).unwrap());
    let stage = &plan.model.stages[0];
    assert_eq!(stage.name, "prod");
    assert!(stage.variables.contains(&("table".to_owned(), "t9".to_owned())), "{:?}", stage.variables);
    assert!(plan.model.keys.iter().any(|key| key.value == "a-key-of-more-than-20-characters"));
    assert!(plan.model.routes.iter().any(|route| route.key() == "GET /prod"), "the condition holds");
}

#[test]
fn of_several_apis_one_must_be_named() {
    let text = "Resources:\n  A: { Type: AWS::ApiGatewayV2::Api, Properties: { Target: https://a.example.com } }\n  \
                B: { Type: AWS::ApiGatewayV2::Api, Properties: { Target: https://b.example.com } }\n";
    let asked = |id: Option<&str>| read("t.yaml", text, &Options { api_id: id.map(str::to_owned), ..Options::default() });
    let several = asked(None).unwrap_err().to_string();
    assert_eq!(
        several,
        "t.yaml: the template has several APIs; name one with --api-id; it has A (HTTP, 1 route), B (HTTP, 1 route)"
    );
    assert_eq!(asked(Some("B")).unwrap().routes(), ["$default"]);
    assert!(asked(Some("C")).unwrap_err().to_string().contains("has no API \"C\""));
}

#[test]
fn what_cannot_be_imported_is_told_with_file_and_line() {
    for (text, message) in [
        ("openapi: 3.0.1\npaths:\n  /a: { $ref: '#/paths/~1a' }\n", "d:3: paths./a: its $ref leads to itself"),
        (
            "openapi: 3.0.1\npaths:\n  /a:\n    $ref: other.yaml#/a\n",
            "d:4: paths./a: $ref \"other.yaml#/a\" leads out of this file",
        ),
        ("openapi: 3.0.1\npaths:\n  /a:\n    $ref: '#/gone'\n", "d:4: paths./a: there is nothing at $ref \"#/gone\""),
        ("openapi: 3.0.1\npaths: [a]\n", "d:2: paths: these are no paths but a list"),
        ("openapi: 3.0.1\npaths:\n  /a: { get: {} }\n", "d:3: paths: none of its 1 operations can be served"),
        ("swagger: '1.2'\npaths: {}\n", "d:1: swagger: 1.2 is no version that is read"),
        ("openapi: 3.0.1\npaths: {\n", "d:2: it is neither YAML nor JSON"),
        ("gateway: {}\n", "d: this is no API definition: it has \"gateway\""),
        ("Resources: { A: { Type: AWS::S3::Bucket } }\n", "d: Resources: the template makes no API"),
        ("Resources:\n  A: { Type: AWS::Serverless::WebSocketApi }\n", "d:2: Routes: it has no route that can be served"),
    ] {
        let told = read("d", text, &Options::default()).expect_err(text).to_string();
        assert!(told.starts_with(message), "{told}\ninstead of\n{message}");
    }
}

#[test]
fn the_program_imports_a_definition_into_a_file_and_tells_what_it_left_out() {
    let bench = Bench::new();
    let (api, template) = (fixtures().join("orders.openapi.yaml"), fixtures().join("shop.sam.yaml"));
    let (api, template) = (api.to_str().unwrap(), template.to_str().unwrap());
    let done = bench.sluicegate(["import", "openapi", api, "-o", "orders.yaml"]).expect_code(0);
    assert_eq!(done.stdout, "");
    done.complains("base path \"/v1\"").complains("authorizer \"people\"");
    assert!(fs::read_to_string(bench.path("orders.yaml")).unwrap().contains("\ngateway:\n  api: rest\n"));
    let done = bench.sluicegate(["import", "cloudformation", template, "--parameter", "Host=h"]).expect_code(0);
    assert!(done.stdout.contains("  name: shop-dev\n") && !done.stderr.contains("--parameter Host"), "{}", done.stderr);
}

#[test]
fn the_program_refuses_a_bad_definition_and_the_wrong_kind() {
    let bench = Bench::new();
    let template = fixtures().join("shop.sam.yaml");
    let wrong = bench.sluicegate(["import", "swagger", template.to_str().unwrap()]).expect_code(2);
    wrong.complains("this is a SAM or CloudFormation template, not an OpenAPI or Swagger document").complains("import sam");
    let wrong = bench.sluicegate(["import", template.to_str().unwrap()]).expect_code(2);
    wrong.complains("this is a SAM or CloudFormation template, not a log").complains("import sam");
    let broken = bench.file("broken.yaml", "openapi: 3.0.1\npaths: {\n");
    for arguments in [["import", "openapi"].as_slice(), &["mock"]] {
        let done = bench.sluicegate(arguments.iter().copied().chain([broken.to_str().unwrap()])).expect_code(2);
        done.complains("broken.yaml:2: it is neither YAML nor JSON");
    }
    bench.sluicegate(["import", "openapi", "gone.yaml"]).expect_code(2).complains("gone.yaml: the definition cannot be read");
    let profile = bench.file("p.yaml", "gateway: { api: http, stages: { a: }, routes: { GET /: { integration: { mock: } } } }\n");
    let done = bench.sluicegate(["mock", profile.to_str().unwrap(), "--variable", "a=b"]).expect_code(2);
    done.complains("for API definitions, and this is none");
}

/// A template whose key has a value, in lines of their own.
const KEYED: &str = "\
Resources:
  Shop:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      DefinitionBody:
        swagger: '2.0'
        securityDefinitions: { k: { type: apiKey, in: header, name: x-api-key } }
        paths:
          /a:
            get:
              security: [{ k: [] }]
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: { application/json: '{\"statusCode\": 200}' }
                responses: { default: { statusCode: 200 } }
  Partner: { Type: AWS::ApiGateway::ApiKey, Properties: { Value: the-real-key-of-the-partner, Enabled: true } }
  Plan: { Type: AWS::ApiGateway::UsagePlan, Properties: { ApiStages: [{ ApiId: !Ref Shop, Stage: prod }] } }
  Both: { Type: AWS::ApiGateway::UsagePlanKey, Properties: { KeyId: !Ref Partner, KeyType: API_KEY, UsagePlanId: !Ref Plan } }
";

#[test]
fn a_profile_refers_to_the_key_of_a_definition_and_no_output_shows_it() {
    let bench = Bench::new();
    let template = bench.file("shop.yaml", KEYED);
    let done = bench.sluicegate(["import", "sam", template.to_str().unwrap(), "-o", "out.yaml"]).expect_code(0);
    let profile = fs::read_to_string(bench.path("out.yaml")).unwrap();
    assert!(profile.contains("Partner: { value: \"${env:API_KEY_PARTNER}\" }"), "{profile}");
    let shown = format!("{}{}{profile}", done.stdout, done.stderr);
    assert!(!shown.contains("the-real-key"), "{shown}");
    assert!(profile.contains("# - to set: ") && profile.contains("the environment variable API_KEY_PARTNER is"), "{profile}");
    done.complains("the environment variable API_KEY_PARTNER is the value of API key Partner, which no profile holds");
    let unset = bench.sluicegate(["mock", "out.yaml"]).expect_code(2);
    unset.complains("the environment variable \"API_KEY_PARTNER\" is not set");
}

#[test]
fn the_mock_that_serves_a_definition_takes_its_key() {
    let bench = Bench::new();
    let mock = Mock::serve(&bench, &bench.file("shop.yaml", KEYED));
    assert_eq!(get(&mock.url, "/a").0, "403");
    assert_eq!(asked(&mock.url, "/a", "x-api-key: the-real-key-of-the-partner\r\n").0, "200");
}

#[test]
fn the_mock_serves_a_definition_as_it_is() {
    let bench = Bench::new();
    let api = fs::read_to_string(fixtures().join("orders.openapi.yaml")).unwrap();
    // `Mock` asks for the stage prod.
    let mock = Mock::serve_with(&bench, &bench.file("api.yaml", &api), &["--stage", "prod"]);
    let (status, body) = get(&mock.url, "/health");
    assert_eq!((status.as_str(), body.trim()), ("200", "{\n  \"stage\": \"prod\"\n}"));
    assert_eq!(get(&mock.url, "/nowhere").0, "403");
}

/// Status and body of a GET below a base URL.
pub(crate) fn get(base: &str, path: &str) -> (String, String) {
    asked(base, path, "")
}

/// The same with more lines of the head.
fn asked(base: &str, path: &str, more: &str) -> (String, String) {
    let (host, stage) = base.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an http URL with a path");
    let mut socket = TcpStream::connect(host).expect("the mock listens");
    write!(socket, "GET /{stage}{path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n").expect("the mock reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("the mock answers with text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    (head.split(' ').nth(1).unwrap_or_default().to_owned(), body.to_owned())
}

/// Route keys by the API's logical id.
fn routes(path: &Path) -> Result<BTreeMap<String, BTreeSet<String>>, DefinitionError> {
    let text = fs::read_to_string(path).expect("a template is text");
    let apis = described(&name(path), &text, &Options::default())?;
    Ok(apis.into_iter().map(|api| (api.id, api.routes.into_iter().collect())).collect())
}

#[test]
#[ignore = "needs ../shared"]
#[allow(clippy::print_stdout, reason = "the numbers are what it is run for; the harness shows them when asked")]
fn the_routes_of_every_sam_template_are_those_that_sam_makes_of_it() {
    let inputs = files(&shared("specs/sam/input"));
    let (mut agree, mut found) = (0, 0);
    for input in &inputs {
        let output = shared("specs/sam/output").join(input.file_stem().expect("a file has a name")).with_extension("json");
        let (ours, theirs) = (routes(input), routes(&output));
        if ours.is_ok() && ours == theirs {
            agree += 1;
            found += ours.iter().flatten().map(|(_, routes)| routes.len()).sum::<usize>();
        } else {
            println!("{}: we find {ours:?}, SAM has {theirs:?}", name(input));
        }
    }
    println!("sam: {agree} of {} agree, with {found} routes", inputs.len());
    assert_eq!((agree, inputs.len()), (78, 78));
}

/// Why a definition may fail: it has no route at all, or leaves open which of several APIs is meant.
const CLEAR: &[&str] = &[
    "name one with --api-id",
    "none of the template's APIs has a route",
    "it has no operation",
    "can be served",
    "makes no API",
];

#[test]
#[ignore = "needs ../shared"]
#[allow(clippy::print_stdout, reason = "the numbers are what it is run for; the harness shows them when asked")]
fn every_document_of_the_collections_becomes_a_profile_that_proves_or_fails_clearly() {
    let _quiet = quiet();
    let bench = Bench::new();
    let overrides = Overrides { script: Script::Served, ..Overrides::default() };
    for folder in ["conformance/files", "specs/serverless-patterns", "specs/sam/input", "specs/sam/output"] {
        let all: Vec<PathBuf> = files(&shared(folder)).into_iter().filter(|path| !name(path).starts_with("LICENSE")).collect();
        let mut imported = 0;
        for path in &all {
            let is_template = fs::read_to_string(path)
                .unwrap()
                .lines()
                .any(|line| line.trim_start_matches([' ', '"']).starts_with("Resources"));
            let kind = if is_template { "sam" } else { "openapi" };
            let done = bench.sluicegate([
                OsStr::new("import"),
                OsStr::new(kind),
                path.as_os_str(),
                OsStr::new("-o"),
                OsStr::new("out.yaml"),
            ]);
            if done.code == Some(0) {
                let text = fs::read_to_string(bench.path("out.yaml")).unwrap();
                load_text("out.yaml", &text, &overrides, &[]).unwrap_or_else(|why| panic!("{}: {why}\n{text}", path.display()));
                imported += 1;
            } else {
                let clear = done.code == Some(2) && CLEAR.iter().any(|part| done.stderr.contains(part));
                assert!(clear, "{}: {:?} {}", path.display(), done.code, done.stderr);
            }
        }
        println!("{folder}: {imported} of {} are profiles that prove, the others fail clearly", all.len());
    }
}

#[test]
fn what_no_profile_may_hold_is_left_out_and_told() {
    let bench = Bench::new();
    let api = bench.file(
        "api.yaml",
        "swagger: '2.0'\npaths:\n  /a:\n    get:\n      x-amazon-apigateway-integration:\n        type: mock\n        \
         requestParameters: { integration.request.header.A: nonsense, integration.request.header.B: \"'b'\" }\n        \
         responses: { '(': { statusCode: 500 }, default: { statusCode: 200 } }\n",
    );
    let done = bench.sluicegate(["import", "openapi", api.to_str().unwrap(), "-o", "out.yaml"]).expect_code(0);
    done.complains("\"nonsense\" is nothing that a value can come from")
        .complains("mock > responses > 1: this is no regular expression");
    let text = fs::read_to_string(bench.path("out.yaml")).unwrap();
    assert!(
        text.contains("parameters: { header.B: \"'b'\" }")
            && (text.contains("- { status: 200 }") || text.contains("[{ status: 200 }]")),
        "{text}"
    );
}
