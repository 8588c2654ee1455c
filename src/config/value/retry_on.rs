//! What a client tries again after: an HTTP status, or `network`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use super::Unreadable;
use crate::config::reader::{Read, Reader, Scalar};
use crate::config::tree::Node;

/// A status of an error, or whatever the network fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum RetryOn {
    /// A complete answer with this status.
    Status(u16),
    /// No connection, no complete answer, or none in time.
    Network,
}

impl Scalar for RetryOn {
    const KIND: &'static str = "what a request is tried again after";
    const CURE: &'static str = "write an HTTP status from 400 to 599, or network";
}

impl Read for RetryOn {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        reader.scalar(node)
    }
}

impl FromStr for RetryOn {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let trimmed = text.trim();
        if trimmed == "network" {
            return Ok(Self::Network);
        }
        // `u16::from_str` would take "+429", which JSON Schema does not.
        let status = Some(trimmed).filter(|digits| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let status = status.and_then(|digits| digits.parse().ok()).filter(|status| (400..600).contains(status));
        status.map(Self::Status).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for RetryOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Network => f.pad("network"),
        }
    }
}

/// A status is written as the number that it is.
impl serde::Serialize for RetryOn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Status(status) => serializer.serialize_u16(*status),
            Self::Network => serializer.collect_str(self),
        }
    }
}

impl schemars::JsonSchema for RetryOn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RetryOn".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["integer", "string"], "minimum": 400, "maximum": 599, "pattern": r"^\s*(network|[45][0-9][0-9])\s*$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_an_error_and_the_network_read_back_as_they_were_written() {
        for on in (400..600).map(RetryOn::Status).chain([RetryOn::Network]) {
            assert_eq!(on.to_string().parse(), Ok(on));
        }
    }

    #[test]
    fn what_no_client_tries_again_after_is_refused() {
        for text in ["", "200", "399", "600", "+429", "5xx", "networks", "timeout"] {
            assert!(text.parse::<RetryOn>().is_err(), "{text}");
        }
    }
}
