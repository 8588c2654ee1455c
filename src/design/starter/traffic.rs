//! `traffic` of a starter profile whose clients send requests.
//!
//! Owns one request for each route, in equal parts, and the open arrivals. Refuses clients that stay connected (`websocket`). Called by
//! `starter`.

use super::yaml::{Entry, line, list, map};
use super::{Api, Auth, Integration, Starter, authorizer, websocket};

pub(super) fn section(starter: &Starter) -> Entry {
    match starter.choice.api {
        Api::Rest | Api::Http => requests(starter),
        Api::Websocket => websocket::sessions(starter),
    }
}

fn requests(starter: &Starter) -> Entry {
    let mix: Vec<Vec<Entry>> = starter.places().map(|place| request(starter, place.kind, place.route)).collect();
    let mut keys = vec![
        list("mix", mix).said(
            "Who is asked how often: `weight: 9` beside a request makes it nine of ten. `sluicegate import access.log` counts them in a log.",
        ),
        arrivals(starter),
    ];
    keys.extend(identities(starter));
    map("traffic", keys)
        .said("The traffic that it gets: the same requests at the same instants in the simulation and over sockets.")
}

fn arrivals(starter: &Starter) -> Entry {
    line("arrivals", format!("{{ poisson: {} }}", starter.choice.rate.text)).said(
        "Open model: requests come as people come, whatever the answers do. constant spaces them evenly; ramp, steps and spike change the \
         rate; `closed: { users: 50, think: 2s }` instead waits for answers.",
    )
}

/// How many people there are, where credentials tell them apart.
pub(super) fn identities(starter: &Starter) -> Option<Entry> {
    match starter.choice.auth {
        Auth::None | Auth::Lambda | Auth::Iam => None,
        Auth::Jwt | Auth::Cognito => Some(
            line("identities", starter.sizes.users.to_string()).said("How many people there are, each with a token of his own."),
        ),
    }
}

fn request(starter: &Starter, kind: Integration, route: &str) -> Vec<Entry> {
    let id = match kind {
        Integration::Lambda | Integration::Vpc | Integration::Http | Integration::Aws => Some("id: 1..10000".to_owned()),
        Integration::Mock => None,
    };
    let shown = authorizer::shown(starter).filter(|_| starter.is_guarded(kind));
    let headers = shown.as_ref().map(|shown| line("headers", shown.headers));
    let fields: Vec<String> = id.into_iter().chain(shown.map(|shown| shown.field)).collect();
    let with = (!fields.is_empty()).then(|| line("with", format!("{{ {} }}", fields.join(", "))));
    let body = match kind {
        Integration::Aws => Some(line("body", r#"{ job: "{id}" }"#)),
        Integration::Lambda | Integration::Vpc | Integration::Http | Integration::Mock => None,
    };
    std::iter::once(line("request", route)).chain(with).chain(headers).chain(body).collect()
}
