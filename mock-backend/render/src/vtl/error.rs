//! What is wrong with a template, and what stopped a rendering.
//!
//! Owns the two error types and their wording. Refuses to choose a status: the caller answers. Made by everything in `vtl`.

use super::TEMPLATE_BYTES_MAX;
use super::tree::Place;

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, and what would work.
    pub what: String,
}

impl ParseError {
    pub(super) fn new(at: Place, what: impl Into<String>) -> Self {
        Self { line: at.line, column: at.column, what: what.into() }
    }

    pub(super) fn too_long(bytes: usize) -> Self {
        let what = format!("a template of {bytes} bytes is longer than the {TEMPLATE_BYTES_MAX} that the service takes");
        Self::new(Place { line: 1, column: 1 }, what)
    }
}

/// A rendering that was stopped; the caller answers 500 (a body that is no JSON: 400, as the service words it).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct RenderError {
    /// Line of the reference or directive, from 1; 0 where none is to blame.
    pub line: u32,
    /// Column of it, from 1; 0 where none is to blame.
    pub column: u32,
    /// What stopped it.
    pub problem: Problem,
}

/// What stopped a rendering.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The result grew too long.
    #[error("the result is longer than {bytes_max} bytes")]
    Output {
        /// The bound.
        bytes_max: usize,
    },
    /// The values grew too large.
    #[error("the template needs more than {bytes_max} bytes of memory")]
    Memory {
        /// The bound.
        bytes_max: usize,
    },
    /// It took too long.
    #[error("the template takes more than {steps_max} steps")]
    Steps {
        /// The bound.
        steps_max: u64,
    },
    /// A value nests too deeply, or contains itself.
    #[error("a value nests more than {depth_max} deep, or contains itself")]
    Depth {
        /// The bound.
        depth_max: usize,
    },
    /// A text that `$input.path`, `$input.json` or `$util.parseJson` was to read is no JSON.
    #[error("not JSON at byte {at}: {what}")]
    Json {
        /// Where in the text, in bytes from 0.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A `JSONPath` that cannot be read.
    #[error("{path:?} is not a JSONPath: {what}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A regular expression that cannot be used.
    #[error("{pattern:?} cannot be used as a regular expression: {what}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// Why.
        what: String,
    },
    /// A method that throws in Java.
    #[error("{method}: {what}")]
    Method {
        /// The method.
        method: &'static str,
        /// Why it throws.
        what: String,
    },
}

impl From<Problem> for RenderError {
    fn from(problem: Problem) -> Self {
        Self { line: 0, column: 0, problem }
    }
}

impl RenderError {
    /// The error, at this place unless it has a more precise one.
    pub(super) fn at(self, place: Place) -> Self {
        if self.line == 0 { Self { line: place.line, column: place.column, ..self } } else { self }
    }
}
