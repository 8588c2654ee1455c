//! Functions of small templates.
//!
//! Owns what each function comes to and which templates are refused. Refuses whole imports (`definition/tests.rs` has those). Run
//! by `cargo test`.

use super::*;
use serde_json::json;

const TEMPLATE: &str = "
Parameters:
  Env: { Type: String, Default: dev }
  Secret: { Type: String }
  Many: { Type: CommaDelimitedList, Default: 'a, b' }
Mappings:
  Sizes: { dev: { n: 5 }, prod: { n: 50 } }
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsDev: !Not [Condition: IsProd]
  Both: !And [!Condition IsDev, !Not [!Condition IsProd]]
  Either: !Or [!Condition IsProd, !Equals [!Ref Secret, x]]
  Loop: !Not [!Condition Loop]
Resources:
  Fn: { Type: AWS::Lambda::Function }
";

fn resolved(text: &str, given: &[(String, String)]) -> Result<serde_json::Value, Fault> {
    let template = Node::parse(TEMPLATE).unwrap();
    let node = Node::parse(text).unwrap();
    Resolver::new(&template, given).value(&node).map(|node| node.json())
}

#[test]
fn functions_come_to_what_the_template_tells() {
    for (text, value) in [
        ("!Ref Env", json!("dev")),
        ("!Ref Fn", json!("Fn")),
        ("!Ref AWS::Region", json!("us-east-1")),
        ("!Ref Many", json!(["a", "b"])),
        ("!GetAtt Fn.Arn", json!("${Fn.Arn}")),
        ("!Sub 'x-${Env}-${Fn}-${Fn.Arn}-${!Env}-${stageVariables.v}'", json!("x-dev-Fn-${Fn.Arn}-${Env}-${stageVariables.v}")),
        ("!Sub ['${a}/${Env}', { a: !Ref Env }]", json!("dev/dev")),
        ("!Sub '${Many}'", json!("a,b")),
        ("!Join ['-', [a, !Ref Env, !Ref 'AWS::NoValue']]", json!("a-dev")),
        ("!Select [1, !Split [',', 'a,b,c']]", json!("b")),
        ("!FindInMap [Sizes, !Ref Env, n]", json!(5)),
        ("a: !If [IsProd, 1, !Ref AWS::NoValue]\nb: !If [Both, 1, 2]", json!({ "b": 1 })),
        ("!If [Either, 1, 2]", json!(1)),
        ("!ImportValue net", json!("${Fn::ImportValue net}")),
        ("!Ref Nobody", json!("${Nobody}")),
        ("properties: { Ref: { type: string } }", json!({ "properties": { "Ref": { "type": "string" } } })),
    ] {
        assert_eq!(resolved(text, &[]).unwrap(), value, "{text}");
    }
}

#[test]
fn a_given_parameter_goes_before_its_default() {
    let given = [("Env".to_owned(), "prod".to_owned())];
    assert_eq!(resolved("[!If [IsProd, 1, 2], !FindInMap [Sizes, !Ref Env, n]]", &given).unwrap(), json!([1, 50]));
}

#[test]
fn what_is_not_known_is_told() {
    let template = Node::parse(TEMPLATE).unwrap();
    let mut resolver = Resolver::new(&template, &[]);
    let node = Node::parse("[!If [Either, 1, 2], !Ref Secret, !ImportValue x]").unwrap();
    resolver.value(&node).unwrap();
    let lines = resolver.notes.lines("t.yaml").join("\n");
    for part in ["--parameter Secret=VALUE", "\"Either\" comes to is not known", "Fn::ImportValue x"] {
        assert!(lines.contains(part), "{lines}");
    }
}

#[test]
fn conditions_in_a_circle_and_texts_that_explode_are_refused() {
    assert!(resolved("!If [Loop, 1, 2]", &[]).is_err());
    let mut bomb = "'xxxxxxxxxxxxxxxx'".to_owned();
    for _ in 0..25 {
        bomb = format!("!Sub ['${{a}}${{a}}${{a}}', {{ a: {bomb} }}]");
    }
    assert!(resolved(&bomb, &[]).is_err());
}

#[test]
fn a_mapping_that_names_itself_is_returned_as_it_is() {
    let template = Node::parse("Mappings: { M: { a: { b: !FindInMap [M, a, b] } } }").unwrap();
    let node = Node::parse("!FindInMap [M, a, b]").unwrap();
    let found = Resolver::new(&template, &[]).value(&node).unwrap();
    assert_eq!(found.json(), json!({ "Fn::FindInMap": ["M", "a", "b"] }));
}

#[test]
fn what_mappings_give_counts() {
    let template = Node::parse(&format!("Mappings: {{ M: {{ a: {{ b: [{}] }} }} }}", "x".repeat(1 << 20))).unwrap();
    let finds = |count: usize| Node::parse(&"- !FindInMap [M, a, b]\n".repeat(count)).unwrap();
    assert!(Resolver::new(&template, &[]).value(&finds(10)).is_ok());
    assert!(Resolver::new(&template, &[]).value(&finds(40)).is_err());
}

/// Conditions of which each depends on the next, inside so many functions.
fn chain(length: usize, functions: usize) -> String {
    use std::fmt::Write;
    let mut text = "Conditions:\n".to_owned();
    let (open, close) = ("!Not [".repeat(functions), "]".repeat(functions));
    for at in 1..length {
        writeln!(text, "  C{at}: {open}{{ Condition: C{} }}{close}", at + 1).unwrap();
    }
    text + &format!("  C{length}: !Equals [a, a]\n")
}

fn decided(template: &str) -> Result<serde_json::Value, Fault> {
    let template = Node::parse(template).unwrap();
    let node = Node::parse("!If [C1, 1, 2]").unwrap();
    Resolver::new(&template, &[]).value(&node).map(|node| node.json())
}

#[test]
fn conditions_depend_on_at_most_a_hundred() {
    assert_eq!(decided(&chain(100, 0)).unwrap(), json!(1));
    assert_eq!(decided(&chain(100, 28)).unwrap(), json!(1));
    for length in [101, 20_000] {
        let refused = decided(&chain(length, 0)).unwrap_err();
        assert!(format!("{refused:?}").contains("more than 100 conditions"), "{refused:?}");
    }
}
