//! API keys and usage plans.
//!
//! Owns that no two keys are the same, that a key is in one plan of a stage, and that no message shows a key's value. Refuses to
//! count (the policy does). Called by `gateway`.

use std::collections::BTreeMap;

use sluicegate_policy::model::{ApiKey, ApiKind, KeyId, Quota, RouteId, StageId, Throttle, UsagePlan};
use sluicegate_policy::seed::Seed;

use super::names::Names;
use super::part::Part;
use super::{at_most, name, not_of_http, only_rest, referred};
use crate::config::problem::{Spot, quoted};
use crate::config::prove::{filled, throttle};
use crate::config::raw::gateway::plan as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Count, Flag, Member, Named, Outside, RouteKey, Text};

/// Length of a key's value (developer guide, "Set up API keys using the console", 2023).
const VALUE_CHARS: std::ops::RangeInclusive<usize> = 20..=128;
/// Keys of an account (developer guide, "Quotas", 2026).
const KEYS_MAX: usize = 10_000;

type RawKeys = At<Named<Text, At<raw::ApiKey>>>;
type RawPlans = At<Named<Text, At<raw::UsagePlan>>>;

/// The API keys, in the order of the profile.
pub(super) fn keys(slot: &mut Option<RawKeys>, kind: ApiKind, outside: Outside<'_>, reader: &mut Reader) -> Option<Vec<ApiKey>> {
    let Some(given) = slot else { return Some(Vec::new()) };
    not_of_http(kind, &given.spot, "API keys", reader);
    if given.value.0.len() > KEYS_MAX {
        let what = format!("these are {} keys; an account has at most {KEYS_MAX}", given.value.0.len());
        reader.report_at(&given.spot, what);
        return None;
    }
    let keys: Vec<Option<ApiKey>> = given.value.0.iter_mut().map(|member| key(member, outside, reader)).collect();
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, key) in keys.iter().enumerate().filter_map(|(at, key)| Some((at, key.as_ref()?))) {
        let before = *first.entry(&key.value).or_insert(at);
        if before != at {
            let members = &given.value.0;
            let what = format!("this key has the value of {}; each key has its own", quoted(&members[before].name.0));
            reader.report_at(&members[at].spot, what);
        }
    }
    keys.into_iter().collect()
}

fn key(member: &mut Member<Text, At<raw::ApiKey>>, outside: Outside<'_>, reader: &mut Reader) -> Option<ApiKey> {
    let called = name(&At { value: member.name.clone(), spot: member.spot.clone() }, "the name of an API key", reader);
    let spot = member.value.spot.clone();
    let key = &mut member.value.value;
    let enabled = filled(&mut key.enabled, &spot, "enabled", || Flag(true)).value.0;
    let value = match &key.value {
        None => Some(made_up(&member.name.0)),
        Some(given) => {
            reader.accept(&given.spot, given.value.reveal(outside)).filter(|value| has_length(value, &given.spot, reader))
        }
    };
    Some(ApiKey { name: called?, value: value?, enabled })
}

/// The value itself is not repeated.
fn has_length(value: &str, spot: &Spot, reader: &mut Reader) -> bool {
    let length = value.chars().count();
    let fits = VALUE_CHARS.contains(&length);
    if !fits {
        let (least, most) = (VALUE_CHARS.start(), VALUE_CHARS.end());
        reader.report_at(spot, format!("this value has {length} characters; an API key has {least} to {most}"));
    }
    // A client sends it as a header.
    let is_header = http::HeaderValue::from_str(value).is_ok();
    if !is_header {
        reader.report_at(spot, "this value holds a character that no header may hold; write letters and digits");
    }
    fits && is_header
}

/// A value that follows from the key's name: the same for the model, the mock and the traffic. It guards nothing.
fn made_up(name: &str) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut stream = Seed::new(0).child("api key").child(name).stream();
    (0..40).map(|_| char::from(LETTERS[stream.below(36) as usize])).collect()
}

/// What plans refer to.
pub(super) struct Known<'a> {
    pub(super) names: &'a Names,
    /// The APIs, in the order of the model.
    pub(super) parts: &'a [Part],
}

impl Known<'_> {
    /// The API of a stage.
    fn api(&self, stage: usize) -> usize {
        self.names.stages[stage].api
    }

    /// Whether a plan may open a stage. Without any API that has plans, the plans were reported as a whole.
    fn may_open(&self, stage: usize) -> bool {
        let has_plans = |part: &Part| part.kind != ApiKind::Http;
        has_plans(&self.parts[self.api(stage)]) || !self.parts.iter().any(has_plans)
    }

    /// The route of that key in the API of a stage, as an id over all APIs.
    fn route(&self, stage: StageId, key: &RouteKey, spot: &Spot, reader: &mut Reader) -> Option<RouteId> {
        let api = self.api(usize::from(stage.0));
        let RouteId(within) = self.parts[api].routes.as_ref()?.find(key, spot, reader)?;
        let before: usize = self.parts[..api].iter().map(Part::routes).sum();
        Some(RouteId((before + usize::from(within)) as u16))
    }
}

/// The usage plans, in the order of the profile.
pub(super) fn plans(
    slot: &mut Option<RawPlans>,
    kind: ApiKind,
    known: &Known<'_>,
    reader: &mut Reader,
) -> Option<Vec<UsagePlan>> {
    let Some(given) = slot else { return Some(Vec::new()) };
    not_of_http(kind, &given.spot, "usage plans", reader);
    if !at_most(given.value.0.len(), "usage plans", &given.spot, reader) {
        return None;
    }
    let plans: Vec<Option<UsagePlan>> = given.value.0.iter_mut().map(|member| plan(member, known, reader)).collect();
    let plans: Vec<UsagePlan> = plans.into_iter().collect::<Option<_>>()?;
    one_plan_a_stage(&plans, &given.value.0, known, reader);
    Some(plans)
}

fn plan(member: &mut Member<Text, At<raw::UsagePlan>>, known: &Known<'_>, reader: &mut Reader) -> Option<UsagePlan> {
    let called = name(&At { value: member.name.clone(), spot: member.spot.clone() }, "the name of a usage plan", reader);
    let plan = &mut member.value.value;
    let stages = match &plan.stages {
        Some(named) => all_named(named, ("stage", known.names.table()), &known.names.stages(), reader),
        None => Some((0..known.names.stages.len()).filter(|stage| known.may_open(*stage)).collect()),
    };
    for (named, at) in plan.stages.iter().flatten().zip(stages.iter().flatten()) {
        if !known.may_open(*at) {
            only_rest(ApiKind::Http, &named.spot, "usage plans", reader);
        }
    }
    let keys = plan.keys.as_deref().unwrap_or_default();
    let keys = all_named(keys, ("API key", "gateway.api_keys"), &known.names.keys, reader);
    let quota = plan.quota.as_mut().map(|given| quota(given, reader));
    let stages: Option<Vec<StageId>> = stages.map(|ids| ids.into_iter().map(|at| StageId(at as u16)).collect());
    let route_throttles = route_throttles(plan, stages.as_deref(), known, reader);
    Some(UsagePlan {
        name: called?,
        stages: stages?,
        keys: keys?.into_iter().map(|at| KeyId(at as u16)).collect(),
        throttle: plan.throttle.as_ref().map(throttle),
        route_throttles: route_throttles?,
        quota,
    })
}

/// Places of names in their table; each once.
fn all_named(given: &[At<Text>], what: (&str, &str), names: &[String], reader: &mut Reader) -> Option<Vec<usize>> {
    let mut found: Vec<Option<usize>> = Vec::new();
    for named in given {
        let at = referred(&named.value.0, &named.spot, what, names, reader);
        if at.is_some() && found.contains(&at) {
            reader.report_at(&named.spot, format!("the {} {} is named twice; keep one of them", what.0, quoted(&named.value.0)));
        }
        found.push(at);
    }
    found.into_iter().collect()
}

fn quota(given: &mut At<raw::Quota>, reader: &mut Reader) -> Quota {
    let spot = given.spot.clone();
    let quota = &mut given.value;
    let limit = quota.limit.value.0;
    if limit == 0 {
        reader.report_at(&quota.limit.spot, "a quota of 0 admits nothing; write a number above zero, or disable the key");
    }
    let offset = filled(&mut quota.offset, &spot, "offset", || Count(0));
    if limit > 0 && offset.value.0 > limit {
        let what = format!("{} is more than the quota of {limit}; write at most that", offset.value.0);
        reader.report_at(&offset.spot, what);
    }
    Quota { limit: u64::from(limit), period: quota.per.value.into(), offset: u64::from(offset.value.0) }
}

/// Throttles of each key on single routes of the plan's stages.
fn route_throttles(
    plan: &raw::UsagePlan,
    stages: Option<&[StageId]>,
    known: &Known<'_>,
    reader: &mut Reader,
) -> Option<Vec<(StageId, RouteId, Throttle)>> {
    let mut throttles = Vec::new();
    let mut fine = true;
    for of_stage in plan.route_throttles.iter().flat_map(|given| &given.value.0) {
        let table = ("stage", known.names.table());
        let stage = referred(&of_stage.name.0, &of_stage.spot, table, &known.names.stages(), reader);
        let stage = stage.map(|at| StageId(at as u16));
        if let (Some(stage), Some(stages)) = (stage, stages)
            && !stages.contains(&stage)
        {
            let what = format!("the plan does not open the stage {}; add it to its stages", quoted(&of_stage.name.0));
            reader.report_at(&of_stage.spot, what);
        }
        for member in &of_stage.value.value.0 {
            let route = stage.and_then(|stage| known.route(stage, &member.name, &member.spot, reader));
            let found = stage.zip(route).map(|(stage, route)| (stage, route, throttle(&member.value)));
            fine &= found.is_some();
            throttles.extend(found);
        }
    }
    fine.then_some(throttles)
}

/// A key is in one plan of a stage at most (developer guide, "Creating and using usage plans", 2023).
fn one_plan_a_stage(plans: &[UsagePlan], raw: &[Member<Text, At<raw::UsagePlan>>], known: &Known<'_>, reader: &mut Reader) {
    let mut plans_of: BTreeMap<KeyId, Vec<usize>> = BTreeMap::new();
    for (at, plan) in plans.iter().enumerate() {
        for (number, key) in plan.keys.iter().enumerate() {
            let before = plans_of.entry(*key).or_default();
            // A key that is named twice in one plan was reported before.
            let mut others = before.iter().filter(|other| **other != at);
            let clash = others.find_map(|other| {
                let shared = plan.stages.iter().find(|stage| plans[*other].stages.contains(stage));
                shared.map(|stage| (*other, *stage))
            });
            if let Some((other, stage)) = clash {
                let spot = raw[at].value.value.keys.as_ref().and_then(|keys| keys.get(number)).map(|key| key.spot.clone());
                let [key, other, stage] = [
                    &known.names.keys[usize::from(key.0)],
                    &plans[other].name,
                    &known.names.stages[usize::from(stage.0)].written,
                ]
                .map(|text| quoted(text));
                let what = format!(
                    "the key {key} is in the plan {other} already, which opens the stage {stage} too; a key has one plan in a stage"
                );
                reader.report_at(&spot.unwrap_or_default(), what);
            } else {
                before.push(at);
            }
        }
    }
}
