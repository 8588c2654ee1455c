//! Methods of texts: Java's `String`.
//!
//! Owns them. Positions count UTF-16 units, as Java's do; one inside a pair is taken for the start of it. Refuses regular
//! expressions themselves (`pattern`) and formats (`format`). Called by `methods`.

use super::Answer;
use crate::vtl::error::Problem;
use crate::vtl::format;
use crate::vtl::heap::{Heap, ListKind};
use crate::vtl::pattern::{COMPILING_STEPS, Pattern};
use crate::vtl::reference::outside;
use crate::vtl::tree::{Method, Prepared};
use crate::vtl::value::{Text, Value};

pub(super) fn call<'v>(heap: &mut Heap<'v>, of: &Text<'v>, method: &'v Method, arguments: &[Value<'v>]) -> Answer<'v> {
    heap.read(of.len())?;
    if let Some(value) = question(of, &method.name, arguments) {
        return Ok(Some(value));
    }
    if let Some(value) = part(heap, of, &method.name, arguments)? {
        return Ok(Some(value));
    }
    if let Some(value) = changed(heap, of, &method.name, arguments)? {
        return Ok(Some(value));
    }
    if let Some(value) = by_pattern(heap, of, method, arguments)? {
        return Ok(Some(value));
    }
    of_class(heap, &method.name, arguments)
}

/// The methods of a text on a value that is none, by what it prints.
pub(super) fn of_other<'v>(heap: &mut Heap<'v>, of: &Value<'v>, method: &'v Method, arguments: &[Value<'v>]) -> Answer<'v> {
    let shown = heap.shown(of)?.into_owned();
    let text = heap.made(shown)?;
    call(heap, &text, method, arguments)
}

/// Truths and numbers.
fn question<'v>(of: &Text<'v>, name: &str, arguments: &[Value<'v>]) -> Option<Value<'v>> {
    Some(match (name, arguments) {
        ("length", []) => Value::from_length(units(of)),
        ("isEmpty", []) => Value::Bool(of.is_empty()),
        ("isBlank", []) => Value::Bool(of.trim().is_empty()),
        ("hashCode", []) => {
            let hash = of.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
            Value::Int(i128::from(hash))
        }
        ("equals", [Value::Text(other)]) => Value::Bool(**of == **other),
        ("equals" | "equalsIgnoreCase", [other]) if other.is_null() => Value::Bool(false),
        ("equalsIgnoreCase", [Value::Text(other)]) => Value::Bool(of.to_lowercase() == other.to_lowercase()),
        ("contains", [Value::Text(part)]) => Value::Bool(of.contains(&**part)),
        ("startsWith", [Value::Text(part)]) => Value::Bool(of.starts_with(&**part)),
        ("startsWith", [Value::Text(part), Value::Int(from)]) => {
            Value::Bool(offset(of, *from).is_some_and(|from| of[from..].starts_with(&**part)))
        }
        ("endsWith", [Value::Text(part)]) => Value::Bool(of.ends_with(&**part)),
        ("indexOf", [Value::Text(part)]) => unit_of(of, of.find(&**part)),
        ("indexOf", [Value::Text(part), Value::Int(from)]) => {
            let from = offset(of, (*from).max(0)).unwrap_or(of.len());
            unit_of(of, of[from..].find(&**part).map(|found| from + found))
        }
        ("lastIndexOf", [Value::Text(part)]) => unit_of(of, of.rfind(&**part)),
        ("compareTo", [Value::Text(other)]) => Value::Int(compared(of, other)),
        ("compareToIgnoreCase", [Value::Text(other)]) => Value::Int(compared(&of.to_lowercase(), &other.to_lowercase())),
        _ => return None,
    })
}

/// Parts of the text.
fn part<'v>(heap: &mut Heap<'v>, of: &Text<'v>, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    let range = match (name, arguments) {
        ("trim", []) => {
            let is_space = |character: char| character <= ' ';
            let start = of.len() - of.trim_start_matches(is_space).len();
            start..start + of.trim_matches(is_space).len()
        }
        ("strip", []) => {
            let start = of.len() - of.trim_start().len();
            start..start + of.trim().len()
        }
        ("substring", [Value::Int(from)]) => at("substring", of, *from)?..of.len(),
        ("substring" | "subSequence", [Value::Int(from), Value::Int(to)]) => {
            let (start, end) = (at("substring", of, *from)?, at("substring", of, *to)?);
            if start > end {
                return Err(outside("substring", *from, units(&of[..end])));
            }
            start..end
        }
        ("charAt", [Value::Int(index)]) => {
            let start = at("charAt", of, *index)?;
            let Some(character) = of[start..].chars().next() else { return Err(outside("charAt", *index, units(of))) };
            start..start + character.len_utf8()
        }
        _ => return Ok(None),
    };
    match of {
        Text::Part(text) => Ok(Some(Value::from(&text[range]))),
        Text::Made(text) => heap.text(&text[range]).map(Some),
    }
}

/// The text, changed.
fn changed<'v>(heap: &mut Heap<'v>, of: &Text<'v>, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    let made = match (name, arguments) {
        ("toLowerCase", []) => of.to_lowercase(),
        ("toUpperCase", []) => of.to_uppercase(),
        ("concat", [Value::Text(more)]) => format!("{}{}", &**of, &**more),
        ("replace", [Value::Text(old), Value::Text(new)]) => {
            let most =
                if new.len() > old.len() { of.len().saturating_add((of.len() + 1).saturating_mul(new.len())) } else { of.len() };
            // Counted only where the result could be too long.
            if most > heap.left() {
                heap.charge(of.matches(&**old).count().saturating_mul(new.len()))?;
            }
            of.replace(&**old, new)
        }
        ("repeat", [Value::Int(times)]) => {
            let times = usize::try_from(*times)
                .map_err(|_| Problem::Method { method: "repeat", what: format!("{times} is no count of times") })?;
            heap.charge(of.len().saturating_mul(times))?;
            of.repeat(times)
        }
        _ => return Ok(None),
    };
    heap.text(made).map(Some)
}

fn by_pattern<'v>(heap: &mut Heap<'v>, of: &Text<'v>, method: &'v Method, arguments: &[Value<'v>]) -> Answer<'v> {
    if !matches!(&*method.name, "replaceAll" | "replaceFirst" | "split" | "matches") {
        return Ok(None);
    }
    let made;
    let pattern = match (&method.prepared, arguments.first()) {
        (Prepared::Pattern(pattern), _) => pattern,
        (_, Some(Value::Text(text))) => {
            heap.step(COMPILING_STEPS)?;
            made = Pattern::new(text)?;
            &made
        }
        _ => return Ok(None),
    };
    match (&*method.name, arguments) {
        ("matches", [_]) => Ok(Some(Value::Bool(pattern.matches(of, heap)?))),
        ("replaceAll", [_, Value::Text(by)]) => {
            let made = pattern.replace(of, by, usize::MAX, heap)?;
            heap.text(made).map(Some)
        }
        ("replaceFirst", [_, Value::Text(by)]) => {
            let made = pattern.replace(of, by, 1, heap)?;
            heap.text(made).map(Some)
        }
        ("split", [_]) => split(heap, of, pattern, 0),
        ("split", [_, Value::Int(limit)]) => split(heap, of, pattern, *limit),
        _ => Ok(None),
    }
}

fn split<'v>(heap: &mut Heap<'v>, of: &Text<'v>, pattern: &Pattern, limit: i128) -> Answer<'v> {
    let parts = match of {
        Text::Part(text) => pattern.split(text, limit, heap)?.into_iter().map(Value::from).collect(),
        Text::Made(text) => {
            let parts = pattern.split(text, limit, heap)?;
            parts.into_iter().map(|part| heap.text(part)).collect::<Result<_, _>>()?
        }
    };
    heap.list(ListKind::Java, parts).map(Some)
}

/// Static methods of `String`, which any text answers.
fn of_class<'v>(heap: &mut Heap<'v>, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    let made = match (name, arguments) {
        ("format", [Value::Text(format), values @ ..]) => format::format(format, values, heap)?,
        ("valueOf", [value]) => heap.shown(value)?.into_owned(),
        ("join", [Value::Text(between), Value::List(list)]) => {
            let mut joined = String::new();
            for (at, item) in heap.copied(*list)?.iter().enumerate() {
                joined.push_str(if at == 0 { "" } else { between });
                joined.push_str(&heap.shown(item)?);
                if joined.len() > heap.left() {
                    return Err(Problem::Memory { bytes_max: heap.limits.memory_bytes_max });
                }
            }
            joined
        }
        _ => return Ok(None),
    };
    heap.text(made).map(Some)
}

/// The length in UTF-16 units.
fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// Where in the text a unit stands, in bytes; `None` beyond its end.
fn offset(text: &str, unit: i128) -> Option<usize> {
    let unit = usize::try_from(unit).ok()?;
    if text.is_ascii() {
        return (unit <= text.len()).then_some(unit);
    }
    let mut before = 0;
    for (at, character) in text.char_indices() {
        if before + character.len_utf16() > unit {
            return Some(at);
        }
        before += character.len_utf16();
    }
    (before == unit).then_some(text.len())
}

fn at(method: &'static str, text: &str, unit: i128) -> Result<usize, Problem> {
    offset(text, unit).ok_or_else(|| outside(method, unit, units(text)))
}

/// A place in bytes as one in units; -1 for none.
fn unit_of<'v>(text: &str, found: Option<usize>) -> Value<'v> {
    found.map_or(Value::Int(-1), |found| Value::from_length(units(&text[..found])))
}

/// `compareTo`: the difference of the first units that differ, else of the lengths.
fn compared(left: &str, right: &str) -> i128 {
    let differing = left.encode_utf16().zip(right.encode_utf16()).find(|(left, right)| left != right);
    match differing {
        Some((left, right)) => i128::from(left) - i128::from(right),
        None => units(left) as i128 - units(right) as i128,
    }
}
