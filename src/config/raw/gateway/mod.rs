//! The gateway: its API, account and functions; one file for each of its larger parts.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`.

pub(in crate::config) mod authorizer;
pub(in crate::config) mod deployment;
pub(in crate::config) mod integration;
pub(in crate::config) mod plan;
pub(in crate::config) mod route;
pub(in crate::config) mod service;
pub(in crate::config) mod stage;
pub(in crate::config) mod unconfirmed;
pub(in crate::config) mod vpc_link;
pub(in crate::config) mod websocket;

use self::authorizer::Authorizer;
use self::deployment::{Cors, Deployment, Domain, GatewayResponses, Models, Move};
use self::plan::{ApiKey, UsagePlan};
use self::route::Route;
use self::service::ProviderService;
use self::stage::Stage;
use self::unconfirmed::Unconfirmed;
use self::vpc_link::VpcLink;
use self::websocket::WebSocket;
use crate::config::reader::{At, section};
use crate::config::value::{
    ApiKind, Bytes, Count, Dispatch, Duration, Endpoint, Json, KeySource, Memory, Named, Percent, Rate, RouteKey, RouteSelection,
    Runtime, Secret, Shape, Status, Text,
};

/// Names and texts: stage variables, parameters, headers, templates by media type.
pub(in crate::config) type Texts = Named<Text, At<Text>>;
/// Further APIs by name.
pub(in crate::config) type Apis = Named<Text, At<Gateway>>;

section! {
    /// One API with its stages, and the functions behind it.
    Gateway {
        /// The kind of API; it decides how errors look and which limits hold.
        api: At<ApiKind>,
        /// The API's id, as in its host name. Default: `sluicegate`; below `apis` the name of the API.
        id: Option<At<Text>>,
        /// Its name, as in the metrics. Default: the id.
        name: Option<At<Text>>,
        /// The provider's region; it decides the account's default throttle. Default: us-east-1.
        region: Option<At<Text>>,
        /// Limits of the account in its region. Default: the provider's.
        account: Option<At<Account>>,
        /// By what of a message its route is selected (WebSocket APIs): `$request.body.` and a key, or several with dots between them.
        /// Default: `$request.body.action`.
        route_selection: Option<At<RouteSelection>>,
        /// Limits of connections, callbacks and drops (WebSocket APIs). Default: the provider's limits.
        websocket: Option<At<WebSocket>>,
        /// How it is reached; it changes headers and limits of a REST API. Default: regional.
        endpoint: Option<At<Endpoint>>,
        /// What a request may not exceed. Default: the provider's limits.
        limits: Option<At<Limits>>,
        /// Where an API key is looked for (REST and WebSocket APIs). Default: header, which is `x-api-key`.
        api_key_source: Option<At<KeySource>>,
        /// Media types whose bodies are bytes, not text (REST APIs): `image/png`, `*/*`. A body of another type is text: what is
        /// not UTF-8 in it is replaced. Default: none, as the provider's.
        binary_media_types: Option<At<Vec<At<Text>>>>,
        /// Authorizers by name, which routes may name.
        authorizers: Option<At<Named<Text, At<Authorizer>>>>,
        /// Who may reach the API from where (REST APIs): a policy document (`Version`, `Statement` with `Effect`, `Principal`, `Action`,
        /// `Resource`, `Condition`), or the name of a JSON file with one, beside the profile. Conditions are `IpAddress` and
        /// `NotIpAddress` of `aws:SourceIp` and, of a private API, `aws:VpcSourceIp`, and `StringEquals`, `StringLike` and their opposites of
        /// these and of `aws:UserAgent`. Default: everybody may from everywhere.
        resource_policy: Option<At<Json>>,
        /// API keys by name (REST and WebSocket APIs).
        api_keys: Option<At<Named<Text, At<ApiKey>>>>,
        /// Usage plans by name (REST and WebSocket APIs).
        usage_plans: Option<At<Named<Text, At<UsagePlan>>>>,
        /// JSON schemas by name, for request bodies (REST APIs) and messages (WebSocket APIs).
        models: Option<At<Models>>,
        /// Answers of the gateway's own that are not the provider's (REST APIs), by type: `THROTTLED`, `DEFAULT_4XX`.
        gateway_responses: Option<At<GatewayResponses>>,
        /// Cross-origin sharing (HTTP APIs; a REST API does it by hand). Default: left to the integrations.
        cors: Option<At<Cors>>,
        /// Time that the gateway itself adds to a request that reaches an integration. Default: lognormal with median 4 ms
        /// (HTTP API), 6 ms (WebSocket API) or 8 ms (REST API) and sigma 0.3: placeholder, no source, guesses. Measure yours.
        overhead: Option<At<Shape>>,
        /// Time of an answer that the gateway makes itself (throttled, no route). Default: 2 ms: placeholder, no source, a guess.
        refusal: Option<At<Shape>>,
        /// What nobody has confirmed of the real gateway: a setting each, with the default that is thought likeliest.
        unconfirmed: Option<At<Unconfirmed>>,
        /// Deployed stages, at least one. The name is the path prefix; `$default` has none.
        stages: At<Named<Text, Option<At<Stage>>>>,
        /// Snapshots beside `current`, which is what `routes` and the keys above say; each says what is different in it.
        deployments: Option<At<Named<Text, Option<At<Deployment>>>>>,
        /// When stages move to other deployments during a run.
        moves: Option<Vec<At<Move>>>,
        /// Custom domain names.
        domains: Option<At<Named<Text, At<Domain>>>>,
        /// Functions that routes may name.
        functions: Option<At<Named<Text, At<Function>>>>,
        /// Services of the provider that routes may name, by their names in URIs.
        services: Option<At<Named<Text, At<ProviderService>>>>,
        /// Private links by name, to load balancers and what is behind them. A link that a route names and that is not here is asked
        /// directly, at the URL of the integration.
        vpc_links: Option<At<Named<Text, At<VpcLink>>>>,
        /// Connection pools of databases and the like, by name: what functions share, and what limits them before the gateway does.
        capacities: Option<At<Named<Text, At<Capacity>>>>,
        /// Routes by their key: `GET /orders/{id}`, `ANY /files/{proxy+}`, `$default` (HTTP APIs). Of a WebSocket API: `$connect`,
        /// `$disconnect`, `$default`, or what messages are selected by, such as `sendMessage`.
        routes: At<Named<RouteKey, At<Route>>>,
    }
}

section! {
    /// What all APIs of the account share.
    Account {
        /// Default: 10000/s with a burst of 5000 (2500/s and 1250 in smaller regions).
        throttle: Option<Throttle>,
        /// New connections of WebSocket APIs. Default: 500/s, as the provider's, with a burst of 500, which nobody says.
        connects: Option<Throttle>,
        /// Environments of all functions together. Default: 1000.
        concurrency: Option<At<Count>>,
        /// Invocations per second that go with each unit of concurrency: of the account's, and of a function's reserved and
        /// provisioned one. Default: 10, as the provider's.
        invocations_per_environment: Option<At<Count>>,
    }
}

section! {
    /// What a request may not exceed.
    Limits {
        /// Length of a body. Default: 10 MB. (Of a message: `websocket.message`.)
        payload: Option<At<Bytes>>,
        /// Length of the headers (REST and WebSocket API), or of request line and headers (HTTP API). Default: 20 KB (REST and WebSocket API), 10 KB
        /// (HTTP API).
        headers: Option<At<Bytes>>,
        /// Length of path and query. Default: 10 KB, for an edge or private REST API 8 KB, for a WebSocket API 4 KB.
        url: Option<At<Bytes>>,
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
    /// A function: a pool of environments, each with one request at a time.
    Function {
        /// How long a warm invocation takes. A real function need not say; the model then predicts nothing for its routes.
        duration: Option<At<Shape>>,
        /// Program and arguments: the mock runs this function for real, a process for each environment, which speaks Lambda's Runtime
        /// API as `awslambdaric`, `lambda_runtime` and the others do. Default: it is modelled.
        command: Option<At<Vec<At<Text>>>>,
        /// Variables of the process, beside those that Lambda sets; of the mock's own it gets PATH, HOME and the like alone. A value may
        /// be a reference: `${env:NAME}`, `${file:path}`.
        environment: Option<At<Named<Text, At<Secret>>>>,
        /// Where the process starts, from the profile's folder. Default: that folder.
        directory: Option<At<Text>>,
        /// Name of the handler (`_HANDLER`). Default: empty.
        handler: Option<At<Text>>,
        /// How long one invocation of the process may take, 1s to 15m; then it is replaced. Default: 3s, as the provider's.
        timeout: Option<At<Duration>>,
        /// URL below which something speaks Lambda's Invoke API, instead of `command`: on this machine, or on a host that `safety.allow`
        /// names.
        invoke: Option<At<Text>>,
        /// Memory. Default: 128 MB, as the provider's.
        memory: Option<At<Memory>>,
        /// What it is written for; it decides the default of `cold_start`, and nothing else.
        runtime: Option<At<Runtime>>,
        /// What the first invocation of an environment takes in addition. Default: by runtime and memory, lognormal with sigma 0.2
        /// around the mean of a function that does nothing, rounded (maxday/lambda-perf, 22 August 2026, zip on `x86_64`). At 128 MB:
        /// rust 17 ms, go 50 ms, python 75 to 100 ms, nodejs 145 to 155 ms, java17 205 ms, ruby 230 to 265 ms, java21 330 ms, java25
        /// 425 ms, dotnet8 950 ms; at 1024 MB: java21 246 ms, java25 220 ms, dotnet8 327 ms, the others much the same. A real
        /// function has more to load, and its client sees some time of the provider's in addition: measure yours. Without a runtime:
        /// lognormal with median 200 ms and sigma 0.4, a placeholder.
        cold_start: Option<At<Shape>>,
        /// Reserved concurrency: cap of its environments. Default: only the account's.
        concurrency: Option<At<Count>>,
        /// Provisioned concurrency: environments that are there from the start, are never cold and are asked first; what they cannot
        /// take spills over to others. It counts against the reserved concurrency, without one against the account's. Default: 0.
        provisioned: Option<At<Count>>,
        /// How fast environments may be added: a bucket with a token for each that starts cold. Default: 1000/10s with a burst of
        /// 1000, as the provider's. Before December 2023 it was 500/min with a burst of 500 to 3000, by region.
        scale_out: Option<Throttle>,
        /// Which idle environment is next. The provider publishes no rule. Default: `most_recently_used`.
        dispatch: Option<At<Dispatch>>,
        /// How long an idle environment is kept. Default: between 5 and 10 minutes: the provider publishes none.
        keep_alive: Option<At<Shape>>,
        /// The one of `capacities` from which each invocation takes a connection when it begins its work, if the function is modelled: it
        /// has it for the pool's `service`, and works on for its own `duration`. One that gets none fails. Default: none.
        uses: Option<At<Text>>,
        /// Share of invocations that raise an error. Default: 0%.
        failures: Option<At<Percent>>,
        /// What it answers, if it is modelled. Default: 200 with the body `{}`; to a message over WebSocket, the message.
        response: Option<Answer>,
    }
}

section! {
    /// A pool of connections, each with one user at a time; first come, first served.
    Capacity {
        /// How many connections it has.
        size: At<Count>,
        /// How many may wait for one; whoever finds as many waiting fails at once. Default: as many as come, since each of them has an
        /// environment of its function, of which there are not more than the account has.
        queue: Option<At<Count>>,
        /// How long an invocation has a connection.
        service: At<Shape>,
        /// How long it waits for one before it fails. Default: 30s, as the pools of many drivers do (`HikariCP`'s `connectionTimeout`,
        /// `SQLAlchemy`'s `pool_timeout`).
        timeout: Option<At<Duration>>,
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
