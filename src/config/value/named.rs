//! A map whose keys are names that the profile chooses: stages, functions, routes, headers.

use crate::config::problem::Spot;
use crate::config::reader::{Read, Reader, Scalar};
use crate::config::tree::{Kind, Node};

/// Names and values, in the order of the profile.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct Named<K, T>(pub(in crate::config) Vec<Member<K, T>>);

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct Member<K, T> {
    /// Its name.
    pub(in crate::config) name: K,
    /// Where its name stands, and its key path.
    pub(in crate::config) spot: Spot,
    /// Its value.
    pub(in crate::config) value: T,
}

impl<K, T> Default for Named<K, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Scalar, T: Read> Read for Named<K, T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            reader.report(&node.place, format!("names with their values are expected here; begin each line with {} and \":\"", K::KIND));
            return None;
        };
        reader.twice(node);
        let members: Vec<Option<_>> = entries
            .iter()
            .map(|entry| {
                reader.under(&entry.key, |reader| {
                    let here = Node { place: entry.place.clone(), kind: Kind::Null };
                    let spot = reader.spot(&here);
                    let parsed = entry.key.parse::<K>();
                    let name = reader.accept(&spot, parsed);
                    let value = match entry.value.kind {
                        Kind::Null => T::absent().or_else(|| T::read(&entry.value, reader)),
                        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => T::read(&entry.value, reader),
                    };
                    Some(Member { name: name?, spot, value: value? })
                })
            })
            .collect();
        members.into_iter().collect::<Option<_>>().map(Self)
    }
}

impl<K: Scalar, T: serde::Serialize> serde::Serialize for Named<K, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|member| (member.name.to_string(), &member.value)))
    }
}

impl<K: schemars::JsonSchema, T: schemars::JsonSchema> schemars::JsonSchema for Named<K, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = generator.subschema_for::<K>();
        let values = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "propertyNames": names, "additionalProperties": values })
    }
}
