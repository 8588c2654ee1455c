//! API keys and usage plans: those of a template, and those that a definition needs and does not name.
//!
//! Owns their step into the profile's language. Refuses to invent secrets: a key without a value gets a placeholder, and a note
//! says so; and to write one down: a value that is known becomes a reference to a variable. Filled by `sam` and `cloudformation`,
//! written by `profile`.

use std::fmt;

use serde_json::{Map, Value, json};

use super::document::Node;
use super::extension::insert_full;
use super::imported::Secrets;
use super::notes::Notes;
use super::stage::throttle;

/// Shortest and longest value of a key (developer guide, "Usage plans and API keys", 2023).
const VALUE_CHARS: std::ops::RangeInclusive<usize> = 20..=128;

/// Keys and plans of one API.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans {
    /// Keys.
    pub(super) keys: Vec<Key>,
    /// Plans.
    pub(super) plans: Vec<Plan>,
}

/// An API key. `Debug` does not show its value.
#[derive(Clone)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: String,
    /// Its value, if it is known.
    pub(super) value: Option<String>,
    /// Whether it is switched on.
    pub(super) enabled: bool,
}

/// A usage plan.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Its name.
    pub(super) name: String,
    /// Names of its stages; empty for all.
    pub(super) stages: Vec<String>,
    /// Names of its keys.
    pub(super) keys: Vec<String>,
    /// What says its `Throttle` and `Quota`.
    pub(super) limits: Node,
    /// Stage, route key, and what says the throttle of each key on it.
    pub(super) methods: Vec<(String, String, Node)>,
}

impl Plans {
    /// Takes the values that the user gave; a name that no key has yet makes a new key of every plan.
    pub(super) fn give(&mut self, given: &[(String, String)]) {
        for (name, value) in given {
            if let Some(key) = self.keys.iter_mut().find(|key| key.name == *name) {
                key.value = Some(value.clone());
                continue;
            }
            self.keys.push(Key { name: name.clone(), value: Some(value.clone()), enabled: true });
            self.own_plan();
            self.plans.iter_mut().for_each(|plan| plan.keys.push(name.clone()));
        }
    }

    /// Makes a key and a plan if routes need one and nothing names any.
    pub(super) fn complete(&mut self, notes: &mut Notes) {
        let nowhere = Node::empty(0);
        if self.keys.is_empty() {
            self.keys.push(Key { name: "imported".to_owned(), value: None, enabled: true });
            notes.assumed(&nowhere, "", "an API key named imported: routes need one, and none is defined; see --api-key");
        }
        self.own_plan();
        if self.plans.iter().all(|plan| plan.keys.is_empty()) {
            let keys: Vec<String> = self.keys.iter().map(|key| key.name.clone()).collect();
            self.plans.iter_mut().for_each(|plan| plan.keys.clone_from(&keys));
        }
    }

    fn own_plan(&mut self) {
        if self.plans.is_empty() {
            let plan = Plan {
                name: "imported".to_owned(),
                stages: Vec::new(),
                keys: Vec::new(),
                limits: Node::empty(0),
                methods: Vec::new(),
            };
            self.plans.push(plan);
        }
    }

    /// Writes `api_keys` and `usage_plans`, and gives the values of keys to which it refers. `stages` and `routes` are those of
    /// the API.
    pub(super) fn profile(
        &self,
        into: &mut Map<String, Value>,
        stages: &[String],
        routes: &[String],
        notes: &mut Notes,
    ) -> Secrets {
        let mut secrets = Secrets::default();
        let keys = self.keys.iter().map(|key| (key.name.clone(), key.profile(&mut secrets, notes))).collect();
        insert_full(into, "api_keys", keys);
        let plans = self.plans.iter().map(|plan| (plan.name.clone(), plan.profile(self, stages, routes, notes))).collect();
        insert_full(into, "usage_plans", plans);
        secrets
    }
}

impl Key {
    fn profile(&self, secrets: &mut Secrets, notes: &mut Notes) -> Value {
        let mut key = Map::new();
        let value = match &self.value {
            Some(value) if is_reference(value) => value.clone(),
            Some(value) if VALUE_CHARS.contains(&value.chars().count()) && !value.contains("${") => {
                self.keep(value, secrets, notes)
            }
            None => {
                let what = format!(
                    "the value of API key {}: it is a placeholder; write in the real one, or a reference such as ${{env:API_KEY}}",
                    self.name
                );
                notes.assumed(&Node::empty(0), "", what);
                self.placeholder()
            }
            Some(_) => {
                let what =
                    format!("the value of API key {} is no text of 20 to 128 characters; a placeholder stands for it", self.name);
                notes.left_out(&Node::empty(0), "", what);
                self.placeholder()
            }
        };
        key.insert("value".to_owned(), value.into());
        if !self.enabled {
            key.insert("enabled".to_owned(), false.into());
        }
        Value::Object(key)
    }

    /// A reference to the variable that has to have the value, which is kept apart.
    fn keep(&self, value: &str, secrets: &mut Secrets, notes: &mut Notes) -> String {
        let variable = secrets.keep(&format!("API_KEY_{}", self.name), value);
        let what = format!("the environment variable {variable} is the value of API key {}, which no profile holds", self.name);
        notes.missing(&Node::empty(0), "", what);
        format!("${{env:{variable}}}")
    }

    fn placeholder(&self) -> String {
        let name: String = self.name.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        format!("placeholder-for-key-{name}")
    }
}

/// Whether a value is one reference, and nothing of it stands there itself.
fn is_reference(value: &str) -> bool {
    let name = value.strip_prefix("${env:").or_else(|| value.strip_prefix("${file:")).and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && !name.contains('}'))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

impl Plan {
    fn profile(&self, all: &Plans, stages: &[String], routes: &[String], notes: &mut Notes) -> Value {
        let mut plan = Map::new();
        let at = format!("usage plan {}", self.name);
        let own: Vec<Value> =
            self.stages.iter().filter(|stage| stages.contains(stage)).map(|stage| stage.as_str().into()).collect();
        if !own.is_empty() {
            plan.insert("stages".to_owned(), own.into());
        }
        let keys: Vec<Value> = self
            .keys
            .iter()
            .filter(|name| all.keys.iter().any(|key| key.name == **name))
            .map(|name| name.as_str().into())
            .collect();
        plan.insert("keys".to_owned(), keys.into());
        if let Some(throttle) = self.limits.get("Throttle").and_then(|node| throttle(node, &at, notes)) {
            plan.insert("throttle".to_owned(), throttle);
        }
        if let Some(quota) = self.limits.get("Quota").and_then(|node| quota(node, &at, notes)) {
            plan.insert("quota".to_owned(), quota);
        }
        let mut methods = Map::new();
        for (stage, route, node) in &self.methods {
            let stage_there = stages.contains(stage) && routes.contains(route);
            let Some(throttle) = throttle(node, &at, notes).filter(|_| stage_there) else {
                notes.left_out(node, &at, format!("a throttle on {stage} {route}, which is not there"));
                continue;
            };
            let of_stage = methods.entry(stage.clone()).or_insert_with(|| json!({}));
            of_stage[route.as_str()] = throttle;
        }
        insert_full(&mut plan, "route_throttles", methods);
        Value::Object(plan)
    }
}

fn quota(node: &Node, at: &str, notes: &mut Notes) -> Option<Value> {
    let number = |key| node.word(key).and_then(|text| text.parse::<f64>().ok()).map(|number| number.clamp(0.0, 1e15) as u64);
    let period = node.word("Period").map(|period| period.to_ascii_lowercase());
    let per = period.as_deref().and_then(|given| ["day", "week", "month"].into_iter().find(|known| *known == given));
    let (Some(limit), Some(per)) = (number("Limit").filter(|limit| *limit > 0), per) else {
        notes.left_out(node, at, "a quota without a limit above zero, or a period of a day, week or month");
        return None;
    };
    let mut quota = Map::new();
    quota.insert("limit".to_owned(), limit.into());
    quota.insert("per".to_owned(), per.into());
    if let Some(offset) = number("Offset").filter(|offset| *offset > 0) {
        quota.insert("offset".to_owned(), offset.into());
    }
    Some(Value::Object(quota))
}
