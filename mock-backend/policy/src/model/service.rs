//! The provider's services: which of them stand behind an API, and how an integration names what it asks of one.
//!
//! Owns the URIs of integrations (REST) and the subtypes of first-class integrations (HTTP), with the parameters that each has.
//! Refuses to make a request of them (`render` does) and to sign or send it (the driver does).

mod subtype;
mod uri;

use std::fmt;

use super::{BackEnd, Mapping, ServiceId};
use crate::time::Span;

pub use self::subtype::Subtype;
pub use self::uri::{ServiceTarget, ServiceUri, UriFault};

/// A service of the provider, as all APIs of the account see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name, as URIs have it: `dynamodb`, `sqs`, `states`.
    pub name: String,
    /// What answers.
    pub back_end: BackEnd,
    /// How a real one is reached; `None` of one that is modelled.
    pub access: Option<ServiceAccess>,
}

/// How a real service is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccess {
    /// Its base URL, without a slash at the end.
    pub endpoint: String,
    /// The name that signatures are made for (AWS, "Create a signed AWS API request": the service of the credential scope).
    pub signing_name: String,
    /// Who signs.
    pub key: AccessKey,
}

/// An access key; its secret and its token are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id, which is sent with each request and is no secret.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The session token of temporary credentials.
    pub token: Option<String>,
}

/// A service behind a route.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceIntegration {
    /// Which.
    pub service: ServiceId,
    /// What is asked of it.
    pub call: ServiceCall,
    /// How long the gateway waits for it.
    pub timeout: Span,
}

/// What is asked of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceCall {
    /// A request of its own making (`AWS` of a REST API).
    Request {
        /// The integration's URI.
        uri: ServiceUri,
        /// Method of the integration request; `None` is the request's own.
        method: Option<String>,
        /// Templates before and after it.
        mapping: Box<Mapping>,
    },
    /// A first-class integration (`AWS_PROXY` with a subtype, of an HTTP API).
    FirstClass {
        /// Which action of which service.
        subtype: Subtype,
        /// The action's parameters and where their values come from (`$request.body.order`, `text`), in their order.
        parameters: Vec<(String, String)>,
    },
}

/// How a service was used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceUse {
    /// Requests that the gateway had for it.
    pub asked: u64,
    /// How often it asked again, because the connection broke off before an answer.
    pub retried: u64,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}
