//! Stages: throttles, cache, canary, variables and logs of each.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use super::{Texts, Throttle};
use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::{Kind, Node};
use crate::config::value::{CacheSize, Duration, ExecutionLog, Flag, Invalidation, Named, Percent, RouteKey, Text};

section! {
    /// A deployed stage.
    #[derive(Default)]
    Stage {
        /// What it serves at first. Default: `current`, which is what `routes` says.
        deployment: Option<At<Text>>,
        /// Stage variables.
        variables: Option<At<Texts>>,
        /// Default throttle of its routes, each with a bucket of its own. Default: only the account's.
        throttle: Option<Throttle>,
        /// Throttles of single routes, instead of the default.
        route_throttles: Option<Named<RouteKey, Throttle>>,
        /// The response cache (REST APIs). Default: none.
        cache: Option<At<StageCache>>,
        /// Single routes in the response cache: `{ ttl: 60s }` or `off`. A route that is no GET is cached only if it stands here.
        route_caches: Option<At<Named<RouteKey, At<RouteCache>>>>,
        /// A part of the requests goes to another deployment (REST APIs). Default: none.
        canary: Option<At<Canary>>,
        /// Access-log line: clf, json, xml or csv, or a format in `$context` variables. Default: no log.
        access_log: Option<At<Text>>,
        /// How much the execution log tells (REST and WebSocket APIs): off, error, info or full. Default: off.
        execution_log: Option<At<ExecutionLog>>,
        /// Whether metrics are kept by route as well. Default: false.
        detailed_metrics: Option<At<Flag>>,
    }
}

section! {
    /// The response cache of a stage.
    #[derive(Default)]
    StageCache {
        /// One of the provider's sizes. Default: 0.5 GB, the smallest.
        size: Option<At<CacheSize>>,
        /// How long the answer to a GET is kept, at most an hour; 0s keeps none. Default: 5m, as the provider's.
        ttl: Option<At<Duration>>,
        /// What a client's `Cache-Control: max-age=0` does: open (the entry is made anew), forbidden (403),
        /// `ignored_with_warning` or ignored. Default: open.
        invalidation: Option<At<Invalidation>>,
    }
}

/// A route in the response cache.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum RouteCache {
    /// Its answers are not kept.
    Off(OffWord),
    /// They are kept.
    Kept(KeptFor),
}

/// The word `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum OffWord {
    /// Not kept.
    Off,
}

section! {
    /// How long a route's answers are kept.
    KeptFor {
        /// At most an hour.
        ttl: At<Duration>,
    }
}

impl Read for RouteCache {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let cure = "write { ttl: 60s }, or off";
        match &node.kind {
            Kind::Map(_) => KeptFor::read(node, reader).map(Self::Kept),
            Kind::Null | Kind::Scalar(_) | Kind::List(_) => match reader.text(node, "a route's cache", cure)? {
                "off" => Some(Self::Off(OffWord::Off)),
                other => {
                    let other = crate::config::problem::quoted(other);
                    reader.report(&node.place, format!("{other} is not a route's cache; {cure}"));
                    None
                }
            },
        }
    }
}

section! {
    /// A canary release.
    Canary {
        /// Share of the stage's requests that go to it.
        percent: At<Percent>,
        /// What it serves.
        deployment: At<Text>,
        /// Stage variables that it has instead of, or beside, the stage's own.
        variables: Option<At<Texts>>,
        /// Whether it uses the stage's cache; else it has one of its own. Default: false.
        shares_cache: Option<At<Flag>>,
    }
}
