//! The gateway and the further APIs of its account: what they share and what each is here, one file for each larger part.
//!
//! Owns the defaults of the API, with the source of each, the names that parts refer to each other by, and which features a kind
//! of API has. Refuses every behaviour (the policy's). Called by `prove::plan`.

mod access;
mod authorizers;
mod capacities;
mod code;
mod cold_starts;
mod deployments;
mod expression;
mod functions;
mod integration;
mod names;
mod part;
mod plans;
mod routes;
mod service;
mod services;
mod snapshot;
mod stages;
mod unconfirmed;
mod vpc_links;
mod ways;
mod websocket;

use std::iter;

use sluicegate_policy::model::{Account, Api, ApiKind, HeadLimit, Limits, Model, Throttle};
use sluicegate_policy::time::Span;

use super::{filled, latency, throttle};
use crate::config::problem::{Place, Spot, listed, quoted, suggestion};
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{self, Bytes, Count, Decimal, Endpoint, KeySource, Named, Outside, Rate, Shape, Text};

use self::names::{Names, SharedTables, names_of};
use self::part::Joined;
pub(in crate::config) use self::websocket::CONNECT;
use self::websocket::Settings;

pub(super) use self::ways::ends_before;

/// The model of the gateway with the further APIs of its account.
pub(super) fn model(
    gateway: &mut At<raw::Gateway>,
    further: &mut Option<At<raw::Apis>>,
    outside: Outside<'_>,
    reader: &mut Reader,
) -> Option<Model> {
    let spot = gateway.spot.clone();
    let shared = &mut gateway.value;
    let region = filled(&mut shared.region, &spot, "region", || Text("us-east-1".to_owned())).clone();
    let region = name(&region, "a region", reader);
    let connects =
        iter::once(shared.api.value).chain(further.iter().flat_map(kinds)).any(|kind| kind == value::ApiKind::WebSocket);
    let account = account(&mut shared.account, &spot, (region.as_deref().unwrap_or_default(), connects), reader);
    let services = services::services(shared.services.as_mut(), outside, reader);
    let capacities = capacities::capacities(&mut shared.capacities, reader);
    let capacity_names: Vec<String> = shared.capacities.iter().flat_map(|named| names_of(&named.value.0)).collect();
    let links = vpc_links::links(shared.vpc_links.as_mut(), &capacity_names, reader);
    let known = functions::Known { account, outside, capacities: &capacity_names };
    let functions = functions::functions(&mut shared.functions, &spot, known, reader);
    let further = further.as_mut().filter(|apis| at_most(apis.value.0.len(), "APIs", &apis.spot, reader));
    let further = further.map(|apis| apis.value.0.as_mut_slice()).unwrap_or_default();
    let names = Names::of(shared, further);
    let own = SharedTables::of(shared);
    let spots: Vec<Spot> = iter::once(&spot).chain(further.iter().map(|member| &member.value.spot)).cloned().collect();
    let known = part::Shared { names: own.names(), keys: &names.keys, outside };
    let mut parts = vec![part::part(gateway, "sluicegate", known, reader)];
    parts.extend(further.iter_mut().map(|member| part::further(member, known, reader)));
    let shared = &mut gateway.value;
    let kind = parts.iter().map(|part| part.kind).find(|kind| *kind != ApiKind::Http).unwrap_or(ApiKind::Http);
    let keys = plans::keys(&mut shared.api_keys, kind, outside, reader);
    let plans = plans::plans(&mut shared.usage_plans, kind, &plans::Known { names: &names, parts: &parts }, reader);
    let domains = ways::domains(shared.domains.as_ref(), &names, outside.folder, reader);
    let moves = ways::moves(shared.moves.as_deref(), &names, reader);
    let Joined { apis, deployments, authorizers, stages, routes, drops } = part::join(parts, &spots, reader)?;
    Some(Model {
        region: region?,
        account,
        apis,
        deployments,
        stages,
        functions: functions?,
        services: services?,
        links: links?,
        authorizers,
        capacities: capacities?,
        routes,
        plans: plans?,
        keys: keys?,
        domains: domains?,
        moves: moves?,
        drops,
    })
}

/// The place of a name in its table; what is not there is reported with what is.
fn referred(given: &str, spot: &Spot, (what, table): (&str, &str), names: &[String], reader: &mut Reader) -> Option<usize> {
    if let Some(at) = names.iter().position(|known| known == given) {
        return Some(at);
    }
    let names = || names.iter().map(String::as_str);
    let near = suggestion(given, names());
    reader.report_at(spot, format!("there is no {what} {}{near} {table} has: {}", quoted(given), listed(names())));
    None
}

/// A feature that only REST APIs have (developer guide, "Choose between REST APIs and HTTP APIs", 2026).
fn only_rest(kind: ApiKind, spot: &Spot, what: &str, reader: &mut Reader) {
    match kind {
        ApiKind::Rest => {}
        ApiKind::Http => reader.report_at(spot, format!("an HTTP API has no {what}; remove this, or write api: rest")),
        ApiKind::WebSocket => reader.report_at(spot, format!("a WebSocket API has no {what}; remove this")),
    }
}

/// A feature that REST and WebSocket APIs have (developer guide, "Choose between REST APIs and HTTP APIs" and "About WebSocket APIs", 2026).
fn not_of_http(kind: ApiKind, spot: &Spot, what: &str, reader: &mut Reader) {
    match kind {
        ApiKind::Rest | ApiKind::WebSocket => {}
        ApiKind::Http => only_rest(kind, spot, what, reader),
    }
}

/// The kind in words, with its article.
const fn of(kind: ApiKind) -> &'static str {
    match kind {
        ApiKind::Http => "an HTTP API",
        ApiKind::Rest => "a REST API",
        ApiKind::WebSocket => "a WebSocket API",
    }
}

/// The kinds of further APIs.
fn kinds(apis: &At<raw::Apis>) -> impl Iterator<Item = value::ApiKind> {
    apis.value.0.iter().map(|member| member.value.value.api.value)
}

fn api(gateway: &mut raw::Gateway, (spot, id): (&Spot, &str), kind: ApiKind, reader: &mut Reader) -> Option<Api> {
    let id = filled(&mut gateway.id, spot, "id", || Text(id.to_owned())).clone();
    let called = filled(&mut gateway.name, spot, "name", || id.value.clone()).clone();
    if called.value.0.is_empty() || called.value.0.len() > 1_024 {
        reader.report_at(&called.spot, "this is not the name of an API; write 1 to 1024 characters");
    }
    // A name of `apis` that is no id was reported where it is written.
    let id = match id.spot.place {
        Place::Nowhere => is_name(&id.value.0).then_some(id.value.0),
        Place::Line { .. } | Place::Flag(_) | Place::Drift(_) => name(&id, "an API's id", reader),
    };
    let endpoint = filled(&mut gateway.endpoint, spot, "endpoint", || Endpoint::Regional).clone();
    if kind != ApiKind::Rest && endpoint.value != Endpoint::Regional {
        let what = format!("{} is not {}; write regional, or api: rest", of(kind), endpoint.value);
        reader.report_at(&endpoint.spot, what);
    }
    let Settings { websocket, message_bytes } = websocket::settings(gateway, spot, kind, reader);
    let provider = Limits::of(kind, endpoint.value.into());
    let limits = limits((&mut gateway.limits, message_bytes), spot, provider, reader);
    if let Some(source) = &gateway.api_key_source {
        not_of_http(kind, &source.spot, "API keys", reader);
    }
    let key_source = match kind {
        ApiKind::Http => KeySource::Header,
        ApiKind::Rest | ApiKind::WebSocket => {
            filled(&mut gateway.api_key_source, spot, "api_key_source", || KeySource::Header).value
        }
    };
    let binary_media_types = binary_media_types(gateway.binary_media_types.as_ref(), kind, reader);
    let unconfirmed = unconfirmed::unconfirmed(&mut gateway.unconfirmed, spot, kind, reader);
    let overhead = latency(filled(&mut gateway.overhead, spot, "overhead", || overhead(kind)), reader);
    let refusal = latency(filled(&mut gateway.refusal, spot, "refusal", refusal), reader);
    Some(Api {
        name: called.value.0,
        endpoint: endpoint.value.into(),
        overhead: overhead?,
        refusal: refusal?,
        limits,
        key_source: key_source.into(),
        binary_media_types,
        unconfirmed,
        websocket,
        ..Api::new(kind, id?)
    })
}

/// Media types, or families of them.
fn binary_media_types(given: Option<&At<Vec<At<Text>>>>, kind: ApiKind, reader: &mut Reader) -> Vec<String> {
    let Some(given) = given else { return Vec::new() };
    let what = match kind {
        ApiKind::Http | ApiKind::Rest => "binary media types (it knows text by its type)",
        ApiKind::WebSocket => "binary media types (its messages are text)",
    };
    only_rest(kind, &given.spot, what, reader);
    for media in &given.value {
        expression::media_type(&media.value.0, &media.spot, reader);
    }
    given.value.iter().map(|media| media.value.0.clone()).collect()
}

/// The provider's limits, unless the profile has others. Of a WebSocket API a body is a message, whose length stands elsewhere.
fn limits(
    (slot, message_bytes): (&mut Option<At<raw::Limits>>, Option<u64>),
    gateway: &Spot,
    provider: Limits,
    reader: &mut Reader,
) -> Limits {
    let limits =
        slot.get_or_insert_with(|| At::default_for(gateway, "limits", raw::Limits { payload: None, headers: None, url: None }));
    let spot = limits.spot.clone();
    let limits = &mut limits.value;
    let (HeadLimit::Headers(head) | HeadLimit::LineAndHeaders(head)) = provider.head;
    if message_bytes.is_some() {
        limits.payload.take_if(|given| given.spot.place == Place::Nowhere);
        if let Some(given) = &limits.payload {
            reader.report_at(&given.spot, "the payload of a WebSocket API is a message; write websocket: { message: .. }");
        }
    }
    let mut bytes = |slot: &mut Option<At<Bytes>>, key: &str, default: u64| {
        let given = filled(slot, &spot, key, || Bytes(default));
        if given.value.0 == 0 {
            reader.report_at(&given.spot, "a limit of nothing lets nothing through; write a size above zero, e.g. \"10 KB\"");
        }
        given.value.0
    };
    let payload_bytes = message_bytes.unwrap_or_else(|| bytes(&mut limits.payload, "payload", provider.payload_bytes));
    let head = bytes(&mut limits.headers, "headers", head);
    let url_bytes = bytes(&mut limits.url, "url", provider.url_bytes);
    let head = match provider.head {
        HeadLimit::Headers(_) => HeadLimit::Headers(head),
        HeadLimit::LineAndHeaders(_) => HeadLimit::LineAndHeaders(head),
    };
    Limits { payload_bytes, head, url_bytes }
}

/// Placeholder, no source: guesses (median 4 ms for HTTP APIs, 6 ms for WebSocket APIs, 8 ms for REST APIs, sigma 0.3). No authoritative figure was found.
fn overhead(api: ApiKind) -> Shape {
    let median = match api {
        ApiKind::Http => Span::from_ms(4),
        ApiKind::Rest => Span::from_ms(8),
        ApiKind::WebSocket => Span::from_ms(6),
    };
    Shape::lognormal(median, Decimal(0.3))
}

/// Placeholder, no source: a guess.
fn refusal() -> Shape {
    Shape::constant(Span::from_ms(2))
}

/// Names that stand in host names, paths and log lines.
fn name(text: &At<Text>, what: &str, reader: &mut Reader) -> Option<String> {
    let name = &text.value.0;
    if is_name(name) {
        return Some(name.clone());
    }
    let given = quoted(name);
    reader.report_at(&text.spot, format!("{given} is not {what}; write up to 128 letters, digits, \"-\" and \"_\""));
    None
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !text.is_empty() && text.len() <= 128 && text.chars().all(allowed)
}

fn account(
    slot: &mut Option<At<raw::Account>>,
    gateway: &Spot,
    (region, connects): (&str, bool),
    reader: &mut Reader,
) -> Account {
    let provider = Account::default_in(region);
    let empty = || raw::Account { throttle: None, connects: None, concurrency: None, invocations_per_environment: None };
    let account = slot.get_or_insert_with(|| At::default_for(gateway, "account", empty()));
    let spot = account.spot.clone();
    let throttle_given = account.value.throttle.get_or_insert_with(|| raw_throttle(&spot, "throttle", provider.throttle));
    let throttle = throttle(throttle_given);
    let connects = new_connections(&mut account.value.connects, (&spot, connects), provider.connects, reader);
    let concurrency = filled(&mut account.value.concurrency, &spot, "concurrency", || Count(provider.concurrency)).value.0;
    let each = &mut account.value.invocations_per_environment;
    let each = filled(each, &spot, "invocations_per_environment", || Count(provider.invocations_per_environment));
    if each.value.0 == 0 {
        reader.report_at(
            &each.spot,
            "no invocation per second lets none through; write a number above zero (the provider's is 10)",
        );
    }
    Account { throttle, connects, concurrency, invocations_per_environment: each.value.0 }
}

/// How fast connections may be opened, where there are any.
fn new_connections(
    slot: &mut Option<raw::Throttle>,
    (account, connects): (&Spot, bool),
    provider: Throttle,
    reader: &mut Reader,
) -> Throttle {
    if connects {
        return throttle(slot.get_or_insert_with(|| raw_throttle(account, "connects", provider)));
    }
    // The default of another kind, which a drift of the kind leaves behind, was written by nobody.
    slot.take_if(|given| given.rate.spot.place == Place::Nowhere);
    if let Some(given) = slot {
        reader.report_at(&given.rate.spot, "none of these APIs has connections; remove connects, or write api: websocket");
    }
    provider
}

fn raw_throttle(section: &Spot, key: &str, throttle: Throttle) -> raw::Throttle {
    let burst = Count(u32::try_from(throttle.burst.0).unwrap_or(u32::MAX));
    raw::Throttle {
        rate: At::default_for(section, &format!("{key}.rate"), Rate(throttle.rate)),
        burst: At::default_for(section, &format!("{key}.burst"), burst),
    }
}

/// Ids are 16 bits, and routes are compared in pairs; a provider allows 300 (API Gateway developer guide, "Quotas", 2026).
/// Quotas that the provider raises on request (stages, routes, usage plans) are no errors here.
fn at_most(count: usize, what: &str, spot: &Spot, reader: &mut Reader) -> bool {
    const MANY: usize = 2_000;
    if count > MANY {
        reader.report_at(spot, format!("these are {count} {what}; write at most {MANY}"));
    }
    count <= MANY
}

/// Names and texts as the model has them.
fn texts(named: Option<&At<raw::Texts>>) -> Vec<(String, String)> {
    let empty = Named::default();
    let named = named.map_or(&empty, |named| &named.value);
    named.0.iter().map(|member| (member.name.0.clone(), member.value.value.0.clone())).collect()
}
