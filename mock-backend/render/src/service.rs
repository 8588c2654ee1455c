//! The request to a service of the provider: the integration request of a REST API, or a first-class integration of an HTTP API.
//!
//! Owns where it goes, and what the gateway adds for the service's protocol (`protocol`). Refuses templates and header rules (those of
//! any back end that is no proxy, [`backend`](crate::backend)), signatures and sockets. Compiled with the front door; asked by
//! [`examined`](crate::examined) once the gateway wants the integration.

mod first_class;
pub(crate) mod protocol;

use bytes::Bytes;
use sluicegate_policy::model::{ApiKind, Model, Service, ServiceCall, ServiceId, ServiceIntegration, ServiceTarget, ServiceUri};

use crate::backend::hop::Hop;
use crate::backend::url::Url;
use crate::backend::{BackendRequest, BackendResponse, HttpFace};
use crate::mapping::{JSON, PartFault};
pub(crate) use first_class::FirstClass;
use protocol::Protocol;

/// What a signature over a request is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFor {
    /// The service, which has a signing name and a key.
    pub service: ServiceId,
    /// The region.
    pub region: String,
}

/// An integration with a service, compiled.
#[derive(Debug)]
pub(crate) struct ServiceFace {
    pub(crate) service: ServiceId,
    pub(crate) region: String,
    /// All of it that is as with any back end.
    pub(crate) http: HttpFace,
    pub(crate) asks: Asks,
}

/// How a service is asked.
#[derive(Debug)]
pub(crate) enum Asks {
    /// By a request of the integration's own making.
    Request {
        /// `X-Amz-Target`, unless a mapping sets another one.
        target: Option<String>,
        /// Its content type, unless a mapping sets another one; `None` is that of any integration request.
        content_type: Option<&'static str>,
        /// What the request says of its host, where that is not whom it is sent to.
        host: Option<Url>,
    },
    /// By an action that the gateway knows.
    FirstClass(FirstClass),
}

impl ServiceFace {
    pub(crate) fn new(model: &Model, kind: ApiKind, integration: &ServiceIntegration) -> Result<Self, PartFault> {
        let service = &model.services[usize::from(integration.service.0)];
        let (region, mut http, asks) = match &integration.call {
            ServiceCall::Request { uri, method, mapping } => {
                let base = base(service, &uri.host());
                let mut url = format!("{base}/{}", place(&uri.target));
                let protocol = match &uri.target {
                    ServiceTarget::Path(_) => None,
                    ServiceTarget::Action(action) => {
                        let is_written = |name: &str| mapping.parameters.iter().any(|(key, _)| key == name);
                        let protocol = Protocol::of(&uri.service);
                        if let Some(Protocol::Query { version }) = protocol.filter(|_| !is_written("querystring.Version")) {
                            url = format!("{url}&Version={version}");
                        }
                        protocol.map(|protocol| (protocol.target(action), protocol.content_type()))
                    }
                };
                // A subdomain tells the service whom the request is about: only its own host name has it.
                let (target, content_type) = protocol.map_or((None, None), |(target, content_type)| (target, Some(content_type)));
                let host = uri.subdomain.as_ref().map(|_| Url::parse(&uri.host()));
                let http = HttpFace::of_service(Hop::Service, method.clone(), &url, Some(mapping))?;
                (uri.region.clone(), http, Asks::Request { target, content_type, host })
            }
            ServiceCall::FirstClass { subtype, parameters } => {
                let host = format!("{}.{}.amazonaws.com", subtype.service(), model.region);
                let first = FirstClass::new(*subtype, parameters, base(service, &host))?;
                (model.region.clone(), HttpFace::of_service(Hop::Http, None, "", None)?, Asks::FirstClass(first))
            }
        };
        http.modelled = service.back_end.modelled().map(|modelled| BackendResponse {
            status: modelled.response.status,
            headers: vec![(
                "Content-Type".to_owned(),
                if kind == ApiKind::Rest { JSON } else { "application/x-amz-json-1.0" }.to_owned(),
            )],
            body: Bytes::copy_from_slice(modelled.response.body.as_bytes()),
        });
        Ok(Self { service: integration.service, region, http, asks })
    }
}

impl Asks {
    /// The content type that its requests have of themselves.
    pub(crate) const fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Request { content_type, .. } => *content_type,
            Self::FirstClass(_) => None,
        }
    }

    /// What only a service is told, added to an integration request.
    pub(crate) fn complete(&self, request: &mut BackendRequest, path: &[(String, String)], stage_variables: &[(String, String)]) {
        let Self::Request { target, host, .. } = self else { return };
        let is_there =
            |request: &BackendRequest, wanted: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        if let Some(target) = target.as_ref().filter(|_| !is_there(request, "x-amz-target")) {
            request.headers.push(("X-Amz-Target".to_owned(), target.clone()));
        }
        if let Some(host) = host.as_ref().filter(|_| !is_there(request, "host")) {
            request.headers.push(("Host".to_owned(), host.filled(path, stage_variables, "", &[])));
        }
        // As `LocalStack` has it of its recordings; a signature covers the body in any case.
        if matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            request.body = Bytes::new();
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
    }
}

/// Whom requests are sent to; for one that is only modelled, whom the provider would send them to.
fn base(service: &Service, host: &str) -> String {
    service.access.as_ref().map_or_else(|| format!("https://{host}"), |access| access.endpoint.trim_end_matches('/').to_owned())
}

fn place(target: &ServiceTarget) -> String {
    match target {
        ServiceTarget::Path(path) => path.clone(),
        // That a service which takes JSON has it in the query, too, is UNCONFIRMED: no source was found for it.
        ServiceTarget::Action(action) => format!("?Action={action}"),
    }
}

/// The URL of the provider's own that an integration request goes to, for the mock's execution log.
pub(crate) fn provider_url(uri: &ServiceUri) -> String {
    format!("https://{}/{}", uri.host(), place(&uri.target))
}
