//! From a file to a plan: read, override, prove, drift, prove again, and ask the safety rules.
//!
//! Owns the order of these steps and the bounds of the file. Refuses to decide anything itself. Called by `command`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::claims::said;
use super::drift::Drift;
use super::overrides::Overrides;
use super::plan::{Plan, Refusal, Target};
use super::problem::{Place, Problem, Problems, Spot};
use super::prove;
use super::raw::{self, Profile};
use super::reader::{Read, Reader};
use super::tree::{BYTES_MAX, Kind, Node};
use super::value::Outside;
use crate::load::system::Case;
use crate::traffic::auth::{Auth, Client, Issuer};

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The profile, a flag or a drift is wrong (exit code 2).
    #[error(transparent)]
    Problems(#[from] Problems),
    /// The plan is fine, but its target is not allowed (exit code 5).
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Reads the profile at `path`. With drifts, the plan's model is the drifted one.
pub fn load(path: &Path, overrides: &Overrides, drifts: &[Drift]) -> Result<Plan, LoadError> {
    let name = path.to_string_lossy();
    let text = read(path).map_err(|what| whole_file(&name, what))?;
    let folder = overrides.folder.as_deref().or(path.parent()).unwrap_or_else(|| Path::new(""));
    let env = |name: &str| overrides.variable(name);
    Steps { name: &name, folder, env: &env, overrides, drifts }.plan(&text)
}

/// What a kept run puts in the place of a profile's own words, so that the profile's model meets the run's script.
#[derive(Clone, Copy, Debug)]
pub struct KeptRun<'a> {
    /// The run's resolved profile.
    pub resolved: &'a serde_json::Value,
    /// Claims in the place of the profile's, each in one sentence; none leaves it its own.
    pub said: &'a [String],
    /// The claims where neither has any: a list as a profile has it.
    pub otherwise: &'a serde_json::Value,
}

/// A profile with the load of a kept run.
#[derive(Debug)]
pub struct Loaded {
    /// The plan: its target is the mock, for nothing is sent.
    pub plan: Plan,
    /// Whether the claims are the profile's own.
    pub own_claims: bool,
    /// Whether it says itself how far away the gateway is.
    pub own_network: bool,
}

/// Reads the profile at `path` with the traffic, the client and the ceilings of a kept run: the model is the profile's, the load is the run's.
pub fn load_for_run(path: &Path, run: KeptRun<'_>) -> Result<Loaded, LoadError> {
    let name = path.to_string_lossy();
    let text = read(path).map_err(|what| whole_file(&name, what))?;
    load_text_for_run(&name, &text, path.parent().unwrap_or_else(|| Path::new("")), run)
}

/// The same from `text`; messages call it `name`, and its relative paths start from `folder`.
pub fn load_text_for_run(name: &str, text: &str, folder: &Path, run: KeptRun<'_>) -> Result<Loaded, LoadError> {
    let mut tree = parse(name, text)?;
    let own_claims =
        run.said.is_empty() && matches!(tree.get("expect").map(|it| &it.kind), Some(Kind::List(list)) if !list.is_empty());
    let own_network = tree.get("network").is_some_and(|it| !matches!(&it.kind, Kind::Scalar(_) | Kind::Null));
    let mut put = |key: &str, node: Node| {
        if let Some(slot) = tree.at_key(key, &Place::Nowhere) {
            *slot = node;
        }
    };
    let nothing = || Node { place: Place::Nowhere, kind: Kind::Null };
    for key in ["traffic", "run", "safety"] {
        put(key, run.resolved.get(key).map_or_else(nothing, |value| Node::from_json(value, &Place::Nowhere)));
    }
    put("target", nothing());
    put("abort", nothing());
    if !own_network {
        put("network", nothing());
    }
    match () {
        () if !run.said.is_empty() => put("expect", said(run.said)),
        () if !own_claims => put("expect", Node::from_json(run.otherwise, &Place::Nowhere)),
        () => {}
    }
    let overrides = Overrides::default();
    let env = |name: &str| overrides.variable(name);
    let steps = Steps { name, folder, env: &env, overrides: &overrides, drifts: &[] };
    Ok(Loaded { plan: steps.plan_of(&tree)?, own_claims, own_network })
}

/// The case at `path`, if that is one: a file whose key `system` says what requests pass, and not a profile.
pub fn case(path: &Path, changes: &[Drift]) -> Result<Option<Case>, Problems> {
    let name = path.to_string_lossy();
    let text = read(path).map_err(|what| whole_file(&name, what))?;
    case_text(&name, &text, changes)
}

/// The case in `text`, if that is one, with these changes; messages call it `name`.
pub fn case_text(name: &str, text: &str, changes: &[Drift]) -> Result<Option<Case>, Problems> {
    let mut tree = parse(name, text)?;
    if tree.get("system").is_none() {
        return Ok(None);
    }
    let mut reader = Reader::new(name);
    for change in changes {
        change.apply(&mut tree, &mut reader);
    }
    let read = raw::Case::read(&tree, &mut reader).filter(|_| !reader.has_problems());
    match read.and_then(|mut case| prove::case(&mut case, &mut reader)) {
        Some(case) if !reader.has_problems() => Ok(Some(case)),
        _ => Err(reader.into_problems()),
    }
}

pub(super) fn parse(name: &str, text: &str) -> Result<Node, Problems> {
    Node::parse(text).map_err(|error| {
        let spot = Spot { place: error.place, key: "".into() };
        Problems(vec![Problem { file: name.into(), spot, what: error.what }])
    })
}

/// Reads a profile from `text`; messages call it `name`, and its relative paths start from the current folder.
pub fn load_text(name: &str, text: &str, overrides: &Overrides, drifts: &[Drift]) -> Result<Plan, LoadError> {
    let folder = overrides.folder.as_deref().unwrap_or_else(|| Path::new(""));
    let env = |name: &str| overrides.variable(name);
    Steps { name, folder, env: &env, overrides, drifts }.plan(text)
}

fn whole_file(name: &str, what: String) -> Problems {
    Problems(vec![Problem { file: name.into(), spot: Spot::default(), what }])
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the profile cannot be read ({error}); check its path");
    let mut bytes = Vec::new();
    let bound = BYTES_MAX as u64 + 1;
    File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes)).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..sound].split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8 text; save the profile as UTF-8")
    })
}

/// All that a profile is proven with.
struct Steps<'a> {
    name: &'a str,
    folder: &'a Path,
    env: &'a dyn Fn(&str) -> Option<String>,
    overrides: &'a Overrides,
    drifts: &'a [Drift],
}

impl Steps<'_> {
    fn plan(&self, text: &str) -> Result<Plan, LoadError> {
        self.plan_of(&parse(self.name, text)?)
    }

    fn plan_of(&self, tree: &Node) -> Result<Plan, LoadError> {
        if tree.get("system").is_some() && tree.get("gateway").is_none() {
            let what = "this is a case, a system without a gateway: play it with `sluicegate simulate`; what is driven or served is a profile";
            Err(whole_file(self.name, what.to_owned()))?;
        }
        let none = Overrides { script: self.overrides.script, ..Overrides::default() };
        let (profile, plan) = self.proven(tree, self.overrides)?;
        let plan = if self.drifts.is_empty() { plan } else { self.proven(&self.drifted(&profile)?, &none)?.1 };
        if let Target::Live(live) = &plan.target {
            plan.safety.permit(&live.endpoint)?;
        }
        if let Auth::Bearer(bearer) = &plan.auth
            && let Issuer::Server(Client { token_url: Some(url), .. }) = &bearer.issuer
        {
            plan.safety.permit(url)?;
        }
        for health in &plan.abort.health {
            plan.safety.permit(&health.endpoint)?;
        }
        Ok(plan)
    }

    fn proven(&self, tree: &Node, overrides: &Overrides) -> Result<(Profile, Plan), Problems> {
        let mut reader = Reader::new(self.name);
        let outside = Outside { env: self.env, folder: self.folder };
        // Values are held against each other only when all of them are read: half a profile would raise false alarms.
        let read = Profile::read(tree, &mut reader).filter(|_| !reader.has_problems());
        let proven = read.and_then(|mut profile| {
            overrides.apply(&mut profile, &mut reader);
            let plan = prove::plan(&mut profile, overrides.script, outside, &mut reader);
            plan.map(|plan| (profile, plan))
        });
        match proven {
            Some(proven) if !reader.has_problems() => Ok(proven),
            _ => Err(reader.into_problems()),
        }
    }

    /// The resolved profile with all drifts, in their order.
    fn drifted(&self, profile: &Profile) -> Result<Node, Problems> {
        let mut tree = Node::from_json(&prove::tree(profile), &Place::Nowhere);
        let mut reader = Reader::new(self.name);
        for drift in self.drifts {
            drift.apply(&mut tree, &mut reader);
        }
        if reader.has_problems() { Err(reader.into_problems()) } else { Ok(tree) }
    }
}
