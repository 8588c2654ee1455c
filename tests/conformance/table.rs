//! The gateway responses as the control plane lists them, against the table by which the mock answers.
//!
//! Owns the comparison. Refuses to ask a mock: no request shows the whole table. Called by `main`.

use serde_json::{Value, json};
use sluicegate_render::responses::{BUILT_IN, BuiltIn, TEMPLATE};

use crate::recorded::Scenario;

/// Compares the recorded list, in its order, with ours.
pub(crate) fn compare(scenario: &Scenario) -> Result<(), Vec<String>> {
    let recorded = scenario.recorded_answer["items"].as_array().map_or(&[][..], Vec::as_slice);
    // What a type was customised with just before is part of the setup: its row proves no more than that the type is listed.
    let ours = |row: &BuiltIn| {
        let customised =
            recorded.iter().find(|item| item["responseType"] == row.kind.as_str() && item["defaultResponse"] == false);
        customised.cloned().unwrap_or_else(|| listed(row))
    };
    let ours: Vec<Value> = BUILT_IN.iter().map(ours).collect();
    let mut found: Vec<String> = Vec::new();
    if recorded.len() != ours.len() {
        found.push(format!("types: expected {}, got {}", recorded.len(), ours.len()));
    }
    let differing = recorded.iter().zip(&ours).filter(|(expected, got)| expected != got);
    found.extend(differing.map(|(expected, got)| format!("expected {expected}\n     got {got}")));
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// A row as the control plane lists it.
fn listed(row: &BuiltIn) -> Value {
    let mut item = json!({
        "defaultResponse": true,
        "responseParameters": {},
        "responseTemplates": { "application/json": TEMPLATE },
        "responseType": row.kind.as_str(),
    });
    if let Some(status) = row.status {
        item["statusCode"] = status.to_string().into();
    }
    item
}
