//! What is behind a route.
//!
//! Owns the kinds of integration, and the mapping that stands before and after those that are not proxies. Refuses to run a
//! template or reach a back end: templates are texts here, and `render` compiles them.

use super::{BackEnd, FunctionId, LinkId, ServiceIntegration};
use crate::time::Span;

/// What answers on a route.
#[derive(Clone, Debug, PartialEq)]
pub enum Integration {
    /// The gateway answers by itself.
    Mock(MockIntegration),
    /// A Lambda-like function answers.
    Lambda(LambdaIntegration),
    /// An HTTP back end answers, which the driver reaches; the policy only waits, unless it is simulated.
    Http(HttpIntegration),
    /// A service of the provider answers: modelled, or reached by the driver.
    Service(ServiceIntegration),
}

/// An answer of the gateway's own.
#[derive(Clone, Debug, PartialEq)]
pub enum MockIntegration {
    /// Always the same.
    Fixed {
        /// HTTP status of the answer.
        status: u16,
        /// Body of the answer.
        body: String,
    },
    /// The request template makes an object with a `statusCode`, which chooses the integration response.
    Mapped(Mapping),
}

/// Templates before and after an integration that is not a proxy (REST).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// Integration request parameter (`header.X`, `querystring.q`, `path.p`) and where its value comes from
    /// (`method.request.header.X`, `'literal'`, `context.requestId`, `stageVariables.v`).
    pub parameters: Vec<(String, String)>,
    /// Request templates by media type; `$default` for the rest.
    pub requests: Vec<(String, String)>,
    /// What happens to a body whose media type has no template.
    pub passthrough: Passthrough,
    /// What the request's body is made before that.
    pub content_handling: ContentHandling,
    /// Integration responses, in their order.
    pub responses: Vec<ResponseRule>,
}

/// What happens to a request body whose media type has no template (developer guide, "Integration passthrough behaviors").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passthrough {
    /// It passes unchanged: `WHEN_NO_MATCH`.
    #[default]
    WhenNoMatch,
    /// It passes unchanged if there are no templates at all, else 415: `WHEN_NO_TEMPLATES`.
    WhenNoTemplates,
    /// 415: `NEVER`.
    Never,
}

/// An integration response: chosen by a pattern, mapped by templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseRule {
    /// Regular expression that the whole status (or error message) must match; `None` is the default response.
    pub pattern: Option<String>,
    /// Status of the method response.
    pub status: u16,
    /// Header of the method response and where its value comes from (`'literal'`, `integration.response.header.X`,
    /// `integration.response.body.p`, `context.*`, `stageVariables.*`).
    pub headers: Vec<(String, String)>,
    /// Response templates by media type.
    pub templates: Vec<(String, String)>,
    /// What the integration's body is made before that.
    pub content_handling: ContentHandling,
}

/// What a body is made on its way through the gateway (developer guide, "Content type conversions in API Gateway", 2023).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentHandling {
    /// What the other side takes it for: its media type and the API's binary ones say which.
    #[default]
    ByType,
    /// Bytes: text is decoded from base64 (`CONVERT_TO_BINARY`).
    ToBinary,
    /// Text: bytes are encoded as base64 (`CONVERT_TO_TEXT`).
    ToText,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaIntegration {
    /// Which.
    pub function: FunctionId,
    /// The format of its events and answers, of an HTTP API; a REST API has one of its own.
    pub payload: Payload,
    /// Whether it gets the request as an event (`AWS_PROXY`); of its parameters then counts alone whether they may be set at all.
    pub protocol: Protocol,
    /// Method of the integration request; `None` is `POST`, and no other one works.
    pub method: Option<String>,
    /// How its answer comes to the client; [`Transfer::Stream`] is a REST API's proxy alone.
    pub transfer: Transfer,
    /// How long the gateway waits for it: for the whole answer, also of one that it streams.
    pub timeout: Span,
}

/// How the answer of an integration comes to the client: `responseTransferMode` (developer guide, "Stream the integration response
/// for your proxy integrations in API Gateway", 2026: REST APIs, proxies).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// As a whole, once it is there: `BUFFERED`.
    #[default]
    Buffered,
    /// Bit by bit, as it is made: `STREAM`. The answer is decided when its head is there, and is never kept by the response cache.
    Stream,
}

/// The version of the payload format of an HTTP API's function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// 1.0.
    V1,
    /// 2.0.
    #[default]
    V2,
}

/// An HTTP back end.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpIntegration {
    /// Whether the request goes through as it is.
    pub protocol: Protocol,
    /// Method of the integration request; `None` is the request's own.
    pub method: Option<String>,
    /// URL with `{path}` parameters and `${stageVariables.x}`.
    pub url: String,
    /// Way to it.
    pub connection: Connection,
    /// What answers: always something real, of which the model may claim something; whoever only simulates takes the claim for it. What
    /// is behind a private link that the model describes answers instead.
    pub back_end: BackEnd,
    /// How its answer comes to the client; [`Transfer::Stream`] is a REST API's proxy alone.
    pub transfer: Transfer,
    /// How long the gateway waits for it: for the whole answer, also of one that it streams.
    pub timeout: Span,
}

/// How an integration is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub enum Protocol {
    /// `HTTP_PROXY`: the request as it is, but for these parameters.
    Proxy {
        /// Integration request parameters, as [`Mapping::parameters`].
        parameters: Vec<(String, String)>,
    },
    /// `HTTP`: through templates.
    Mapped(Mapping),
}

/// The way to a back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Public.
    Internet,
    /// Private, through a link of this name that nothing else is known of: it is asked directly.
    VpcLink(String),
    /// Private, through this link.
    Link(LinkId),
}

impl Protocol {
    /// Integration request parameters.
    pub fn parameters(&self) -> &[(String, String)] {
        match self {
            Self::Proxy { parameters } | Self::Mapped(Mapping { parameters, .. }) => parameters,
        }
    }
}

impl Integration {
    /// A proxy for a function, in the newest format.
    pub const fn lambda(function: FunctionId, timeout: Span) -> Self {
        let protocol = Protocol::Proxy { parameters: Vec::new() };
        Self::Lambda(LambdaIntegration {
            function,
            payload: Payload::V2,
            protocol,
            method: None,
            transfer: Transfer::Buffered,
            timeout,
        })
    }

    /// How its answer comes to the client.
    pub const fn transfer(&self) -> Transfer {
        match self {
            Self::Lambda(lambda) => lambda.transfer,
            Self::Http(http) => http.transfer,
            Self::Mock(_) | Self::Service(_) => Transfer::Buffered,
        }
    }

    /// A mock integration that always answers the same.
    pub fn fixed(status: u16, body: impl Into<String>) -> Self {
        Self::Mock(MockIntegration::Fixed { status, body: body.into() })
    }
}
