//! The gateway: its API and account here, one file for each of its larger parts.
//!
//! Owns the defaults of the API, with the source of each, the names that parts refer to each other by, and which features a kind
//! of API has. Refuses every behaviour (the policy's). Called by `prove::plan`.

mod deployments;
mod expression;
mod functions;
mod integration;
mod plans;
mod routes;
mod snapshot;
mod stages;
mod unconfirmed;
mod ways;

use sluicegate_policy::model::{Account, Api, ApiKind, HeadLimit, Limits, Model, Throttle};
use sluicegate_policy::time::Span;

use super::{filled, latency, throttle};
use crate::config::problem::{Spot, listed, quoted, suggestion};
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{self, Bytes, Count, Decimal, Endpoint, KeySource, Member, Named, Outside, Rate, Shape, Text};

pub(super) use self::ways::moves_end_before;

/// The model of the gateway.
pub(super) fn model(gateway: &mut At<raw::Gateway>, outside: Outside<'_>, reader: &mut Reader) -> Option<Model> {
    let spot = gateway.spot.clone();
    let gateway = &mut gateway.value;
    let kind = match gateway.api.value {
        value::ApiKind::Http => ApiKind::Http,
        value::ApiKind::Rest => ApiKind::Rest,
    };
    let api = api(gateway, &spot, kind, reader);
    let region = filled(&mut gateway.region, &spot, "region", || Text("us-east-1".to_owned())).clone();
    let region = name(&region, "a region", reader);
    let account = account(&mut gateway.account, &spot, region.as_deref().unwrap_or_default());
    let functions = functions::functions(&mut gateway.functions, &spot, reader);
    let names = Names::of(gateway);
    let frozen = deployments::deployments(gateway, kind, reader);
    let keys_of_routes = frozen.as_ref().map(|frozen| deployments::RouteKeys::of(&frozen.routes));
    let stages = stages::stages(gateway, kind, frozen.as_ref().zip(keys_of_routes.as_ref()), reader);
    let keys = plans::keys(&mut gateway.api_keys, kind, outside, reader);
    let plans =
        plans::plans(&mut gateway.usage_plans, kind, &plans::Known { names: &names, routes: keys_of_routes.as_ref() }, reader);
    let domains = ways::domains(gateway.domains.as_ref(), &names, reader);
    let moves = ways::moves(gateway.moves.as_deref(), &names, reader);
    let frozen = frozen?;
    Some(Model {
        region: region?,
        account,
        apis: vec![api?],
        deployments: frozen.deployments,
        stages: stages?,
        functions: functions?,
        routes: frozen.routes,
        plans: plans?,
        keys: keys?,
        domains: domains?,
        moves: moves?,
    })
}

/// What parts of the gateway may be referred to by, as they are written: a part with problems of its own is still there.
struct Names {
    stages: Vec<String>,
    /// `current` first.
    deployments: Vec<String>,
    keys: Vec<String>,
}

impl Names {
    fn of(gateway: &raw::Gateway) -> Self {
        let current = std::iter::once(deployments::CURRENT.to_owned());
        let others = gateway.deployments.iter().flat_map(|named| names_of(&named.value.0));
        Self {
            stages: names_of(&gateway.stages.value.0).collect(),
            deployments: current.chain(others).collect(),
            keys: gateway.api_keys.iter().flat_map(|named| names_of(&named.value.0)).collect(),
        }
    }
}

fn names_of<T>(members: &[Member<Text, T>]) -> impl Iterator<Item = String> {
    members.iter().map(|member| member.name.0.clone())
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
    if kind == ApiKind::Http {
        reader.report_at(spot, format!("an HTTP API has no {what}; remove this, or write api: rest"));
    }
}

fn api(gateway: &mut raw::Gateway, spot: &Spot, kind: ApiKind, reader: &mut Reader) -> Option<Api> {
    let id = filled(&mut gateway.id, spot, "id", || Text("sluicegate".to_owned())).clone();
    let called = filled(&mut gateway.name, spot, "name", || id.value.clone()).clone();
    if called.value.0.is_empty() || called.value.0.len() > 1_024 {
        reader.report_at(&called.spot, "this is not the name of an API; write 1 to 1024 characters");
    }
    let id = name(&id, "an API's id", reader);
    let endpoint = filled(&mut gateway.endpoint, spot, "endpoint", || Endpoint::Regional).clone();
    if kind == ApiKind::Http && endpoint.value != Endpoint::Regional {
        let what = format!("an HTTP API is not {}; write regional, or api: rest", endpoint.value);
        reader.report_at(&endpoint.spot, what);
    }
    let limits = limits(&mut gateway.limits, spot, Limits::of(kind, endpoint.value.into()), reader);
    if let Some(source) = &gateway.api_key_source {
        only_rest(kind, &source.spot, "API keys", reader);
    }
    let key_source = match kind {
        ApiKind::Http => KeySource::Header,
        ApiKind::Rest => filled(&mut gateway.api_key_source, spot, "api_key_source", || KeySource::Header).value,
    };
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
        unconfirmed,
        ..Api::new(kind, id?)
    })
}

/// The provider's limits, unless the profile has others.
fn limits(slot: &mut Option<At<raw::Limits>>, gateway: &Spot, provider: Limits, reader: &mut Reader) -> Limits {
    let limits =
        slot.get_or_insert_with(|| At::default_for(gateway, "limits", raw::Limits { payload: None, headers: None, url: None }));
    let spot = limits.spot.clone();
    let limits = &mut limits.value;
    let (HeadLimit::Headers(head) | HeadLimit::LineAndHeaders(head)) = provider.head;
    let mut bytes = |slot: &mut Option<At<Bytes>>, key: &str, default: u64| {
        let given = filled(slot, &spot, key, || Bytes(default));
        if given.value.0 == 0 {
            reader.report_at(&given.spot, "a limit of nothing lets nothing through; write a size above zero, e.g. \"10 KB\"");
        }
        given.value.0
    };
    let payload_bytes = bytes(&mut limits.payload, "payload", provider.payload_bytes);
    let head = bytes(&mut limits.headers, "headers", head);
    let url_bytes = bytes(&mut limits.url, "url", provider.url_bytes);
    let head = match provider.head {
        HeadLimit::Headers(_) => HeadLimit::Headers(head),
        HeadLimit::LineAndHeaders(_) => HeadLimit::LineAndHeaders(head),
    };
    Limits { payload_bytes, head, url_bytes }
}

/// Placeholder, no source: guesses (median 4 ms for HTTP APIs, 8 ms for REST APIs, sigma 0.3). No authoritative figure was found.
fn overhead(api: ApiKind) -> Shape {
    let median = match api {
        ApiKind::Http => Span::from_ms(4),
        ApiKind::Rest => Span::from_ms(8),
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
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= 128 && name.chars().all(allowed) {
        return Some(name.clone());
    }
    let given = quoted(name);
    reader.report_at(&text.spot, format!("{given} is not {what}; write up to 128 letters, digits, \"-\" and \"_\""));
    None
}

fn account(slot: &mut Option<At<raw::Account>>, gateway: &Spot, region: &str) -> Account {
    let provider = Account::default_in(region);
    let account =
        slot.get_or_insert_with(|| At::default_for(gateway, "account", raw::Account { throttle: None, concurrency: None }));
    let spot = account.spot.clone();
    let throttle_given = account.value.throttle.get_or_insert_with(|| raw_throttle(&spot, provider.throttle));
    let throttle = throttle(throttle_given);
    let concurrency = filled(&mut account.value.concurrency, &spot, "concurrency", || Count(provider.concurrency)).value.0;
    Account { throttle, concurrency }
}

fn raw_throttle(section: &Spot, throttle: Throttle) -> raw::Throttle {
    let burst = Count(u32::try_from(throttle.burst.0).unwrap_or(u32::MAX));
    raw::Throttle {
        rate: At::default_for(section, "throttle.rate", Rate(throttle.rate)),
        burst: At::default_for(section, "throttle.burst", burst),
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
