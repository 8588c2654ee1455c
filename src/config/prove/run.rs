//! How the traffic is driven: bounds, the stage, and the headers of every request.
//!
//! Owns the defaults of a run. Refuses to choose lanes or time anything (`engine`). Called by `prove::plan`.

use std::net::IpAddr;

use sluicegate_policy::model::{ApiId, ApiKey, Model, PerSecond, StageId};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use super::mix::header;
use super::{filled, retries};
use crate::config::plan;
use crate::config::problem::{Place, Spot, listed, quoted, suggestion};
use crate::config::raw::run::{KeepAlive, Run};
use crate::config::reader::{At, Reader};
use crate::config::value::{self, Address, Count, Duration, Outside, OverloadPolicy, Pacing, Protocol, Text};
use crate::load::keeping::{Keeping, WHOLE};
use crate::load::overload::Overload;

/// What the section is proven into.
pub(super) struct Proven {
    pub(super) run: plan::Run,
    pub(super) stage: StageId,
    pub(super) headers: Vec<(String, String)>,
    /// Values of the API keys that identities send in turn.
    pub(super) api_keys: Vec<String>,
}

/// A run that outlives a month is a mistyped unit; the clock's 64 bits would last longer.
const DURATION_MAX: Span = Span::from_secs(30 * 86_400);
/// Above this, no single machine has ports for the connections to one target.
const CONNECTIONS_MAX: u32 = 1_000_000;
const LANES_MAX: u32 = 256;
/// No server is known to allow more at a time on one connection.
const STREAMS_MAX: u32 = 10_000;
/// Each has ports for some 28,000 connections to one target.
const SOURCES_MAX: usize = 256;

/// The run. Without a model (it has problems of its own) everything but the stage is still checked.
pub(super) fn run(
    slot: &mut Option<At<Run>>,
    model: Option<&Model>,
    outside: Outside<'_>,
    reader: &mut Reader,
) -> Option<Proven> {
    let run = slot.get_or_insert_with(empty);
    let spot = run.spot.clone();
    let run = &mut run.value;
    let duration = filled(&mut run.duration, &spot, "duration", || Duration(Span::from_secs(30))).clone();
    let duration = in_bounds(&duration, Span::from_ns(1), DURATION_MAX, "the duration of a run", reader);
    let warmup = warmup(run, &spot, duration, reader);
    let connections = filled(&mut run.connections, &spot, "connections", || Count(64)).clone();
    let connections = count_in_bounds(&connections, CONNECTIONS_MAX, "a number of connections", reader);
    let timeout = filled(&mut run.timeout, &spot, "timeout", || Duration(Span::from_secs(35))).clone();
    let timeout = in_bounds(&timeout, Span::from_ns(1), DURATION_MAX, "a time to wait for an answer", reader);
    let overload = filled(&mut run.overload, &spot, "overload", || OverloadPolicy(Overload::Queue)).value.0;
    let seed = filled(&mut run.seed, &spot, "seed", || value::Seed(1)).value.0;
    // Some(None) is "no number given", which is no problem.
    let lanes = run.lanes.as_ref().map(|lanes| count_in_bounds(lanes, LANES_MAX, "a number of lanes", reader));
    let protocol = filled(&mut run.protocol, &spot, "protocol", || Protocol::Auto).value;
    let keeping = keeping(run.keep_alive.as_ref(), reader);
    let dns_refresh = filled(&mut run.dns_refresh, &spot, "dns_refresh", || Duration(Span::from_secs(1))).value.0;
    let streams = filled(&mut run.streams, &spot, "streams", || Count(32)).clone();
    let streams = count_in_bounds(&streams, STREAMS_MAX, "a number of streams", reader);
    let sources = sources(run.sources.as_deref().unwrap_or_default(), reader);
    let pacing = filled(&mut run.pacing, &spot, "pacing", || Pacing::Hybrid).value;
    let retries = run.retries.as_mut().map(|retries| retries::policy(retries, reader));
    let stage = model.and_then(|model| stage(run, &spot, model, reader));
    let keys = model.map(|model| model.keys.as_slice()).unwrap_or_default();
    let headers = headers(run, (outside, keys), reader);
    let api_keys = model.map(|model| api_keys(run, model, reader));
    let lanes = match lanes {
        Some(lanes) => Some(lanes?),
        None => None,
    };
    let retries = match retries {
        Some(retries) => Some(retries?),
        None => None,
    };
    let (duration, warmup, connections, timeout, streams) = (duration?, warmup?, connections?, timeout?, streams?);
    let (keeping, sources) = (keeping?, sources?);
    let starts_at = run.starts_at.as_ref().map(|moment| moment.value.0);
    let seed = Seed::new(seed);
    let run = plan::Run {
        duration,
        warmup,
        connections,
        timeout,
        overload,
        retries,
        seed,
        lanes,
        protocol,
        keeping,
        dns_refresh,
        streams,
        sources,
        pacing,
        starts_at,
        lag_limit: run.lag_limit.as_ref().map(|limit| limit.value.0),
    };
    Some(Proven { run, stage: stage?, headers: headers?, api_keys: api_keys? })
}

/// A section that says nothing.
pub(in crate::config) fn empty() -> At<Run> {
    let run = Run {
        duration: None,
        warmup: None,
        connections: None,
        timeout: None,
        overload: None,
        retries: None,
        seed: None,
        lanes: None,
        protocol: None,
        keep_alive: None,
        dns_refresh: None,
        streams: None,
        sources: None,
        pacing: None,
        stage: None,
        headers: None,
        starts_at: None,
        lag_limit: None,
        api_keys: None,
        auth: None,
    };
    At { value: run, spot: Spot { place: Place::Nowhere, key: "run".into() } }
}

/// Where connections come from, each address once.
fn sources(given: &[At<Address>], reader: &mut Reader) -> Option<Vec<IpAddr>> {
    let mut sources = Vec::with_capacity(given.len());
    let mut fine = true;
    for At { value: Address(address), spot } in given {
        let what = if sources.contains(address) {
            format!("{address} stands here twice; keep one of them")
        } else if sources.len() == SOURCES_MAX {
            format!("more than {SOURCES_MAX} addresses; write fewer")
        } else {
            sources.push(*address);
            continue;
        };
        reader.report_at(spot, what);
        fine = false;
    }
    fine.then_some(sources)
}

/// How connections are kept; what is not said is for ever.
fn keeping(given: Option<&At<KeepAlive>>, reader: &mut Reader) -> Option<Keeping> {
    let Some(At { value: KeepAlive { share, requests, lifetime, idle, renewed }, .. }) = given else {
        return Some(Keeping::FOR_EVER);
    };
    let share = share.as_ref().map_or(WHOLE, |share| (share.value.share() * f64::from(WHOLE)).round() as u32);
    let requests = requests.as_ref().map(|requests| count_in_bounds(requests, u32::MAX, "a number of requests", reader));
    let mut span = |given: &Option<At<Duration>>, what| {
        given.as_ref().map_or(Some(Span::MAX), |given| in_bounds(given, Span::from_ms(1), DURATION_MAX, what, reader))
    };
    let (lifetime, idle) = (span(lifetime, "a life of a connection"), span(idle, "a time to be idle"));
    let period = |PerSecond { tokens, per }: PerSecond| Span::from_ns((per.as_ns() / tokens).max(1));
    let renewal = renewed.as_ref().map_or(Span::MAX, |rate| period(rate.value.0));
    Some(Keeping { share, requests: requests.unwrap_or(Some(u32::MAX))?, lifetime: lifetime?, idle: idle?, renewal })
}

fn in_bounds(given: &At<Duration>, shortest: Span, longest: Span, what: &str, reader: &mut Reader) -> Option<Span> {
    let span = given.value.0;
    if (shortest..=longest).contains(&span) {
        return Some(span);
    }
    reader.report_at(&given.spot, format!("{span} is not {what}; write a time above 0s, at most {longest}"));
    None
}

fn count_in_bounds(given: &At<Count>, most: u32, what: &str, reader: &mut Reader) -> Option<u32> {
    let count = given.value.0;
    if (1..=most).contains(&count) {
        return Some(count);
    }
    reader.report_at(&given.spot, format!("{count} is not {what}; write 1 to {most}"));
    None
}

fn warmup(run: &mut Run, spot: &Spot, duration: Option<Span>, reader: &mut Reader) -> Option<Span> {
    let duration = duration?;
    let tenth = tenth(duration).min(Span::from_secs(5));
    let warmup = filled(&mut run.warmup, spot, "warmup", || Duration(tenth));
    let span = warmup.value.0;
    if span < duration {
        return Some(span);
    }
    let what = format!("a warm-up of {span} leaves nothing of a run of {duration}; write less, e.g. {tenth}");
    reader.report_at(&warmup.spot.clone(), what);
    None
}

/// A tenth, in whole milliseconds where there are any: the tenth of a replay's length would have nine digits otherwise.
fn tenth(duration: Span) -> Span {
    let exact = duration.as_ns() / 10;
    let ms = exact / Span::from_ms(1).as_ns();
    if ms == 0 { Span::from_ns(exact) } else { Span::from_ms(ms) }
}

fn stage(run: &mut Run, spot: &Spot, model: &Model, reader: &mut Reader) -> Option<StageId> {
    let first = model.stages.first().map(|stage| stage.name.clone()).unwrap_or_default();
    let stage = filled(&mut run.stage, spot, "stage", || Text(first));
    // Traffic goes to the gateway's own API, whose stages stand first.
    let names = || model.stages.iter().filter(|stage| stage.api == ApiId(0)).map(|stage| stage.name.as_str());
    if let Some(at) = names().position(|name| name == stage.value.0) {
        return Some(StageId(at as u16));
    }
    let near = suggestion(&stage.value.0, names());
    let what = format!("there is no stage {}{near} gateway.stages has: {}", quoted(&stage.value.0), listed(names()));
    reader.report_at(&stage.spot.clone(), what);
    None
}

/// The values of the keys that the run names; what no key is called is reported.
fn api_keys(run: &Run, model: &Model, reader: &mut Reader) -> Vec<String> {
    let names = || model.keys.iter().map(|key| key.name.as_str());
    let mut values = Vec::new();
    for named in run.api_keys.iter().flatten() {
        if let Some(key) = model.keys.iter().find(|key| key.name == named.value.0) {
            values.push(key.value.clone());
        } else {
            let near = suggestion(&named.value.0, names());
            let given = quoted(&named.value.0);
            let what = format!("there is no API key {given}{near} gateway.api_keys has: {}", listed(names()));
            reader.report_at(&named.spot, what);
        }
    }
    values
}

fn headers(run: &Run, outside: (Outside<'_>, &[ApiKey]), reader: &mut Reader) -> Option<Vec<(String, String)>> {
    let given = run.headers.as_ref().map(|headers| headers.0.as_slice()).unwrap_or_default();
    let proven: Vec<Option<_>> = given.iter().map(|member| header(member, outside, value::PhraseReader::Plain, reader)).collect();
    proven.into_iter().collect()
}
