//! The JSON Schemas of a profile and of a case, for editors; `profiles/schema.json` and `cases/schema.json` are these, and a
//! test holds them current.
//!
//! Owns its making from the raw types. Refuses to write it anywhere. Called by the test that holds it current.

use super::raw::{Case, Profile};

/// The schema of a profile, as draft 2020-12.
pub fn schema() -> serde_json::Value {
    titled(schemars::schema_for!(Profile), "Sluicegate profile")
}

/// The schema of a case, as draft 2020-12.
pub fn case_schema() -> serde_json::Value {
    titled(schemars::schema_for!(Case), "Sluicegate case")
}

fn titled(schema: schemars::Schema, title: &str) -> serde_json::Value {
    let mut schema = schema.to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), title.into());
    }
    schema
}
