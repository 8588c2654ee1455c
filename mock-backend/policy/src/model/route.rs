//! A route and what is asked of its requests.
//!
//! Owns the shapes. Refuses to match a path ([`routing`](crate::routing)) and to examine a request (`render`).

use super::{Authorization, DeploymentId, FanOut, Integration, RouteResponse};

/// Method and path pattern, what is asked of a request, and what answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The deployment it belongs to.
    pub deployment: DeploymentId,
    /// The method; `None` is `ANY`.
    pub method: Option<String>,
    /// Path pattern such as `/orders/{id}` or `/files/{proxy+}`; `$default` catches what nothing else does (HTTP APIs). Of a WebSocket
    /// API the route key: `$connect`, `$disconnect`, `$default`, or what messages are selected by.
    pub path: String,
    /// Who says whether a request may go on; `None` lets everybody in.
    pub authorization: Option<Authorization>,
    /// Whether a request needs an API key that a usage plan of its stage knows (REST).
    pub api_key: Requirement,
    /// What the request validator checks (REST).
    pub validation: Validation,
    /// Parameters that enter the key of the response cache (REST).
    pub cache: CacheKeys,
    /// Parameter mapping of an HTTP API's request: `append:header.x`, `overwrite:path`, `remove:querystring.q`, and the value.
    pub request_mapping: Vec<(String, String)>,
    /// Parameter mapping of an HTTP API's response, by the integration's status.
    pub response_mapping: Vec<(u16, Vec<(String, String)>)>,
    /// `operationName`, which functions are told (REST).
    pub operation: Option<String>,
    /// Whether the client gets the answer to its message (WebSocket).
    pub response: RouteResponse,
    /// To whom its modelled function posts the message (WebSocket).
    pub fan_out: Option<FanOut>,
    /// What answers.
    pub integration: Integration,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requirement {
    /// It need not.
    #[default]
    Optional,
    /// It must.
    Required,
}

/// Where a parameter of a request stands. In the order in which the real gateway lists missing ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A header; the name is compared with its spelling.
    Header,
    /// A path parameter.
    Path,
    /// A parameter of the query string.
    Query,
}

/// A parameter of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterRule {
    /// Where it stands.
    pub source: Source,
    /// Its name.
    pub name: String,
}

/// What the request validator checks. Empty checks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validation {
    /// Parameters that must be there and not blank.
    pub required: Vec<ParameterRule>,
    /// Media type and the name of the schema that the body must satisfy; `None` does not look at the body.
    pub body: Option<Vec<(String, String)>>,
}

/// What tells two requests to the same resource apart for the response cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheKeys {
    /// Parameters whose values are part of the key.
    pub parameters: Vec<ParameterRule>,
}

impl Route {
    /// A route that asks nothing of its requests; `None` for the method is `ANY`.
    pub fn new(deployment: DeploymentId, method: Option<&str>, path: impl Into<String>, integration: Integration) -> Self {
        Self {
            deployment,
            method: method.map(str::to_owned),
            path: path.into(),
            authorization: None,
            api_key: Requirement::Optional,
            validation: Validation::default(),
            cache: CacheKeys::default(),
            request_mapping: Vec::new(),
            response_mapping: Vec::new(),
            operation: None,
            response: RouteResponse::Absent,
            fan_out: None,
            integration,
        }
    }

    /// The route key as the gateway writes it: `GET /orders/{id}`, `$default`, `sendMessage`.
    pub fn key(&self) -> String {
        match &self.method {
            _ if !self.path.starts_with('/') => self.path.clone(),
            Some(method) => format!("{method} {}", self.path),
            None => format!("ANY {}", self.path),
        }
    }
}
