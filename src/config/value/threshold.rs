//! When a run is to end itself: `errors > 20% for 10s`, `latency p99 > 2s for 30s`.
//!
//! Owns its text form (`FromStr`, `Display`), and what can never be exceeded or always is. Refuses to count (`measure`). Read by the
//! types in `raw`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::time::Span;

use super::compared::{Compared, NotCompared};
use super::text_scalar;
use crate::config::problem::quoted;

/// A threshold as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::config) struct Threshold {
    /// What exceeds which limit.
    pub(in crate::config) excess: Compared,
    /// For how long, in seconds; at least one.
    pub(in crate::config) seconds: u32,
}

/// Why a text is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::config) enum NoThreshold {
    #[error("{} is not an abort condition; write e.g. \"errors > 20% for 10s\" or \"latency p99 > 2s for 30s\"", quoted(.0))]
    Shape(String),
    #[error("{} is nothing that a run can be aborted by; write \"errors\", \"throttled\", \"latency p99\", or the errors of one party, e.g. \"integration errors\"", quoted(.0))]
    Metric(String),
    #[error("{} is not a limit; write a share of the answers, e.g. \"20%\", or of a latency a time, e.g. \"2s\"", quoted(.0))]
    Limit(String),
    #[error("a latency is compared with a time and not with {}; write e.g. \"latency p99 > 2s for 30s\"", quoted(.0))]
    LatencyAboveShare(String),
    #[error("a share of the answers is compared with a share and not with {}; write e.g. \"errors > 20% for 10s\"", quoted(.0))]
    ShareAboveTime(String),
    #[error("there can be no more than {}, so that this never aborts; write less, e.g. \"20%\"", quoted(.0))]
    Never(String),
    #[error("every answer takes longer than {}, so that this always aborts; write a time above 0s", quoted(.0))]
    Always(String),
    #[error("{} is not how long a condition must hold: it is checked once a second; write whole seconds, 1s to 1d, e.g. \"10s\"", quoted(.0))]
    Duration(String),
}

text_scalar!(
    Threshold,
    "an abort condition",
    "write e.g. \"errors > 20% for 10s\"",
    r"^\s*((latency\s+)?p[0-9.]+|throttled|error\s+ratio|((client|gateway|integration|network)\s+)?errors)\s*>\s*[0-9.]+\s*(%|ns|us|ms|s|m|h)\s+for\s+[0-9].*$"
);

/// A condition that must hold for longer than a day is a mistyped unit.
const SECONDS_MAX: u64 = 86_400;
const SECOND_NS: u64 = 1_000_000_000;

fn seconds(text: &str) -> Option<u32> {
    let ns = text.parse::<Span>().ok()?.as_ns();
    let seconds = ns / SECOND_NS;
    (ns % SECOND_NS == 0 && (1..=SECONDS_MAX).contains(&seconds)).then_some(seconds as u32)
}

impl FromStr for Threshold {
    type Err = NoThreshold;

    fn from_str(text: &str) -> Result<Self, NoThreshold> {
        let shape = || NoThreshold::Shape(text.to_owned());
        let (what, rest) = text.split_once('>').ok_or_else(shape)?;
        let (limit, held) = rest.split_once(" for ").ok_or_else(shape)?;
        let [what, limit, held] = [what, limit, held].map(str::trim);
        let excess = Compared::read(what, limit).map_err(|why| match why {
            NotCompared::Metric => NoThreshold::Metric(what.to_owned()),
            NotCompared::Limit => NoThreshold::Limit(limit.to_owned()),
            NotCompared::LatencyWithShare => NoThreshold::LatencyAboveShare(limit.to_owned()),
            NotCompared::ShareWithTime => NoThreshold::ShareAboveTime(limit.to_owned()),
        })?;
        match excess {
            Compared::Ratio(_, share) if share.share() >= 1.0 => return Err(NoThreshold::Never(limit.to_owned())),
            Compared::Latency(_, Span::ZERO) => return Err(NoThreshold::Always(limit.to_owned())),
            Compared::Ratio(..) | Compared::Latency(..) => {}
        }
        let seconds = seconds(held).ok_or_else(|| NoThreshold::Duration(held.to_owned()))?;
        Ok(Self { excess, seconds })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.excess.write('>', f)?;
        write!(f, " for {}", Span::from_secs(u64::from(self.seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_threshold_reads_back_as_it_was_written(p in 1_u32..100_000_000, ns in 1_u64..1 << 50, seconds in 1_u32..86_400) {
            let threshold = Threshold { excess: Compared::Latency(f64::from(p) / 1e8, Span::from_ns(ns)), seconds };
            prop_assert_eq!(threshold.to_string().parse(), Ok(threshold));
        }

        #[test]
        fn no_text_panics(text in "(errors|latency p99|>|for| |[0-9]{1,12}|%|s|\\PC){0,9}") {
            if let Ok(threshold) = text.parse::<Threshold>() {
                prop_assert_eq!(threshold.to_string().parse(), Ok(threshold));
            }
        }
    }

    #[test]
    fn it_is_written_in_a_sentence() {
        for (text, written) in [
            ("errors > 20% for 10s", "errors > 20% for 10s"),
            ("error ratio > 20 % for 10 s", "errors > 20% for 10s"),
            ("integration errors>0% for 2s", "integration errors > 0% for 2s"),
            ("latency p99.9 > 500ms for 1m", "latency p99.9 > 500ms for 1m"),
            ("throttled > 50% for 10s", "throttled > 50% for 10s"),
            ("p99 > 2s for 30s", "latency p99 > 2s for 30s"),
        ] {
            assert_eq!(text.parse::<Threshold>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_can_not_be_a_condition_is_refused_with_the_cure() {
        for (text, said) in [
            ("errors above 20%", "not an abort condition; write e.g."),
            ("errors > 20%", "not an abort condition"),
            ("errrors > 20% for 10s", "\"errrors\" is nothing that a run can be aborted by; write"),
            ("authorizer hits > 20% for 10s", "is nothing that a run can be aborted by"),
            ("latency > 2s for 10s", "is nothing that a run can be aborted by"),
            ("errors > lots for 10s", "\"lots\" is not a limit"),
            ("errors > 120% for 10s", "\"120%\" is not a limit"),
            ("errors > 100% for 10s", "never aborts"),
            ("errors > 2s for 10s", "compared with a share"),
            ("latency p99 > 20% for 10s", "compared with a time"),
            ("latency p99 > 0s for 10s", "always aborts"),
            ("errors > 20% for 0s", "\"0s\" is not how long"),
            ("errors > 20% for 1500ms", "write whole seconds"),
            ("errors > 20% for 2d", "1s to 1d"),
            ("errors > 20% for ever", "\"ever\" is not how long"),
        ] {
            let refused = text.parse::<Threshold>().unwrap_err().to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
