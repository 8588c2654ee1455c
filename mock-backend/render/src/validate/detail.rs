//! What is wrong with a body, in the words of the provider's validator: `$context.error.validationErrorString`.
//!
//! Owns the wording and when it is worth finding out. Refuses to decide whether a body is valid (the schema did). Called by
//! [`super::models`].

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::bounds::Branching;

/// Longest body whose faults are told: finding them all takes more than finding one.
const TOLD_BODY_BYTES_MAX: usize = 16 * 1024;

/// Most faults that are told of one body.
const TOLD_FAULTS_MAX: usize = 16;

/// Whether faults are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Of bodies that are not long.
    Short,
    /// Of none: the ways to fail could be too many.
    Never,
}

impl Told {
    /// For a schema of this kind.
    pub(super) fn of(branching: Branching) -> Self {
        match branching {
            Branching::Bounded => Self::Short,
            Branching::Unbounded => Self::Never,
        }
    }

    /// What is wrong with a body of that length, which does not satisfy the schema.
    pub(super) fn tell(self, schema: &jsonschema::Validator, body: &Value, bytes: usize) -> Option<String> {
        if self == Self::Never || bytes > TOLD_BODY_BYTES_MAX {
            return None;
        }
        let mut faults = Faults::default();
        for error in schema.iter_errors(body) {
            faults.add(&error);
        }
        Some(faults.list())
    }
}

/// Faults in the order in which they were found; missing properties of one object together.
#[derive(Default)]
struct Faults {
    /// Where, and which properties are missing there; with nothing missing the text says it all.
    found: Vec<(String, Vec<String>, String)>,
}

impl Faults {
    fn add(&mut self, error: &ValidationError<'_>) {
        if let Kind::Required { property } = error.kind() {
            let at = error.instance_path().as_str();
            match self.found.iter_mut().find(|(place, missing, _)| place == at && !missing.is_empty()) {
                Some((_, missing, _)) => missing.push(property.to_string()),
                None => self.found.push((at.to_owned(), vec![property.to_string()], String::new())),
            }
        } else {
            self.found.push((String::new(), Vec::new(), said(error)));
        }
    }

    fn list(self) -> String {
        let texts = self.found.into_iter().take(TOLD_FAULTS_MAX).map(|(_, missing, text)| {
            if missing.is_empty() { text } else { format!("object has missing required properties ([{}])", missing.join(",")) }
        });
        format!("[{}]", texts.collect::<Vec<_>>().join(", "))
    }
}

/// In the words of `json-schema-validator`, which the provider runs (as its users' logs show); in our own where they are not
/// known. The rest of the words is unconfirmed.
fn said(error: &ValidationError<'_>) -> String {
    let found = || error.instance().to_string();
    match error.kind() {
        Kind::Type { kind } => {
            format!(
                "instance type ({}) does not match any allowed primitive type (allowed: [{}])",
                name_of(error.instance()),
                allowed(kind)
            )
        }
        Kind::Enum { options } => format!("instance value ({}) not found in enum (possible values: {options})", found()),
        Kind::AdditionalProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().map(|name| format!("{name:?}")).collect();
            format!("object instance has properties which are not allowed by the schema: [{}]", names.join(","))
        }
        Kind::Pattern { pattern } => format!("ECMA 262 regex {pattern:?} does not match input string {}", found()),
        Kind::Minimum { limit } => {
            format!("numeric instance is lower than the required minimum (minimum: {limit}, found: {})", found())
        }
        Kind::Maximum { limit } => {
            format!("numeric instance is greater than the required maximum (maximum: {limit}, found: {})", found())
        }
        Kind::MinLength { limit } => {
            format!("string {} is too short (length: {}, required minimum: {limit})", found(), length(error.instance()))
        }
        Kind::MaxLength { limit } => {
            format!("string {} is too long (length: {}, maximum allowed: {limit})", found(), length(error.instance()))
        }
        _ => error.to_string(),
    }
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

fn allowed(kind: &TypeKind) -> String {
    let types: Vec<String> = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(set) => set.iter().map(|one| one.to_string()).collect(),
    };
    let mut types: Vec<&str> =
        types.iter().flat_map(|one| if one == "number" { vec!["integer", "number"] } else { vec![one.as_str()] }).collect();
    types.sort_unstable();
    types.dedup();
    types.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(",")
}

/// The JSON type of a value, as the provider's validator calls it.
fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
