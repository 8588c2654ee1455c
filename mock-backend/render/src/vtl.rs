//! Mapping templates: the part of Apache Velocity 1.7 that API Gateway's templates use, with the service's own variables.
//!
//! Owns the language (text, references, directives, methods of strings, lists, maps and numbers), `$input`, `$util`,
//! `$stageVariables`, `$context`, Jayway's `JSONPath`, and the bounds on what a template may cost. Refuses `#macro`, `#parse`,
//! `#include` and `#evaluate`, as the service does, and to choose a template or to judge what one made. Called by the front, which
//! parses each template once and renders it per request, and by `config`, which proves templates with it.
//!
//! # Nulls
//!
//! The service differs from Velocity where a reference is null ([`Dialect::Gateway`]; recorded of the service, 2025): it prints
//! nothing, equals `""` as well as `$null`, may be assigned, and reading below it is null again. What a variable that was never set
//! prints is a setting ([`UnsetVariable`]): nothing, since Velocity holds it for the same as one that is null. String methods of a
//! null answer as those of `""`.
//!
//! # Bounds
//!
//! Templates of 300 KB and loops of 1,000 rounds are the service's (quotas page); a loop ends silently there, as Velocity's own
//! `directive.foreach.maxloops` does (UNCONFIRMED of the service). The others ([`Limits`]) are ours.
//!
//! # Regular expressions
//!
//! `replaceAll`, `replaceFirst`, `split` and `matches` take Java's syntax without look-around, back-references, possessive
//! quantifiers and Unicode categories: those are a [`Problem::Pattern`]. They run in time linear in the text.

mod cursor;
mod error;
mod escapes;
mod eval;
mod expression;
mod format;
mod heap;
mod input;
mod json;
mod jsonpath;
mod map;
mod methods;
mod number;
mod overrides;
mod parse;
mod pattern;
mod print;
mod reference;
mod tree;
mod value;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use error::{ParseError, Problem, RenderError};
pub use overrides::{Map, Tree};
pub use sluicegate_policy::model::UnsetVariable;

/// The service's bound on a template (300 KB; quotas page of the developer guide).
pub const TEMPLATE_BYTES_MAX: usize = 300 * 1024;

/// A parsed template; parse once, render often.
#[derive(Debug)]
pub struct Template {
    block: tree::Block,
    names: tree::Names,
    dialect: Dialect,
    text_bytes: usize,
}

/// Whose nulls: the service's or Velocity's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// API Gateway: see the [module](self).
    Gateway,
    /// Velocity 1.7 as it is; the differential test speaks it.
    Velocity,
}

/// What a template sees, and what it leaves behind.
pub struct Scope<'a> {
    /// The body, as text: `$input.body`.
    pub body: &'a str,
    /// Parameters of the request: `$input.params`.
    pub params: &'a dyn Params,
    /// `$context`, less what `overrides` says.
    pub context: &'a dyn Lookup,
    /// `$stageVariables`.
    pub stage_variables: &'a [(String, String)],
    /// What templates assigned below `$context`; kept between request and response template.
    pub overrides: Map,
    /// What a variable that was never set prints; to [`Dialect::Velocity`] always its source.
    pub unset: UnsetVariable,
    /// What a rendering may cost.
    pub limits: Limits,
}

/// What one rendering may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the result; 10 MB, the service's payload.
    pub output_bytes_max: usize,
    /// Texts, lists and maps made on the way, the parsed body among them; 256 MB, which a body of 10 MB that is all small values can need.
    pub memory_bytes_max: usize,
    /// Directives, references, operators, rounds; 1,000,000, besides one for every 256 bytes of text and every 16 items gone through.
    pub steps_max: u64,
    /// Rounds of one `#foreach`; 1,000, the service's.
    pub rounds_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output_bytes_max: 10 << 20, memory_bytes_max: 256 << 20, steps_max: 1_000_000, rounds_max: 1_000 }
    }
}

/// A kind of request parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParamKind {
    /// Of the path.
    Path,
    /// Of the query string.
    Query,
    /// A header.
    Header,
}

/// The parameters of a request.
pub trait Params {
    /// One parameter.
    fn get(&self, kind: ParamKind, name: &str) -> Option<String>;
    /// All of a kind, in their order.
    fn all(&self, kind: ParamKind) -> Vec<(String, String)>;
}

/// The variables of `$context`.
pub trait Lookup {
    /// A value by its dotted name after `$context.`, such as `identity.sourceIp`.
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl Template {
    /// Parses a template of the service.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_as(text, Dialect::Gateway)
    }

    /// Parses a template in this dialect.
    pub fn parse_as(text: &str, dialect: Dialect) -> Result<Self, ParseError> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(ParseError::too_long(text.len()));
        }
        let mut names = tree::Names::default();
        let block = parse::template(text, &mut names)?;
        Ok(Self { block, names, dialect, text_bytes: text.len() })
    }

    /// What the template makes of this scope. On an error the overrides are as they were before.
    pub fn render(&self, scope: &mut Scope<'_>) -> Result<String, RenderError> {
        eval::render(self, scope)
    }

    /// Whether the result, or what is left in the overrides, can depend on the request: whether it mentions `$input` or `$context`.
    pub fn reads_request(&self) -> bool {
        self.names.mentions(tree::INPUT) || self.names.mentions(tree::CONTEXT)
    }
}
