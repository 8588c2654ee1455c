//! Integrations: what is behind a route, and the mapping before and after it.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway::route`.

use super::{Answer, Texts};
use crate::config::problem::choices;
use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::{Kind, Node};
use crate::config::value::{ContentHandling, Flag, Passthrough, PayloadFormat, Percent, Shape, StatusCode, Text};

/// What is behind a route; exactly one of `lambda`, `mock`, `http` and `service`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Integration {
    /// A function answers.
    Lambda(Box<Lambda>),
    /// The gateway answers by itself.
    Mock(Mock),
    /// An HTTP back end answers.
    Http(Box<At<HttpBackend>>),
    /// A service of the provider answers.
    Service(Box<At<Service>>),
}

const KINDS: [&str; 4] = ["lambda", "mock", "http", "service"];

impl Read for Integration {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let keys = reader.keys(node, &KINDS)?;
        let named: Vec<&str> = KINDS.into_iter().filter(|kind| node.get(kind).is_some()).collect();
        match named.as_slice() {
            ["lambda"] => keys.read("lambda", reader).map(Self::Lambda),
            ["mock"] if node.get("mock").is_some_and(|mock| mock.kind == Kind::Null) => Some(Self::Mock(Mock::default())),
            ["mock"] => keys.read("mock", reader).map(Self::Mock),
            ["http"] => keys.read("http", reader).map(Self::Http),
            ["service"] => keys.read("service", reader).map(Self::Service),
            [] => {
                let what = "no integration is named; write { lambda: name }, { mock: { status: 200 } }, { http: { url: ... } } or { service: { uri: ... } }";
                reader.report(&node.place, what);
                None
            }
            several => {
                let several = choices(several.iter().copied());
                reader.report(&node.place, format!("a route has one integration; keep either {several}"));
                None
            }
        }
    }
}

/// The function of this name, as a proxy; or what else is to be said of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum Lambda {
    /// A name alone.
    Named(At<Text>),
    /// More.
    Full(Box<At<FunctionCall>>),
}

impl Read for Lambda {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let is_map = matches!(node.kind, Kind::Map(_));
        if is_map { Read::read(node, reader).map(Self::Full) } else { Read::read(node, reader).map(Self::Named) }
    }
}

section! {
    /// A function behind a route.
    FunctionCall {
        /// Its name.
        function: At<Text>,
        /// Version of the payload format (HTTP APIs): "1.0" or "2.0". Default: "2.0".
        payload_format: Option<At<PayloadFormat>>,
        /// Whether it gets the request as an event and gives the answer; else templates stand between (REST APIs). Default: true,
        /// unless requests or responses are written.
        proxy: Option<At<Flag>>,
        /// Method of the integration request. A function is invoked by POST alone: with any other one every request is a 500, as in the
        /// real gateway. Default: POST.
        method: Option<At<Text>>,
        /// Whether its answer goes to the client bit by bit, as the function makes it (REST APIs, a proxy): `responseTransferMode:
        /// STREAM`. The function then streams: status and headers as JSON, eight zero bytes, and the body. The route's `timeout` holds
        /// for all of it, and the response cache for none. A modelled function still answers as a whole; one that is invoked elsewhere
        /// (`invoke`) cannot be streamed. Default: false.
        stream: Option<At<Flag>>,
        /// Parameters of the integration request (REST APIs). A proxy gets its requests as they are, whatever these say; but with one that
        /// sets a header of the gateway's own, every request is a 500, as in the real gateway.
        parameters: Option<At<Texts>>,
        /// Request templates by media type (REST APIs, no proxy).
        requests: Option<At<Texts>>,
        /// What happens to a body whose media type has no template. Default: `when_no_match`.
        passthrough: Option<At<Passthrough>>,
        /// What the body of the request is made first: `to_binary` or `to_text`. Default: `by_type`.
        content_handling: Option<At<ContentHandling>>,
        /// Integration responses, chosen by the `errorMessage` of a function that fails (REST APIs, no proxy).
        responses: Option<Vec<At<ResponseRule>>>,
    }
}

/// An answer of the gateway's own: fixed (`status`, `body`), or mapped by templates (`requests`, `responses`).
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum Mock {
    /// Always the same.
    Fixed(Answer),
    /// What the templates make of the request (REST APIs).
    Mapped(Box<At<Mapping>>),
}

impl Default for Mock {
    fn default() -> Self {
        Self::Fixed(Answer { status: None, body: None })
    }
}

impl Read for Mock {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let is_mapped =
            node.keys().any(|key| ["requests", "responses", "passthrough", "content_handling", "parameters"].contains(&key));
        if is_mapped { Read::read(node, reader).map(Self::Mapped) } else { Read::read(node, reader).map(Self::Fixed) }
    }
}

section! {
    /// What stands before and after an integration that is not a proxy (REST APIs).
    Mapping {
        /// Request templates by media type; `$default` for the rest.
        requests: Option<At<Texts>>,
        /// What happens to a body whose media type has no template: `when_no_match`, `when_no_templates` or `never`.
        /// Default: `when_no_match`.
        passthrough: Option<At<Passthrough>>,
        /// What the body of the request is made first: `to_binary` (decoded from base64) or `to_text` (bytes encoded as base64).
        /// Default: `by_type`, as the API's binary media types have it.
        content_handling: Option<At<ContentHandling>>,
        /// Parameters of the integration request (`header.X`, `querystring.q`, `path.p`) and where their values come from
        /// (`method.request.header.X`, `'literal'`, `context.requestId`, `stageVariables.x`).
        parameters: Option<At<Texts>>,
        /// Integration responses, in their order: the first whose pattern fits is taken, else the one without a pattern.
        responses: Option<Vec<At<ResponseRule>>>,
    }
}

section! {
    /// An integration response.
    ResponseRule {
        /// Regular expression that the whole status (or error message) must match. Default: none, which makes it the response for
        /// the rest.
        pattern: Option<At<Text>>,
        /// Status of the answer. Default: 200.
        status: Option<At<StatusCode>>,
        /// Headers of the answer and where their values come from (`'literal'`, `integration.response.header.X`,
        /// `integration.response.body.p`, `context.requestId`, `stageVariables.x`).
        headers: Option<At<Texts>>,
        /// Response templates by media type. Default: the body passes unchanged.
        templates: Option<At<Texts>>,
        /// What the body of the integration's answer is made first: `to_binary` or `to_text`. Default: `by_type`, as its media type,
        /// the client's `Accept` and the API's binary media types have it.
        content_handling: Option<At<ContentHandling>>,
    }
}

section! {
    /// An HTTP back end. The model does not know how it answers.
    HttpBackend {
        /// Its URL, with `{path}` parameters and `${stageVariables.x}`.
        url: At<Text>,
        /// Method of the integration request. Default: the request's own.
        method: Option<At<Text>>,
        /// Whether the request goes through as it is. Default: true, unless requests or responses are written.
        proxy: Option<At<Flag>>,
        /// Whether its answer goes to the client bit by bit, as it comes (REST APIs, a proxy): `responseTransferMode: STREAM`. The payload
        /// limit then holds for none of it, the route's `timeout` for all of it, and the response cache for none. What is modelled still
        /// answers as a whole. Default: false.
        stream: Option<At<Flag>>,
        /// Name of the private link to it, one of `vpc_links`; one that is not there is asked directly, at the URL. The stage's name
        /// then stands in front of the path. Default: none, it is public.
        vpc_link: Option<At<Text>>,
        /// Parameters of the integration request (REST APIs).
        parameters: Option<At<Texts>>,
        /// Request templates by media type (REST APIs).
        requests: Option<At<Texts>>,
        /// What happens to a body whose media type has no template. Default: `when_no_match`.
        passthrough: Option<At<Passthrough>>,
        /// What the body of the request is made first: `to_binary` (decoded from base64) or `to_text` (bytes encoded as base64).
        /// Default: `by_type`, as the API's binary media types have it.
        content_handling: Option<At<ContentHandling>>,
        /// Integration responses (REST APIs).
        responses: Option<Vec<At<ResponseRule>>>,
        /// What the model says of it: how long it works on a request. The mock asks the real one all the same, but for `modelled`. Default:
        /// nothing, and there is no prediction for its routes.
        duration: Option<At<Shape>>,
        /// Whether the mock answers for it as the model does, by `duration`, `failures` and `response`, and asks nobody. Default: false.
        modelled: Option<At<Flag>>,
        /// Share of requests on which it breaks off the connection instead of answering, as the model says. Default: 0%.
        failures: Option<At<Percent>>,
        /// What it answers, as the model says. Default: 200 with the body `{}`.
        response: Option<Answer>,
    }
}

section! {
    /// A service of the provider, one of `services`.
    Service {
        /// Of a REST API the `uri` of the definition: `arn:aws:apigateway:us-east-1:dynamodb:action/PutItem`,
        /// `arn:aws:apigateway:us-east-1:sqs:path/123456789012/orders`, `arn:aws:apigateway:us-east-1:bucket.s3:path/{key}`. Of an HTTP API
        /// the `integrationSubtype`: `SQS-SendMessage`.
        uri: At<Text>,
        /// Method of the integration request (REST APIs). Default: the request's own.
        method: Option<At<Text>>,
        /// Whether the request goes through as it is: true for an HTTP API, false for a REST API; there is no other way.
        proxy: Option<At<Flag>>,
        /// Parameters of the integration request; for an HTTP API those of the service's action (`QueueUrl`, `MessageBody`).
        parameters: Option<At<Texts>>,
        /// Request templates by media type (REST APIs).
        requests: Option<At<Texts>>,
        /// What happens to a body whose media type has no template. Default: `when_no_match`.
        passthrough: Option<At<Passthrough>>,
        /// What the body of the request is made first: `to_binary` (decoded from base64) or `to_text` (bytes encoded as base64).
        /// Default: `by_type`, as the API's binary media types have it.
        content_handling: Option<At<ContentHandling>>,
        /// Integration responses (REST APIs).
        responses: Option<Vec<At<ResponseRule>>>,
    }
}
