//! What kind of error an answer is that somebody else's gateway gave: as far as status, headers and text tell.
//!
//! Owns the reading of an answer from outside, and says "one of these" where more cannot be told. Refuses sockets and headers that
//! have nothing to do with it: whoever has the answer fills in a [`Shown`]. Called by `engine` for each answer from 400 on.
//!
//! What is read, and where it is known from (facts, sections 2.1, 3.1, 3.2, 5.4, 8 and 10.1: the developer guide, 2023 and 2026, and
//! answers recorded of the real service):
//! - An answer with `x-amzn-ErrorType` was made by a REST API itself; its name and the status say which gateway response it is.
//! - One with a REST API's ids and without that name is the integration's own.
//! - An HTTP API names no error. What it says itself is always `{"message":"..."}` with one of a few texts; anything else is the
//!   integration's own. A back end that says the very same cannot be told from it.
//! - A 4xx is the client's fault, whoever says so, and its status says what kind.
//! - A 5xx without any of these marks may come from anywhere behind the address: gateway or integration.
//!
//! What stays ambiguous: "Internal server error" of a REST API with 500 is a broken configuration or a function that could not be
//! invoked; that of an HTTP API is a broken authorizer or integration, or a function that failed; an HTTP API's 503 is an
//! integration that timed out, could not be reached or was not let run; a REST API's 502 is a function that failed, or whose answer is
//! none; and its "Missing Authentication Token" is a route that does not exist, or a request without a signature.

use serde::Deserialize;
use sluicegate_policy::call::ErrorKind;

/// What an answer shows of where it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown<'a> {
    /// `x-amzn-ErrorType`.
    pub error_type: Option<&'a str>,
    /// Whose ids it carries.
    pub ids: Ids,
    /// Its body; of one that is longer than [`BODY_BYTES_MAX`], nothing.
    pub body: &'a [u8],
}

/// Whose ids an answer carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// None that are known here.
    #[default]
    Unknown,
    /// `x-amzn-RequestId` and `x-amz-apigw-id`: a REST API's.
    Rest,
    /// `apigw-requestid`: an HTTP API's.
    Http,
}

/// No text of a gateway's own is longer.
pub const BODY_BYTES_MAX: usize = 512;

/// Whether the body of an answer with this status can say more than status and headers do.
pub const fn body_tells(status: u16) -> bool {
    matches!(status, 500 | 503 | 504)
}

/// What kind of error the answer is; `None` below 400.
pub fn kind_of(status: u16, shown: &Shown<'_>) -> Option<ErrorKind> {
    if status < 400 {
        return None;
    }
    // As in other JSON services of the provider, a name may be followed by a colon and more.
    let name = shown.error_type.map(|name| name.split(':').next().unwrap_or(name).trim());
    Some(match (name, shown.ids, status) {
        (Some(name), _, _) => named(name, status, shown.body),
        (None, _, 400..=499) => ErrorKind::of_client(status),
        (None, Ids::Rest, _) => ErrorKind::BackEndError,
        (None, Ids::Http, _) => said_by_http(status, shown.body),
        (None, Ids::Unknown, _) => ErrorKind::ServerError,
    })
}

/// A gateway response of a REST API.
fn named(name: &str, status: u16, body: &[u8]) -> ErrorKind {
    match name {
        "MissingAuthenticationTokenException" => ErrorKind::NoRouteOrUnsigned,
        "UnauthorizedException"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "UnrecognizedClientException" => ErrorKind::Unauthenticated,
        "AccessDeniedException" | "ForbiddenException" | "WafFilteredException" => ErrorKind::Forbidden,
        // Recorded of both: invalid parameters or body, and an unsupported media type.
        "BadRequestException" if status == 415 => ErrorKind::UnsupportedMediaType,
        "BadRequestException" => ErrorKind::BadRequest,
        "RequestTooLargeException" => ErrorKind::PayloadTooLarge,
        "ResourceNotFoundException" => ErrorKind::NotFound,
        "TooManyRequestsException" => ErrorKind::Throttled,
        "LimitExceededException" => ErrorKind::QuotaExceeded,
        "AuthorizerFailureException" => ErrorKind::AuthorizerFailed,
        "AuthorizerConfigurationException" => ErrorKind::AuthorizerMisconfigured,
        "ApiConfigurationException" => ErrorKind::Configuration,
        "IntegrationFailureException" => ErrorKind::IntegrationUnavailable,
        "IntegrationTimeoutException" => ErrorKind::IntegrationTimeout,
        _ if status < 500 => ErrorKind::of_client(status),
        _ => internal(status, body),
    }
}

/// "Internal server error" of a REST API, whose status says more than its name.
fn internal(status: u16, body: &[u8]) -> ErrorKind {
    match (status, message(body)) {
        (504, Some("Endpoint request timed out")) => ErrorKind::IntegrationTimeout,
        (504, Some("Network error communicating with endpoint")) => ErrorKind::IntegrationUnreachable,
        // Both 504s of the documented table are the integration's; customised, they say what they like.
        (504, _) => ErrorKind::IntegrationUnavailable,
        (502, _) => ErrorKind::FunctionErrorOrMalformed,
        _ => ErrorKind::ServerError,
    }
}

/// An answer that came by an HTTP API: its own, if it says what those say.
fn said_by_http(status: u16, body: &[u8]) -> ErrorKind {
    match (status, message(body)) {
        (500, Some("Internal Server Error")) => ErrorKind::ServerError,
        (503, Some("Service Unavailable")) => ErrorKind::IntegrationUnavailable,
        _ => ErrorKind::BackEndError,
    }
}

/// The `message` of a body that says nothing else.
fn message(body: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said<'a> {
        #[serde(borrow)]
        message: &'a str,
    }
    serde_json::from_slice(body).ok().map(|Said { message }| message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::call::Blame;

    fn rest(status: u16, error_type: &str, body: &str) -> Option<ErrorKind> {
        kind_of(status, &Shown { error_type: Some(error_type), ids: Ids::Rest, body: body.as_bytes() })
    }

    fn by(ids: Ids, status: u16, body: &str) -> Option<ErrorKind> {
        kind_of(status, &Shown { error_type: None, ids, body: body.as_bytes() })
    }

    const INTERNAL: &str = "InternalServerErrorException";

    #[test]
    fn a_rest_api_names_its_own_errors() {
        for (status, name, kind) in [
            (403, "MissingAuthenticationTokenException", ErrorKind::NoRouteOrUnsigned),
            (403, "ForbiddenException", ErrorKind::Forbidden),
            (403, "ExpiredTokenException", ErrorKind::Unauthenticated),
            (401, "UnauthorizedException", ErrorKind::Unauthenticated),
            (400, "BadRequestException", ErrorKind::BadRequest),
            (415, "BadRequestException", ErrorKind::UnsupportedMediaType),
            (429, "TooManyRequestsException", ErrorKind::Throttled),
            (429, "LimitExceededException", ErrorKind::QuotaExceeded),
            (500, "AuthorizerConfigurationException", ErrorKind::AuthorizerMisconfigured),
            (418, "NeverHeardOfException:http://internal/", ErrorKind::OtherClient),
            (500, INTERNAL, ErrorKind::ServerError),
            (502, INTERNAL, ErrorKind::FunctionErrorOrMalformed),
        ] {
            assert_eq!(rest(status, name, "{}"), Some(kind), "{status} {name}");
        }
    }

    #[test]
    fn not_every_504_is_a_time_out() {
        let kinds = [
            r#"{"message": "Endpoint request timed out"}"#,
            r#"{"message":"Network error communicating with endpoint"}"#,
            r#"{"message":"Internal server error"}"#,
            "sorry",
        ];
        let kinds = kinds.map(|body| rest(504, INTERNAL, body));
        let [timed_out, unreachable, unavailable] =
            [ErrorKind::IntegrationTimeout, ErrorKind::IntegrationUnreachable, ErrorKind::IntegrationUnavailable].map(Some);
        assert_eq!(kinds, [timed_out, unreachable, unavailable, unavailable]);
        assert_eq!(by(Ids::Rest, 504, "{}"), Some(ErrorKind::BackEndError), "nobody named an error: the back end said so");
    }

    #[test]
    fn an_http_api_is_known_by_its_words() {
        for (status, body, kind) in [
            (500, r#"{"message":"Internal Server Error"}"#, ErrorKind::ServerError),
            (503, r#"{"message":"Service Unavailable"}"#, ErrorKind::IntegrationUnavailable),
            (503, r#"{"message":"Service Unavailable","retry":1}"#, ErrorKind::BackEndError),
            (500, "oops", ErrorKind::BackEndError),
            (502, r#"{"message":"Internal Server Error"}"#, ErrorKind::BackEndError),
            (404, r#"{"message":"Not Found"}"#, ErrorKind::NotFound),
            (401, "", ErrorKind::Unauthenticated),
        ] {
            assert_eq!(by(Ids::Http, status, body), Some(kind), "{status} {body}");
        }
    }

    #[test]
    fn of_a_server_that_nobody_knows_only_the_status_is_read() {
        assert_eq!(by(Ids::Unknown, 503, r#"{"message":"Service Unavailable"}"#), Some(ErrorKind::ServerError));
        assert_eq!(by(Ids::Unknown, 405, ""), Some(ErrorKind::MethodNotAllowed));
        assert_eq!(by(Ids::Unknown, 302, ""), None);
    }

    proptest! {
        #[test]
        fn every_error_has_a_kind_and_success_has_none(
            status in 100_u16..700, name in prop::option::of("[A-Za-z:]{0,12}Exception"), ids in 0..3, body in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let ids = [Ids::Unknown, Ids::Rest, Ids::Http][ids as usize];
            let kind = kind_of(status, &Shown { error_type: name.as_deref(), ids, body: &body });
            prop_assert_eq!(kind.is_some(), status >= 400);
            if (400..500).contains(&status) && name.is_none() {
                prop_assert_eq!(kind.map(ErrorKind::blame), Some(Blame::Client));
            }
            if !body_tells(status) {
                prop_assert_eq!(kind, kind_of(status, &Shown { error_type: name.as_deref(), ids, body: b"" }));
            }
        }
    }
}
