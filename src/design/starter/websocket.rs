//! `traffic` of a starter profile whose clients stay connected.
//!
//! Owns one kind of client, which asks every route in turn, and how clients come back. Refuses what is pushed to them: a stream needs a
//! function that posts, and `profiles/chat.yaml` shows one. Called by `traffic`.

use sluicegate_policy::time::Span;

use super::yaml::{Entry, line, list, map};
use super::{Starter, authorizer, traffic};

pub(super) fn sessions(starter: &Starter) -> Entry {
    let sizes = &starter.sizes;
    let clients = sizes.clients;
    let mut keys = vec![
        list("sessions", vec![session(starter)])
            .said("Kinds of clients, each with a connection of its own; `life: 5m` closes connections, `weight` mixes kinds."),
        line("connections", clients.to_string()).said(format!(
            "So many clients at most. Together they send {} in all: so many, so often.",
            starter.choice.rate.text
        )),
        line("arrivals", format!("{{ constant: {clients}/4s }}")).said(
            "How fast they come. 500 new connections per second are the provider's default for an account; those beyond are refused with \
             429.",
        ),
        line("reconnect", "{ first: 500ms, factor: 2, most: 30s, jitter: full }").said(
            "How they come back whose connection was closed: each pause is longer, and spread, so that not all return at once. Write \
             `websocket: { drops: [{ at: 15s, code: 1012 }] }` into gateway to see all of them do so.",
        ),
    ];
    keys.extend(traffic::identities(starter));
    map("traffic", keys)
        .said("The traffic that it gets: the same clients at the same instants in the simulation and over sockets.")
}

fn session(starter: &Starter) -> Vec<Entry> {
    let mut keys = vec![line("session", "client")];
    if let Some(shown) = authorizer::shown(starter) {
        keys.push(line("with", format!("{{ {} }}", shown.field)));
        keys.push(line("headers", shown.headers).said("Of the request for the connection."));
    }
    let asked = starter.places().map(|place| vec![line("ask", format!("{{ action: {}, id: \"{{call}}\" }}", place.route))]);
    let round = vec![
        line("repeat", "forever"),
        line("every", Span::from_ms(starter.sizes.round_ms).to_string()),
        list("of", asked.collect()),
    ];
    keys.push(list("script", vec![round]).said(
        "What it does once it is connected: a question of each route, again and again. `ask` waits for the reply and measures it; `say` \
         waits for none. {call} is a number that no other message has.",
    ));
    keys
}
