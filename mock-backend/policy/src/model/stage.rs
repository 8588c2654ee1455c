//! A stage: where a deployment is served, and how.
//!
//! Owns the settings that belong to the stage rather than to the API, so that dev, staging and prod can differ. Refuses what a
//! deployment freezes ([`Deployment`](super::Deployment)).

use super::{ApiId, DeploymentId, RouteId, Throttle};
use crate::time::Span;

/// A deployed stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The API it belongs to.
    pub api: ApiId,
    /// Its name, also its path prefix; `$default` has none.
    pub name: String,
    /// What it serves at first.
    pub deployment: DeploymentId,
    /// Stage variables, in the order of their names.
    pub variables: Vec<(String, String)>,
    /// Default throttle of its routes: each route gets a bucket of its own with these numbers; `None` leaves only the account's.
    pub throttle: Option<Throttle>,
    /// Throttles of single routes, instead of the default. A route of another deployment with the same key shares its bucket.
    pub route_throttles: Vec<(RouteId, Throttle)>,
    /// The response cache (REST); `None` has none.
    pub cache: Option<StageCache>,
    /// A part of the traffic goes to another deployment (REST).
    pub canary: Option<Canary>,
    /// Access-log line in `$context` variables; `None` writes no log.
    pub access_log: Option<String>,
    /// The execution log (REST).
    pub execution_log: ExecutionLog,
    /// Whether metrics are kept by route as well ("detailed metrics").
    pub detailed_metrics: bool,
}

/// The response cache of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageCache {
    /// Its size in bytes, bodies alone counted.
    pub capacity_bytes: u64,
    /// What holds for a `GET` route that says nothing of its own.
    pub default: Cache,
    /// What holds for single routes. A route that is no `GET` is cached only if it stands here.
    pub routes: Vec<(RouteId, Cache)>,
    /// Whether a client may have an entry made anew with `Cache-Control: max-age=0`.
    pub invalidation: Invalidation,
}

/// Whether and how long answers of a route are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Not at all.
    Off,
    /// This long.
    For(Span),
}

/// What a client's `Cache-Control: max-age=0` does (developer guide, "Invalidate an API Gateway cache entry", 2023). No
/// authorization is modelled for it: with one required, the client is taken to lack it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Invalidation {
    /// The entry is made anew: no authorization is required.
    #[default]
    Open,
    /// 403: `FAIL_WITH_403`.
    Refused,
    /// The header is ignored and the answer warns of it: `SUCCEED_WITH_RESPONSE_HEADER`.
    IgnoredWithWarning,
    /// The header is ignored: `SUCCEED_WITHOUT_RESPONSE_HEADER`.
    Ignored,
}

/// A canary release on a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// Share of the requests that go to it, 0 to 1.
    pub share: f64,
    /// What it serves.
    pub deployment: DeploymentId,
    /// Stage variables that it has instead of, or beside, the stage's own.
    pub variables: Vec<(String, String)>,
    /// Whether it uses the stage's cache; else it has one of its own of the same size.
    pub shares_cache: bool,
}

/// How much the execution log tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExecutionLog {
    /// Nothing.
    #[default]
    Off,
    /// Requests that failed.
    Error,
    /// All requests.
    Info,
    /// All requests with headers and bodies ("data trace").
    Full,
}

impl Stage {
    /// A stage without settings of its own.
    pub fn new(api: ApiId, name: impl Into<String>, deployment: DeploymentId) -> Self {
        Self {
            api,
            name: name.into(),
            deployment,
            variables: Vec::new(),
            throttle: None,
            route_throttles: Vec::new(),
            cache: None,
            canary: None,
            access_log: None,
            execution_log: ExecutionLog::Off,
            detailed_metrics: false,
        }
    }
}
