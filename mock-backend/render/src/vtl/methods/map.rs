//! Methods of maps and of their entries: Java's `LinkedHashMap`.
//!
//! Owns them. Keys are texts; others are taken by what they print. Refuses views: key sets and values are copies. Called by `methods`.

use super::{Answer, VOID};
use crate::vtl::error::Problem;
use crate::vtl::heap::{Heap, ListKind};
use crate::vtl::value::{MapId, Text, Value};

pub(super) fn call<'v>(heap: &mut Heap<'v>, of: MapId, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    if let Some(value) = question(heap, of, name, arguments)? {
        return Ok(Some(value));
    }
    change(heap, of, name, arguments)
}

fn question<'v>(heap: &mut Heap<'v>, of: MapId, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    Ok(Some(match (name, arguments) {
        ("get", [key]) => {
            let key = text(heap, key)?;
            heap.entries(of).get(&key).cloned().unwrap_or(Value::Null)
        }
        ("getOrDefault", [key, otherwise]) => {
            let key = text(heap, key)?;
            heap.entries(of).get(&key).cloned().unwrap_or_else(|| otherwise.clone())
        }
        ("containsKey", [key]) => {
            let key = text(heap, key)?;
            Value::Bool(heap.entries(of).get(&key).is_some())
        }
        ("containsValue", [value]) => {
            for other in heap.each(of, |(_, value)| value.clone())? {
                if heap.equal(&other, value, 1)? {
                    return Ok(Some(Value::Bool(true)));
                }
            }
            Value::Bool(false)
        }
        ("size", []) => Value::from_length(heap.entries(of).len()),
        ("isEmpty", []) => Value::Bool(heap.entries(of).len() == 0),
        ("keySet", []) => {
            let keys = heap.each(of, |(key, _)| Value::Text(key.clone()))?;
            heap.list(ListKind::Java, keys)?
        }
        ("values", []) => {
            let values = heap.each(of, |(_, value)| value.clone())?;
            heap.list(ListKind::Java, values)?
        }
        ("entrySet", []) => {
            let entries = heap.each(of, |(key, _)| Value::Entry(of, key.clone()))?;
            heap.list(ListKind::Java, entries)?
        }
        _ => return Ok(None),
    }))
}

fn change<'v>(heap: &mut Heap<'v>, of: MapId, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    Ok(Some(match (name, arguments) {
        ("put", [key, value]) => {
            let key = text(heap, key)?;
            heap.put(of, key, value.clone())?.unwrap_or(Value::Null)
        }
        ("putIfAbsent", [key, value]) => {
            let key = text(heap, key)?;
            let there = heap.entries(of).get(&key).filter(|there| !there.is_null()).cloned();
            if there.is_none() {
                heap.put(of, key, value.clone())?;
            }
            there.unwrap_or(Value::Null)
        }
        ("putAll", [Value::Map(others)]) => {
            for (key, value) in heap.each(*others, Clone::clone)? {
                heap.put(of, key, value)?;
            }
            VOID
        }
        ("remove", [key]) => {
            let key = text(heap, key)?;
            heap.remove(of, &key)?.unwrap_or(Value::Null)
        }
        ("clear", []) => {
            heap.clear(of);
            VOID
        }
        _ => return Ok(None),
    }))
}

/// Methods of an entry.
pub(super) fn entry<'v>(heap: &mut Heap<'v>, of: MapId, key: &Text<'v>, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    Ok(match (name, arguments) {
        ("getKey", []) => Some(Value::Text(key.clone())),
        ("getValue", []) => heap.entries(of).get(key).cloned(),
        ("setValue", [value]) => heap.put(of, key.clone(), value.clone())?,
        _ => None,
    })
}

fn text<'v>(heap: &mut Heap<'v>, key: &Value<'v>) -> Result<Text<'v>, Problem> {
    if let Value::Text(text) = key {
        return Ok(text.clone());
    }
    let shown = heap.shown(key)?.into_owned();
    heap.made(shown)
}
