//! How much stack and time a schema can take for one value of a body, told before any body is there.
//!
//! Owns the bounds. Refuses to follow anything but what stands in the document. Called by [`super::models`], whose schemas
//! come from definitions that strangers wrote.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// Schemas that may stand behind each other for one and the same value (through `$ref`, `allOf`, `not` and their like). With
/// bodies of at most 127 levels the stack stays below a megabyte.
const CHAIN_MAX: u32 = 32;

/// Schemas that may be looked at for one value of a body.
const VISITS_MAX: u64 = 10_000;

/// Levels of a schema, those behind references counted.
const LEVELS_MAX: u32 = 400;

/// Whether choices (`anyOf`, `oneOf`) stand in a schema that refers back to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branching {
    /// They do not: each error is found once.
    Bounded,
    /// They do: the ways to fail can double with each level of a body.
    Unbounded,
}

/// A bound that a model breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Too many schemas behind each other for one value.
    Chain,
    /// Too many schemas for one value.
    Visits,
    /// Too many levels.
    Levels,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => write!(f, "more than {CHAIN_MAX} schemas stand behind each other for one value"),
            Self::Visits => write!(f, "more than {VISITS_MAX} schemas look at one value"),
            Self::Levels => write!(f, "it has more than {LEVELS_MAX} levels, those behind references counted"),
        }
    }
}

/// Where a bound is broken; without a limit the schema leads back to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// JSON pointer into the document.
    pub(super) at: String,
    /// Which bound.
    pub(super) limit: Option<Limit>,
}

/// Looks at a document whose references all have the form `#/definitions/...` and point at something.
pub(super) fn of(document: &Value) -> Result<Branching, Broken> {
    of_root(document, document)
}

/// Looks at the schema at a place of such a document, as if the document were a reference to it.
pub(super) fn at(document: &Value, pointer: &str) -> Result<Branching, Broken> {
    of_root(document, &serde_json::json!({ "$ref": format!("#{pointer}") }))
}

fn of_root(document: &Value, root: &Value) -> Result<Branching, Broken> {
    let mut survey = Survey { document, chains: BTreeMap::new(), visits: BTreeMap::new(), recursive: false, chooses: false };
    survey.visits(&Place { schema: root, at: String::new() }, 0)?;
    Ok(if survey.recursive && survey.chooses { Branching::Unbounded } else { Branching::Bounded })
}

struct Survey<'d> {
    document: &'d Value,
    /// By the schema's address; `None` while it is being looked at.
    chains: BTreeMap<usize, Option<u32>>,
    visits: BTreeMap<usize, Option<u64>>,
    recursive: bool,
    chooses: bool,
}

/// A schema and where it stands.
struct Place<'d> {
    schema: &'d Value,
    at: String,
}

impl<'d> Place<'d> {
    fn address(&self) -> usize {
        std::ptr::from_ref(self.schema) as usize
    }

    fn broken(&self, limit: Option<Limit>) -> Broken {
        Broken { at: self.at.clone(), limit }
    }

    fn below(&self, keyword: &str) -> Option<Self> {
        let schema = self.schema.get(keyword)?;
        Some(Place { schema, at: format!("{}/{keyword}", self.at) })
    }

    /// The entries of a map or list of schemas.
    fn entries(&self, keyword: &str) -> Vec<Self> {
        let Some(place) = self.below(keyword) else { return Vec::new() };
        let entry = |name: &str, schema: &'d Value| Place { schema, at: format!("{}/{name}", place.at) };
        match place.schema {
            Value::Object(map) => map.iter().map(|(name, schema)| entry(&escaped(name), schema)).collect(),
            Value::Array(list) => list.iter().enumerate().map(|(at, schema)| entry(&at.to_string(), schema)).collect(),
            _ => Vec::new(),
        }
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl<'d> Survey<'d> {
    /// Schemas that look at the same value as this one.
    fn beside(&self, place: &Place<'d>) -> Vec<Place<'d>> {
        if let Some(Value::String(reference)) = place.schema.get("$ref") {
            let pointer = percent_encoding::percent_decode_str(reference.trim_start_matches('#')).decode_utf8_lossy();
            return self
                .document
                .pointer(&pointer)
                .map(|schema| Place { schema, at: pointer.into_owned() })
                .into_iter()
                .collect();
        }
        let mut beside: Vec<Place<'d>> =
            ["allOf", "anyOf", "oneOf", "dependencies"].iter().flat_map(|word| place.entries(word)).collect();
        beside.extend(place.below("not"));
        beside
    }

    /// How many schemas stand behind each other for one value, this one first.
    fn chain(&mut self, place: &Place<'d>, level: u32) -> Result<u32, Broken> {
        match self.chains.get(&place.address()) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(place.broken(None)),
            None if level > CHAIN_MAX => return Err(place.broken(Some(Limit::Chain))),
            None => {}
        }
        self.chains.insert(place.address(), None);
        let mut longest = 0;
        for next in self.beside(place) {
            longest = longest.max(self.chain(&next, level + 1)?);
        }
        if longest >= CHAIN_MAX {
            return Err(place.broken(Some(Limit::Chain)));
        }
        self.chains.insert(place.address(), Some(longest + 1));
        Ok(longest + 1)
    }

    /// How many schemas may look at one value of what this one is applied to. A schema that is met again on the way to itself
    /// counts once: what it said of a value is remembered.
    fn visits(&mut self, place: &Place<'d>, level: u32) -> Result<u64, Broken> {
        match self.visits.get(&place.address()) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => {
                self.recursive = true;
                return Ok(1);
            }
            None if level > LEVELS_MAX => return Err(place.broken(Some(Limit::Levels))),
            None => {}
        }
        self.chain(place, 0)?;
        self.visits.insert(place.address(), None);
        let visits = self.visits_anew(place, level + 1)?;
        if visits > VISITS_MAX {
            return Err(place.broken(Some(Limit::Visits)));
        }
        self.visits.insert(place.address(), Some(visits));
        Ok(visits)
    }

    fn visits_anew(&mut self, place: &Place<'d>, level: u32) -> Result<u64, Broken> {
        let mut all = 1;
        for next in self.beside(place) {
            all += self.visits(&next, level)?;
        }
        if place.schema.get("$ref").is_some() {
            return Ok(all);
        }
        self.chooses |= place.schema.get("anyOf").is_some() || place.schema.get("oneOf").is_some();
        // Of the named ones a member meets one; the patterns can all fit its name.
        let mut named = 0;
        for next in place.entries("properties").iter().chain(&place.tuple()) {
            named = named.max(self.visits(next, level)?);
        }
        for next in place.entries("patternProperties").iter().chain(&place.others()) {
            all += self.visits(next, level)?;
        }
        Ok(all + named)
    }
}

impl Place<'_> {
    /// The schemas of an array's places.
    fn tuple(&self) -> Vec<Self> {
        if self.schema.get("items").is_some_and(Value::is_array) { self.entries("items") } else { Vec::new() }
    }

    /// The schemas of all members.
    fn others(&self) -> Vec<Self> {
        let items = self.below("items").filter(|items| items.schema.is_object());
        [self.below("additionalProperties"), self.below("additionalItems"), items].into_iter().flatten().collect()
    }
}
