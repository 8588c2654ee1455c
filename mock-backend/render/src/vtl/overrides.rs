//! What templates assign below `$context`: plain trees that outlive a rendering.
//!
//! Owns the public `Map` and `Tree`, and their way into the objects of a rendering and back. Refuses meaning: what an override
//! does is the front's. Kept in `Scope` from the request template to the response template.

use super::error::Problem;
use super::heap::{DEPTH_MAX, Heap, ListKind};
use super::number;
use super::print::push_json_text;
use super::value::{ListId, MapId, Text, Value};

/// Names and values in the order in which they were assigned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(String, Tree)>);

/// A value that a template assigned.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A fraction.
    Double(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A map.
    Map(Map),
}

impl Map {
    /// Whether nothing was assigned.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value at the end of these names, such as `["responseOverride", "status"]`.
    pub fn at(&self, path: &[&str]) -> Option<&Tree> {
        let (last, way) = path.split_last()?;
        let mut map = self;
        for name in way {
            let Tree::Map(below) = map.get(name)? else { return None };
            map = below;
        }
        map.get(last)
    }

    /// Puts a value in the place of the one of that name, or after the others.
    pub fn put(&mut self, name: impl Into<String>, value: Tree) {
        let name = name.into();
        match self.get_mut(&name) {
            Some(there) => *there = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Tree> {
        self.0.iter_mut().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, &Tree) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }
}

impl Tree {
    /// The value as a template prints it; lists as JSON.
    pub fn to_text(&self) -> String {
        match self {
            Tree::Null => String::new(),
            Tree::Bool(bool) => bool.to_string(),
            Tree::Int(whole) => whole.to_string(),
            Tree::Double(double) => number::java(*double),
            Tree::Text(text) => text.clone(),
            Tree::List(_) | Tree::Map(_) => self.to_json(),
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    fn write_json(&self, into: &mut String) {
        match self {
            Tree::Null => into.push_str("null"),
            Tree::Text(text) => push_json_text(into, text),
            Tree::Bool(_) | Tree::Int(_) | Tree::Double(_) => into.push_str(&self.to_text()),
            Tree::List(items) => {
                into.push('[');
                for (at, item) in items.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    item.write_json(into);
                }
                into.push(']');
            }
            Tree::Map(map) => {
                into.push('{');
                for (at, (name, value)) in map.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    push_json_text(into, name);
                    into.push(':');
                    value.write_json(into);
                }
                into.push('}');
            }
        }
    }

    pub(super) fn is_empty_map(&self) -> bool {
        matches!(self, Tree::Map(map) if map.is_empty())
    }
}

impl<'v> Heap<'v> {
    /// A map of this rendering with the same entries.
    pub(super) fn import(&mut self, map: &'v Map) -> Result<MapId, Problem> {
        let made = self.map_id()?;
        for (name, value) in map.iter() {
            let value = self.imported(value)?;
            self.put(made, Text::Part(name), value)?;
        }
        Ok(made)
    }

    fn imported(&mut self, tree: &'v Tree) -> Result<Value<'v>, Problem> {
        Ok(match tree {
            Tree::Null => Value::Null,
            Tree::Bool(bool) => Value::Bool(*bool),
            Tree::Int(whole) => Value::Int(*whole),
            Tree::Double(double) => Value::Double(*double),
            Tree::Text(text) => Value::from(&**text),
            Tree::List(items) => {
                let items = items.iter().map(|item| self.imported(item)).collect::<Result<_, _>>()?;
                self.list(ListKind::Java, items)?
            }
            Tree::Map(map) => Value::Map(self.import(map)?),
        })
    }

    /// A plain map with the same entries.
    pub(super) fn export(&mut self, map: MapId) -> Result<Map, Problem> {
        self.export_map(map, 0)
    }

    fn export_map(&mut self, map: MapId, depth: usize) -> Result<Map, Problem> {
        let entries = self.each(map, Clone::clone)?;
        let exported = entries.into_iter().map(|(name, value)| Ok((name.to_string(), self.exported(&value, depth + 1)?)));
        exported.collect::<Result<_, _>>().map(Map)
    }

    fn export_list(&mut self, list: ListId, depth: usize) -> Result<Vec<Tree>, Problem> {
        self.copied(list)?.iter().map(|item| self.exported(item, depth + 1)).collect()
    }

    fn exported(&mut self, value: &Value<'v>, depth: usize) -> Result<Tree, Problem> {
        if depth > DEPTH_MAX {
            return Err(Problem::Depth { depth_max: DEPTH_MAX });
        }
        Ok(match value {
            Value::Null | Value::Context(_) => Tree::Null,
            Value::Bool(bool) => Tree::Bool(*bool),
            Value::Int(whole) => Tree::Int(*whole),
            Value::Double(double) => Tree::Double(*double),
            Value::List(list) => Tree::List(self.export_list(*list, depth)?),
            Value::Map(map) => Tree::Map(self.export_map(*map, depth)?),
            Value::Text(_)
            | Value::Entry(..)
            | Value::Defined(_)
            | Value::Loop(_)
            | Value::Input
            | Value::Util
            | Value::StageVariables => {
                let text = self.shown(value)?.into_owned();
                self.charge(text.len())?;
                Tree::Text(text)
            }
        })
    }
}
