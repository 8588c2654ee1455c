//! Requests against what their method requires of them.
//!
//! Owns examples of parameters and schemas, and the laws that hold for any. Refuses whole answers (`examined/tests.rs` has those).
//! Run by `cargo test`.

use proptest::prelude::*;
use serde_json::{Value, json};
use sluicegate_policy::call::Invalid;
use sluicegate_policy::model::{ParameterRule, Schema, Source, Validation};

use super::{Fault, Library, SchemaError, Validator};
use crate::vtl::{ParamKind, Params};

/// A request's parameters; header names compare with their spelling.
struct Given(Vec<(ParamKind, &'static str, &'static str)>);

impl Params for Given {
    fn get(&self, kind: ParamKind, name: &str) -> Option<String> {
        self.0.iter().find(|(of, given, _)| (*of, *given) == (kind, name)).map(|(_, _, value)| (*value).to_owned())
    }

    fn all(&self, kind: ParamKind) -> Vec<(String, String)> {
        let all = self.0.iter().filter(|(of, _, _)| *of == kind);
        all.map(|(_, name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

const NOTHING: Given = Given(Vec::new());

fn requiring(rules: &[(Source, &str)]) -> Validator {
    let required = rules.iter().map(|(source, name)| ParameterRule { source: *source, name: (*name).to_owned() }).collect();
    Validator::new(&Validation { required, body: None }, &[]).expect("there is no schema to be wrong")
}

/// The models, the first of which the bodies must satisfy.
fn models(models: &[(&str, Value)]) -> Result<Validator, SchemaError> {
    let schemas: Vec<_> = models.iter().map(|(name, text)| Schema { name: (*name).to_owned(), text: text.to_string() }).collect();
    let body = Some(vec![("application/json".to_owned(), models[0].0.to_owned())]);
    Validator::new(&Validation { required: Vec::new(), body }, &schemas)
}

fn schema(schema: Value) -> Validator {
    models(&[("Model", schema)]).expect("the schema is sound")
}

fn passes(validator: &Validator, body: &str) -> bool {
    validator.check(&NOTHING, None, body.as_bytes()).is_ok()
}

fn numbers() -> Value {
    json!({ "type": "object", "properties": { "a": { "type": "number" }, "b": { "type": "number" } }, "required": ["a", "b"] })
}

#[test]
fn missing_parameters_are_listed_header_path_query_and_by_name_within_each() {
    let validator = requiring(&[
        (Source::Query, "qs1"),
        (Source::Path, "issuer"),
        (Source::Header, "x-header-param"),
        (Source::Query, "also"),
    ]);
    let fault = validator.check(&NOTHING, None, b"").expect_err("all are missing");
    assert_eq!(fault.kind, Invalid::Parameters);
    assert_eq!(fault.message, "Missing required request parameters: [x-header-param, issuer, also, qs1]");
}

#[test]
fn a_blank_parameter_is_missing_and_one_of_another_kind_or_spelling_does_not_stand_in() {
    let validator = requiring(&[(Source::Header, "X-Tenant")]);
    for given in [(ParamKind::Header, "X-Tenant", " "), (ParamKind::Header, "x-tenant", "a"), (ParamKind::Query, "X-Tenant", "a")]
    {
        assert!(validator.check(&Given(vec![given]), None, b"").is_err(), "{given:?}");
    }
    assert!(validator.check(&Given(vec![(ParamKind::Header, "X-Tenant", "a")]), None, b"").is_ok());
}

#[test]
fn parameters_come_before_the_body() {
    let required = vec![ParameterRule { source: Source::Path, name: "id".to_owned() }];
    let body = Some(vec![("application/json".to_owned(), "Numbers".to_owned())]);
    let schemas = [Schema { name: "Numbers".to_owned(), text: numbers().to_string() }];
    let validator = Validator::new(&Validation { required, body }, &schemas).expect("the schema is sound");
    let fault = validator.check(&NOTHING, None, b"{}").expect_err("both are wrong");
    assert_eq!(fault.kind, Invalid::Parameters);
}

#[test]
fn a_body_that_breaks_its_schema_is_invalid_and_the_log_is_told_why() {
    let fault = schema(numbers()).check(&NOTHING, None, br#"{"test":"test"}"#).expect_err("both numbers are missing");
    let detail = r#"[object has missing required properties (["a","b"])]"#;
    let message = "Invalid request body".to_owned();
    assert_eq!(fault, Fault { kind: Invalid::Body, message, detail: Some(detail.to_owned()) });
}

#[test]
fn each_fault_of_a_body_is_told_in_its_turn() {
    let validator = schema(json!({
        "additionalProperties": false,
        "properties": {
            "count": { "type": "number", "minimum": 1 },
            "kind": { "enum": ["a", "b"] },
            "name": { "type": "string", "minLength": 2, "pattern": "^a" },
        },
    }));
    let told = |body: &str| validator.check(&NOTHING, None, body.as_bytes()).expect_err("it is wrong").detail.unwrap();
    let type_of_count = "instance type (string) does not match any allowed primitive type (allowed: [\"integer\",\"number\"])";
    assert_eq!(told(r#"{"count":"1"}"#), format!("[{type_of_count}]"));
    assert_eq!(told(r#"{"count":0}"#), "[numeric instance is lower than the required minimum (minimum: 1, found: 0)]");
    assert_eq!(told(r#"{"kind":"c"}"#), r#"[instance value ("c") not found in enum (possible values: ["a","b"])]"#);
    assert_eq!(told(r#"{"x":1}"#), r#"[object instance has properties which are not allowed by the schema: ["x"]]"#);
    assert!(told(r#"{"name":"b"}"#).contains("too short (length: 1, required minimum: 2), ECMA 262 regex"));
}

#[test]
fn an_empty_body_counts_as_an_empty_object() {
    assert!(!passes(&schema(numbers()), ""));
    assert!(passes(&schema(json!({ "type": "object" })), ""));
    assert!(!passes(&schema(json!({ "type": "array" })), " "));
}

#[test]
fn a_body_that_is_no_json_is_invalid() {
    let anything = schema(json!({}));
    for body in ["{", "a=b", "1e999", "\u{feff}{}", "{} {}"] {
        assert!(!passes(&anything, body), "{body}");
    }
    assert!(anything.check(&NOTHING, None, b"\"\xff\"").is_err());
}

#[test]
fn the_model_is_chosen_by_the_media_type_without_its_parameters() {
    let schemas = [Schema { name: "Numbers".to_owned(), text: numbers().to_string() }];
    let chosen = |media: &str, content_type: Option<&str>| {
        let body = Some(vec![(media.to_owned(), "Numbers".to_owned())]);
        let validator = Validator::new(&Validation { required: Vec::new(), body }, &schemas).expect("the schema is sound");
        validator.check(&NOTHING, content_type, b"[]").is_err()
    };
    assert!(chosen("application/json", None));
    assert!(chosen("application/json", Some("Application/JSON; charset=utf-8")));
    assert!(!chosen("application/json", Some("text/plain")));
    assert!(!chosen("application/xml", None));
    assert!(chosen("$default", Some("text/plain")));
}

#[test]
fn references_name_models_in_four_ways_and_places_in_their_own() {
    let numbers = numbers();
    for reference in [
        "https://apigateway.amazonaws.com/restapis/a1b2c3d4e5/models/Numbers",
        "#/definitions/Numbers",
        "#/components/schemas/Numbers",
        "Numbers",
        "#Numbers",
        "#/properties/a~1b",
        "#/properties/a%7E1b",
    ] {
        let list = json!({ "items": { "$ref": reference }, "properties": { "a/b": numbers }, "type": "array" });
        let validator = models(&[("List", list), ("Numbers", numbers.clone())]).expect(reference);
        assert!(passes(&validator, r#"[{"a":1,"b":2}]"#), "{reference}");
        assert!(!passes(&validator, r#"[{"a":1}]"#), "{reference}");
    }
}

#[test]
fn a_reference_into_another_model_finds_what_stands_there() {
    let validator = models(&[("A", json!({ "$ref": "#/definitions/B/properties/b" })), ("B", numbers())]).expect("it is there");
    assert!(passes(&validator, "1") && !passes(&validator, "\"1\""));
}

#[test]
fn a_model_with_definitions_of_its_own_keeps_them_apart() {
    let of = |kind: &str, next: Value| json!({ "definitions": { "Inner": { "type": kind } }, "allOf": [{ "$ref": "#/definitions/Inner" }, next] });
    let validator =
        models(&[("A", of("number", json!({ "$ref": "B" }))), ("B", of("integer", json!({})))]).expect("they are sound");
    assert!(passes(&validator, "1") && !passes(&validator, "1.5") && !passes(&validator, "\"1\""));
}

#[test]
fn an_id_or_an_unknown_keyword_changes_nothing() {
    let validator = schema(json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "id": "https://example.com/x.json", "nullable": true, "example": { "$ref": 1 },
        "properties": { "id": { "$ref": "#/definitions/id" }, "$ref": { "type": "string" } },
        "definitions": { "id": { "type": "integer" } },
    }));
    assert!(
        passes(&validator, r#"{"id":1,"$ref":""}"#)
            && !passes(&validator, r#"{"id":"1"}"#)
            && !passes(&validator, r#"{"$ref":1}"#)
    );
}

#[test]
fn a_reference_that_leads_nowhere_or_elsewhere_is_named_with_its_model() {
    let of = |reference: Value| {
        models(&[("Order", json!({ "properties": { "a": { "$ref": reference } } }))]).expect_err("it is refused")
    };
    let said = of(json!("#/definitions/Nothing")).to_string();
    assert!(said.contains("`Order`") && said.contains("`#/definitions/Nothing`"), "{said}");
    for dangling in [json!("pets.json#/Pet"), json!("#/properties/b"), json!("#/properties/a/$ref"), json!("#%ff"), json!(1)] {
        assert!(matches!(of(dangling.clone()), SchemaError::Dangling { .. }), "{dangling}");
    }
    for foreign in
        ["https://example.com/schema.json", "//example.com/a", "http://apigateway.amazonaws.com/restapis/a/models/Order"]
    {
        assert!(matches!(of(json!(foreign)), SchemaError::Foreign { .. }), "{foreign}");
    }
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    let refused = |schema: Value| models(&[("Order", schema)]).expect_err("it is refused").to_string();
    let said = refused(json!({ "properties": { "a": { "type": "strin" } } }));
    assert!(said.contains("`Order`") && said.contains("`/properties/a/type`"), "{said}");
    refused(json!({ "required": true }));
    refused(json!({ "properties": [] }));
    refused(json!([]));
    refused(json!({ "pattern": "(" }));
}

#[test]
fn a_model_that_is_missing_too_long_or_no_json_is_refused() {
    let model = |text: &str| {
        let body = Some(vec![("application/json".to_owned(), "Order".to_owned())]);
        let schemas = [Schema { name: "Order".to_owned(), text: text.to_owned() }];
        Validator::new(&Validation { required: Vec::new(), body }, &schemas).expect_err("it is refused")
    };
    assert!(matches!(model(&format!("{{{}}}", " ".repeat(400 * 1024))), SchemaError::TooLong { .. }));
    assert!(matches!(model("{"), SchemaError::NotJson { .. }));
    assert!(matches!(model(&"[".repeat(100_000)), SchemaError::NotJson { .. }));
    let body = Some(vec![("application/json".to_owned(), "Nothing".to_owned())]);
    let unknown = Validator::new(&Validation { required: Vec::new(), body }, &[]);
    assert!(matches!(unknown, Err(SchemaError::Unknown { .. })));
}

#[test]
fn every_api_has_the_models_that_the_service_makes() {
    let list = |name: &str| models(&[("List", json!({ "items": { "$ref": name } }))]).expect("it is always there");
    assert!(passes(&list("Empty"), "[{}]") && !passes(&list("Empty"), "[1]"));
    assert!(passes(&list("Error"), r#"[{"message":""}]"#) && !passes(&list("Error"), r#"[{"message":1}]"#));
    let own =
        models(&[("List", json!({ "items": { "$ref": "Empty" } })), ("Empty", json!({ "type": "null" }))]).expect("it is sound");
    assert!(passes(&own, "[null]") && !passes(&own, "[{}]"));
}

#[test]
fn formats_of_the_draft_are_checked_and_others_are_not() {
    let of = |format: &str| schema(json!({ "type": ["string", "integer"], "format": format }));
    assert!(passes(&of("date-time"), "\"2024-01-01T00:00:00Z\"") && !passes(&of("date-time"), "\"today\""));
    for unknown in ["int64", "byte", "password", "date", "anything"] {
        assert!(passes(&of(unknown), "1") && passes(&of(unknown), "\"today\""), "{unknown}");
    }
}

#[test]
fn models_that_recurse_through_the_value_work() {
    let person = json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" }, "house": { "$ref": "#/components/schemas/House" } } });
    let house = json!({ "type": "object", "properties": { "contains": { "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/Person" } } } });
    let validator = models(&[("Person", person), ("House", house)]).expect("they are sound");
    assert!(passes(&validator, r#"{"name":"a","house":{"contains":[{"name":"b"}]}}"#));
    assert!(!passes(&validator, r#"{"name":"a","house":{"contains":[{"name":1}]}}"#));
}

#[test]
fn models_that_lead_back_to_themselves_without_the_value_are_refused() {
    for looped in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "not": { "anyOf": [{}, { "$ref": "#/not" }] } }),
        json!({ "properties": { "a": { "dependencies": { "b": { "$ref": "#/properties/a" } } } } }),
    ] {
        assert!(matches!(models(&[("A", looped.clone())]), Err(SchemaError::Circular { .. })), "{looped}");
    }
    let pair = [("A", json!({ "$ref": "B" })), ("B", json!({ "$ref": "A" }))];
    assert!(matches!(models(&pair), Err(SchemaError::Circular { .. })));
}

/// A chain of so many models, each referring to the next like this; the last takes anything.
fn chain(length: usize, link: impl Fn(Value) -> Value) -> Result<Validator, SchemaError> {
    let names: Vec<String> = (0..=length).map(|at| format!("M{at}")).collect();
    let of = |at: usize| if at == length { json!({}) } else { link(json!({ "$ref": names[at + 1] })) };
    models(&names.iter().enumerate().map(|(at, name)| (name.as_str(), of(at))).collect::<Vec<_>>())
}

#[test]
fn models_that_double_the_work_with_each_step_are_refused() {
    let doubled = |next: Value| json!({ "anyOf": [next, next] });
    assert!(chain(5, doubled).is_ok());
    assert!(matches!(chain(14, doubled), Err(SchemaError::TooIntricate { limit: super::Limit::Visits, .. })));
    let below = |next: Value| json!({ "anyOf": [{ "properties": { "a": next } }, { "properties": { "a": next } }] });
    assert!(matches!(chain(30, below), Err(SchemaError::TooIntricate { limit: super::Limit::Visits, .. })));
}

#[test]
fn models_that_stand_behind_each_other_without_end_are_refused() {
    assert!(matches!(chain(5_000, |next| next), Err(SchemaError::TooIntricate { limit: super::Limit::Chain, .. })));
    let through_the_value = chain(5_000, |next| json!({ "items": next }));
    assert!(matches!(through_the_value, Err(SchemaError::TooIntricate { limit: super::Limit::Levels, .. })));
}

/// The longest chain that is allowed, back to the start through the member `a`.
fn longest(words: &[&str]) -> Value {
    let back = json!({ "properties": { "a": { "$ref": "#" } }, "additionalProperties": false });
    (0..30).fold(back, |inner, at| json!({ words[at % words.len()]: [inner] }))
}

#[test]
fn the_deepest_body_under_the_longest_chain_fits_on_the_stack() {
    let deep = |end: &str| format!("{}{end}{}", r#"{"a":"#.repeat(126), "}".repeat(126));
    for words in [&["allOf"][..], &["anyOf", "oneOf", "allOf"]] {
        let (validator, good, bad) = (schema(longest(words)), deep("{}"), deep(r#"{"b":1}"#));
        let checking = move || (passes(&validator, &good), passes(&validator, &bad), passes(&validator, &"[".repeat(100_000)));
        let checked = std::thread::Builder::new().stack_size(1024 * 1024).spawn(checking).expect("a thread starts");
        assert_eq!(checked.join().expect("the stack holds"), (true, false, false));
    }
}

#[test]
fn a_recursive_choice_over_a_deep_body_takes_no_time() {
    let branch = json!({ "type": "object", "properties": { "a": { "$ref": "#" } }, "required": ["b"] });
    let validator = schema(json!({ "anyOf": [branch, branch, { "type": "string" }] }));
    let body = format!("{}1{}", r#"{"b":1,"a":"#.repeat(120), "}".repeat(120));
    let fault = validator.check(&NOTHING, None, body.as_bytes()).expect_err("1 is no string");
    assert_eq!(fault.detail, None);
}

#[test]
fn a_pattern_that_backtracks_for_ever_gives_up() {
    let validator = schema(json!({ "type": "string", "pattern": "^(?=(a+)+b)(a|aa)+$" }));
    assert!(!passes(&validator, &format!("\"{}\"", "a".repeat(5_000))));
}

/// Values that look like schemas more often than chance would have it.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-2_i64..20).prop_map(Value::from),
        prop::sample::select(vec!["string", "object", "#", "#/a", "#/definitions/a", "A", "^a", "(", "date-time", ""])
            .prop_map(Value::from),
    ];
    let words = [
        "$ref",
        "a",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "properties",
        "items",
        "additionalProperties",
        "definitions",
        "dependencies",
        "enum",
        "type",
        "required",
        "pattern",
        "patternProperties",
        "minimum",
        "exclusiveMinimum",
        "multipleOf",
        "maxLength",
        "format",
        "uniqueItems",
        "id",
        "$schema",
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let entry = (prop::sample::select(words.to_vec()), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(entry, 0..5)
                .prop_map(|entries| entries.into_iter().map(|(word, value)| (word.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_as_schema_and_any_bytes_as_body_never_panic(
        schema in schemas(),
        other in schemas(),
        body in prop::collection::vec(any::<u8>(), 0..40),
        value in schemas(),
    ) {
        if let Ok(validator) = models(&[("A", schema), ("a", other)]) {
            let _ = validator.check(&NOTHING, None, &body);
            let _ = validator.check(&NOTHING, None, value.to_string().as_bytes());
        }
    }

    /// A profile is proven model by model, and served route by route: what the one lets pass must not surprise the other.
    #[test]
    fn a_model_without_faults_that_fits_can_be_compiled(one in schemas(), other in schemas()) {
        let schemas: Vec<_> = [("A", one), ("a", other)].map(|(name, text)| Schema { name: name.to_owned(), text: text.to_string() }).into();
        let mut library = Library::new(&schemas);
        if library.faults().is_empty() {
            for name in ["A", "a"] {
                let body = Some(vec![("application/json".to_owned(), name.to_owned())]);
                let compiled = Validator::new(&Validation { required: Vec::new(), body }, &schemas).map(drop);
                prop_assert_eq!(compiled, library.fits(name));
            }
        }
    }

    #[test]
    fn any_text_as_schema_never_panics(text in ".{0,60}") {
        let _ = Library::new(&[Schema { name: "A".to_owned(), text: text.clone() }]).faults();
        let body = Some(vec![("application/json".to_owned(), "A".to_owned())]);
        let _ = Validator::new(&Validation { required: Vec::new(), body }, &[Schema { name: "A".to_owned(), text }]);
    }
}
