//! Why a model has no front door.
//!
//! Owns the words for each fault in a template, schema, pattern or mapping, and where it stands. Refuses to find them
//! ([`Front::new`](crate::front::Front::new) does). Shown by the product's `config`, which adds file and line.

use crate::validate::SchemaError;
use crate::vtl;

/// A part of the model that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {part}: {why}")]
pub struct FrontError {
    /// The route key (`GET /orders/{id}`), or the response type (`THROTTLED`).
    pub place: String,
    /// Which part of it: `request template application/json`.
    pub part: String,
    /// What is wrong, and where in the text.
    #[source]
    pub why: FrontFault,
}

/// What is wrong with a part.
#[derive(Debug, thiserror::Error)]
pub enum FrontFault {
    /// It is no mapping template.
    #[error(transparent)]
    Template(#[from] vtl::ParseError),
    /// Its schema is none.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Its pattern is none.
    #[error("the pattern is not a regular expression that is understood here: {0}; look-around and back references are not")]
    Pattern(#[from] regex::Error),
    /// Its value comes from nowhere.
    #[error(transparent)]
    Expression(#[from] ExpressionFault),
    /// Its keys are none.
    #[error(transparent)]
    Keys(#[from] crate::authorizer::JwksFault),
    /// A key of a parameter mapping does nothing.
    #[error(transparent)]
    Key(#[from] KeyFault),
}

/// Why a text does not say where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\"{} is nothing that a value can come from here; write {cure}", at.map_or(String::new(), |at| format!(" at character {at}")))]
pub struct ExpressionFault {
    /// The text.
    pub text: String,
    /// Where in a longer text it stands, in bytes from its start.
    pub at: Option<usize>,
    /// What could stand there.
    pub cure: &'static str,
}

/// Why a key of an HTTP API's parameter mapping is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It is not spelled like one.
    #[error("\"{key}\" changes nothing; write {cure}")]
    Unknown {
        /// The key.
        key: String,
        /// What could stand there.
        cure: &'static str,
    },
    /// It names a header that the gateway keeps for itself.
    #[error("the header \"{header}\" cannot be mapped: the gateway keeps it for itself; take another name")]
    Reserved {
        /// The header.
        header: String,
    },
}
