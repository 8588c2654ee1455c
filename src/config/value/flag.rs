//! Yes or no: `true`, `false`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use super::Unreadable;
use crate::config::reader::{Read, Reader, Scalar};
use crate::config::tree::Node;

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Flag(pub(in crate::config) bool);

impl Scalar for Flag {
    const KIND: &'static str = "a yes or no";
    const CURE: &'static str = "write true or false";
}

impl FromStr for Flag {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        match text.trim() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(Unreadable::new::<Self>(text)),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Read for Flag {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        reader.scalar(node)
    }
}

impl serde::Serialize for Flag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl schemars::JsonSchema for Flag {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Flag".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "boolean" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_read_back_as_they_were_written() {
        for text in ["true", "false"] {
            assert_eq!(text.parse::<Flag>().unwrap().to_string(), text);
        }
        assert_eq!("yes".parse::<Flag>().unwrap_err().to_string(), "\"yes\" is not a yes or no; write true or false");
    }
}
