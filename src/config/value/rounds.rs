//! How often steps are done: `10`, `forever`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by `raw::session`.

use std::fmt;
use std::str::FromStr;

use super::Unreadable;
use crate::config::reader::{Read, Reader, Scalar};
use crate::config::tree::Node;
use crate::load::dialogue::Rounds;

/// Rounds as they are written; a number is above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Repeated(pub(in crate::config) Rounds);

impl Scalar for Repeated {
    const KIND: &'static str = "how often steps are done";
    const CURE: &'static str = "write a number above zero, e.g. 10, or forever";
}

impl Read for Repeated {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        reader.scalar(node)
    }
}

impl FromStr for Repeated {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let trimmed = text.trim();
        if trimmed == "forever" {
            return Ok(Self(Rounds::Forever));
        }
        // `u32::from_str` would take "+5", which JSON Schema does not.
        let digits = Some(trimmed).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let times = digits.and_then(|digits| digits.parse().ok()).filter(|times| *times > 0);
        times.map(|times| Self(Rounds::Times(times))).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Rounds::Times(times) => times.fmt(f),
            Rounds::Forever => f.pad("forever"),
        }
    }
}

/// A number is written as what it is.
impl serde::Serialize for Repeated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Rounds::Times(times) => serializer.serialize_u32(times),
            Rounds::Forever => serializer.collect_str(self),
        }
    }
}

impl schemars::JsonSchema for Repeated {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Repeated".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["integer", "string"], "minimum": 1, "maximum": u32::MAX, "pattern": r"^\s*([0-9]+|forever)\s*$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_read_back_as_they_were_written() {
        for text in ["1", "10", "4294967295", "forever"] {
            assert_eq!(text.parse::<Repeated>().map(|rounds| rounds.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "0", "-1", "+1", "4294967296", "for ever", "1.5"] {
            assert!(text.parse::<Repeated>().is_err(), "{text}");
        }
    }
}
