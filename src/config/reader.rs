//! Reading a tree into raw types, collecting every problem on the way.
//!
//! Owns [`Read`] and the [`section!`](crate::config::reader::section) macro that makes a raw type, its schema and its reader
//! from one list of keys. It stands in the place of serde's `Deserialize`, which ends at the first problem. Refuses to judge
//! values against each other (`prove`). Called by the types in `raw` and `value`.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use super::problem::{Place, Problem, Problems, Spot, choices, quoted, suggestion, written};
use super::tree::{Kind, Node};

/// A type that can be read from a tree. `None` means that a problem was reported.
pub(super) trait Read: Sized {
    /// Reads a node; whatever is wrong with it is reported, not only the first.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// What a missing key stands for; `None` if the key must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether it is written as no key at all.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A type with one scalar text.
pub(super) trait Scalar: FromStr<Err: Display> + Display {
    /// What it is, with its article: `a rate`.
    const KIND: &'static str;
    /// What to write: `write a number above zero, e.g. "50/s"`.
    const CURE: &'static str;
}

/// A value with the spot where it was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct At<T> {
    /// The value.
    pub(super) value: T,
    /// Where.
    pub(super) spot: Spot,
}

/// Collects problems, and knows where it is.
#[derive(Debug)]
pub(super) struct Reader {
    file: Arc<str>,
    path: Vec<String>,
    problems: Vec<Problem>,
    more: usize,
}

/// Nobody reads more at once; the others are counted.
const PROBLEMS_MAX: usize = 100;

impl Reader {
    /// A reader of the profile called `file`.
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.into(), path: Vec::new(), problems: Vec::new(), more: 0 }
    }

    /// The spot of a node that is being read.
    pub(super) fn spot(&self, node: &Node) -> Spot {
        self.spot_at(&node.place)
    }

    fn spot_at(&self, place: &Place) -> Spot {
        Spot { place: place.clone(), key: self.path.concat().into() }
    }

    /// Something is wrong at a node that is being read.
    pub(super) fn report(&mut self, place: &Place, what: impl Into<String>) {
        let spot = self.spot_at(place);
        self.report_at(&spot, what);
    }

    /// Something is wrong at a spot that was read before.
    pub(super) fn report_at(&mut self, spot: &Spot, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { file: self.file.clone(), spot: spot.clone(), what: what.into() });
        } else {
            self.more += 1;
        }
    }

    /// Unwraps, or reports the error at the spot.
    pub(super) fn accept<T, E: Display>(&mut self, spot: &Spot, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.report_at(spot, error.to_string())).ok()
    }

    /// Reads what stands below a key.
    pub(super) fn under<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path.push(format!("{dot}{}", written(key)));
        let value = read(self);
        self.path.pop();
        value
    }

    /// Reads an item of a list.
    pub(super) fn item<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(format!("[{index}]"));
        let value = read(self);
        self.path.pop();
        value
    }

    /// The text of a scalar, or a problem that says what should stand there.
    pub(super) fn text<'n>(&mut self, node: &'n Node, kind: &str, cure: &str) -> Option<&'n str> {
        let found = match &node.kind {
            Kind::Scalar(scalar) => return Some(&scalar.text),
            Kind::Null => "nothing is written here",
            Kind::List(_) => "this is a list",
            Kind::Map(_) => "this is a map of keys",
        };
        self.report(&node.place, format!("{found}, where {kind} is expected; {cure}"));
        None
    }

    /// Reads a scalar by its `FromStr`.
    pub(super) fn scalar<T: Scalar>(&mut self, node: &Node) -> Option<T> {
        let text = self.text(node, T::KIND, T::CURE)?;
        text.parse().map_err(|error: T::Err| self.report(&node.place, error.to_string())).ok()
    }

    /// Takes a map apart: reports keys that are not allowed, and keys given twice.
    pub(super) fn keys<'n>(&mut self, node: &'n Node, allowed: &[&str]) -> Option<Keys<'n>> {
        let entries = match &node.kind {
            Kind::Map(entries) => entries,
            Kind::Null => return Some(Keys { node }),
            Kind::Scalar(scalar) => {
                let what = format!(
                    "{} stands where keys are expected; write {}",
                    quoted(&scalar.text),
                    choices(allowed.iter().copied())
                );
                self.report(&node.place, what);
                return None;
            }
            Kind::List(_) => {
                self.report(
                    &node.place,
                    format!("this is a list, where keys are expected; write {}", choices(allowed.iter().copied())),
                );
                return None;
            }
        };
        self.twice(node);
        for entry in entries.iter().filter(|entry| !allowed.contains(&entry.key.as_str())) {
            let near = suggestion(&entry.key, allowed.iter().copied());
            let what = format!("there is no such key here{near} write {}", choices(allowed.iter().copied()));
            self.under(&entry.key, |reader| reader.report(&entry.place, what));
        }
        Some(Keys { node })
    }

    /// Reports keys that are given more than once.
    pub(super) fn twice(&mut self, node: &Node) {
        let Kind::Map(entries) = &node.kind else { return };
        let mut seen = std::collections::BTreeSet::new();
        for entry in entries.iter().filter(|entry| !seen.insert(entry.key.as_str())) {
            self.under(&entry.key, |reader| reader.report(&entry.place, "this key is given twice; keep one of them"));
        }
    }

    /// Whether anything was reported.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Everything that was reported, from the top of the file to its end, then what the command line said; each once.
    pub(super) fn into_problems(mut self) -> Problems {
        self.problems.sort_by_key(|problem| problem.spot.place.rank());
        self.problems.dedup();
        if self.more > 0 {
            let what = format!("and {} more problems; these are the first {PROBLEMS_MAX}", self.more);
            self.problems.push(Problem { file: self.file, spot: Spot::default(), what });
        }
        Problems(self.problems)
    }
}

/// A map of which single keys are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys<'n> {
    node: &'n Node,
}

impl Keys<'_> {
    /// Reads the value of a key; a missing one that must be there is reported.
    pub(super) fn read<T: Read>(self, key: &str, reader: &mut Reader) -> Option<T> {
        match self.node.get(key).filter(|node| node.kind != Kind::Null) {
            Some(node) => reader.under(key, |reader| T::read(node, reader)),
            None => T::absent().or_else(|| {
                reader.report(&self.node.place, format!("the key {} is missing; add it here", quoted(key)));
                None
            }),
        }
    }
}

impl<T> At<T> {
    /// A default: given nowhere, but with the key path that it would have.
    pub(super) fn default_for(section: &Spot, key: &str, value: T) -> Self {
        let dot = if section.key.is_empty() { "" } else { "." };
        Self { value, spot: Spot { place: Place::Nowhere, key: format!("{}{dot}{}", section.key, written(key)).into() } }
    }
}

impl<T: Read> Read for At<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let spot = reader.spot(node);
        T::read(node, reader).map(|value| Self { value, spot })
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Read> Read for Box<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Self::new)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            reader.report(&node.place, "this is not a list; write one entry a line, each after \"- \"");
            return None;
        };
        let read: Vec<Option<T>> =
            items.iter().enumerate().map(|(at, item)| reader.item(at, |reader| T::read(item, reader))).collect();
        read.into_iter().collect()
    }
}

impl<T: serde::Serialize> serde::Serialize for At<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// Makes a raw section of the profile: the type, its JSON Schema, and its reader, from one list of keys. Every key is an
/// `Option` unless it must be given.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        #[allow(clippy::struct_field_names, reason = "a field is a key of the profile, whose name is the profile's")]
        pub(in crate::config) struct $name {
            $($(#[$field_meta])* #[serde(skip_serializing_if = "crate::config::reader::Read::is_absent")] pub(in crate::config) $field: $type,)*
        }

        impl crate::config::reader::Read for $name {
            fn read(node: &crate::config::tree::Node, reader: &mut crate::config::reader::Reader) -> Option<Self> {
                let keys = reader.keys(node, &[$(crate::config::reader::key(stringify!($field))),*])?;
                $(let $field: Option<$type> = keys.read(crate::config::reader::key(stringify!($field)), reader);)*
                Some(Self { $($field: $field?),* })
            }
        }
    };
}
pub(super) use section;

/// The key that a field stands for: `r#for` is the key `for`.
pub(super) fn key(field: &str) -> &str {
    field.trim_start_matches("r#")
}
