//! Any JSON: keys, lists and values that are data to the profile, such as a schema.
//!
//! Owns the step from the tree to JSON. Refuses to know what it says. Read by the types in `raw`, and by `text` for bodies.

use crate::config::reader::{Read, Reader};
use crate::config::tree::{Kind, Node, Scalar, Taken};

/// JSON as it stands in the profile.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct Json(pub(in crate::config) serde_json::Value);

impl Read for Json {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        json(node, reader, &mut |text, _, _| Some(text.to_owned())).map(Self)
    }
}

/// Proves a text, which stands at the node.
pub(super) type TextReader<'a> = dyn FnMut(&str, &Node, &mut Reader) -> Option<String> + 'a;

/// The JSON of a tree, its texts as `read_text` has them.
pub(super) fn json(node: &Node, reader: &mut Reader, read_text: &mut TextReader<'_>) -> Option<serde_json::Value> {
    match &node.kind {
        Kind::Null => Some(serde_json::Value::Null),
        Kind::Scalar(scalar) => of_scalar(scalar, node, reader, read_text),
        Kind::List(items) => {
            let items: Vec<Option<_>> =
                items.iter().enumerate().map(|(at, item)| reader.item(at, |reader| json(item, reader, read_text))).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(serde_json::Value::Array)
        }
        Kind::Map(entries) => {
            reader.twice(node);
            let members: Vec<Option<_>> = entries
                .iter()
                .map(|entry| {
                    let value = reader.under(&entry.key, |reader| json(&entry.value, reader, read_text));
                    value.map(|value| (entry.key.clone(), value))
                })
                .collect();
            members.into_iter().collect::<Option<serde_json::Map<_, _>>>().map(serde_json::Value::Object)
        }
    }
}

fn of_scalar(scalar: &Scalar, node: &Node, reader: &mut Reader, read_text: &mut TextReader<'_>) -> Option<serde_json::Value> {
    match scalar.taken {
        Taken::Bool => Some(serde_json::Value::Bool(scalar.text.eq_ignore_ascii_case("true"))),
        Taken::Text => read_text(&scalar.text, node, reader).map(serde_json::Value::String),
        Taken::Number => {
            // `.inf` and `0x10` are numbers of YAML, not of JSON.
            let number: Option<serde_json::Number> = serde_json::from_str(&scalar.text).ok();
            number.map(serde_json::Value::Number).or_else(|| {
                reader.report(&node.place, "this number cannot stand in JSON; write it in quotes, or as a decimal");
                None
            })
        }
    }
}

impl serde::Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl schemars::JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean", "object", "array", "null"] })
    }
}
