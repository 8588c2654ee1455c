//! A distribution of times: `24ms`, `{ p50: 24ms, p99: 77ms }`, `{ lognormal: { median: 24ms, sigma: 0.5 } }`,
//! `{ gamma: { mean: 30ms, shape: 4 } }`, `{ exponential: 20ms }`, `{ histogram: [ { to: 10ms, count: 5 } ] }`.

use sluicegate_policy::latency::{Latency, LatencyError};
use sluicegate_policy::time::Span;

use super::quantity::{quantile, quantile_name};
use super::{Count, Decimal, Duration};
use crate::config::problem::{listed, suggestion};
use crate::config::reader::{Read, Reader, Scalar, section};
use crate::config::tree::{Entry, Kind, Node};

/// A distribution as it is written; proven by making the [`Latency`].
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum Shape {
    /// Always the same.
    Constant(Duration),
    /// Given by quantiles, interpolated between them.
    Quantiles(Vec<(f64, Duration)>),
    /// By its median and the spread of its logarithm.
    Lognormal(Lognormal),
    /// By mean and shape.
    Gamma(Gamma),
    /// By its mean.
    Exponential(Duration),
    /// As it was measured.
    Histogram(Vec<Bin>),
}

section! {
    /// A lognormal distribution.
    Lognormal {
        /// Half are shorter.
        median: Duration,
        /// Standard deviation of the logarithm; 0.5 spreads p99 to 3.2 times the median.
        sigma: Decimal,
    }
}

section! {
    /// A gamma distribution.
    Gamma {
        /// Its mean.
        mean: Duration,
        /// Its shape; 1 is exponential, larger is narrower.
        shape: Decimal,
    }
}

section! {
    /// One bin of a histogram: so many values above the bin before and up to `to`.
    Bin {
        /// The largest value of the bin.
        to: Duration,
        /// How many values.
        count: Count,
    }
}

const NAMES: [&str; 4] = ["lognormal", "gamma", "exponential", "histogram"];

impl Scalar for ShapeText {
    const KIND: &'static str = "a distribution of times";
    const CURE: &'static str = "write a duration such as 24ms, or quantiles such as { p50: 24ms, p99: 77ms }";
}

/// A shape as one scalar: a constant.
struct ShapeText(Duration);

impl std::str::FromStr for ShapeText {
    type Err = super::Unreadable;

    fn from_str(text: &str) -> Result<Self, super::Unreadable> {
        text.parse().map(Self).map_err(|_| super::Unreadable::new::<Self>(text))
    }
}

impl std::fmt::Display for ShapeText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Shape {
    /// A constant.
    pub(in crate::config) const fn constant(span: Span) -> Self {
        Self::Constant(Duration(span))
    }

    /// A lognormal distribution.
    pub(in crate::config) const fn lognormal(median: Span, sigma: Decimal) -> Self {
        Self::Lognormal(Lognormal { median: Duration(median), sigma })
    }

    /// The distribution, if the numbers make one.
    pub(in crate::config) fn latency(&self) -> Result<Latency, LatencyError> {
        match self {
            Self::Constant(span) => Ok(Latency::constant(span.0)),
            Self::Quantiles(quantiles) => {
                Latency::quantiles(&quantiles.iter().map(|(p, span)| (*p, span.0)).collect::<Vec<_>>())
            }
            Self::Lognormal(by) => Latency::lognormal(by.median.0, by.sigma.0),
            Self::Gamma(by) => Latency::gamma(by.mean.0, by.shape.0),
            Self::Exponential(mean) => Latency::exponential(mean.0),
            Self::Histogram(bins) => {
                Latency::empirical(&bins.iter().map(|bin| (bin.to.0, u64::from(bin.count.0))).collect::<Vec<_>>())
            }
        }
    }
}

impl Read for Shape {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let entries = match &node.kind {
            Kind::Null | Kind::Scalar(_) | Kind::List(_) => {
                return reader.scalar::<ShapeText>(node).map(|text| Self::Constant(text.0));
            }
            Kind::Map(entries) => entries,
        };
        if entries.iter().any(|entry| quantile(&entry.key).is_some()) {
            return quantiles(node, entries, reader);
        }
        match entries.as_slice() {
            [only] => named(only, reader),
            _ => {
                let what = format!("a distribution has one name; write quantiles such as p50 and p99, or one of {}", listed(NAMES));
                reader.report(&node.place, what);
                None
            }
        }
    }
}

fn quantiles(node: &Node, entries: &[Entry], reader: &mut Reader) -> Option<Shape> {
    reader.twice(node);
    let read: Vec<Option<_>> = entries
        .iter()
        .map(|entry| {
            reader.under(&entry.key, |reader| match quantile(&entry.key) {
                Some(p) => reader.scalar::<Duration>(&entry.value).map(|span| (p, span)),
                None => {
                    reader.report(&entry.place, "this is not a quantile; beside quantiles write only quantiles, e.g. p99.9");
                    None
                }
            })
        })
        .collect();
    read.into_iter().collect::<Option<_>>().map(Shape::Quantiles)
}

fn named(entry: &Entry, reader: &mut Reader) -> Option<Shape> {
    let value = &entry.value;
    reader.under(&entry.key, |reader| match entry.key.as_str() {
        "lognormal" => Lognormal::read(value, reader).map(Shape::Lognormal),
        "gamma" => Gamma::read(value, reader).map(Shape::Gamma),
        "exponential" => reader.scalar(value).map(Shape::Exponential),
        "histogram" => Vec::read(value, reader).map(Shape::Histogram),
        other => {
            let near = suggestion(other, NAMES);
            let near = if near.is_empty() { ";".to_owned() } else { near };
            let what = format!("there is no distribution of that name{near} write quantiles such as p50, or {}", listed(NAMES));
            reader.report(&entry.place, what);
            None
        }
    })
}

impl serde::Serialize for Shape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Constant(span) => span.serialize(serializer),
            Self::Quantiles(quantiles) => serializer.collect_map(quantiles.iter().map(|(p, span)| (quantile_name(*p), span))),
            Self::Lognormal(by) => serializer.collect_map([("lognormal", by)]),
            Self::Gamma(by) => serializer.collect_map([("gamma", by)]),
            Self::Exponential(mean) => serializer.collect_map([("exponential", mean)]),
            Self::Histogram(bins) => serializer.collect_map([("histogram", bins)]),
        }
    }
}

impl schemars::JsonSchema for Shape {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Distribution".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let duration = generator.subschema_for::<Duration>();
        let one = |name: &str, value: schemars::Schema| {
            serde_json::json!({ "type": "object", "required": [name], "additionalProperties": false, "properties": { name: value } })
        };
        let lognormal = one("lognormal", generator.subschema_for::<Lognormal>());
        let gamma = one("gamma", generator.subschema_for::<Gamma>());
        let exponential = one("exponential", duration.clone());
        let histogram = one("histogram", generator.subschema_for::<Vec<Bin>>());
        schemars::json_schema!({
            "description": "A distribution of times: a constant, quantiles, a named distribution, or a histogram",
            "oneOf": [
                duration.clone(),
                { "type": "object", "minProperties": 1, "additionalProperties": false, "patternProperties": { r"^p[0-9]{1,2}(\.[0-9]+)?$": duration } },
                lognormal, gamma, exponential, histogram
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn duration() -> impl Strategy<Value = Duration> {
        (1_u64..1 << 52).prop_map(|ns| Duration(Span::from_ns(ns)))
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let decimal = (0.0..100.0_f64).prop_map(Decimal);
        let bin = (duration(), any::<u32>()).prop_map(|(to, count)| Bin { to, count: Count(count) });
        let quantiles = proptest::collection::btree_map(1_u32..100_000_000, duration(), 1..5);
        prop_oneof![
            duration().prop_map(Shape::Constant),
            quantiles.prop_map(|q| Shape::Quantiles(q.into_iter().map(|(p, at)| (f64::from(p) / 1e8, at)).collect())),
            (duration(), decimal.clone()).prop_map(|(median, sigma)| Shape::Lognormal(Lognormal { median, sigma })),
            (duration(), decimal).prop_map(|(mean, shape)| Shape::Gamma(Gamma { mean, shape })),
            duration().prop_map(Shape::Exponential),
            proptest::collection::vec(bin, 1..4).prop_map(Shape::Histogram),
        ]
    }

    fn read(yaml: &str) -> Result<Shape, String> {
        let mut reader = Reader::new("p.yaml");
        let shape = Shape::read(&Node::parse(yaml).unwrap(), &mut reader);
        shape.ok_or_else(|| reader.into_problems().to_string())
    }

    proptest! {
        #[test]
        fn a_distribution_reads_back_as_it_was_written(shape in shape()) {
            let written = serde_json::to_string(&shape).unwrap();
            prop_assert_eq!(read(&written), Ok(shape));
        }
    }

    #[test]
    fn every_way_to_write_a_distribution_is_read_and_proven() {
        for yaml in [
            "24ms",
            "{ p50: 24ms, p99: 77ms, p99.9: 200ms }",
            "{ lognormal: { median: 24ms, sigma: 0.5 } }",
            "{ gamma: { mean: 30ms, shape: 4 } }",
            "exponential: 20ms",
            "histogram: [ { to: 10ms, count: 5 }, { to: 20ms, count: 1 } ]",
        ] {
            let shape = read(yaml).unwrap();
            assert!(shape.latency().is_ok(), "{yaml}");
        }
    }

    #[test]
    fn what_is_no_distribution_is_refused_with_the_cure() {
        for (yaml, message) in [
            (
                "24",
                "p.yaml:1:1: \"24\" is not a distribution of times; write a duration such as 24ms, or quantiles such as { p50: 24ms, p99: 77ms }",
            ),
            ("p50: 24", "p.yaml:1:6: p50: \"24\" is not a duration; write a number and a unit (ns, us, ms, s, m, h, d), e.g. \"20ms\" or \"1m30s\""),
            (
                "lognorml: { median: 1ms, sigma: 1 }",
                "p.yaml:1:1: lognorml: there is no distribution of that name, did you mean \"lognormal\"? write quantiles such as p50, or lognormal, gamma, exponential or histogram",
            ),
            ("lognormal: { median: 1ms }", "p.yaml:1:12: lognormal: the key \"sigma\" is missing; add it here"),
        ] {
            assert_eq!(read(yaml).unwrap_err(), message);
        }
    }
}
