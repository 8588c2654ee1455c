//! What the gateway says when it does not pass on an integration's answer.
//!
//! Owns the message, body, content type and error name for each reason and kind of API. Refuses to choose the status (the policy
//! did) and to customise ([`customised`](crate::customised)). Called for the answer and by `$context.error.*`.
//!
//! Source: facts, sections 2.1, 3.1, 3.2 and 5.4 (developer guide 2023 and 2026, and answers recorded against the real service).
//! Not confirmed by any recording, and chosen here: the REST answer for an unknown stage, both 413 content types, the HTTP API's
//! 413 body, and both answers to a URL or a head that is too long.

use std::borrow::Cow;

use bytes::Bytes;
use sluicegate_policy::call::Reason;
use sluicegate_policy::model::{ApiKind, ResponseType};

use crate::responses::{BuiltIn, FORBIDDEN, built_in};
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

/// What an API of this kind says for this reason and status; `None` if the integration's own answer, or leave to ask, is given.
/// `fault` is what the request validator found.
pub fn refusal(api: ApiKind, reason: Reason, status: u16, fault: Option<&Fault>) -> Option<Refusal> {
    match api {
        ApiKind::Rest => rest(reason, fault),
        ApiKind::Http => http(reason, status),
    }
}

fn rest(reason: Reason, fault: Option<&Fault>) -> Option<Refusal> {
    match reason {
        Reason::Served | Reason::Preflight => None,
        Reason::NoStage => Some(own("Forbidden", FORBIDDEN, Some("ForbiddenException"))),
        // No error name is documented for these two.
        Reason::UrlTooLong => Some(own("Request URI too long", r#"{"message":"Request URI too long"}"#, None)),
        Reason::HeadersTooLarge => Some(own(HEAD_TOO_LARGE, HEAD_TOO_LARGE_BODY, None)),
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
            Some(Refusal { content_type: Some(TEXT), ..Refusal::of(built_in(ResponseType::RequestTooLarge)) })
        }
        Reason::NoRoute
        | Reason::KeyRefused
        | Reason::QuotaExceeded
        | Reason::Throttled(_)
        | Reason::InvalidationRefused
        | Reason::UnsupportedMediaType
        | Reason::Misconfigured
        | Reason::FunctionThrottled(_)
        | Reason::FunctionFailed(_)
        | Reason::IntegrationTimeout => Some(Refusal::of(built_in(reason.response_type()?))),
    }
}

fn http(reason: Reason, status: u16) -> Option<Refusal> {
    let (message, body, content_type) = match reason {
        Reason::Served | Reason::Preflight => return None,
        Reason::UrlTooLong | Reason::HeadersTooLarge => (HEAD_TOO_LARGE, HEAD_TOO_LARGE_BODY, Some(JSON)),
        Reason::NoStage | Reason::NoRoute => ("Not Found", r#"{"message":"Not Found"}"#, Some(JSON)),
        Reason::KeyRefused | Reason::InvalidationRefused => ("Forbidden", FORBIDDEN, Some(JSON)),
        // Recorded without a content type.
        Reason::Throttled(_) | Reason::QuotaExceeded => ("Too Many Requests", r#"{"message":"Too Many Requests"}"#, None),
        Reason::PayloadTooLarge => ("Request Entity Too Large", r#"{"message":"Request Entity Too Large"}"#, Some(JSON)),
        Reason::FunctionThrottled(_) if status != 503 => INTERNAL,
        Reason::Invalid(_) | Reason::UnsupportedMediaType | Reason::Misconfigured | Reason::FunctionFailed(_) => INTERNAL,
        // Recorded without a content type.
        Reason::FunctionThrottled(_) | Reason::IntegrationUnreachable | Reason::IntegrationTimeout => {
            ("Service Unavailable", r#"{"message":"Service Unavailable"}"#, None)
        }
    };
    let response_type = reason.response_type().filter(|_| !matches!(reason, Reason::NoRoute));
    Some(Refusal { content_type, response_type, ..own(message, body, None) })
}

const HEAD_TOO_LARGE: &str = "Request Header Fields Too Large";
const HEAD_TOO_LARGE_BODY: &str = r#"{"message":"Request Header Fields Too Large"}"#;
const INTERNAL: (&str, &str, Option<&str>) = ("Internal Server Error", r#"{"message":"Internal Server Error"}"#, Some(JSON));

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
        let body = format!(r#"{{"message":{}}}"#, quoted(message));
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
    use sluicegate_policy::call::{Invalid, Scope};
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
        Reason::FunctionThrottled(FunctionId(0)),
        Reason::FunctionFailed(FunctionId(0)),
        Reason::IntegrationTimeout,
        Reason::IntegrationUnreachable,
    ];

    #[test]
    fn http_bodies_have_the_recorded_lengths() {
        for (reason, status, length) in [
            (Reason::NoRoute, 404, 23),
            (Reason::KeyRefused, 403, 23),
            (Reason::Throttled(Scope::Stage), 429, 31),
            (Reason::FunctionFailed(FunctionId(0)), 500, 35),
            (Reason::IntegrationTimeout, 503, 33),
        ] {
            assert_eq!(refusal(ApiKind::Http, reason, status, None).unwrap().body.len(), length, "{reason:?}");
        }
    }

    #[test]
    fn only_rest_names_the_error() {
        for reason in EVERY {
            assert_eq!(refusal(ApiKind::Http, reason, 500, None).unwrap().error_type, None, "{reason:?}");
        }
        let missing = refusal(ApiKind::Rest, Reason::NoRoute, 403, None).unwrap();
        assert_eq!(missing.error_type, Some("MissingAuthenticationTokenException"));
    }

    #[test]
    fn every_refusal_has_a_message_and_it_stands_in_the_body() {
        for reason in EVERY {
            for api in [ApiKind::Http, ApiKind::Rest] {
                let refusal = refusal(api, reason, 500, None).unwrap();
                let body = str::from_utf8(&refusal.body).unwrap();
                assert!(refusal.message.as_deref().is_some_and(|message| body.contains(message)), "{api:?} {reason:?}");
            }
        }
        assert_eq!(refusal(ApiKind::Rest, Reason::Served, 200, None), None);
        assert_eq!(refusal(ApiKind::Http, Reason::Preflight, 204, None), None);
    }

    #[test]
    fn the_two_429s_of_a_rest_api_differ() {
        let body = |reason| refusal(ApiKind::Rest, reason, 429, None).unwrap().body;
        assert_eq!(body(Reason::Throttled(Scope::Key)), r#"{"message":"Too Many Requests"}"#);
        assert_eq!(body(Reason::QuotaExceeded), r#"{"message":"Limit Exceeded"}"#);
    }

    #[test]
    fn missing_parameters_are_listed() {
        let message = "Missing required request parameters: [x-header-param, issuer, q\"1]".to_owned();
        let fault = Fault { kind: Invalid::Parameters, message: message.clone(), detail: None };
        let refusal = refusal(ApiKind::Rest, Reason::Invalid(Invalid::Parameters), 400, Some(&fault)).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&refusal.body).unwrap();
        assert_eq!(body, serde_json::json!({ "message": message }));
        assert_eq!(refusal.error_type, Some("BadRequestException"));
    }

    #[test]
    fn too_large_a_body_is_told_in_plain_text() {
        let refusal = refusal(ApiKind::Rest, Reason::PayloadTooLarge, 413, None).unwrap();
        assert_eq!(refusal.body, "HTTP content length exceeded 10485760 bytes.");
        assert_eq!(refusal.content_type, Some("text/plain"));
    }

    #[test]
    fn a_denied_client_reads_a_capital_message() {
        let refusal = refusal(ApiKind::Rest, Reason::InvalidationRefused, 403, None).unwrap();
        assert!(refusal.body.starts_with(b"{\"Message\":"));
    }
}
