//! What to do next: for each conclusion, and for each assumption that is violated or open, by what this run had and what it did not.
//!
//! Owns which advice is given, and that none tells to do what was done already. Refuses to judge: answers, parts that departed, limits and outcomes
//! stand in the record. Called by the reports, each of which writes it in its own way.

use crate::measure::record::{Answer, Departed, LimitRecord, NetworkSource, OutcomeRecord, RunRecord, Verdict, Weight};

use super::comparison::Comparison;
use super::conclusion::Conclusion;
use super::quantity::{count, counted, planned_length, share};

/// More assumptions than this get no advice of their own.
const ASSUMPTIONS_MAX: usize = 6;
/// A limit that is used by this share is in the way.
const NEAR: f64 = 0.9;

/// One advice, in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Advice(Vec<Piece>);

/// A piece of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Words; names from outside may be among them.
    Said(String),
    /// What is typed, as it is typed.
    Code(String),
}

impl Advice {
    fn said(words: impl Into<String>) -> Self {
        Self::default().and(words)
    }

    fn and(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Said(words.into()));
        self
    }

    fn code(mut self, typed: impl Into<String>) -> Self {
        self.0.push(Piece::Code(typed.into()));
        self
    }

    /// Its pieces, in order.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// As text, with what is typed between backticks.
    pub(super) fn text(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Said(words) => words.clone(),
            Piece::Code(typed) => format!("`{typed}`"),
        };
        self.0.iter().map(piece).collect()
    }
}

/// What somebody who reads this record would do next; never nothing.
pub(super) fn next(record: &RunRecord, conclusion: Conclusion) -> Vec<Advice> {
    match conclusion {
        Conclusion::Holds(_) => vec![
            Advice::said("Nothing. Keep this run's folder: ")
                .code("sluicegate compare BEFORE AFTER")
                .and(" holds a later run against it."),
        ],
        Conclusion::NothingClaimed => vec![
            Advice::said("Say in the profile what is expected (")
                .code("expect")
                .and("), so that the next run has something to judge."),
        ],
        Conclusion::Violated(_) => violated(record),
        Conclusion::Inconclusive(_) => open(record),
        Conclusion::Baseline(comparison) => vec![since_baseline(comparison)],
        Conclusion::Interrupted(_) | Conclusion::Unfinished => vec![Advice::said("Run it again, to its end.")],
        Conclusion::Aborted(_) => vec![
            Advice::said("Find out why the target came to this, or change the condition (")
                .code("abort")
                .and(" in the profile)."),
        ],
        Conclusion::Failed => vec![Advice::said("Mend what is named above, and run it again.")],
        Conclusion::Invalid => invalid(record),
    }
}

/// Where the baseline decides.
fn since_baseline(comparison: Comparison) -> Advice {
    match comparison {
        Comparison::Violated(_) => Advice::said("Find what changed since the baseline: ")
            .code("sluicegate history --trend")
            .and(" shows with which run. If the change is meant, name another ")
            .code("--baseline")
            .and("."),
        Comparison::Inconclusive(_) => Advice::said("Give it more data, as said above for each claim: a longer ")
            .code("--duration")
            .and(", of the baseline too, or a wider margin in the profile."),
        Comparison::NotComparable => {
            Advice::said("Drive both with one script: the same traffic and the same seed, each to its end.")
        }
        Comparison::Holds(_) | Comparison::NothingClaimed => Advice::said("Nothing. Say in the profile what is expected (")
            .code("expect")
            .and("), and the model is held against the run, too."),
    }
}

/// The advice of each doubt that invalidates the run.
fn invalid(record: &RunRecord) -> Vec<Advice> {
    let doubts = record.doubts.iter().filter(|doubt| doubt.weight == Weight::Invalid && !doubt.advice.is_empty());
    let advice: Vec<Advice> = doubts.map(|doubt| Advice::said(capital(&doubt.advice) + ".")).collect();
    if advice.is_empty() { vec![Advice::said("Run it again on a machine that has nothing else to do.")] } else { advice }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// For each assumption that is violated, and then for the model.
fn violated(record: &RunRecord) -> Vec<Advice> {
    if !record.plan.drift.is_empty() {
        let drift = record.plan.drift.join("; ");
        return vec![
            Advice::said("The mock was told to differ (")
                .code(format!("--drift '{drift}'"))
                .and("): that it is noticed is what was asked for. Leave it out to check the model."),
        ];
    }
    let mut all: Vec<Advice> = Vec::new();
    let violated = record.verdicts.iter().filter(|verdict| verdict.answer == Answer::Violated);
    for verdict in violated.clone().take(ASSUMPTIONS_MAX) {
        let advice = of_one(record, verdict);
        if !all.contains(&advice) {
            all.push(advice);
        }
    }
    let more = violated.count().saturating_sub(ASSUMPTIONS_MAX);
    if more > 0 {
        all.push(Advice::said(format!("{} more stand above, each with its reason.", count(more as u64))));
    }
    all.push(
        Advice::said("If the target is right and the model is not: ")
            .code("sluicegate fit RUN -o fitted.yaml")
            .and(" fits the model to this run."),
    );
    all
}

/// What an assumption is about.
enum About {
    /// The time of a part.
    Part(&'static str),
    Latency,
    Throttled,
    Errors,
    /// What only the gateway tells.
    Told(&'static str),
}

impl About {
    /// By the words of a profile's claims, without the route, which may be called anything.
    fn of(name: &str) -> Self {
        let part = ["network latency", "gateway latency", "authorizer latency", "integration latency"];
        let told = ["cold starts", "cache hits", "authorizer hits"];
        if let Some(part) = part.into_iter().find(|part| name.contains(part)) {
            return Self::Part(part.trim_end_matches(" latency"));
        }
        if let Some(told) = told.into_iter().find(|told| name.contains(told)) {
            return Self::Told(told);
        }
        match () {
            () if name.contains("latency p") => Self::Latency,
            () if name.contains("throttled") => Self::Throttled,
            () => Self::Errors,
        }
    }
}

/// What is claimed, without the series that it is claimed of.
fn metric<'a>(record: &RunRecord, name: &'a str) -> &'a str {
    record.series.iter().find_map(|series| after(name, &series.name)).unwrap_or(name)
}

/// What follows a series in the name of a claim about it; `None` of a claim about another one.
fn after<'a>(name: &'a str, series: &str) -> Option<&'a str> {
    name.strip_prefix(series)?.strip_prefix(' ')
}

fn of_one(record: &RunRecord, verdict: &Verdict) -> Advice {
    let name = &verdict.assumption;
    let below = verdict.observed.zip(verdict.band).is_some_and(|(observed, (low, _))| observed < low);
    match About::of(metric(record, name)) {
        About::Part(_) | About::Latency | About::Throttled | About::Errors if below => Advice::said(format!(
            "{name}: the target does better than the model says; if it always does, narrow the model to it."
        )),
        About::Part(part) => Advice::said(format!("{name}: look at the {part}; its times stand in \"Where the time went\".")),
        About::Latency => latency(record, name),
        About::Throttled => throttled(record, name),
        About::Errors => errors(record, name),
        About::Told("cold starts") => Advice::said(format!(
            "{name}: environments start more or less often than modelled; look at keep_alive, provisioned and the bursts of the traffic."
        )),
        About::Told("cache hits") => Advice::said(format!(
            "{name}: they depend on how many different requests the cache's keys tell apart and on its time to live; compare both with the target's."
        )),
        About::Told(_) => Advice::said(format!(
            "{name}: they depend on how many identities the traffic has and on how long the authorizer's answers are kept; compare both with the target's."
        )),
    }
}

/// Where to look for time: the part that departed, the limit that is near, the way there; or how to find out.
fn latency(record: &RunRecord, name: &str) -> Advice {
    let parts = record.parts.as_ref();
    let log = parts.and_then(|parts| parts.log.as_ref()).filter(|log| log.problem.is_none());
    if log.is_some() {
        let departed = departed(record, name);
        if !departed.is_empty() {
            let parts = departed.join(" and ");
            return Advice::said(format!("{name}: the {parts} departed from the model; see \"Where the time went\"."));
        }
    }
    if let Some(limit) = in_the_way(&record.limits) {
        return Advice::said(format!("{name}: {}; raise that limit, or plan a lower rate.", how_near(limit)));
    }
    let is_live = record.plan.target != "mock";
    if is_live && record.network.as_ref().is_some_and(|network| network.source == NetworkSource::Given) {
        return Advice::said(format!("{name}: the way to the gateway is taken from the profile; "))
            .code("network: probed")
            .and(" measures it before the run, and leaves it out of the verdict.");
    }
    let find = Advice::said(format!("{name}: see where the time went: "));
    match (log.is_some(), parts.is_some_and(|parts| parts.samples.is_some())) {
        (true, _) => Advice::said(format!(
            "{name}: no part departed by itself; look at what they do together, at the limits below and at the time each waited."
        )),
        (false, true) => find
            .code("sluicegate report RUN --access-log FILE")
            .and(" joins the gateway's log with the samples that this run kept."),
        (false, false) => find.code("--access-log FILE").and(" names the part that departed from the model."),
    }
}

/// The parts that departed, of the series that the assumption is about if they are told of it.
fn departed<'a>(record: &'a RunRecord, name: &str) -> Vec<&'a str> {
    let attributed = record.parts.iter().flat_map(|parts| &parts.attributed);
    let own = attributed.clone().find(|it| it.series.as_ref().is_some_and(|series| after(name, series).is_some()));
    let told = own.or_else(|| attributed.clone().find(|it| it.series.is_none()));
    told.map(|it| it.parts.iter().filter(|part| part.departed == Departed::Yes).map(|part| part.part.as_str()).collect())
        .unwrap_or_default()
}

/// The limit that refuses most; else one that is used up.
fn in_the_way(limits: &[LimitRecord]) -> Option<&LimitRecord> {
    let refuses = limits.iter().filter(|limit| limit.used().refused > 0).max_by_key(|limit| limit.used().refused);
    refuses.or_else(|| LimitRecord::bottleneck(limits).filter(|limit| limit.used().share.is_some_and(|used| used >= NEAR)))
}

fn how_near(limit: &LimitRecord) -> String {
    let used = limit.used();
    match used.share {
        _ if used.refused > 0 => format!("{} refused {}", limit.name, counted(used.refused, "request")),
        Some(part) => format!("{} was used {}", limit.name, share(part)),
        None => format!("{} was near its end", limit.name),
    }
}

fn throttled(record: &RunRecord, name: &str) -> Advice {
    let throttles = record.limits.iter().filter(|limit| limit.name.contains("throttle") && limit.used().refused > 0);
    match throttles.max_by_key(|limit| limit.used().refused) {
        Some(limit) => Advice::said(format!("{name}: {}; raise its rate or burst, or plan a lower rate with ", how_near(limit))).code("-R"),
        None => Advice::said(format!("{name}: the target throttles where the model does not; compare its stage, usage plan and account limits with the profile's, or plan a lower rate with ")).code("-R"),
    }
    .and(".")
}

/// Whose most of the errors are.
fn errors(record: &RunRecord, name: &str) -> Advice {
    let all = record.total.iter().flat_map(|total| &total.outcomes);
    let wrong = all.filter(|outcome| outcome.blame != "nobody" && outcome.kind.as_deref() != Some("throttled"));
    let Some(most) = wrong.max_by_key(|outcome| outcome.count) else {
        return Advice::said(format!("{name}: the outcomes below have whose they are."));
    };
    let OutcomeRecord { outcome, status, blame, count: n, .. } = most;
    let what = status.map_or_else(|| outcome.clone(), |status| status.to_string());
    let look = match blame.as_str() {
        "client" => "look at the traffic itself: its paths, bodies and credentials",
        "network" => {
            "look at the way there: connections that are refused or reset, and whether --timeout is longer than the target's own"
        }
        "gateway" => "look at the gateway: its authorizers, validators and limits",
        _ => "look at what stands behind the gateway: its function, back end and time-outs",
    };
    Advice::said(format!("{name}: most are {what} by the {blame} ({}); {look}.", count(*n)))
}

/// For those that are open: the length that decides them, and what does not help.
fn open(record: &RunRecord) -> Vec<Advice> {
    let open: Vec<&Verdict> = record.verdicts.iter().filter(|verdict| verdict.answer == Answer::Inconclusive).collect();
    let decidable = open.iter().filter_map(|verdict| verdict.more_s);
    let mut all = Vec::new();
    if let Some(more) = decidable.clone().max() {
        let length = planned_length(record.plan.duration_ns.saturating_add(more.saturating_mul(1_000_000_000)));
        let which = match (decidable.count(), open.len()) {
            (1, 1) => "it".to_owned(),
            (some, all) if some == all => format!("all {all}"),
            (some, all) => format!("{some} of the {all}"),
        };
        let start = Advice::said("Run longer: ").code(format!("-d {length}"));
        all.push(start.and(format!(" decides {which}, if more of the same comes; or widen the margins in the profile.")));
    }
    let hopeless: Vec<&str> =
        open.iter().filter(|verdict| verdict.more_s.is_none()).map(|verdict| verdict.assumption.as_str()).collect();
    if !hopeless.is_empty() {
        let names = hopeless.iter().take(ASSUMPTIONS_MAX).copied().collect::<Vec<_>>().join(", ");
        all.push(Advice::said(format!(
            "{names}: the reasons above say what is missing; widen the margins if that cannot be had."
        )));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::measure::record::{
        AttributedPart, AttributedRecord, JoinRecord, NetworkRecord, PartsRecord, SamplesRecord, UseRecord,
    };

    fn texts(record: &RunRecord) -> Vec<String> {
        next(record, Conclusion::of(record)).iter().map(Advice::text).collect()
    }

    fn slow() -> RunRecord {
        let mut record = sample::violated();
        record.limits.clear();
        record.plan.drift.clear();
        let verdict = record.verdicts.iter_mut().find(|verdict| verdict.answer == Answer::Violated).unwrap();
        verdict.assumption = "GET /orders/{id} latency p95".to_owned();
        (verdict.observed, verdict.band) = (Some(90e6), Some((60e6, 80e6)));
        record
    }

    #[test]
    fn a_slow_route_is_told_what_was_not_done_yet() {
        let mut record = slow();
        assert!(texts(&record)[0].contains("`--access-log FILE`"), "{:?}", texts(&record));

        let samples = Some(SamplesRecord { file: "samples.csv".to_owned(), rows: 9, refused: 0 });
        record.parts = Some(PartsRecord { samples: samples.clone(), ..PartsRecord::default() });
        assert!(texts(&record)[0].contains("`sluicegate report RUN --access-log FILE`"), "{:?}", texts(&record));

        let part = AttributedPart { part: "integration".to_owned(), departed: Departed::Yes, ..AttributedPart::default() };
        let attributed = vec![AttributedRecord { parts: vec![part], ..AttributedRecord::default() }];
        record.parts = Some(PartsRecord { samples, log: Some(JoinRecord::default()), attributed, ..PartsRecord::default() });
        assert!(texts(&record)[0].contains("the integration departed from the model"), "{:?}", texts(&record));
    }

    #[test]
    fn a_limit_that_refuses_is_named_before_anything_is_looked_for() {
        let mut record = slow();
        let observed = Some(UseRecord { share: Some(0.4), refused: 1_200, ..UseRecord::default() });
        record.limits = vec![LimitRecord { name: "capacity db".to_owned(), limit: Some(5.0), predicted: None, observed }];
        assert!(texts(&record)[0].contains("capacity db refused 1,200 requests; raise that limit"), "{:?}", texts(&record));
    }

    #[test]
    fn at_a_live_target_the_way_there_is_measured_first() {
        let mut record = slow();
        record.plan.target = "https://api.example.com/prod".to_owned();
        record.network = Some(NetworkRecord { source: NetworkSource::Given, round_trip_ns: 0, connect_ns: 0 });
        assert!(texts(&record)[0].contains("`network: probed`"), "{:?}", texts(&record));
    }

    #[test]
    fn a_drift_that_was_asked_for_is_no_riddle_and_better_is_no_fault() {
        let mut record = slow();
        let verdict = record.verdicts.iter_mut().find(|verdict| verdict.answer == Answer::Violated).unwrap();
        verdict.observed = Some(50e6);
        assert!(texts(&record)[0].contains("does better than the model says"), "{:?}", texts(&record));
        record.plan.drift = vec!["functions.orders.duration * 1.5".to_owned()];
        let [only] = texts(&record).try_into().unwrap();
        assert!(only.contains("`--drift 'functions.orders.duration * 1.5'`"), "{only}");
    }

    #[test]
    fn each_kind_of_assumption_has_advice_of_its_own() {
        let of = |name: &str| {
            let mut record = slow();
            let verdict = record.verdicts.iter_mut().find(|verdict| verdict.answer == Answer::Violated).unwrap();
            verdict.assumption = name.to_owned();
            texts(&record)[0].replace(name, "it")
        };
        let mut all: Vec<String> = [
            "latency p50",
            "integration latency p95",
            "throttled",
            "errors",
            "cold starts of orders",
            "cache hits",
            "authorizer hits",
        ]
        .map(of)
        .to_vec();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 7, "{all:#?}");
    }

    #[test]
    fn a_route_that_is_called_like_another_or_like_a_metric_is_not_taken_for_it() {
        let mut record = slow();
        record.series[0].name = "GET /throttled".to_owned();
        assert!(matches!(About::of(metric(&record, "GET /throttled latency p95")), About::Latency));
        assert!(matches!(About::of(metric(&record, "throttled")), About::Throttled));
        let departed_in = |series: &str, part: &str| AttributedRecord {
            series: Some(series.to_owned()),
            parts: vec![AttributedPart { part: part.to_owned(), departed: Departed::Yes, ..AttributedPart::default() }],
            ..AttributedRecord::default()
        };
        let attributed = vec![departed_in("GET /a", "network"), departed_in("GET /ab", "integration")];
        record.parts = Some(PartsRecord { attributed, ..PartsRecord::default() });
        assert_eq!(departed(&record, "GET /ab latency p95"), ["integration"]);
    }

    #[test]
    fn what_is_open_is_told_the_length_that_decides_it() {
        let mut record = sample::inconclusive();
        record.plan.duration_ns = 20_000_000_000;
        (record.verdicts[1].more_s, record.verdicts[2].more_s) = (Some(40), None);
        let [longer, hopeless] = texts(&record).try_into().unwrap();
        assert!(longer.contains("`-d 1m` decides 1 of the 2") || longer.contains("`-d 60s` decides 1 of the 2"), "{longer}");
        assert!(hopeless.contains(&record.verdicts[2].assumption), "{hopeless}");
    }
}
