//! A claim in one sentence: `GET /orders/{id} p99 < 300ms`, `errors < 0.1 %`, `latency p95 within 10%`, `authorizer hits > 70 %`.
//!
//! Owns its text form (`FromStr`, `Display`), and the short words for a metric. Refuses to relate its parts (`prove`), as it does with those
//! that stand under keys of their own. Read by `raw::expect`, and from `--expect`.

use std::fmt;
use std::str::FromStr;

use super::quantity::{Quantity, quantile};
use super::{Ceiling, Unreadable, Within, text_scalar};
use crate::config::problem::quoted;
use crate::measure::assumption::{Metric, Ratio};

/// A claim as it is written in one sentence.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct Sentence {
    /// What it is about, if that is said: a series, or an authorizer.
    pub(in crate::config) of: Option<String>,
    /// Which quantity.
    pub(in crate::config) metric: Quantity,
    /// Where it may lie, if that is said.
    pub(in crate::config) allowed: Option<Limit>,
}

/// Where the observed may lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::config) enum Limit {
    /// So near to what is predicted.
    Within(Within),
    /// At most here.
    AtMost(Ceiling),
    /// At least here.
    AtLeast(Ceiling),
}

/// Why a text is no claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::config) enum NoSentence {
    #[error("{} does not end in a metric; write e.g. \"GET /orders/{{id}} p99 < 300ms\", \"errors < 0.1%\" or \"latency p95 within 10%\": metrics are latency p50 (or p50, any quantile), throttled, errors, client errors, gateway errors, integration errors, network errors, cold starts, cache hits and authorizer hits", quoted(.0))]
    Metric(String),
    #[error(transparent)]
    Limit(#[from] Unreadable),
    #[error("nothing stands behind \"{0}\"; write e.g. \"p99 < 300ms\", \"errors < 0.1%\" or \"latency p95 within 10%\"")]
    Nothing(&'static str),
}

text_scalar!(
    Sentence,
    "a claim",
    "write e.g. \"GET /orders/{id} p99 < 300ms\", \"errors < 0.1%\" or \"latency p95 within 10%\"",
    r"^\s*(\S.*\s)?((latency\s+)?p[0-9.]+|throttled|error\s+ratio|((client|gateway|integration|network)\s+)?errors|(authorizer|cache)\s+hits|cold\s+starts)\s*((<|at\s+most\s|>|at\s+least\s)\s*[0-9.]+\s*(%|ns|us|ms|s)|within\s+[0-9.]+\s*(%|points?|ns|us|ms|s)(\s+or\s+[0-9.]+\s*(%|points?|ns|us|ms|s))?)?\s*$"
);

/// What joins a quantity and its limit.
const JOINS: [(&str, Join); 5] = [
    ("<", Join::AtMost),
    (">", Join::AtLeast),
    (" at most ", Join::AtMost),
    (" at least ", Join::AtLeast),
    (" within ", Join::Within),
];

#[derive(Clone, Copy)]
enum Join {
    AtMost,
    AtLeast,
    Within,
}

impl Join {
    fn limit(self, text: &str) -> Result<Limit, Unreadable> {
        match self {
            Self::AtMost => text.parse().map(Limit::AtMost),
            Self::AtLeast => text.parse().map(Limit::AtLeast),
            Self::Within => text.parse().map(Limit::Within),
        }
    }
}

impl FromStr for Sentence {
    type Err = NoSentence;

    fn from_str(text: &str) -> Result<Self, NoSentence> {
        let text = text.trim();
        let joined = JOINS.iter().filter_map(|(word, join)| text.rfind(word).map(|at| (at, *word, *join)));
        let (quantity, allowed) = match joined.max_by_key(|(at, ..)| *at) {
            None => (text, None),
            Some((at, word, join)) => {
                let limit = text[at + word.len()..].trim();
                if limit.is_empty() {
                    return Err(NoSentence::Nothing(word));
                }
                (text[..at].trim(), Some(join.limit(limit)?))
            }
        };
        let (of, metric) = parted(quantity).ok_or_else(|| NoSentence::Metric(quantity.to_owned()))?;
        Ok(Self { of: (!of.is_empty()).then(|| of.to_owned()), metric, allowed })
    }
}

/// What a quantity is of, and the metric that it ends in.
fn parted(text: &str) -> Option<(&str, Quantity)> {
    let starts: Vec<usize> = words(text).collect();
    // Of "latency p95" the longer reading first.
    let tails = [2, 1].into_iter().filter_map(|count| starts.get(starts.len().checked_sub(count)?));
    tails.into_iter().find_map(|at| Some((text[..*at].trim(), metric(&text[*at..])?)))
}

/// Where each word begins.
fn words(text: &str) -> impl Iterator<Item = usize> {
    text.split_whitespace().map(move |word| word.as_ptr().addr() - text.as_ptr().addr())
}

/// As operators say it: "error ratio", and "p99" where nothing but a latency can be meant.
fn metric(text: &str) -> Option<Quantity> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["error", "ratio"] => Some(Quantity(Metric::Ratio(Ratio::Errors))),
        [p] if quantile(p).is_some() => quantile(p).map(Metric::Latency).map(Quantity),
        _ => text.parse().ok(),
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(of) = &self.of {
            write!(f, "{of} ")?;
        }
        self.metric.fmt(f)?;
        match &self.allowed {
            None => Ok(()),
            Some(Limit::Within(within)) => write!(f, " within {within}"),
            Some(Limit::AtMost(ceiling)) => write!(f, " < {ceiling}"),
            Some(Limit::AtLeast(floor)) => write!(f, " > {floor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Percent;
    use super::*;

    proptest! {
        #[test]
        fn a_sentence_reads_back_as_it_was_written(p in 1_u32..100_000_000, share in 0.0..=1.0_f64, of in proptest::option::of("[A-Z]{3} /[a-z/{}]{1,9}"), way in 0_usize..4) {
            let share = Percent::nearest(share);
            let allowed = [
                None,
                Some(Limit::Within(Within { relative: Some(share), absolute: None })),
                Some(Limit::AtMost(Ceiling::Share(share))),
                Some(Limit::AtLeast(Ceiling::Share(share))),
            ][way];
            let sentence = Sentence { of, metric: Quantity(Metric::Latency(f64::from(p) / 1e8)), allowed };
            prop_assert_eq!(sentence.to_string().parse(), Ok(sentence));
        }

        #[test]
        fn no_text_panics(text in "(GET /a|errors|latency p99|p50|<|>|,| |within|at most|[0-9]{1,12}|%|ms|é|\\PC){0,12}") {
            if let Ok(sentence) = text.parse::<Sentence>() {
                prop_assert_eq!(sentence.to_string().parse(), Ok(sentence));
            }
        }
    }

    #[test]
    fn it_is_written_as_people_say_it() {
        for (text, written) in [
            ("GET /orders/{id} p99 < 300ms", "GET /orders/{id} latency p99 < 300ms"),
            ("errors < 0.1 %", "errors < 0.1%"),
            ("error ratio at most 1%", "errors < 1%"),
            ("GET /orders/{id} latency p95 within 10%", "GET /orders/{id} latency p95 within 10%"),
            ("latency p50 within 15% or 2ms", "latency p50 within 15% or 2ms"),
            ("lasting authorizer hits>70 %", "lasting authorizer hits > 70%"),
            ("GET /a gateway errors at least 2%", "GET /a gateway errors > 2%"),
            ("POST /within/reach throttled", "POST /within/reach throttled"),
        ] {
            assert_eq!(text.parse::<Sentence>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_claim_is_refused_with_the_cure() {
        for (text, said) in [
            ("", "\"\" does not end in a metric; write e.g."),
            ("GET /a p100 < 3ms", "\"GET /a p100\" does not end in a metric"),
            ("throughput > 100/s", "\"100/s\" is not a ceiling"),
            ("throughput > 10%", "\"throughput\" does not end in a metric"),
            ("errors <= 1%", "\"= 1%\" is not a ceiling"),
            ("errors <", "nothing stands behind \"<\""),
            ("p95 within a bit", "\"a bit\" is not a margin"),
            ("p95 below 10ms", "does not end in a metric"),
        ] {
            let refused = text.parse::<Sentence>().unwrap_err().to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
