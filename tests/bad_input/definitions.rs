//! API definitions that turn in circles, explode, are too large, or are none, and models that recurse: a message with file, place and
//! cure, exit code 2, and nothing panics; what is sound is served.

use std::fs;

use super::clients::{lives, sent, status};
use crate::program::{Bench, Mock};

/// A definition whose one route checks its bodies against the model `M`; `models` are written below `definitions`.
fn checked(models: &str) -> String {
    format!(
        "swagger: '2.0'\nx-amazon-apigateway-request-validators: {{ all: {{ validateRequestBody: true }} }}\n\
         x-amazon-apigateway-request-validator: all\npaths:\n  /x:\n    get:\n      x-amazon-apigateway-integration: &mock\n        \
         type: mock\n        requestTemplates: {{ application/json: '{{\"statusCode\": 200}}' }}\n        \
         responses: {{ default: {{ statusCode: 200, responseTemplates: {{ application/json: ok }} }} }}\n    post:\n      \
         parameters: [{{ in: body, name: M, schema: {{ $ref: '#/definitions/M' }} }}]\n      x-amazon-apigateway-integration: *mock\ndefinitions:\n{models}"
    )
}

fn post(mock: &Mock, body: &str) -> String {
    let length = body.len();
    let head = format!(
        "POST /prod/x HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}"
    );
    sent(mock, format!("{head}\r\n\r\n{body}").as_bytes())
}

#[test]
fn a_model_that_recurses_through_the_value_is_served() {
    let bench = Bench::new();
    let tree = "  M: { type: object, required: [name], properties: { name: { type: string }, children: { type: array, items: { $ref: '#/definitions/M' } } } }\n";
    let mock = Mock::serve_with(&bench, &bench.file("tree.yaml", &checked(tree)), &["--stage", "prod"]);
    assert_eq!(status(&post(&mock, r#"{"name":"a","children":[{"name":"b","children":[]}]}"#)), "200");
    assert_eq!(status(&post(&mock, r#"{"name":"a","children":[{"children":[]}]}"#)), "400");
    let deep = format!("{}{}", r#"{"name":"a","children":["#.repeat(10_000), "]}".repeat(10_000));
    assert_eq!(status(&post(&mock, &deep)), "400");
    lives(&mock);
    mock.finish();
}

#[test]
fn a_model_that_leads_to_itself_without_the_value_is_left_out_and_told() {
    let bench = Bench::new();
    for circle in [
        "  M: { $ref: '#/definitions/M' }\n",
        "  M: { allOf: [{ $ref: '#/definitions/N' }] }\n  N: { $ref: '#/definitions/M' }\n",
    ] {
        bench.file("circle.yaml", &checked(circle));
        let done = bench.line("import openapi circle.yaml -o out.yaml").expect_code(0).expect_calm();
        done.complains("leads back to itself at").complains("without going into the value");
        bench.line("mock out.yaml --listen 192.0.2.1:1").expect_code(2).complains("192.0.2.1:1");
    }
    let profile = "gateway:\n  api: rest\n  stages: { prod: {} }\n  models:\n    M: { $ref: '#/definitions/M' }\n  routes:\n    GET /x: { integration: { mock: { status: 200, body: ok } } }\n";
    bench.file("circle.yaml", profile);
    bench.line("mock circle.yaml").refuses(2, &["circle.yaml:5:8: gateway.models.M", "leads back to itself"]);
}

#[test]
fn a_row_of_fifteen_hundred_models_is_imported_and_served() {
    let bench = Bench::new();
    let link = |at: usize| format!("  M{at}: {{ properties: {{ next: {{ $ref: '#/definitions/M{}' }} }} }}\n", at + 1);
    let row: String = (1..1_500).map(link).collect();
    let first = "  M: { properties: { next: { $ref: '#/definitions/M1' } } }\n";
    let file = bench.file("row.yaml", &checked(&format!("{first}{row}  M1500: {{ type: string }}\n")));
    let done = bench.line("import openapi row.yaml -o out.yaml").expect_code(0).expect_calm();
    done.complains("it has more than 400 levels, those behind references counted");
    let mock = Mock::serve_with(&bench, &file, &["--stage", "prod"]);
    lives(&mock);
    assert_eq!(status(&post(&mock, "{}")), "200");
    mock.finish();
}

#[test]
fn a_definition_that_turns_in_circles_dangles_or_explodes_is_refused_with_its_place() {
    let level = |n: u32| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
    let laughs = format!("openapi: 3.0.1\na0: &a0 [lol, lol]\n{}paths: {{ /a: *a9 }}\n", (1..10).map(level).collect::<String>());
    let dangling = checked("  M: { properties: { a: { $ref: '#/definitions/Gone' } } }\n");
    let cases: [(&str, &str, &[&str]); 9] = [
        (
            "openapi",
            "openapi: 3.0.1\npaths:\n  /a: { $ref: '#/paths/~1b' }\n  /b: { $ref: '#/paths/~1a' }\n",
            &["d.yaml:3: paths./a", "leads to itself; write out"],
        ),
        (
            "openapi",
            "openapi: 3.0.1\npaths:\n  /a: { $ref: '#/gone' }\n",
            &["d.yaml:3: paths./a", "there is nothing at $ref \"#/gone\""],
        ),
        (
            "openapi",
            "openapi: 3.0.1\npaths:\n  /a: { $ref: 'http://169.254.169.254/x' }\n",
            &["d.yaml:3: paths./a", "nothing is fetched; put"],
        ),
        ("openapi", &dangling, &["d.yaml:15: POST /x: ", "there is nothing at $ref \"#/definitions/Gone\""]),
        ("openapi", "openapi: 3.0.1\npaths: &a\n  /a: *a\n", &["d.yaml:3: an alias stands inside what it refers to; write out"]),
        ("openapi", &laughs, &["d.yaml:", "it is more than is read", "make it smaller"]),
        ("openapi", &"{\"a\":".repeat(50_000), &["d.yaml:1: it is more than is read", "make it smaller"]),
        ("sam", "Resources:\n  A: { Type: AWS::Serverless::Api, Properties: !Ref A }\n", &["d.yaml"]),
        (
            "sam",
            "Conditions: { C: !Not [!Condition C] }\nResources:\n  A: { Type: AWS::Serverless::Api, Condition: C, Properties: { StageName: a } }\n",
            &["d.yaml"],
        ),
    ];
    for (kind, text, message) in cases {
        let bench = Bench::new();
        bench.file("d.yaml", text);
        bench.line(&format!("import {kind} d.yaml -o out.yaml")).refuses(2, message);
        assert!(!bench.path("out.yaml").exists(), "{text:.200}");
    }
}

#[test]
fn a_file_that_is_no_definition_is_refused_with_its_name_and_a_cure() {
    let bench = Bench::new();
    bench.file("empty.yaml", "");
    bench.file("blank.yaml", "\n\n# nothing\n");
    bench.file("list.yaml", "- openapi: 3.0.1\n");
    bench.file("profile.yaml", "gateway: { api: http }\n");
    bench.file("large.yaml", &format!("openapi: 3.0.1\ninfo: {{ title: \"{}\" }}\npaths: {{}}\n", "x".repeat(6 << 20)));
    bench.file("zero.yaml", "openapi: 3.0.1\npaths: \0\n");
    fs::write(bench.path("binary.yaml"), [0xFF, 0x00, 0x1B, b'[', b'\n'].repeat(1_000)).expect("the folder is writable");
    fs::create_dir(bench.path("folder.yaml")).expect("the folder is writable");
    for (file, message) in [
        ("empty.yaml", "this is no API definition: it has nothing"),
        ("blank.yaml", "this is no API definition: it has nothing"),
        ("list.yaml", "this is no API definition: it has a list"),
        ("profile.yaml", "this is no API definition: it has \"gateway\""),
        ("binary.yaml", "line 1 is not UTF-8 text; save the definition as UTF-8"),
        ("folder.yaml", "the definition cannot be read"),
        ("gone.yaml", "the definition cannot be read"),
    ] {
        for kind in ["openapi", "sam"] {
            bench.line(&format!("import {kind} {file}")).refuses(2, &[file, message]);
        }
    }
    bench.line("import openapi large.yaml").refuses(2, &["large.yaml: ", "the service imports at most 6291456"]);
    let message = "zero.yaml:2: it holds a zero byte; write plain YAML or JSON";
    bench.line("import openapi zero.yaml").refuses(2, &[message]);
    for (file, message) in [
        ("empty.yaml", "the key \"gateway\" is missing"),
        ("large.yaml", "large.yaml"),
        ("binary.yaml", "not UTF-8"),
        ("folder.yaml", "cannot be read"),
        ("zero.yaml", "zero byte"),
    ] {
        bench.line(&format!("mock {file}")).refuses(2, &[file, message]);
    }
}
