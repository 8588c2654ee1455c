//! From a raw profile to a plan: sections held against each other, defaults written in, every problem reported.
//!
//! Owns all rules that look at more than one value, and every default. Refuses text (`value`) and shape (`reader`). A default is
//! written into the raw profile where it is chosen, so that what is shown as resolved is what was used.

mod abort;
mod access_keys;
mod arrivals;
mod auth;
mod aws;
mod case;
pub(super) mod expect;
mod fitted;
mod gateway;
mod mix;
mod resolved;
mod retries;
mod run;
mod safety;
mod sessions;
mod target;
mod traffic;

use std::sync::Arc;

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{ApiKind, Model, StageId, Throttle};
use sluicegate_policy::seed::Seed;
use sluicegate_render::front::Front;

use self::traffic::Planned;
use super::plan::Plan;
use super::problem::Spot;
use super::raw;
use super::raw::Profile;
use super::reader::{At, Reader};
use super::value::{Outside, Shape};
use crate::traffic::auth::Auth;
use crate::traffic::catalog::ApiKeys;

pub(super) use arrivals::rescale;
pub(super) use case::case;
pub(super) use gateway::CONNECT;
pub(super) use resolved::tree;
pub(super) use run::empty as empty_run;
pub(super) use sessions::NO_ROUTE;
pub(super) use target::{MOCK, detailed as detailed_target};

/// Where the script comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Script {
    /// From the profile's `traffic`, if it has one.
    #[default]
    Described,
    /// From a log: the profile's `traffic` is left aside, and the series are the gateway's routes.
    Recorded,
    /// From nowhere: the gateway is served, and whatever the profile says about driving it is left aside, credentials included.
    Served,
}

/// Proves a profile; `None` means that problems were reported.
pub(super) fn plan(profile: &mut Profile, script: Script, outside: Outside<'_>, reader: &mut Reader) -> Option<Plan> {
    match script {
        Script::Described => {}
        Script::Recorded => profile.traffic = None,
        Script::Served => keep_gateway(profile),
    }
    // Every part is proven even if another failed, so that all problems are shown at once.
    let model = gateway::model(&mut profile.gateway, &mut profile.apis, outside, reader);
    let run = run::run(&mut profile.run, model.as_ref(), outside, reader);
    if let Some(run) = run.as_ref().filter(|_| script == Script::Described) {
        gateway::ends_before(run.run.duration, &profile.gateway.value, profile.apis.as_ref(), reader);
    }
    let model = Arc::new(model?);
    if !reader.has_problems()
        && let Err(error) = Front::new(Arc::clone(&model), Seed::new(0))
    {
        // Each text was proven where it stands; what remains is how they fit together.
        reader.report_at(&profile.gateway.spot, error.to_string());
    }
    let stage = run.as_ref().map_or(StageId(0), |run| run.stage);
    fits_kind(profile.traffic.as_ref(), model.api_of(stage).kind, reader);
    let known = Known { model: &model, stage, outside };
    let described = profile.traffic.as_mut().map(|traffic| traffic::traffic(traffic, run.as_ref(), known, reader));
    let routes = || traffic::Proven { planned: Planned::Nothing, catalog: mix::catalog_of_routes(&model, stage) };
    let proven = described.unwrap_or_else(|| Some(routes()));
    sessions::refuse_of_requests(profile, reader);
    let target = target::target(&mut profile.target, outside.folder, reader);
    let identity = target::identity(&mut profile.target, outside.folder, reader);
    let network = target.as_ref().and_then(|target| target::network(&mut profile.network, target, reader));
    let auth = credentials(profile, &model, proven.as_ref(), outside, reader);
    let series = proven.as_ref().map(|proven| proven.catalog.series.clone());
    let safety = safety::safety(profile, proven.as_ref().map(|proven| &proven.planned), series.as_deref(), reader);
    let abort = abort::abort(&mut profile.abort, reader);
    let known = expect::Known { parts: &|told| expect::parts(&model, told), series: series.as_deref() };
    let expectations = expect::expectations(&mut profile.expect, known, reader);
    let fitted_on = fitted::runs(profile.fitted.as_ref(), reader);
    let (run, proven) = (run?, proven?);
    let mut catalog = proven.catalog;
    let (traffic, sessions) = proven.planned.into_parts();
    catalog.headers = run.headers;
    catalog.api_keys = ApiKeys::new(run.api_keys);
    let auth = auth?;
    catalog.credentials = auth.presence();
    let mut plan = Plan {
        folder: outside.folder.to_owned(),
        stage: run.stage,
        traffic,
        sessions,
        catalog: Arc::new(catalog),
        run: run.run,
        auth,
        target: target?,
        identity,
        network: network?,
        safety: safety?,
        abort: abort?,
        expectations: expectations?,
        fitted_on: fitted_on?,
        resolved: serde_json::Value::Null,
        model,
    };
    plan.resolved = resolved::resolved(profile, &plan);
    Some(plan)
}

/// That what is driven is what its kind of API takes.
fn fits_kind(traffic: Option<&At<raw::traffic::Traffic>>, kind: ApiKind, reader: &mut Reader) {
    let Some(traffic) = traffic else { return };
    match (kind, &traffic.value.mix, &traffic.value.sessions) {
        (ApiKind::WebSocket, Some(mix), _) => {
            let what = "the traffic of a WebSocket API are connections and their messages; write sessions in place of mix";
            reader.report_at(&mix.spot, what);
        }
        (ApiKind::Http | ApiKind::Rest, _, Some(sessions)) => {
            let what =
                "sessions are of clients of a WebSocket API; write \"api: websocket\" in gateway, or mix in place of sessions";
            reader.report_at(&sessions.spot, what);
        }
        (ApiKind::WebSocket, None, _) | (ApiKind::Http | ApiKind::Rest, _, None) => {}
    }
}

/// Credentials of requests, which may depend on how many identities there are.
fn credentials(
    profile: &mut Profile,
    model: &Model,
    proven: Option<&traffic::Proven>,
    outside: Outside<'_>,
    reader: &mut Reader,
) -> Option<Auth> {
    let identities = proven.map_or(1, |proven| proven.planned.identities());
    let owners = access_keys::Owners::of(&profile.gateway.value, profile.apis.as_ref());
    let around = auth::Around { outside, region: &model.region, identities, owners: &owners };
    auth::auth(&mut profile.run.get_or_insert_with(run::empty).value.auth, around, reader)
}

/// What traffic is proven with.
#[derive(Clone, Copy)]
struct Known<'a> {
    model: &'a Model,
    /// The stage that is driven.
    stage: StageId,
    outside: Outside<'a>,
}

/// Leaves of a profile what a mock needs: the gateway, and the seed of its randomness. The rest may hang on flags of the run that
/// started it, and on files beside the profile of which the mock has a copy.
fn keep_gateway(profile: &mut Profile) {
    profile.traffic = None;
    profile.target = None;
    profile.network = None;
    profile.safety = None;
    profile.abort = None;
    profile.expect = None;
    profile.fitted = None;
    if let Some(run) = &mut profile.run {
        run.value = raw::run::Run { seed: run.value.seed.take(), ..run::empty().value };
    }
}

/// The value of a key, with its default written in if it is missing.
fn filled<'a, T>(slot: &'a mut Option<At<T>>, section: &Spot, key: &str, default: impl FnOnce() -> T) -> &'a At<T> {
    slot.get_or_insert_with(|| At::default_for(section, key, default()))
}

fn latency(shape: &At<Shape>, reader: &mut Reader) -> Option<Latency> {
    reader.accept(&shape.spot, shape.value.latency())
}

fn throttle(raw: &raw::gateway::Throttle) -> Throttle {
    use sluicegate_policy::model::Burst;
    Throttle { rate: raw.rate.value.0, burst: Burst(u64::from(raw.burst.value.0)) }
}
