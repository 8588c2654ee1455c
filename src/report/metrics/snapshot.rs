//! What of a run is told at one moment, under the names of the catalogue.
//!
//! Owns where each value comes from: most from the run so far, as its journal tells it; how many requests are due, sent and ended from the counters
//! that the progress line shows, which are ahead of the journal where answers hang; and what nobody knows before, from the record at the end.
//! Bounds: a run with more than [`SERIES_MAX`] series tells the rest as `other`. Refuses formats.

use std::collections::BTreeMap;

use super::catalogue::{self as is, CATALOGUE, Metric};
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{Answer, ConnectionsRecord, Doubt, LoadModel, LoadRecord, Quantiles, RunRecord, Verdict, Weight};

/// Series that have a label of their own: the first ones of the profile.
pub const SERIES_MAX: usize = 40;
/// The label of all others.
const OTHER: &str = "other";
const NS_PER_S: f64 = 1e9;

/// Upper bounds of the buckets of response times: three steps to the doubling, and beyond the longest time that a gateway waits.
pub(super) const BOUNDS_NS: [u64; 26] = [
    500_000,
    1_000_000,
    2_000_000,
    3_000_000,
    5_000_000,
    7_500_000,
    10_000_000,
    15_000_000,
    20_000_000,
    30_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    150_000_000,
    200_000_000,
    300_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    1_500_000_000,
    2_000_000_000,
    3_000_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
];

/// A run at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The run's own name.
    pub run: String,
    /// Its metrics, in the order of the catalogue; those of which nothing is known are left out.
    pub families: Vec<Family>,
}

/// A metric with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Which.
    pub metric: &'static Metric,
    /// A value for each combination of labels; no combination is there twice.
    pub points: Vec<Point>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Values of the metric's labels, in their order.
    pub labels: Vec<String>,
    /// The value.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// How many.
    Count(u64),
    /// How much.
    Number(f64),
    /// How many of each size.
    Times(Box<Distribution>),
}

/// Times, in buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// How many are above the bound before and not above this one.
    within: [u64; BOUNDS_NS.len()],
    /// How many there are, those above the last bound included.
    pub count: u64,
    /// Their sum in seconds.
    pub sum_s: f64,
}

/// What moves faster than the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment<'a> {
    /// Since the script's zero, in seconds.
    pub elapsed_s: f64,
    /// Requests that were due, retries included.
    pub intended: u64,
    /// Requests that were sent, ended ones only.
    pub sent: u64,
    /// Requests that were completely answered.
    pub answered: u64,
    /// Requests that ended otherwise.
    pub failed: u64,
    /// What became of what was pushed to collectors.
    pub pushed: &'a [Pushed],
}

/// What became of samples that were pushed to a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The kind of collector: `remote-write`, `otlp`.
    pub to: &'static str,
    /// Samples that it has taken.
    pub samples: u64,
    /// Samples that it will not get.
    pub lost: u64,
}

impl Distribution {
    fn add(&mut self, values: &[(u64, u32)]) {
        for (ns, count) in values {
            let count = u64::from(*count);
            let at = BOUNDS_NS.partition_point(|bound| bound < ns);
            if let Some(within) = self.within.get_mut(at) {
                *within += count;
            }
            self.count += count;
            self.sum_s += *ns as f64 / NS_PER_S * count as f64;
        }
    }

    /// Each bound in seconds, and how many times are not above it.
    pub fn up_to(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut sum = 0;
        BOUNDS_NS.into_iter().zip(self.within).map(move |(bound, within)| {
            sum += within;
            (bound as f64 / NS_PER_S, sum)
        })
    }

    /// How many are in each bucket, the last being those above every bound.
    pub fn each(&self) -> impl Iterator<Item = u64> {
        let beyond = self.count - self.within.iter().sum::<u64>();
        self.within.into_iter().chain([beyond])
    }
}

impl Snapshot {
    /// The run's name and what it is: all that is known before it begins.
    pub fn opening(run: &str, profile: &str, version: &str, load: LoadModel) -> Self {
        let load = match load {
            LoadModel::Open => "open",
            LoadModel::Closed => "closed",
        };
        let mut snapshot = Self { run: run.to_owned(), families: Vec::new() };
        snapshot.put(&is::RUN_INFO, vec![point([load, profile, version], Value::Count(1))]);
        snapshot
    }

    /// The run so far.
    pub fn so_far(record: &RunRecord, seconds: &KeptSeconds, verdicts: &[Verdict]) -> Self {
        let plan = &record.plan;
        let run = record.id.as_deref().unwrap_or_default();
        let mut snapshot = Self::opening(run, &plan.profile, &plan.sluicegate, plan.model);
        snapshot.put(&is::PLANNED, vec![single(Value::Number(plan.duration_ns as f64 / NS_PER_S))]);
        let load = record.load.clone().unwrap_or_default();
        snapshot.put_load(&load);
        snapshot.count(&is::THROTTLED, record.seconds.iter().map(|row| row.throttled).sum());
        let names = Names::of(record);
        snapshot.put(&is::REQUESTS, requests(record, &names));
        snapshot.put(&is::RESPONSE_TIME, response_times(record, seconds, &names));
        snapshot.put(&is::OTHER_SERIES, vec![single(Value::Count(names.folded as u64))]);
        if let Some(connections) = &record.connections {
            snapshot.put_connections(connections);
        }
        snapshot.put_answers(verdicts, &record.doubts);
        snapshot
    }

    /// The same at one moment.
    pub fn at(&self, moment: &Moment<'_>) -> Self {
        let mut snapshot = self.clone();
        snapshot.put(&is::ELAPSED, vec![single(Value::Number(moment.elapsed_s))]);
        let pending = moment.intended.saturating_sub(moment.answered + moment.failed);
        for (metric, count) in [
            (&is::INTENDED, moment.intended),
            (&is::SENT, moment.sent),
            (&is::ANSWERED, moment.answered),
            (&is::FAILED, moment.failed),
            (&is::PENDING, pending),
        ] {
            snapshot.count(metric, count);
        }
        let pushed = |of: fn(&Pushed) -> u64| moment.pushed.iter().map(|it| point([it.to], Value::Count(of(it)))).collect();
        snapshot.put(&is::PUSHED, pushed(|it| it.samples));
        snapshot.put(&is::LOST, pushed(|it| it.lost));
        snapshot
    }

    /// The same with what is known once the run is over.
    pub fn over(&self, record: &RunRecord) -> Self {
        let mut snapshot = self.clone();
        if let Some(load) = &record.load {
            for (metric, count) in [
                (&is::SHAPED, load.shaped),
                (&is::SENT_BYTES, load.bytes_sent),
                (&is::RECEIVED_BYTES, load.bytes_received),
                (&is::OPENED, load.connections_opened),
                (&is::RECONNECTS, load.reconnects),
            ] {
                snapshot.count(metric, count);
            }
        }
        snapshot.put_answers(&record.verdicts, &record.doubts);
        snapshot
    }

    fn put_load(&mut self, load: &LoadRecord) {
        let unsent = [("abandoned", load.abandoned), ("dropped", load.dropped), ("shed", load.shed)];
        self.put(&is::UNSENT, unsent.map(|(reason, count)| point([reason], Value::Count(count))).into());
        self.count(&is::RETRIES, load.retries_sent);
        self.count(&is::LATE, load.late.unwrap_or(0));
        self.put(&is::LAG, load.own_lag.as_ref().map(quantiles).unwrap_or_default());
    }

    fn put_connections(&mut self, connections: &ConnectionsRecord) {
        let ended: u64 = connections.closed.iter().map(|closed| closed.count).sum();
        self.count(&is::WS_OPEN, connections.opened.saturating_sub(ended));
        self.count(&is::WS_OPENED, connections.opened);
        self.put(&is::WS_REFUSED, by_label(connections.refused.iter().map(|it| (it.outcome.as_str(), it.count))));
        self.put(&is::WS_CLOSED, by_label(connections.closed.iter().map(|it| (it.by.as_str(), it.count))));
        let messages = [("down", connections.messages_down), ("up", connections.messages_up)];
        self.put(&is::WS_MESSAGES, by_label(messages.into_iter()));
    }

    fn put_answers(&mut self, verdicts: &[Verdict], doubts: &[Doubt]) {
        let answers = [Answer::Holds, Answer::Inconclusive, Answer::Violated].map(|answer| {
            let word = match answer {
                Answer::Holds => "holds",
                Answer::Inconclusive => "inconclusive",
                Answer::Violated => "violated",
            };
            (word, verdicts.iter().filter(|verdict| verdict.answer == answer).count() as u64)
        });
        self.put(&is::VERDICTS, by_label(answers.into_iter()));
        let weights = [(Weight::Invalid, "invalid"), (Weight::Note, "note")]
            .map(|(weight, word)| (word, doubts.iter().filter(|doubt| doubt.weight == weight).count() as u64));
        self.put(&is::DOUBTS, by_label(weights.into_iter()));
    }

    fn count(&mut self, metric: &'static Metric, count: u64) {
        self.put(metric, vec![single(Value::Count(count))]);
    }

    /// Puts a metric in its place, instead of what was told of it before.
    fn put(&mut self, metric: &'static Metric, points: Vec<Point>) {
        self.families.retain(|family| family.metric != metric);
        if points.is_empty() {
            return;
        }
        let place = |of: &Metric| CATALOGUE.iter().position(|metric| *metric == of);
        let at = self.families.partition_point(|family| place(family.metric) < place(metric));
        self.families.insert(at, Family { metric, points });
    }
}

/// The series' labels.
struct Names<'a> {
    names: Vec<&'a str>,
    folded: usize,
}

impl<'a> Names<'a> {
    fn of(record: &'a RunRecord) -> Self {
        let label = |(at, name): (usize, &'a str)| if at < SERIES_MAX { name } else { OTHER };
        let names: Vec<&str> = record.series.iter().map(|series| series.name.as_str()).enumerate().map(label).collect();
        Self { folded: names.len().saturating_sub(SERIES_MAX), names }
    }

    fn label(&self, series: usize) -> &'a str {
        self.names.get(series).copied().unwrap_or(OTHER)
    }
}

fn requests(record: &RunRecord, names: &Names<'_>) -> Vec<Point> {
    let mut counts: BTreeMap<[String; 4], u64> = BTreeMap::new();
    for (at, series) in record.series.iter().enumerate() {
        for outcome in &series.outcomes {
            let class = outcome.status.map_or_else(|| "none".to_owned(), |status| format!("{}xx", status / 100));
            let labels = [outcome.blame.clone(), outcome.outcome.clone(), names.label(at).to_owned(), class];
            *counts.entry(labels).or_default() += outcome.count;
        }
    }
    counts.into_iter().map(|(labels, count)| Point { labels: labels.into(), value: Value::Count(count) }).collect()
}

/// Of every series, whether or not it was answered yet: a quantile needs a first value to count from.
fn response_times(record: &RunRecord, seconds: &KeptSeconds, names: &Names<'_>) -> Vec<Point> {
    let warm = u32::try_from(record.plan.warmup_ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX);
    let mut times: BTreeMap<&str, Box<Distribution>> = names.names.iter().map(|name| (*name, Box::default())).collect();
    for (series, values) in seconds.answered_times(warm) {
        times.entry(names.label(usize::from(series.0))).or_default().add(&values);
    }
    times.into_iter().map(|(name, times)| point([name], Value::Times(times))).collect()
}

fn quantiles(lag: &Quantiles) -> Vec<Point> {
    let shares = [("0.5", lag.p50_ns), ("0.9", lag.p90_ns), ("0.99", lag.p99_ns), ("1", lag.max_ns)];
    shares.map(|(share, ns)| point([share], Value::Number(ns as f64 / NS_PER_S))).into()
}

/// Counts under one label, those of the same value added up.
fn by_label<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Vec<Point> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (label, count) in counts {
        let sum = sums.entry(label).or_default();
        *sum = sum.saturating_add(count);
    }
    sums.into_iter().map(|(label, count)| point([label], Value::Count(count))).collect()
}

const fn single(value: Value) -> Point {
    Point { labels: Vec::new(), value }
}

fn point<const N: usize>(labels: [&str; N], value: Value) -> Point {
    Point { labels: labels.map(str::to_owned).into(), value }
}
