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
            Some(pointer) => self.name_of(pointer, schema, at)?,
            None => self.add(own, schema, at)?,
        };
        while let Some((name, schema)) = self.waiting.pop() {
            let text = self.text(schema, Keys::Words, at)?;
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

    /// The name of what a pointer names, which is read later if it is new.
    fn name_of(&mut self, pointer: &str, node: &'d Node, at: &str) -> Result<String, Fault> {
        if let Some(name) = self.pointers.get(pointer) {
            return Ok(name.clone());
        }
        let target = match self.by_address(pointer, node, at) {
            Some(model) => model,
            None => self.references.target(pointer, node, at)?,
        };
        let name = self.add(&last(pointer), target, at)?;
        self.pointers.insert(pointer.to_owned(), name.clone());
        Ok(name)
    }

    /// The model that a pointer names as the service does: `https://apigateway.amazonaws.com/restapis/${api}/models/House`.
    fn by_address(&self, pointer: &str, node: &Node, at: &str) -> Option<&'d Node> {
        let (api, name) = pointer.split_once("/models/")?;
        let is_service = api.starts_with("https://apigateway.") && api.contains("/restapis/");
        let places = ["definitions", "components/schemas"].into_iter().filter(|_| is_service);
        places.filter_map(|place| self.references.target(&format!("#/{place}/{name}"), node, at).ok()).next()
    }

    /// A name that is not taken.
    fn free(&self, wanted: &str) -> String {
        let wanted: String = wanted.chars().filter(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-')).take(128).collect();
        let wanted = if wanted.is_empty() { "Model".to_owned() } else { wanted };
        let numbered = (2_u64..).map(|n| format!("{wanted}{n}"));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|name| !self.taken.contains_key(name));
        free.expect("there are more numbers than models")
    }

    /// The schema as JSON, with its references turned to the names of models.
    fn text(&mut self, schema: &'d Node, keys: Keys, at: &str) -> Result<Value, Fault> {
        match &schema.kind {
            Kind::Map(entries) => {
                entries.iter().map(|(key, value)| Ok((key.clone(), self.member(key, value, keys, at)?))).collect()
            }
            Kind::List(items) => items.iter().map(|item| self.text(item, Keys::Words, at)).collect(),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => Ok(schema.json()),
        }
    }

    fn member(&mut self, key: &str, value: &'d Node, keys: Keys, at: &str) -> Result<Value, Fault> {
        match (keys, key, &value.kind) {
            (Keys::Words, "$ref", Kind::Text(pointer)) => {
                Ok(format!("#/definitions/{}", self.name_of(pointer, value, at)?).into())
            }
            // Examples and defaults may look like references and are none.
            (Keys::Words, "example" | "examples" | "default" | "enum", _) => Ok(value.json()),
            (Keys::Words, "properties" | "patternProperties" | "definitions" | "dependencies", _) => {
                self.text(value, Keys::Names, at)
            }
            _ => self.text(value, Keys::Words, at),
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
    fn a_model_may_be_named_by_its_address_at_the_service() {
        for place in ["definitions: ", "components: { schemas: "] {
            let end = if place.ends_with(": { schemas: ") { " }" } else { "" };
            let address = "https://apigateway.amazonaws.com/restapis/a1/models/A";
            let root =
                Node::parse(&format!("{place}{{ A: {{ type: object }} }}{end}\nown: {{ items: {{ $ref: '{address}' }} }}"))
                    .unwrap();
            let mut models = Models::new(References::new(&root));
            assert_eq!(models.take(root.get("own").unwrap(), "List", "POST /x").unwrap(), "List");
            let taken = Value::Object(models.into_profile());
            assert_eq!(taken, json!({ "List": { "items": { "$ref": "#/definitions/A" } }, "A": { "type": "object" } }));
        }
    }

    #[test]
    fn a_schema_that_is_not_there_is_refused() {
        let root = Node::parse("a: { items: { $ref: '#/definitions/None' } }").unwrap();
        let fault = Models::new(References::new(&root)).take(root.get("a").unwrap(), "A", "GET /").unwrap_err();
        assert_eq!(fault.of("f").to_string(), "f:1: GET /: there is nothing at $ref \"#/definitions/None\"");
    }
}
