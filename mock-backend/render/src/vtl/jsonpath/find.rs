//! What a path leads to.
//!
//! Owns the walk: one value or none for a definite path, a list for others. Refuses grammar. Called by `input` and by filters.

use super::super::error::Problem;
use super::super::heap::{Heap, ListKind};
use super::super::number;
use super::super::tree::Operator;
use super::super::value::{MapId, Text, Value};
use super::{Function, Path, Step};

impl Path {
    /// What the path leads to in the document `root`; `None` if a definite path leads nowhere.
    pub(in super::super) fn find<'v>(&self, root: &Value<'v>, heap: &mut Heap<'v>) -> Result<Option<Value<'v>>, Problem> {
        self.find_below(root, root, heap)
    }

    /// What it leads to from `here`.
    pub(super) fn find_below<'v>(
        &self,
        here: &Value<'v>,
        root: &Value<'v>,
        heap: &mut Heap<'v>,
    ) -> Result<Option<Value<'v>>, Problem> {
        let mut found = vec![here.clone()];
        let last = self.steps.len().saturating_sub(1);
        for (at, step) in self.steps.iter().enumerate() {
            let mut next = Vec::new();
            for value in found {
                heap.step(1)?;
                step.apply(&value, root, heap, &mut Next { values: &mut next, merges: at == last })?;
            }
            found = next;
        }
        let result = if self.is_definite() { found.into_iter().next() } else { Some(heap.list(ListKind::Json, found)?) };
        match (self.function, result) {
            (Some(function), Some(value)) => function.of(&value, heap),
            (_, result) => Ok(result),
        }
    }
}

/// Where a step puts what it finds.
struct Next<'n, 'v> {
    values: &'n mut Vec<Value<'v>>,
    /// Whether several names make one map.
    merges: bool,
}

impl<'v> Next<'_, 'v> {
    fn extend(&mut self, values: impl IntoIterator<Item = Value<'v>>, heap: &mut Heap<'v>) -> Result<(), Problem> {
        let before = self.values.len();
        self.values.extend(values);
        let found = self.values.len() - before;
        heap.step(found)?;
        heap.charge(found * size_of::<Value<'v>>())
    }
}

impl Step {
    fn apply<'v>(&self, to: &Value<'v>, root: &Value<'v>, heap: &mut Heap<'v>, next: &mut Next<'_, 'v>) -> Result<(), Problem> {
        match (self, to) {
            (Step::Descend, _) => descend(to, heap, next),
            (Step::Name(name), Value::Map(map)) => {
                let value = heap.entries(*map).get(name).cloned();
                next.extend(value, heap)
            }
            (Step::Names(names), Value::Map(map)) => names_of(names, *map, heap, next),
            (Step::Index(index), Value::List(list)) => {
                let value = item(heap.items(*list), *index);
                next.extend(value, heap)
            }
            (Step::Indices(indices), Value::List(list)) => {
                let values: Vec<_> = indices.iter().filter_map(|index| item(heap.items(*list), *index)).collect();
                next.extend(values, heap)
            }
            (Step::Slice(from, to), Value::List(list)) => {
                let items = heap.items(*list);
                let (from, to) = (bound(*from, 0, items.len()), bound(*to, items.len(), items.len()));
                let values = if from < to { items[from..to].to_vec() } else { Vec::new() };
                next.extend(values, heap)
            }
            (Step::All, Value::List(list)) => {
                let values = heap.copied(*list)?;
                next.extend(values, heap)
            }
            (Step::All, Value::Map(map)) => {
                let values = heap.each(*map, |(_, value)| value.clone())?;
                next.extend(values, heap)
            }
            (Step::Filter(filter), Value::List(list)) => {
                for value in heap.copied(*list)? {
                    if filter.passes(&value, root, heap)? {
                        next.extend([value], heap)?;
                    }
                }
                Ok(())
            }
            (Step::Filter(filter), Value::Map(_)) if filter.passes(to, root, heap)? => next.extend([to.clone()], heap),
            _ => Ok(()),
        }
    }
}

/// Several names: one map at the end of a path, else the values.
fn names_of<'v>(names: &[Box<str>], map: MapId, heap: &mut Heap<'v>, next: &mut Next<'_, 'v>) -> Result<(), Problem> {
    let found: Vec<_> = names.iter().filter_map(|name| Some((name, heap.entries(map).get(name)?.clone()))).collect();
    if !next.merges {
        return next.extend(found.into_iter().map(|(_, value)| value), heap);
    }
    let merged = heap.map_id()?;
    for (name, value) in found {
        let name: Text<'v> = heap.made(name)?;
        heap.put(merged, name, value)?;
    }
    next.extend([Value::Map(merged)], heap)
}

/// The value and all that is below it, from the outside in.
fn descend<'v>(from: &Value<'v>, heap: &mut Heap<'v>, next: &mut Next<'_, 'v>) -> Result<(), Problem> {
    let mut waiting = vec![from.clone()];
    while let Some(value) = waiting.pop() {
        let below = match &value {
            Value::List(list) => heap.copied(*list)?,
            Value::Map(map) => heap.each(*map, |(_, value)| value.clone())?,
            _ => Vec::new(),
        };
        waiting.extend(below.into_iter().rev());
        next.extend([value], heap)?;
    }
    Ok(())
}

fn item<'v>(items: &[Value<'v>], index: i64) -> Option<Value<'v>> {
    let from_end = usize::try_from(index.unsigned_abs()).ok()?;
    let at = if index < 0 { items.len().checked_sub(from_end)? } else { from_end };
    items.get(at).cloned()
}

fn bound(given: Option<i64>, otherwise: usize, length: usize) -> usize {
    let Some(given) = given else { return otherwise };
    let from_end = usize::try_from(given.unsigned_abs()).unwrap_or(usize::MAX);
    if given < 0 { length.saturating_sub(from_end) } else { from_end.min(length) }
}

impl Function {
    fn of<'v>(self, value: &Value<'v>, heap: &mut Heap<'v>) -> Result<Option<Value<'v>>, Problem> {
        let items = match value {
            Value::List(list) => heap.copied(*list)?,
            Value::Map(map) if self == Function::Keys => {
                let keys = heap.each(*map, |(key, _)| Value::Text(key.clone()))?;
                return heap.list(ListKind::Json, keys).map(Some);
            }
            Value::Map(map) if self == Function::Length => return Ok(Some(Value::from_length(heap.entries(*map).len()))),
            Value::Text(text) if self == Function::Length => return Ok(Some(Value::from_length(text.encode_utf16().count()))),
            _ => return Ok(None),
        };
        Ok(match self {
            Function::Length => Some(Value::from_length(items.len())),
            Function::First => items.first().cloned(),
            Function::Last => items.last().cloned(),
            Function::Keys => None,
            Function::Min | Function::Max | Function::Sum | Function::Average => self.of_numbers(&items),
        })
    }

    /// Jayway calculates with doubles.
    fn of_numbers<'v>(self, items: &[Value<'v>]) -> Option<Value<'v>> {
        let numbers: Vec<f64> = items.iter().filter_map(number::as_double).collect();
        let sum = numbers.iter().sum::<f64>();
        if numbers.is_empty() {
            return None;
        }
        Some(match self {
            Function::Min => Value::Double(numbers.into_iter().fold(f64::INFINITY, f64::min)),
            Function::Max => Value::Double(numbers.into_iter().fold(f64::NEG_INFINITY, f64::max)),
            Function::Average => number::calculate(Operator::Divide, &Value::Double(sum), &Value::from_length(numbers.len())),
            _ => Value::Double(sum),
        })
    }
}
