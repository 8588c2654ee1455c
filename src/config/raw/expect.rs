//! What is expected to hold.
//!
//! Owns its keys and their documentation, and that a sentence may stand in their place. Refuses to relate them (`prove`). Read by
//! `raw::profile`.

use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::{Kind, Node};
use crate::config::value::{Ceiling, Limit, Quantity, Sentence, Text, Within};

section! {
    /// One claim: the observed lies within a margin of what the model predicts, or is at most, or at least, so much.
    Expectation {
        /// The series it is about, as a route or request of the mix; of `authorizer hits` the authorizer, one of a further API as `admin/check`.
        /// Default: all together.
        of: Option<At<Text>>,
        /// `latency p50` (any quantile); its parts `network latency p50`, `gateway latency p50`, `authorizer latency p50` and
        /// `integration latency p50`, which only the gateway's access log tells (`--access-log`); `throttled`, or `errors` (5xx answers and network failures). Errors of one party alone have an
        /// error budget of their own: `client errors` (4xx but for 429, which is throttled), `gateway errors` (configuration, authorizer),
        /// `integration errors` (time-outs, functions, back ends), `network errors` (no complete answer).
        /// `authorizer hits`: for how many of the requests that asked a Lambda authorizer an answer was kept, which the bundled mock tells and
        /// a live gateway does not.
        metric: At<Quantity>,
        /// How far the observed may lie from the predicted (a share of a latency counts as at least 2ms, of a part of it as at least 5ms): `15%`, `5ms`, `1 point`, `15% or 2ms` (the larger). Default: 10% of a
        /// latency (20% from p99.9 on), at least 2ms, of a part at least 5ms; 10% or 1 point of throttled and of authorizer hits; 25% or 0.1 points of errors, whosever they are.
        within: Option<At<Within>>,
        /// Instead of `within`: the most that may be observed, whatever the model predicts: `0.5%` of a share, `200ms` of a latency.
        at_most: Option<At<Ceiling>>,
        /// Instead of `within`: the least of a share that may be observed, whatever the model predicts: `70%`.
        at_least: Option<At<Ceiling>>,
    }
}

/// A claim under its keys, or in one sentence: `GET /orders/{id} p99 < 300ms`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct Expected(pub(in crate::config) Expectation);

impl Expected {
    /// A sentence taken apart; all of it stands where the sentence does.
    fn of(sentence: Sentence, node: &Node, reader: &Reader) -> Option<Self> {
        let spot = reader.spot(node);
        let mut expectation = Expectation {
            of: match sentence.of {
                Some(of) => Some(At { value: of.parse().ok()?, spot: spot.clone() }),
                None => None,
            },
            metric: At { value: sentence.metric, spot: spot.clone() },
            within: None,
            at_most: None,
            at_least: None,
        };
        match sentence.allowed {
            None => {}
            Some(Limit::Within(value)) => expectation.within = Some(At { value, spot }),
            Some(Limit::AtMost(value)) => expectation.at_most = Some(At { value, spot }),
            Some(Limit::AtLeast(value)) => expectation.at_least = Some(At { value, spot }),
        }
        Some(Self(expectation))
    }
}

impl Read for Expected {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(_) => {
                let sentence = Sentence::read(node, reader)?;
                Self::of(sentence, node, reader)
            }
            Kind::Null | Kind::List(_) | Kind::Map(_) => Expectation::read(node, reader).map(Self),
        }
    }
}

impl serde::Serialize for Expected {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl schemars::JsonSchema for Expected {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expected".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (sentence, keys) = (generator.subschema_for::<Sentence>(), generator.subschema_for::<Expectation>());
        schemars::json_schema!({
            "description": "One claim, under its keys or in one sentence: `GET /orders/{id} p99 < 300ms`, `errors < 0.1 %`, `latency p95 within 10%`, `authorizer hits > 70 %`.",
            "anyOf": [sentence, keys]
        })
    }
}
