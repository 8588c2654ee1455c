//! What the gateway says when it does not pass on an integration's answer.
//!
//! Owns the message, body, content type and error name for each reason and kind of API. Refuses to choose the status (the policy
//! did) and to customise (`customised`). Called for the answer and by `$context.error.*`.
//!
//! Source: facts, sections 2.1, 3.1, 3.2 and 5.4 (developer guide 2023 and 2026, and answers recorded against the real service).
//! Not confirmed by any recording, and chosen here: what an answer to too long a URL, head or (of an
//! HTTP API) body says, which follows its status. What else is unconfirmed is a setting of the API
//! ([`Unconfirmed`](sluicegate_policy::model::Unconfirmed)).

use std::borrow::Cow;

use bytes::Bytes;
use sluicegate_policy::call::{Denied, Reason, Reply, SignatureFault};
use sluicegate_policy::model::{Api, ApiKind, ResponseType, ThrottledContentType, TooLargeContentType, UnknownStage};

use crate::authorizer;
use crate::responses::{BuiltIn, FORBIDDEN, built_in};
use crate::seen::Seen;
use crate::validate::Fault;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// An answer made by the gateway itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The whole body, as long as nobody customised it.
    pub body: Bytes,
    /// `$context.error.message`; `None` is null.
    pub message: Option<Cow<'static, str>>,
    /// `None` where the real gateway sends no content type.
    pub content_type: Option<&'static str>,
    /// `x-amzn-ErrorType`; HTTP APIs send none.
    pub error_type: Option<&'static str>,
    /// `$context.error.responseType`; `None` where none is documented.
    pub response_type: Option<ResponseType>,
}

/// What an API says for this reason and status; `None` if the integration's own answer, or leave to ask, is given. `fault` is what
/// the request validator found.
pub fn refusal(api: &Api, reason: Reason, status: u16, fault: Option<&Fault>) -> Option<Refusal> {
    match api.kind {
        ApiKind::Rest | ApiKind::WebSocket => rest(api, reason, status, fault),
        ApiKind::Http => http(api, reason, status),
    }
}

/// What an API says to this request: as [`refusal`], and where it is known more exactly, in those words.
pub(crate) fn told(seen: Seen<'_>, reply: &Reply, fault: Option<&Fault>) -> Option<Refusal> {
    let plain = refusal(seen.api_model(), reply.reason, reply.status, fault)?;
    Some(match authorizer::words(seen, reply.reason) {
        Some((key, message)) => plain.saying_with(key, &message),
        None => plain,
    })
}

fn rest(api: &Api, reason: Reason, status: u16, fault: Option<&Fault>) -> Option<Refusal> {
    match reason {
        Reason::Served | Reason::Preflight => None,
        Reason::NoStage => Some(match api.unconfirmed.unknown_stage {
            UnknownStage::Forbidden => own("Forbidden", FORBIDDEN, Some("ForbiddenException")),
            UnknownStage::MissingAuthenticationToken => Refusal::of(built_in(ResponseType::MissingAuthenticationToken)),
            UnknownStage::NotFound => Refusal::of(built_in(ResponseType::ResourceNotFound)),
        }),
        // No error name is documented for these two.
        Reason::UrlTooLong => Some(too_long(status, ("Request URI too long", r#"{"message":"Request URI too long"}"#))),
        Reason::HeadersTooLarge => Some(too_long(status, HEAD_TOO_LARGE)),
        // Of connections, not of requests: `websocket` has the words of those that are said over HTTP.
        Reason::Gone | Reason::Binary | Reason::Unread => Some(own("Gone", r#"{"message":null}"#, Some("GoneException"))),
        Reason::IntegrationUnreachable => {
            let body = r#"{"message": "Network error communicating with endpoint"}"#;
            let row = built_in(ResponseType::IntegrationFailure);
            Some(Refusal::of(&BuiltIn { message: Some("Network error communicating with endpoint"), body, ..*row }))
        }
        Reason::Invalid(_) => {
            let plain = Refusal::of(built_in(reason.response_type()?));
            Some(fault.map_or(plain.clone(), |fault| plain.saying(&fault.message)))
        }
        Reason::PayloadTooLarge => {
            // Recorded in plain text, with the provider's limit; of an API whose limit is another one, with that.
            let message = format!("HTTP content length exceeded {} bytes.", api.limits.payload_bytes);
            let (body, message) = (Bytes::from(message.clone()), Some(Cow::Owned(message)));
            let content_type = too_large_content_type(api, TEXT);
            Some(Refusal { body, message, content_type, ..Refusal::of(built_in(ResponseType::RequestTooLarge)) })
        }
        Reason::AccessDenied(Denied::Explicit)
        | Reason::PolicyDenied(_)
        | Reason::SignatureRefused(SignatureFault::Unknown | SignatureFault::Incomplete | SignatureFault::Expired) => {
            denied(reason)
        }
        Reason::NoRoute
        | Reason::Unauthorized(_)
        | Reason::InsufficientScope
        | Reason::SignatureRefused(SignatureFault::Missing | SignatureFault::Mismatched | SignatureFault::Stale)
        | Reason::AccessDenied(Denied::Implicit)
        | Reason::AuthorizerFailed
        | Reason::AuthorizerMisconfigured
        | Reason::KeyRefused
        | Reason::QuotaExceeded
        | Reason::Throttled(_)
        | Reason::InvalidationRefused
        | Reason::UnsupportedMediaType
        | Reason::Misconfigured
        | Reason::FunctionThrottled(..)
        | Reason::FunctionFailed(_)
        | Reason::FunctionMalformed(_)
        | Reason::CapacityExhausted(_)
        | Reason::IntegrationTimeout => Some(Refusal::of(built_in(reason.response_type()?))),
    }
}

/// What is said of a denial in words of its own.
fn denied(reason: Reason) -> Option<Refusal> {
    let access = || Refusal::of(built_in(ResponseType::AccessDenied));
    let token = |error_type, message| Some(Refusal { error_type: Some(error_type), ..access() }.saying(message));
    match reason {
        Reason::AccessDenied(Denied::Explicit) => {
            let text = "User is not authorized to access this resource with an explicit deny in an identity-based policy";
            Some(access().saying_with("Message", text))
        }
        // The real one names the ARN of the method, which `told` does.
        Reason::PolicyDenied(denied) => {
            let text = "User: anonymous is not authorized to perform: execute-api:Invoke on this resource";
            let end = if denied == Denied::Explicit { " with an explicit deny" } else { "" };
            Some(access().saying_with("Message", &format!("{text}{end}")))
        }
        Reason::SignatureRefused(SignatureFault::Unknown) => {
            token("UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        Reason::SignatureRefused(SignatureFault::Incomplete) => {
            let text = "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters.";
            token("IncompleteSignatureException", text)
        }
        Reason::SignatureRefused(SignatureFault::Expired) => {
            Some(Refusal::of(built_in(ResponseType::InvalidSignature)).saying("Signature expired"))
        }
        _ => Some(Refusal::of(built_in(reason.response_type()?))),
    }
}

fn http(api: &Api, reason: Reason, status: u16) -> Option<Refusal> {
    let (message, body, content_type) = match reason {
        Reason::Served | Reason::Preflight => return None,
        Reason::UrlTooLong | Reason::HeadersTooLarge => return Some(too_long(status, HEAD_TOO_LARGE)),
        Reason::PayloadTooLarge => {
            let response_type = reason.response_type();
            let content_type = too_large_content_type(api, JSON);
            return Some(Refusal { content_type, response_type, ..too_long(status, BODY_TOO_LARGE) });
        }
        Reason::NoStage | Reason::NoRoute => ("Not Found", r#"{"message":"Not Found"}"#, Some(JSON)),
        Reason::Unauthorized(_) => ("Unauthorized", r#"{"message":"Unauthorized"}"#, Some(JSON)),
        Reason::InsufficientScope
        | Reason::SignatureRefused(_)
        | Reason::AccessDenied(_)
        | Reason::PolicyDenied(_)
        | Reason::KeyRefused
        | Reason::InvalidationRefused => ("Forbidden", FORBIDDEN, Some(JSON)),
        Reason::Throttled(_) | Reason::QuotaExceeded => {
            let content_type = match api.unconfirmed.throttled_content_type {
                ThrottledContentType::Absent => None,
                ThrottledContentType::Json => Some(JSON),
            };
            ("Too Many Requests", r#"{"message":"Too Many Requests"}"#, content_type)
        }
        Reason::FunctionThrottled(..) if status != 503 => INTERNAL,
        Reason::AuthorizerFailed
        | Reason::AuthorizerMisconfigured
        | Reason::Invalid(_)
        | Reason::UnsupportedMediaType
        | Reason::Misconfigured
        | Reason::FunctionFailed(_)
        | Reason::FunctionMalformed(_)
        | Reason::CapacityExhausted(_)
        // No HTTP API has connections to speak of.
        | Reason::Gone
        | Reason::Binary
        | Reason::Unread => INTERNAL,
        // Recorded without a content type.
        Reason::FunctionThrottled(..) | Reason::IntegrationUnreachable | Reason::IntegrationTimeout => {
            ("Service Unavailable", r#"{"message":"Service Unavailable"}"#, None)
        }
    };
    let response_type = reason.response_type().filter(|_| !matches!(reason, Reason::NoRoute));
    Some(Refusal { content_type, response_type, ..own(message, body, None) })
}

/// The content type of the answer to too long a body, which is written as `body`.
const fn too_large_content_type(api: &Api, body: &'static str) -> Option<&'static str> {
    match api.unconfirmed.too_large_content_type {
        TooLargeContentType::AsBody => Some(body),
        TooLargeContentType::Json => Some(JSON),
        TooLargeContentType::Absent => None,
    }
}

/// A message and the body that holds it.
type Said = (&'static str, &'static str);

const HEAD_TOO_LARGE: Said = ("Request Header Fields Too Large", r#"{"message":"Request Header Fields Too Large"}"#);
const BODY_TOO_LARGE: Said = ("Request Entity Too Large", r#"{"message":"Request Entity Too Large"}"#);
const BAD_REQUEST: Said = ("Bad Request", r#"{"message":"Bad Request"}"#);
const INTERNAL: (&str, &str, Option<&str>) = ("Internal Server Error", r#"{"message":"Internal Server Error"}"#, Some(JSON));

/// What is said of too long a part of a request, whose status is a setting: what the status means, else this.
const fn too_long(status: u16, otherwise: Said) -> Refusal {
    let (message, body) = match status {
        400 => BAD_REQUEST,
        413 => BODY_TOO_LARGE,
        431 => HEAD_TOO_LARGE,
        _ => otherwise,
    };
    own(message, body, None)
}

/// One that is no gateway response.
const fn own(message: &'static str, body: &'static str, error_type: Option<&'static str>) -> Refusal {
    let body = Bytes::from_static(body.as_bytes());
    Refusal { body, message: Some(Cow::Borrowed(message)), content_type: Some(JSON), error_type, response_type: None }
}

impl Refusal {
    fn of(row: &BuiltIn) -> Self {
        Self {
            body: Bytes::from_static(row.body.as_bytes()),
            message: row.message.map(Cow::Borrowed),
            content_type: Some(JSON),
            error_type: row.error_type,
            response_type: Some(row.kind),
        }
    }

    /// The same with a message of its own.
    fn saying(self, message: &str) -> Self {
        self.saying_with("message", message)
    }

    /// The same with a message under another key.
    fn saying_with(self, key: &str, message: &str) -> Self {
        let body = format!(r#"{{"{key}":{}}}"#, quoted(message));
        Self { body: body.into(), message: Some(Cow::Owned(message.to_owned())), ..self }
    }

    /// `$context.error.messageString`: the message in quotes, or `null`.
    pub fn message_string(&self) -> String {
        self.message.as_deref().map_or_else(|| "null".to_owned(), quoted)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::call::{FunctionLimit, Invalid, Scope};
    use sluicegate_policy::model::FunctionId;

    const EVERY: [Reason; 17] = [
        Reason::NoStage,
        Reason::NoRoute,
        Reason::UrlTooLong,
        Reason::HeadersTooLarge,
        Reason::PayloadTooLarge,
        Reason::KeyRefused,
        Reason::QuotaExceeded,
        Reason::Throttled(Scope::Account),
        Reason::Invalid(Invalid::Parameters),
        Reason::Invalid(Invalid::Body),
        Reason::InvalidationRefused,
        Reason::UnsupportedMediaType,
        Reason::Misconfigured,
        Reason::FunctionThrottled(FunctionId(0), FunctionLimit::Concurrency),
        Reason::FunctionFailed(FunctionId(0)),
        Reason::IntegrationTimeout,
        Reason::IntegrationUnreachable,
    ];

    fn api(kind: ApiKind) -> Api {
        Api::new(kind, "a1b2c3")
    }

    #[test]
    fn http_bodies_have_the_recorded_lengths() {
        for (reason, status, length) in [
            (Reason::NoRoute, 404, 23),
            (Reason::KeyRefused, 403, 23),
            (Reason::Throttled(Scope::Stage), 429, 31),
            (Reason::FunctionFailed(FunctionId(0)), 500, 35),
            (Reason::IntegrationTimeout, 503, 33),
        ] {
            assert_eq!(refusal(&api(ApiKind::Http), reason, status, None).unwrap().body.len(), length, "{reason:?}");
        }
    }

    #[test]
    fn only_rest_names_the_error() {
        for reason in EVERY {
            assert_eq!(refusal(&api(ApiKind::Http), reason, 500, None).unwrap().error_type, None, "{reason:?}");
        }
        let missing = refusal(&api(ApiKind::Rest), Reason::NoRoute, 403, None).unwrap();
        assert_eq!(missing.error_type, Some("MissingAuthenticationTokenException"));
    }

    #[test]
    fn every_refusal_has_a_message_and_it_stands_in_the_body() {
        for reason in EVERY {
            for kind in [ApiKind::Http, ApiKind::Rest] {
                let refusal = refusal(&api(kind), reason, 500, None).unwrap();
                let body = str::from_utf8(&refusal.body).unwrap();
                assert!(refusal.message.as_deref().is_some_and(|message| body.contains(message)), "{kind:?} {reason:?}");
            }
        }
        assert_eq!(refusal(&api(ApiKind::Rest), Reason::Served, 200, None), None);
        assert_eq!(refusal(&api(ApiKind::Http), Reason::Preflight, 204, None), None);
    }

    #[test]
    fn the_two_429s_of_a_rest_api_differ() {
        let body = |reason| refusal(&api(ApiKind::Rest), reason, 429, None).unwrap().body;
        assert_eq!(body(Reason::Throttled(Scope::Key)), r#"{"message":"Too Many Requests"}"#);
        assert_eq!(body(Reason::QuotaExceeded), r#"{"message":"Limit Exceeded"}"#);
    }

    #[test]
    fn missing_parameters_are_listed() {
        let message = "Missing required request parameters: [x-header-param, issuer, q\"1]".to_owned();
        let fault = Fault { kind: Invalid::Parameters, message: message.clone(), detail: None };
        let refusal = refusal(&api(ApiKind::Rest), Reason::Invalid(Invalid::Parameters), 400, Some(&fault)).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&refusal.body).unwrap();
        assert_eq!(body, serde_json::json!({ "message": message }));
        assert_eq!(refusal.error_type, Some("BadRequestException"));
    }

    #[test]
    fn too_large_a_body_is_told_in_plain_text() {
        let told = refusal(&api(ApiKind::Rest), Reason::PayloadTooLarge, 413, None).unwrap();
        assert_eq!(told.body, "HTTP content length exceeded 10485760 bytes.");
        assert_eq!(told.content_type, Some("text/plain"));
    }

    #[test]
    fn too_large_a_body_is_told_the_limit_of_its_own_api() {
        let mut api = api(ApiKind::Rest);
        api.limits.payload_bytes = 1_024;
        let told = refusal(&api, Reason::PayloadTooLarge, 413, None).unwrap();
        assert_eq!(told.body, "HTTP content length exceeded 1024 bytes.");
        assert_eq!(told.message_string(), "\"HTTP content length exceeded 1024 bytes.\"");
    }

    #[test]
    fn a_denied_client_reads_a_capital_message() {
        let refusal = refusal(&api(ApiKind::Rest), Reason::InvalidationRefused, 403, None).unwrap();
        assert!(refusal.body.starts_with(b"{\"Message\":"));
    }

    #[test]
    fn an_unknown_stage_is_told_as_the_api_is_set_to() {
        for (unknown_stage, body, error_type) in [
            (UnknownStage::Forbidden, r#"{"message":"Forbidden"}"#, "ForbiddenException"),
            (
                UnknownStage::MissingAuthenticationToken,
                r#"{"message":"Missing Authentication Token"}"#,
                "MissingAuthenticationTokenException",
            ),
            (UnknownStage::NotFound, r#"{"message":"Not Found"}"#, "ResourceNotFoundException"),
        ] {
            let mut api = api(ApiKind::Rest);
            api.unconfirmed.unknown_stage = unknown_stage;
            let told = refusal(&api, Reason::NoStage, unknown_stage.status(), None).unwrap();
            assert_eq!((&told.body[..], told.error_type), (body.as_bytes(), Some(error_type)));
        }
    }

    #[test]
    fn too_long_a_part_of_a_request_is_told_in_the_words_of_its_status() {
        let said = |kind, reason, status| refusal(&api(kind), reason, status, None).unwrap().message.unwrap();
        assert_eq!(said(ApiKind::Http, Reason::PayloadTooLarge, 413), "Request Entity Too Large");
        assert_eq!(said(ApiKind::Http, Reason::PayloadTooLarge, 400), "Bad Request");
        assert_eq!(said(ApiKind::Http, Reason::HeadersTooLarge, 431), "Request Header Fields Too Large");
        assert_eq!(said(ApiKind::Rest, Reason::HeadersTooLarge, 494), "Request Header Fields Too Large");
        assert_eq!(said(ApiKind::Rest, Reason::UrlTooLong, 414), "Request URI too long");
        assert_eq!(said(ApiKind::Rest, Reason::UrlTooLong, 431), "Request Header Fields Too Large");
    }

    #[test]
    fn a_throttled_http_api_names_a_content_type_if_it_is_set_to() {
        let mut api = api(ApiKind::Http);
        let content_type = |api: &Api| refusal(api, Reason::Throttled(Scope::Stage), 429, None).unwrap().content_type;
        assert_eq!(content_type(&api), None);
        api.unconfirmed.throttled_content_type = ThrottledContentType::Json;
        assert_eq!(content_type(&api), Some(JSON));
    }
}
