//! The request validator of a REST API: required parameters, and bodies held against JSON schemas.
//!
//! Owns what makes a request invalid and what its sender is told. Refuses to choose the answer's status (the policy does) and to
//! fetch anything: a schema may refer to models of its own API alone. Called for every request to a route with a validator,
//! and by the product's `config`, which proves models with it.

mod bounds;
mod detail;
mod library;
mod models;

use sluicegate_policy::call::Invalid;
use sluicegate_policy::model::{ParameterRule, Schema, Source, Validation};

pub use self::bounds::Limit;
pub use self::library::Library;
use self::models::Model;
pub use self::models::{MODEL_BYTES_MAX, SchemaError};
use crate::vtl::{ParamKind, Params};

/// A route's validator, compiled.
#[derive(Debug)]
pub struct Validator {
    /// In the order in which missing ones are listed.
    required: Vec<ParameterRule>,
    /// By media type, in lower case.
    models: Vec<(String, Model)>,
}

/// Why a request does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: Invalid,
    /// What the client is told: `$context.error.message`.
    pub message: String,
    /// `$context.error.validationErrorString`; absent where finding it could take too long.
    pub detail: Option<String>,
}

/// The media type of a request that names none (developer guide, "Method request", 2023).
const DEFAULT_MEDIA_TYPE: &str = "application/json";

/// The model for every media type that has none of its own (developer guide, "Request validation for REST APIs", 2026).
const ANY_MEDIA_TYPE: &str = "$default";

impl Validator {
    /// Compiles what a route's validator checks. A schema may refer to any other of `schemas`.
    pub fn new(validation: &Validation, schemas: &[Schema]) -> Result<Self, SchemaError> {
        let mut required = validation.required.clone();
        // Recorded: `[x-header-param, issuer, qs1]`; header, path, query, and by name within each.
        required.sort();
        required.dedup();
        let bodies = validation.body.iter().flatten();
        let models = bodies.map(|(media, name)| Ok((media.to_ascii_lowercase(), Model::new(name, schemas)?)));
        Ok(Self { required, models: models.collect::<Result<_, SchemaError>>()? })
    }

    /// Whether a request passes. Parameters come first: with one missing, the body is not looked at.
    ///
    /// Without a model for the request's media type its body passes.
    pub fn check(&self, params: &dyn Params, content_type: Option<&str>, body: &[u8]) -> Result<(), Fault> {
        let missing: Vec<&str> =
            self.required.iter().filter(|rule| is_missing(params, rule)).map(|rule| rule.name.as_str()).collect();
        if !missing.is_empty() {
            let message = format!("Missing required request parameters: [{}]", missing.join(", "));
            return Err(Fault { kind: Invalid::Parameters, message, detail: None });
        }
        let Some(model) = self.model_for(content_type) else { return Ok(()) };
        model.check(body).map_err(|detail| Fault { kind: Invalid::Body, message: "Invalid request body".to_owned(), detail })
    }

    fn model_for(&self, content_type: Option<&str>) -> Option<&Model> {
        let whole = content_type.unwrap_or(DEFAULT_MEDIA_TYPE);
        let media = whole.split(';').next().unwrap_or(whole).trim();
        let of = |wanted: &str| self.models.iter().find(|(media, _)| media.eq_ignore_ascii_case(wanted)).map(|(_, model)| model);
        of(if media.is_empty() { DEFAULT_MEDIA_TYPE } else { media }).or_else(|| of(ANY_MEDIA_TYPE))
    }
}

/// A blank parameter counts as missing (developer guide, "Request validation for REST APIs", 2026).
fn is_missing(params: &dyn Params, rule: &ParameterRule) -> bool {
    let kind = match rule.source {
        Source::Header => ParamKind::Header,
        Source::Path => ParamKind::Path,
        Source::Query => ParamKind::Query,
    };
    params.get(kind, &rule.name).is_none_or(|value| value.trim().is_empty())
}

#[cfg(test)]
mod tests;
