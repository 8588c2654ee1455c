//! The gateway responses of a REST API, as they are built in.
//!
//! Owns the table: of each type its status, message, body and error name. Refuses to choose one (the policy did) and to render
//! customised ones ([`refusal`](crate::refusal)). Read by answers, by logs, and by the test that holds it against the recorded list.
//!
//! Sources: facts, section 3.1 (developer guide, "Gateway response types", 2026; answers recorded against the real service). Some
//! bodies print a space after the colon, others do not; that is how they were seen.

use sluicegate_policy::model::ResponseType;

/// The template of every type that is not customised, for `application/json`. Recorded.
pub const TEMPLATE: &str = r#"{"message":$context.error.messageString}"#;

/// A type of gateway response that nobody customised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Which.
    pub kind: ResponseType,
    /// Its status; the two defaults have none of their own.
    pub status: Option<u16>,
    /// `$context.error.message`; `None` is null.
    pub message: Option<&'static str>,
    /// The whole body as it was seen.
    pub body: &'static str,
    /// `x-amzn-ErrorType`.
    pub error_type: Option<&'static str>,
}

/// All 21, in the order of the service's own list.
///
/// Unconfirmed: the messages of `AUTHORIZER_FAILURE` and `RESOURCE_NOT_FOUND`, and the error names of `AUTHORIZER_FAILURE`,
/// `RESOURCE_NOT_FOUND`, `REQUEST_TOO_LARGE` and `WAF_FILTERED`.
pub const BUILT_IN: [BuiltIn; 21] = [
    row(
        ResponseType::AccessDenied,
        403,
        "User is not authorized to access this resource",
        // The key begins with a capital. Recorded.
        r#"{"Message":"User is not authorized to access this resource"}"#,
        "AccessDeniedException",
    ),
    internal(ResponseType::ApiConfigurationError, 500),
    BuiltIn {
        kind: ResponseType::AuthorizerConfigurationError,
        status: Some(500),
        message: None,
        body: r#"{"message":null}"#,
        error_type: Some("AuthorizerConfigurationException"),
    },
    row(
        ResponseType::AuthorizerFailure,
        500,
        "Internal server error",
        r#"{"message":"Internal server error"}"#,
        "AuthorizerFailureException",
    ),
    row(
        ResponseType::BadRequestBody,
        400,
        "Invalid request body",
        r#"{"message":"Invalid request body"}"#,
        "BadRequestException",
    ),
    row(
        ResponseType::BadRequestParameters,
        400,
        "Missing required request parameters",
        r#"{"message":"Missing required request parameters"}"#,
        "BadRequestException",
    ),
    default_of(ResponseType::Default4xx),
    default_of(ResponseType::Default5xx),
    row(
        ResponseType::ExpiredToken,
        403,
        "The security token included in the request is expired",
        r#"{"message":"The security token included in the request is expired"}"#,
        "ExpiredTokenException",
    ),
    internal(ResponseType::IntegrationFailure, 504),
    row(
        ResponseType::IntegrationTimeout,
        504,
        "Endpoint request timed out",
        r#"{"message": "Endpoint request timed out"}"#,
        "InternalServerErrorException",
    ),
    row(ResponseType::InvalidApiKey, 403, "Forbidden", FORBIDDEN, "ForbiddenException"),
    row(
        ResponseType::InvalidSignature,
        403,
        SIGNATURE,
        concat!(
            r#"{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret "#,
            r#"Access Key and signing method. Consult the service documentation for details."}"#
        ),
        "InvalidSignatureException",
    ),
    row(
        ResponseType::MissingAuthenticationToken,
        403,
        "Missing Authentication Token",
        r#"{"message":"Missing Authentication Token"}"#,
        "MissingAuthenticationTokenException",
    ),
    row(ResponseType::QuotaExceeded, 429, "Limit Exceeded", r#"{"message":"Limit Exceeded"}"#, "LimitExceededException"),
    row(
        ResponseType::RequestTooLarge,
        413,
        TOO_LARGE,
        // Plain text, not JSON. Recorded.
        TOO_LARGE,
        "RequestTooLargeException",
    ),
    row(ResponseType::ResourceNotFound, 404, "Not Found", r#"{"message":"Not Found"}"#, "ResourceNotFoundException"),
    row(ResponseType::Throttled, 429, "Too Many Requests", r#"{"message":"Too Many Requests"}"#, "TooManyRequestsException"),
    row(ResponseType::Unauthorized, 401, "Unauthorized", r#"{"message":"Unauthorized"}"#, "UnauthorizedException"),
    row(
        ResponseType::UnsupportedMediaType,
        415,
        "Unsupported Media Type",
        r#"{"message":"Unsupported Media Type"}"#,
        "BadRequestException",
    ),
    row(ResponseType::WafFiltered, 403, "Forbidden", FORBIDDEN, "ForbiddenException"),
];

/// The body of more than one refusal.
pub(crate) const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;
/// With the provider's limit; a refusal names that of its own API.
const TOO_LARGE: &str = "HTTP content length exceeded 10485760 bytes.";
const SIGNATURE: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                         Access Key and signing method. Consult the service documentation for details.";

/// The row of this type.
pub fn built_in(kind: ResponseType) -> &'static BuiltIn {
    BUILT_IN.iter().find(|row| row.kind == kind).expect("the table holds every type")
}

const fn row(kind: ResponseType, status: u16, message: &'static str, body: &'static str, error_type: &'static str) -> BuiltIn {
    BuiltIn { kind, status: Some(status), message: Some(message), body, error_type: Some(error_type) }
}

const fn internal(kind: ResponseType, status: u16) -> BuiltIn {
    row(kind, status, "Internal server error", r#"{"message": "Internal server error"}"#, "InternalServerErrorException")
}

/// It keeps what the original has.
const fn default_of(kind: ResponseType) -> BuiltIn {
    BuiltIn { kind, status: None, message: None, body: "", error_type: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_type_in_the_order_of_the_service() {
        assert_eq!(BUILT_IN.map(|row| row.kind), ResponseType::ALL);
    }

    #[test]
    fn every_message_stands_in_its_body() {
        for row in BUILT_IN {
            assert!(row.body.contains(row.message.unwrap_or("")), "{}", row.kind);
        }
    }

    /// Holds the table against the recorded list; `MISSING_AUTHENTICATION_TOKEN` had been customised just before.
    #[test]
    #[ignore = "needs ../shared"]
    fn the_table_is_the_recorded_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance/apigw-recorded.json");
        let recorded: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let scenarios = recorded["scenarios"].as_array().unwrap();
        let list = scenarios.iter().find(|scenario| scenario["id"] == "gateway-responses.default-list").unwrap();
        let items = list["recorded_answer"]["items"].as_array().unwrap();
        assert_eq!(items.len(), BUILT_IN.len());
        for (item, row) in items.iter().zip(BUILT_IN) {
            assert_eq!(item["responseType"], row.kind.as_str());
            if item["defaultResponse"] == true {
                assert_eq!(item["responseTemplates"]["application/json"], TEMPLATE);
                assert_eq!(item["statusCode"].as_str().map(str::to_owned), row.status.map(|status| status.to_string()));
            }
        }
    }
}
