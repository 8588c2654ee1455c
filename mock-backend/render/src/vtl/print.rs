//! How values print and compare.
//!
//! Owns Java's `toString` of maps and lists, JSON text, equality, and the bound on depth. Refuses to decide what a null prints
//! (the dialect does, in `eval`). Called wherever a value becomes text.

use std::fmt::Write as _;

use super::error::Problem;
use super::heap::{DEPTH_MAX, Heap, ListKind};
use super::number;
use super::value::{ListId, MapId, Value};

const TOO_DEEP: Problem = Problem::Depth { depth_max: DEPTH_MAX };

impl<'v> Heap<'v> {
    /// Adds the value as `toString` gives it; `bytes_max` bounds what is printed in all.
    pub(super) fn print(&mut self, value: &Value<'v>, into: &mut String, bytes_max: usize) -> Result<(), Problem> {
        self.print_java(value, into, Bounds { depth: 0, bytes_max })
    }

    /// Adds the value as JSON text.
    pub(super) fn print_json(&mut self, value: &Value<'v>, into: &mut String, bytes_max: usize) -> Result<(), Problem> {
        self.write_json(value, into, Bounds { depth: 0, bytes_max })
    }

    fn print_java(&mut self, value: &Value<'v>, into: &mut String, bounds: Bounds) -> Result<(), Problem> {
        match value {
            Value::Null | Value::Context(_) => into.push_str("null"),
            Value::Bool(bool) => into.push_str(if *bool { "true" } else { "false" }),
            Value::Int(whole) => push_whole(into, *whole),
            Value::Double(double) => into.push_str(&number::java(*double)),
            Value::Text(text) => {
                self.read(text.len())?;
                into.push_str(text);
            }
            Value::List(id) if self.kind(*id) == ListKind::Json => return self.write_json(value, into, bounds),
            Value::List(id) => return self.print_list(*id, into, bounds),
            Value::Map(id) => return self.print_map(*id, into, bounds),
            Value::Entry(map, key) => {
                into.push_str(key);
                into.push('=');
                let value = self.entries(*map).get(key).cloned().unwrap_or(Value::Null);
                return self.print_java(&value, into, bounds.below(into)?);
            }
            Value::Defined(_) => {}
            Value::Loop(_) | Value::Input | Value::Util | Value::StageVariables => into.push_str("{}"),
        }
        bounds.hold(into)
    }

    fn print_list(&mut self, id: ListId, into: &mut String, bounds: Bounds) -> Result<(), Problem> {
        let inner = bounds.below(into)?;
        into.push('[');
        let length = self.items(id).len();
        self.visit(length)?;
        for at in 0..length {
            into.push_str(if at == 0 { "" } else { ", " });
            let item = self.items(id)[at].clone();
            self.print_java(&item, into, inner)?;
        }
        into.push(']');
        Ok(())
    }

    fn print_map(&mut self, id: MapId, into: &mut String, bounds: Bounds) -> Result<(), Problem> {
        if self.is_mute(id) {
            return Ok(());
        }
        let inner = bounds.below(into)?;
        into.push('{');
        for (at, (key, value)) in self.each(id, Clone::clone)?.into_iter().enumerate() {
            into.push_str(if at == 0 { "" } else { ", " });
            into.push_str(&key);
            into.push('=');
            self.print_java(&value, into, inner)?;
        }
        into.push('}');
        Ok(())
    }

    fn write_json(&mut self, value: &Value<'v>, into: &mut String, bounds: Bounds) -> Result<(), Problem> {
        match value {
            Value::List(id) => {
                let inner = bounds.below(into)?;
                into.push('[');
                let length = self.items(*id).len();
                self.visit(length)?;
                for at in 0..length {
                    into.push_str(if at == 0 { "" } else { "," });
                    let item = self.items(*id)[at].clone();
                    self.write_json(&item, into, inner)?;
                }
                into.push(']');
            }
            Value::Map(id) => {
                let inner = bounds.below(into)?;
                into.push('{');
                for (at, (key, value)) in self.each(*id, Clone::clone)?.into_iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    push_json_text(into, &key);
                    into.push(':');
                    self.write_json(&value, into, inner)?;
                }
                into.push('}');
            }
            Value::Text(text) => {
                self.read(text.len())?;
                push_json_text(into, text);
            }
            Value::Double(double) if !double.is_finite() => into.push_str("null"),
            _ => return self.print_java(value, into, bounds),
        }
        bounds.hold(into)
    }

    /// Whether two values are equal as Velocity's `==` sees it: numbers by value, lists and maps by their parts, the rest as text.
    pub(super) fn equal(&mut self, left: &Value<'v>, right: &Value<'v>, depth: usize) -> Result<bool, Problem> {
        self.step(1)?;
        if depth > DEPTH_MAX {
            return Err(TOO_DEEP);
        }
        Ok(match (left, right) {
            (left, right) if left.is_null() || right.is_null() => left.is_null() && right.is_null(),
            (Value::Int(_), Value::Double(_)) | (Value::Double(_), Value::Int(_)) if depth > 0 => false,
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
                number::compare(left, right).is_some_and(std::cmp::Ordering::is_eq)
            }
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Text(left), Value::Text(right)) => {
                self.read(left.len())?;
                **left == **right
            }
            (Value::List(left), Value::List(right)) => return self.equal_lists(*left, *right, depth),
            (Value::Map(left), Value::Map(right)) => return self.equal_maps(*left, *right, depth),
            // Inside lists and maps Java's `equals` counts, which holds values of two kinds for different.
            _ if depth > 0 => false,
            _ => {
                let left = self.shown(left)?.into_owned();
                left == *self.shown(right)?
            }
        })
    }

    fn equal_lists(&mut self, left: ListId, right: ListId, depth: usize) -> Result<bool, Problem> {
        if left == right {
            return Ok(true);
        }
        let (left, right) = (self.copied(left)?, self.copied(right)?);
        if left.len() != right.len() {
            return Ok(false);
        }
        for (left, right) in left.iter().zip(&right) {
            if !self.equal(left, right, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn equal_maps(&mut self, left: MapId, right: MapId, depth: usize) -> Result<bool, Problem> {
        if left == right {
            return Ok(true);
        }
        if self.entries(left).len() != self.entries(right).len() {
            return Ok(false);
        }
        for (key, value) in self.each(left, Clone::clone)? {
            let Some(other) = self.entries(right).get(&key).cloned() else { return Ok(false) };
            if !self.equal(&value, &other, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// How deep a value is inside what is printed, and how long that may become.
#[derive(Clone, Copy)]
struct Bounds {
    depth: usize,
    bytes_max: usize,
}

impl Bounds {
    fn below(self, into: &str) -> Result<Self, Problem> {
        self.hold(into)?;
        if self.depth >= DEPTH_MAX { Err(TOO_DEEP) } else { Ok(Self { depth: self.depth + 1, ..self }) }
    }

    fn hold(self, into: &str) -> Result<(), Problem> {
        let bytes_max = self.bytes_max;
        if into.len() > bytes_max { Err(Problem::Output { bytes_max }) } else { Ok(()) }
    }
}

fn push_whole(into: &mut String, whole: i128) {
    // Writing to a String does not fail.
    let _ = match i64::try_from(whole) {
        Ok(whole) => write!(into, "{whole}"),
        Err(_) => write!(into, "{whole}"),
    };
}

/// Adds a text in quotes, escaped as JSON wants it.
pub(super) fn push_json_text(into: &mut String, text: &str) {
    into.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        into.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => into.push_str("\\\""),
            b'\\' => into.push_str("\\\\"),
            b'\n' => into.push_str("\\n"),
            b'\r' => into.push_str("\\r"),
            b'\t' => into.push_str("\\t"),
            0x08 => into.push_str("\\b"),
            0x0c => into.push_str("\\f"),
            _ => {
                let _ = write!(into, "\\u{byte:04x}");
            }
        }
    }
    into.push_str(&text[plain..]);
    into.push('"');
}
