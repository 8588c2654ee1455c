//! A quantity of a run beside the limit that it is compared with: what abort conditions and the thresholds of a search share.
//!
//! Owns which quantities can be compared, with what, and the short words for them. Refuses to say which side of the limit is the bad
//! one, and the words of a refusal (`threshold`, `held`). No text form of its own.

use std::fmt;

use sluicegate_policy::time::Span;

use super::quantity::{Quantity, quantile};
use super::{Ceiling, Percent};
use crate::measure::assumption::{Metric, Ratio};

/// What is compared with which limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::config) enum Compared {
    /// This quantile of the response time.
    Latency(f64, Span),
    /// This share of the answers.
    Ratio(Ratio, Percent),
}

/// Why two texts cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum NotCompared {
    /// Nothing of that name is measured while a run lasts.
    Metric,
    /// The limit is neither a share nor a time.
    Limit,
    /// A latency, and a share.
    LatencyWithShare,
    /// A share, and a time.
    ShareWithTime,
}

impl Compared {
    pub(super) fn read(what: &str, limit: &str) -> Result<Self, NotCompared> {
        let metric = metric(what).ok_or(NotCompared::Metric)?;
        match (metric, limit.parse().map_err(|_| NotCompared::Limit)?) {
            (Metric::Latency(p), Ceiling::Time(limit)) => Ok(Self::Latency(p, limit)),
            (Metric::Ratio(ratio), Ceiling::Share(share)) => Ok(Self::Ratio(ratio, share)),
            (Metric::Latency(_), Ceiling::Share(_)) => Err(NotCompared::LatencyWithShare),
            (Metric::Ratio(_), Ceiling::Time(_)) => Err(NotCompared::ShareWithTime),
            (Metric::Part(..), _) => Err(NotCompared::Metric),
        }
    }

    pub(super) const fn metric(self) -> Metric {
        match self {
            Self::Latency(p, _) => Metric::Latency(p),
            Self::Ratio(ratio, _) => Metric::Ratio(ratio),
        }
    }

    /// `latency p99 > 2s`, with the sign that is given.
    pub(super) fn write(self, sign: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantity = Quantity(self.metric());
        match self {
            Self::Latency(_, limit) => write!(f, "{quantity} {sign} {limit}"),
            Self::Ratio(_, limit) => write!(f, "{quantity} {sign} {limit}"),
        }
    }
}

/// Operators say "error ratio" of what the profile calls "errors", and "p99" where nothing but a latency can be meant.
fn metric(text: &str) -> Option<Metric> {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let metric = match words.as_str() {
        "error ratio" => Metric::Ratio(Ratio::Errors),
        word => match quantile(word) {
            Some(p) => Metric::Latency(p),
            None => word.parse::<Quantity>().ok()?.0,
        },
    };
    // What the gateway alone tells is known when the run has ended, and where the time went tells its access log.
    (!matches!(metric, Metric::Ratio(Ratio::Told(..)) | Metric::Part(..))).then_some(metric)
}
