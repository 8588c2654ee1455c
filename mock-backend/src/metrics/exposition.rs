//! The metrics as Prometheus reads them.
//!
//! Owns the names, the labels and the text format (Prometheus, "Exposition formats", text 0.0.4). Written out by hand: the crates
//! for it keep atomics and locks on the way of each answer, for a format of three kinds of lines. Refuses to count.
//!
//! | `CloudWatch`, namespace AWS/ApiGateway | here | of |
//! |---|---|---|
//! | `Count` | `aws_apigateway_count_total` | REST, HTTP |
//! | `4XXError` | `aws_apigateway_4xx_error_total` | REST |
//! | `5XXError` | `aws_apigateway_5xx_error_total` | REST |
//! | `4xx` | `aws_apigateway_4xx_total` | HTTP |
//! | `5xx` | `aws_apigateway_5xx_total` | HTTP |
//! | `CacheHitCount` | `aws_apigateway_cache_hit_count_total` | REST with a cache |
//! | `CacheMissCount` | `aws_apigateway_cache_miss_count_total` | REST with a cache |
//! | `DataProcessed` | `aws_apigateway_data_processed_bytes_total` | HTTP |
//! | `Latency` | `aws_apigateway_latency_milliseconds` (a histogram: `_bucket`, `_sum`, `_count`) | REST, HTTP |
//! | `IntegrationLatency` | `aws_apigateway_integration_latency_milliseconds` (a histogram) | REST, HTTP |
//!
//! `CloudWatch`'s `Sum` is the counter; its `Average` of an error or of the cache is that counter over `Count`. Dimensions are labels:
//! of a REST API `api_name`; `api_name`, `stage`; and with detailed metrics `api_name`, `stage`, `method`, `resource`; of an HTTP
//! API `api_id`; `api_id`, `stage`; `api_id`, `stage`, `route`. As with `CloudWatch`, each set of dimensions counts every request
//! again: a query names one set, e.g. `aws_apigateway_count_total{stage!="",method="",route=""}`.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use sluicegate_policy::model::{Api, ApiId, ApiKind, Model, Stage, StageId};

use super::{Metrics, Row};

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One set of dimensions: the labels, as text, and what is counted for them.
type Rows = BTreeMap<(ApiKind, String), Counted>;

/// A row, and whether a response cache had a part in it.
#[derive(Default)]
struct Counted {
    row: Row,
    cached: bool,
}

/// A counter: its name here, `CloudWatch`'s name and what it counts, of which kind of API, and its value, if there is one.
struct Counter {
    name: &'static str,
    means: &'static str,
    of: fn(ApiKind, &Counted) -> Option<u64>,
}

const COUNTERS: [Counter; 8] = [
    Counter { name: "count_total", means: "Count: requests.", of: |_, counted| Some(counted.row.count) },
    Counter {
        name: "4xx_error_total",
        means: "4XXError (REST): answers from 400 to 499.",
        of: |kind, counted| (kind == ApiKind::Rest).then_some(counted.row.client_errors),
    },
    Counter {
        name: "5xx_error_total",
        means: "5XXError (REST): answers from 500 to 599.",
        of: |kind, counted| (kind == ApiKind::Rest).then_some(counted.row.server_errors),
    },
    Counter {
        name: "4xx_total",
        means: "4xx (HTTP): answers from 400 to 499.",
        of: |kind, counted| (kind == ApiKind::Http).then_some(counted.row.client_errors),
    },
    Counter {
        name: "5xx_total",
        means: "5xx (HTTP): answers from 500 to 599.",
        of: |kind, counted| (kind == ApiKind::Http).then_some(counted.row.server_errors),
    },
    Counter {
        name: "cache_hit_count_total",
        means: "CacheHitCount (REST): requests answered from the cache.",
        of: |_, counted| counted.cached.then_some(counted.row.cache_hits),
    },
    Counter {
        name: "cache_miss_count_total",
        means: "CacheMissCount (REST): requests that the cache could have answered and did not.",
        of: |_, counted| counted.cached.then_some(counted.row.cache_misses),
    },
    Counter {
        name: "data_processed_bytes_total",
        means: "DataProcessed (HTTP): bytes of requests and answers.",
        of: |kind, counted| (kind == ApiKind::Http).then_some(counted.row.bytes),
    },
];

impl Metrics {
    /// The whole text.
    pub(crate) fn exposition(&self) -> String {
        let rows = self.rows();
        let mut out = String::new();
        for counter in &COUNTERS {
            // Writing to a String cannot fail.
            let _ = counter.write(&rows, &mut out);
        }
        let _ = histogram(&mut out, &rows, "latency_milliseconds", |row| &row.latency);
        let _ = histogram(&mut out, &rows, "integration_latency_milliseconds", |row| &row.integration_latency);
        out
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for (at, stage_rows) in self.stages.iter().enumerate() {
            let stage = &self.model.stages[at];
            let api = self.model.api_of(StageId(at as u16));
            let mut add = |labels: String, row: &Row| {
                let counted = rows.entry((api.kind, labels)).or_default();
                counted.row.merge(row);
                counted.cached |= stage.cache.is_some() && api.kind == ApiKind::Rest;
            };
            let of_api = api_label(api);
            let of_stage = format!("{of_api},stage=\"{}\"", Escaped(&stage.name));
            add(of_api, &stage_rows.all);
            for (route, row) in stage_rows.routes.iter().enumerate() {
                if let Some(labels) = route_labels(&self.model, stage, api.kind, route) {
                    add(format!("{of_stage},{labels}"), row);
                }
            }
            add(of_stage, &stage_rows.all);
        }
        rows
    }
}

/// `ApiName` has no characters beyond ASCII (developer guide), so that APIs whose names differ only in those are one.
fn api_label(api: &Api) -> String {
    match api.kind {
        ApiKind::Rest => {
            let name: String = api.name.chars().filter(char::is_ascii).collect();
            format!("api_name=\"{}\"", Escaped(&name))
        }
        ApiKind::Http | ApiKind::WebSocket => format!("api_id=\"{}\"", Escaped(&api.id)),
    }
}

/// The labels of a route of this stage's API; routes of several deployments that have one key share them.
fn route_labels(model: &Model, stage: &Stage, kind: ApiKind, route: usize) -> Option<String> {
    let route = &model.routes[route];
    let ApiId(api) = model.deployments[usize::from(route.deployment.0)].api;
    (api == stage.api.0).then(|| match kind {
        ApiKind::Rest => {
            let method = route.method.as_deref().unwrap_or("ANY");
            format!("method=\"{}\",resource=\"{}\"", Escaped(method), Escaped(&route.path))
        }
        ApiKind::Http | ApiKind::WebSocket => format!("route=\"{}\"", Escaped(&route.key())),
    })
}

impl Counter {
    fn write(&self, rows: &Rows, out: &mut String) -> fmt::Result {
        head(out, self.name, self.means, "counter")?;
        for ((kind, labels), counted) in rows {
            if let Some(value) = (self.of)(*kind, counted) {
                writeln!(out, "aws_apigateway_{}{{{labels}}} {value}", self.name)?;
            }
        }
        Ok(())
    }
}

fn histogram(out: &mut String, rows: &Rows, name: &str, of: fn(&Row) -> &super::Histogram) -> fmt::Result {
    let means = match name {
        "latency_milliseconds" => "Latency: from the arrival of a request to its answer.",
        _ => "IntegrationLatency: from handing over to the integration to its answer.",
    };
    head(out, name, means, "histogram")?;
    for ((_, labels), counted) in rows {
        let histogram = of(&counted.row);
        for (bound, count) in histogram.up_to() {
            writeln!(out, "aws_apigateway_{name}_bucket{{{labels},le=\"{bound}\"}} {count}")?;
        }
        let (count, sum) = (histogram.count(), histogram.sum_ms());
        writeln!(out, "aws_apigateway_{name}_bucket{{{labels},le=\"+Inf\"}} {count}")?;
        writeln!(out, "aws_apigateway_{name}_sum{{{labels}}} {sum}")?;
        writeln!(out, "aws_apigateway_{name}_count{{{labels}}} {count}")?;
    }
    Ok(())
}

fn head(out: &mut String, name: &str, means: &str, kind: &str) -> fmt::Result {
    writeln!(out, "# HELP aws_apigateway_{name} CloudWatch AWS/ApiGateway {means}")?;
    writeln!(out, "# TYPE aws_apigateway_{name} {kind}")
}

/// A label's value: backslash, quote and line break escaped.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
