//! The proven plan: everything that simulating, serving and driving need, and nothing that could be invalid.
//!
//! Owns the shape. Refuses to be made in any other way than by [`load`](super::load). Read by `command`, which hands its parts
//! to `sim`, `engine`, the mock and `report`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sluicegate_policy::model::{DeploymentId, Model, PerSecond, Route, StageId};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use super::problem::Spot;
use super::value::{Certificates, Pacing, Protocol};
use crate::load::dialogue::Dialogue;
use crate::load::keeping::Keeping;
use crate::load::overload::Overload;
use crate::load::retry::Policy;
use crate::load::shaper::Ceilings;
use crate::load::traffic::Traffic;
use crate::measure::abort::Threshold;
use crate::measure::assumption::Assumption;
use crate::traffic::auth::Auth;
use crate::traffic::endpoint::Endpoint;
use crate::traffic::{Catalog, SeriesId};

/// A proven profile.
#[derive(Clone)]
pub struct Plan {
    /// The gateway as it is believed to be (with drifts, if there were any).
    pub model: Arc<Model>,
    /// Where relative paths of the profile start from.
    pub folder: PathBuf,
    /// The stage that is driven.
    pub stage: StageId,
    /// The described requests; `None` if the profile describes none, or the script comes from a log.
    pub traffic: Option<Traffic>,
    /// The described sessions; a plan has these or requests, not both.
    pub sessions: Option<Dialogue>,
    /// Series, templates and common headers. Without described traffic the series are the gateway's routes, by their keys.
    pub catalog: Arc<Catalog>,
    /// How the traffic is driven.
    pub run: Run,
    /// Credentials of the requests that bring none of their own.
    pub auth: Auth,
    /// Where it goes.
    pub target: Target,
    /// Who we are in TLS, if the target asks.
    pub identity: Option<ClientIdentity>,
    /// The way there.
    pub network: Network,
    /// What must never be exceeded or touched.
    pub safety: Safety,
    /// When the run ends itself.
    pub abort: Abort,
    /// What is expected to hold, in the order of the profile.
    pub expectations: Vec<Assumption>,
    /// Ids of the runs that the model was fitted on: it is never validated on these.
    pub fitted_on: Vec<String>,
    /// `profile`: the effective profile with every default, itself a profile; `derived`: what follows from it. Without secrets.
    pub resolved: serde_json::Value,
}

/// The deployments that a stage serves in the course of a run: its own, its canary's, then those that it moves to; each once.
pub(super) fn deployments_of(model: &Model, stage: StageId) -> Vec<DeploymentId> {
    let own = &model.stages[usize::from(stage.0)];
    let moved = model.moves.iter().filter(|one| one.stage == stage).map(|one| one.deployment);
    let all = std::iter::once(own.deployment).chain(own.canary.iter().map(|canary| canary.deployment)).chain(moved);
    let mut deployments = Vec::new();
    for id in all {
        if !deployments.contains(&id) {
            deployments.push(id);
        }
    }
    deployments
}

/// Whether a route is one of those that every WebSocket API has by itself, and that no profile writes: `@connections`.
pub fn is_callback(route: &Route) -> bool {
    route.path.starts_with("/@connections")
}

/// Whether a route is of the profile and belongs to the API of the stage that is driven.
pub(super) fn is_driven(model: &Model, stage: StageId, route: &Route) -> bool {
    !is_callback(route) && model.deployments[usize::from(route.deployment.0)].api == model.stages[usize::from(stage.0)].api
}

impl Plan {
    /// The deployments that the driven stage serves in the course of the run, that which it serves at first before the others.
    pub fn deployments(&self) -> Vec<DeploymentId> {
        deployments_of(&self.model, self.stage)
    }

    /// The series of each of the model's routes: that of its key, where the catalog counts it; none of another API's.
    pub fn series_of_routes(&self) -> Vec<Option<SeriesId>> {
        let series = &self.catalog.series;
        let by_key: BTreeMap<&str, SeriesId> =
            series.iter().enumerate().map(|(at, name)| (name.as_str(), SeriesId(at as u16))).collect();
        let series = |route: &Route| by_key.get(route.key().as_str()).filter(|_| is_driven(&self.model, self.stage, route));
        self.model.routes.iter().map(|route| series(route).copied()).collect()
    }
}

/// How the traffic is driven.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Length of the traffic; above zero, at most 30 days.
    pub duration: Span,
    /// How much of the beginning no statistics count; shorter than the duration.
    pub warmup: Span,
    /// Connections of all lanes together; at least one.
    pub connections: u32,
    /// How long an answer is waited for; above zero.
    pub timeout: Span,
    /// What happens to requests that are due and cannot start.
    pub overload: Overload,
    /// What is tried again; `None` is nothing.
    pub retries: Option<Policy>,
    /// The root of everything random; the traffic's is `seed.child("traffic")`.
    pub seed: Seed,
    /// Threads that send; `None` leaves it to the engine.
    pub lanes: Option<u32>,
    /// The protocol.
    pub protocol: Protocol,
    /// How long the client keeps its connections.
    pub keeping: Keeping,
    /// After how long the target's name is asked for again.
    pub dns_refresh: Span,
    /// HTTP/2: requests at a time on one connection; at least one.
    pub streams: u32,
    /// Addresses of this machine that connections come from in turn; none leaves it to the system.
    pub sources: Vec<IpAddr>,
    /// How the generator waits for a due instant.
    pub pacing: Pacing,
    /// The wall time at which the run is taken to start, since 1970; `None` is when it starts.
    pub starts_at: Option<Span>,
    /// How late the generator and the mock may be at p99 before a run is invalid; `None` is a millisecond, or a tenth of the smallest margin.
    pub lag_limit: Option<Span>,
}

/// Where the traffic goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The bundled mock.
    Mock(Wire),
    /// A live endpoint.
    Live(LiveTarget),
}

/// What the bundled mock speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// HTTP as it is.
    #[default]
    Plain,
    /// HTTP within TLS, with a certificate made for the run.
    Tls,
}

/// Who we are in TLS: files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The client's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key; may be the same file.
    pub key: PathBuf,
}

/// A live endpoint and how its certificate is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveTarget {
    /// Its base URL.
    pub endpoint: Endpoint,
    /// A PEM file with the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Whether the certificate must be good.
    pub certificates: Certificates,
}

/// The way to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// As the profile says.
    Given {
        /// Round trip of a request, without what the gateway does.
        round_trip: Span,
        /// Setting up a connection, TLS included.
        connect: Span,
    },
    /// To be measured before the run.
    Probed,
}

/// What a run must never exceed or touch. The plan keeps to it already; a replay's speed must be held against it, too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Safety {
    /// Highest planned rate.
    pub max_rate: Option<PerSecond>,
    /// Most that a run may cost at its target, in US dollars.
    pub max_cost: Option<f64>,
    /// Hosts, beside this machine, that traffic may go to.
    pub allow: Vec<String>,
    /// Hard ceilings of what is sent. That of the target, for a closed model and for retries, whose rate nobody plans, is `max_rate`
    /// unless the profile says otherwise.
    pub ceilings: Ceilings,
}

/// When a run ends itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Abort {
    /// Held against the answers of each second.
    pub thresholds: Vec<Threshold>,
    /// Asked once a second.
    pub health: Vec<Health>,
}

/// A URL that is asked once a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// As reports name the condition.
    pub name: String,
    /// The URL; its base path is what is asked for.
    pub endpoint: Endpoint,
    /// How often in a row it must fail; at least once.
    pub fails: u32,
    /// How long its answer is waited for; above zero.
    pub timeout: Span,
    /// Where the profile names it.
    pub at: Spot,
}

impl Abort {
    /// Every condition, as reports name it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let thresholds = self.thresholds.iter().map(|threshold| threshold.name.as_str());
        thresholds.chain(self.health.iter().map(|health| health.name.as_str()))
    }
}

/// The target is not one that the safety rules allow: nothing was sent (exit code 5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "traffic to {target} is refused: {host} is not this machine and nobody allowed it; name it in the profile's safety.allow, or with --allow-host {host}"
)]
pub struct Refusal {
    /// The target.
    pub target: String,
    /// Its host.
    pub host: String,
}

impl Safety {
    /// Whether traffic may go there: this machine always, other hosts if they are named (without regard to case).
    pub fn permit(&self, endpoint: &Endpoint) -> Result<(), Refusal> {
        let named = self.allow.iter().any(|host| host.eq_ignore_ascii_case(&endpoint.host));
        if named || endpoint.is_loopback() {
            return Ok(());
        }
        Err(Refusal { target: endpoint.to_string(), host: endpoint.host.clone() })
    }
}

/// Headers of the catalog may hold secrets, and are left out.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("model", &self.model)
            .field("stage", &self.stage)
            .field("traffic", &self.traffic)
            .field("sessions", &self.sessions)
            .field("series", &self.catalog.series)
            .field("run", &self.run)
            .field("auth", &self.auth)
            .field("target", &self.target)
            .field("network", &self.network)
            .field("safety", &self.safety)
            .field("abort", &self.abort)
            .field("expectations", &self.expectations)
            .finish_non_exhaustive()
    }
}
