//! A profile of what was imported: its keys in their order, its defaults, its text with comments.
//!
//! Owns what no definition says: the name of a stage, the value of a key. Refuses to prove it (`config` does). Called by
//! [`read`](super::read).

use serde_json::{Map, Value, json};

use super::document::Node;
use super::error::{Fault, quoted};
use super::extension::insert_full;
use super::notes::Notes;
use super::openapi::Contents;
use super::service::BackEnds;
use super::stage::Stage;
use super::template::Source;
use super::{Api, Imported, Options, Secrets, yaml};

/// How deep a profile may be: `config` reads 32 levels.
const DEPTH_MAX: usize = 30;

/// Above each section of the written profile.
const COMMENTS: &[(&str, &str)] = &[
    ("api_keys", "Values of keys are references, for no profile holds a secret, or placeholders where the definition has none."),
    (
        "authorizers",
        "What an authorizer's function says and how long it takes, no definition tells: a model with a placeholder, no source.",
    ),
    ("models", "What the bodies of requests are checked against."),
    ("functions", "How long a function takes, no definition tells: placeholders, no source. Write in what you measured."),
    ("services", "How long a service takes, no definition tells: placeholders, no source. An `endpoint` has a real one asked."),
];

/// Stages with what the user said of them.
pub(super) fn stages(source: &mut Source, api: Api, options: &Options, notes: &mut Notes) {
    if source.stages.is_empty() {
        let name = match api {
            Api::Rest => "test",
            Api::Http => "$default",
            Api::WebSocket => "default",
        };
        source.stages.push(Stage::named(name));
        if options.stage.is_none() {
            notes.assumed(&Node::empty(0), "", format!("a stage named {name}: the definition names none; see --stage"));
        }
    }
    if let Some(name) = &options.stage {
        match source.stages.iter().position(|stage| stage.name == *name) {
            Some(at) => source.stages[..=at].rotate_right(1),
            None => rename(source, name),
        }
    }
    let mut seen = Vec::new();
    source.stages.retain(|stage| {
        !seen.contains(&stage.name) && {
            seen.push(stage.name.clone());
            true
        }
    });
    for (name, value) in &options.variables {
        source.stages.iter_mut().for_each(|stage| stage.set_variable(name, value));
    }
}

/// Gives the first stage another name, wherever it is named.
fn rename(source: &mut Source, name: &str) {
    let old = std::mem::replace(&mut source.stages[0].name, name.to_owned());
    let in_plans = source
        .plans
        .plans
        .iter_mut()
        .flat_map(|plan| plan.stages.iter_mut().chain(plan.methods.iter_mut().map(|(stage, ..)| stage)));
    let in_domains = source.domains.iter_mut().map(|(_, _, stage)| stage);
    in_plans.chain(in_domains).filter(|stage| **stage == old).for_each(|stage| name.clone_into(stage));
}

/// The profile's `gateway`, and the secrets to which it refers.
pub(super) fn gateway(
    source: &mut Source,
    api: Api,
    mut contents: Contents,
    back_ends: &BackEnds,
    notes: &mut Notes,
) -> Result<(Map<String, Value>, Secrets), Fault> {
    let routes: Vec<String> = contents.routes.keys().cloned().collect();
    let stages: Vec<String> = source.stages.iter().map(|stage| stage.name.clone()).collect();
    let needs_keys = contents.routes.values().any(|route| route.get("api_key").is_some());
    let mut gateway = Map::new();
    gateway.insert("api".to_owned(), api.as_str().into());
    for key in ["name", "route_selection", "endpoint", "api_key_source", "binary_media_types", "resource_policy", "authorizers"] {
        if let Some(value) = source.top.remove(key).or_else(|| contents.top.remove(key)) {
            gateway.insert(key.to_owned(), value);
        }
    }
    let mut secrets = Secrets::default();
    if api != Api::Http {
        if needs_keys {
            source.plans.complete(notes);
        }
        secrets = source.plans.profile(&mut gateway, &stages, &routes, notes);
    }
    insert_full(&mut gateway, "models", contents.models);
    for key in ["gateway_responses", "cors"] {
        if let Some(value) = contents.top.remove(key) {
            gateway.insert(key.to_owned(), value);
        }
    }
    let described = source.stages.iter().map(|stage| (stage.name.clone(), stage.profile(&routes, notes))).collect();
    gateway.insert("stages".to_owned(), Value::Object(described));
    insert_full(&mut gateway, "domains", domains(source, &stages, notes));
    insert_full(&mut gateway, "functions", back_ends.functions.profile());
    insert_full(&mut gateway, "services", back_ends.services.profile());
    gateway.insert("routes".to_owned(), Value::Object(contents.routes));
    for (key, value) in &gateway {
        if depth(value) > DEPTH_MAX - 2 {
            let what = format!("{key} lie more than {DEPTH_MAX} levels deep, and a profile has no more; write flatter schemas");
            return Err(Fault::new(&Node::empty(0), key, what));
        }
    }
    Ok((gateway, secrets))
}

/// Domains with their base paths; those that cannot be known before a template is deployed are told.
fn domains(source: &Source, stages: &[String], notes: &mut Notes) -> Map<String, Value> {
    let mut domains = Map::new();
    for (name, path, stage) in &source.domains {
        let path = path.trim_matches('/');
        let is_name = name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        let is_path = path.chars().all(|c| c.is_ascii_alphanumeric() || "-_./$".contains(c)) && !path.contains("${");
        if !is_name || !is_path || !stages.contains(stage) {
            let what = format!("domain {} with base path {}: not all of it is known here", quoted(name), quoted(path));
            notes.left_out(&source.document, &source.id, what);
            continue;
        }
        let domain = domains.entry(name.to_ascii_lowercase()).or_insert_with(|| json!({ "base_paths": {} }));
        domain["base_paths"][path] = stage.as_str().into();
    }
    domains
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// The profile as commented YAML.
pub(super) fn text(imported: &Imported) -> String {
    let mut out = String::new();
    let mut comment = |line: &str| {
        let line: String = line.chars().map(|c| if c.is_control() || c == '\u{feff}' { '\u{fffd}' } else { c }).collect();
        out.push_str(if line.is_empty() { "#" } else { "# " });
        out.push_str(&line);
        out.push('\n');
    };
    comment(&format!("{}: the gateway that {} describes.", imported.title, imported.file));
    comment("");
    comment(&format!("Imported as {} ({}).", imported.api.named(), imported.because));
    comment(
        "It has no traffic: write `traffic:` to drive it (see profiles/quickstart.yaml), or serve it with `sluicegate mock`.",
    );
    let notes = imported.notes.lines(&imported.file);
    if !notes.is_empty() {
        comment("");
        comment("Not as in the definition:");
        for note in notes {
            comment(&format!("- {note}"));
        }
    }
    out.push_str("\ngateway:\n");
    yaml::sections(&mut out, &imported.gateway, 2, COMMENTS);
    out
}
