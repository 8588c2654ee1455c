//! Mapping templates: only what the rest of this package asks of them. The engine replaces this file.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A compiled template.
#[derive(Debug)]
pub struct Template(String);

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no template")]
pub struct ParseError;

/// Why a template failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed")]
pub struct RenderError;

/// Bounds of one rendering.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits;

/// What a template sees and sets.
pub struct Scope<'a> {
    /// Body.
    pub body: &'a str,
    /// Parameters of the request.
    pub params: &'a dyn Params,
    /// `$context`.
    pub context: &'a dyn Lookup,
    /// `$stageVariables`.
    pub stage_variables: &'a [(String, String)],
    /// What the template sets below `$context`.
    pub overrides: Map<String, Value>,
    /// Bounds.
    pub limits: Limits,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Path.
    Path,
    /// Query.
    Query,
    /// Header.
    Header,
}

/// Parameters of a request.
pub trait Params {
    /// The last of this name.
    fn get(&self, kind: ParamKind, name: &str) -> Option<String>;
    /// All.
    fn all(&self, kind: ParamKind) -> Vec<(String, String)>;
}

/// Variables by dotted name.
pub trait Lookup {
    /// The value.
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl Template {
    /// Compiles.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self(text.to_owned()))
    }

    /// Renders.
    pub fn render(&self, _: &mut Scope<'_>) -> Result<String, RenderError> {
        Ok(self.0.clone())
    }

    /// Whether it mentions the request.
    pub fn reads_request(&self) -> bool {
        self.0.contains('$')
    }
}
