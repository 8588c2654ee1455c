//! The catalogue against Prometheus's rules and against the dashboard; snapshots against runs of known samples; formats against their own decoding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;
use serde_json::Value as Json;
use sluicegate_policy::time::Span;

use super::*;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{RunRecord, SeriesRecord};
use crate::measure::recorder::{Detail, Layout};
use crate::measure::scripted::{answered, failed};
use crate::measure::{Outcome, Record, Recorder, Sample, summary};
use crate::report::{sample, spans};

const DASHBOARD: &str = include_str!("../../../docs/grafana/sluicegate.json");
const AT_NS: u64 = 1_700_000_000_123_456_789;

/// The record of these samples so far, and its seconds.
fn told(samples: &[Sample], series: &[&str]) -> (RunRecord, KeptSeconds) {
    let names: Vec<String> = series.iter().map(|name| (*name).to_owned()).collect();
    let layout = Layout { series: names, duration: Span::from_secs(10), detail: Detail::Seconds, ..Layout::default() };
    let mut recorder = Recorder::new(Arc::new(layout));
    for sample in samples {
        recorder.on_sample(sample);
    }
    let mut record = sample::holding();
    record.plan.warmup_ns = 0;
    record.load = Some(summary::load(&recorder));
    record.series = summary::series(&recorder);
    record.seconds = summary::seconds(&recorder, |_| None);
    (record, KeptSeconds::of(recorder.intervals().clone()))
}

fn so_far(samples: &[Sample], series: &[&str]) -> Snapshot {
    let (record, seconds) = told(samples, series);
    Snapshot::so_far(&record, &seconds, &record.verdicts)
}

/// Every metric of a run that has everything, at its end.
fn whole() -> Snapshot {
    let (mut record, seconds) = told(&[answered(0.5, 12.0), answered(1.5, 700.0).of_series(1)], &["GET /a", "GET \"\\\n"]);
    record.connections = sample::of_sessions().connections;
    let pushed = [Pushed { to: "otlp", samples: 120, lost: 3 }];
    let moment = Moment { elapsed_s: 2.25, intended: 9, sent: 7, answered: 5, failed: 1, pushed: &pushed };
    Snapshot::so_far(&record, &seconds, &record.verdicts).at(&moment).over(&record)
}

/// Every number that may only grow, by its name and labels.
fn growing(snapshot: &Snapshot) -> BTreeMap<(String, Vec<String>), u64> {
    let mut all = BTreeMap::new();
    for family in snapshot.families.iter().filter(|family| family.metric.kind != Kind::Gauge) {
        for Point { labels, value } in &family.points {
            let name = |of: &str| (format!("{}{of}", family.metric.name), labels.clone());
            match value {
                Value::Count(count) => all.extend([(name(""), *count)]),
                Value::Number(number) => panic!("{number} is no count of {}", family.metric.name),
                Value::Times(times) => {
                    all.extend(times.up_to().map(|(bound, count)| (name(&format!("<={bound}")), count)));
                    all.extend([(name(" count"), times.count), (name(" sum in ns"), (times.sum_s * 1e9).round() as u64)]);
                }
            }
        }
    }
    all
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let names: BTreeSet<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), CATALOGUE.len(), "a name is there twice");
    let name = Regex::new("^sluicegate_[a-z]+(_[a-z]+)*$").unwrap();
    for metric in CATALOGUE {
        assert!(name.is_match(metric.name), "{}", metric.name);
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        let stem = metric.name.trim_end_matches("_total");
        assert_eq!(metric.unit == "s", stem.ends_with("_seconds"), "{}", metric.name);
        assert_eq!(metric.unit == "By", stem.ends_with("_bytes"), "{}", metric.name);
        // A unit of 1 would have Prometheus's translation of OTLP call a gauge a ratio.
        assert!(metric.unit.len() != 1 || metric.unit == "s", "{}", metric.name);
        assert!(metric.labels.is_sorted() && !metric.labels.contains(&RUN) && !metric.labels.contains(&"le"), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}", metric.name);
    }
}

#[test]
fn a_run_that_has_everything_tells_every_metric_of_the_catalogue_once_and_in_its_order() {
    let whole = whole();
    let names: Vec<&str> = whole.families.iter().map(|family| family.metric.name).collect();
    assert_eq!(names, CATALOGUE.map(|metric| metric.name));
    for family in &whole.families {
        let labels: BTreeSet<&Vec<String>> = family.points.iter().map(|point| &point.labels).collect();
        assert_eq!(labels.len(), family.points.len(), "a combination of labels is there twice: {family:?}");
        assert!(family.points.iter().all(|point| point.labels.len() == family.metric.labels.len()), "{family:?}");
    }
    assert_eq!(whole.at(&Moment::default()).families.len(), CATALOGUE.len() - 2, "who pushes nothing tells nothing of it");
}

#[test]
fn what_is_told_of_known_samples_is_what_a_pencil_finds() {
    // On a bound, just above it, above all; and what has no answer has no time.
    let samples = [answered(0.1, 0.5), answered(0.2, 0.6), answered(0.3, 61_000.0).status(503), failed(0.4, Outcome::Refused)];
    let snapshot = so_far(&samples, &["GET /a"]);
    let text = exposition::write(&snapshot);
    let run = "run=\"20261122T175931-0a1b2c3d\"";
    for line in [
        format!("sluicegate_response_time_seconds_bucket{{{run},series=\"GET /a\",le=\"0.0005\"}} 1"),
        format!("sluicegate_response_time_seconds_bucket{{{run},series=\"GET /a\",le=\"0.001\"}} 2"),
        format!("sluicegate_response_time_seconds_bucket{{{run},series=\"GET /a\",le=\"60\"}} 2"),
        format!("sluicegate_response_time_seconds_bucket{{{run},series=\"GET /a\",le=\"+Inf\"}} 3"),
        format!("sluicegate_response_time_seconds_count{{{run},series=\"GET /a\"}} 3"),
        format!(
            "sluicegate_requests_total{{{run},blame=\"nobody\",outcome=\"answered\",series=\"GET /a\",status_class=\"2xx\"}} 2"
        ),
        format!(
            "sluicegate_requests_total{{{run},blame=\"network\",outcome=\"refused\",series=\"GET /a\",status_class=\"none\"}} 1"
        ),
        format!("sluicegate_verdicts{{{run},answer=\"holds\"}} 3"),
        format!("sluicegate_series_folded{{{run}}} 0"),
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
    }
    let sum = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("sluicegate_response_time_seconds_sum{{{run},series=\"GET /a\"}} ")));
    let sum: f64 = sum.expect("a sum").parse().unwrap();
    assert!((sum - 61.0011).abs() < 0.061, "{sum}");
}

#[test]
fn counters_and_buckets_only_grow_while_a_run_goes_on() {
    let series = ["a", "b"];
    let samples: Vec<Sample> = (0..60_u16)
        .map(|at| {
            let second = f64::from(at) / 7.0;
            match at % 5 {
                0 => failed(second, Outcome::TimedOut).of_series(at % 2),
                1 => answered(second, 3.0).status(429).of_series(at % 2),
                2 => failed(second, Outcome::Dropped),
                _ => answered(second, f64::from(at * at)).of_series(at % 2),
            }
        })
        .collect();
    let mut before = growing(&so_far(&[], &series));
    for upto in 1..=samples.len() {
        let now = growing(&so_far(&samples[..upto], &series));
        for (key, value) in &before {
            assert!(now.get(key).is_some_and(|now| now >= value), "{key:?} was {value} and is {:?}", now.get(key));
        }
        before = now;
    }
    assert!(before.values().sum::<u64>() > 500, "{before:?}");
}

#[test]
fn series_beyond_the_cap_are_counted_together() {
    let names: Vec<String> = (0..100).map(|n| format!("GET /{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let samples: Vec<Sample> = (0..100).map(|n| answered(0.5, 5.0).of_series(n)).collect();
    let snapshot = so_far(&samples, &names);
    let family = |name: &str| snapshot.families.iter().find(|family| family.metric.name == name).expect("it is told");
    for (name, at) in [("sluicegate_requests_total", 2), ("sluicegate_response_time_seconds", 0)] {
        let points = &family(name).points;
        assert_eq!(points.len(), SERIES_MAX + 1, "{name}");
        let other = points.iter().find(|point| point.labels[at] == "other").expect("there are others");
        let count = match &other.value {
            Value::Count(count) => *count,
            Value::Times(times) => times.count,
            Value::Number(_) => panic!("{name} counts"),
        };
        assert_eq!(count, 60, "{name}");
    }
    assert_eq!(family("sluicegate_series_folded").points[0].value, Value::Count(60));
}

#[test]
fn the_text_has_nothing_that_a_name_could_break() {
    let text = exposition::write(&whole());
    assert!(text.contains("series=\"GET \\\"\\\\\\n\""), "{text}");
    let line = Regex::new(
        r#"^(# (HELP|TYPE) sluicegate_\w+ .+|sluicegate_\w+\{run="[^"\\]*"(,\w+="([^"\\]|\\["\\n])*")*\} (\d+|\d+\.\d+))$"#,
    );
    let line = line.unwrap();
    for told in text.lines() {
        assert!(line.is_match(told), "{told}");
    }
    assert!(text.ends_with('\n'));
}

/// The fields of a protobuf message: number, and the bytes of what stands there (eight for a double, those of a number as it is).
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().expect("a number goes on");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let value = match key & 7 {
            0 => number(&mut bytes).to_le_bytes().to_vec(),
            kind => {
                let length = if kind == 1 { 8 } else { number(&mut bytes) as usize };
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                value.to_vec()
            }
        };
        all.push((key >> 3, value));
    }
    all
}

fn of(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    fields(message).into_iter().filter(|(at, _)| *at == number).map(|(_, value)| value).collect()
}

fn text(message: &[u8], number: u64) -> String {
    of(message, number).concat().try_into().expect("text")
}

#[test]
fn a_pushed_block_has_every_sample_under_labels_in_order_and_ends_its_series() {
    let snapshot = whole();
    let body = remote_write::write(&snapshot, AT_NS, Part::Last);
    let message = snap::raw::Decoder::new().decompress_vec(&body.bytes).expect("a snappy block");
    let series = of(&message, 1);
    assert_eq!(series.len() as u64, body.samples);
    let lines = exposition::write(&snapshot).lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(series.len(), lines, "as many as are scraped");
    let mut sums = BTreeMap::new();
    for one in &series {
        let labels: Vec<(String, String)> = of(one, 1).iter().map(|label| (text(label, 1), text(label, 2))).collect();
        assert!(labels.is_sorted_by(|a, b| a.0 < b.0) && labels[0].0 == "__name__", "{labels:?}");
        assert!(labels.iter().any(|(name, value)| name == RUN && *value == snapshot.run), "{labels:?}");
        let numbers = |number| {
            let samples = of(one, 2);
            samples
                .iter()
                .map(|sample| u64::from_le_bytes(of(sample, number).concat().try_into().unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(2), [1_700_000_000_123, 1_700_000_000_124], "milliseconds");
        let [value, stale] = numbers(1)[..] else { panic!("two samples") };
        assert_eq!(stale, 0x7ff0_0000_0000_0002);
        *sums.entry(labels[0].1.clone()).or_insert(0.0) += f64::from_bits(value);
    }
    assert!((sums["sluicegate_requests_intended_total"] - 9.0).abs() < 1e-9);
    assert!((sums["sluicegate_response_time_seconds_sum"] - 0.712).abs() < 1e-3);
    assert!((sums["sluicegate_lost_samples_total"] - 3.0).abs() < 1e-9);
    assert_eq!(of(&message, 3).len(), 0);
    let first = remote_write::write(&snapshot, AT_NS, Part::First);
    let first = snap::raw::Decoder::new().decompress_vec(&first.bytes).expect("a snappy block");
    let told: Vec<(String, u8)> = of(&first, 3).iter().map(|it| (text(it, 2), of(it, 1).concat()[0])).collect();
    assert_eq!(told.len(), CATALOGUE.len());
    assert!(
        told.contains(&("sluicegate_requests_total".to_owned(), 1))
            && told.contains(&("sluicegate_response_time_seconds".to_owned(), 3))
    );
    assert!(of(&first, 1).iter().all(|one| of(one, 2).len() == 1));
}

#[test]
fn a_collector_of_opentelemetry_gets_the_same_numbers() {
    let snapshot = whole();
    let body = otlp::write(&snapshot, "1.2.3", AT_NS - 5, AT_NS);
    let message: Json = serde_json::from_slice(&body.bytes).unwrap();
    let metrics = message.pointer("/resourceMetrics/0/scopeMetrics/0/metrics").and_then(Json::as_array).expect("metrics");
    let named = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(metrics.len(), CATALOGUE.len());
    let intended = &named("sluicegate_requests_intended_total")["sum"];
    assert_eq!((&intended["isMonotonic"], &intended["aggregationTemporality"]), (&Json::from(true), &Json::from(2)));
    let point = &intended["dataPoints"][0];
    assert_eq!((&point["asInt"], &point["timeUnixNano"]), (&Json::from("9"), &Json::from(AT_NS.to_string())));
    assert_eq!(point["startTimeUnixNano"], Json::from((AT_NS - 5).to_string()));
    let times = &named("sluicegate_response_time_seconds")["histogram"]["dataPoints"];
    for point in times.as_array().expect("points") {
        let counts: Vec<u64> =
            point["bucketCounts"].as_array().expect("counts").iter().map(|it| it.as_str().unwrap().parse().unwrap()).collect();
        let bounds = point["explicitBounds"].as_array().expect("bounds").len();
        assert_eq!((counts.len(), counts.iter().sum::<u64>()), (bounds + 1, 1), "{point}");
    }
    let points: usize = metrics
        .iter()
        .map(|metric| {
            ["sum", "gauge", "histogram"]
                .iter()
                .filter_map(|kind| metric[*kind]["dataPoints"].as_array())
                .map(Vec::len)
                .sum::<usize>()
        })
        .sum();
    assert_eq!(points as u64, body.samples);
}

#[test]
fn an_answer_that_took_only_a_part_says_how_much_it_refused() {
    for (answer, rejected) in [
        ("{\"partialSuccess\":{\"rejectedDataPoints\":\"7\",\"errorMessage\":\"old\"}}", 7),
        ("{\"partialSuccess\":{\"rejectedDataPoints\":7}}", 7),
        ("{\"partialSuccess\":{}}", 0),
        ("{}", 0),
        ("", 0),
        ("no json", 0),
    ] {
        assert_eq!(otlp::rejected(answer.as_bytes()), rejected, "{answer}");
        let of_spans = answer.replace("DataPoints", "Spans");
        assert_eq!(spans::rejected(of_spans.as_bytes()), rejected, "{of_spans}");
    }
}

#[test]
fn the_dashboard_asks_for_every_metric_and_for_no_other_by_labels_that_each_has() {
    let dashboard: Json = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let metric = Regex::new(r"sluicegate_\w+").unwrap();
    let labels = Regex::new(r#"(\w+)\s*(?:=~|!~|!=|=)\s*"|\bby \(([^)]*)\)|\{\{(\w+)\}\}"#).unwrap();
    let mut asked = BTreeSet::new();
    let mut queries = 0;
    let panels = dashboard["panels"].as_array().expect("panels");
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
        let (query, legend) = (target["expr"].as_str().expect("a query"), target["legendFormat"].as_str().unwrap_or_default());
        let mut has = BTreeSet::from([RUN]);
        for found in metric.find_iter(query) {
            let plain = CATALOGUE.iter().find(|metric| metric.name == found.as_str() && metric.kind != Kind::Histogram);
            let part = |metric: &&&Metric| {
                ["_bucket", "_sum", "_count"].iter().any(|part| found.as_str() == format!("{}{part}", metric.name))
            };
            let histogram = CATALOGUE.iter().filter(|metric| metric.kind == Kind::Histogram).find(part);
            let known = plain.or(histogram).unwrap_or_else(|| panic!("{} is no metric: {query}", found.as_str()));
            has.extend(known.labels);
            has.extend(found.as_str().ends_with("_bucket").then_some("le"));
            asked.insert(known.name);
        }
        for found in labels.captures_iter(&format!("{query} {legend}")) {
            for label in (1..=3).filter_map(|at| found.get(at)).flat_map(|it| it.as_str().split(',')) {
                assert!(has.contains(label.trim()), "{label} is no label of what is asked for: {query} {legend}");
            }
        }
        assert!(query.contains("run=~\"$run\""), "every query is of the runs that are chosen: {query}");
        queries += 1;
    }
    let all: BTreeSet<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
    assert_eq!(asked, all);
    assert!(queries >= all.len());
    assert!(DASHBOARD.contains("label_values(sluicegate_run_info, run)"));
}

#[test]
fn a_run_of_many_series_and_outcomes_stays_within_the_bound() {
    let mut record = sample::holding();
    let one = record.series[0].clone();
    record.series = (0..10_000).map(|n| SeriesRecord { name: format!("GET /{n}"), ..one.clone() }).collect();
    let seconds = told(&[], &[]).1;
    let text = exposition::write(&Snapshot::so_far(&record, &seconds, &[]));
    assert!(text.lines().count() < 3_000, "{} lines", text.lines().count());
}
