//! What is expected: each claim with its series and its margin.
//!
//! Owns the default margins (method, 3.1), and that a ceiling or a floor is one that a run can reach and prove. Refuses to judge (`verdict`
//! does). Called by `prove::plan`, and for kept runs by `claims`.

use super::filled;
use super::safety::series_named;
use crate::config::problem::{Spot, listed, quoted, suggestion};
use crate::config::raw::expect::{Expectation, Expected};
use crate::config::reader::{At, Reader};
use crate::config::value::{Absolute, Ceiling, Percent, Text, Within};
use crate::measure::assumption::{Allowed, Assumption, Margin, Metric, PartAt, Ratio, Told};
use sluicegate_policy::model::{Authorizer, AuthorizerId, Integration, Model, StageId};
use sluicegate_policy::time::Span;

/// Holm's correction and the recorder's edges are meant for dozens.
const CLAIMS_MAX: usize = 200;

/// What claims may be about.
#[derive(Clone, Copy)]
pub(in crate::config) struct Known<'a> {
    /// The parts of the gateway that may be told of: every one by its name, in the order of the model, and whether it counts.
    pub(in crate::config) parts: &'a dyn Fn(Told) -> Vec<(String, bool)>,
    pub(in crate::config) series: Option<&'a [String]>,
}

/// The parts of a model that may be told of.
pub(super) fn parts(model: &Model, told: Told) -> Vec<(String, bool)> {
    match told {
        Told::AuthorizerHits => {
            let keeps = |(at, it): (usize, &Authorizer)| (model.authorizer_name(AuthorizerId(at as u16)), it.lambda().is_some());
            model.authorizers.iter().enumerate().map(keeps).collect()
        }
        Told::ColdStarts => {
            let invoked = |at: usize| {
                let mut all = model.routes.iter().map(|route| &route.integration);
                all.any(|it| matches!(it, Integration::Lambda(it) if usize::from(it.function.0) == at))
            };
            model.functions.iter().enumerate().map(|(at, it)| (it.name.clone(), invoked(at))).collect()
        }
        Told::CacheHits => {
            let each = model.stages.iter().enumerate();
            each.map(|(at, it)| (model.stage_name(StageId(at as u16)), it.cache.is_some())).collect()
        }
    }
}

/// The claims, in the order of the profile. Without known series (the traffic has problems) the rest is still checked.
pub(in crate::config) fn expectations(
    raw: &mut Option<Vec<At<Expected>>>,
    known: Known<'_>,
    reader: &mut Reader,
) -> Option<Vec<Assumption>> {
    let Some(raw) = raw else { return Some(Vec::new()) };
    if let Some(beyond) = raw.get(CLAIMS_MAX) {
        reader.report_at(&beyond.spot.clone(), format!("more than {CLAIMS_MAX} are expected; keep those that decide something"));
        return None;
    }
    let mut proven: Vec<Assumption> = Vec::new();
    let mut fine = true;
    for expectation in raw {
        match assumption(expectation, known, reader) {
            Some(new) if proven.iter().any(|old| old.name == new.name) => {
                reader.report_at(&expectation.spot, format!("\"{}\" is expected twice; keep one of them", new.name));
                fine = false;
            }
            Some(new) => proven.push(new),
            None => fine = false,
        }
    }
    fine.then_some(proven)
}

fn assumption(expectation: &mut At<Expected>, known: Known<'_>, reader: &mut Reader) -> Option<Assumption> {
    let spot = expectation.spot.clone();
    let raw = &mut expectation.value.0;
    let metric = raw.metric.value.0;
    let allowed = allowed(raw, &spot, reader);
    let (id, metric) = match (metric, &raw.of) {
        (_, None) => (None, metric),
        (Metric::Ratio(Ratio::Told(told, _)), Some(of)) => {
            (None, Metric::Ratio(Ratio::Told(told, Some(part(told, of, &(known.parts)(told), reader)?))))
        }
        (_, Some(of)) => (Some(series_named(&of.value.0, &of.spot, known.series?, reader)?), metric),
    };
    let of = raw.of.as_ref().map(|of| format!("{} ", of.value.0)).unwrap_or_default();
    let limit = match (&raw.at_most, &raw.at_least) {
        (Some(at_most), _) => format!(" at most {}", at_most.value),
        (None, Some(at_least)) => format!(" at least {}", at_least.value),
        (None, None) => String::new(),
    };
    let name = format!("{of}{metric}{limit}");
    Some(Assumption { series: id, metric, allowed: allowed?, name })
}

/// Where the claim says that the quantity may lie; a default margin is written in.
fn allowed(raw: &mut Expectation, spot: &Spot, reader: &mut Reader) -> Option<Allowed> {
    let metric = raw.metric.value.0;
    match (&raw.within, &raw.at_most, &raw.at_least) {
        (None, Some(at_most), None) => ceiling(metric, at_most, reader).map(Allowed::AtMost),
        (None, None, Some(at_least)) => floor(metric, at_least, reader).map(Allowed::AtLeast),
        (_, None, None) => {
            let within = filled(&mut raw.within, spot, "within", || default_margin(metric));
            margin(metric, within, reader).map(Allowed::Within)
        }
        (_, Some(limit), _) | (_, None, Some(limit)) => {
            let what = "a claim is about the prediction, a ceiling or a floor; write one of within, at_most and at_least";
            reader.report_at(&limit.spot, what);
            None
        }
    }
}

/// The part of that name of which this can be told; else a problem that lists those of which it can.
fn part(told: Told, of: &At<Text>, all: &[(String, bool)], reader: &mut Reader) -> Option<PartAt> {
    let name = of.value.0.as_str();
    let ((noun, idle), counted) = match told {
        Told::AuthorizerHits => (("authorizer", "keeps no answers, the gateway verifies each request"), "answers are kept of"),
        Told::ColdStarts => (("function", "is no route's integration"), "counted are those of"),
        Told::CacheHits => (("stage", "has no cache"), "caches are those of"),
    };
    let names = || all.iter().filter(|(_, counts)| *counts).map(|(name, _)| name.as_str());
    let what = match all.iter().position(|(other, _)| other == name) {
        Some(at) if all[at].1 => return Some(PartAt(at as u16)),
        Some(_) => format!("{noun} {} {idle};", quoted(name)),
        None => format!("there is no {noun} {}{}", quoted(name), suggestion(name, names())),
    };
    reader.report_at(&of.spot, format!("{what} {counted}: {}; without `of` all count together", listed(names())));
    None
}

fn ceiling(metric: Metric, at_most: &At<Ceiling>, reader: &mut Reader) -> Option<f64> {
    let ceiling = at_most.value.in_unit();
    let why = match (metric, at_most.value) {
        (Metric::Latency(_) | Metric::Part(..), Ceiling::Share(_)) => "is no latency; write e.g. \"200ms\"",
        (Metric::Ratio(_), Ceiling::Time(_)) => "is no share of the requests; write e.g. \"0.5%\"",
        _ if ceiling <= 0.0 => {
            "can never be proven: no run is long enough; write what would not matter, e.g. \"0.1%\" or \"1ms\""
        }
        (Metric::Ratio(_), Ceiling::Share(_)) if ceiling >= 1.0 => "is no ceiling: there can be no more; write less",
        (Metric::Latency(_) | Metric::Part(..), Ceiling::Time(_)) | (Metric::Ratio(_), Ceiling::Share(_)) => {
            return Some(ceiling);
        }
    };
    reader.report_at(&at_most.spot, format!("\"{}\" {why}", at_most.value));
    None
}

fn floor(metric: Metric, at_least: &At<Ceiling>, reader: &mut Reader) -> Option<f64> {
    let floor = at_least.value.in_unit();
    let why = match (metric, at_least.value) {
        (Metric::Latency(_) | Metric::Part(..), _) => {
            "is no floor of a latency: an answer may always come sooner; write the most that it may take, e.g. \"p99 < 300ms\""
        }
        (Metric::Ratio(_), Ceiling::Time(_)) => "is no share of the requests; write e.g. \"70%\"",
        _ if floor <= 0.0 => "is no floor: there can be no less; write more",
        _ if floor >= 1.0 => "can never be proven: no run is long enough; write what would not matter, e.g. \"99.9%\"",
        (Metric::Ratio(_), Ceiling::Share(_)) => return Some(floor),
    };
    reader.report_at(&at_least.spot, format!("\"{}\" {why}", at_least.value));
    None
}

/// A latency's margin never falls below this: the clock and the scheduler are no better (method, 3.1).
const FLOOR: Span = Span::from_ms(2);
/// Nor does that of a part of a latency below five times the resolution of an access log, which has whole milliseconds (method, 3.1).
const PART_FLOOR: Span = Span::from_ms(5);

/// The method's defaults (3.1): 10 % of a latency or of a part of it, 20 % from p99.9 on; 10 % or 1 point of throttled, and so of an authorizer's hits; 25 % or
/// 0.1 points of errors; 35 % or 0.1 points of cold starts; 2 points of a cache's hits.
fn default_margin(metric: Metric) -> Within {
    let (share, absolute) = match metric {
        Metric::Latency(p) => (if p >= 0.999 { 0.2 } else { 0.1 }, Absolute::Time(FLOOR)),
        Metric::Part(_, p) => (if p >= 0.999 { 0.2 } else { 0.1 }, Absolute::Time(PART_FLOOR)),
        Metric::Ratio(Ratio::Throttled | Ratio::Told(Told::AuthorizerHits, _)) => (0.1, Absolute::Points(1_000_000)),
        Metric::Ratio(Ratio::Told(Told::ColdStarts, _)) => (0.35, Absolute::Points(100_000)),
        Metric::Ratio(Ratio::Told(Told::CacheHits, _)) => (0.0, Absolute::Points(2_000_000)),
        Metric::Ratio(Ratio::Errors | Ratio::ErrorsOf(_)) => (0.25, Absolute::Points(100_000)),
    };
    Within { relative: (share > 0.0).then(|| Percent::nearest(share)), absolute: Some(absolute) }
}

fn margin(metric: Metric, within: &At<Within>, reader: &mut Reader) -> Option<Margin> {
    let Within { relative, absolute } = within.value;
    let fits = match (metric, absolute) {
        (_, None)
        | (Metric::Latency(_) | Metric::Part(..), Some(Absolute::Time(_)))
        | (Metric::Ratio(_), Some(Absolute::Points(_))) => true,
        (Metric::Latency(_) | Metric::Part(..), Some(Absolute::Points(_))) | (Metric::Ratio(_), Some(Absolute::Time(_))) => false,
    };
    if !fits {
        let (what, cure) = match metric {
            Metric::Latency(_) | Metric::Part(..) => ("a latency", "\"15%\" or \"5ms\""),
            Metric::Ratio(_) => ("a share of the requests", "\"1 point\" or \"10%\""),
        };
        reader.report_at(&within.spot, format!("\"{}\" is not the margin of {what}; write e.g. {cure}", within.value));
        return None;
    }
    let floor = match metric {
        Metric::Latency(_) if relative.is_some() => FLOOR.as_ns() as f64,
        Metric::Part(..) if relative.is_some() => PART_FLOOR.as_ns() as f64,
        Metric::Latency(_) | Metric::Part(..) | Metric::Ratio(_) => 0.0,
    };
    let margin = Margin { relative: relative.map_or(0.0, Percent::share), absolute: absolute.map_or(floor, Absolute::in_unit) };
    if margin.relative <= 0.0 && margin.absolute <= 0.0 {
        reader.report_at(
            &within.spot,
            "a margin of nothing can never be met; write what difference would not matter, e.g. \"10%\"",
        );
        return None;
    }
    Some(margin)
}
