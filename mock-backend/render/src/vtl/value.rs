//! The values of a rendering.
//!
//! Owns what a value can be; lists and maps are numbers of objects on the `Heap`, so that a list in two variables is one list.
//! Refuses storage and printing. Used by everything that evaluates.

use std::rc::Rc;

use super::tree::Node;

/// A value; cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Value<'v> {
    Null,
    Bool(bool),
    /// Java's `Integer`, `Long` and `BigInteger` in one.
    Int(i128),
    Double(f64),
    Text(Text<'v>),
    List(ListId),
    Map(MapId),
    /// An entry of a map, by its key; of `entrySet`.
    Entry(MapId, Text<'v>),
    /// `$foreach` of the loop with this number, from the outermost.
    Loop(usize),
    /// What a `#define` holds; it runs where it is printed, and is its text everywhere else.
    Defined(&'v [Node]),
    Input,
    Util,
    StageVariables,
    /// `$context`, or what stands below it under this dotted name if that is no value.
    Context(Rc<str>),
}

/// The number of a list on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListId(pub(super) u32);

/// The number of a map on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MapId(pub(super) u32);

/// A text: part of the template or of the body, or made on the way.
#[derive(Clone, Debug)]
pub(super) enum Text<'v> {
    Part(&'v str),
    Made(Rc<str>),
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Part(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl Value<'_> {
    /// Whether this is null to the outside: also the name of a `$context` variable that is not there.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::Context(_))
    }

    /// A number, or nothing.
    pub(super) fn from_length(length: usize) -> Self {
        Value::Int(length as i128)
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Value::Text(Text::Part(text))
    }
}
