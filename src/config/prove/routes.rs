//! The routes of the gateway: patterns, conflicts, integrations, time-outs and their throttles.
//!
//! Owns the references between routes, functions and stages. Refuses to match a path (the policy's `routing` does). Called
//! by `gateway`.

use sluicegate_policy::model::{ApiKind, DeploymentId, FunctionId, Integration, Route, RouteId, Throttle};
use sluicegate_policy::routing::{check_pattern, conflicts};
use sluicegate_policy::time::Span;

use super::gateway::{at_most, filled_answer};
use super::{filled, throttle};
use crate::config::problem::{Spot, listed, quoted, suggestion};
use crate::config::raw::gateway as raw;
use crate::config::raw::gateway::integration::{Integration as Raw, Mock};
use crate::config::reader::{At, Reader};
use crate::config::value::{Duration, Named, RouteKey, Text};

type RawRoutes = At<Named<RouteKey, At<raw::route::Route>>>;
type RawFunctions = At<Named<Text, At<raw::Function>>>;

/// The routes, in the order of the profile.
pub(super) fn routes(
    raw: &mut RawRoutes,
    api: ApiKind,
    functions: Option<&RawFunctions>,
    reader: &mut Reader,
) -> Option<Vec<Route>> {
    if raw.value.0.is_empty() {
        reader.report_at(
            &raw.spot,
            "there is no route; write at least one, e.g. GET /health: { integration: { mock: { status: 200 } } }",
        );
        return None;
    }
    if !at_most(raw.value.0.len(), "routes", &raw.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Route>> = raw
        .value
        .0
        .iter_mut()
        .map(|member| {
            let path = path(&member.name, api, &member.spot, reader);
            let integration = integration(&mut member.value, api, functions, reader);
            Some(Route::new(DeploymentId(0), member.name.method.as_deref(), path?, integration?))
        })
        .collect();
    let proven: Vec<Route> = proven.into_iter().collect::<Option<_>>()?;
    without_conflicts(&proven, raw, reader).then_some(proven)
}

fn path(key: &RouteKey, api: ApiKind, spot: &Spot, reader: &mut Reader) -> Option<String> {
    if key.path == "$default" && api == ApiKind::Rest {
        reader.report_at(spot, "a REST API has no route \"$default\"; write e.g. \"ANY /{proxy+}\"");
        return None;
    }
    reader.accept(spot, check_pattern(&key.path)).map(|()| key.path.clone())
}

fn without_conflicts(routes: &[Route], raw: &RawRoutes, reader: &mut Reader) -> bool {
    let mut fine = true;
    for (at, route) in routes.iter().enumerate() {
        if let Some(first) = routes[..at].iter().find(|first| conflicts(first, route)) {
            let what = format!("this route catches the same requests as {}; keep one of them", quoted(&first.key()));
            reader.report_at(&raw.value.0[at].spot, what);
            fine = false;
        }
    }
    fine
}

fn integration(
    route: &mut At<raw::route::Route>,
    api: ApiKind,
    functions: Option<&RawFunctions>,
    reader: &mut Reader,
) -> Option<Integration> {
    let spot = route.spot.clone();
    let route = &mut route.value;
    match &mut route.integration.value {
        Raw::Mock(Mock::Fixed(answer)) => {
            if let Some(timeout) = &route.timeout {
                reader.report_at(&timeout.spot, "a mock integration is never waited for; remove the timeout");
                return None;
            }
            let (status, body) = filled_answer(answer, &spot, "");
            Some(Integration::fixed(status, body))
        }
        Raw::Lambda(name) => {
            let function = function(name, functions, reader);
            let timeout = filled(&mut route.timeout, &spot, "timeout", || Duration(api.integration_timeout()));
            let timeout = timeout_in_bounds(timeout, api, reader);
            Some(Integration::Lambda { function: function?, timeout: timeout? })
        }
        Raw::Mock(Mock::Mapped(_)) | Raw::Http(_) | Raw::Service(_) => {
            reader.report_at(&route.integration.spot, "this kind of integration is read, but not proven yet");
            None
        }
    }
}

fn function(name: &At<Text>, functions: Option<&RawFunctions>, reader: &mut Reader) -> Option<FunctionId> {
    let names = || functions.iter().flat_map(|functions| functions.value.0.iter().map(|member| member.name.0.as_str()));
    if let Some(at) = names().position(|known| known == name.value.0) {
        return Some(FunctionId(at as u16));
    }
    let near = suggestion(&name.value.0, names());
    let what = format!("there is no function {}{near} gateway.functions has: {}", quoted(&name.value.0), listed(names()));
    reader.report_at(&name.spot, what);
    None
}

/// 50 ms to 30 s for HTTP APIs; to 29 s for REST APIs, more on request, for which a quarter of an hour is the end
/// (API Gateway developer guide, "Quotas", 2026; the streaming limit of 15 minutes is the highest that it names).
fn timeout_in_bounds(timeout: &At<Duration>, api: ApiKind, reader: &mut Reader) -> Option<Span> {
    let longest = match api {
        ApiKind::Http => Span::from_secs(30),
        ApiKind::Rest => Span::from_secs(900),
    };
    let span = timeout.value.0;
    if (Span::from_ms(50)..=longest).contains(&span) {
        return Some(span);
    }
    let what = format!("{span} is not a time that a gateway of this kind waits; write 50ms to {longest}");
    reader.report_at(&timeout.spot, what);
    None
}

/// The throttles of single routes in a stage: those of the stage, and else those of the routes themselves.
pub(super) fn throttles(
    stage: &raw::stage::Stage,
    own: &[(usize, Throttle)],
    routes: &[Route],
    reader: &mut Reader,
) -> Option<Vec<(RouteId, Throttle)>> {
    let mut found: Vec<(RouteId, Throttle)> = Vec::new();
    let mut fine = true;
    let empty = Named::default();
    for member in &stage.route_throttles.as_ref().unwrap_or(&empty).0 {
        let key = member.name.to_string();
        if let Some(at) = routes.iter().position(|route| route.key() == key) {
            found.push((RouteId(at as u16), throttle(&member.value)));
        } else {
            reader.report_at(&member.spot, no_such_route(&key, routes));
            fine = false;
        }
    }
    let of_stage = found.len();
    let others = own.iter().map(|(at, throttle)| (RouteId(*at as u16), *throttle));
    let others: Vec<_> = others.filter(|(id, _)| !found[..of_stage].iter().any(|(taken, _)| taken == id)).collect();
    found.extend(others);
    fine.then_some(found)
}

fn no_such_route(key: &str, routes: &[Route]) -> String {
    let keys: Vec<String> = routes.iter().map(Route::key).collect();
    let names = || keys.iter().map(String::as_str);
    let near = suggestion(key, names());
    format!("there is no such route{near} gateway.routes has: {}", listed(names()))
}
