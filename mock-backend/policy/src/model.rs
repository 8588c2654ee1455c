//! What the gateway is believed to be: the proven description from which a [`crate::gateway::Gateway`] is built.
//!
//! Owns the shapes and the numbers that have a provider's default, with their source. Refuses to parse (the product's
//! `config` proves a profile into this) and to decide (the state machine does). Vocabulary: everybody may read it.

use crate::call::Reason;
use crate::latency::Latency;
use crate::time::Span;

/// Index into [`Model::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub u16);

/// Index into [`Model::routes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub u16);

/// Index into [`Model::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u16);

/// One API with its stages, and the functions behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Which kind of API: it decides how errors look and which limits hold.
    pub api: Api,
    /// The API's id, as in its host name and in `$context.apiId`.
    pub api_id: String,
    /// The provider's region, as in `us-east-1`.
    pub region: String,
    /// What all APIs of the account share.
    pub account: Account,
    /// Time the gateway itself adds to a request that reaches an integration, both ways together.
    pub overhead: Latency,
    /// Time of an answer that the gateway makes itself (throttled, no route).
    pub refusal: Latency,
    /// Stages, at least one.
    pub stages: Vec<Stage>,
    /// Functions that routes may name.
    pub functions: Vec<Function>,
    /// Routes; the order has no meaning.
    pub routes: Vec<Route>,
}

/// The kind of API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    /// HTTP API (v2).
    Http,
    /// REST API (v1).
    Rest,
}

/// Limits of the account in its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Shared by all APIs of the account.
    pub throttle: Throttle,
    /// Environments of all functions together.
    pub concurrency: u32,
}

/// Tokens per second, exactly: `tokens` every `per`, so that `12000/min` and `0.5/s` are whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PerSecond {
    /// Tokens that arrive during `per`; above zero.
    pub tokens: u64,
    /// The time in which they arrive; above zero.
    pub per: Span,
}

/// Size of a bucket in whole tokens; zero refuses everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Burst(pub u64);

/// A token bucket's two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Throttle {
    /// Refill.
    pub rate: PerSecond,
    /// Bucket size.
    pub burst: Burst,
}

/// A deployed stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name, also its path prefix; `$default` has none.
    pub name: String,
    /// Default throttle of its routes: each route gets a bucket of its own with these numbers; `None` leaves only the account's.
    pub throttle: Option<Throttle>,
    /// Throttles of single routes, instead of the default.
    pub route_throttles: Vec<(RouteId, Throttle)>,
    /// Access-log line in `$context` variables; `None` writes no log.
    pub access_log: Option<String>,
}

/// Method and path pattern, and what answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The method; `None` is `ANY`.
    pub method: Option<String>,
    /// Path pattern such as `/orders/{id}` or `/files/{proxy+}`; `$default` catches what nothing else does (HTTP APIs).
    pub path: String,
    /// What answers.
    pub integration: Integration,
}

impl Route {
    /// The route key as the gateway writes it: `GET /orders/{id}`, `$default`.
    pub fn key(&self) -> String {
        match &self.method {
            _ if self.path == "$default" => self.path.clone(),
            Some(method) => format!("{method} {}", self.path),
            None => format!("ANY {}", self.path),
        }
    }
}

/// What is behind a route.
#[derive(Clone, Debug, PartialEq)]
pub enum Integration {
    /// The gateway answers by itself.
    Mock {
        /// HTTP status of the answer.
        status: u16,
        /// Body of the answer.
        body: String,
    },
    /// A Lambda-like function answers.
    Lambda {
        /// Which.
        function: FunctionId,
        /// How long the gateway waits for it.
        timeout: Span,
    },
    /// Something real answers, which the driver reaches; the policy only waits.
    External {
        /// How long the gateway waits for it.
        timeout: Span,
    },
}

/// A function behind the gateway: a pool of environments, each with one request at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name in the profile.
    pub name: String,
    /// Memory in megabytes (for cost and for cold-start defaults).
    pub memory_mb: u32,
    /// How long a warm invocation takes.
    pub duration: Latency,
    /// What a cold invocation takes in addition, before the first.
    pub cold_start: Latency,
    /// Share of invocations that fail, 0 to 1.
    pub failures: f64,
    /// Reserved concurrency: cap of this function's environments; `None` leaves the account's.
    pub concurrency: Option<u32>,
    /// How long an idle environment is kept; drawn anew each time one becomes idle.
    pub keep_alive: Latency,
    /// What it answers.
    pub response: Response,
}

/// What a modelled function answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}

impl Api {
    /// The integration time-out, unless a route sets its own: 29 s for REST, 30 s for HTTP APIs
    /// (developer guide, "Quotas", 2023 and 2026).
    pub const fn integration_timeout(self) -> Span {
        match self {
            Self::Http => Span::from_secs(30),
            Self::Rest => Span::from_secs(29),
        }
    }

    /// The status with which the gateway itself answers for this reason (API Gateway developer guide,
    /// "Gateway response types", "Troubleshooting HTTP APIs" and "Handle Lambda errors", 2023).
    ///
    /// That an HTTP API answers 503 where the function is throttled is unconfirmed; 500 was reported too.
    /// [`Reason::Served`] has the integration's status; without one it is 200.
    pub const fn status_of(self, reason: Reason) -> u16 {
        match (self, reason) {
            (_, Reason::Served) => 200,
            (Self::Rest, Reason::NoStage | Reason::NoRoute) => 403,
            (Self::Http, Reason::NoStage | Reason::NoRoute) => 404,
            (_, Reason::Throttled(_)) => 429,
            (_, Reason::PayloadTooLarge) => 413,
            (Self::Rest, Reason::FunctionThrottled(_)) | (Self::Http, Reason::FunctionFailed(_)) => 500,
            (Self::Rest, Reason::FunctionFailed(_)) => 502,
            (Self::Rest, Reason::IntegrationTimeout | Reason::IntegrationUnreachable) => 504,
            (Self::Http, Reason::FunctionThrottled(_) | Reason::IntegrationTimeout | Reason::IntegrationUnreachable) => 503,
        }
    }

    /// The word for it in a profile.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Rest => "rest",
        }
    }
}

/// Largest payload either way: 10 MB, for REST and HTTP APIs alike (developer guide, "Quotas", 2023 and 2026).
pub const PAYLOAD_BYTES_MAX: u64 = 10_485_760;

/// Regions whose account throttle defaults to 2,500/s with a bucket of 1,250 (developer guide, "Quotas", 2026).
const SMALLER_REGIONS: [&str; 13] = [
    "af-south-1",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "mx-central-1",
];

impl Account {
    /// The provider's defaults in `region`: 10,000/s with a bucket of 5,000 (2,500/s and 1,250 in smaller regions), and
    /// 1,000 environments (API Gateway developer guide and Lambda developer guide, "Quotas", 2026).
    pub fn default_in(region: &str) -> Self {
        let (tokens, burst) = if SMALLER_REGIONS.contains(&region) { (2_500, 1_250) } else { (10_000, 5_000) };
        let rate = PerSecond { tokens, per: Span::from_secs(1) };
        Self { throttle: Throttle { rate, burst: Burst(burst) }, concurrency: 1_000 }
    }
}

impl Model {
    /// The stage of that name.
    pub fn stage(&self, name: &str) -> Option<StageId> {
        self.stages.iter().position(|stage| stage.name == name).map(|at| StageId(at as u16))
    }
}
