//! What is judged: `latency p50`, `latency p99.9`, `integration latency p95`, `throttled`, `errors`, `integration errors`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`
//! and by `shape`.

use std::fmt;
use std::str::FromStr;

use super::percent::{decimal, millionths};
use super::{Unreadable, text_scalar};
use crate::measure::assumption::{Metric, Party, Ratio, Told};
use crate::measure::parts::Part;

/// A metric as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::config) struct Quantity(pub(in crate::config) Metric);

text_scalar!(
    Quantity,
    "a metric",
    "write \"latency p50\" (any quantile above p0 and below p100), \"throttled\", \"errors\", \"cold starts\", \"cache hits\" or \"authorizer hits\"; parts of a latency are \
     \"network latency p50\", \"gateway latency p50\", \"authorizer latency p50\" and \"integration latency p50\"; errors of one party are \"client errors\", \
     \"gateway errors\", \"integration errors\" and \"network errors\"",
    r"^\s*(((network|gateway|authorizer|integration)\s+)?latency\s+p[0-9.]+|throttled|((client|gateway|integration|network)\s+)?errors|(authorizer|cache)\s+hits|cold\s+starts)\s*$"
);

/// Reads `p99.9` as 0.999.
pub(super) fn quantile(text: &str) -> Option<f64> {
    let millionths = millionths(text.strip_prefix('p')?)?;
    (0 < millionths && millionths < 100_000_000).then(|| millionths as f64 / 1e8)
}

/// Whether a key of a distribution is a quantile.
pub(in crate::config) fn is_quantile(key: &str) -> bool {
    quantile(key).is_some()
}

/// Writes 0.999 as `p99.9`.
pub(super) fn quantile_name(p: f64) -> String {
    format!("p{}", decimal((p * 1e8).round() as u64))
}

fn ratios() -> impl Iterator<Item = Ratio> {
    let told = Told::ALL.map(|told| Ratio::Told(told, None));
    [Ratio::Throttled, Ratio::Errors].into_iter().chain(Party::ALL.map(Ratio::ErrorsOf)).chain(told)
}

impl FromStr for Quantity {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let metric = match words[..] {
            ["latency", p] => quantile(p).map(Metric::Latency),
            [part, "latency", p] => Part::named(part).zip(quantile(p)).map(|(part, p)| Metric::Part(part, p)),
            _ => ratios().find(|ratio| ratio.as_str() == words.join(" ")).map(Metric::Ratio),
        };
        metric.map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Metric::Latency(p) => write!(f, "latency {}", quantile_name(p)),
            Metric::Part(part, p) => write!(f, "{} latency {}", part.as_str(), quantile_name(p)),
            Metric::Ratio(ratio) => f.write_str(ratio.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_metric_reads_back_as_it_was_written(millionths in 1_u32..100_000_000) {
            let metric = Quantity(Metric::Latency(f64::from(millionths) / 1e8));
            prop_assert_eq!(metric.to_string().parse(), Ok(metric));
        }
    }

    #[test]
    fn metrics_have_names() {
        for text in [
            "latency p50",
            "latency p99.9",
            "integration latency p95",
            "network latency p50",
            "throttled",
            "errors",
            "client errors",
            "integration errors",
            "authorizer hits",
            "cold starts",
            "cache hits",
        ] {
            let metric: Quantity = text.parse().unwrap();
            assert_eq!(metric.to_string(), text);
            assert_eq!(metric.0.to_string(), text, "as the report writes it");
        }
        for text in [
            "p50",
            "disk latency p50",
            "integration latency",
            "latency",
            "latency p0",
            "latency p100",
            "latency 50",
            "thrtled",
            "errors of gateway",
            "generator errors",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
