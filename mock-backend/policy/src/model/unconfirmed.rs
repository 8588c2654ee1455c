//! What nobody has confirmed of the real gateway, as settings.
//!
//! Owns each such behaviour with what is known of it, its choices and the default. Refuses what is documented or recorded: that is
//! fixed where it belongs. Read by the policy, by `render` and by the mock; a profile sets it under `gateway.unconfirmed`.

use std::borrow::Cow;

use crate::time::Span;

/// The unconfirmed behaviours of one API. Sources are named as in the documents that contradict each other or are silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconfirmed {
    /// What a REST API answers if there is no such stage. Widely reported as 403 Forbidden, not for all variants; no document says
    /// it.
    pub unknown_stage: UnknownStage,
    /// Status of an HTTP API's answer to too long a body. 413 is remembered, not recorded. (That of a REST API is documented.)
    pub payload_too_large: u16,
    /// Status of the answer to too long a head. 431 is remembered, not recorded.
    pub headers_too_large: u16,
    /// Status of the answer to too long a URL. 414 is documented for another length, that of a method's ARN (developer guide,
    /// "Quotas", 2023).
    pub url_too_long: u16,
    /// Status of an HTTP API's answer to a preflight request. The guide ("CORS for HTTP APIs", 2023) says that the gateway answers
    /// it, not how; 204 is remembered.
    pub preflight: u16,
    /// Status of an HTTP API whose function is throttled. Both 503 and 500 are reported.
    pub throttled_function: u16,
    /// The content type of an HTTP API's 429. One recording without a content type; the whole set of headers is unconfirmed.
    pub throttled_content_type: ThrottledContentType,
    /// What a client is told whose quota is spent while a bucket is empty. The order of quota and throttles is not documented.
    pub told_first: ToldFirst,
    /// Whether a throttled request counts for the quota. One measurement of a third party says that it does not. Nothing is left
    /// that a request could use once the quota is spent.
    pub throttled_requests: Charge,
    /// Whether a request that is refused for its API key takes a token of the account. No source.
    pub refused_keys: Charge,
    /// When a key's period begins. The guide speaks of fixed periods, an answer on Stack Overflow (54136076) of days from 00:00 to
    /// 23:59 UTC, one measurement of a quota that came free little by little. A plan of several APIs' stages has what the API of
    /// its first stage says.
    pub quota_begins: QuotaBegins,
    /// Which answers of an integration the response cache keeps. The guide ("Enable API caching", 2023) does not say.
    pub cached_statuses: CachedStatuses,
    /// The header that warns of an invalidation that was ignored. The guide speaks of "a warning response header" and does not name
    /// it.
    pub cache_warning: Cow<'static, str>,
    /// Statuses of answers to requests that are none. No document and no recording of any of them.
    pub malformed: MalformedStatus,
    /// Status of the answer to a request whose `Host` asks for a client certificate that its connection was not asked for. The guide
    /// ("Security policies for REST APIs", 2025) says that names are matched and a request is refused, not how.
    pub misdirected: u16,
    /// The content type of the answer to too long a body. That of a REST API was recorded as plain text, without its headers.
    pub too_large_content_type: TooLargeContentType,
    /// Whether an HTTP API's own refusals have the headers of cross-origin sharing. The guide ("CORS for HTTP APIs", 2023) speaks of
    /// answers of integrations alone.
    pub refusal_cors: RefusalCors,
    /// Status of a REST API whose function fails, once its `INTEGRATION_FAILURE` is customised without a status. That of a function
    /// that is throttled is then 504 (re:Post question `QUL-z6rJbmR4meafB7MzYXxw`); of one that fails nothing is said.
    pub customised_function_failure: u16,
    /// How far the clocks of an issuer and the gateway may differ. No document says of any.
    pub clock_skew: Span,
    /// What a mapping template prints of a variable that was never set. Recorded is only that one that was set to null prints
    /// nothing; Velocity, which the service runs, cannot tell the two apart.
    pub unset_variable: UnsetVariable,
    /// How often the gateway asks a service of the provider again that broke off the connection, or did not take one, before it
    /// answered; at most [`SERVICE_RETRIES_MAX`]. No document says that it asks again at all; of functions the Lambda developer guide
    /// says that it does not ("Using AWS Lambda with Amazon API Gateway", 2026). What has answered, with whatever status, is never
    /// asked again.
    pub service_retries: u32,
}

/// The provider's own clients make up to three attempts unless they are told otherwise (AWS SDKs and Tools reference guide, "Retry
/// behavior", 2026); one more is room for doubt.
pub const SERVICE_RETRIES_MAX: u32 = 3;

/// What a REST API answers if there is no such stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownStage {
    /// 403 Forbidden.
    #[default]
    Forbidden,
    /// 403 Missing Authentication Token, as for an unknown resource.
    MissingAuthenticationToken,
    /// 404 Not Found.
    NotFound,
}

/// The content type of an HTTP API's 429.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThrottledContentType {
    /// There is none.
    #[default]
    Absent,
    /// `application/json`, as the body is.
    Json,
}

/// Which of two refusals is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToldFirst {
    /// That the quota is spent.
    #[default]
    Quota,
    /// That a bucket is empty.
    Throttle,
}

/// Whether a refused request costs something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charge {
    /// It costs nothing.
    #[default]
    Free,
    /// It costs as much as one that is served.
    Counted,
}

/// When a quota's period begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuotaBegins {
    /// A day at midnight UTC, a week at Sunday's, a month at that of its first day.
    #[default]
    UtcMidnight,
    /// With the key's first request after the period before: a day is 24 hours, a week seven days, a month ends at the same day and
    /// hour of the next.
    FirstUse,
}

/// Which answers of an integration are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachedStatuses {
    /// 2xx.
    #[default]
    Success,
    /// All but 5xx.
    AllButServerErrors,
    /// Whatever the integration answered.
    All,
}

/// Statuses of answers to requests that are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MalformedStatus {
    /// Those of RFC 9110 and 9112: 400, 408, 417, 501, 505.
    #[default]
    Rfc,
    /// 400, whatever is wrong.
    BadRequest,
}

/// The content type of the answer to too long a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooLargeContentType {
    /// What its body is: `text/plain` of a REST API, `application/json` of an HTTP API.
    #[default]
    AsBody,
    /// `application/json`.
    Json,
    /// There is none.
    Absent,
}

/// Whether the gateway's own refusals have the headers of cross-origin sharing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusalCors {
    /// They have none.
    #[default]
    Absent,
    /// They have those of an integration's answer.
    Shared,
}

/// What a mapping template prints of a variable that was never set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnsetVariable {
    /// Nothing, as of one that is null.
    #[default]
    Nothing,
    /// Its source, as Velocity by itself: `$name`.
    Source,
}

impl Default for Unconfirmed {
    fn default() -> Self {
        Self {
            unknown_stage: UnknownStage::default(),
            payload_too_large: 413,
            headers_too_large: 431,
            url_too_long: 414,
            preflight: 204,
            throttled_function: 503,
            throttled_content_type: ThrottledContentType::default(),
            told_first: ToldFirst::default(),
            throttled_requests: Charge::default(),
            refused_keys: Charge::default(),
            quota_begins: QuotaBegins::default(),
            cached_statuses: CachedStatuses::default(),
            cache_warning: Cow::Borrowed("Warning"),
            malformed: MalformedStatus::default(),
            misdirected: 403,
            too_large_content_type: TooLargeContentType::default(),
            refusal_cors: RefusalCors::default(),
            customised_function_failure: 502,
            clock_skew: Span::ZERO,
            unset_variable: UnsetVariable::default(),
            service_retries: 0,
        }
    }
}

impl UnknownStage {
    /// The status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Forbidden | Self::MissingAuthenticationToken => 403,
            Self::NotFound => 404,
        }
    }
}

impl CachedStatuses {
    /// Whether an answer with this status is kept.
    pub const fn keeps(self, status: u16) -> bool {
        match self {
            Self::Success => matches!(status, 200..=299),
            Self::AllButServerErrors => status < 500,
            Self::All => true,
        }
    }
}
