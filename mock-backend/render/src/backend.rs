//! The request to an HTTP back end, and what becomes of its answer.
//!
//! Owns which method, URL, headers and body go there, and the parts that the parameter mapping of a REST API makes of them. Refuses
//! templates and integration responses (`mapping`), which headers pass (`hop`), and to send. Compiled with the
//! front door; asked by [`examined`](crate::examined) once the gateway wants the integration.

pub(crate) mod hop;
pub(crate) mod url;

use bytes::Bytes;
use sluicegate_policy::model::{ApiKind, Connection, HttpIntegration, Mapping, Protocol, Response, VpcLink};

use crate::expression::{Expression, Position, Surroundings};
use crate::front_error::FrontFault;
use crate::mapping::{Compiled, PartFault};
use hop::Hop;
use url::Url;

/// A request for a back end; whoever sends it adds the length of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendRequest {
    /// Method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers in their order, as they are to be spelled; `Host` among them only if a mapping sets it.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

/// What a back end answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendResponse {
    /// Status.
    pub status: u16,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// Body, transfer coding removed.
    pub body: Bytes,
}

impl BackendRequest {
    /// The same request for whoever listens at this `host:port`: what it says of its host stays.
    pub fn through(mut self, address: &str) -> Self {
        let Some(start) = self.url.find("://").map(|at| at + 3) else { return self };
        let end = self.url[start..].find(['/', '?']).map_or(self.url.len(), |at| start + at);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            self.headers.push(("Host".to_owned(), self.url[start..end].to_owned()));
        }
        self.url.replace_range(start..end, address);
        self
    }
}

impl BackendResponse {
    /// The first header of that name, whatever its spelling.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An HTTP integration, compiled.
#[derive(Debug)]
pub(crate) struct HttpFace {
    pub(crate) hop: Hop,
    method: Option<String>,
    url: Url,
    parameters: Vec<Parameter>,
    /// Templates before and after it; a proxy has none.
    pub(crate) mapping: Option<Compiled>,
    /// Whether it is reached by a private link: then the stage stands in the path that it is asked for.
    is_private: bool,
    /// What is answered where nothing real is behind it: by the modelled targets of its link, by a modelled service.
    pub(crate) modelled: Option<BackendResponse>,
}

/// An integration request parameter.
#[derive(Debug)]
struct Parameter {
    target: Target,
    value: Expression,
}

/// Where the value of a parameter goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Header(String),
    Query(String),
    Path(String),
}

/// What an integration request is made of.
pub(crate) struct Parts<'p> {
    /// What expressions speak of.
    pub(crate) of: Surroundings<'p>,
    /// The request's own method.
    pub(crate) method: &'p str,
    /// Its headers, as they came.
    pub(crate) headers: Vec<(&'p str, String)>,
    /// Its query, as it came.
    pub(crate) query: &'p str,
    /// The parameters of its path.
    pub(crate) path: Vec<(String, String)>,
    /// What templates set below `$context.requestOverride`: headers, query, path.
    pub(crate) overrides: [Vec<(String, String)>; 3],
    /// Headers that the gateway itself adds.
    pub(crate) own: Vec<(&'static str, String)>,
    /// `$context.apiId`.
    pub(crate) api: &'p str,
    /// The content type of what goes there, where that is not the request's own.
    pub(crate) content_type: Option<&'static str>,
    /// What goes there.
    pub(crate) body: Bytes,
}

impl HttpFace {
    /// Compiles an integration of an API of this kind.
    pub(crate) fn new(kind: ApiKind, http: &HttpIntegration) -> Result<Self, PartFault> {
        let (written, mapping) = match &http.protocol {
            Protocol::Proxy { parameters } => (parameters, None),
            Protocol::Mapped(mapping) => (&mapping.parameters, Some(Compiled::new(mapping)?)),
        };
        // An HTTP API maps requests by other words, which its route has.
        let parameters = match kind {
            ApiKind::Rest | ApiKind::WebSocket => {
                written.iter().map(|(name, value)| Parameter::new(name, value)).collect::<Result<_, _>>()?
            }
            ApiKind::Http => Vec::new(),
        };
        let hop = match (kind, &mapping) {
            (ApiKind::Rest | ApiKind::WebSocket, Some(_)) => Hop::RestMapped,
            (ApiKind::Rest | ApiKind::WebSocket, None) => Hop::RestProxy,
            (ApiKind::Http, _) => Hop::Http,
        };
        let is_private = http.connection != Connection::Internet;
        Ok(Self { hop, method: http.method.clone(), url: Url::parse(&http.url), parameters, mapping, is_private, modelled: None })
    }

    /// All that is the same of a request to a service of the provider.
    pub(crate) fn of_service(hop: Hop, method: Option<String>, url: &str, mapping: Option<&Mapping>) -> Result<Self, PartFault> {
        let written = mapping.map_or(&[][..], |mapping| &mapping.parameters);
        let parameters = written.iter().map(|(name, value)| Parameter::new(name, value)).collect::<Result<_, _>>()?;
        let mapping = mapping.map(Compiled::new).transpose()?;
        Ok(Self { hop, method, url: Url::parse(url), parameters, mapping, is_private: false, modelled: None })
    }

    /// The same, with what the modelled targets of its link answer, if it has such a link, or what it is claimed to answer itself.
    pub(crate) fn through(self, links: &[VpcLink], http: &HttpIntegration) -> Self {
        let response = match http.connection {
            Connection::Link(link) => links.get(usize::from(link.0)).map(|link| &link.response),
            Connection::Internet | Connection::VpcLink(_) => http.back_end.modelled().map(|modelled| &modelled.response),
        };
        let answer = |response: &Response| BackendResponse {
            status: response.status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: Bytes::copy_from_slice(response.body.as_bytes()),
        };
        Self { modelled: response.map(answer), ..self }
    }

    /// The request with the stage in its path, if that is how it goes: private integrations of both kinds of API do (facts: developer
    /// guide, "Set up private integrations" and "Create private integrations for HTTP APIs", 2026). A mapping of the path by an HTTP
    /// API overwrites it.
    pub(crate) fn in_stage(&self, mut request: BackendRequest, stage: &str) -> BackendRequest {
        if !self.is_private || stage == "$default" {
            return request;
        }
        if let Some(start) = request.url.find("://").map(|at| at + 3) {
            let end = request.url[start..].find(['/', '?']).map_or(request.url.len(), |at| start + at);
            request.url.insert_str(end, &format!("/{stage}"));
        }
        request
    }

    /// Whether a mapping sets what only the gateway may: recorded of REST APIs, which then answer 500
    /// (`header-remap.*.content-length`, `.transfer-encoding`).
    pub(crate) fn is_forbidden(&self) -> bool {
        let forbidden = |parameter: &Parameter| match &parameter.target {
            Target::Header(name) if self.hop == Hop::Service => hop::may_not_be_mapped_to_service(name),
            Target::Header(name) => hop::may_not_be_mapped(name),
            Target::Query(_) | Target::Path(_) => false,
        };
        self.parameters.iter().any(forbidden)
    }

    /// The request to the back end.
    pub(crate) fn request(&self, parts: Parts<'_>) -> BackendRequest {
        let [headers, query, path] = self.mapped(&parts.of);
        let [header_overrides, query_overrides, path_overrides] = &parts.overrides;
        // A REST API fills a URL with what is mapped alone, an HTTP API with the path's own parameters.
        let own_path = if self.hop == Hop::Http { parts.path.clone() } else { Vec::new() };
        let path = overridden(overridden(own_path, path), path_overrides.clone());
        let query = overridden(query, query_overrides.clone());
        let passes = if matches!(self.hop, Hop::RestMapped | Hop::Service) { "" } else { parts.query };
        let url = self.url.filled(&path, parts.of.stage_variables, passes, &query);
        let mapped = overridden(headers, header_overrides.clone());
        let headers = hop::request_headers(self.hop, &parts, mapped);
        let method = self.method.as_deref().filter(|method| *method != "ANY").unwrap_or(parts.method).to_owned();
        BackendRequest { method, url, headers, body: parts.body }
    }

    /// The values that fill its places.
    pub(crate) fn filling(&self, of: &Surroundings<'_>) -> Vec<(String, String)> {
        let [_, _, path] = self.mapped(of);
        path
    }

    /// Values for headers, query and path.
    fn mapped(&self, of: &Surroundings<'_>) -> [Vec<(String, String)>; 3] {
        let mut mapped: [Vec<(String, String)>; 3] = Default::default();
        for Parameter { target, value } in &self.parameters {
            let Some(value) = value.value(of) else { continue };
            let (at, name) = match target {
                Target::Header(name) => (0, name),
                Target::Query(name) => (1, name),
                Target::Path(name) => (2, name),
            };
            mapped[at].push((name.clone(), value));
        }
        mapped
    }
}

impl Parameter {
    fn new(name: &str, value: &str) -> Result<Self, PartFault> {
        let fault = |why: FrontFault| (format!("integration request parameter {name}"), why);
        let value = Expression::parse(value, Position::Request).map_err(fault)?;
        let target = match name.split_once('.') {
            Some(("querystring", name)) => Target::Query(name.to_owned()),
            Some(("path", name)) => Target::Path(name.to_owned()),
            Some(("header", name)) => Target::Header(name.to_owned()),
            _ => Target::Header(name.to_owned()),
        };
        Ok(Self { target, value })
    }
}

/// Names and values with others in the place of those of the same name.
fn overridden(mut values: Vec<(String, String)>, others: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in others {
        values.retain(|(known, _)| *known != name);
        values.push((name, value));
    }
    values
}
