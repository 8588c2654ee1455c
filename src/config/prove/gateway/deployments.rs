//! Deployments: `current`, which the profile's own routes make, and the others, each `current` with its changes.
//!
//! Owns how a snapshot comes about, and the ids of routes over all of them. Refuses what makes a route right (`routes`) and to
//! move stages (`ways`). Called by `gateway`.

use std::collections::BTreeMap;

use sluicegate_policy::model::{ApiId, Deployment, DeploymentId, Route, RouteId, Throttle};

use super::integration::Behind;
use super::{at_most, name, routes, snapshot, websocket};
use crate::config::plan::is_callback;
use crate::config::problem::{Spot, listed, suggestion};
use crate::config::prove::throttle;
use crate::config::raw::gateway as raw;
use crate::config::raw::gateway::route::Route as RawRoute;
use crate::config::reader::{At, Reader};
use crate::config::value::{Member, Named, RouteKey, Text};

/// What the profile's own routes are called as a deployment.
pub(super) const CURRENT: &str = "current";
/// Route ids are 16 bits, and each deployment has routes of its own.
pub(super) const ROUTES_MAX: usize = 20_000;

/// The deployments, and the routes of all of them.
pub(super) struct Frozen {
    pub(super) deployments: Vec<Deployment>,
    pub(super) routes: Vec<Route>,
    /// Throttles that routes have by themselves, in every stage.
    pub(super) throttles: Vec<(RouteId, Throttle)>,
}

/// Routes of an API by their keys: the first deployment's that has the key.
pub(super) struct RouteKeys {
    keys: BTreeMap<String, RouteId>,
    /// Where they are written.
    table: String,
}

impl RouteKeys {
    /// The routes of the API that stands in `section`.
    pub(super) fn of(routes: &[Route], section: &str) -> Self {
        let mut keys = BTreeMap::new();
        for (at, route) in routes.iter().enumerate().filter(|(_, route)| !is_callback(route)) {
            keys.entry(route.key()).or_insert(RouteId(at as u16));
        }
        Self { keys, table: format!("{section}.routes") }
    }

    /// The route of that key, or a problem that lists what there is.
    pub(super) fn find(&self, key: &RouteKey, spot: &Spot, reader: &mut Reader) -> Option<RouteId> {
        let key = key.to_string();
        let found = self.keys.get(&key).copied();
        if found.is_none() {
            let names = || self.keys.keys().map(String::as_str);
            let near = suggestion(&key, names());
            reader.report_at(spot, format!("there is no such route{near} {} has: {}", self.table, listed(names())));
        }
        found
    }
}

/// All deployments of the API, with ids as if it were the only one.
pub(super) fn deployments(gateway: &mut raw::Gateway, behind: Behind<'_>, reader: &mut Reader) -> Option<Frozen> {
    let kind = behind.kind;
    let mut frozen = Frozen { deployments: Vec::new(), routes: Vec::new(), throttles: Vec::new() };
    let mut base = Deployment::new(ApiId(0), CURRENT);
    base.cors = gateway.cors.as_ref().map(|given| snapshot::cors(given, kind, reader));
    base.responses = gateway.gateway_responses.as_ref().map(|given| snapshot::responses(given, kind, reader)).unwrap_or_default();
    base.schemas = gateway.models.as_ref().map(|given| snapshot::schemas(given, kind, reader)).unwrap_or_default();
    let current = current(&mut gateway.routes, &base, behind, reader);
    let callbacks = websocket::callbacks(gateway, behind, reader);
    let others = gateway.deployments.iter_mut().flat_map(|named| &mut named.value.0);
    let (current, callbacks) = (current?, callbacks?);
    frozen.throttles.extend(own_throttles(&gateway.routes.value.0));
    frozen.routes.extend(current.iter().chain(&callbacks).cloned());
    frozen.deployments.push(base);
    let mut fine = true;
    for member in others {
        let deployment = DeploymentId(frozen.deployments.len() as u16);
        fine &= add(member, &current, (&mut frozen, &gateway.routes), behind, reader).is_some();
        frozen.routes.extend(callbacks.iter().map(|route| Route { deployment, ..route.clone() }));
    }
    let spot = &gateway.routes.spot;
    if frozen.routes.len() > ROUTES_MAX {
        reader
            .report_at(spot, format!("all deployments together have {} routes; write at most {ROUTES_MAX}", frozen.routes.len()));
    }
    fine.then_some(frozen)
}

type RawRoutes = At<Named<RouteKey, At<RawRoute>>>;

/// The profile's own routes, in their order.
fn current(raw: &mut RawRoutes, base: &Deployment, behind: Behind<'_>, reader: &mut Reader) -> Option<Vec<Route>> {
    if raw.value.0.is_empty() {
        let what = "there is no route; write at least one, e.g. GET /health: { integration: { mock: { status: 200 } } }";
        reader.report_at(&raw.spot, what);
        return None;
    }
    if !at_most(raw.value.0.len(), "routes", &raw.spot, reader) {
        return None;
    }
    let mut models = snapshot::Models::of(&base.schemas);
    let proven: Vec<Option<Route>> = raw
        .value
        .0
        .iter_mut()
        .map(|member| {
            let route = routes::route(&member.name, &member.spot, &mut member.value, behind, reader)?;
            models.prove(&route, models_spot(&member.value), reader);
            Some(route)
        })
        .collect();
    let proven: Vec<Route> = proven.into_iter().collect::<Option<_>>()?;
    routes::without_conflicts(&proven, |at| &raw.value.0[at].spot, reader);
    Some(proven)
}

/// Where a route names its models.
fn models_spot(route: &At<RawRoute>) -> &Spot {
    route.value.body.as_ref().map_or(&route.spot, |body| &body.spot)
}

fn own_throttles(routes: &[Member<RouteKey, At<RawRoute>>]) -> impl Iterator<Item = (RouteId, Throttle)> {
    let own = routes.iter().map(|member| member.value.value.throttle.as_ref());
    own.enumerate().filter_map(|(at, given)| Some((RouteId(at as u16), throttle(&given?.value))))
}

/// A deployment beside `current`.
fn add(
    member: &mut Member<Text, Option<At<raw::deployment::Deployment>>>,
    current: &[Route],
    (frozen, base_routes): (&mut Frozen, &RawRoutes),
    behind: Behind<'_>,
    reader: &mut Reader,
) -> Option<()> {
    let called = name(&At { value: member.name.clone(), spot: member.spot.clone() }, "the name of a deployment", reader);
    if member.name.0 == CURRENT {
        reader.report_at(&member.spot, "what routes says is called current already; name this deployment otherwise");
    }
    let id = DeploymentId(frozen.deployments.len() as u16);
    let mut deployment = Deployment { name: called.unwrap_or_default(), ..frozen.deployments[0].clone() };
    let mut routes: Vec<Placed> = current.iter().map(|route| Placed::taken_over(route, &member.spot)).collect();
    if let Some(given) = &mut member.value {
        let changes = &mut given.value;
        if let Some(cors) = &changes.cors {
            deployment.cors = Some(snapshot::cors(cors, behind.kind, reader));
        }
        if let Some(responses) = &changes.gateway_responses {
            deployment.responses = snapshot::responses(responses, behind.kind, reader);
        }
        if let Some(models) = &changes.models {
            deployment.schemas = snapshot::schemas(models, behind.kind, reader);
            for route in &mut routes {
                (route.spot, route.models) = (models.spot.clone(), Asked::Anew);
            }
        }
        for change in changes.routes.iter_mut().flat_map(|changes| &mut changes.value.0) {
            apply(change, &mut routes, base_routes, behind, reader)?;
        }
    }
    let mut models = snapshot::Models::of(&deployment.schemas);
    for placed in routes.iter().filter(|placed| placed.models == Asked::Anew) {
        models.prove(&placed.route, &placed.spot, reader);
    }
    let (routes, spots): (Vec<Route>, Vec<(Spot, Option<Throttle>)>) =
        routes.into_iter().map(|placed| (Route { deployment: id, ..placed.route }, (placed.spot, placed.throttle))).unzip();
    routes::without_conflicts(&routes, |at| &spots[at].0, reader);
    let first = frozen.routes.len();
    let own = spots.iter().enumerate().filter_map(|(at, (_, own))| Some((RouteId((first + at) as u16), (*own)?)));
    frozen.throttles.extend(own);
    frozen.routes.extend(routes);
    frozen.deployments.push(deployment);
    Some(())
}

/// Whether it is known already that a route's models exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// `current` has the route and the models, and was asked.
    Before,
    /// One of them is different here.
    Anew,
}

/// A route of a deployment, and what is to be blamed for it.
struct Placed {
    route: Route,
    spot: Spot,
    models: Asked,
    /// Of a route that `current` does not have.
    throttle: Option<Throttle>,
}

impl Placed {
    fn taken_over(route: &Route, spot: &Spot) -> Self {
        Self { route: route.clone(), spot: spot.clone(), models: Asked::Before, throttle: None }
    }
}

/// A route is added, different, or removed.
fn apply(
    change: &mut Member<RouteKey, Option<At<RawRoute>>>,
    routes: &mut Vec<Placed>,
    base: &RawRoutes,
    behind: Behind<'_>,
    reader: &mut Reader,
) -> Option<()> {
    let key = change.name.to_string();
    let at = routes.iter().position(|placed| placed.route.key() == key);
    let Some(raw) = &mut change.value else {
        if let Some(at) = at {
            routes.remove(at);
        } else {
            let names: Vec<String> = routes.iter().map(|placed| placed.route.key()).collect();
            let names = || names.iter().map(String::as_str);
            let near = suggestion(&key, names());
            let (table, has) = (behind.section, listed(names()));
            let what = format!("there is no such route that could be removed{near} {table}.routes has: {has}");
            reader.report_at(&change.spot, what);
        }
        return Some(());
    };
    let route = routes::route(&change.name, &change.spot, raw, behind, reader)?;
    let own = raw.value.throttle.as_ref();
    let spot = models_spot(raw).clone();
    if at.is_none() {
        routes.push(Placed { route, spot, models: Asked::Anew, throttle: own.map(|own| throttle(&own.value)) });
        return Some(());
    }
    let of_base = base.value.0.iter().find(|member| member.name == change.name);
    let of_base = of_base.and_then(|member| member.value.value.throttle.as_ref()).map(|given| throttle(&given.value));
    if let Some(own) = own.filter(|own| Some(throttle(&own.value)) != of_base) {
        let table = behind.section;
        let what = format!(
            "a throttle belongs to stages, not to a deployment; write it in {table}.routes, or in a stage's route_throttles"
        );
        reader.report_at(&own.spot, what);
    }
    if let Some(at) = at {
        routes[at] = Placed { route, spot, models: Asked::Anew, throttle: None };
    }
    Some(())
}
