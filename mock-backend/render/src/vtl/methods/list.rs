//! Methods of lists: Java's `ArrayList`.
//!
//! Owns them. Refuses views: what Java gives as a view of a list is a copy here. Called by `methods`.

use super::{Answer, VOID};
use crate::vtl::error::Problem;
use crate::vtl::heap::Heap;
use crate::vtl::reference::outside;
use crate::vtl::value::{ListId, Value};

pub(super) fn call<'v>(heap: &mut Heap<'v>, of: ListId, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    if let Some(value) = question(heap, of, name, arguments)? {
        return Ok(Some(value));
    }
    change(heap, of, name, arguments)
}

fn question<'v>(heap: &mut Heap<'v>, of: ListId, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    let length = heap.items(of).len();
    Ok(Some(match (name, arguments) {
        ("size", []) => Value::from_length(length),
        ("isEmpty", []) => Value::Bool(length == 0),
        ("get", [Value::Int(index)]) => heap.items(of)[at("get", *index, length)?].clone(),
        ("contains", [item]) => Value::Bool(find(heap, of, item)?.is_some()),
        ("containsAll", [Value::List(others)]) => {
            for other in heap.copied(*others)? {
                if find(heap, of, &other)?.is_none() {
                    return Ok(Some(Value::Bool(false)));
                }
            }
            Value::Bool(true)
        }
        ("indexOf", [item]) => find(heap, of, item)?.map_or(Value::Int(-1), Value::from_length),
        ("lastIndexOf", [item]) => {
            for at in (0..length).rev() {
                let other = heap.items(of)[at].clone();
                if heap.equal(&other, item, 1)? {
                    return Ok(Some(Value::from_length(at)));
                }
            }
            Value::Int(-1)
        }
        ("subList", [Value::Int(from), Value::Int(to)]) => {
            let (from, to) = (at("subList", *from, length + 1)?, at("subList", *to, length + 1)?);
            if from > to {
                return Err(outside("subList", from as i128, to));
            }
            heap.step(to - from)?;
            let items = heap.items(of)[from..to].to_vec();
            let kind = heap.kind(of);
            heap.list(kind, items)?
        }
        // Going through a list is all that a template can do with these.
        ("iterator" | "toArray", []) => Value::List(of),
        _ => return Ok(None),
    }))
}

fn change<'v>(heap: &mut Heap<'v>, of: ListId, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    let length = heap.items(of).len();
    Ok(Some(match (name, arguments) {
        ("add", [item]) => {
            heap.push(of, item.clone())?;
            Value::Bool(true)
        }
        ("add", [Value::Int(index), item]) => {
            let at = at("add", *index, length + 1)?;
            heap.step(length / 16)?;
            heap.charge(size_of::<Value<'v>>())?;
            heap.items_mut(of).insert(at, item.clone());
            VOID
        }
        ("set", [Value::Int(index), item]) => {
            let at = at("set", *index, length)?;
            std::mem::replace(&mut heap.items_mut(of)[at], item.clone())
        }
        ("remove", [Value::Int(index)]) => {
            let at = at("remove", *index, length)?;
            heap.step(length / 16)?;
            heap.items_mut(of).remove(at)
        }
        ("remove", [item]) => {
            let found = find(heap, of, item)?;
            if let Some(at) = found {
                heap.items_mut(of).remove(at);
            }
            Value::Bool(found.is_some())
        }
        ("addAll", [Value::List(others)]) => {
            let others = heap.copied(*others)?;
            let is_changed = !others.is_empty();
            heap.items_mut(of).extend(others);
            Value::Bool(is_changed)
        }
        ("removeAll" | "retainAll", [Value::List(others)]) => return keep(heap, of, *others, name == "retainAll"),
        ("clear", []) => {
            heap.items_mut(of).clear();
            VOID
        }
        _ => return Ok(None),
    }))
}

/// Keeps the items that are among the others, or those that are not.
fn keep<'v>(heap: &mut Heap<'v>, of: ListId, others: ListId, those_among: bool) -> Answer<'v> {
    let items = heap.copied(of)?;
    let length = items.len();
    let mut kept = Vec::new();
    for item in items {
        if find(heap, others, &item)?.is_some() == those_among {
            kept.push(item);
        }
    }
    let is_changed = kept.len() != length;
    *heap.items_mut(of) = kept;
    Ok(Some(Value::Bool(is_changed)))
}

fn find<'v>(heap: &mut Heap<'v>, of: ListId, item: &Value<'v>) -> Result<Option<usize>, Problem> {
    for at in 0..heap.items(of).len() {
        let other = heap.items(of)[at].clone();
        if heap.equal(&other, item, 1)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// An index below `length`; methods do not count from the end, as indexes in brackets do.
fn at(method: &'static str, index: i128, length: usize) -> Result<usize, Problem> {
    usize::try_from(index).ok().filter(|at| *at < length).ok_or_else(|| outside(method, index, length))
}
