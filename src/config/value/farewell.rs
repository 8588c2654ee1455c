//! How a client closes its connection: `1000`, `3001`, `empty`, `silent`, `reset`.
//!
//! Owns its text form (`FromStr`, `Display`), and which codes a client sends. Refuses to close anything. Read by `raw::session`.

use std::fmt;
use std::str::FromStr;

use super::Unreadable;
use crate::config::reader::{Read, Reader, Scalar};
use crate::config::tree::Node;
use crate::traffic::conversation::Farewell;

/// A farewell as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Close(pub(in crate::config) Farewell);

impl Scalar for Close {
    const KIND: &'static str = "how a client closes a connection";
    // RFC 6455, 7.4: what a client says is that it is done (1000) or goes away (1001); 3000 to 4999 are for libraries and applications.
    const CURE: &'static str = "write 1000, 1001, a code of your own from 3000 to 4999, empty, silent or reset";
}

impl Read for Close {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        reader.scalar(node)
    }
}

impl FromStr for Close {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let trimmed = text.trim();
        let digits = Some(trimmed).filter(|text| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()));
        let code = digits.and_then(|digits| digits.parse().ok()).filter(|code| matches!(code, 1_000 | 1_001 | 3_000..=4_999));
        let farewell = match trimmed {
            "empty" => Some(Farewell::Empty),
            "silent" => Some(Farewell::Silent),
            "reset" => Some(Farewell::Reset),
            _ => code.map(Farewell::Code),
        };
        farewell.map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Farewell::Code(code) => code.fmt(f),
            Farewell::Empty => f.pad("empty"),
            Farewell::Silent => f.pad("silent"),
            Farewell::Reset => f.pad("reset"),
        }
    }
}

/// A code is written as the number that it is.
impl serde::Serialize for Close {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Farewell::Code(code) => serializer.serialize_u16(code),
            Farewell::Empty | Farewell::Silent | Farewell::Reset => serializer.collect_str(self),
        }
    }
}

impl schemars::JsonSchema for Close {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Close".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            { "enum": [1_000, 1_001] },
            { "type": "integer", "minimum": 3_000, "maximum": 4_999 },
            { "type": "string", "pattern": r"^\s*(100[01]|[34][0-9]{3}|empty|silent|reset)\s*$" }
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farewell_reads_back_as_it_was_written() {
        for text in ["1000", "1001", "3000", "4999", "empty", "silent", "reset"] {
            assert_eq!(text.parse::<Close>().map(|close| close.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn codes_that_no_client_sends_are_refused() {
        for text in ["", "1002", "1005", "1006", "2999", "5000", "01000", "+1000", "gone"] {
            assert!(text.parse::<Close>().is_err(), "{text}");
        }
    }
}
