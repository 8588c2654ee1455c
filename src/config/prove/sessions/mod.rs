//! Sessions of WebSocket clients: which kinds there are, which streams they hear, and whether they come back.
//!
//! Owns their bounds, and what does not go with them. Refuses the rules of a script (`script`), of a message (`message`) and of arrivals.
//! Called by `prove::traffic`.

mod counted;
mod handshake;
mod message;
mod post;
mod reconnect;
mod script;
mod sketch;
mod streams;

pub(in crate::config) use counted::NO_ROUTE;

use sluicegate_policy::model::Route;
use sluicegate_policy::time::Span;

use super::gateway::CONNECT;
use super::mix::series;
use super::{Known, filled, latency, run};
use crate::config::plan::is_driven;
use crate::config::problem::{Place, Spot, quoted};
use crate::config::raw::Profile;
use crate::config::raw::session::Session;
use crate::config::raw::traffic::Traffic as Raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Close, Count, Protocol};
use crate::load::dialogue::{Reconnect, Role};
use crate::traffic::Catalog;
use crate::traffic::catalog::TemplateId;
use crate::traffic::conversation::Farewell;
use crate::traffic::template::Template;

/// What the keys of sessions are proven into.
pub(super) struct Proven {
    pub(super) catalog: Catalog,
    pub(super) roles: Vec<Role>,
    pub(super) connections: u32,
    pub(super) reconnect: Option<Reconnect>,
}

/// Each has at most a thousand messages, whose ids are 16 bits.
const ROLES_MAX: usize = 64;
/// What one target has ports for, from many addresses.
const CONNECTIONS_MAX: u32 = 1_000_000;

/// What a script is proven with, and the catalog that it adds to.
struct Desk<'a> {
    known: Known<'a>,
    catalog: Catalog,
    /// Where messages of the API that is driven have their route key.
    selection: Vec<String>,
    /// Keys of the routes of the API that is driven.
    routes: Vec<String>,
    /// How long a reply is waited for unless the script says so; `None` if the run has problems of its own.
    timeout: Option<Span>,
    /// The steps that post, of all sessions so far.
    posts: Vec<post::Unheard>,
}

impl Desk<'_> {
    /// Adds a template.
    fn template(&mut self, template: Template) -> TemplateId {
        self.catalog.templates.push(template);
        TemplateId((self.catalog.templates.len() - 1) as u16)
    }
}

/// The sessions of the section, without their arrivals. Everything is proven even if some of it failed.
pub(super) fn sessions(
    traffic: &mut At<Raw>,
    run: Option<&run::Proven>,
    known: Known<'_>,
    reader: &mut Reader,
) -> Option<Proven> {
    let spot = traffic.spot.clone();
    let raw = &mut traffic.value;
    let model = known.model;
    let routes = model.routes.iter().filter(|route| is_driven(model, known.stage, route)).map(Route::key);
    let timeout = run.map(|run| run.run.timeout);
    let selection = model.api_of(known.stage).websocket.selection.clone();
    let mut desk = Desk { known, catalog: Catalog::default(), selection, routes: routes.collect(), timeout, posts: Vec::new() };
    let streams = streams::streams(raw.streams.as_ref(), &mut desk.catalog, reader);
    let connections = connections(raw.connections.as_ref(), &spot, reader);
    let reconnect = match &mut raw.reconnect {
        Some(raw) => reconnect::reconnect(raw, reader).map(Some),
        None => Some(None),
    };
    // Names of streams that have problems are unknown to scripts, which would only repeat it.
    streams?;
    let roles = raw.sessions.as_mut().and_then(|sessions| roles(sessions, &mut desk, reader));
    Some(Proven { catalog: desk.catalog, roles: roles?, connections: connections?, reconnect: reconnect? })
}

fn connections(given: Option<&At<Count>>, section: &Spot, reader: &mut Reader) -> Option<u32> {
    let Some(given) = given else {
        let what = "how many sessions there are at most is not said, and each has a connection of its own; write e.g. \"connections: 1000\"";
        reader.report_at(section, what);
        return None;
    };
    let count = given.value.0;
    if !(1..=CONNECTIONS_MAX).contains(&count) {
        reader.report_at(&given.spot, format!("{count} is not a number of connections; write 1 to {CONNECTIONS_MAX}"));
        return None;
    }
    Some(count)
}

fn roles(sessions: &mut At<Vec<At<Session>>>, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Vec<Role>> {
    let count = sessions.value.len();
    if !(1..=ROLES_MAX).contains(&count) {
        let what = format!("these are {count} kinds of session; write 1 to {ROLES_MAX}, e.g. \"- session: reader\"");
        reader.report_at(&sessions.spot, what);
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut roles = Vec::new();
    for session in &mut sessions.value {
        let name = &session.value.session;
        if names.contains(&name.value.0) {
            reader.report_at(
                &name.spot,
                format!("another session is called {}; give each a name of its own", quoted(&name.value.0)),
            );
            roles.push(None);
            continue;
        }
        names.push(name.value.0.clone());
        roles.push(role(session, desk, reader));
    }
    let roles: Vec<Role> = roles.into_iter().collect::<Option<_>>()?;
    post::refuse_unheard(&desk.posts, &roles, &desk.catalog, reader)?;
    Some(roles)
}

fn role(session: &mut At<Session>, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Role> {
    let spot = session.spot.clone();
    let weight = filled(&mut session.value.weight, &spot, "weight", || Count(1)).clone();
    if weight.value.0 == 0 {
        reader.report_at(&weight.spot, "a weight of 0 begins no session; write a number above zero, or remove the session");
    }
    let connects = series(&mut desk.catalog, CONNECT.to_owned());
    let template = handshake::template(session, desk.known, reader);
    let handshake = template.map(|template| desk.template(template));
    let raw = &mut session.value;
    let close = filled(&mut raw.close, &spot, "close", || Close(Farewell::Code(1_000))).value.0;
    let life = match &raw.life {
        None => Some(None),
        Some(life) => match latency(life, reader) {
            Some(proven) if proven.mean() == Span::ZERO => {
                reader.report_at(
                    &life.spot,
                    "a life of no time closes a connection as soon as it is open; write a time above 0s, e.g. 30m",
                );
                None
            }
            proven => proven.map(Some),
        },
    };
    let hears = streams::heard(raw.hears.as_ref(), &desk.catalog, reader);
    let named = match &raw.connection_id {
        None => Some(None),
        Some(path) => post::named(path, &mut desk.catalog, reader).map(Some),
    };
    let script = match &mut raw.script {
        Some(script) => script::script(script, desk, reader),
        None => Some(Vec::new()),
    };
    let name = raw.session.value.0.clone();
    let role = Role {
        name,
        weight: weight.value.0,
        handshake: handshake?,
        connects,
        hears: hears?,
        named: named?,
        life: life?,
        close,
        script: script?,
    };
    (role.weight > 0).then_some(role)
}

/// What a run of requests may have, and one of sessions not. What of it is a default, nobody has written: it goes.
pub(super) fn refuse_of_requests(profile: &mut Profile, reader: &mut Reader) {
    if profile.traffic.as_ref().is_none_or(|traffic| traffic.value.sessions.is_none()) {
        return;
    }
    let Some(At { value: run, .. }) = &mut profile.run else { return };
    run.connections = run.connections.take().filter(is_written);
    run.streams = run.streams.take().filter(is_written);
    let given = [
        (
            run.retries.as_ref().map(|it| &it.spot),
            "retries are of requests; what a session does that lost its connection is said by traffic.reconnect: remove retries",
        ),
        (
            run.connections.as_ref().map(|it| &it.spot),
            "connections are shared by requests, and each session has one of its own; write traffic.connections in place of run.connections",
        ),
        (
            run.keep_alive.as_ref().map(|it| &it.spot),
            "how long requests keep their connections; of sessions it is said by their life and close: remove keep_alive",
        ),
        (
            run.streams.as_ref().map(|it| &it.spot),
            "streams are of HTTP/2, and a session has a connection of its own: remove streams",
        ),
        (
            run.protocol.as_ref().filter(|it| it.value == Protocol::Http2).map(|it| &it.spot),
            "WebSocket connections begin with HTTP/1.1; write auto in place of http2",
        ),
    ];
    for (spot, what) in given {
        if let Some(spot) = spot {
            reader.report_at(spot, what);
        }
    }
}

fn is_written<T>(given: &At<T>) -> bool {
    given.spot.place != Place::Nowhere
}

/// What belongs to sessions and stands where there are none.
pub(super) fn refuse_without(traffic: &Raw, reader: &mut Reader) {
    let spots = [
        ("streams", traffic.streams.as_ref().map(|it| &it.spot)),
        ("connections", traffic.connections.as_ref().map(|it| &it.spot)),
        ("reconnect", traffic.reconnect.as_ref().map(|it| &it.spot)),
    ];
    for (key, spot) in spots {
        if let Some(spot) = spot {
            let what =
                format!("{key} belongs to sessions, and this is a mix of requests; remove it, or write sessions in place of mix");
            reader.report_at(spot, what);
        }
    }
}
