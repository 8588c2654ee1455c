//! The gateway: its API, account, stages, functions and routes.

use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::{Kind, Node};
use crate::config::value::{ApiKind, Count, Memory, Named, Percent, Rate, RouteKey, Shape, Status, Text};
use crate::config::value::Duration;

section! {
    /// One API with its stages, and the functions behind it.
    Gateway {
        /// The kind of API; it decides how errors look and which limits hold.
        api: At<ApiKind>,
        /// The API's id, as in its host name. Default: `sluicegate`.
        id: Option<At<Text>>,
        /// The provider's region; it decides the account's default throttle. Default: us-east-1.
        region: Option<At<Text>>,
        /// Limits of the account in its region. Default: the provider's.
        account: Option<At<Account>>,
        /// Time that the gateway itself adds to a request that reaches an integration. Default: lognormal with median 4 ms
        /// (HTTP API) or 8 ms (REST API) and sigma 0.3: placeholder, no source, guesses. Measure yours.
        overhead: Option<At<Shape>>,
        /// Time of an answer that the gateway makes itself (throttled, no route). Default: 2 ms: placeholder, no source, a guess.
        refusal: Option<At<Shape>>,
        /// Deployed stages, at least one. The name is the path prefix; `$default` has none.
        stages: At<Named<Text, Option<Stage>>>,
        /// Functions that routes may name.
        functions: Option<At<Named<Text, At<Function>>>>,
        /// Routes by their key: `GET /orders/{id}`, `ANY /files/{proxy+}`, `$default` (HTTP APIs).
        routes: At<Named<RouteKey, At<Route>>>,
    }
}

section! {
    /// What all APIs of the account share.
    Account {
        /// Default: 10000/s with a burst of 5000 (2500/s and 1250 in smaller regions).
        throttle: Option<Throttle>,
        /// Environments of all functions together. Default: 1000.
        concurrency: Option<At<Count>>,
    }
}

section! {
    /// A token bucket.
    Throttle {
        /// Refill.
        rate: At<Rate>,
        /// Size of the bucket; 0 refuses everything.
        burst: At<Count>,
    }
}

section! {
    /// A deployed stage.
    Stage {
        /// Default throttle of its routes, each with a bucket of its own. Default: only the account's.
        throttle: Option<Throttle>,
        /// Throttles of single routes, instead of the default.
        route_throttles: Option<Named<RouteKey, Throttle>>,
        /// Access-log line in `$context` variables. Default: no log.
        access_log: Option<At<Text>>,
    }
}

section! {
    /// A function: a pool of environments, each with one request at a time.
    Function {
        /// How long a warm invocation takes.
        duration: At<Shape>,
        /// Memory. Default: 128 MB, as the provider's.
        memory: Option<At<Memory>>,
        /// What the first invocation of an environment takes in addition. Default: lognormal with median 200 ms and sigma 0.4:
        /// placeholder; published means lie between 15 ms and 300 ms (by runtime).
        cold_start: Option<At<Shape>>,
        /// Reserved concurrency: cap of its environments. Default: only the account's.
        concurrency: Option<At<Count>>,
        /// How long an idle environment is kept. Default: between 5 and 10 minutes: the provider publishes none.
        keep_alive: Option<At<Shape>>,
        /// Share of invocations that raise an error. Default: 0%.
        failures: Option<At<Percent>>,
        /// What it answers. Default: 200 with the body `{}`.
        response: Option<Answer>,
    }
}

section! {
    /// An answer.
    Answer {
        /// HTTP status. Default: 200.
        status: Option<At<Status>>,
        /// Body. Default: empty (`{}` for a function).
        body: Option<At<Text>>,
    }
}

section! {
    /// A route.
    Route {
        /// What answers.
        integration: At<Integration>,
        /// Throttle of this route in every stage, instead of the stage's default.
        throttle: Option<At<Throttle>>,
        /// How long the gateway waits for the integration. Default: 30 s (HTTP API) or 29 s (REST API).
        timeout: Option<At<Duration>>,
    }
}

/// What is behind a route: `{ lambda: name }` or `{ mock: { status, body } }`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Integration {
    /// The function of this name.
    Lambda(At<Text>),
    /// The gateway answers by itself.
    Mock(Answer),
}

impl Read for Integration {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let keys = reader.keys(node, &["lambda", "mock"])?;
        match (node.get("lambda"), node.get("mock")) {
            (Some(_), None) => keys.read("lambda", reader).map(Self::Lambda),
            (None, Some(mock)) if mock.kind == Kind::Null => Some(Self::Mock(Answer { status: None, body: None })),
            (None, Some(_)) => keys.read("mock", reader).map(Self::Mock),
            (Some(_), Some(_)) => {
                reader.report(&node.place, "a route has one integration; keep either lambda or mock");
                None
            }
            (None, None) => {
                reader.report(&node.place, "no integration is named; write { lambda: name } or { mock: { status: 200 } }");
                None
            }
        }
    }
}
