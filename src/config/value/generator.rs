//! What a field of a request holds: `1..10000`, `[a, b]`, `uuid`, `text(12)`, `identity`, `{ oneof: { a: 9, b: 1 } }`.
//!
//! Owns its text form, lists and weights. Refuses to draw (`traffic::template` does). Read by `raw::traffic`, handed to
//! templates by `prove::mix`.

use std::fmt;

use super::{Count, Unreadable};
use crate::config::reader::{Read, Reader, Scalar as ScalarKind};
use crate::config::tree::{Kind, Node};
use crate::traffic::template::Generator;

/// A generator as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct FieldValue(pub(in crate::config) Generator);

/// The longest generated text.
const LENGTH_MAX: u32 = 1 << 16;

impl ScalarKind for FieldValue {
    const KIND: &'static str = "what a field can hold";
    const CURE: &'static str =
        "write a range 1..1000, a list [a, b], uuid, text(12), identity, or weights { oneof: { a: 9, b: 1 } }";
}

impl std::str::FromStr for FieldValue {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let length = |text: &str| text.strip_prefix("text(")?.strip_suffix(')')?.trim().parse().ok();
        let range = |text: &str| {
            let (low, high) = text.split_once("..")?;
            let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
            (low <= high).then_some(Generator::Range { low, high })
        };
        let generator = match text.trim() {
            "uuid" => Some(Generator::Uuid),
            "identity" => Some(Generator::Identity),
            other => match length(other) {
                Some(length) if length <= LENGTH_MAX => Some(Generator::Text { length }),
                Some(_) => None,
                None => range(other),
            },
        };
        generator.map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

/// As a scalar, where there is one; lists and weights are written as JSON.
impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Generator::Range { low, high } => write!(f, "{low}..{high}"),
            Generator::Uuid => f.write_str("uuid"),
            Generator::Text { length } => write!(f, "text({length})"),
            Generator::Identity => f.write_str("identity"),
            // Every message has these by itself; nobody writes them.
            Generator::Call => f.write_str("call"),
            Generator::Number => f.write_str("number"),
            Generator::OneOf(_) => f.write_str(&serde_json::to_string(self).unwrap_or_default()),
        }
    }
}

impl Read for FieldValue {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Null | Kind::Scalar(_) => reader.scalar(node),
            Kind::List(items) => {
                let text = |(at, item): (usize, &Node)| {
                    let text =
                        reader.item(at, |reader| reader.text(item, "a text", "write a word or a number").map(str::to_owned));
                    text.map(|text| (text, 1))
                };
                let values: Vec<Option<_>> = items.iter().enumerate().map(text).collect();
                Self::one_of(values, node, reader)
            }
            Kind::Map(_) => {
                let keys = reader.keys(node, &["oneof"])?;
                let Weights(values) = keys.read("oneof", reader)?;
                Self::one_of(values.into_iter().map(Some).collect(), node, reader)
            }
        }
    }
}

impl FieldValue {
    fn one_of(values: Vec<Option<(String, u32)>>, node: &Node, reader: &mut Reader) -> Option<Self> {
        let values: Vec<_> = values.into_iter().collect::<Option<_>>()?;
        if values.iter().all(|(_, weight)| *weight == 0) {
            reader.report(&node.place, "there is nothing to choose from; write at least one value with a weight above zero");
            return None;
        }
        Some(Self(Generator::OneOf(values)))
    }
}

struct Weights(Vec<(String, u32)>);

impl Read for Weights {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            reader.report(&node.place, "weights are expected here; write each value with its weight, e.g. { a: 9, b: 1 }");
            return None;
        };
        reader.twice(node);
        let weight = |entry: &crate::config::tree::Entry| {
            let weight = reader.under(&entry.key, |reader| reader.scalar::<Count>(&entry.value));
            weight.map(|weight| (entry.key.clone(), weight.0))
        };
        let weights: Vec<Option<_>> = entries.iter().map(weight).collect();
        weights.into_iter().collect::<Option<_>>().map(Self)
    }
}

impl serde::Serialize for FieldValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Generator::OneOf(values) = &self.0 else { return serializer.collect_str(self) };
        if values.iter().all(|(_, weight)| *weight == 1) {
            return serializer.collect_seq(values.iter().map(|(value, _)| value));
        }
        let weights: serde_json::Map<_, _> = values.iter().map(|(value, weight)| (value.clone(), (*weight).into())).collect();
        serializer.collect_map([("oneof", weights)])
    }
}

impl schemars::JsonSchema for FieldValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "oneOf": [
            { "type": "string", "pattern": r"^\s*(-?[0-9]+\s*\.\.\s*-?[0-9]+|uuid|identity|text\([0-9]+\))\s*$" },
            { "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean"] } },
            {
                "type": "object",
                "required": ["oneof"],
                "additionalProperties": false,
                "properties": { "oneof": { "type": "object", "minProperties": 1, "additionalProperties": { "type": "integer", "minimum": 0 } } }
            }
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn generator() -> impl Strategy<Value = Generator> {
        prop_oneof![
            (any::<i64>(), any::<i64>()).prop_map(|(a, b)| Generator::Range { low: a.min(b), high: a.max(b) }),
            Just(Generator::Uuid),
            Just(Generator::Identity),
            (0..=LENGTH_MAX).prop_map(|length| Generator::Text { length }),
            proptest::collection::btree_map("[a-z0-9]{0,4}", 1..100_u32, 1..5)
                .prop_map(|values| Generator::OneOf(values.into_iter().collect())),
        ]
    }

    fn read(value: &serde_json::Value) -> Option<FieldValue> {
        let node = Node::from_json(value, &crate::config::problem::Place::Nowhere);
        FieldValue::read(&node, &mut Reader::new("test"))
    }

    proptest! {
        #[test]
        fn a_generator_reads_back_as_it_was_written(generator in generator()) {
            let value = FieldValue(generator);
            prop_assert_eq!(read(&serde_json::to_value(&value).unwrap()), Some(value));
        }
    }

    #[test]
    fn what_no_field_can_hold_is_refused() {
        for text in ["", "uiid", "5", "10..1", "1..", "text()", "text(-1)", "text(99999999)"] {
            assert!(text.parse::<FieldValue>().is_err(), "{text}");
        }
        for value in
            [serde_json::json!([]), serde_json::json!({"oneof": {}}), serde_json::json!({"one": 1}), serde_json::json!([[1]])]
        {
            assert_eq!(read(&value), None, "{value}");
        }
    }
}
