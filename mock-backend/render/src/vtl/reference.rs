//! References: what they stand for, what they print, and assignment to them.
//!
//! Owns property access, indexes, `$context` with the overrides above it, and `$stageVariables`. Refuses methods. Called by `eval`.

use std::rc::Rc;

use super::error::{Problem, RenderError};
use super::eval::Machine;
use super::overrides::{Map, Tree};
use super::tree::{CONTEXT, KnownAs, Reference, Step};
use super::value::{MapId, Text, Value};
use super::{Dialect, Lookup, Params, Scope};

/// The variables of `$context` that templates assign; the service has them from the start, and they print nothing, as all maps
/// below `$context` do (recorded by `LocalStack`, `test_sqs_amz_json_protocol`).
const OVERRIDES: [(&str, &[&str]); 2] =
    [("requestOverride", &["header", "path", "querystring"]), ("responseOverride", &["header"])];

/// What comes from outside.
pub(super) struct Input<'v> {
    pub(super) body: &'v str,
    /// The body's JSON, once it was asked for.
    pub(super) document: Option<Value<'v>>,
    pub(super) params: &'v dyn Params,
    /// All of them as maps, once they were asked for.
    pub(super) all_params: Option<MapId>,
    pub(super) stage_variables: &'v [(String, String)],
    context: &'v dyn Lookup,
    before: &'v Map,
    /// The overrides, once they were asked for.
    overrides: Option<MapId>,
}

impl<'v> Input<'v> {
    pub(super) fn new(scope: &Scope<'v>, before: &'v Map) -> Self {
        Self {
            body: scope.body,
            document: None,
            params: scope.params,
            all_params: None,
            stage_variables: scope.stage_variables,
            context: scope.context,
            before,
            overrides: None,
        }
    }
}

impl<'v> Machine<'v> {
    /// Adds what the reference prints.
    pub(super) fn print_reference(&mut self, reference: &'v Reference, out: &mut String) -> Result<(), RenderError> {
        let value = self.walk(reference, &reference.steps)?;
        let is_source = value.is_null() && self.is_unknown(reference.root);
        let slashes = if is_source { reference.slashes } else { reference.slashes / 2 };
        out.extend(std::iter::repeat_n('\\', slashes));
        if reference.slashes % 2 == 1 || is_source && !reference.quiet {
            out.push_str(&reference.source);
        } else if let Value::Defined(block) = value {
            self.print_defined(block, out)?;
        } else if !value.is_null() {
            let bytes_max = self.heap.limits.output_bytes_max;
            self.heap.print(&value, out, bytes_max)?;
        }
        Ok(())
    }

    /// What the reference stands for; null also where it stands for nothing.
    pub(super) fn value_of(&mut self, reference: &'v Reference) -> Result<Value<'v>, RenderError> {
        match self.walk(reference, &reference.steps)? {
            Value::Defined(block) => {
                let mut text = String::new();
                self.print_defined(block, &mut text)?;
                Ok(self.heap.text(text)?)
            }
            value => Ok(value),
        }
    }

    fn walk(&mut self, reference: &'v Reference, steps: &'v [Step]) -> Result<Value<'v>, RenderError> {
        let Some(root) = self.variables[reference.root].clone() else { return Ok(Value::Null) };
        let (mut value, rest) = match &reference.known_as {
            Some(known) if reference.root == CONTEXT && matches!(root, Value::Context(_)) && known.steps <= steps.len() => {
                (self.known(known, steps)?, &steps[known.steps..])
            }
            _ => (root, steps),
        };
        for step in rest {
            if matches!(value, Value::Null) && self.heap.dialect == Dialect::Velocity {
                return Ok(Value::Null);
            }
            self.heap.step(1)?;
            value = match step {
                Step::Property(name) => self.property(&value, name)?,
                Step::Index(index) => {
                    let index = self.value(index)?;
                    self.index(&value, index)?
                }
                Step::Method(method) => {
                    let arguments = self.values(&method.arguments)?;
                    self.call(&value, method, &arguments)?
                }
            };
        }
        Ok(value)
    }

    fn known(&mut self, known: &'v KnownAs, steps: &'v [Step]) -> Result<Value<'v>, Problem> {
        if self.may_be_overridden(&known.dotted) {
            let path = steps[..known.steps].iter().filter_map(|step| match step {
                Step::Property(name) | Step::Index(super::tree::Expression::Text(name)) => Some(&**name),
                Step::Index(_) | Step::Method(_) => None,
            });
            if let Some(value) = self.overridden(path)? {
                return Ok(value);
            }
        }
        self.looked_up(&known.dotted)
    }

    fn may_be_overridden(&self, dotted: &str) -> bool {
        let has_any = self.input.overrides.is_some() || !self.input.before.is_empty();
        has_any || OVERRIDES.iter().any(|(name, _)| dotted.starts_with(name))
    }

    fn overridden<'n>(&mut self, path: impl Iterator<Item = &'n str>) -> Result<Option<Value<'v>>, Problem> {
        let mut value = Value::Map(self.overrides()?);
        for name in path {
            let Value::Map(map) = value else { return Ok(None) };
            let Some(below) = self.heap.entries(map).get(name) else { return Ok(None) };
            value = below.clone();
        }
        Ok(Some(value))
    }

    fn looked_up(&mut self, dotted: &str) -> Result<Value<'v>, Problem> {
        let Some(found) = self.input.context.get(dotted) else { return Ok(Value::Context(dotted.into())) };
        // Milliseconds since 1970: the one variable that templates calculate with.
        if let Some(whole) = found.parse().ok().filter(|_| dotted == "requestTimeEpoch") {
            return Ok(Value::Int(whole));
        }
        self.heap.text(found)
    }

    /// What stands below `$context` under this name.
    fn context(&mut self, prefix: &str, name: &str) -> Result<Value<'v>, Problem> {
        let dotted = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        self.heap.charge(dotted.len())?;
        if self.may_be_overridden(&dotted)
            && let Some(value) = self.overridden(dotted.split('.'))?
        {
            return Ok(value);
        }
        self.looked_up(&dotted)
    }

    pub(super) fn property(&mut self, of: &Value<'v>, name: &str) -> Result<Value<'v>, Problem> {
        Ok(match of {
            Value::Map(map) => self.heap.entries(*map).get(name).cloned().unwrap_or(Value::Null),
            Value::Context(prefix) => {
                let prefix = Rc::clone(prefix);
                self.context(&prefix, name)?
            }
            Value::StageVariables => self.stage_variable(name),
            Value::Input if name == "body" => self.body(),
            Value::Entry(_, key) if name == "key" => Value::Text(key.clone()),
            Value::Entry(map, key) if name == "value" => self.heap.entries(*map).get(key).cloned().unwrap_or(Value::Null),
            Value::List(list) if name == "empty" => Value::Bool(self.heap.items(*list).is_empty()),
            Value::Text(text) if name == "empty" => Value::Bool(text.is_empty()),
            Value::Text(text) if name == "blank" => Value::Bool(text.trim().is_empty()),
            Value::Loop(level) => self.of_loop(*level, name),
            _ => Value::Null,
        })
    }

    fn of_loop(&self, level: usize, name: &str) -> Value<'v> {
        let Some(round) = self.loops.get(level) else { return Value::Null };
        match name {
            "index" => Value::from_length(round.index),
            "count" => Value::from_length(round.index + 1),
            "hasNext" => Value::Bool(round.has_next),
            "first" => Value::Bool(round.index == 0),
            "last" => Value::Bool(!round.has_next),
            "parent" => level.checked_sub(1).map_or(Value::Null, Value::Loop),
            "topmost" => Value::Loop(0),
            _ => Value::Null,
        }
    }

    pub(super) fn stage_variable(&self, name: &str) -> Value<'v> {
        let found = self.input.stage_variables.iter().find(|(known, _)| known == name);
        found.map_or(Value::Null, |(_, value)| Value::from(&**value))
    }

    pub(super) fn index(&mut self, of: &Value<'v>, index: Value<'v>) -> Result<Value<'v>, Problem> {
        match (of, index) {
            (Value::List(list), Value::Int(index)) => {
                let items = self.heap.items(*list);
                items.get(position("[]", index, items.len())?).cloned().ok_or_else(|| outside("[]", index, items.len()))
            }
            (Value::Map(_) | Value::Context(_) | Value::StageVariables, index) if !index.is_null() => {
                let name = self.key(index)?;
                match of {
                    Value::Map(_) | Value::Context(_) | Value::StageVariables => self.property(of, &name),
                    _ => Ok(Value::Null),
                }
            }
            // Velocity asks for the length to count from the end, and stops where there is none.
            (of, Value::Int(index)) if index < 0 && !of.is_null() => Err(outside("[]", index, 0)),
            _ => Ok(Value::Null),
        }
    }

    /// Assigns; what cannot be assigned to is left alone, as Velocity leaves it.
    pub(super) fn assign(&mut self, target: &'v Reference, value: Value<'v>) -> Result<(), RenderError> {
        if value.is_null() && self.heap.dialect == Dialect::Velocity {
            return Ok(());
        }
        let Some((last, steps)) = target.steps.split_last() else {
            self.variables[target.root] = Some(value);
            return Ok(());
        };
        let of = self.walk(target, steps)?;
        let key = match last {
            Step::Property(name) => Value::from(&**name),
            Step::Index(index) => self.value(index)?,
            Step::Method(_) => return Ok(()),
        };
        Ok(self.put(&of, key, value)?)
    }

    fn put(&mut self, of: &Value<'v>, key: Value<'v>, value: Value<'v>) -> Result<(), Problem> {
        match (of, key) {
            (Value::List(list), Value::Int(index)) => {
                let length = self.heap.items(*list).len();
                let at = position("set", index, length)?;
                let item = self.heap.items_mut(*list).get_mut(at).ok_or_else(|| outside("set", index, length))?;
                *item = value;
            }
            (Value::Map(map), key) => {
                let key = self.key(key)?;
                self.heap.put(*map, key, value)?;
            }
            (Value::Context(prefix), key) => {
                let key = self.key(key)?;
                let prefix = Rc::clone(prefix);
                self.override_below(&prefix, key, value)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts a value below `$context`, with the maps on the way to it.
    pub(super) fn override_below(&mut self, prefix: &str, key: Text<'v>, value: Value<'v>) -> Result<(), Problem> {
        let mut map = self.overrides()?;
        for name in prefix.split('.').filter(|name| !name.is_empty()) {
            map = if let Some(Value::Map(below)) = self.heap.entries(map).get(name) {
                *below
            } else {
                let below = self.heap.map_id()?;
                let name = self.heap.made(name)?;
                self.heap.put(map, name, Value::Map(below))?;
                below
            };
        }
        self.heap.put(map, key, value)?;
        Ok(())
    }

    /// The map of the overrides, with those in it that the service has from the start.
    fn overrides(&mut self) -> Result<MapId, Problem> {
        if let Some(overrides) = self.input.overrides {
            return Ok(overrides);
        }
        let overrides = self.heap.import(self.input.before)?;
        self.input.overrides = Some(overrides);
        for (name, below) in OVERRIDES {
            let map = self.map_at(overrides, name)?;
            self.heap.mute(map);
            for name in below {
                let map = self.map_at(map, name)?;
                self.heap.mute(map);
            }
        }
        Ok(overrides)
    }

    /// The map under this name, made if there is none.
    fn map_at(&mut self, map: MapId, name: &'v str) -> Result<MapId, Problem> {
        if let Some(Value::Map(there)) = self.heap.entries(map).get(name) {
            return Ok(*there);
        }
        let made = self.heap.map_id()?;
        if self.heap.entries(map).get(name).is_none() {
            self.heap.put(map, Text::Part(name), Value::Map(made))?;
        }
        Ok(made)
    }

    /// The overrides as they are now, if the template has touched them; without those that are empty.
    pub(super) fn export_overrides(&mut self) -> Result<Option<Map>, Problem> {
        let Some(overrides) = self.input.overrides else { return Ok(None) };
        let mut map = self.heap.export(overrides)?;
        for (name, below) in OVERRIDES {
            if let Some(Tree::Map(inner)) = map.get_mut(name) {
                inner.retain(|name, value| !(below.contains(&name) && value.is_empty_map()));
            }
        }
        map.retain(|name, value| !(OVERRIDES.iter().any(|(own, _)| *own == name) && value.is_empty_map()));
        Ok(Some(map))
    }
}

/// An index, from the end if it is negative.
pub(super) fn position(method: &'static str, index: i128, length: usize) -> Result<usize, Problem> {
    let from_start = if index < 0 { index.saturating_add(length as i128) } else { index };
    usize::try_from(from_start).map_err(|_| outside(method, index, length))
}

/// What Java throws for an index that is not there.
pub(super) fn outside(method: &'static str, index: i128, length: usize) -> Problem {
    Problem::Method { method, what: format!("index {index} is outside a length of {length}") }
}
