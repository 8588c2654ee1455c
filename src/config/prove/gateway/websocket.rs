//! What a WebSocket API has that the others have not: settings, what its routes answer and post, callbacks, and drops.
//!
//! Owns their defaults, and that no other API has them. Refuses to hold connections (the policy does). Called by `gateway`, `part`,
//! `deployments` and `routes`.

use sluicegate_policy::model::{
    ApiKind, Authorization, AuthorizerId, DeploymentId, Drop, FanOut, Integration, LambdaIntegration, MockIntegration, Route,
    RouteResponse, StageId, WebSocket,
};
use sluicegate_policy::time::Span;

use super::authorizers::Referable;
use super::integration::Behind;
use super::names::names_of;
use super::{of, referred};
use crate::config::problem::{Place, Spot, quoted};
use crate::config::prove::{filled, latency};
use crate::config::raw::gateway as raw;
use crate::config::raw::gateway::route::Route as RawRoute;
use crate::config::reader::{At, Reader};
use crate::config::value::{Bytes, Count, Duration, Pings, Receivers, RouteKey, RouteSelection, SlowReader};

/// The routes that every deployment of a WebSocket API has beside those of the profile.
const CALLBACKS: [&str; 3] = ["GET", "POST", "DELETE"];
/// The path that they have.
const CALLBACK_PATH: &str = "/@connections/{connectionId}";
/// The route of handshakes.
pub(in crate::config) const CONNECT: &str = "$connect";
/// The route of connections that are gone.
const DISCONNECT: &str = "$disconnect";

/// The settings, with the length of a message.
pub(super) struct Settings {
    pub(super) websocket: WebSocket,
    /// `None` of an API that has no messages.
    pub(super) message_bytes: Option<u64>,
}

/// The settings of an API; of another kind than WebSocket, what nobody reads.
pub(super) fn settings(gateway: &mut raw::Gateway, spot: &Spot, kind: ApiKind, reader: &mut Reader) -> Settings {
    let default = WebSocket::default();
    if kind != ApiKind::WebSocket {
        absent(&mut gateway.route_selection, kind, "route selection", reader);
        absent(&mut gateway.websocket, kind, "connections", reader);
        return Settings { websocket: default, message_bytes: None };
    }
    let selection = || RouteSelection(default.selection.clone());
    let selection = filled(&mut gateway.route_selection, spot, "route_selection", selection).value.0.clone();
    let given = gateway.websocket.get_or_insert_with(|| At::default_for(spot, "websocket", raw::websocket::WebSocket::default()));
    let spot = given.spot.clone();
    let given = &mut given.value;
    let idle = long(filled(&mut given.idle, &spot, "idle", || Duration(default.idle)), reader);
    let life = long(filled(&mut given.life, &spot, "life", || Duration(default.life)), reader);
    let frame_bytes = large(filled(&mut given.frame, &spot, "frame", || Bytes(default.frame_bytes)), reader);
    let message =
        || Bytes(sluicegate_policy::model::Limits::of(kind, sluicegate_policy::model::Endpoint::Regional).payload_bytes);
    let message_bytes = large(filled(&mut given.message, &spot, "message", message), reader);
    let unread_bytes = large(filled(&mut given.unread, &spot, "unread", || Bytes(default.unread_bytes)), reader);
    let slow_reader = filled(&mut given.slow_reader, &spot, "slow_reader", || SlowReader::Kept).value.into();
    let pings = filled(&mut given.pings, &spot, "pings", || Pings::Ignored).value.into();
    let websocket = WebSocket { selection, idle, life, frame_bytes, unread_bytes, slow_reader, pings };
    Settings { websocket, message_bytes: Some(message_bytes) }
}

/// Reports what only WebSocket APIs have. A default that a drift of the kind leaves behind was written by nobody: it goes.
fn absent<T>(slot: &mut Option<At<T>>, kind: ApiKind, what: &str, reader: &mut Reader) {
    slot.take_if(|at| at.spot.place == Place::Nowhere);
    if let Some(given) = slot {
        only_websocket(kind, &given.spot, what, reader);
    }
}

/// A feature that only WebSocket APIs have.
pub(super) fn only_websocket(kind: ApiKind, spot: &Spot, what: &str, reader: &mut Reader) {
    if kind != ApiKind::WebSocket {
        reader.report_at(spot, format!("{} has no {what}; remove this, or write api: websocket", of(kind)));
    }
}

fn long(given: &At<Duration>, reader: &mut Reader) -> Span {
    if given.value.0 == Span::ZERO {
        reader.report_at(&given.spot, "no connection would be left; write a time above zero, e.g. \"10m\"");
    }
    given.value.0
}

fn large(given: &At<Bytes>, reader: &mut Reader) -> u64 {
    if given.value.0 == 0 {
        reader.report_at(&given.spot, "a limit of nothing lets nothing through; write a size above zero, e.g. \"32 KB\"");
    }
    given.value.0
}

/// The drops, with ids of stages as if their API were the only one.
pub(super) fn drops(gateway: &raw::Gateway, section: &str, reader: &mut Reader) -> Option<Vec<Drop>> {
    let given = gateway.websocket.iter().flat_map(|given| given.value.drops.iter().flatten());
    let stages: Vec<String> = names_of(&gateway.stages.value.0).collect();
    let table = format!("{section}.stages");
    let mut drops = Vec::new();
    let mut is_fine = true;
    for At { value: raw, .. } in given {
        let which = match &raw.stage {
            None => 0..stages.len(),
            Some(named) => match referred(&named.value.0, &named.spot, ("stage", &table), &stages, reader) {
                Some(at) => at..at + 1,
                None => 0..0,
            },
        };
        is_fine &= !which.is_empty();
        let drop = |stage| Drop { at: raw.at.value.0, stage: StageId(stage as u16), why: raw.code.value.into() };
        drops.extend(which.map(drop));
    }
    is_fine.then_some(drops)
}

/// When the drops of an API are, for whoever knows how long the run is.
pub(super) fn instants(gateway: &raw::Gateway) -> impl Iterator<Item = &At<Duration>> {
    let drops = gateway.websocket.iter().flat_map(|given| given.value.drops.iter().flatten());
    drops.map(|drop| &drop.value.at)
}

/// The routes of callbacks, which nobody writes: every WebSocket API has them.
pub(super) fn callbacks(gateway: &raw::Gateway, behind: Behind<'_>, reader: &mut Reader) -> Option<Vec<Route>> {
    if behind.kind != ApiKind::WebSocket {
        return Some(Vec::new());
    }
    let authorization = match gateway.websocket.as_ref().and_then(|given| given.value.callbacks.as_ref()) {
        None => None,
        Some(named) => {
            let table = format!("{}.authorizers", behind.section);
            let Referable { names, .. } = behind.authorizers;
            let at = referred(&named.value.0, &named.spot, ("authorizer", &table), names, reader)?;
            if !behind.authorizers.is_of_signatures(at) {
                let what = format!(
                    "callbacks are signed, and authorizer {} looks at something else; name one of kind iam",
                    quoted(&named.value.0)
                );
                reader.report_at(&named.spot, what);
            }
            Some(Authorization { authorizer: AuthorizerId(at as u16), scopes: Vec::new() })
        }
    };
    let route = |method: &str| {
        let integration = Integration::Mock(MockIntegration::Fixed { status: 200, body: String::new() });
        Route { authorization: authorization.clone(), ..Route::new(DeploymentId(0), Some(method), CALLBACK_PATH, integration) }
    };
    Some(CALLBACKS.map(route).into())
}

/// What a route does with messages.
pub(super) struct Answering {
    pub(super) response: RouteResponse,
    pub(super) fan_out: Option<FanOut>,
}

/// What a route answers and posts.
pub(super) fn answering(
    (key, raw): (&RouteKey, &mut RawRoute),
    integration: Option<&Integration>,
    behind: Behind<'_>,
    reader: &mut Reader,
) -> Option<Answering> {
    let takes_messages = ![CONNECT, DISCONNECT].contains(&key.path.as_str());
    if let Some(given) = &raw.responds {
        only_websocket(behind.kind, &given.spot, "route responses (the client gets every answer)", reader);
        if behind.kind == ApiKind::WebSocket && !takes_messages {
            reader.report_at(&given.spot, format!("no message comes to {key}; remove this, or write it at a route of messages"));
        }
    }
    let response = match &raw.responds {
        Some(given) if given.value.0 => RouteResponse::Present,
        Some(_) | None => RouteResponse::Absent,
    };
    let Some(given) = &mut raw.posts else { return Some(Answering { response, fan_out: None }) };
    only_websocket(behind.kind, &given.spot, "connections to post to", reader);
    if behind.kind == ApiKind::WebSocket && !takes_messages {
        let what = format!("there is no message at {key} that could be posted; remove this, or write it at a route of messages");
        reader.report_at(&given.spot, what);
    }
    if let Some(integration) = integration {
        is_modelled(integration, &given.spot, behind, reader);
    }
    let spot = given.spot.clone();
    let posts = &mut given.value;
    let to = filled(&mut posts.to, &spot, "to", || Receivers::Everyone).value.into();
    let at_once = filled(&mut posts.at_once, &spot, "at_once", || Count(1));
    if at_once.value.0 == 0 {
        reader.report_at(&at_once.spot, "none at a time is never; write a number above zero, e.g. 10");
    }
    let at_once = at_once.value.0;
    let each = latency(&posts.each, reader)?;
    Some(Answering { response, fan_out: Some(FanOut { to, at_once, each }) })
}

/// That it is a model which posts: a real function does so by itself, and nothing else does.
fn is_modelled(integration: &Integration, spot: &Spot, behind: Behind<'_>, reader: &mut Reader) {
    match integration {
        Integration::Lambda(LambdaIntegration { function, .. }) => {
            let name = &behind.names.functions[usize::from(function.0)];
            if behind.names.real.contains(name) {
                let what =
                    format!("function {} is real and posts by itself; remove this, or its command or invoke", quoted(name));
                reader.report_at(spot, what);
            }
        }
        Integration::Mock(_) | Integration::Http(_) | Integration::Service(_) => {
            reader.report_at(spot, "only a function posts messages; remove this, or write integration: { lambda: NAME }");
        }
    }
}

/// That only a handshake is asked who it is of, and that it has no body.
pub(super) fn asks_of_handshakes(key: &RouteKey, raw: &RawRoute, reader: &mut Reader) {
    if key.path != CONNECT {
        let authorizer = raw.authorizer.as_ref().map(|given| &given.spot);
        for spot in authorizer.into_iter().chain(raw.api_key.as_ref().map(|given| &given.spot)) {
            reader.report_at(spot, "a WebSocket API asks who somebody is at $connect alone; write this there, or remove it");
        }
    }
    if let Some(body) = raw.body.as_ref().filter(|_| [CONNECT, DISCONNECT].contains(&key.path.as_str())) {
        reader.report_at(&body.spot, format!("{key} has no body; remove this, or write it at a route of messages"));
    }
}
