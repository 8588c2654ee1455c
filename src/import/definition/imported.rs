//! What came of an import: the profile's gateway, and what is to be told.
//!
//! Owns [`Imported`], taking things out of it, and the secrets that its profile only refers to. Refuses to prove it (`config` does). Made by [`read`](super::read), used by
//! `command`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::document::Node;
use super::notes::Notes;
use super::{Api, profile};

/// What was imported.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The file, as it was named.
    pub file: String,
    /// The API's name.
    pub title: String,
    /// The kind of API.
    pub api: Api,
    /// Why it was taken for that.
    pub because: String,
    /// Route keys that were found, those that were left out too.
    pub found: Vec<String>,
    /// What was left out, and what was assumed.
    pub notes: Notes,
    /// What the profile refers to and does not hold.
    pub secrets: Secrets,
    pub(super) gateway: Map<String, Value>,
}

/// A template that fails wherever it runs.
const FAILING: &str = "$util.parseJson('{')";

/// Secrets of a definition, by the environment variables that its profile refers to. `Debug` shows the variables only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, String>);

/// A step from a value of a profile to one in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a list.
    Index(usize),
}

impl Imported {
    /// The profile as commented YAML.
    pub fn profile(&self) -> String {
        profile::text(self)
    }

    /// The profile's `gateway`.
    pub fn gateway(&self) -> &Map<String, Value> {
        &self.gateway
    }

    /// Takes out what lies at the end of a path below `gateway`, because of what a profile may hold; `what` says why. Nothing is
    /// taken, and the answer is no, if there is nothing, or if the definition does not say it. A mapping template has another put in
    /// its place that fails: the service takes any text for a template and answers 500 once it runs (developer guide, "Gateway
    /// response types": `API_CONFIGURATION_ERROR`), while without one the body would pass.
    pub fn leave_out(&mut self, path: &[Step], what: &str) -> bool {
        let path = whole(path);
        let Some((Step::Key(section), below)) = path.split_first() else { return false };
        let is_defined = ["routes", "stages", "models", "gateway_responses", "cors", "domains"].contains(&section.as_str());
        let Some((last, way)) = below.split_last().filter(|_| is_defined) else { return false };
        let Some(start) = self.gateway.get_mut(section) else { return false };
        let found = way.iter().try_fold(start, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(at) => value.get_mut(at),
        });
        let taken = match (found, last) {
            (Some(Value::Object(map)), Step::Key(key)) if is_template(path) => {
                map.insert(key.clone(), FAILING.into()).is_some_and(|template| template != FAILING)
            }
            // Others refer to a model: one that takes everything stands for it.
            (Some(Value::Object(map)), Step::Key(key)) if path.len() == 2 && section == "models" && has_words(map.get(key)) => {
                map.insert(key.clone(), Value::Object(Map::new()));
                true
            }
            (Some(Value::Object(map)), Step::Key(key)) => map.shift_remove(key).is_some(),
            (Some(Value::Array(items)), Step::Index(at)) if *at < items.len() => {
                items.remove(*at);
                true
            }
            _ => false,
        };
        if taken {
            let at: Vec<String> = path.iter().map(ToString::to_string).collect();
            let fails = if is_template(path) { "; where it would run, the answer is a 500" } else { "" };
            self.notes.left_out(&Node::empty(0), &at.join(" > "), format!("{what}{fails}"));
        }
        taken
    }

    /// Keys of its routes.
    pub fn routes(&self) -> Vec<&str> {
        self.gateway["routes"].as_object().map(|routes| routes.keys().map(String::as_str).collect()).unwrap_or_default()
    }
}

impl Secrets {
    /// Keeps a value; the variable it got, which is called like `wanted` as far as variables may be.
    pub(super) fn keep(&mut self, wanted: &str, value: &str) -> String {
        let name: String = wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        let numbered = (2_u64..).map(|n| format!("{name}_{n}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.0.contains_key(name));
        let free = free.expect("there are more numbers than keys");
        self.0.insert(free.clone(), value.to_owned());
        free
    }

    /// Values by their variables.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn has_words(schema: Option<&Value>) -> bool {
    schema.and_then(Value::as_object).is_some_and(|words| !words.is_empty())
}

/// The path of what means nothing, or something else, without what lies at the end: a response without its pattern would be the
/// default one, an integration without its address is none.
fn whole(path: &[Step]) -> &[Step] {
    let is = |at: usize, words: &[&str]| matches!(path.get(at), Some(Step::Key(key)) if words.contains(&key.as_str()));
    match path {
        [rule @ .., Step::Key(last)]
            if matches!(rule.last(), Some(Step::Index(_))) && matches!(last.as_str(), "pattern" | "status") =>
        {
            rule
        }
        _ if is(0, &["routes"]) && is(2, &["integration"]) && (path.len() < 5 || is(4, &["url", "uri"])) => &path[..2],
        _ => path,
    }
}

/// Whether this is the path of a mapping template.
fn is_template(path: &[Step]) -> bool {
    let holder = path.len().checked_sub(2).and_then(|at| path.get(at));
    let is = |key: &Step, words: &[&str]| matches!(key, Step::Key(key) if words.contains(&key.as_str()));
    path.first().is_some_and(|first| is(first, &["routes"])) && holder.is_some_and(|key| is(key, &["requests", "templates"]))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(at) => write!(f, "{}", at + 1),
        }
    }
}
