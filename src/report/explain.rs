//! What the words in a record mean, for a person who meets them for the first time.
//!
//! Owns one sentence for each outcome, status, kind of error and blame. Refuses numbers. Called by the text report.

use std::borrow::Cow;

use sluicegate_policy::call::{Blame, ErrorKind};

use crate::measure::Outcome;

/// The outcome that a word in a record stands for; `None` for a word that this version does not know.
pub(super) fn outcome(word: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word)
}

/// What an outcome means; for an answer, what its status means at a gateway.
pub(super) fn meaning(word: &str, status: Option<u16>) -> &'static str {
    match outcome(word) {
        None => "(a word this version does not know)",
        Some(Outcome::Answered) => status.map_or("a complete answer", meaning_of_status),
        Some(Outcome::TimedOut) => "no complete answer within the time-out",
        Some(Outcome::Unresolved) => "the host name could not be resolved",
        Some(Outcome::Refused) => "nothing listens there",
        Some(Outcome::Unreachable) => "no connection in time, or no route",
        Some(Outcome::TlsFailed) => "the TLS handshake failed",
        Some(Outcome::NoSockets) => "no descriptor, port or memory left here",
        Some(Outcome::Reset) => "the peer reset the connection",
        Some(Outcome::Closed) => "the peer closed before a complete head",
        Some(Outcome::Truncated) => "the peer closed within the body",
        Some(Outcome::Malformed) => "the answer was not what was spoken",
        Some(Outcome::Lost) => "pushed to a connection, and never came",
        Some(Outcome::Dropped) => "never sent: queue full, or policy drop",
        Some(Outcome::Shed) => "never sent: past the policy's deadline",
        Some(Outcome::Abandoned) => "the run ended first",
    }
}

fn meaning_of_status(status: u16) -> &'static str {
    match status {
        101 => "the connection was opened",
        200..=399 => "",
        400 => "bad request",
        401 => "no or wrong credentials",
        403 => "forbidden; REST API: or no such route",
        404 => "not found; HTTP API: or no such route",
        413 => "body above the payload limit",
        429 => "throttled, or a quota is spent",
        402 | 405..=412 | 414..=428 | 430..=499 => "refused as the client's fault",
        500 => "the function or the gateway failed",
        502 => "the function failed, or its answer did",
        503 => "unavailable; HTTP API: or timed out",
        504 => "timed out, or could not be reached",
        501 | 505..=599 => "failed as the server's fault",
        _ => "not a status of HTTP",
    }
}

/// What a kind of error means; of an outcome without an answer, what that means.
pub(super) fn meaning_of_error(word: &str) -> &'static str {
    let Some(kind) = ErrorKind::named(word) else { return meaning(word, None) };
    match kind {
        ErrorKind::BadRequest => "not a valid request",
        ErrorKind::Unauthenticated => "no or wrong credentials",
        ErrorKind::Forbidden => "credentials that do not suffice",
        ErrorKind::NoRouteOrUnsigned => "no such route, or no signature",
        ErrorKind::NotFound => "no such route or thing",
        ErrorKind::MethodNotAllowed => "not by this method",
        ErrorKind::PayloadTooLarge => "body above the payload limit",
        ErrorKind::HeadTooLarge => "URL or headers above the limit",
        ErrorKind::UnsupportedMediaType => "nobody takes this media type",
        ErrorKind::Throttled => "a token bucket was empty",
        ErrorKind::QuotaExceeded => "the quota of the API key is spent",
        ErrorKind::OtherClient => "refused as the client's fault",
        ErrorKind::Configuration => "a mapping failed, or no response fits",
        ErrorKind::AuthorizerFailed => "the authorizer failed or took too long",
        ErrorKind::AuthorizerMisconfigured => "the authorizer's answer is none",
        ErrorKind::IntegrationTimeout => "the integration did not answer in time",
        ErrorKind::IntegrationUnreachable => "unreachable, or it broke off",
        ErrorKind::FunctionThrottled => "the function was not let run",
        ErrorKind::FunctionError => "the function raised an error",
        ErrorKind::MalformedAnswer => "the function's answer is none",
        ErrorKind::CapacityExhausted => "no connection of a shared pool",
        ErrorKind::BackEndError => "the back end itself answered 5xx",
        ErrorKind::FunctionErrorOrMalformed => "the function failed, or its answer did",
        ErrorKind::IntegrationUnavailable => "timed out, unreachable or not let run",
        ErrorKind::ServerError => "5xx; the answer does not say whose",
    }
}

/// Whose fault, as a word to stand in a column; nobody's is empty.
pub(super) fn blame(word: &str) -> Cow<'_, str> {
    if word == Blame::Nobody.as_str() { Cow::Borrowed("") } else { blame_in_words(word) }
}

/// Whose fault, as people say it.
pub(super) fn blame_in_words(word: &str) -> Cow<'_, str> {
    if word == Blame::GatewayOrIntegration.as_str() { Cow::Borrowed("gateway or integration") } else { Cow::Borrowed(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_has_room_in_its_column() {
        let of_statuses = (0..=700).map(|status| meaning("answered", Some(status)));
        let of_words = Outcome::ALL.iter().map(|it| meaning(it.as_str(), None));
        let of_kinds = ErrorKind::ALL.iter().map(|it| meaning_of_error(it.as_str()));
        assert!(of_statuses.chain(of_words).chain(of_kinds).all(|text| text.chars().count() <= 40));
    }

    #[test]
    fn not_every_504_is_called_a_time_out() {
        assert_eq!(meaning("answered", Some(504)), "timed out, or could not be reached");
        assert_ne!(meaning_of_error("integration-unreachable"), meaning_of_error("integration-timeout"));
    }

    #[test]
    fn every_outcome_is_explained() {
        for outcome in Outcome::ALL {
            assert!(!meaning(outcome.as_str(), Some(500)).is_empty(), "{outcome:?}");
            assert!(!meaning(outcome.as_str(), None).contains("does not know"), "{outcome:?}");
        }
        assert!(meaning("evaporated", None).contains("does not know"));
    }
}
