//! A case: parts that can be played, and an end.
//!
//! Owns its defaults and what is refused where it stands. Refuses to play it (`sim` does). Called by `load`.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{self, Keys, Limiter, PerSecond, Scaling, Throttle};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use super::{arrivals, latency, throttle};
use crate::config::problem::choices;
use crate::config::raw::case::{Batch, Bucket, Burst, Cache, Case, CaseRun, Part, Pool, Retries, Station};
use crate::config::reader::{At, Reader};
use crate::config::value::{Count, Duration, Flag, Shape};
use crate::load::system::{self, Comings};
use crate::load::traffic::Pace;

/// More are no system that anyone would read.
const PARTS_MAX: usize = 64;
const OBSERVED_MAX: usize = 10_000;
const STATES_MAX: usize = 1_000;
/// A table of them is kept.
const KEYS_MAX: u32 = 10_000_000;
/// Each that a window admitted is remembered.
const WINDOW_MAX: u32 = 10_000_000;
const DURATION: Span = Span::from_secs(30);
/// More environments than any number of requests needs, at once.
const AS_NEEDED: Throttle =
    Throttle { rate: PerSecond { tokens: 1_000_000_000, per: Span::from_secs(1) }, burst: model::Burst(1 << 40) };

/// The case; `None` means that problems were reported.
pub(in crate::config) fn case(raw: &mut Case, reader: &mut Reader) -> Option<system::Case> {
    let run = raw
        .run
        .take()
        .map_or(CaseRun { requests: None, duration: None, skip: None, warmup: None, seed: None, seconds: None }, |run| run.value);
    let requests = run.requests.as_ref().map(|requests| u64::from(requests.value.0));
    let duration = run.duration.as_ref().map(|duration| duration.value.0).or_else(|| requests.is_none().then_some(DURATION));
    // Every part is proven even if another failed, so that all problems are shown at once.
    let parts = parts(&raw.system, reader);
    let comings = comings(raw, duration, reader);
    let observe = observe(raw.observe.as_ref(), reader);
    let retries = raw.retries.as_ref().map(|retries| tried_again(&retries.value, reader).ok_or(Reported)).transpose();
    let skip = run.skip.as_ref().map_or(0, |skip| u64::from(skip.value.0));
    if let (Some(skip), Some(requests)) = (&run.skip, requests)
        && u64::from(skip.value.0) >= requests
    {
        reader.report_at(&skip.spot, format!("with {requests} requests this leaves none to be counted; write less"));
        return None;
    }
    let warmup = run.warmup.as_ref().map_or(Span::ZERO, |warmup| warmup.value.0);
    if let (Some(given), Some(duration)) = (&run.warmup, duration)
        && given.value.0 >= duration
    {
        reader.report_at(&given.spot, format!("with a duration of {duration} this leaves nothing to be counted; write less"));
        return None;
    }
    Some(system::Case {
        parts: parts?,
        comings: comings?,
        retries: retries.ok()?,
        requests,
        until: duration.map_or(Instant::MAX, |duration| Instant::ZERO + duration),
        skip,
        warmup,
        observe: observe?,
        above: raw.above.as_ref().map(|above| u64::from(above.value.0)),
        seconds: run.seconds.is_some_and(|seconds| seconds.value.0),
        seed: Seed::new(run.seed.map_or(1, |seed| seed.value.0)),
    })
}

fn parts(raw: &At<Vec<At<Part>>>, reader: &mut Reader) -> Option<Vec<(String, model::Part)>> {
    let count = raw.value.len();
    if !(1..=PARTS_MAX).contains(&count) {
        reader.report_at(&raw.spot, format!("these are {count} parts; write 1 to {PARTS_MAX}, each after \"- \""));
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut parts = Vec::new();
    for part in &raw.value {
        let Some(kind) = kind(part, reader) else {
            parts.push(None);
            continue;
        };
        let name = part.value.name.as_ref().map_or_else(|| format!("{kind} {}", names.len() + 1), |name| name.value.0.clone());
        if let Some(given) = part.value.name.as_ref().filter(|_| names.contains(&name)) {
            reader.report_at(&given.spot, "another part has this name; write one of its own");
        }
        names.push(name.clone());
        parts.push(proven(&part.value, reader).map(|part| (name, part)));
    }
    parts.into_iter().collect()
}

/// The one key that says what a part is.
fn kind(part: &At<Part>, reader: &mut Reader) -> Option<&'static str> {
    let Part { name: _, station, bucket, buckets, meter, refill, window, cache, pool, fails } = &part.value;
    let kinds = [
        ("station", station.is_some()),
        ("bucket", bucket.is_some()),
        ("buckets", buckets.is_some()),
        ("meter", meter.is_some()),
        ("refill", refill.is_some()),
        ("window", window.is_some()),
        ("cache", cache.is_some()),
        ("pool", pool.is_some()),
        ("fails", fails.is_some()),
    ];
    let named: Vec<&str> = kinds.into_iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| kind).collect();
    match named.as_slice() {
        [kind] => return kinds.into_iter().map(|(name, _)| name).find(|name| name == kind),
        [] => {
            let what = "no part is named; write e.g. { station: { servers: 4, work: { exponential: 20ms } } }";
            reader.report_at(&part.spot, what);
        }
        several => {
            let several = choices(several.iter().copied());
            let what = format!("an entry is one part; write {several} one after the other, each after \"- \"");
            reader.report_at(&part.spot, what);
        }
    }
    None
}

fn proven(part: &Part, reader: &mut Reader) -> Option<model::Part> {
    if let Some(raw) = &part.station {
        return station(&raw.value, reader);
    }
    if let Some(raw) = &part.cache {
        return cache(&raw.value, reader);
    }
    if let Some(raw) = &part.pool {
        return pool(&raw.value, reader);
    }
    if let Some(raw) = &part.fails {
        return Some(model::Part::Fails(raw.value.share.value.share()));
    }
    limiter(part, reader).map(model::Part::Limiter)
}

fn limiter(part: &Part, reader: &mut Reader) -> Option<Limiter> {
    if let Some(raw) = &part.bucket {
        return Some(Limiter::Buckets(vec![bucket(&raw.value, reader)?]));
    }
    if let Some(raw) = &part.buckets {
        let buckets: Vec<_> = raw.value.iter().map(|raw| bucket(&raw.value, reader)).collect();
        if !(1..=PARTS_MAX).contains(&buckets.len()) {
            reader.report_at(&raw.spot, format!("these are {} buckets; write 1 to {PARTS_MAX}", buckets.len()));
            return None;
        }
        return Some(Limiter::Buckets(buckets.into_iter().collect::<Option<_>>()?));
    }
    if let Some(raw) = &part.meter {
        let meter = &raw.value;
        let delays = meter.delay.as_ref().is_some_and(|delay| delay.value.0);
        return Some(Limiter::Meter { rate: meter.rate.value.0, burst: meter.burst.value.0, delays });
    }
    if let Some(raw) = &part.refill {
        let refill = &raw.value;
        let tokens = some(&refill.tokens, reader)?;
        let room = refill.room.as_ref().map_or(Some(tokens), |room| some(room, reader))?;
        return Some(Limiter::Refill { tokens, every: some_time(&refill.every, reader)?, room });
    }
    let raw = part.window.as_ref()?;
    let limit = some(&raw.value.limit, reader)?;
    if limit > WINDOW_MAX {
        let what = format!("{limit} are too many to be remembered; write at most {WINDOW_MAX}");
        reader.report_at(&raw.value.limit.spot, what);
        return None;
    }
    Some(Limiter::Window { limit, length: some_time(&raw.value.length, reader)? })
}

fn bucket(raw: &Bucket, reader: &mut Reader) -> Option<Throttle> {
    let burst = some(&raw.burst, reader)?;
    Some(Throttle { rate: raw.rate.value.0, burst: model::Burst(burst.into()) })
}

fn station(raw: &Station, reader: &mut Reader) -> Option<model::Part> {
    let servers = some_or_all(raw.servers.as_ref(), reader);
    let room = some_or_all(raw.room.as_ref(), reader);
    let work = latency(&raw.work, reader);
    let patience = raw.patience.as_ref().map(|patience| latency(patience, reader).ok_or(Reported)).transpose();
    let discipline = raw.discipline.as_ref().map(|discipline| discipline.value.into()).unwrap_or_default();
    if discipline == model::Discipline::Shared
        && let Some(patience) = &raw.patience
    {
        reader.report_at(
            &patience.spot,
            "where all are served at once nobody waits; leave patience out, or write discipline: fcfs",
        );
        return None;
    }
    let station = model::Station { servers: servers.ok()?, room: room.ok()?, discipline };
    Some(model::Part::Station { station, work: work?, patience: patience.ok()? })
}

fn cache(raw: &Cache, reader: &mut Reader) -> Option<model::Part> {
    let entries = some_or_all(raw.entries.as_ref(), reader);
    let count = raw.keys.as_ref().map_or(Some(1), |keys| some(keys, reader));
    let count = count.filter(|count| {
        let fits = *count <= KEYS_MAX;
        if let Some(keys) = raw.keys.as_ref().filter(|_| !fits) {
            reader.report_at(&keys.spot, format!("{count} are too many to be told apart; write at most {KEYS_MAX}"));
        }
        fits
    });
    let skew = raw.zipf.as_ref().map_or(0.0, |zipf| zipf.value.0);
    if let Some(zipf) = raw.zipf.as_ref().filter(|zipf| !(0.0..=10.0).contains(&zipf.value.0)) {
        reader.report_at(&zipf.spot, "this is not the exponent of Zipf's law here; write a number from 0 to 10, e.g. 0.8");
        return None;
    }
    let fetch = or_constant(raw.fetch.as_ref(), Span::ZERO, reader);
    let says = |flag: &Option<At<Flag>>| flag.as_ref().is_some_and(|flag| flag.value.0);
    let lookup = model::Lookup {
        ttl: raw.ttl.as_ref().map_or(Span::MAX, |ttl| ttl.value.0),
        refreshes: says(&raw.refresh),
        entries: entries.ok()?,
        shares: says(&raw.coalesce),
    };
    Some(model::Part::Lookup { lookup, keys: Keys { count: count?, skew }, fetch: fetch? })
}

fn tried_again(raw: &Retries, reader: &mut Reader) -> Option<system::Retries> {
    let attempts = some(&raw.attempts, reader);
    let backoff = or_constant(raw.backoff.as_ref(), Span::ZERO, reader);
    Some(system::Retries { attempts: attempts?, backoff: backoff? })
}

fn or_constant(shape: Option<&At<Shape>>, span: Span, reader: &mut Reader) -> Option<Latency> {
    shape.map_or_else(|| Some(Latency::constant(span)), |shape| latency(shape, reader))
}

fn pool(raw: &Pool, reader: &mut Reader) -> Option<model::Part> {
    let duration = latency(&raw.duration, reader);
    let cold_start = or_constant(raw.cold_start.as_ref(), Span::ZERO, reader);
    let keep_alive = or_constant(raw.keep_alive.as_ref(), Span::MAX, reader);
    let limit = some_or_all(raw.limit.as_ref(), reader);
    let provisioned = raw.provisioned.as_ref().map_or(0, |provisioned| provisioned.value.0);
    if let (Some(given), Ok(Some(limit))) = (&raw.provisioned, &limit)
        && given.value.0 > *limit
    {
        reader.report_at(&given.spot, format!("this is more than the limit, which is {limit}; write less, or raise the limit"));
        return None;
    }
    let scale_out = raw.scale_out.as_ref().map_or(AS_NEEDED, throttle);
    let dispatch = raw.dispatch.as_ref().map(|dispatch| dispatch.value.into()).unwrap_or_default();
    Some(model::Part::Pool(Box::new(model::Pool {
        duration: duration?,
        cold_start: cold_start?,
        keep_alive: keep_alive?,
        limit: limit.ok()?,
        scaling: Scaling { scale_out, provisioned, dispatch },
        billed_per: raw.billed_per.as_ref().map_or(Span::from_ms(1), |per| per.value.0),
    })))
}

/// A problem was reported.
#[derive(Clone, Copy, Debug)]
struct Reported;

/// A number above zero, or none, which is no bound.
fn some_or_all(count: Option<&At<Count>>, reader: &mut Reader) -> Result<Option<u32>, Reported> {
    count.map(|count| some(count, reader).ok_or(Reported)).transpose()
}

/// A number above zero.
fn some(count: &At<Count>, reader: &mut Reader) -> Option<u32> {
    if count.value.0 == 0 {
        reader.report_at(&count.spot, "nobody would pass; write a number above 0");
        return None;
    }
    Some(count.value.0)
}

fn some_time(given: &At<Duration>, reader: &mut Reader) -> Option<Span> {
    if given.value.0 == Span::ZERO {
        reader.report_at(&given.spot, "0s is no time at all; write a duration above zero, e.g. 1s");
        return None;
    }
    Some(given.value.0)
}

fn comings(raw: &mut Case, duration: Option<Span>, reader: &mut Reader) -> Option<Comings> {
    match (&mut raw.arrivals, &raw.gaps, &raw.bursts, &raw.batches, &mut raw.closed) {
        (Some(given), None, None, None, None) => {
            let has_no_end = |ramp: &At<crate::config::raw::traffic::Ramp>| ramp.value.over.is_none() && duration.is_none();
            if let Some(ramp) = given.value.ramp.as_ref().filter(|ramp| has_no_end(ramp)) {
                reader.report_at(&ramp.spot, "how long this takes is not said; write over, e.g. over: 30s, or run.duration");
                return None;
            }
            arrivals::shaped(given, duration.unwrap_or(DURATION), reader).map(Comings::Planned)
        }
        (None, Some(gaps), None, None, None) => {
            let proven = latency(gaps, reader)?;
            if proven.mean() == Span::ZERO {
                reader.report_at(&gaps.spot, "without any gap all requests come at once, for ever; write a time above 0s");
                return None;
            }
            Some(Comings::Gaps(proven))
        }
        (None, None, Some(states), None, None) => bursts(states, reader),
        (None, None, None, Some(given), None) => batches(given, reader),
        (None, None, None, None, Some(closed)) => match arrivals::closed(closed, reader)? {
            Pace::Closed { think, .. } if think.mean() == Span::ZERO => {
                let spot = closed.value.think.as_ref().map_or(&closed.spot, |think| &think.spot);
                reader.report_at(spot, "who is refused and does not think asks again at once, for ever; write a time above 0s");
                None
            }
            Pace::Closed { users, think, ramp_up: Span::ZERO } => Some(Comings::Closed { users, think }),
            Pace::Closed { .. } | Pace::Open(_) => {
                let spot = closed.value.ramp_up.as_ref().map_or(&closed.spot, |ramp_up| &ramp_up.spot);
                reader.report_at(spot, "the users of a case all start at once, each with a thought; leave ramp_up out");
                None
            }
        },
        _ => {
            reader.report_at(
                &raw.system.spot,
                "requests come in one way; write exactly one of arrivals, gaps, bursts, batches and closed",
            );
            None
        }
    }
}

fn bursts(raw: &At<Vec<At<Burst>>>, reader: &mut Reader) -> Option<Comings> {
    let count = raw.value.len();
    if !(1..=STATES_MAX).contains(&count) {
        reader.report_at(
            &raw.spot,
            format!("these are {count} states; write 1 to {STATES_MAX}, e.g. \"- {{ rate: 50/s, lasts: 10s }}\""),
        );
        return None;
    }
    if raw.value.iter().all(|state| state.value.rate.value.0.tokens == 0) {
        reader.report_at(&raw.spot, "in none of these states anything comes; write a rate above 0/s for one of them");
        return None;
    }
    let states: Vec<Option<system::Burst>> = raw
        .value
        .iter()
        .map(|state| Some(system::Burst { rate: state.value.rate.value.0, lasts: some_time(&state.value.lasts, reader)? }))
        .collect();
    states.into_iter().collect::<Option<_>>().map(Comings::Bursts)
}

fn batches(raw: &At<Vec<At<Batch>>>, reader: &mut Reader) -> Option<Comings> {
    let count = raw.value.len();
    if !(1..=OBSERVED_MAX).contains(&count) {
        let what = format!("these are {count} batches; write 1 to {OBSERVED_MAX}, e.g. \"- {{ at: 0s, requests: 500 }}\"");
        reader.report_at(&raw.spot, what);
        return None;
    }
    if let Some(pair) = raw.value.windows(2).find(|pair| pair[1].value.at.value.0 <= pair[0].value.at.value.0) {
        let (one, next) = (&pair[0].value.at, &pair[1].value.at);
        reader.report_at(&next.spot, format!("{} does not come after {}; write them in ascending order", next.value, one.value));
        return None;
    }
    let batch = |it: &At<Batch>| (Instant::ZERO + it.value.at.value.0, it.value.requests.value.0);
    Some(Comings::Batches(raw.value.iter().map(batch).collect()))
}

fn observe(raw: Option<&At<Vec<At<Duration>>>>, reader: &mut Reader) -> Option<Vec<Instant>> {
    let Some(raw) = raw else { return Some(Vec::new()) };
    if raw.value.len() > OBSERVED_MAX {
        reader.report_at(&raw.spot, format!("these are {} instants; write at most {OBSERVED_MAX}", raw.value.len()));
        return None;
    }
    if let Some(pair) = raw.value.windows(2).find(|pair| pair[1].value.0 <= pair[0].value.0) {
        reader.report_at(
            &pair[1].spot,
            format!("{} does not come after {}; write them in ascending order", pair[1].value, pair[0].value),
        );
        return None;
    }
    Some(raw.value.iter().map(|at| Instant::ZERO + at.value.0).collect())
}
