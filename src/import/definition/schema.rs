//! The models of a definition: those that request validation needs, with what they refer to.
//!
//! Owns their names and texts. Refuses to check anything against them (`render` does). Called by `operation`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{Kind, Node};
use super::error::Fault;
use super::reference::{References, last, reference};

/// More models than this are no definition that the service takes (300 resources, each with a few).
const MODELS_MAX: usize = 2_000;

/// Models by name.
pub(super) struct Models<'d> {
    references: References<'d>,
    taken: Map<String, Value>,
    /// Pointers whose targets were taken, with the names they got.
    pointers: BTreeMap<String, String>,
    /// Those that have a name and are still to be read. A queue, because schemas refer to each other in long rows.
    waiting: Vec<(String, &'d Node)>,
}

impl<'d> Models<'d> {
    /// None yet.
    pub(super) fn new(references: References<'d>) -> Self {
        Self { references, taken: Map::new(), pointers: BTreeMap::new(), waiting: Vec::new() }
    }

    /// Whether a model of this name was taken.
    pub(super) fn has(&self, name: &str) -> bool {
        self.taken.contains_key(name)
    }

    /// All that were taken.
    pub(super) fn into_profile(self) -> Map<String, Value> {
        self.taken
    }

    /// Takes a schema with all that it refers to; the name it has now. One that stands in line gets the name `own`.
    pub(super) fn take(&mut self, schema: &'d Node, own: &str, at: &str) -> Result<String, Fault> {
        let name = match reference(schema) {
            Some(pointer) => self.name_of(pointer, schema, (schema, at))?,
            None => self.add(own, schema, at)?,
        };
        while let Some((name, schema)) = self.waiting.pop() {
            let text = self.text(schema, Keys::Words, (schema, at))?;
            self.taken.insert(name, text);
        }
        Ok(name)
    }

    fn add(&mut self, wanted: &str, schema: &'d Node, at: &str) -> Result<String, Fault> {
        if self.taken.len() >= MODELS_MAX {
            return Err(Fault::new(schema, at, format!("the definition needs more than {MODELS_MAX} models; write fewer")));
        }
        let name = self.free(wanted);
        self.taken.insert(name.clone(), Value::Null);
        self.waiting.push((name.clone(), schema));
        Ok(name)
    }

    /// The name of what a pointer names, which is read later if it is new. It points into the definition, or into the schema
    /// `inside` which it stands, at `node`.
    fn name_of(&mut self, pointer: &str, node: &Node, (inside, at): (&'d Node, &str)) -> Result<String, Fault> {
        if let Some(name) = self.pointers.get(pointer) {
            return Ok(name.clone());
        }
        let (target, of_schema) = match self.target(pointer, node, at) {
            Ok(target) => (target, false),
            Err(fault) => (References::new(inside).target(pointer, node, at).map_err(|_| fault)?, true),
        };
        // What a schema has for itself may be called as in another.
        let known = if of_schema { format!("{inside:p}{pointer}") } else { pointer.to_owned() };
        if let Some(name) = self.pointers.get(&known) {
            return Ok(name.clone());
        }
        let name = self.add(&last(pointer), target, at)?;
        self.pointers.insert(known, name.clone());
        Ok(name)
    }

    /// Models may be named as the service does: `https://apigateway.amazonaws.com/restapis/${api}/models/House`.
    fn target(&self, pointer: &str, node: &Node, at: &str) -> Result<&'d Node, Fault> {
        let Some((_, name)) = pointer.split_once("/models/") else { return self.references.target(pointer, node, at) };
        let sections = ["#/definitions", "#/components/schemas"];
        let found = sections.into_iter().find_map(|section| self.references.target(&format!("{section}/{name}"), node, at).ok());
        found.ok_or_else(|| Fault::new(node, at, format!("there is no model {name}, which $ref {pointer} names")))
    }

    /// A name that is not taken.
    fn free(&self, wanted: &str) -> String {
        let wanted: String =
            wanted.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')).take(128).collect();
        let wanted = if wanted.is_empty() { "Model".to_owned() } else { wanted };
        let numbered = (2_u64..).map(|n| format!("{wanted}{n}"));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|name| !self.taken.contains_key(name));
        free.expect("there are more numbers than models")
    }

    /// The schema as JSON, with its references turned to the names of models. `of` is the whole schema, and what names it.
    fn text(&mut self, schema: &'d Node, keys: Keys, of: (&'d Node, &str)) -> Result<Value, Fault> {
        match &schema.kind {
            Kind::Map(entries) => {
                entries.iter().map(|(key, value)| Ok((key.clone(), self.member(key, value, keys, of)?))).collect()
            }
            Kind::List(items) => items.iter().map(|item| self.text(item, Keys::Words, of)).collect(),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => Ok(schema.json()),
        }
    }

    fn member(&mut self, key: &str, value: &'d Node, keys: Keys, of: (&'d Node, &str)) -> Result<Value, Fault> {
        match (keys, key, &value.kind) {
            (Keys::Words, "$ref", Kind::Text(pointer)) => {
                Ok(format!("#/definitions/{}", self.name_of(pointer, value, of)?).into())
            }
            // Examples and defaults may look like references and are none.
            (Keys::Words, "example" | "examples" | "default" | "enum", _) => Ok(value.json()),
            (Keys::Words, "properties" | "patternProperties" | "definitions" | "dependencies", _) => {
                self.text(value, Keys::Names, of)
            }
            _ => self.text(value, Keys::Words, of),
        }
    }
}

/// What the keys of a map in a schema are.
#[derive(Clone, Copy)]
enum Keys {
    /// Words of the schema's language.
    Words,
    /// Names that its author chose.
    Names,
}

/// The names of the schemas of a definition.
pub(super) fn names(root: &Node) -> BTreeSet<String> {
    let sections = [root.get("definitions"), root.at(&["components", "schemas"])];
    sections.into_iter().flatten().flat_map(Node::entries).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_model_brings_all_that_it_refers_to_even_itself() {
        let root = Node::parse(
            "definitions: { A: { properties: { b: { $ref: '#/definitions/B' } } }, B: { items: { $ref: '#/definitions/A' } }, C: {} }\n\
             own: { properties: { x: { $ref: '#/definitions/A/properties/b' } } }",
        )
        .unwrap();
        let mut models = Models::new(References::new(&root));
        assert_eq!(models.take(root.get("own").unwrap(), "Post /x", "POST /x").unwrap(), "Postx");
        let taken = Value::Object(models.into_profile());
        assert_eq!(
            taken,
            json!({
                "Postx": { "properties": { "x": { "$ref": "#/definitions/b" } } },
                "b": { "$ref": "#/definitions/B" },
                "B": { "items": { "$ref": "#/definitions/A" } },
                "A": { "properties": { "b": { "$ref": "#/definitions/B" } } },
            })
        );
    }

    #[test]
    fn models_are_named_as_the_service_does_and_places_in_their_own_schema_too() {
        let root = Node::parse(
            "components: { schemas: { A: { type: number } } }\n\
             one: { items: { $ref: 'https://apigateway.amazonaws.com/restapis/x/models/A' } }\n\
             two: { definitions: { In: { type: string } }, items: { $ref: '#/definitions/In' } }",
        )
        .unwrap();
        let mut models = Models::new(References::new(&root));
        for name in ["one", "two"] {
            models.take(root.get(name).unwrap(), name, "POST /").unwrap();
        }
        let taken = Value::Object(models.into_profile());
        assert_eq!((&taken["one"]["items"]["$ref"], &taken["A"]["type"]), (&json!("#/definitions/A"), &json!("number")));
        assert_eq!((&taken["two"]["items"]["$ref"], &taken["In"]["type"]), (&json!("#/definitions/In"), &json!("string")));
    }

    #[test]
    fn a_schema_that_is_not_there_is_refused() {
        let root = Node::parse("a: { items: { $ref: '#/definitions/None' } }").unwrap();
        let fault = Models::new(References::new(&root)).take(root.get("a").unwrap(), "A", "GET /").unwrap_err();
        assert_eq!(fault.of("f").to_string(), "f:1: GET /: there is nothing at $ref \"#/definitions/None\"");
    }
}
