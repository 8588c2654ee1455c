//! Why an answer is what it is, and whose fault that is.
//!
//! Owns the reasons and their parts, and what follows from them alone: the kind of error, and with it the blame, and the gateway
//! response that answers. Refuses to decide on one (the gateway does). Part of [`call`](super).

use super::{ErrorKind, Invalid};
use crate::model::{CapacityId, FunctionId, ResponseType};

/// Why an answer is what it is. A new reason must visit every place that speaks of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The integration answered, or the response cache in its place.
    Served,
    /// An HTTP API answered a preflight request by itself.
    Preflight,
    /// The path names no stage.
    NoStage,
    /// Method and path name no route.
    NoRoute,
    /// Its token is missing, or is worth nothing.
    Unauthorized(TokenFault),
    /// Its token has none of the scopes that the route asks for.
    InsufficientScope,
    /// Its signature is missing, or is worth nothing.
    SignatureRefused(SignatureFault),
    /// The authorizer says no.
    AccessDenied(Denied),
    /// The resource policy says no.
    PolicyDenied(Denied),
    /// The authorizer raised an error, or did not answer in time.
    AuthorizerFailed,
    /// The authorizer cannot be asked, or what it answered is no answer.
    AuthorizerMisconfigured,
    /// Path and query are above the limit.
    UrlTooLong,
    /// The head is above the limit.
    HeadersTooLarge,
    /// The body is above the payload limit.
    PayloadTooLarge,
    /// The API key is missing, unknown, switched off, or in no usage plan of the stage.
    KeyRefused,
    /// The API key's quota is spent.
    QuotaExceeded,
    /// A token bucket was empty.
    Throttled(Scope),
    /// The request validator refused.
    Invalid(Invalid),
    /// The client may not have a cache entry made anew.
    InvalidationRefused,
    /// No template for the body's media type.
    UnsupportedMediaType,
    /// A mapping failed, or no integration response fits.
    Misconfigured,
    /// One of the function's limits did not let it run.
    FunctionThrottled(FunctionId, FunctionLimit),
    /// The function raised an error.
    FunctionFailed(FunctionId),
    /// The function's answer is none that a proxy integration understands.
    FunctionMalformed(FunctionId),
    /// The function got no connection of this pool, in time or at all, and failed for it.
    CapacityExhausted(CapacityId),
    /// The integration did not answer within its time-out.
    IntegrationTimeout,
    /// The integration could not be reached.
    IntegrationUnreachable,
    /// There is no such connection, or it is not open yet, or gone.
    Gone,
    /// The message is bytes, and the API takes text.
    Binary,
    /// The client of the connection does not read what it was sent before.
    Unread,
}

/// What is wrong with a token. In the order in which it is looked at (developer guide, "Control access to HTTP APIs with JWT
/// authorizers", 2023).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenFault {
    /// It is not there.
    Missing,
    /// It does not look as the authorizer's expression says.
    Mismatched,
    /// It is none.
    Malformed,
    /// It is signed by an algorithm that is not taken, or by none.
    Algorithm,
    /// The issuer has no key of its name.
    Key,
    /// The key did not sign it.
    Signature,
    /// It is from another issuer.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It holds no more.
    Expired,
    /// It does not hold yet.
    Early,
    /// The function that was asked refused it: it raised `Unauthorized` (REST).
    Refused,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureFault {
    /// There is none.
    Missing,
    /// Part of it is missing, or it is none of this kind.
    Incomplete,
    /// Nobody has its access key.
    Unknown,
    /// The secret key makes another one of the request.
    Mismatched,
    /// It was made too long ago, or is not to be taken yet.
    Expired,
    /// The credentials with which it was made hold no more.
    Stale,
}

/// Whether somebody said no, or nobody said yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Denied {
    /// A statement denies it.
    Explicit,
    /// No statement allows it.
    Implicit,
}

/// Which limit did not let a function run; in brackets the `Reason` of the provider's `TooManyRequestsException` (service model
/// of Lambda, 2015-03-31). Two of its reasons are not here: `CallerRateLimitExceeded`, of the calls that one caller makes
/// himself, and `ConcurrentSnapshotCreateLimitExceeded`, of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FunctionLimit {
    /// The concurrency of the account, less what is set aside (`ConcurrentInvocationLimitExceeded`).
    Concurrency,
    /// The function's reserved concurrency (`ReservedFunctionConcurrentInvocationLimitExceeded`).
    Reserved,
    /// Invocations per second of the account (`FunctionInvocationRateLimitExceeded`).
    Rate,
    /// Invocations per second of the function's reserved concurrency (`ReservedFunctionInvocationRateLimitExceeded`).
    ReservedRate,
    /// How fast the function's environments may be added. Which `Reason` the provider gives is not documented.
    ScaleOut,
}

/// Which throttle refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The bucket of one API key on one method.
    KeyRoute,
    /// The bucket of one API key.
    Key,
    /// The bucket of one route (or method) of a stage.
    Route,
    /// The default bucket of a stage.
    Stage,
    /// The bucket of the account in its region.
    Account,
    /// The account's bucket for new connections of WebSocket APIs.
    Connects,
}

/// Whose fault an answer (or the lack of one) is, so that an error budget can be kept for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Blame {
    /// Nobody's: it went well.
    #[default]
    Nobody,
    /// The caller's: 4xx.
    Client,
    /// The gateway's own, its authorizers with it.
    Gateway,
    /// What is behind the gateway.
    Integration,
    /// One of the two, and nobody outside can say which.
    GatewayOrIntegration,
    /// The way to the gateway.
    Network,
    /// The load generator itself.
    Generator,
}

impl Reason {
    /// What kind of error an answer with this reason and status is; `None` below 400, where the client took it for success.
    pub const fn kind(self, status: u16) -> Option<ErrorKind> {
        if status < 400 {
            return None;
        }
        Some(match self {
            Self::Served => return ErrorKind::of_back_end(status),
            // Leave to ask is given with a status of success, which is a setting all the same.
            Self::Preflight if status < 500 => ErrorKind::of_client(status),
            Self::Preflight | Self::Misconfigured => ErrorKind::Configuration,
            Self::NoStage | Self::NoRoute | Self::Gone => ErrorKind::NotFound,
            Self::Unauthorized(_) | Self::SignatureRefused(_) => ErrorKind::Unauthenticated,
            Self::InsufficientScope
            | Self::AccessDenied(_)
            | Self::PolicyDenied(_)
            | Self::KeyRefused
            | Self::InvalidationRefused => ErrorKind::Forbidden,
            Self::UrlTooLong | Self::HeadersTooLarge => ErrorKind::HeadTooLarge,
            Self::PayloadTooLarge => ErrorKind::PayloadTooLarge,
            Self::QuotaExceeded => ErrorKind::QuotaExceeded,
            Self::Throttled(_) | Self::Unread => ErrorKind::Throttled,
            Self::Invalid(_) => ErrorKind::BadRequest,
            Self::UnsupportedMediaType | Self::Binary => ErrorKind::UnsupportedMediaType,
            Self::AuthorizerFailed => ErrorKind::AuthorizerFailed,
            Self::AuthorizerMisconfigured => ErrorKind::AuthorizerMisconfigured,
            Self::FunctionThrottled(..) => ErrorKind::FunctionThrottled,
            Self::FunctionFailed(_) => ErrorKind::FunctionError,
            Self::FunctionMalformed(_) => ErrorKind::MalformedAnswer,
            Self::CapacityExhausted(_) => ErrorKind::CapacityExhausted,
            Self::IntegrationTimeout => ErrorKind::IntegrationTimeout,
            Self::IntegrationUnreachable => ErrorKind::IntegrationUnreachable,
        })
    }

    /// Whose fault an answer with this reason and status is.
    pub fn blame(self, status: u16) -> Blame {
        self.kind(status).map_or(Blame::Nobody, ErrorKind::blame)
    }

    /// The gateway response (REST) that answers for it; `None` if something else does, or if none is documented.
    ///
    /// Source: developer guide, "Gateway response types", 2026. That too long a URL and a refused
    /// invalidation have none is unconfirmed; so is that of an unknown stage, which is a setting
    /// ([`UnknownStage`](crate::model::UnknownStage)) and has no deployment in which it could be customised.
    pub const fn response_type(self) -> Option<ResponseType> {
        match self {
            Self::Served
            | Self::Preflight
            | Self::NoStage
            | Self::UrlTooLong
            | Self::HeadersTooLarge
            | Self::Gone
            | Self::Binary
            | Self::Unread => None,
            Self::NoRoute | Self::SignatureRefused(SignatureFault::Missing) => Some(ResponseType::MissingAuthenticationToken),
            Self::Unauthorized(_) | Self::InsufficientScope => Some(ResponseType::Unauthorized),
            Self::SignatureRefused(SignatureFault::Stale) => Some(ResponseType::ExpiredToken),
            Self::SignatureRefused(SignatureFault::Mismatched | SignatureFault::Expired) => Some(ResponseType::InvalidSignature),
            Self::SignatureRefused(SignatureFault::Incomplete | SignatureFault::Unknown)
            | Self::AccessDenied(_)
            | Self::PolicyDenied(_)
            | Self::InvalidationRefused => Some(ResponseType::AccessDenied),
            Self::AuthorizerFailed => Some(ResponseType::AuthorizerFailure),
            Self::AuthorizerMisconfigured => Some(ResponseType::AuthorizerConfigurationError),
            Self::PayloadTooLarge => Some(ResponseType::RequestTooLarge),
            Self::KeyRefused => Some(ResponseType::InvalidApiKey),
            Self::QuotaExceeded => Some(ResponseType::QuotaExceeded),
            Self::Throttled(_) => Some(ResponseType::Throttled),
            Self::Invalid(Invalid::Parameters) => Some(ResponseType::BadRequestParameters),
            Self::Invalid(Invalid::Body) => Some(ResponseType::BadRequestBody),
            Self::UnsupportedMediaType => Some(ResponseType::UnsupportedMediaType),
            Self::Misconfigured => Some(ResponseType::ApiConfigurationError),
            Self::FunctionThrottled(..)
            | Self::FunctionFailed(_)
            | Self::FunctionMalformed(_)
            | Self::CapacityExhausted(_)
            | Self::IntegrationUnreachable => Some(ResponseType::IntegrationFailure),
            Self::IntegrationTimeout => Some(ResponseType::IntegrationTimeout),
        }
    }
}

impl FunctionLimit {
    /// Whether all functions of the account share it; the others are the function's own.
    pub const fn is_of_account(self) -> bool {
        match self {
            Self::Concurrency | Self::Rate => true,
            Self::Reserved | Self::ReservedRate | Self::ScaleOut => false,
        }
    }
}

impl Blame {
    /// Every blame, in the order in which reports show them.
    pub const ALL: [Self; 7] = [
        Self::Nobody,
        Self::Client,
        Self::Gateway,
        Self::Integration,
        Self::GatewayOrIntegration,
        Self::Network,
        Self::Generator,
    ];

    /// The word for it in reports and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Integration => "integration",
            Self::GatewayOrIntegration => "gateway-or-integration",
            Self::Network => "network",
            Self::Generator => "generator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: [TokenFault; 11] = [
        TokenFault::Missing,
        TokenFault::Mismatched,
        TokenFault::Malformed,
        TokenFault::Algorithm,
        TokenFault::Key,
        TokenFault::Signature,
        TokenFault::Issuer,
        TokenFault::Audience,
        TokenFault::Expired,
        TokenFault::Early,
        TokenFault::Refused,
    ];

    /// Every reason, but for which of several functions and pools it is.
    fn every() -> Vec<Reason> {
        let signatures = [
            SignatureFault::Missing,
            SignatureFault::Incomplete,
            SignatureFault::Unknown,
            SignatureFault::Mismatched,
            SignatureFault::Expired,
            SignatureFault::Stale,
        ];
        let limits = [
            FunctionLimit::Concurrency,
            FunctionLimit::Reserved,
            FunctionLimit::Rate,
            FunctionLimit::ReservedRate,
            FunctionLimit::ScaleOut,
        ];
        let denied = [Denied::Explicit, Denied::Implicit];
        let scopes = [Scope::KeyRoute, Scope::Key, Scope::Route, Scope::Stage, Scope::Account, Scope::Connects];
        let plain = [
            Reason::Served,
            Reason::Preflight,
            Reason::NoStage,
            Reason::NoRoute,
            Reason::InsufficientScope,
            Reason::AuthorizerFailed,
            Reason::AuthorizerMisconfigured,
            Reason::UrlTooLong,
            Reason::HeadersTooLarge,
            Reason::PayloadTooLarge,
            Reason::KeyRefused,
            Reason::QuotaExceeded,
            Reason::Invalid(Invalid::Parameters),
            Reason::Invalid(Invalid::Body),
            Reason::InvalidationRefused,
            Reason::UnsupportedMediaType,
            Reason::Misconfigured,
            Reason::FunctionFailed(FunctionId(0)),
            Reason::FunctionMalformed(FunctionId(0)),
            Reason::CapacityExhausted(CapacityId(0)),
            Reason::IntegrationTimeout,
            Reason::IntegrationUnreachable,
            Reason::Gone,
            Reason::Binary,
            Reason::Unread,
        ];
        let mut every = plain.to_vec();
        every.extend(TOKENS.map(Reason::Unauthorized));
        every.extend(signatures.map(Reason::SignatureRefused));
        every.extend(denied.map(Reason::AccessDenied));
        every.extend(denied.map(Reason::PolicyDenied));
        every.extend(scopes.map(Reason::Throttled));
        every.extend(limits.map(|limit| Reason::FunctionThrottled(FunctionId(0), limit)));
        every
    }

    #[test]
    fn every_reason_with_the_status_of_its_api_has_one_kind_and_nobody_else_s_blame() {
        use crate::model::{Api, ApiKind};
        for kind in [ApiKind::Rest, ApiKind::Http, ApiKind::WebSocket] {
            let api = Api::new(kind, "a");
            for reason in every() {
                let status = api.status_of(reason);
                let (found, blame) = (reason.kind(status), reason.blame(status));
                let fine = matches!(reason, Reason::Served | Reason::Preflight);
                assert_eq!((found.is_none(), blame == Blame::Nobody), (fine, fine), "{reason:?}");
                let of_client = found.is_none_or(|kind| (kind.blame() == Blame::Client) == (status < 500));
                assert!(of_client, "{reason:?} {status}: 4xx are the client's, and 5xx are not");
                assert!(blame != Blame::GatewayOrIntegration && blame != Blame::Network, "{reason:?}: the gateway knows");
            }
        }
    }

    #[test]
    fn the_reasons_make_every_kind_but_those_that_are_only_seen_from_outside() {
        let own = every().into_iter().filter_map(|reason| reason.kind(500));
        let theirs = (400..=599).filter_map(|status| Reason::Served.kind(status));
        let made: std::collections::BTreeSet<ErrorKind> = own.chain(theirs).collect();
        let outside = [
            ErrorKind::NoRouteOrUnsigned,
            ErrorKind::FunctionErrorOrMalformed,
            ErrorKind::IntegrationUnavailable,
            ErrorKind::ServerError,
        ];
        let all: std::collections::BTreeSet<ErrorKind> =
            ErrorKind::ALL.into_iter().filter(|kind| !outside.contains(kind)).collect();
        assert_eq!(made, all);
    }

    #[test]
    fn what_a_customised_answer_calls_success_is_no_error() {
        for reason in every() {
            assert_eq!((reason.kind(200), reason.blame(399)), (None, Blame::Nobody), "{reason:?}");
        }
    }
}
