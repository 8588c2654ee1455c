//! All models of an API at once: each is looked at once, however many refer to it.
//!
//! Owns what is wrong with a model by itself, and whether one with all that it refers to is within the bounds. Refuses to check
//! bodies: that takes a [`Validator`](super::Validator), which is made for the models that routes name. Called by the product's
//! `config`, which says of every model of a profile what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sluicegate_policy::model::Schema;

use super::bounds;
use super::models::{Linker, SchemaError, Scope, key, place_of, reference_to};

/// The models of an API.
#[derive(Debug)]
pub struct Library<'s> {
    linker: Linker<'s>,
    /// Those of the API itself come first.
    own: usize,
    /// All that could be read, each in its place.
    document: Value,
    faults: BTreeMap<usize, SchemaError>,
    /// Places in models at which others point.
    entered: BTreeMap<usize, BTreeSet<String>>,
}

impl<'s> Library<'s> {
    /// Reads the models, and follows every reference.
    pub fn new(schemas: &'s [Schema]) -> Self {
        let mut linker = Linker::new(schemas);
        let all = 0..linker.schemas.len();
        let mut faults: BTreeMap<usize, SchemaError> =
            all.filter_map(|model| Some((model, linker.place(model).err()?))).collect();
        let document = linker.take_document();
        let mut entered: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        let mut dangling = Vec::new();
        // What a model that cannot be read refers to is not known, nor is what others find in it.
        let readable = |model: usize| !faults.contains_key(&model);
        for link in linker.links.iter().filter(|link| readable(link.model) && readable(link.into)) {
            if !link.leads_into(&document) {
                dangling.push((link.model, linker.dangling(link)));
            } else if link.into != link.model {
                entered.entry(link.into).or_default().insert(link.target.clone());
            }
        }
        for (model, fault) in dangling {
            faults.entry(model).or_insert(fault);
        }
        Self { linker, own: schemas.len(), document, faults, entered }
    }

    /// What is wrong with each model by itself, by its place in the list.
    pub fn faults(&mut self) -> BTreeMap<usize, SchemaError> {
        self.linker.scope = Scope::Alone;
        let mut faults = self.faults.clone();
        for model in 0..self.own {
            if !faults.contains_key(&model)
                && let Err(fault) = self.alone(model)
            {
                faults.insert(model, fault);
            }
        }
        faults.retain(|model, _| *model < self.own);
        faults
    }

    /// Whether there is a model of this name, the API's own or one that each API has.
    pub fn has(&self, name: &str) -> bool {
        self.linker.named(name).is_some()
    }

    /// Whether a model, with all that it refers to, can be applied to any body within the bounds. One that is not there, or is
    /// wrong by itself, is for others to tell.
    pub fn fits(&self, name: &str) -> Result<(), SchemaError> {
        let Some(model) = self.linker.named(name) else { return Ok(()) };
        bounds::at(&self.document, &place_of(model)).map(drop).map_err(|broken| self.linker.broken_bound(&broken))
    }

    /// Compiles a model without those to which it refers, at each place where it can be entered.
    fn alone(&mut self, model: usize) -> Result<(), SchemaError> {
        let moved = self.linker.whole(model)?;
        let document = json!({ "definitions": Map::from_iter([(key(model), moved)]) });
        let whole = place_of(model);
        let others = self.entered.get(&model).into_iter().flatten().map(String::as_str);
        let mut places = vec![whole.as_str()];
        places.extend(others.filter(|place| **place != whole && document.pointer(place).is_some()));
        for place in &places {
            bounds::at(&document, place).map_err(|broken| self.linker.broken_bound(&broken))?;
        }
        self.linker.compiled(&entered_at(&places, document)).map(drop)
    }
}

/// A document that holds a value against the schemas at all of these places.
fn entered_at(places: &[&str], mut document: Value) -> Value {
    let references = places.iter().map(|place| json!({ "$ref": reference_to(place) })).collect();
    document["allOf"] = Value::Array(references);
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas(texts: &[(&str, String)]) -> Vec<Schema> {
        texts.iter().map(|(name, text)| Schema { name: (*name).to_owned(), text: text.clone() }).collect()
    }

    fn told(texts: &[(&str, &str)]) -> Vec<(usize, String)> {
        let texts: Vec<_> = texts.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let schemas = schemas(&texts);
        Library::new(&schemas).faults().into_iter().map(|(at, fault)| (at, fault.to_string())).collect()
    }

    /// Models of which each refers to the next.
    fn chain(length: usize) -> Vec<Schema> {
        let next =
            |at: usize| if at + 1 < length { format!(r##"{{"$ref":"#/definitions/M{}"}}"##, at + 1) } else { "{}".to_owned() };
        let model = |at| Schema { name: format!("M{at}"), text: format!(r#"{{"properties":{{"next":{}}}}}"#, next(at)) };
        (0..length).map(model).collect()
    }

    #[test]
    fn a_fault_is_told_of_the_model_that_has_it_and_of_no_other() {
        let faults = told(&[
            ("A", r##"{"items":{"$ref":"#/definitions/B"}}"##),
            ("B", r#"{"type":"text"}"#),
            ("C", r##"{"items":{"$ref":"#/definitions/None"}}"##),
            ("D", "{"),
            ("E", r#"{"allOf":[{"$ref":"D"},{"$ref":"A"}]}"#),
        ]);
        assert_eq!(faults.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2, 3], "{faults:?}");
        assert!(faults[0].1.contains("the model `B` is no JSON schema (draft 4) at `/type`"), "{faults:?}");
        assert!(faults[1].1.contains("`#/definitions/None`, which points at nothing"), "{faults:?}");
    }

    #[test]
    fn what_only_others_enter_is_proven_where_it_stands() {
        let faults = told(&[
            ("A", r#"{"items":{"$ref":"B#/definitions/In"}}"#),
            ("B", r#"{"definitions":{"In":{"pattern":"("},"Never":{"type":"string"}}}"#),
        ]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].0 == 1 && faults[0].1.contains("`/definitions/In"), "{faults:?}");
    }

    #[test]
    fn a_model_that_leads_nowhere_or_too_far_does_not_fit_and_one_that_recurses_does() {
        let ring = |next: &str| format!(r##"{{"$ref":"#/definitions/{next}"}}"##);
        let tree = r##"{"properties":{"children":{"items":{"$ref":"#/definitions/Tree"}}}}"##.to_owned();
        let schemas = schemas(&[("A", ring("B")), ("B", ring("C")), ("C", ring("B")), ("Self", ring("Self")), ("Tree", tree)]);
        let mut library = Library::new(&schemas);
        assert!(library.has("Tree") && library.has("Empty") && !library.has("None"));
        assert_eq!(library.fits("Tree"), Ok(()));
        assert!(matches!(library.fits("A"), Err(SchemaError::Circular { .. })));
        let faults = library.faults();
        assert!(faults.len() == 1 && matches!(faults[&3], SchemaError::Circular { .. }), "{faults:?}");
        let long = chain(1_000);
        assert!(matches!(Library::new(&long).fits("M0"), Err(SchemaError::TooIntricate { .. })));
        assert_eq!(Library::new(&long).fits("M900"), Ok(()));
    }

    #[test]
    fn every_reference_is_followed_as_often_however_long_the_row_of_models() {
        let followed = |length| {
            let schemas = chain(length);
            let mut library = Library::new(&schemas);
            assert!(library.faults().is_empty());
            library.linker.links.len()
        };
        // Once when they are joined, and once when each is looked at alone.
        assert_eq!((followed(150), followed(1_500)), (2 * 149, 2 * 1_499));
    }
}
