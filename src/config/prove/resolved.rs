//! The effective profile as JSON, in the order of the sections, and what follows from it; for `run.json` and `--print-plan`.
//!
//! Owns what is shown of a plan, and hiding credentials. Refuses to format text (`report`). Called by `prove::plan` and,
//! for drifts, by `load`.

use serde_json::{Map, Value, json};
use sluicegate_policy::model::ApiKey;
use sluicegate_policy::time::Span;

use super::arrivals::requests;
use super::mix::is_credential;
use crate::config::plan::{Plan, Target, is_callback};
use crate::config::raw::Profile;
use crate::config::value::{Phrase, Rate};
use crate::load::dialogue::Dialogue;
use crate::load::traffic::{Arrivals, Pace, Traffic};
use crate::traffic::auth::Auth;

/// `profile`, which is itself a profile, and `derived`.
pub(super) fn resolved(profile: &Profile, plan: &Plan) -> Value {
    let mut profile = tree(profile);
    hide_credentials(&mut profile);
    hide_keys(&mut profile, &plan.model.keys);
    json!({ "profile": profile, "derived": derived(plan) })
}

/// The profile as JSON, credentials of the command line included.
pub(in crate::config) fn tree(profile: &Profile) -> Value {
    // Serializing raw types to a `Value` fails only for maps with keys that are no text; ours are.
    serde_json::to_value(profile).unwrap_or_default()
}

/// A credential that was typed on the command line is no reference; it is not shown.
fn hide_credentials(profile: &mut Value) {
    let of_run = profile.pointer_mut("/run/headers");
    if let Some(Value::Object(headers)) = of_run {
        hide(headers);
    }
    hide_access_keys(profile.pointer_mut("/gateway"));
    for api in profile.pointer_mut("/apis").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        hide_access_keys(Some(api));
    }
    for described in ["/traffic/mix", "/traffic/sessions"] {
        let described = profile.pointer_mut(described).and_then(Value::as_array_mut);
        for request in described.into_iter().flatten() {
            if let Some(Value::Object(headers)) = request.get_mut("headers") {
                hide(headers);
            }
        }
    }
}

/// The secrets of the access keys of an API's authorizers.
fn hide_access_keys(api: Option<&mut Value>) {
    let authorizers = api.and_then(|api| api.get_mut("authorizers")).and_then(Value::as_object_mut);
    for authorizer in authorizers.into_iter().flat_map(Map::values_mut) {
        let keys = authorizer.pointer_mut("/iam/access_keys").and_then(Value::as_object_mut);
        for key in keys.into_iter().flat_map(Map::values_mut) {
            for name in ["secret_access_key", "session_token"] {
                let shown = key.get_mut(name).filter(|value| value.as_str().is_some_and(|text| !is_reference(text)));
                if let Some(value) = shown {
                    *value = Value::from("(not shown)");
                }
            }
        }
    }
}

fn hide(headers: &mut Map<String, Value>) {
    for (name, value) in headers.iter_mut() {
        let shows_something = value.as_str().is_some_and(|text| !text.contains("${"));
        if is_credential(name) && shows_something {
            *value = Value::from("(not shown)");
        }
    }
}

/// The value of an API key is shown nowhere, unless it is a reference; what stands in its place is a value that a profile may
/// have, and another for each key.
fn hide_keys(profile: &mut Value, keys: &[ApiKey]) {
    scrub(profile, keys);
    if let Some(Value::Object(given)) = profile.pointer_mut("/gateway/api_keys") {
        for (at, key) in given.values_mut().enumerate() {
            if let Some(value) = key.get_mut("value").filter(|value| value.as_str().is_some_and(|text| !is_reference(text))) {
                *value = Value::from(format!("(not shown: API key {})", at + 1));
            }
        }
    }
}

fn is_reference(text: &str) -> bool {
    text.parse::<Phrase>().is_ok_and(|phrase| phrase.is_only_references())
}

/// Keys that stand elsewhere in the profile, in a list of values or as one that has a weight.
fn scrub(value: &mut Value, keys: &[ApiKey]) {
    match value {
        Value::String(text) => *text = scrubbed(text, keys),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, keys)),
        Value::Object(members) => {
            let scrub_member = |(name, mut member): (String, Value)| {
                scrub(&mut member, keys);
                (scrubbed(&name, keys), member)
            };
            *members = std::mem::take(members).into_iter().map(scrub_member).collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn scrubbed(text: &str, keys: &[ApiKey]) -> String {
    let found = keys.iter().filter(|key| text.contains(&key.value));
    found.fold(text.to_owned(), |text, key| text.replace(&key.value, "(not shown)"))
}

fn derived(plan: &Plan) -> Value {
    let mut facts = Map::new();
    let stage = &plan.model.stages[usize::from(plan.stage.0)];
    facts.insert("stage".into(), json!(stage.name));
    let target = match &plan.target {
        Target::Mock(_) => "mock".to_owned(),
        Target::Live(live) => live.endpoint.to_string(),
    };
    facts.insert("target".into(), json!(target));
    facts.insert("routes".into(), json!(plan.model.routes_of(stage.deployment).filter(|(_, route)| !is_callback(route)).count()));
    facts.insert("functions".into(), json!(plan.model.functions.len()));
    if plan.auth != Auth::None {
        facts.insert("credentials".into(), json!(plan.auth.to_string()));
    }
    if let Some(traffic) = &plan.traffic {
        traffic_facts(&mut facts, traffic, &plan.catalog.series);
    }
    if let Some(sessions) = &plan.sessions {
        session_facts(&mut facts, sessions, &plan.catalog.series);
    }
    if plan.abort.names().next().is_some() {
        facts.insert("abort".into(), json!(plan.abort.names().collect::<Vec<_>>()));
    }
    facts.insert("expectations".into(), json!(plan.expectations.iter().map(|claim| &claim.name).collect::<Vec<_>>()));
    Value::Object(facts)
}

fn traffic_facts(facts: &mut Map<String, Value>, traffic: &Traffic, names: &[String]) {
    let total = match &traffic.pace {
        Pace::Open(arrivals) => {
            let total = requests(&arrivals.pieces, traffic.duration);
            facts.insert("model".into(), json!("open"));
            facts.insert("requests".into(), json!(total.round() as u64));
            rate_facts(facts, arrivals, traffic.duration);
            Some(total)
        }
        Pace::Closed { users, .. } => {
            facts.insert("model".into(), json!("closed"));
            facts.insert("users".into(), json!(users));
            None
        }
    };
    facts.insert("series".into(), Value::Array(series_facts(traffic, names, total)));
}

fn rate_facts(facts: &mut Map<String, Value>, arrivals: &Arrivals, duration: Span) {
    let mean = requests(&arrivals.pieces, duration) / duration.as_secs_f64();
    facts.insert("mean_rate".into(), json!(Rate(Rate::nearest(mean)).to_string()));
    facts.insert("peak_rate".into(), json!(Rate(arrivals.peak(duration)).to_string()));
}

/// Each kind of session with its share; how much is sent follows from the answers.
fn session_facts(facts: &mut Map<String, Value>, sessions: &Dialogue, names: &[String]) {
    let total = requests(&sessions.arrivals.pieces, sessions.duration).min(f64::from(sessions.connections));
    facts.insert("model".into(), json!("sessions"));
    facts.insert("sessions".into(), json!(total.round() as u64));
    rate_facts(facts, &sessions.arrivals, sessions.duration);
    let all: u64 = sessions.roles.iter().map(|role| u64::from(role.weight)).sum();
    let kinds = sessions.roles.iter().map(|role| json!({ "name": role.name, "share": f64::from(role.weight) / all as f64 }));
    facts.insert("kinds".into(), kinds.collect());
    facts.insert("series".into(), json!(names));
}

/// Each series with its share of the requests; how many these are, only where arrivals are planned.
fn series_facts(traffic: &Traffic, names: &[String], total: Option<f64>) -> Vec<Value> {
    let weight_of = |at: usize| -> u64 {
        traffic.mix.iter().filter(|share| usize::from(share.series.0) == at).map(|share| u64::from(share.weight)).sum()
    };
    let all: u64 = traffic.mix.iter().map(|share| u64::from(share.weight)).sum();
    let fact = |(at, name): (usize, &String)| {
        let share = weight_of(at) as f64 / all as f64;
        let mut fact = Map::from_iter([("name".to_owned(), json!(name)), ("share".to_owned(), json!(share))]);
        if let Some(total) = total {
            fact.insert("requests".to_owned(), json!((total * share).round() as u64));
        }
        Value::Object(fact)
    };
    names.iter().enumerate().map(fact).collect()
}
