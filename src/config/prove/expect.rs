//! What is expected: each claim with its series and its margin.
//!
//! Owns the default margins (method, 3.1), and that a ceiling is one that a run can reach and prove. Refuses to judge (`verdict` does). Called by `prove::plan`.

use super::filled;
use super::safety::series_named;
use crate::config::problem::{listed, quoted, suggestion};
use crate::config::raw::expect::Expectation;
use crate::config::reader::{At, Reader};
use crate::config::value::{Absolute, Ceiling, Percent, Text, Within};
use crate::measure::assumption::{Allowed, Assumption, Margin, Metric, PartAt, Ratio, Told};
use sluicegate_policy::model::{Authorizer, AuthorizerId, Integration, Model, StageId};
use sluicegate_policy::time::Span;

/// Holm's correction and the recorder's edges are meant for dozens.
const CLAIMS_MAX: usize = 200;

/// What claims may be about.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) model: &'a Model,
    pub(super) series: Option<&'a [String]>,
}

/// The claims, in the order of the profile. Without known series (the traffic has problems) the rest is still checked.
pub(super) fn expectations(
    raw: &mut Option<Vec<At<Expectation>>>,
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

fn assumption(expectation: &mut At<Expectation>, known: Known<'_>, reader: &mut Reader) -> Option<Assumption> {
    let spot = expectation.spot.clone();
    let raw = &mut expectation.value;
    let metric = raw.metric.value.0;
    let allowed = match (&raw.within, &raw.at_most) {
        (Some(_), Some(at_most)) => {
            reader
                .report_at(&at_most.spot, "a claim is about the prediction or about a ceiling; write one of within and at_most");
            None
        }
        (None, Some(at_most)) => ceiling(metric, at_most, reader).map(Allowed::AtMost),
        (_, None) => {
            let within = filled(&mut raw.within, &spot, "within", || default_margin(metric));
            margin(metric, within, reader).map(Allowed::Within)
        }
    };
    let (id, metric) = match (metric, &raw.of) {
        (_, None) => (None, metric),
        (Metric::Ratio(Ratio::Told(told, _)), Some(of)) => {
            (None, Metric::Ratio(Ratio::Told(told, Some(part(told, of, known.model, reader)?))))
        }
        (_, Some(of)) => (Some(series_named(&of.value.0, &of.spot, known.series?, reader)?), metric),
    };
    let of = raw.of.as_ref().map(|of| format!("{} ", of.value.0)).unwrap_or_default();
    let at_most = raw.at_most.as_ref().map(|at_most| format!(" at most {}", at_most.value)).unwrap_or_default();
    let name = format!("{of}{metric}{at_most}");
    Some(Assumption { series: id, metric, allowed: allowed?, name })
}

/// The part of that name of which this can be told; else a problem that lists those of which it can.
fn part(told: Told, of: &At<Text>, model: &Model, reader: &mut Reader) -> Option<PartAt> {
    let name = of.value.0.as_str();
    let (all, (noun, idle), counted): (Vec<(String, bool)>, _, _) = match told {
        Told::AuthorizerHits => {
            let keeps = |(at, it): (usize, &Authorizer)| (model.authorizer_name(AuthorizerId(at as u16)), it.lambda().is_some());
            let all = model.authorizers.iter().enumerate().map(keeps).collect();
            (all, ("authorizer", "keeps no answers, the gateway verifies each request"), "answers are kept of")
        }
        Told::ColdStarts => {
            let invoked = |at: usize| {
                let mut all = model.routes.iter().map(|route| &route.integration);
                all.any(|it| matches!(it, Integration::Lambda(it) if usize::from(it.function.0) == at))
            };
            let each = model.functions.iter().enumerate().map(|(at, it)| (it.name.clone(), invoked(at)));
            (each.collect(), ("function", "is no route's integration"), "counted are those of")
        }
        Told::CacheHits => {
            let each = model.stages.iter().enumerate();
            let each = each.map(|(at, it)| (model.stage_name(StageId(at as u16)), it.cache.is_some()));
            (each.collect(), ("stage", "has no cache"), "caches are those of")
        }
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
        (Metric::Latency(_), Ceiling::Share(_)) => "is no latency; write e.g. \"200ms\"",
        (Metric::Ratio(_), Ceiling::Time(_)) => "is no share of the requests; write e.g. \"0.5%\"",
        _ if ceiling <= 0.0 => {
            "can never be proven: no run is long enough; write what would not matter, e.g. \"0.1%\" or \"1ms\""
        }
        (Metric::Ratio(_), Ceiling::Share(_)) if ceiling >= 1.0 => "is no ceiling: there can be no more; write less",
        (Metric::Latency(_), Ceiling::Time(_)) | (Metric::Ratio(_), Ceiling::Share(_)) => return Some(ceiling),
    };
    reader.report_at(&at_most.spot, format!("\"{}\" {why}", at_most.value));
    None
}

/// A latency's margin never falls below this: the clock and the scheduler are no better (method, 3.1).
const FLOOR: Span = Span::from_ms(2);

/// The method's defaults (3.1): 10 % of a latency, 20 % from p99.9 on; 10 % or 1 point of throttled, and so of an authorizer's hits; 25 % or
/// 0.1 points of errors; 35 % or 0.1 points of cold starts; 2 points of a cache's hits.
fn default_margin(metric: Metric) -> Within {
    let (share, absolute) = match metric {
        Metric::Latency(p) => (if p >= 0.999 { 0.2 } else { 0.1 }, Absolute::Time(FLOOR)),
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
        (_, None) | (Metric::Latency(_), Some(Absolute::Time(_))) | (Metric::Ratio(_), Some(Absolute::Points(_))) => true,
        (Metric::Latency(_), Some(Absolute::Points(_))) | (Metric::Ratio(_), Some(Absolute::Time(_))) => false,
    };
    if !fits {
        let (what, cure) = match metric {
            Metric::Latency(_) => ("a latency", "\"15%\" or \"5ms\""),
            Metric::Ratio(_) => ("a share of the requests", "\"1 point\" or \"10%\""),
        };
        reader.report_at(&within.spot, format!("\"{}\" is not the margin of {what}; write e.g. {cure}", within.value));
        return None;
    }
    let floor = match metric {
        Metric::Latency(_) if relative.is_some() => FLOOR.as_ns() as f64,
        Metric::Latency(_) | Metric::Ratio(_) => 0.0,
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
