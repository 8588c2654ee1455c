//! When a run is to end itself.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`.

use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::{Kind, Node};
use crate::config::value::{Count, Duration, Text, Threshold};

/// A threshold, or a health check.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum Abort {
    /// A metric, a limit, and for how long it must be exceeded: `errors > 20% for 10s`, `latency p99 > 2s for 30s`,
    /// `throttled > 50% for 10s`; metrics as in `expect`. It is held against the answers of each second, those of the warm-up too.
    Threshold(Threshold),
    /// A URL that is asked once a second.
    Health(Health),
}

section! {
    /// A URL that is asked once a second, beside the traffic; the run ends when it fails.
    Health {
        /// The URL. It must answer before the run. Healthy is a status from 200 to 399.
        health: At<Text>,
        /// How often in a row it must fail. Default: 3.
        fails: Option<At<Count>>,
        /// How long its answer is waited for. Default: 1s.
        timeout: Option<At<Duration>>,
    }
}

impl Read for Abort {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => Health::read(node, reader).map(Self::Health),
            Kind::Null | Kind::Scalar(_) | Kind::List(_) => reader.scalar(node).map(Self::Threshold),
        }
    }
}
