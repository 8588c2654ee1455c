//! What a search keeps while it looks for the highest rate: `p99 < 300ms, errors < 0.1%`.
//!
//! Owns its text form (`FromStr`, `Display`), and what nothing can keep or everything does. Refuses to count (`measure`). Read by the
//! command line alone.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::time::Span;

use super::compared::{Compared, NotCompared};
use super::quantity::Quantity;
use crate::config::problem::quoted;
use crate::measure::threshold::Threshold;

/// More thresholds than this are a mistake.
const THRESHOLDS_MAX: usize = 16;

/// Thresholds of a search: at least one, each quantity once.
#[derive(Clone, Debug, PartialEq)]
pub struct Held(Vec<Compared>);

/// Why a text is no list of thresholds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// It is written otherwise.
    #[error("{} is not a threshold; write e.g. \"p99 < 300ms\", \"errors < 0.1%\" or \"throttled < 1%\", with commas between several", quoted(.0))]
    Shape(String),
    /// Nothing of that name is measured.
    #[error("{} is nothing that a rate is searched by; write \"latency p99\" or \"p99\", \"errors\", \"throttled\", or the errors of one party, e.g. \"integration errors\"", quoted(.0))]
    Metric(String),
    /// What it is compared with is neither a share nor a time.
    #[error("{} is not a limit; write a share of the answers, e.g. \"0.1%\", or of a latency a time, e.g. \"300ms\"", quoted(.0))]
    Limit(String),
    /// A latency and a share.
    #[error("a latency is compared with a time and not with {}; write e.g. \"p99 < 300ms\"", quoted(.0))]
    LatencyBelowShare(String),
    /// A share and a time.
    #[error("a share of the answers is compared with a share and not with {}; write e.g. \"errors < 0.1%\"", quoted(.0))]
    ShareBelowTime(String),
    /// Nothing is below it.
    #[error("nothing is below {}, so that no rate would ever hold it; write more, e.g. \"0.1%\" or \"300ms\"", quoted(.0))]
    Never(String),
    /// The same quantity, twice.
    #[error("{} stands there twice; keep one of them", quoted(.0))]
    Twice(String),
    /// Too many of them.
    #[error("more than {THRESHOLDS_MAX} thresholds; keep those that matter")]
    TooMany,
}

impl Held {
    /// As they are held against what was recorded.
    pub fn thresholds(&self) -> Vec<Threshold> {
        self.0
            .iter()
            .map(|below| Threshold {
                name: Self(vec![*below]).to_string(),
                metric: below.metric(),
                limit: match *below {
                    Compared::Latency(_, limit) => limit.as_ns() as f64,
                    Compared::Ratio(_, limit) => limit.share(),
                },
            })
            .collect()
    }
}

/// One threshold.
fn below(text: &str) -> Result<Compared, NotHeld> {
    let (what, limit) = text.split_once('<').ok_or_else(|| NotHeld::Shape(text.trim().to_owned()))?;
    let (what, limit) = (what.trim(), limit.trim());
    let below = Compared::read(what, limit).map_err(|why| match why {
        NotCompared::Metric => NotHeld::Metric(what.to_owned()),
        NotCompared::Limit => NotHeld::Limit(limit.to_owned()),
        NotCompared::LatencyWithShare => NotHeld::LatencyBelowShare(limit.to_owned()),
        NotCompared::ShareWithTime => NotHeld::ShareBelowTime(limit.to_owned()),
    })?;
    let is_nothing = match below {
        Compared::Latency(_, limit) => limit == Span::ZERO,
        Compared::Ratio(_, limit) => limit.share() <= 0.0,
    };
    if is_nothing { Err(NotHeld::Never(limit.to_owned())) } else { Ok(below) }
}

impl FromStr for Held {
    type Err = NotHeld;

    fn from_str(text: &str) -> Result<Self, NotHeld> {
        let mut all: Vec<Compared> = Vec::new();
        for part in text.split(',') {
            let below = below(part)?;
            if all.iter().any(|other| other.metric() == below.metric()) {
                return Err(NotHeld::Twice(Quantity(below.metric()).to_string()));
            }
            if all.len() == THRESHOLDS_MAX {
                return Err(NotHeld::TooMany);
            }
            all.push(below);
        }
        Ok(Self(all))
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, below) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            below.write('<', f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Percent;
    use super::*;
    use crate::measure::assumption::{Metric, Ratio};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thresholds_read_back_as_they_were_written(p in 1_u32..100_000_000, ns in 1_u64..1 << 50, share in 1e-8..=1.0_f64) {
            let ratio = Compared::Ratio(Ratio::Errors, Percent::nearest(share));
            let held = Held(vec![Compared::Latency(f64::from(p) / 1e8, Span::from_ns(ns)), ratio]);
            prop_assert_eq!(held.to_string().parse(), Ok(held));
        }

        #[test]
        fn no_text_panics(text in "(errors|latency p99|p50|<|,| |[0-9]{1,12}|%|ms|\\PC){0,12}") {
            if let Ok(held) = text.parse::<Held>() {
                prop_assert_eq!(held.to_string().parse(), Ok(held));
            }
        }
    }

    #[test]
    fn they_are_written_as_a_list() {
        for (text, written) in [
            ("p99 < 300ms, errors < 0.1%", "latency p99 < 300ms, errors < 0.1%"),
            ("latency p99.9<2 s", "latency p99.9 < 2s"),
            ("error ratio < 1 %,throttled < 5%", "errors < 1%, throttled < 5%"),
            ("integration errors < 100%", "integration errors < 100%"),
        ] {
            assert_eq!(text.parse::<Held>().unwrap().to_string(), written);
        }
        let held = "p99 < 300ms, errors < 0.1%".parse::<Held>().unwrap().thresholds();
        assert_eq!((held[0].metric, held[0].limit), (Metric::Latency(0.99), 3e8));
        assert_eq!((held[1].metric, held[1].limit), (Metric::Ratio(Ratio::Errors), 0.001));
    }

    #[test]
    fn what_can_not_be_held_is_refused_with_the_cure() {
        for (text, said) in [
            ("", "is not a threshold; write e.g."),
            ("errors > 1%", "is not a threshold"),
            ("p99 < 300ms,", "is not a threshold"),
            ("p100 < 300ms", "\"p100\" is nothing that a rate is searched by"),
            ("authorizer hits < 1%", "is nothing that a rate is searched by"),
            ("errors <= 1%", "\"= 1%\" is not a limit"),
            ("errors < lots", "\"lots\" is not a limit"),
            ("errors < 2s", "compared with a share"),
            ("p99 < 1%", "compared with a time"),
            ("errors < 0%", "nothing is below"),
            ("p99 < 0s", "nothing is below"),
            ("p99 < 1s, latency p99 < 2s", "\"latency p99\" stands there twice"),
        ] {
            let refused = text.parse::<Held>().unwrap_err().to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
        let many: Vec<String> = (1..=17).map(|p| format!("p{p} < 1s")).collect();
        assert_eq!(many.join(",").parse::<Held>(), Err(NotHeld::TooMany));
    }
}
