//! Where a rendering keeps its lists and maps, and what it may still spend.
//!
//! Owns all objects of one rendering (so that lists that contain themselves are freed with it), the count of memory, steps and
//! depth. Refuses meaning. Made by `eval` for each rendering; used by everything that evaluates.

use std::borrow::Cow;

use super::error::Problem;
use super::map::Entries;
use super::value::{ListId, MapId, Text, Value};
use super::{Dialect, Limits};

/// How deep values may nest where they are read, printed or compared; Jackson, the usual parser in Java, stops at 1,000.
pub(super) const DEPTH_MAX: usize = 200;

/// What a value on the heap costs, about.
const VALUE_BYTES: usize = size_of::<Value<'static>>();
const ENTRY_BYTES: usize = size_of::<(Text<'static>, Value<'static>)>();
const OBJECT_BYTES: usize = 64;
/// An indexed entry has its key a second time, in a node of a tree.
const INDEXED_BYTES: usize = 64;

/// Bytes that are gone through in one step.
const BYTES_A_STEP: usize = 256;
/// Items of a list or a map that are gone through in one step.
const ITEMS_A_STEP: usize = 16;

/// How a list prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    /// Made by a template: as Java's `[a, b]`.
    Java,
    /// Out of JSON: as JSON text, which the service does (recorded).
    Json,
}

/// The objects of a rendering.
pub(super) struct Heap<'v> {
    lists: Vec<(ListKind, Vec<Value<'v>>)>,
    maps: Vec<Entries<'v>>,
    /// Maps that print nothing; a handful.
    mute: Vec<MapId>,
    memory_bytes: usize,
    steps: u64,
    pub(super) limits: Limits,
    pub(super) dialect: Dialect,
}

impl<'v> Heap<'v> {
    pub(super) fn new(limits: Limits, dialect: Dialect) -> Self {
        Self { lists: Vec::new(), maps: Vec::new(), mute: Vec::new(), memory_bytes: 0, steps: 0, limits, dialect }
    }

    /// Takes steps.
    pub(super) fn step(&mut self, steps: usize) -> Result<(), Problem> {
        self.steps = self.steps.saturating_add(steps as u64);
        let steps_max = self.limits.steps_max;
        if self.steps > steps_max { Err(Problem::Steps { steps_max }) } else { Ok(()) }
    }

    /// Takes the steps of going through so many bytes.
    pub(super) fn read(&mut self, bytes: usize) -> Result<(), Problem> {
        self.step(bytes / BYTES_A_STEP)
    }

    /// Takes the steps of going through so many items.
    pub(super) fn visit(&mut self, items: usize) -> Result<(), Problem> {
        self.step(1 + items / ITEMS_A_STEP)
    }

    /// Takes the steps and the memory of going through so many items.
    pub(super) fn pass(&mut self, items: usize) -> Result<(), Problem> {
        self.visit(items)?;
        self.charge(items.saturating_mul(VALUE_BYTES))
    }

    /// Takes memory.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Problem> {
        self.memory_bytes = self.memory_bytes.saturating_add(bytes);
        let bytes_max = self.limits.memory_bytes_max;
        if self.memory_bytes > bytes_max { Err(Problem::Memory { bytes_max }) } else { Ok(()) }
    }

    /// How much memory is left, in bytes.
    pub(super) fn left(&self) -> usize {
        self.limits.memory_bytes_max.saturating_sub(self.memory_bytes)
    }

    pub(super) fn text(&mut self, text: impl AsRef<str>) -> Result<Value<'v>, Problem> {
        self.made(text).map(Value::Text)
    }

    pub(super) fn made(&mut self, text: impl AsRef<str>) -> Result<Text<'v>, Problem> {
        let text = text.as_ref();
        self.charge(text.len() + VALUE_BYTES)?;
        self.read(text.len())?;
        Ok(Text::Made(text.into()))
    }

    pub(super) fn list_id(&mut self, kind: ListKind, values: Vec<Value<'v>>) -> Result<ListId, Problem> {
        self.charge(OBJECT_BYTES + values.len() * VALUE_BYTES)?;
        self.lists.push((kind, values));
        Ok(ListId(self.lists.len() as u32 - 1))
    }

    pub(super) fn list(&mut self, kind: ListKind, values: Vec<Value<'v>>) -> Result<Value<'v>, Problem> {
        self.list_id(kind, values).map(Value::List)
    }

    pub(super) fn map_id(&mut self) -> Result<MapId, Problem> {
        self.charge(OBJECT_BYTES)?;
        self.maps.push(Entries::default());
        Ok(MapId(self.maps.len() as u32 - 1))
    }

    /// Lets a map print nothing from now on.
    pub(super) fn mute(&mut self, id: MapId) {
        self.mute.push(id);
    }

    pub(super) fn is_mute(&self, id: MapId) -> bool {
        self.mute.contains(&id)
    }

    pub(super) fn items(&self, id: ListId) -> &[Value<'v>] {
        &self.lists[id.0 as usize].1
    }

    pub(super) fn kind(&self, id: ListId) -> ListKind {
        self.lists[id.0 as usize].0
    }

    /// The items, to be changed; whoever makes them more charges for that.
    pub(super) fn items_mut(&mut self, id: ListId) -> &mut Vec<Value<'v>> {
        &mut self.lists[id.0 as usize].1
    }

    /// The items as they are now; costs as much as the list is long.
    pub(super) fn copied(&mut self, id: ListId) -> Result<Vec<Value<'v>>, Problem> {
        let length = self.items(id).len();
        self.pass(length)?;
        Ok(self.items(id).to_vec())
    }

    pub(super) fn entries(&self, id: MapId) -> &Entries<'v> {
        &self.maps[id.0 as usize]
    }

    pub(super) fn push(&mut self, id: ListId, value: Value<'v>) -> Result<(), Problem> {
        self.charge(VALUE_BYTES)?;
        self.items_mut(id).push(value);
        Ok(())
    }

    pub(super) fn put(&mut self, id: MapId, key: Text<'v>, value: Value<'v>) -> Result<Option<Value<'v>>, Problem> {
        self.charge(ENTRY_BYTES + INDEXED_BYTES + key.len())?;
        Ok(self.maps[id.0 as usize].put(key, value))
    }

    pub(super) fn remove(&mut self, id: MapId, key: &str) -> Result<Option<Value<'v>>, Problem> {
        self.step(self.entries(id).len())?;
        Ok(self.maps[id.0 as usize].remove(key))
    }

    pub(super) fn clear(&mut self, id: MapId) {
        self.maps[id.0 as usize].clear();
    }

    /// The keys, the values or the entries of a map as they are now; costs as much as the map is long.
    pub(super) fn each<T>(&mut self, id: MapId, take: impl Fn(&(Text<'v>, Value<'v>)) -> T) -> Result<Vec<T>, Problem> {
        let length = self.entries(id).len();
        self.pass(length * 2)?;
        Ok(self.entries(id).iter().map(take).collect())
    }

    /// A value as text: as it would print, and `null` for null.
    pub(super) fn shown<'s>(&mut self, value: &'s Value<'v>) -> Result<Cow<'s, str>, Problem> {
        if let Value::Text(text) = value {
            return Ok(Cow::Borrowed(text));
        }
        let mut printed = String::new();
        let left = self.left();
        self.print(value, &mut printed, left)?;
        Ok(Cow::Owned(printed))
    }
}
