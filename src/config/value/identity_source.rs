//! What of a request identifies who asks: `header.Authorization`, `querystring.token`, `stage.tenant`, `context.routeKey`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to look at a request (`render` does). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::model::IdentitySource as Meaning;

use super::text_scalar;
use crate::config::problem::quoted;

/// What identifies who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct IdentitySource(pub(in crate::config) Meaning);

/// Why a text names none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} identifies nobody; write header.X, querystring.q, stage.variable or context.name", quoted(.0))]
pub(in crate::config) struct NotASource(String);

text_scalar!(
    IdentitySource,
    "an identity source",
    "write e.g. header.Authorization",
    r"^(header|querystring|stage|context)\.\S+$"
);

impl FromStr for IdentitySource {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        let no = || NotASource(text.to_owned());
        let (place, name) = text.split_once('.').ok_or_else(no)?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(no());
        }
        let name = name.to_owned();
        match place {
            "header" => Ok(Self(Meaning::Header(name))),
            "querystring" => Ok(Self(Meaning::Query(name))),
            "stage" => Ok(Self(Meaning::StageVariable(name))),
            "context" => Ok(Self(Meaning::Context(name))),
            _ => Err(no()),
        }
    }
}

impl fmt::Display for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Meaning::Header(name) => write!(f, "header.{name}"),
            Meaning::Query(name) => write!(f, "querystring.{name}"),
            Meaning::StageVariable(name) => write!(f, "stage.{name}"),
            Meaning::Context(name) => write!(f, "context.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_back_as_it_was_written_and_others_are_none() {
        for text in ["header.Authorization", "querystring.t", "stage.tenant", "context.identity.sourceIp"] {
            assert_eq!(text.parse::<IdentitySource>().unwrap().to_string(), text);
        }
        for text in ["", "header", "header.", "cookie.a", "header.a b"] {
            assert!(text.parse::<IdentitySource>().is_err(), "{text}");
        }
    }
}
