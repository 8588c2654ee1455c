//! A parameter of a request: `header.X-Tenant`, `path.id`, `querystring.q`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::model::{ParameterRule, Source};

use super::{Unreadable, text_scalar};

/// A parameter and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Parameter(pub(in crate::config) ParameterRule);

text_scalar!(
    Parameter,
    "a parameter of a request",
    "write where it stands and its name, e.g. header.X-Tenant, path.id or querystring.q",
    r"^\s*(header|path|querystring)\.\S+\s*$"
);

const SOURCES: [(&str, Source); 3] = [("header", Source::Header), ("path", Source::Path), ("querystring", Source::Query)];

impl FromStr for Parameter {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let rule = text.trim().split_once('.').and_then(|(place, name)| {
            let (_, source) = SOURCES.iter().find(|(word, _)| *word == place)?;
            let sound = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
            sound.then(|| ParameterRule { source: *source, name: name.to_owned() })
        });
        rule.map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.0.source {
            Source::Header => "header",
            Source::Path => "path",
            Source::Query => "querystring",
        };
        write!(f, "{place}.{}", self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_parameter_reads_back_as_it_was_written(text in "(header|path|querystring)\\.[a-zA-Z0-9._-]{1,12}") {
            prop_assert_eq!(text.parse::<Parameter>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_parameter_is_refused() {
        for text in ["", "id", "header.", "query.q", "body.x", "header.a b"] {
            assert!(text.parse::<Parameter>().is_err(), "{text}");
        }
    }
}
