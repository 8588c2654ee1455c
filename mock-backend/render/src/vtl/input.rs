//! `$input`: the body, what `JSONPath` finds in it, and the parameters.
//!
//! Owns these three. Refuses to read a body that no template asked for: its JSON is parsed at the first question, once. Called by
//! `methods`.

use super::ParamKind;
use super::error::Problem;
use super::eval::Machine;
use super::json;
use super::jsonpath::Path;
use super::tree::{Method, Prepared};
use super::value::Value;

/// Where `$input.params(name)` looks, in this order, and the names in `$input.params()` (developer guide, mapping template reference).
const KINDS: [(&str, ParamKind); 3] =
    [("path", ParamKind::Path), ("querystring", ParamKind::Query), ("header", ParamKind::Header)];

impl<'v> Machine<'v> {
    pub(super) fn input_method(&mut self, method: &'v Method, arguments: &[Value<'v>]) -> Result<Value<'v>, Problem> {
        match (&*method.name, arguments) {
            ("body" | "getBody", []) => Ok(self.body()),
            ("params", []) => self.all_params(),
            ("params", [Value::Text(name)]) => self.param(name),
            ("path", [path]) => Ok(self.found(method, path)?.unwrap_or(Value::Null)),
            ("json", [path]) => self.found_json(method, path),
            _ => Ok(Value::Null),
        }
    }

    /// The body; `{}` when it is empty (recorded).
    pub(super) fn body(&self) -> Value<'v> {
        Value::from(if self.input.body.is_empty() { "{}" } else { self.input.body })
    }

    fn document(&mut self) -> Result<Value<'v>, Problem> {
        if let Some(document) = &self.input.document {
            return Ok(document.clone());
        }
        let body = if self.input.body.trim_ascii().is_empty() { "{}" } else { self.input.body };
        let document = json::parse(body, &mut self.heap)?;
        self.input.document = Some(document.clone());
        Ok(document)
    }

    fn found(&mut self, method: &'v Method, path: &Value<'v>) -> Result<Option<Value<'v>>, Problem> {
        let made;
        let path = match (&method.prepared, path) {
            (Prepared::Path(path), _) => path,
            (_, Value::Text(text)) => {
                self.heap.read(text.len() * PATH_COSTS)?;
                made = Path::parse(text)?;
                &made
            }
            _ => return Ok(None),
        };
        let document = self.document()?;
        path.find(&document, &mut self.heap)
    }

    /// JSON text; two quotes for what is not there, as templates in use expect it (UNCONFIRMED of the service).
    fn found_json(&mut self, method: &'v Method, path: &Value<'v>) -> Result<Value<'v>, Problem> {
        let Some(found) = self.found(method, path)? else { return Ok(Value::from("\"\"")) };
        let mut text = String::new();
        let left = self.heap.left();
        self.heap.print_json(&found, &mut text, left)?;
        self.heap.text(text)
    }

    fn param(&mut self, name: &str) -> Result<Value<'v>, Problem> {
        let found = KINDS.iter().find_map(|(_, kind)| self.input.params.get(*kind, name));
        found.map_or(Ok(Value::Null), |found| self.heap.text(found))
    }

    fn all_params(&mut self) -> Result<Value<'v>, Problem> {
        if let Some(all) = self.input.all_params {
            return Ok(Value::Map(all));
        }
        let all = self.heap.map_id()?;
        for (name, kind) in KINDS {
            let of_kind = self.heap.map_id()?;
            for (name, value) in self.input.params.all(kind) {
                let name = self.heap.made(name)?;
                let value = self.heap.text(value)?;
                self.heap.put(of_kind, name, value)?;
            }
            self.heap.put(all, super::value::Text::Part(name), Value::Map(of_kind))?;
        }
        self.input.all_params = Some(all);
        Ok(Value::Map(all))
    }
}

/// Reading a path costs this many times its length.
const PATH_COSTS: usize = 4;
