//! By what of a message its route is selected: `$request.body.action`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to look into a message (`render` does). Read by `raw::gateway`.

use std::fmt;
use std::str::FromStr;

use super::text_scalar;
use crate::config::problem::quoted;

/// The keys from the outermost on, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct RouteSelection(pub(in crate::config) Vec<String>);

/// Why a text selects nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} selects no route; write $request.body. and the key in the message, e.g. $request.body.action", quoted(.0))]
pub(in crate::config) struct NotASelection(String);

text_scalar!(
    RouteSelection,
    "a route selection",
    "write e.g. $request.body.action",
    r"^\s*\$(request\.body(\.[^.\s{}\[\]$]+)+|\{request\.body(\.[^.\s{}\[\]$]+)+\})\s*$"
);

/// Of what comes with a message there is its body alone (developer guide, "WebSocket selection expressions in API Gateway", 2023).
const BODY: &str = "request.body.";

impl FromStr for RouteSelection {
    type Err = NotASelection;

    fn from_str(text: &str) -> Result<Self, NotASelection> {
        let no = || NotASelection(text.to_owned());
        let inside = text.trim().strip_prefix('$').ok_or_else(no)?;
        let inside = inside.strip_prefix('{').map_or(Some(inside), |inside| inside.strip_suffix('}')).ok_or_else(no)?;
        let keys: Vec<String> = inside.strip_prefix(BODY).ok_or_else(no)?.split('.').map(str::to_owned).collect();
        let is_key = |key: &String| {
            !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '[' | ']' | '$'))
        };
        if keys.iter().all(is_key) { Ok(Self(keys)) } else { Err(no()) }
    }
}

impl fmt::Display for RouteSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${BODY}{}", self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_reads_back_as_it_was_written_and_others_select_nothing() {
        for text in ["$request.body.action", "$request.body.detail.kind", "$request.body.a-b"] {
            assert_eq!(text.parse::<RouteSelection>().unwrap().to_string(), text);
        }
        assert_eq!("${request.body.action}".parse::<RouteSelection>().unwrap().to_string(), "$request.body.action");
        for text in [
            "",
            "action",
            "$request.body",
            "$request.body.",
            "$request.header.x",
            "$request.body.a..b",
            "$request.body.a[0]",
            "${request.body.a",
            "$context.routeKey",
        ] {
            assert!(text.parse::<RouteSelection>().is_err(), "{text}");
        }
    }
}
