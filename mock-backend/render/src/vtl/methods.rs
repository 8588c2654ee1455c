//! Method calls: which value answers which methods.
//!
//! Owns the choice, and the methods that all values have. A method that a value has not, or not with such arguments, is null, as
//! in Velocity. Refuses reflection: there are no classes here to reach. Called by `reference`.

mod context;
mod list;
mod map;
mod number;
mod text;

use std::rc::Rc;

use super::error::Problem;
use super::eval::Machine;
use super::heap::Heap;
use super::tree::Method;
use super::value::{Text, Value};
use super::{Dialect, escapes};

/// What a method without a result gives, in Velocity as well: it prints nothing.
const VOID: Value<'static> = Value::Text(Text::Part(""));

/// A result, or that there is no such method here.
type Answer<'v> = Result<Option<Value<'v>>, Problem>;

impl<'v> Machine<'v> {
    pub(super) fn call(&mut self, of: &Value<'v>, method: &'v Method, arguments: &[Value<'v>]) -> Result<Value<'v>, Problem> {
        match of {
            Value::Input => return self.input_method(method, arguments),
            Value::Util => return escapes::call(&mut self.heap, &method.name, arguments),
            Value::Context(prefix) => {
                let prefix = Rc::clone(prefix);
                if let Some(value) = self.of_context(&prefix, &method.name, arguments)? {
                    return Ok(value);
                }
            }
            Value::StageVariables => return self.of_stage_variables(&method.name, arguments),
            Value::Loop(_) => return Ok(Value::Null),
            _ => {}
        }
        let is_gateway = self.heap.dialect == Dialect::Gateway;
        let heap = &mut self.heap;
        if let Some(value) = of_all(heap, of, &method.name, arguments)? {
            return Ok(value);
        }
        let answer = match of {
            Value::Text(text) => text::call(heap, text, method, arguments)?,
            Value::List(list) => list::call(heap, *list, &method.name, arguments)?,
            Value::Map(map) => map::call(heap, *map, &method.name, arguments)?,
            Value::Entry(map, key) => map::entry(heap, *map, key, &method.name, arguments)?,
            Value::Int(_) | Value::Double(_) | Value::Bool(_) => {
                let answer = number::call(of, &method.name, arguments)?;
                if answer.is_none() && is_gateway { text::of_other(heap, of, method, arguments)? } else { answer }
            }
            // To the service null is the empty text in more than its print (recorded for `==`).
            Value::Null | Value::Context(_) if is_gateway => text::call(heap, &Text::Part(""), method, arguments)?,
            _ => None,
        };
        Ok(answer.unwrap_or(Value::Null))
    }

    /// Stage variables are a map that is made when it is asked for more than a value.
    fn of_stage_variables(&mut self, name: &str, arguments: &[Value<'v>]) -> Result<Value<'v>, Problem> {
        if let ("get", [Value::Text(name)]) = (name, arguments) {
            return Ok(self.stage_variable(name));
        }
        let made = self.heap.map_id()?;
        for (name, value) in self.input.stage_variables {
            self.heap.put(made, Text::Part(name), Value::from(&**value))?;
        }
        Ok(map::call(&mut self.heap, made, name, arguments)?.unwrap_or(Value::Null))
    }
}

/// What every object of Java has.
fn of_all<'v>(heap: &mut Heap<'v>, of: &Value<'v>, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    match (name, arguments) {
        ("toString", []) if matches!(of, Value::Text(_)) => Ok(Some(of.clone())),
        ("toString", []) if !of.is_null() => {
            let shown = heap.shown(of)?.into_owned();
            heap.text(shown).map(Some)
        }
        // Java's `equals` holds no number for a text: it compares as inside a list.
        ("equals", [other]) if !of.is_null() => heap.equal(of, other, 1).map(|equal| Some(Value::Bool(equal))),
        _ => Ok(None),
    }
}
