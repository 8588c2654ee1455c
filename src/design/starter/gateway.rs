//! `gateway` of a starter profile.
//!
//! Owns its order: what it is, who may call, its stage, what is behind it, its routes. Refuses the parts' own keys (`authorizer`,
//! `behind`). Called by `starter`.

use super::behind::{Place, Table};
use super::yaml::{Entry, line, map};
use super::{Api, Integration, Starter, authorizer};

pub(super) fn section(starter: &Starter) -> Entry {
    let mut keys = vec![
        line("api", word(starter.choice.api)).said(
            "rest, http or websocket: it decides how errors look, which limits hold, and what a request costs.",
        ),
        line("id", format!("\"{}\"", starter.choice.name)),
        line("region", "us-east-1").said(
            "It decides the account's throttle, which all of its APIs share: 10000/s with a burst of 5000 here, 2500/s with 1250 in \
             smaller regions. The provider's defaults; `account: { throttle: { rate: 2500/s, burst: 1250 } }` says others.",
        ),
        line("overhead", format!("{{ lognormal: {{ median: {}, sigma: 0.3 }} }}", overhead(starter.choice.api))).said(
            "Placeholder: no figure of the provider is known. Time of the gateway itself for a request that reaches a back end. Measure it \
             as responseLatency less integrationLatency in the access log.",
        ),
    ];
    keys.extend(authorizer::section(starter));
    keys.push(stages(starter));
    keys.extend(tables(starter));
    keys.push(routes(starter));
    map("gateway", keys).said("The gateway as it is believed to be: what is simulated, and what the bundled mock serves.")
}

const fn word(api: Api) -> &'static str {
    match api {
        Api::Rest => "rest",
        Api::Http => "http",
        Api::Websocket => "websocket",
    }
}

/// The same as where a profile says nothing.
const fn overhead(api: Api) -> &'static str {
    match api {
        Api::Rest => "8ms",
        Api::Http => "4ms",
        Api::Websocket => "6ms",
    }
}

fn stages(starter: &Starter) -> Entry {
    let limit = starter.sizes.throttle_per_s;
    let throttle = line("throttle", format!("{{ rate: {limit}/s, burst: {limit} }}")).said(
        "Of each route, in a token bucket of its own; by the provider's default there is none but the account's. Twice the rate of this \
         design, so that it lets everything through: write what your back ends can bear, and see what is refused with 429.",
    );
    map("stages", [map("prod", [throttle])])
        .said("A stage is a deployment under a name, which stands in the path: /prod. Further ones get limits of their own here.")
        .apart()
}

fn tables(starter: &Starter) -> Vec<Entry> {
    let described = starter.places().filter_map(|place| place.described);
    let all: Vec<(Table, Entry)> = authorizer::described(starter.choice.auth).into_iter().chain(described).collect();
    let members = |table| all.iter().filter(|(of, _)| *of == table).map(|(_, entry)| entry.clone()).collect::<Vec<_>>();
    let full = Table::ALL.into_iter().map(|table| (table, members(table))).filter(|(_, members)| !members.is_empty());
    full.map(|(table, members)| table.section(members)).collect()
}

fn routes(starter: &Starter) -> Entry {
    let own = starter.places().map(|place| route(place, starter));
    match starter.choice.api {
        Api::Rest | Api::Http => map("routes", own.collect::<Vec<_>>())
            .said("Routes: method and path, what is behind them, and who may call. Whatever has no route is refused by the gateway itself."),
        Api::Websocket => {
            let all: Vec<Entry> = std::iter::once(connect(starter)).chain(own).collect();
            map("routes", all).said(
                "Routes: $connect is asked before a connection opens; the others are what messages say at `action`, which \
                 `route_selection: $request.body.action` means, the default here. `responds: true` gives the client the answer to its \
                 message; by default it is dropped.",
            )
        }
    }
    .apart()
}

fn route(place: Place, starter: &Starter) -> Entry {
    let is_open = !starter.is_guarded(place.kind);
    let authorizer = authorizer::name(starter.choice.auth).filter(|_| !is_open);
    let mut keys = Vec::new();
    match starter.choice.api {
        Api::Rest | Api::Http => keys.extend(authorizer.map(|name| line("authorizer", name))),
        // The client gets the answer, which it waits for.
        Api::Websocket => keys.push(line("responds", "true")),
    }
    keys.push(map("integration", place.integration));
    map(place.route, keys).said(place.about)
}

/// A connection is let in by a function, or where there is none by the gateway itself.
fn connect(starter: &Starter) -> Entry {
    let integration = if starter.choice.integrations.contains(&Integration::Lambda) {
        line("lambda", "orders")
    } else {
        line("mock", "{ status: 200 }")
    };
    let mut keys = Vec::new();
    keys.extend(authorizer::name(starter.choice.auth).map(|name| line("authorizer", name)));
    keys.push(map("integration", [integration]));
    map("$connect", keys).said("A status from 200 to 299 opens the connection; any other refuses it.")
}
