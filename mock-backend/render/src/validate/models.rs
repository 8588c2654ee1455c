//! The models of an API as one JSON schema: each in a place of its own, and every reference made to point there.
//!
//! Owns what a `$ref` may say and what it means: a place in the same model, another model's name, or its address at the
//! provider. Refuses to fetch anything, and every schema that could not be applied to a body within bounded time and stack.
//! Called by [`super::Validator`].

use std::collections::BTreeMap;

use jsonschema::{Draft, PatternOptions, ValidationError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};
use sluicegate_policy::model::Schema;

use super::bounds::{self, Branching};
use super::detail;

/// Longest model, in bytes (developer guide, "Quotas", 2026: 400 KB).
pub const MODEL_BYTES_MAX: usize = 400 * 1024;

/// How often a pattern may try again before a text counts as not matching. Java, which the provider runs, would go on.
const PATTERN_STEPS_MAX: usize = 100_000;

/// Models that every REST API has unless it has its own of that name (as the service makes them with each API).
const BUILT_IN: [(&str, &str); 2] = [
    ("Empty", r#"{"title":"Empty Schema","type":"object"}"#),
    ("Error", r#"{"properties":{"message":{"type":"string"}},"title":"Error Schema","type":"object"}"#),
];

/// What cannot stand as it is in the fragment of an address.
const FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'~').remove(b'-').remove(b'_').remove(b'.');

/// Keywords whose value is a schema.
const ONE: [&str; 4] = ["additionalItems", "additionalProperties", "items", "not"];

/// Keywords whose value is a list of schemas; `items` may be either.
const LIST: [&str; 4] = ["allOf", "anyOf", "items", "oneOf"];

/// Keywords whose value is a map of schemas; in `dependencies` some are lists of names.
const MAP: [&str; 5] = ["$defs", "definitions", "dependencies", "patternProperties", "properties"];

/// Keywords of draft 4 whose value holds no schema.
const PLAIN: [&str; 17] = [
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "type",
    "uniqueItems",
];

/// Formats of draft 4. Others say nothing of a value; that the provider checks these and no others is unconfirmed.
const FORMATS: [&str; 6] = ["date-time", "email", "hostname", "ipv4", "ipv6", "uri"];

/// Why a model cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// There is no such model.
    #[error("there is no model `{name}`; give it a schema, or name another")]
    Unknown {
        /// The name.
        name: String,
    },
    /// It is longer than the provider takes.
    #[error("the model `{model}` has {bytes} bytes, more than the provider's {MODEL_BYTES_MAX}; split it")]
    TooLong {
        /// Its name.
        model: String,
        /// Its length.
        bytes: usize,
    },
    /// It is not JSON, or nested too deep to be read.
    #[error("the model `{model}` is not JSON: {why}")]
    NotJson {
        /// Its name.
        model: String,
        /// Why.
        why: String,
    },
    /// A reference points at nothing.
    #[error(
        "the model `{model}` refers to `{reference}`, which points at nothing; name a model of this API or a place in this one"
    )]
    Dangling {
        /// The model that refers.
        model: String,
        /// The reference as it is written.
        reference: String,
    },
    /// A reference leaves the API.
    #[error("the model `{model}` refers to `{reference}`, which is not fetched; put that schema among the models")]
    Foreign {
        /// The model that refers.
        model: String,
        /// The reference as it is written.
        reference: String,
    },
    /// A schema leads back to itself without going into the value.
    #[error("the model `{model}` leads back to itself at `{at}` without going into the value; nothing could ever satisfy it")]
    Circular {
        /// The model.
        model: String,
        /// JSON pointer into it.
        at: String,
    },
    /// Applying it to a body could take too much stack or time.
    #[error("the model `{model}` is too intricate at `{at}`: {limit}; make it flatter")]
    TooIntricate {
        /// The model.
        model: String,
        /// JSON pointer into it.
        at: String,
        /// Which bound it breaks.
        limit: bounds::Limit,
    },
    /// It is no JSON schema of draft 4.
    #[error("the model `{model}` is no JSON schema (draft 4) at `{at}`: {why}")]
    Unsound {
        /// The model.
        model: String,
        /// JSON pointer into it.
        at: String,
        /// What is wrong there.
        why: String,
    },
}

/// A model, compiled with all that it refers to.
#[derive(Debug)]
pub(super) struct Model {
    schema: jsonschema::Validator,
    detail: detail::Told,
}

impl Model {
    /// Compiles the model of this name.
    pub(super) fn new(name: &str, schemas: &[Schema]) -> Result<Self, SchemaError> {
        let mut linker = Linker::new(schemas);
        let (document, branching) = linker.link(name)?;
        let schema = linker.compiled(&document)?;
        Ok(Self { schema, detail: detail::Told::of(branching) })
    }

    /// Whether a body satisfies it; else what is wrong with it, if that can be told.
    ///
    /// A body that is nested deeper than 127 levels is taken for one that is not JSON. An empty one counts as `{}`, which is
    /// also what `$input.body` says of it.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), Option<String>> {
        let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
        let Ok(value) = serde_json::from_slice::<Value>(body) else { return Err(None) };
        if self.schema.is_valid(&value) {
            return Ok(());
        }
        Err(self.detail.tell(&self.schema, &value, body.len()))
    }
}

/// A model's name and text.
pub(super) type Named<'s> = (&'s str, &'s str);

/// Models on their way into one document: those that one of them reaches, or all of them.
#[derive(Debug)]
pub(super) struct Linker<'s> {
    pub(super) schemas: Vec<Named<'s>>,
    /// Places in `schemas`.
    names: BTreeMap<&'s str, usize>,
    pub(super) scope: Scope,
    /// By their place in `schemas`.
    parsed: BTreeMap<usize, Value>,
    /// Models that something refers to and that are not in the document yet.
    wanted: Vec<usize>,
    definitions: Map<String, Value>,
    pub(super) links: Vec<Link>,
}

/// What a model has in its document where it refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The reference.
    Joined,
    /// A schema that takes everything.
    Alone,
}

/// A reference whose target is looked at when all models are there.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) model: usize,
    /// The model into which it points.
    pub(super) into: usize,
    reference: String,
    /// JSON pointer into the document.
    pub(super) target: String,
}

impl<'s> Linker<'s> {
    pub(super) fn new(schemas: &'s [Schema]) -> Self {
        let schemas: Vec<Named<'_>> =
            schemas.iter().map(|schema| (schema.name.as_str(), schema.text.as_str())).chain(BUILT_IN).collect();
        // The first of a name is meant: an API's own before those that each has.
        let names = schemas.iter().enumerate().rev().map(|(at, (name, _))| (*name, at)).collect();
        let (parsed, wanted, definitions, links) = (BTreeMap::new(), Vec::new(), Map::new(), Vec::new());
        Self { schemas, names, scope: Scope::Joined, parsed, wanted, definitions, links }
    }

    fn link(&mut self, name: &str) -> Result<(Value, Branching), SchemaError> {
        let root = self.named(name).ok_or_else(|| SchemaError::Unknown { name: name.to_owned() })?;
        self.wanted.push(root);
        while let Some(model) = self.wanted.pop() {
            self.place(model)?;
        }
        let definitions = std::mem::take(&mut self.definitions);
        let document = json!({ "$ref": format!("#{}", place_of(root)), "definitions": definitions });
        if let Some(link) = self.links.iter().find(|link| !link.leads_into(&document)) {
            return Err(self.dangling(link));
        }
        let branching = bounds::of(&document).map_err(|broken| self.broken_bound(&broken))?;
        Ok((document, branching))
    }

    /// Puts a model into the document, once.
    pub(super) fn place(&mut self, model: usize) -> Result<(), SchemaError> {
        if !self.definitions.contains_key(&key(model)) {
            let moved = self.whole(model)?;
            self.definitions.insert(key(model), moved);
        }
        Ok(())
    }

    /// A model as it stands in the document.
    pub(super) fn whole(&mut self, model: usize) -> Result<Value, SchemaError> {
        self.parse(model)?;
        let raw = self.parsed[&model].clone();
        self.moved(model, &raw)
    }

    /// All that was put into the document.
    pub(super) fn take_document(&mut self) -> Value {
        json!({ "definitions": std::mem::take(&mut self.definitions) })
    }

    pub(super) fn compiled(&self, document: &Value) -> Result<jsonschema::Validator, SchemaError> {
        jsonschema::options()
            .with_draft(Draft::Draft4)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS_MAX))
            .offline()
            .build(document)
            .map_err(|error| self.unsound(&error))
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    fn parse(&mut self, model: usize) -> Result<(), SchemaError> {
        if self.parsed.contains_key(&model) {
            return Ok(());
        }
        let (name, text) = self.schemas[model];
        if text.len() > MODEL_BYTES_MAX {
            return Err(SchemaError::TooLong { model: name.to_owned(), bytes: text.len() });
        }
        let value: Value = serde_json::from_str(text)
            .map_err(|error| SchemaError::NotJson { model: name.to_owned(), why: error.to_string() })?;
        if !value.is_object() {
            let why = "it is not an object".to_owned();
            return Err(SchemaError::Unsound { model: name.to_owned(), at: String::new(), why });
        }
        self.parsed.insert(model, value);
        Ok(())
    }

    /// A schema of a model with the keywords of draft 4 alone (`id` and `$schema` would change what references mean), its
    /// references pointing into the document.
    fn moved(&mut self, model: usize, schema: &Value) -> Result<Value, SchemaError> {
        let Value::Object(schema) = schema else { return Ok(schema.clone()) };
        if let Some(reference) = schema.get("$ref") {
            let reference = reference.as_str().map_or_else(|| reference.to_string(), str::to_owned);
            // Beside a reference nothing counts (draft 4), but a local one may point at what stands there.
            let mut moved = self.moved_keywords(model, schema, &MAP[..2])?;
            let (into, target) = self.target(model, &reference)?;
            if self.scope == Scope::Joined || into == model {
                moved.insert("$ref".to_owned(), Value::String(reference_to(&target)));
            }
            self.links.push(Link { model, into, reference, target });
            return Ok(Value::Object(moved));
        }
        let mut moved = self.moved_keywords(model, schema, &MAP)?;
        for (keyword, value) in schema {
            let other_format = keyword == "format" && value.as_str().is_some_and(|name| !FORMATS.contains(&name));
            if PLAIN.contains(&keyword.as_str()) && !other_format {
                moved.insert(keyword.clone(), value.clone());
            }
        }
        Ok(Value::Object(moved))
    }

    /// The keywords that hold schemas; of the maps those that are `mapped`.
    fn moved_keywords(
        &mut self,
        model: usize,
        schema: &Map<String, Value>,
        mapped: &[&str],
    ) -> Result<Map<String, Value>, SchemaError> {
        let mut moved = Map::new();
        for (keyword, value) in schema {
            let word = keyword.as_str();
            let value = match value {
                Value::Object(map) if mapped.contains(&word) => Value::Object(self.moved_map(model, map)?),
                Value::Array(list) if LIST.contains(&word) => Value::Array(self.moved_list(model, list)?),
                value if ONE.contains(&word) => self.moved(model, value)?,
                value if mapped.contains(&word) || LIST.contains(&word) => value.clone(),
                _ => continue,
            };
            moved.insert(keyword.clone(), value);
        }
        Ok(moved)
    }

    fn moved_map(&mut self, model: usize, map: &Map<String, Value>) -> Result<Map<String, Value>, SchemaError> {
        map.iter().map(|(name, schema)| Ok((name.clone(), self.moved(model, schema)?))).collect()
    }

    fn moved_list(&mut self, model: usize, list: &[Value]) -> Result<Vec<Value>, SchemaError> {
        list.iter().map(|schema| self.moved(model, schema)).collect()
    }

    /// What a reference means: a model, and a JSON pointer into the document.
    fn target(&mut self, model: usize, reference: &str) -> Result<(usize, String), SchemaError> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let name = || self.schemas[model].0.to_owned();
        let dangling = || SchemaError::Dangling { model: name(), reference: reference.to_owned() };
        let fragment = percent_decode_str(fragment).decode_utf8().map_err(|_| dangling())?;
        let (found, pointer) = if address.is_empty() {
            self.local(model, &fragment).ok_or_else(dangling)?
        } else if is_foreign(address) {
            return Err(SchemaError::Foreign { model: name(), reference: reference.to_owned() });
        } else {
            (self.named(model_name(address)).ok_or_else(dangling)?, fragment.into_owned())
        };
        self.wanted.push(found);
        Ok((found, format!("{}{pointer}", place_of(found))))
    }

    /// A reference without an address: a place in the model itself, else `/definitions/Name`, `/components/schemas/Name` or
    /// `Name` for another model, as a definition has it from which the models came.
    fn local(&self, model: usize, fragment: &str) -> Option<(usize, String)> {
        if fragment.is_empty() || self.parsed[&model].pointer(fragment).is_some() {
            return Some((model, fragment.to_owned()));
        }
        let named = fragment.strip_prefix("/definitions/").or_else(|| fragment.strip_prefix("/components/schemas/"));
        let named = named.unwrap_or(fragment);
        let end = named.find('/').unwrap_or(named.len());
        let name = named[..end].replace("~1", "/").replace("~0", "~");
        Some((self.named(&name)?, named[end..].to_owned()))
    }

    pub(super) fn dangling(&self, link: &Link) -> SchemaError {
        SchemaError::Dangling { model: self.schemas[link.model].0.to_owned(), reference: link.reference.clone() }
    }

    pub(super) fn broken_bound(&self, broken: &bounds::Broken) -> SchemaError {
        let (model, at) = self.origin(&broken.at);
        match broken.limit {
            None => SchemaError::Circular { model, at },
            Some(limit) => SchemaError::TooIntricate { model, at, limit },
        }
    }

    fn unsound(&self, error: &ValidationError<'_>) -> SchemaError {
        let (model, at) = self.origin(error.instance_path().as_str());
        SchemaError::Unsound { model, at, why: error.to_string() }
    }

    /// The model and the place in it that a place in the document is.
    fn origin(&self, pointer: &str) -> (String, String) {
        let inside = pointer.strip_prefix("/definitions/m").unwrap_or_default();
        let (model, at) = inside.split_at(inside.find('/').unwrap_or(inside.len()));
        let name = model.parse().ok().and_then(|model: usize| self.schemas.get(model)).map(|(name, _)| (*name).to_owned());
        (name.unwrap_or_default(), at.to_owned())
    }
}

impl Link {
    /// Whether it points at a schema of this document.
    pub(super) fn leads_into(&self, document: &Value) -> bool {
        document.pointer(&self.target).is_some_and(Value::is_object)
    }
}

/// Whether an address leaves this API.
fn is_foreign(address: &str) -> bool {
    address.contains("//") && provider_model(address).is_none()
}

/// The name that stands in the provider's address of a model, else the address itself.
fn model_name(address: &str) -> &str {
    provider_model(address).unwrap_or(address)
}

/// `https://apigateway.amazonaws.com/restapis/<api>/models/<Name>` (developer guide, "Models for REST APIs", 2023).
fn provider_model(address: &str) -> Option<&str> {
    let path = address.strip_prefix("https://apigateway.amazonaws.com/restapis/")?;
    let (api, name) = path.split_once("/models/")?;
    (!api.contains('/') && !name.contains('/')).then_some(name)
}

/// The name of a model's place in the document.
pub(super) fn key(model: usize) -> String {
    format!("m{model}")
}

/// How a place in the document is referred to.
pub(super) fn reference_to(place: &str) -> String {
    format!("#{}", utf8_percent_encode(place, FRAGMENT))
}

/// Its place.
pub(super) fn place_of(model: usize) -> String {
    format!("/definitions/{}", key(model))
}
