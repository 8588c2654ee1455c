//! One API of the account, and how several of them become one model.
//!
//! Owns what each API may not say for itself, that no two have one id, and the ids over all of them. Refuses what the account
//! shares (`gateway`). Called by `gateway`.

use std::collections::BTreeMap;

use sluicegate_policy::model::{
    Api, ApiId, ApiKind, Authorization, Authorizer, AuthorizerId, Deployment, DeploymentId, Drop, Route, RouteId, Stage, StageId,
};

use super::deployments::{self, Frozen, ROUTES_MAX, RouteKeys};
use super::integration::{Behind, SharedNames};
use super::{access, api, at_most, authorizers, name, stages, websocket};
use crate::config::problem::{Spot, quoted};
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{self, Member, Outside, Text};

/// What the account has for all APIs.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    /// The names of what all APIs share.
    pub(super) names: SharedNames<'a>,
    /// The names of its API keys.
    pub(super) keys: &'a [String],
    /// Where references lead, and where the profile is.
    pub(super) outside: Outside<'a>,
}

/// One API, with ids as if it were the only one. What has problems of its own is not there.
pub(super) struct Part {
    pub(super) kind: ApiKind,
    api: Option<Api>,
    authorizers: Option<Vec<Authorizer>>,
    frozen: Option<Frozen>,
    /// Its routes by their keys.
    pub(super) routes: Option<RouteKeys>,
    stages: Option<Vec<Stage>>,
    drops: Option<Vec<Drop>>,
}

/// The parts of a model that belong to single APIs.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) apis: Vec<Api>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) authorizers: Vec<Authorizer>,
    pub(super) stages: Vec<Stage>,
    pub(super) routes: Vec<Route>,
    /// In the order of their instants.
    pub(super) drops: Vec<Drop>,
}

impl Part {
    /// How many routes its deployments have together.
    pub(super) fn routes(&self) -> usize {
        self.frozen.as_ref().map_or(0, |frozen| frozen.routes.len())
    }
}

/// The kind of an API, as the model has it.
fn kind(gateway: &raw::Gateway) -> ApiKind {
    match gateway.api.value {
        value::ApiKind::Http => ApiKind::Http,
        value::ApiKind::Rest => ApiKind::Rest,
        value::ApiKind::WebSocket => ApiKind::WebSocket,
    }
}

/// The API of one section, whose id is `id` unless it says otherwise.
pub(super) fn part(section: &mut At<raw::Gateway>, id: &str, shared: Shared<'_>, reader: &mut Reader) -> Part {
    let spot = section.spot.clone();
    let gateway = &mut section.value;
    let kind = kind(gateway);
    let api = api(gateway, (&spot, id), kind, reader);
    let Shared { names: shared_names, keys, outside } = shared;
    let resource_policy = access::resource_policy(gateway.resource_policy.as_ref(), kind, outside.folder, reader);
    let api = api.map(|api| Api { resource_policy, ..api });
    let referable = authorizers::Referable::of(gateway);
    let known = authorizers::Known { kind, functions: shared_names.functions, keys, outside };
    let authorizers = authorizers::authorizers(gateway, known, reader);
    let behind = Behind { kind, names: shared_names, authorizers: &referable, section: &spot.key };
    let frozen = deployments::deployments(gateway, behind, reader);
    let routes = frozen.as_ref().map(|frozen| RouteKeys::of(&frozen.routes, &spot.key));
    let stages = stages::stages(gateway, (kind, &spot.key), frozen.as_ref().zip(routes.as_ref()), reader);
    let drops = websocket::drops(gateway, &spot.key, reader);
    Part { kind, api, authorizers, frozen, routes, stages, drops }
}

/// A further API.
pub(super) fn further(member: &mut Member<Text, At<raw::Gateway>>, shared: Shared<'_>, reader: &mut Reader) -> Part {
    name(&At { value: member.name.clone(), spot: member.spot.clone() }, "the name of an API", reader);
    shares(&member.value, reader);
    part(&mut member.value, &member.name.0, shared, reader)
}

/// Reports what all APIs of the account share.
fn shares(section: &At<raw::Gateway>, reader: &mut Reader) {
    let gateway = &section.value;
    let moves = gateway.moves.as_ref().map(|moves| moves.first().map_or(&section.spot, |first| &first.spot));
    let shared: [(&str, Option<&Spot>); 10] = [
        ("region", gateway.region.as_ref().map(|given| &given.spot)),
        ("account", gateway.account.as_ref().map(|given| &given.spot)),
        ("functions", gateway.functions.as_ref().map(|given| &given.spot)),
        ("capacities", gateway.capacities.as_ref().map(|given| &given.spot)),
        ("services", gateway.services.as_ref().map(|given| &given.spot)),
        ("vpc_links", gateway.vpc_links.as_ref().map(|given| &given.spot)),
        ("api_keys", gateway.api_keys.as_ref().map(|given| &given.spot)),
        ("usage_plans", gateway.usage_plans.as_ref().map(|given| &given.spot)),
        ("domains", gateway.domains.as_ref().map(|given| &given.spot)),
        ("moves", moves),
    ];
    for (key, spot) in shared {
        if let Some(spot) = spot {
            reader.report_at(spot, format!("all APIs of the account share this; write {key} in gateway, and remove it here"));
        }
    }
}

/// All APIs as one model has them; `spots` are where each is written.
pub(super) fn join(parts: Vec<Part>, spots: &[Spot], reader: &mut Reader) -> Option<Joined> {
    one_id_each(&parts, spots, reader);
    let mut joined = Joined::default();
    for (at, part) in parts.into_iter().enumerate() {
        let first_stage = joined.stages.len();
        let stage = |StageId(within): StageId| StageId((first_stage + usize::from(within)) as u16);
        joined.drops.extend(part.drops?.into_iter().map(|it| Drop { stage: stage(it.stage), ..it }));
        let (api, authorizers, frozen, stages) = (part.api?, part.authorizers?, part.frozen?, part.stages?);
        joined.add(ApiId(at as u16), (api, authorizers), frozen, stages);
        joined.fits(&spots[at], reader)?;
    }
    joined.drops.sort_by_key(|one| one.at);
    Some(joined)
}

/// An API is told from the others by its id.
fn one_id_each(parts: &[Part], spots: &[Spot], reader: &mut Reader) {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, api) in parts.iter().enumerate().filter_map(|(at, part)| Some((at, part.api.as_ref()?))) {
        let before = *first.entry(&api.id).or_insert(at);
        if before != at {
            let what = format!("{} has the id {} too; each API has its own", spots[before].key, quoted(&api.id));
            reader.report_at(&spots[at], what);
        }
    }
}

impl Joined {
    /// Ids are 16 bits. One API alone is within these bounds, so that no sum exceeds them by more than that.
    fn fits(&self, spot: &Spot, reader: &mut Reader) -> Option<()> {
        let mut fits = at_most(self.stages.len(), "stages of all APIs together", spot, reader);
        fits &= at_most(self.deployments.len(), "deployments of all APIs together", spot, reader);
        let routes = self.routes.len();
        if routes > ROUTES_MAX {
            reader.report_at(spot, format!("these are {routes} routes of all APIs together; write at most {ROUTES_MAX}"));
        }
        (fits && routes <= ROUTES_MAX).then_some(())
    }

    fn add(&mut self, id: ApiId, (api, authorizers): (Api, Vec<Authorizer>), frozen: Frozen, stages: Vec<Stage>) {
        let first_authorizer = self.authorizers.len() as u16;
        let authorization =
            |it: Authorization| Authorization { authorizer: AuthorizerId(it.authorizer.0 + first_authorizer), ..it };
        self.authorizers.extend(authorizers.into_iter().map(|it| Authorizer { api: id, ..it }));
        let (first_deployment, first_route) = (self.deployments.len(), self.routes.len());
        let deployment = |DeploymentId(within): DeploymentId| DeploymentId((first_deployment + usize::from(within)) as u16);
        let route = |RouteId(within): &mut RouteId| *within = (first_route + usize::from(*within)) as u16;
        self.apis.push(api);
        self.deployments.extend(frozen.deployments.into_iter().map(|it| Deployment { api: id, ..it }));
        self.routes.extend(frozen.routes.into_iter().map(|it| Route {
            deployment: deployment(it.deployment),
            authorization: it.authorization.map(authorization),
            ..it
        }));
        for mut stage in stages {
            stage.api = id;
            stage.deployment = deployment(stage.deployment);
            stage.route_throttles.iter_mut().for_each(|(within, _)| route(within));
            stage.cache.iter_mut().flat_map(|cache| &mut cache.routes).for_each(|(within, _)| route(within));
            if let Some(canary) = &mut stage.canary {
                canary.deployment = deployment(canary.deployment);
            }
            self.stages.push(stage);
        }
    }
}
