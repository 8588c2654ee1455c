//! The JSON Schema of a profile, for editors; `profiles/schema.json` is this, and a test holds it current.

use super::raw::Profile;

/// The schema, as draft 2020-12.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Profile).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "Sluicegate profile".into());
    }
    schema
}
