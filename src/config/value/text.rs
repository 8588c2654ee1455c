//! Free text, and the body of a request: text, or keys and values that become JSON.
//!
//! Owns the step from keys to JSON text. Refuses to fill fields (`traffic::template` does). Read by the types in `raw`,
//! written by `prove::mix`.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::json::json;
use super::{Phrase, text_scalar};
use crate::config::reader::{Read, Reader};
use crate::config::tree::{Kind, Node};

/// Any text: a name, a path, a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Text(pub(in crate::config) String);

text_scalar!(Text, "a text", "write a word, or text in quotes");

impl FromStr for Text {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum BodyText {
    /// A text, with `{field}`s; `{{` for a brace.
    Written(Phrase),
    /// Keys and values, sent as JSON; fields stand in its texts.
    Json(serde_json::Value),
}

impl BodyText {
    /// The body as the text of a template: in JSON the braces of objects are doubled, those within texts are fields.
    pub(in crate::config) fn phrase(&self) -> Phrase {
        match self {
            Self::Written(phrase) => phrase.clone(),
            Self::Json(value) => {
                let mut text = String::new();
                write_json(value, &mut text);
                // References in a JSON text are read as everywhere; one that cannot be read was refused when the body was.
                text.parse().unwrap_or_default()
            }
        }
    }
}

fn write_json(value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Object(members) => {
            out.push_str("{{");
            for (at, (key, value)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                // A key is data of the profile, not a text with fields.
                out.push_str(&crate::traffic::template::escaped(&serde_json::Value::from(key.as_str()).to_string()));
                out.push(':');
                write_json(value, out);
            }
            out.push_str("}}");
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_json(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

impl Read for BodyText {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(_) | Kind::Null => reader.scalar(node).map(Self::Written),
            Kind::List(_) | Kind::Map(_) => {
                // A text of a body may hold references, which are proven here and revealed later.
                let mut read_text =
                    |text: &str, node: &Node, reader: &mut Reader| reader.scalar::<Phrase>(node).map(|_| text.to_owned());
                json(node, reader, &mut read_text).map(Self::Json)
            }
        }
    }
}

impl serde::Serialize for BodyText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Written(phrase) => phrase.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

impl schemars::JsonSchema for BodyText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Body".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean", "object", "array"] })
    }
}
