//! What the gateway says when it does not pass on an integration's answer.
//!
//! Owns the messages, content types and error names for each reason and kind of API. Refuses to choose the status: the policy
//! did. Called by `render` for the answer and by the access log for `$context.error.*`.
//!
//! Source: facts sheet, sections 2.1, 3.1, 3.2 and 5.4 (developer guide 2023 and 2026, and answers recorded against the real
//! service). Some bodies print a space after the colon, others do not; that is how they were recorded. Not confirmed by any
//! recording, and chosen here: the REST answer for an unknown stage, both 413 content types, the HTTP API's 413 body.

use sluicegate_policy::call::{Invalid, Reason};
use sluicegate_policy::model::ApiKind;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// An answer made by the gateway itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The whole body.
    pub(crate) body: &'static str,
    /// `$context.error.message`.
    pub(crate) message: &'static str,
    /// `None` where the real gateway sends no content type.
    pub(crate) content_type: Option<&'static str>,
    /// `x-amzn-ErrorType`; HTTP APIs send none.
    pub(crate) error_type: Option<&'static str>,
    /// `$context.error.responseType`; `None` where none is documented.
    pub(crate) response_type: Option<&'static str>,
}

/// What an API of this kind says for this reason and status; `None` if the integration's own answer is passed on.
pub(crate) fn refusal(api: ApiKind, reason: Reason, status: u16) -> Option<Refusal> {
    match api {
        ApiKind::Rest => rest(reason),
        ApiKind::Http => http(reason, status),
    }
}

fn rest(reason: Reason) -> Option<Refusal> {
    let (body, message, error_type, response_type) = match reason {
        Reason::Served | Reason::Preflight => return None,
        Reason::NoStage | Reason::KeyRefused => (r#"{"message":"Forbidden"}"#, "Forbidden", "ForbiddenException", None),
        Reason::NoRoute => (
            r#"{"message":"Missing Authentication Token"}"#,
            "Missing Authentication Token",
            "MissingAuthenticationTokenException",
            Some("MISSING_AUTHENTICATION_TOKEN"),
        ),
        Reason::Throttled(_) => {
            (r#"{"message":"Too Many Requests"}"#, "Too Many Requests", "TooManyRequestsException", Some("THROTTLED"))
        }
        Reason::QuotaExceeded => {
            (r#"{"message":"Limit Exceeded"}"#, "Limit Exceeded", "LimitExceededException", Some("QUOTA_EXCEEDED"))
        }
        Reason::UrlTooLong | Reason::HeadersTooLarge | Reason::InvalidationRefused => {
            (r#"{"message":"Forbidden"}"#, "Forbidden", "ForbiddenException", None)
        }
        Reason::Invalid(Invalid::Parameters) => {
            let text = r#"{"message":"Missing required request parameters"}"#;
            (text, "Missing required request parameters", "BadRequestException", Some("BAD_REQUEST_PARAMETERS"))
        }
        Reason::Invalid(Invalid::Body) => {
            let text = r#"{"message":"Invalid request body"}"#;
            (text, "Invalid request body", "BadRequestException", Some("BAD_REQUEST_BODY"))
        }
        Reason::UnsupportedMediaType => {
            let text = r#"{"message":"Unsupported Media Type"}"#;
            (text, "Unsupported Media Type", "BadRequestException", Some("UNSUPPORTED_MEDIA_TYPE"))
        }
        Reason::Misconfigured => {
            let body = r#"{"message": "Internal server error"}"#;
            (body, "Internal server error", "InternalServerErrorException", Some("API_CONFIGURATION_ERROR"))
        }
        Reason::PayloadTooLarge => {
            let text = "HTTP content length exceeded 10485760 bytes.";
            (text, text, "RequestTooLargeException", Some("REQUEST_TOO_LARGE"))
        }
        Reason::FunctionThrottled(_) | Reason::FunctionFailed(_) => {
            let body = r#"{"message": "Internal server error"}"#;
            (body, "Internal server error", "InternalServerErrorException", Some("INTEGRATION_FAILURE"))
        }
        Reason::IntegrationTimeout => {
            let body = r#"{"message": "Endpoint request timed out"}"#;
            (body, "Endpoint request timed out", "InternalServerErrorException", Some("INTEGRATION_TIMEOUT"))
        }
        Reason::IntegrationUnreachable => {
            let body = r#"{"message": "Network error communicating with endpoint"}"#;
            let message = "Network error communicating with endpoint";
            (body, message, "InternalServerErrorException", Some("INTEGRATION_FAILURE"))
        }
    };
    let content_type = Some(if matches!(reason, Reason::PayloadTooLarge) { TEXT } else { JSON });
    Some(Refusal { body, message, content_type, error_type: Some(error_type), response_type })
}

fn http(reason: Reason, status: u16) -> Option<Refusal> {
    let (body, message, content_type, response_type) = match reason {
        Reason::Served | Reason::Preflight => return None,
        Reason::KeyRefused
        | Reason::QuotaExceeded
        | Reason::Invalid(_)
        | Reason::InvalidationRefused
        | Reason::UnsupportedMediaType
        | Reason::Misconfigured => internal(),
        Reason::UrlTooLong | Reason::HeadersTooLarge => {
            (r#"{"message":"Request Header Fields Too Large"}"#, "Request Header Fields Too Large", Some(JSON), None)
        }
        Reason::NoStage | Reason::NoRoute => (r#"{"message":"Not Found"}"#, "Not Found", Some(JSON), None),
        Reason::Throttled(_) => (r#"{"message":"Too Many Requests"}"#, "Too Many Requests", None, Some("THROTTLED")),
        Reason::PayloadTooLarge => {
            (r#"{"message":"Request Entity Too Large"}"#, "Request Entity Too Large", Some(JSON), Some("REQUEST_TOO_LARGE"))
        }
        Reason::FunctionThrottled(_) if status != 503 => internal(),
        Reason::FunctionFailed(_) => internal(),
        Reason::FunctionThrottled(_) | Reason::IntegrationUnreachable => unavailable("INTEGRATION_FAILURE"),
        Reason::IntegrationTimeout => unavailable("INTEGRATION_TIMEOUT"),
    };
    Some(Refusal { body, message, content_type, error_type: None, response_type })
}

type HttpRefusal = (&'static str, &'static str, Option<&'static str>, Option<&'static str>);

const fn internal() -> HttpRefusal {
    (r#"{"message":"Internal Server Error"}"#, "Internal Server Error", Some(JSON), Some("INTEGRATION_FAILURE"))
}

/// Recorded without a content type.
const fn unavailable(response_type: &'static str) -> HttpRefusal {
    (r#"{"message":"Service Unavailable"}"#, "Service Unavailable", None, Some(response_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::call::Scope;

    #[test]
    fn http_bodies_have_the_recorded_lengths() {
        for (reason, status, length) in [
            (Reason::NoRoute, 404, 23),
            (Reason::Throttled(Scope::Stage), 429, 31),
            (Reason::FunctionFailed(sluicegate_policy::model::FunctionId(0)), 500, 35),
            (Reason::IntegrationTimeout, 503, 33),
        ] {
            assert_eq!(refusal(ApiKind::Http, reason, status).unwrap().body.len(), length, "{reason:?}");
        }
    }

    #[test]
    fn only_rest_names_the_error() {
        assert_eq!(refusal(ApiKind::Rest, Reason::NoRoute, 403).unwrap().error_type, Some("MissingAuthenticationTokenException"));
        assert_eq!(refusal(ApiKind::Http, Reason::NoRoute, 404).unwrap().error_type, None);
    }

    #[test]
    fn every_message_stands_in_its_body() {
        let function = sluicegate_policy::model::FunctionId(0);
        for reason in [
            Reason::NoStage,
            Reason::NoRoute,
            Reason::Throttled(Scope::Account),
            Reason::PayloadTooLarge,
            Reason::FunctionThrottled(function),
            Reason::FunctionFailed(function),
            Reason::IntegrationTimeout,
            Reason::IntegrationUnreachable,
        ] {
            for api in [ApiKind::Http, ApiKind::Rest] {
                let refusal = refusal(api, reason, 500).unwrap();
                assert!(refusal.body.contains(refusal.message), "{api:?} {reason:?}");
            }
        }
        assert_eq!(refusal(ApiKind::Rest, Reason::Served, 200), None);
    }
}
