//! The profile as a tree of places: YAML before it means anything.
//!
//! Owns [`Node`] and reading it from YAML, with bounds on size, depth and aliases. Refuses meaning (`reader`) and files
//! (`load`). The tree is where the command line's flags and drifts are put in, so that they are proven like the file itself.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MessageFormatter as _, Spanned};

use super::problem::Place;

/// Largest profile that is read.
pub(super) const BYTES_MAX: usize = 4 << 20;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Where it was given.
    pub(super) place: Place,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing was written.
    Null,
    /// One value, as its text.
    Scalar(Scalar),
    /// `- a` or `[a, b]`.
    List(Vec<Node>),
    /// `a: b`; keys in the order of the file, as often as they were given.
    Map(Vec<Entry>),
}

/// A scalar: its text as it was written, and what YAML takes it for (only a JSON body asks).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    /// The text, unquoted.
    pub(super) text: String,
    /// What YAML takes it for.
    pub(super) taken: Taken,
}

/// What YAML takes a scalar for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
}

/// One key of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Place,
    /// Its value.
    pub(super) value: Node,
}

/// Why a text is not a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotYaml {
    /// Where.
    pub(super) place: Place,
    /// What is wrong there.
    pub(super) what: String,
}

impl Node {
    /// Reads YAML; only its first problem is found, since what follows has no known meaning.
    pub(super) fn parse(text: &str) -> Result<Self, NotYaml> {
        let refuse = |what: String| Err(NotYaml { place: Place::Nowhere, what });
        if text.len() > BYTES_MAX {
            return refuse(format!("the profile has {} bytes; write one of at most {BYTES_MAX}", text.len()));
        }
        if text.contains('\0') {
            return refuse("the profile holds a zero byte; write plain YAML text".to_owned());
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: 32, flow_nesting_limit: 32, max_documents: 1, max_aliases: 1_000, max_anchors: 1_000 },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000, max_replay_stack_depth: 16 },
            // All duplicates are reported at once, by the reader.
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
            // `no` and `on` are words here; what is a choice is read as a choice.
            strict_booleans: true,
            non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options::<Placed>(text, options) {
            Ok(placed) => Ok(placed.into_node(text)),
            Err(error) => Err(not_yaml(&error)),
        }
    }

    /// The value of a key, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            Kind::Null | Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    /// The keys, if this is a map.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let entries: &[Entry] = match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Null | Kind::Scalar(_) | Kind::List(_) => &[],
        };
        entries.iter().map(|entry| entry.key.as_str())
    }

    /// The value of a key, to be changed; made if there is none. A node that is no map becomes one only if it is empty.
    pub(super) fn at_key(&mut self, key: &str, place: &Place) -> Option<&mut Self> {
        if self.kind == Kind::Null {
            self.kind = Kind::Map(Vec::new());
        }
        let Kind::Map(entries) = &mut self.kind else { return None };
        let at = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            let value = Self { place: place.clone(), kind: Kind::Null };
            entries.push(Entry { key: key.to_owned(), place: place.clone(), value });
            entries.len() - 1
        });
        Some(&mut entries[at].value)
    }

    /// What stands below a key, to be changed: of a map that has it; of a list the entry that goes by this name (its `name`, `request`
    /// or `of`), or has this number, from 0.
    pub(super) fn below(&mut self, segment: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Map(entries) => entries.iter_mut().find(|entry| entry.key == segment).map(|entry| &mut entry.value),
            Kind::List(items) => {
                let goes_by =
                    |item: &Self| ["name", "request", "of"].iter().any(|key| item.get(key).is_some_and(|it| it.is(segment)));
                let at = items.iter().position(goes_by).or_else(|| segment.parse().ok())?;
                items.get_mut(at)
            }
            Kind::Null | Kind::Scalar(_) => None,
        }
    }

    fn is(&self, text: &str) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.text == text)
    }

    /// The tree of a JSON value, all of it given at `place`.
    pub(super) fn from_json(value: &serde_json::Value, place: &Place) -> Self {
        let scalar = |text: String, taken| Kind::Scalar(Scalar { text, taken });
        let kind = match value {
            serde_json::Value::Null => Kind::Null,
            serde_json::Value::Bool(truth) => scalar(truth.to_string(), Taken::Bool),
            serde_json::Value::Number(number) => scalar(number.to_string(), Taken::Number),
            serde_json::Value::String(text) => scalar(text.clone(), Taken::Text),
            serde_json::Value::Array(items) => Kind::List(items.iter().map(|item| Self::from_json(item, place)).collect()),
            serde_json::Value::Object(members) => {
                let entry = |(key, value): (&String, &serde_json::Value)| {
                    let value = Self::from_json(value, place);
                    Entry { key: key.clone(), place: place.clone(), value }
                };
                Kind::Map(members.iter().map(entry).collect())
            }
        };
        Self { place: place.clone(), kind }
    }
}

/// What serde hands over: a value and where `serde-saphyr` found it. The text of numbers is fetched from the source
/// afterwards, so that `1.10` and `007` stay what was written.
struct Placed {
    location: Location,
    value: Value,
}

enum Value {
    Null,
    Text(String),
    Other(String, Taken),
    List(Vec<Placed>),
    Map(Vec<(Spanned<String>, Placed)>),
}

impl Placed {
    fn into_node(self, source: &str) -> Node {
        let kind = match self.value {
            Value::Null => Kind::Null,
            Value::Text(text) => Kind::Scalar(Scalar { text, taken: Taken::Text }),
            Value::Other(fallback, taken) => {
                Kind::Scalar(Scalar { text: in_source(source, self.location).unwrap_or(fallback), taken })
            }
            Value::List(items) => Kind::List(items.into_iter().map(|item| item.into_node(source)).collect()),
            Value::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry { key: key.value, place: place(key.referenced), value: value.into_node(source) })
                    .collect(),
            ),
        };
        Node { place: place(self.location), kind }
    }
}

fn in_source(source: &str, location: Location) -> Option<String> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let length = usize::try_from(location.span().byte_len()?).ok()?;
    let text = source.get(start..start.checked_add(length)?)?.trim();
    // A tag (`!!int 5`) or an anchor is no part of the value.
    (!text.is_empty() && !text.starts_with(['!', '&', '*'])).then(|| text.to_owned())
}

fn place(location: Location) -> Place {
    if location == Location::UNKNOWN {
        return Place::Nowhere;
    }
    let bounded = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Place::Line { line: bounded(location.line()), column: bounded(location.column()) }
}

fn not_yaml(error: &serde_saphyr::Error) -> NotYaml {
    let place = error.location().map_or(Place::Nowhere, place);
    let cause = match error.without_snippet() {
        serde_saphyr::Error::AliasError { error, .. } => error,
        error => error,
    };
    // The low-level text, because the rendered one repeats the place; the input's characters in it are escaped here.
    let text = serde_saphyr::DefaultMessageFormatter.format_message(cause).replace(char::is_control, " ");
    // The commonest slip of all: `{ of: GET /orders/{id} }`.
    let cure = if text.contains("flow") {
        "; a text that holds braces or brackets stands in quotes, or on a line of its own"
    } else {
        ""
    };
    NotYaml { place, what: format!("this is not the YAML of a profile: {}{cure}", text.trim()) }
}

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `referenced` is where a reader looks: at the alias, not at what it stands for.
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let location = match spanned.value {
            Value::Other(..) => spanned.defined,
            Value::Null | Value::Text(_) | Value::List(_) | Value::Map(_) => spanned.referenced,
        };
        Ok(Self { location, value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Other(truth.to_string(), Taken::Bool))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Other(number.to_string(), Taken::Number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Other(number.to_string(), Taken::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Other(number.to_string(), Taken::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            map.push((key, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(node: &Node) -> Vec<String> {
        match &node.kind {
            Kind::Null => vec!["null".to_owned()],
            Kind::Scalar(scalar) => vec![scalar.text.clone()],
            Kind::List(items) => items.iter().flat_map(texts).collect(),
            Kind::Map(entries) => entries.iter().flat_map(|entry| texts(&entry.value)).collect(),
        }
    }

    #[test]
    fn scalars_keep_the_text_that_was_written() {
        let tree = Node::parse("a: 1.10\nb: 007\nc: [0x10, 1_000, on, true, '5', ~]\nd: 1..10\ne: &x 2.50\nf: *x\n").unwrap();
        assert_eq!(texts(&tree), ["1.10", "007", "0x10", "1_000", "on", "true", "5", "null", "1..10", "2.50", "2.50"]);
    }

    #[test]
    fn every_value_and_every_key_knows_its_place() {
        let tree = Node::parse("run:\n  duration: 20s # so long\n  connections:   64\n").unwrap();
        let run = tree.get("run").unwrap();
        assert_eq!(run.get("duration").unwrap().place, Place::Line { line: 2, column: 13 });
        assert_eq!(run.get("connections").unwrap().place, Place::Line { line: 3, column: 18 });
        let Kind::Map(entries) = &run.kind else { panic!("a map") };
        assert_eq!(entries[1].place, Place::Line { line: 3, column: 3 });
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_place() {
        for (text, line, column) in [
            ("a: [1, 2", 1, 4),
            ("a: b: c", 1, 5),
            ("a: 1\nb: *nobody", 2, 4),
            ("? [a, b]\n: c", 1, 3),
            ("--- a\n--- b", 2, 1),
            ("a: !!int x", 1, 10),
        ] {
            let refused = Node::parse(text).unwrap_err();
            assert_eq!(refused.place, Place::Line { line, column }, "{text}: {}", refused.what);
        }
    }

    #[test]
    fn bombs_are_refused_before_they_go_off() {
        let level = |n: u32| {
            let inner = vec![format!("*a{}", n - 1); 10].join(", ");
            format!("a{n}: &a{n} [{inner}]\n")
        };
        let aliases = format!("a0: &a0 [x, x, x]\n{}", (1..12).map(level).collect::<String>());
        for bomb in [aliases, "[".repeat(100_000), "- ".repeat(100_000), "a".repeat(BYTES_MAX + 1), "a: \0".to_owned()] {
            assert!(Node::parse(&bomb).is_err());
        }
    }
}
