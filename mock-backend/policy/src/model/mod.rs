//! What the gateway is believed to be: the proven description from which a [`crate::gateway::Gateway`] is built.
//!
//! Owns the shapes and the numbers that have a provider's default, with their source. Refuses to parse (the product's
//! `config` proves a profile into this), to compile templates and schemas (`render` does) and to decide (the state machine
//! does). Vocabulary: everybody may read it.
//!
//! The tables are flat, and ids are indices into them: several APIs share one account, one set of functions and one set of
//! usage plans. A route belongs to one deployment for ever; a stage points at a deployment and may be moved to another one.

mod api;
mod authorizer;
mod back_end;
mod capacity;
mod function;
mod integration;
mod plan;
mod resource_policy;
mod route;
mod service;
mod signatory;
mod stage;
mod system;
mod unconfirmed;
mod vpc_link;
mod websocket;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::call::{Closing, Release};
use crate::time::Span;

pub use self::api::{
    Api, ApiKind, Cors, Deployment, Endpoint, GatewayResponse, HeadLimit, KeySource, Limits, PAYLOAD_BYTES_MAX, ResponseType,
    Schema,
};
pub use self::authorizer::{
    Authorization, Authorizer, AuthorizerAnswers, AuthorizerFormat, AuthorizerKind, Cognito, IdentitySource, IssuerKeys, Jwt,
    LambdaAuthorizer, LookUps, TTL_MAX,
};
pub use self::back_end::{BackEnd, Ends, ModelledBackEnd};
pub use self::capacity::Capacity;
pub use self::function::{Code, Dispatch, Function, Process, Real, Response, Runs, Scaling, Timed};
pub use self::integration::{
    Connection, ContentHandling, HttpIntegration, Integration, LambdaIntegration, Mapping, MockIntegration, Passthrough, Payload,
    Protocol, ResponseRule, Transfer,
};
pub use self::plan::{ApiKey, Period, Quota, UsagePlan};
pub use self::resource_policy::{
    Attribute, Condition, Named, Network, Patterns, PolicyEffect, ResourcePolicy, Statement, Test, Wanted,
};
pub use self::route::{CacheKeys, ParameterRule, Requirement, Route, Source, Validation};
pub use self::service::{
    AccessKey, Service, ServiceAccess, ServiceCall, ServiceIntegration, ServiceTarget, ServiceUri, ServiceUse, Subtype, UriFault,
};
pub use self::signatory::{Iam, Principal, Signatory};
pub use self::stage::{Cache, Canary, ExecutionLog, Invalidation, Stage, StageCache};
pub use self::system::{Discipline, Keys, Limiter, Lookup, Part, Pool, Station};
pub use self::unconfirmed::{
    CachedStatuses, Charge, MalformedStatus, QuotaBegins, RefusalCors, SERVICE_RETRIES_MAX, ThrottledContentType, ToldFirst,
    TooLargeContentType, Unconfirmed, UnknownStage, UnsetVariable,
};
pub use self::vpc_link::{AfterIdle, Balancer, ColdPath, Down, HealthCheck, ModelledTarget, Probe, Serves, Target, VpcLink};
pub use self::websocket::{FanOut, Pings, Receivers, RouteResponse, SlowReader, WebSocket};

/// Index into [`Model::apis`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiId(pub u16);

/// Index into [`Model::deployments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(pub u16);

/// Index into [`Model::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub u16);

/// Index into [`Model::routes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub u16);

/// Index into [`Model::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u16);

/// Index into [`Model::links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u16);

/// Index into [`Model::services`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u16);

/// A target of a private link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    /// Which link.
    pub link: LinkId,
    /// Which of its targets: index into [`VpcLink::targets`].
    pub place: u16,
}

/// Index into [`Model::authorizers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorizerId(pub u16);

/// Index into [`Model::capacities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapacityId(pub u16);

/// Index into [`Model::plans`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(pub u16);

/// Index into [`Model::keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u16);

/// The APIs of one account in one region, and what they share.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The provider's region, as in `us-east-1`.
    pub region: String,
    /// What all APIs of the account share.
    pub account: Account,
    /// APIs, at least one.
    pub apis: Vec<Api>,
    /// Snapshots of an API's routes and what goes with them.
    pub deployments: Vec<Deployment>,
    /// Stages, at least one for each API.
    pub stages: Vec<Stage>,
    /// Routes of all deployments; the order has no meaning.
    pub routes: Vec<Route>,
    /// Functions that routes may name.
    pub functions: Vec<Function>,
    /// Services of the provider that routes may name.
    pub services: Vec<Service>,
    /// Private links to load balancers.
    pub links: Vec<VpcLink>,
    /// Authorizers that routes may name.
    pub authorizers: Vec<Authorizer>,
    /// Connection pools and the like that functions share.
    pub capacities: Vec<Capacity>,
    /// Usage plans.
    pub plans: Vec<UsagePlan>,
    /// API keys.
    pub keys: Vec<ApiKey>,
    /// Custom domain names.
    pub domains: Vec<Domain>,
    /// When stages move to other deployments, in the order of their instants.
    pub moves: Vec<Move>,
    /// When all WebSocket connections of a stage are closed, as nobody but a test would, in the order of their instants.
    pub drops: Vec<Drop>,
}

/// A custom domain name with its base paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The name, in lower case: `api.example.com`.
    pub name: String,
    /// Base path (no slash at either end; empty for the rest) and the stage it means. The longest that fits is taken.
    pub base_paths: Vec<(String, StageId)>,
    /// A bundle (PEM) of the authorities whose client certificates the domain asks for and requires: mutual TLS, which the provider
    /// has for custom domains alone (developer guide, "Turn on mutual TLS authentication", 2026). `None` asks for none.
    pub truststore: Option<PathBuf>,
}

impl Domain {
    /// Whether a `Host`, with or without a port, means this domain.
    pub fn is(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        self.name.eq_ignore_ascii_case(name)
    }
}

/// A stage moves to another deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// How long after the start of the run.
    pub at: Span,
    /// Which stage.
    pub stage: StageId,
    /// The deployment of the same API that it then has.
    pub deployment: DeploymentId,
}

/// All WebSocket connections of a stage are closed at once: what clients make of it is the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop {
    /// How long after the start of the run.
    pub at: Span,
    /// Which stage.
    pub stage: StageId,
    /// What the clients are told.
    pub why: Closing,
}

/// Limits of the account in its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Shared by all APIs of the account.
    pub throttle: Throttle,
    /// New connections of its WebSocket APIs.
    pub connects: Throttle,
    /// Environments of all functions together.
    pub concurrency: u32,
    /// Invocations per second that each unit of concurrency allows: of the account's, of a reserved and of a provisioned one.
    pub invocations_per_environment: u32,
}

/// Tokens per second, exactly: `tokens` every `per`, so that `12000/min` and `0.5/s` are whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PerSecond {
    /// Tokens that arrive during `per`; above zero.
    pub tokens: u64,
    /// The time in which they arrive; above zero.
    pub per: Span,
}

impl PerSecond {
    /// Tokens per second as a number, for display and for comparing.
    pub fn as_f64(self) -> f64 {
        self.tokens as f64 / self.per.as_secs_f64()
    }
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
    /// The provider's defaults in `region`: 10,000/s with a bucket of 5,000 (2,500/s and 1,250 in smaller regions), 1,000
    /// environments, and ten invocations per second for each (API Gateway developer guide and Lambda developer guide, "Quotas";
    /// Lambda developer guide, "Understanding Lambda function scaling", 2026); 500 new connections per second, with a bucket of as
    /// many, which the guide does not say.
    pub fn default_in(region: &str) -> Self {
        let (tokens, burst) = if SMALLER_REGIONS.contains(&region) { (2_500, 1_250) } else { (10_000, 5_000) };
        let rate = PerSecond { tokens, per: Span::from_secs(1) };
        let connects = Throttle { rate: PerSecond { tokens: 500, per: Span::from_secs(1) }, burst: Burst(500) };
        let throttle = Throttle { rate, burst: Burst(burst) };
        Self { throttle, connects, concurrency: 1_000, invocations_per_environment: 10 }
    }
}

impl Model {
    /// One API with one deployment, called `current`, which the stages serve; in the provider's default region and account.
    pub fn of(api: Api, stages: &[&str], routes: Vec<Route>) -> Self {
        let region = "us-east-1";
        Self {
            region: region.to_owned(),
            account: Account::default_in(region),
            apis: vec![api],
            deployments: vec![Deployment::new(ApiId(0), "current")],
            stages: stages.iter().map(|name| Stage::new(ApiId(0), *name, DeploymentId(0))).collect(),
            routes,
            functions: Vec::new(),
            services: Vec::new(),
            links: Vec::new(),
            authorizers: Vec::new(),
            capacities: Vec::new(),
            plans: Vec::new(),
            keys: Vec::new(),
            domains: Vec::new(),
            moves: Vec::new(),
            drops: Vec::new(),
        }
    }

    /// The stage of that name; of several APIs' stages the first.
    pub fn stage(&self, name: &str) -> Option<StageId> {
        self.stages.iter().position(|stage| stage.name == name).map(|at| StageId(at as u16))
    }

    /// The stage variables that a release of a stage sees, in the order of their names: the stage's own, and for the canary its
    /// overrides in their place or beside them.
    ///
    /// Panics if the model has no such stage.
    pub fn variables(&self, stage: StageId, release: Release) -> Vec<(String, String)> {
        let stage = &self.stages[usize::from(stage.0)];
        let overrides = stage.canary.as_ref().filter(|_| release == Release::Canary).map(|canary| &canary.variables[..]);
        let merged: BTreeMap<_, _> = stage.variables.iter().chain(overrides.unwrap_or_default()).cloned().collect();
        merged.into_iter().collect()
    }

    /// The same for whoever only simulates: a real function, service or HTTP back end whose times are told is a modelled one. One whose times are
    /// unknown stays as it is.
    pub fn simulated(mut self) -> Self {
        for function in &mut self.functions {
            if matches!(&function.code, Code::Real(Real { timed: Timed::Modelled, .. })) {
                function.code = Code::Modelled;
            }
        }
        for service in &mut self.services {
            service.back_end = service.back_end.clone().simulated();
        }
        for route in &mut self.routes {
            if let Integration::Http(http) = &mut route.integration {
                http.back_end = http.back_end.clone().simulated();
            }
        }
        self
    }

    /// The private link before a route's back end, if it is one that the model describes.
    pub fn link_of(&self, route: RouteId) -> Option<LinkId> {
        match self.routes.get(usize::from(route.0))?.integration {
            Integration::Http(HttpIntegration { connection: Connection::Link(link), .. }) => Some(link),
            Integration::Http(_) | Integration::Mock(_) | Integration::Lambda(_) | Integration::Service(_) => None,
        }
    }

    /// Where a real target listens, as `host:port`.
    pub fn address(&self, TargetId { link, place }: TargetId) -> Option<&str> {
        match &self.links.get(usize::from(link.0))?.targets.get(usize::from(place))?.serves {
            Serves::Real(address) => Some(address),
            Serves::Modelled(_) => None,
        }
    }

    /// The API that a stage belongs to.
    ///
    /// Panics if the model has no such stage or API.
    pub fn api_of(&self, stage: StageId) -> &Api {
        &self.apis[usize::from(self.stages[usize::from(stage.0)].api.0)]
    }

    /// The API that a route belongs to.
    ///
    /// Panics if the model has no such route.
    pub fn api_of_route(&self, route: RouteId) -> &Api {
        let deployment = self.routes[usize::from(route.0)].deployment;
        &self.apis[usize::from(self.deployments[usize::from(deployment.0)].api.0)]
    }

    /// What a route asks of its requests, and the authorizer that it names; `None` if it names none.
    ///
    /// Panics if the model has no such route.
    pub fn authorization(&self, route: RouteId) -> Option<(&Authorization, &Authorizer)> {
        let authorization = self.routes[usize::from(route.0)].authorization.as_ref()?;
        Some((authorization, self.authorizers.get(usize::from(authorization.authorizer.0))?))
    }

    /// What an authorizer is called beside those of all APIs: `check`, of a further API with its id, `admin/check`.
    ///
    /// Panics if the model has no such authorizer.
    pub fn authorizer_name(&self, id: AuthorizerId) -> String {
        let authorizer = &self.authorizers[usize::from(id.0)];
        match (authorizer.api, self.apis.get(usize::from(authorizer.api.0))) {
            (ApiId(0), _) | (_, None) => authorizer.name.clone(),
            (_, Some(api)) => format!("{}/{}", api.id, authorizer.name),
        }
    }

    /// What a stage is called beside those of all APIs: `prod`, of a further API with its id, `admin/prod`.
    ///
    /// Panics if the model has no such stage.
    pub fn stage_name(&self, id: StageId) -> String {
        let stage = &self.stages[usize::from(id.0)];
        match (stage.api, self.apis.get(usize::from(stage.api.0))) {
            (ApiId(0), _) | (_, None) => stage.name.clone(),
            (_, Some(api)) => format!("{}/{}", api.id, stage.name),
        }
    }

    /// The real function that a route's authorizer asks; `None` if it asks none, or one that is modelled.
    ///
    /// Panics if the model has no such route.
    pub fn real_authorizer(&self, route: RouteId) -> Option<FunctionId> {
        let function = self.authorization(route)?.1.function()?;
        let is_real = self.functions.get(usize::from(function.0)).is_some_and(|function| !function.code.is_modelled());
        is_real.then_some(function)
    }

    /// The routes of a deployment, with their ids.
    pub fn routes_of(&self, deployment: DeploymentId) -> impl Iterator<Item = (RouteId, &Route)> {
        let ids = self.routes.iter().enumerate().map(|(at, route)| (RouteId(at as u16), route));
        ids.filter(move |(_, route)| route.deployment == deployment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canary_sees_its_variables_in_place_of_the_stage_s_own_and_beside_them() {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["prod"], Vec::new());
        model.stages[0].variables = own(&[("level", "info"), ("table", "orders")]);
        let deployment = DeploymentId(0);
        let variables = own(&[("table", "orders-canary"), ("colour", "yellow")]);
        model.stages[0].canary = Some(Canary { share: 0.1, deployment, variables, shares_cache: false });
        assert_eq!(model.variables(StageId(0), Release::Base), own(&[("level", "info"), ("table", "orders")]));
        let merged = own(&[("colour", "yellow"), ("level", "info"), ("table", "orders-canary")]);
        assert_eq!(model.variables(StageId(0), Release::Canary), merged);
    }
}
