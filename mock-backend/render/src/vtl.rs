//! Mapping templates: only what the rest of this package asks of them. The engine replaces this file.

use std::borrow::Cow;

/// Names and values in the order in which they were assigned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(String, Tree)>);

/// A value that a template assigned.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A whole number.
    Int(i128),
    /// A text.
    Text(String),
    /// A map.
    Map(Map),
}

impl Map {
    /// The value at the end of these names.
    pub fn at(&self, _: &[&str]) -> Option<&Tree> {
        None
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl Tree {
    /// The value as a template prints it.
    pub fn to_text(&self) -> String {
        String::new()
    }
}

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
    pub overrides: Map,
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
