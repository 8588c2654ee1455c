//! What static checks are asked of: the proven model, the traffic that is expected, and what stands around the gateway.
//!
//! Owns the shapes, and which routes and stages a question is about. Refuses to read a document: `command` fills these in.

use std::collections::BTreeSet;

use sluicegate_policy::model::{Api, ApiKind, Authorizer, Deployment, Model, Route, RouteId, Stage, StageId};
use sluicegate_policy::time::Span;

/// Everything that a static check may look at.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What was read.
    pub read: Read,
    /// The gateway as it was proven.
    pub model: &'a Model,
    /// The stage that is driven.
    pub stage: StageId,
    /// The traffic that is expected, if it is described and its rate is known.
    pub demand: Option<Demand>,
    /// Ceilings of the response time that the profile states.
    pub budgets: Vec<Budget>,
    /// How long the clients wait, of a profile that describes them.
    pub client_timeout: Option<Span>,
    /// What stands around the gateway.
    pub outside: Outside,
}

/// What kind of document was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A profile: the gateway and its traffic.
    Profile,
    /// An OpenAPI or Swagger document: the API alone.
    Definition,
    /// A SAM or CloudFormation template: the API and resources beside it.
    Template,
}

/// The traffic that is expected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// Requests per second of all together, at the peak.
    pub peak_per_s: f64,
    /// The same in the mean.
    pub mean_per_s: f64,
    /// What share of the requests each route gets, 0 to 1.
    pub shares: Vec<(RouteId, f64)>,
}

/// A ceiling of the response time.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// Of which route; `None` of all.
    pub route: Option<RouteId>,
    /// As the profile has it.
    pub name: String,
    /// Which quantile, 0 to 1.
    pub quantile: f64,
    /// At most so long.
    pub limit: Span,
}

/// What stands around the gateway in a document. What cannot be there is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Alarms on metrics of the gateway, or on metrics whose namespace is not known.
    pub alarms: Vec<Alarm>,
    /// Dashboards that show the gateway's metrics.
    pub dashboards: Vec<String>,
    /// Other dashboards.
    pub other_dashboards: Vec<String>,
    /// Custom domain names.
    pub domains: Vec<DomainName>,
    /// Whether the default endpoint is switched off, if the document can say it.
    pub default_endpoint_off: Option<bool>,
    /// Functions with their time-outs.
    pub functions: Vec<FunctionTimeout>,
    /// Log groups.
    pub log_groups: Vec<LogGroup>,
    /// Where secrets are written out, without them: `line 12: Environment.Variables.DB_PASSWORD`.
    pub literals: Vec<String>,
    /// Parameters that are secrets by their names, and are shown to whoever may describe the stack.
    pub open_parameters: Vec<String>,
    /// Whether the document has parameters that are secrets by their names.
    pub secret_parameters: usize,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its logical id.
    pub name: String,
    /// The metrics that it watches.
    pub metrics: Vec<String>,
    /// Whether somebody is told.
    pub tells: bool,
}

/// A custom domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainName {
    /// Its name, or its logical id.
    pub name: String,
    /// Its security policy: `TLS_1_2`.
    pub policy: Option<String>,
    /// Whether clients must show a certificate.
    pub mutual: bool,
}

/// A function and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionTimeout {
    /// Its name in the model.
    pub name: String,
    /// Its time-out; `None` is the provider's default.
    pub timeout: Option<Span>,
}

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    /// Its logical id.
    pub name: String,
    /// Whether its entries are deleted after a time.
    pub expires: bool,
}

/// How much of a limit is expected to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Limited {
    /// Of what.
    pub name: String,
    /// What is expected.
    pub expected: f64,
    /// The limit.
    pub limit: f64,
}

impl Facts<'_> {
    /// The API of the driven stage.
    pub(super) fn api(&self) -> &Api {
        self.model.api_of(self.stage)
    }

    /// Its kind.
    pub(super) fn kind(&self) -> ApiKind {
        self.api().kind
    }

    /// `HTTP API shop`.
    pub(super) fn api_named(&self) -> String {
        let kind = match self.kind() {
            ApiKind::Http => "HTTP API",
            ApiKind::Rest => "REST API",
            ApiKind::WebSocket => "WebSocket API",
        };
        format!("{kind} {}", self.api().name)
    }

    /// The stages of the API.
    pub(super) fn stages(&self) -> Vec<&Stage> {
        let api = self.driven().api;
        self.model.stages.iter().filter(|stage| stage.api == api).collect()
    }

    /// The driven stage.
    pub(super) fn driven(&self) -> &Stage {
        &self.model.stages[usize::from(self.stage.0)]
    }

    /// What the driven stage serves.
    pub(super) fn deployment(&self) -> &Deployment {
        &self.model.deployments[usize::from(self.driven().deployment.0)]
    }

    /// The routes of what the driven stage serves, without those that every WebSocket API has by itself.
    pub(super) fn routes(&self) -> Vec<(RouteId, &Route)> {
        self.model.routes_of(self.driven().deployment).filter(|(_, route)| !route.path.starts_with("/@connections")).collect()
    }

    /// The authorizers that these routes ask, each once.
    pub(super) fn authorizers(&self) -> Vec<&Authorizer> {
        let asked = self.routes().into_iter().filter_map(|(_, route)| route.authorization.as_ref());
        let ids: BTreeSet<_> = asked.map(|authorization| authorization.authorizer).collect();
        ids.into_iter().filter_map(|id| self.model.authorizers.get(usize::from(id.0))).collect()
    }

    /// Requests per second that a route is expected to get at the peak.
    pub(super) fn peak_of(&self, route: RouteId) -> Option<f64> {
        let demand = self.demand.as_ref()?;
        Some(demand.share_of(route) * demand.peak_per_s)
    }

    /// What the expected traffic is not known for.
    pub(super) const fn no_demand(&self) -> (&'static str, &'static str) {
        match self.read {
            Read::Profile => (
                "the rate of the profile's traffic is not known beforehand (a closed model, sessions, or none)",
                "describe requests with arrivals (traffic.arrivals), or give -R",
            ),
            Read::Definition | Read::Template => (
                "the document does not say what traffic comes",
                "import it (sluicegate import), describe the traffic in the profile, and ask again",
            ),
        }
    }
}

impl Demand {
    /// What share of the requests a route gets.
    pub(super) fn share_of(&self, route: RouteId) -> f64 {
        self.shares.iter().filter(|(id, _)| *id == route).map(|(_, share)| share).sum()
    }
}

impl Read {
    /// As reports have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "a profile",
            Self::Definition => "an OpenAPI or Swagger document",
            Self::Template => "a SAM or CloudFormation template",
        }
    }
}
