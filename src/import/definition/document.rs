//! A document as a tree with lines: YAML or JSON before it means anything.
//!
//! Owns [`Node`] and the ways into it; `parsing` reads it. Refuses meaning. Used by everything that reads a definition.

mod parsing;

pub use parsing::BYTES_MAX;

/// A value and the line it begins in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Counted from one; 0 if it stands in no line.
    pub(super) line: u32,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in their order.
    Map(Vec<(String, Node)>),
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// The line, if one is to blame.
    pub(super) line: Option<u32>,
    /// What is wrong.
    pub(super) what: String,
}

impl Node {
    /// A value that was not written, in the line of what it was made from.
    pub(super) fn new(line: u32, kind: Kind) -> Self {
        Self { line, kind }
    }

    /// A text in the line of what it was made from.
    pub(super) fn text(line: u32, text: impl Into<String>) -> Self {
        Self::new(line, Kind::Text(text.into()))
    }

    /// An empty map.
    pub(super) fn empty(line: u32) -> Self {
        Self::new(line, Kind::Map(Vec::new()))
    }

    /// The value of a key, if this is a map that has it with a value.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value).filter(|value| value.kind != Kind::Null)
    }

    /// The value behind several keys.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The value of a key, to be changed; an empty map is made if there is none or nothing in it. `None` if this is no map.
    pub(super) fn entry(&mut self, key: &str) -> Option<&mut Self> {
        let line = self.line;
        if self.kind == Kind::Null {
            self.kind = Kind::Map(Vec::new());
        }
        let Kind::Map(entries) = &mut self.kind else { return None };
        let at = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            entries.push((key.to_owned(), Self::empty(line)));
            entries.len() - 1
        });
        let value = &mut entries[at].1;
        if value.kind == Kind::Null {
            value.kind = Kind::Map(Vec::new());
        }
        Some(value)
    }

    /// Sets the value of a key; if this is neither a map nor nothing, it stays as it is.
    pub(super) fn set(&mut self, key: &str, value: Self) {
        if let Some(slot) = self.entry(key) {
            *slot = value;
        }
    }

    /// Keys and values; none if this is no map.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => &[],
        }
    }

    /// Values; none if this is no list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => &[],
        }
    }

    /// One value as text, as it was written.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Bool(truth) => Some(truth.to_string()),
            Kind::Number(text) | Kind::Text(text) => Some(text.clone()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// The text of a key's value.
    pub(super) fn word(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Self::scalar)
    }

    /// Whether it says yes: `true`, also as text, as templates are often written.
    pub(super) fn is_true(&self) -> bool {
        self.scalar().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// What kind of value it is, for messages.
    pub(super) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => "one value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// The same as JSON, with keys in their order.
    pub(super) fn json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(truth) => (*truth).into(),
            // What JSON does not take for a number, such as `0x10`, stays the text that it was.
            Kind::Number(text) => {
                serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| text.clone().into(), Into::into)
            }
            Kind::Text(text) => text.clone().into(),
            Kind::List(items) => items.iter().map(Self::json).collect(),
            Kind::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.json())).collect(),
        }
    }
}
