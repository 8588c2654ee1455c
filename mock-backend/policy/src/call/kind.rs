//! What kind of error an answer is, and whose fault each kind is.
//!
//! Owns the kinds, their words, and the blame that follows from each: exactly one, so that counts by blame add up. Refuses to find
//! out which one an answer is: of the gateway's own decisions [`Reason::kind`](super::Reason::kind) knows it, of an answer seen from
//! outside its status, its headers and its text tell as much as they tell. Part of [`call`](super).
//!
//! Whose fault a 429 is: the client's. The provider counts it among the client's errors (`4XXError`, developer guide, "Amazon API
//! Gateway dimensions and metrics", 2026), and HTTP says of it that "the user has sent too many requests" (RFC 6585, section 4). An
//! error budget does not pay for it all the same: how much is throttled is a quantity of its own, here as in the method (3.4).
//!
//! Whose fault an authorizer's is: the gateway's. It is part of the door, answers before any integration is asked, and has gateway
//! responses of its own (`AUTHORIZER_FAILURE`, `AUTHORIZER_CONFIGURATION_ERROR`).

use super::Blame;

/// What kind of error an answer is; one that is no error has none.
///
/// Some are not one kind but as much as can be told of an answer from outside: `NoRouteOrUnsigned`, `FunctionErrorOrMalformed`,
/// `IntegrationUnavailable` and `ServerError`. No reason of this gateway is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ErrorKind {
    /// What was asked is no valid request: 400, 422; the request validator's too.
    BadRequest,
    /// Who asks does not show who it is, or shows it wrongly: 401, and 403 where a signature is worth nothing.
    Unauthenticated,
    /// Who asks may not: 403 of an authorizer, a resource policy, an API key or the back end.
    Forbidden,
    /// There is no such route, or the signature is missing: a REST API answers both alike.
    NoRouteOrUnsigned,
    /// There is no such stage, route or thing: 404, 410; of a REST API's route 403.
    NotFound,
    /// There is such a thing, but not by this method: 405. The gateway itself never says so.
    MethodNotAllowed,
    /// The body is above the limit: 413.
    PayloadTooLarge,
    /// Path, query or headers are above the limit: 414, 431.
    HeadTooLarge,
    /// Nobody knows what to do with this media type: 415.
    UnsupportedMediaType,
    /// A token bucket was empty: 429.
    Throttled,
    /// The quota of an API key is spent: 429.
    QuotaExceeded,
    /// Any other 4xx.
    OtherClient,
    /// The gateway cannot do what it was told to: a mapping fails, or no integration response fits.
    Configuration,
    /// The authorizer raised an error, or did not answer in time.
    AuthorizerFailed,
    /// The authorizer cannot be asked, or its answer is none.
    AuthorizerMisconfigured,
    /// The integration did not answer in time.
    IntegrationTimeout,
    /// The integration could not be reached, or broke off.
    IntegrationUnreachable,
    /// The function was not let run.
    FunctionThrottled,
    /// The function raised an error.
    FunctionError,
    /// The function's answer is none that the gateway understands.
    MalformedAnswer,
    /// The function, or the target of a private link, got no connection of a pool that it shares.
    CapacityExhausted,
    /// The back end itself answered 5xx.
    BackEndError,
    /// The function raised an error, or its answer is none: a REST API answers both alike.
    FunctionErrorOrMalformed,
    /// The integration timed out, could not be reached or was not let run: some answers do not say which.
    IntegrationUnavailable,
    /// 5xx of which nobody can say whether the gateway or the integration failed.
    ServerError,
}

impl ErrorKind {
    /// The header in which the bundled mock says of an answer which kind of error it is, to the run that started it and to nobody else:
    /// the real gateway has no such header.
    pub const TOLD_IN: &'static str = "x-sluicegate-error";

    /// Every kind, in the order in which reports show them: by blame.
    pub const ALL: [Self; 25] = [
        Self::BadRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NoRouteOrUnsigned,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::HeadTooLarge,
        Self::UnsupportedMediaType,
        Self::Throttled,
        Self::QuotaExceeded,
        Self::OtherClient,
        Self::Configuration,
        Self::AuthorizerFailed,
        Self::AuthorizerMisconfigured,
        Self::IntegrationTimeout,
        Self::IntegrationUnreachable,
        Self::FunctionThrottled,
        Self::FunctionError,
        Self::MalformedAnswer,
        Self::CapacityExhausted,
        Self::BackEndError,
        Self::FunctionErrorOrMalformed,
        Self::IntegrationUnavailable,
        Self::ServerError,
    ];

    /// Whose fault it is.
    pub const fn blame(self) -> Blame {
        match self {
            Self::BadRequest
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NoRouteOrUnsigned
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::PayloadTooLarge
            | Self::HeadTooLarge
            | Self::UnsupportedMediaType
            | Self::Throttled
            | Self::QuotaExceeded
            | Self::OtherClient => Blame::Client,
            Self::Configuration | Self::AuthorizerFailed | Self::AuthorizerMisconfigured => Blame::Gateway,
            Self::IntegrationTimeout
            | Self::IntegrationUnreachable
            | Self::FunctionThrottled
            | Self::FunctionError
            | Self::MalformedAnswer
            | Self::CapacityExhausted
            | Self::BackEndError
            | Self::FunctionErrorOrMalformed
            | Self::IntegrationUnavailable => Blame::Integration,
            Self::ServerError => Blame::GatewayOrIntegration,
        }
    }

    /// The word for it in files and headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NoRouteOrUnsigned => "no-route-or-unsigned",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::PayloadTooLarge => "payload-too-large",
            Self::HeadTooLarge => "head-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Throttled => "throttled",
            Self::QuotaExceeded => "quota-exceeded",
            Self::OtherClient => "other-client-error",
            Self::Configuration => "configuration",
            Self::AuthorizerFailed => "authorizer-failed",
            Self::AuthorizerMisconfigured => "authorizer-misconfigured",
            Self::IntegrationTimeout => "integration-timeout",
            Self::IntegrationUnreachable => "integration-unreachable",
            Self::FunctionThrottled => "function-throttled",
            Self::FunctionError => "function-error",
            Self::MalformedAnswer => "malformed-answer",
            Self::CapacityExhausted => "capacity-exhausted",
            Self::BackEndError => "back-end-error",
            Self::FunctionErrorOrMalformed => "function-error-or-malformed",
            Self::IntegrationUnavailable => "integration-unavailable",
            Self::ServerError => "server-error",
        }
    }

    /// The kind that has this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What a status says of an answer that the back end gave itself; `None` below 400.
    pub const fn of_back_end(status: u16) -> Option<Self> {
        match status {
            400..=499 => Some(Self::of_client(status)),
            500.. => Some(Self::BackEndError),
            _ => None,
        }
    }

    /// What a 4xx status says.
    pub const fn of_client(status: u16) -> Self {
        match status {
            400 | 422 => Self::BadRequest,
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            413 => Self::PayloadTooLarge,
            414 | 431 => Self::HeadTooLarge,
            415 => Self::UnsupportedMediaType,
            429 => Self::Throttled,
            _ => Self::OtherClient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_one_word_one_place_and_somebody_to_blame() {
        let words: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), ErrorKind::ALL.len());
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::named(kind.as_str()), Some(kind));
            assert!(!matches!(kind.blame(), Blame::Nobody | Blame::Network | Blame::Generator), "{kind:?}");
        }
        // In the order of blames, so that a table by blame is a table by kind.
        assert!(ErrorKind::ALL.is_sorted_by_key(|kind| Blame::ALL.iter().position(|blame| *blame == kind.blame())));
        assert!(ErrorKind::ALL.is_sorted());
    }

    #[test]
    fn a_back_end_s_own_status_is_an_error_from_400_on() {
        let kinds: Vec<_> = [200, 302, 399, 400, 404, 418, 429, 500, 599].map(ErrorKind::of_back_end).to_vec();
        let (client, server) = (Some(ErrorKind::OtherClient), Some(ErrorKind::BackEndError));
        let (bad, missing, throttled) = (Some(ErrorKind::BadRequest), Some(ErrorKind::NotFound), Some(ErrorKind::Throttled));
        assert_eq!(kinds, [None, None, None, bad, missing, client, throttled, server, server]);
    }
}
