//! An API and its deployments.
//!
//! Owns what belongs to the API as a whole: its kind, limits and names; and what a deployment freezes beside its routes. Refuses
//! the wording of answers (`render`).

use std::fmt;

use super::{ApiId, ResourcePolicy, Unconfirmed, WebSocket};
use crate::call::Reason;
use crate::latency::Latency;
use crate::time::Span;

/// One API.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Which kind: it decides how errors look and which limits hold.
    pub kind: ApiKind,
    /// The id, as in its host name and in `$context.apiId`.
    pub id: String,
    /// The name, as in the metrics' dimensions.
    pub name: String,
    /// How it is reached.
    pub endpoint: Endpoint,
    /// Time the gateway itself adds to a request that reaches an integration, both ways together.
    pub overhead: Latency,
    /// Time of an answer that the gateway makes itself (throttled, no route).
    pub refusal: Latency,
    /// What a request may not exceed.
    pub limits: Limits,
    /// Who may reach it from where (REST); `None` lets everybody in.
    pub resource_policy: Option<ResourcePolicy>,
    /// Where an API key is looked for.
    pub key_source: KeySource,
    /// Media types whose bodies are bytes, not text (REST): `image/png`, `*/*`.
    pub binary_media_types: Vec<String>,
    /// How it behaves where nobody has confirmed it.
    pub unconfirmed: Unconfirmed,
    /// What only a WebSocket API has.
    pub websocket: WebSocket,
}

/// The kind of API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiKind {
    /// HTTP API (v2).
    Http,
    /// REST API (v1).
    Rest,
    /// WebSocket API (v2). What the gateway says by itself over HTTP, at a handshake and of `@connections`, it says as a REST API.
    WebSocket,
}

/// How an API is reached; it changes the headers of an answer and some limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Through the provider's content delivery network.
    Edge,
    /// In its region.
    #[default]
    Regional,
    /// From within a private network.
    Private,
}

/// What a request may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of a body, in bytes.
    pub payload_bytes: u64,
    /// Length of the head.
    pub head: HeadLimit,
    /// Length of path and query, in bytes.
    pub url_bytes: u64,
}

/// What is counted as the head of a request, and how many bytes it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadLimit {
    /// Names and values of all headers.
    Headers(u64),
    /// Request line and headers.
    LineAndHeaders(u64),
}

/// Where an API key is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// In the header `x-api-key`.
    #[default]
    Header,
    /// In what the authorizer says.
    Authorizer,
}

/// A named, immutable snapshot of an API: its routes (those that name it) and what goes with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// The API it belongs to.
    pub api: ApiId,
    /// Its name, also `$context.deploymentId`.
    pub name: String,
    /// Cross-origin sharing (HTTP APIs); `None` leaves it to the integrations.
    pub cors: Option<Cors>,
    /// Customised gateway responses (REST).
    pub responses: Vec<GatewayResponse>,
    /// Models (JSON schemas) that request validators name (REST).
    pub schemas: Vec<Schema>,
}

/// Cross-origin sharing, as an HTTP API does it natively.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins, or `*`, or patterns such as `https://*`.
    pub allow_origins: Vec<String>,
    /// Methods, or `*`.
    pub allow_methods: Vec<String>,
    /// Headers, or `*`.
    pub allow_headers: Vec<String>,
    /// Headers that a script may read.
    pub expose_headers: Vec<String>,
    /// How long a preflight answer may be kept.
    pub max_age: Option<Span>,
    /// Whether requests may carry credentials.
    pub allow_credentials: bool,
}

/// A customised gateway response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayResponse {
    /// Which.
    pub kind: ResponseType,
    /// The status instead of the default one.
    pub status: Option<u16>,
    /// Header and where its value comes from (`'literal'`, `method.request.header.X`, `context.*`, `stageVariables.*`).
    pub headers: Vec<(String, String)>,
    /// Bodies by media type; variables are substituted, nothing else.
    pub templates: Vec<(String, String)>,
}

/// A JSON schema with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The name; `$ref`s may end in it.
    pub name: String,
    /// The schema, as JSON text.
    pub text: String,
}

/// The types of gateway responses (REST): the 21 of the service's own model, the two defaults last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "their names are the documentation: each is the provider's word for it")]
pub enum ResponseType {
    AccessDenied,
    ApiConfigurationError,
    AuthorizerConfigurationError,
    AuthorizerFailure,
    BadRequestBody,
    BadRequestParameters,
    ExpiredToken,
    IntegrationFailure,
    IntegrationTimeout,
    InvalidApiKey,
    InvalidSignature,
    MissingAuthenticationToken,
    QuotaExceeded,
    RequestTooLarge,
    ResourceNotFound,
    Throttled,
    Unauthorized,
    UnsupportedMediaType,
    WafFiltered,
    Default4xx,
    Default5xx,
}

impl Api {
    /// An API with the provider's settings, whose own work takes no time.
    pub fn new(kind: ApiKind, id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            kind,
            name: id.clone(),
            id,
            endpoint: Endpoint::Regional,
            overhead: Latency::constant(Span::ZERO),
            refusal: Latency::constant(Span::ZERO),
            limits: Limits::of(kind, Endpoint::Regional),
            resource_policy: None,
            key_source: KeySource::Header,
            binary_media_types: Vec::new(),
            unconfirmed: Unconfirmed::default(),
            websocket: WebSocket::default(),
        }
    }

    /// The status with which the gateway itself answers for this reason (API Gateway developer guide,
    /// "Gateway response types", "Troubleshooting HTTP APIs" and "Handle Lambda errors", 2023; what they do not say is
    /// [`Unconfirmed`]). [`Reason::Served`] has the integration's status; without one it is 200.
    pub const fn status_of(&self, reason: Reason) -> u16 {
        use ApiKind::{Http, Rest, WebSocket};
        match (self.kind, reason) {
            (_, Reason::Served) => 200,
            (_, Reason::Preflight) => self.unconfirmed.preflight,
            (Rest | WebSocket, Reason::NoStage) => self.unconfirmed.unknown_stage.status(),
            (Rest | WebSocket, Reason::NoRoute)
            | (Http, Reason::InsufficientScope)
            | (
                _,
                Reason::KeyRefused
                | Reason::InvalidationRefused
                | Reason::AccessDenied(_)
                | Reason::PolicyDenied(_)
                | Reason::SignatureRefused(_),
            ) => 403,
            (Http, Reason::NoStage | Reason::NoRoute) => 404,
            (_, Reason::Unauthorized(_)) | (Rest | WebSocket, Reason::InsufficientScope) => 401,
            (_, Reason::UrlTooLong) => self.unconfirmed.url_too_long,
            (_, Reason::HeadersTooLarge) => self.unconfirmed.headers_too_large,
            (_, Reason::Gone) => 410,
            (Rest | WebSocket, Reason::PayloadTooLarge) => 413,
            (Http, Reason::PayloadTooLarge) => self.unconfirmed.payload_too_large,
            (_, Reason::Throttled(_) | Reason::QuotaExceeded | Reason::Unread) => 429,
            (_, Reason::Invalid(_)) => 400,
            (_, Reason::UnsupportedMediaType | Reason::Binary) => 415,
            (_, Reason::Misconfigured | Reason::AuthorizerFailed | Reason::AuthorizerMisconfigured)
            | (Rest | WebSocket, Reason::FunctionThrottled(..))
            | (Http, Reason::FunctionFailed(_) | Reason::FunctionMalformed(_) | Reason::CapacityExhausted(_)) => 500,
            (Rest | WebSocket, Reason::FunctionFailed(_) | Reason::FunctionMalformed(_) | Reason::CapacityExhausted(_)) => 502,
            (Rest | WebSocket, Reason::IntegrationTimeout | Reason::IntegrationUnreachable) => 504,
            (Http, Reason::FunctionThrottled(..)) => self.unconfirmed.throttled_function,
            (Http, Reason::IntegrationTimeout | Reason::IntegrationUnreachable) => 503,
        }
    }
}

impl Deployment {
    /// A snapshot with nothing beside its routes.
    pub fn new(api: ApiId, name: impl Into<String>) -> Self {
        Self { api, name: name.into(), cors: None, responses: Vec::new(), schemas: Vec::new() }
    }
}

impl Limits {
    /// The provider's limits (developer guide, "Quotas", 2026): 10 MB either way; REST: 20,480 bytes of headers (8,000 for a
    /// private API), URL 10,240 (regional) or 8,192 (edge, private); HTTP API: 10,240 for request line and headers together;
    /// WebSocket API: 128 KB a message, URL 4,096, and headers as of a REST API, which nobody says.
    pub const fn of(kind: ApiKind, endpoint: Endpoint) -> Self {
        let (head, url_bytes) = match (kind, endpoint) {
            (ApiKind::Http, _) => (HeadLimit::LineAndHeaders(10_240), 10_240),
            (ApiKind::Rest, Endpoint::Regional) => (HeadLimit::Headers(20_480), 10_240),
            (ApiKind::Rest, Endpoint::Edge) => (HeadLimit::Headers(20_480), 8_192),
            (ApiKind::Rest, Endpoint::Private) => (HeadLimit::Headers(8_000), 8_192),
            (ApiKind::WebSocket, _) => (HeadLimit::Headers(20_480), 4_096),
        };
        let payload_bytes = match kind {
            ApiKind::Http | ApiKind::Rest => PAYLOAD_BYTES_MAX,
            ApiKind::WebSocket => 128 << 10,
        };
        Self { payload_bytes, head, url_bytes }
    }
}

/// Largest payload either way: 10 MB, for REST and HTTP APIs alike (developer guide, "Quotas", 2023 and 2026).
pub const PAYLOAD_BYTES_MAX: u64 = 10_485_760;

impl Deployment {
    /// The status with which a REST API answers for this reason, with the customised gateway responses: the type's own, else
    /// the default one's, else the provider's (developer guide, "Gateway responses in API Gateway", 2023). A 413 cannot be
    /// customised (developer guide, "Known issues", 2026).
    ///
    /// A function that the provider does not let run is 500, but once the type `INTEGRATION_FAILURE` is customised without a
    /// status it is the 504 of the documented table (re:Post question `QUL-z6rJbmR4meafB7MzYXxw`). Whether the same holds for a
    /// function that fails is a setting ([`Unconfirmed`]).
    pub fn status_of(&self, api: &Api, reason: Reason) -> u16 {
        let built_in = api.status_of(reason);
        let Some(response) = reason.response_type().filter(|_| api.kind == ApiKind::Rest && reason != Reason::PayloadTooLarge)
        else {
            return built_in;
        };
        match self.response(response, built_in) {
            Some(GatewayResponse { status: Some(status), .. }) => *status,
            Some(GatewayResponse { kind: ResponseType::IntegrationFailure, .. })
                if matches!(reason, Reason::FunctionThrottled(..)) =>
            {
                504
            }
            Some(GatewayResponse { kind: ResponseType::IntegrationFailure, .. })
                if matches!(reason, Reason::FunctionFailed(_) | Reason::FunctionMalformed(_)) =>
            {
                api.unconfirmed.customised_function_failure
            }
            Some(_) | None => built_in,
        }
    }

    /// The customised gateway response of this type, or the default for its class, if there is one.
    pub fn response(&self, kind: ResponseType, status: u16) -> Option<&GatewayResponse> {
        let of = |wanted: ResponseType| self.responses.iter().find(|response| response.kind == wanted);
        of(kind).or_else(|| of(if status < 500 { ResponseType::Default4xx } else { ResponseType::Default5xx }))
    }
}

impl Endpoint {
    /// The word for it in a profile.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Regional => "regional",
            Self::Private => "private",
        }
    }
}

impl ResponseType {
    /// Every type, in the order of the service's own list.
    pub const ALL: [Self; 21] = [
        Self::AccessDenied,
        Self::ApiConfigurationError,
        Self::AuthorizerConfigurationError,
        Self::AuthorizerFailure,
        Self::BadRequestBody,
        Self::BadRequestParameters,
        Self::Default4xx,
        Self::Default5xx,
        Self::ExpiredToken,
        Self::IntegrationFailure,
        Self::IntegrationTimeout,
        Self::InvalidApiKey,
        Self::InvalidSignature,
        Self::MissingAuthenticationToken,
        Self::QuotaExceeded,
        Self::RequestTooLarge,
        Self::ResourceNotFound,
        Self::Throttled,
        Self::Unauthorized,
        Self::UnsupportedMediaType,
        Self::WafFiltered,
    ];

    /// The provider's spelling: `BAD_REQUEST_BODY`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "ACCESS_DENIED",
            Self::ApiConfigurationError => "API_CONFIGURATION_ERROR",
            Self::AuthorizerConfigurationError => "AUTHORIZER_CONFIGURATION_ERROR",
            Self::AuthorizerFailure => "AUTHORIZER_FAILURE",
            Self::BadRequestBody => "BAD_REQUEST_BODY",
            Self::BadRequestParameters => "BAD_REQUEST_PARAMETERS",
            Self::ExpiredToken => "EXPIRED_TOKEN",
            Self::IntegrationFailure => "INTEGRATION_FAILURE",
            Self::IntegrationTimeout => "INTEGRATION_TIMEOUT",
            Self::InvalidApiKey => "INVALID_API_KEY",
            Self::InvalidSignature => "INVALID_SIGNATURE",
            Self::MissingAuthenticationToken => "MISSING_AUTHENTICATION_TOKEN",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::ResourceNotFound => "RESOURCE_NOT_FOUND",
            Self::Throttled => "THROTTLED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::WafFiltered => "WAF_FILTERED",
            Self::Default4xx => "DEFAULT_4XX",
            Self::Default5xx => "DEFAULT_5XX",
        }
    }

    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for ResponseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ApiKind {
    /// The integration time-out, unless a route sets its own: 29 s for REST and WebSocket, 30 s for HTTP APIs
    /// (developer guide, "Quotas", 2023 and 2026).
    pub const fn integration_timeout(self) -> Span {
        match self {
            Self::Http => Span::from_secs(30),
            Self::Rest | Self::WebSocket => Span::from_secs(29),
        }
    }

    /// The word for it in a profile.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Rest => "rest",
            Self::WebSocket => "websocket",
        }
    }
}

#[cfg(test)]
mod tests;
