//! Answers held against those that the real service gave.

use serde_json::{Value, json};
use sluicegate_policy::call::Mapped;

use super::tests::mapped_door;
use super::{FunctionFault, Returned, proxied};
use crate::event::PayloadFormat;
use crate::examined::tests::door::Ask;
use crate::media::BinaryMedia;

fn scenarios(family: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance/apigw-recorded.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of = |scenario: &&Value| scenario["id"].as_str().unwrap().starts_with(family);
    all["scenarios"].as_array().unwrap().iter().filter(of).cloned().collect()
}

/// What the connection, the delivery network and the ids add is none of the function's.
fn is_functions(name: &str) -> bool {
    let added = ["connection", "content-length", "date", "via", "x-cache", "x-amzn-trace-id", "x-amzn-requestid"];
    let name = name.to_ascii_lowercase();
    !added.contains(&name.as_str()) && !name.starts_with("x-amz-")
}

/// Status, body and headers that a function's result becomes; several values of a header joined as the recorder joins them.
fn made(result: &Value) -> Value {
    let given = result.to_string();
    match proxied(PayloadFormat::Rest, Returned::Value(given.as_bytes()), Some("*/*"), &BinaryMedia::default()) {
        Ok(answer) => {
            let mut headers = serde_json::Map::new();
            for (name, value) in &answer.headers {
                let given = headers.get(&**name).and_then(Value::as_str).map(|given| format!("{given}, {value}"));
                headers.insert(name.to_string(), given.unwrap_or_else(|| value.to_string()).into());
            }
            json!({ "status": answer.status, "content": str::from_utf8(&answer.body).unwrap(), "headers": headers })
        }
        // What the policy and its refusals say is theirs, and tested there.
        Err(FunctionFault::Failed | FunctionFault::Malformed(_)) => json!({ "status": 502 }),
        Err(FunctionFault::Undecodable) => json!({ "status": 500 }),
    }
}

#[test]
#[ignore = "needs ../shared"]
#[expect(clippy::print_stdout, reason = "how many of the recorded answers are made so is for a person to read")]
fn recorded_results_become_the_recorded_answers() {
    let scenarios = scenarios("proxy-response.");
    let mut differing = Vec::new();
    for scenario in &scenarios {
        let (made, recorded) = (made(&scenario["request"]["function returns"]), &scenario["recorded_answer"]);
        let mut alike = made["status"] == scenario["expected_status"];
        if made["status"] == 200 {
            alike &= made["content"] == recorded["content"];
        }
        if let Some(headers) = recorded["headers"].as_object() {
            let of_function: serde_json::Map<_, _> = headers.clone().into_iter().filter(|(name, _)| is_functions(name)).collect();
            alike &= made["headers"] == Value::Object(of_function);
        }
        if !alike {
            differing.push(format!("{}: {recorded}, made {made}", scenario["id"]));
        }
    }
    println!("proxy-response: {} of {}", scenarios.len() - differing.len(), scenarios.len());
    assert!(differing.is_empty() && !scenarios.is_empty(), "{differing:#?}");
}

#[test]
#[ignore = "needs ../shared"]
#[expect(clippy::print_stdout, reason = "how many of the recorded answers are made so is for a person to read")]
fn recorded_errors_choose_the_recorded_integration_responses() {
    let door = mapped_door(&[(Some(""), 200), (Some(".*four hundred.*"), 405), (Some(".+"), 502), (Some("200"), 504)]);
    let scenarios = scenarios("lambda-aws.");
    let mut differing = Vec::new();
    for scenario in &scenarios {
        let body = scenario["recorded_answer"].to_string();
        let is_error = scenario["recorded_answer"].get("errorMessage").is_some();
        let returned = if is_error { Returned::Error(body.as_bytes()) } else { Returned::Value(body.as_bytes()) };
        let mapped = door.look("GET", Ask::default(), |examined| examined.function_mapped(returned));
        let Mapped::Answer(content) = mapped else { panic!("{mapped:?}") };
        if content.status != scenario["expected_status"] || content.bytes != body.len() as u64 {
            differing.push(format!("{}: {content:?}", scenario["id"]));
        }
    }
    println!("lambda-aws: {} of {}", scenarios.len() - differing.len(), scenarios.len());
    assert!(differing.is_empty() && !scenarios.is_empty(), "{differing:#?}");
}
