//! What the words in a record mean, for a person who meets them for the first time.
//!
//! Owns one sentence for each outcome, status and blame. Refuses numbers. Called by the text report.

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
        Some(Outcome::Malformed) => "the answer was not HTTP",
        Some(Outcome::Dropped) => "never sent: queue full, or policy drop",
        Some(Outcome::Shed) => "never sent: past the policy's deadline",
        Some(Outcome::Abandoned) => "the run ended first",
    }
}

fn meaning_of_status(status: u16) -> &'static str {
    match status {
        200..=399 => "",
        400 => "bad request",
        401 => "no or wrong credentials",
        403 => "forbidden; REST API: or no such route",
        404 => "not found; HTTP API: or no such route",
        413 => "body above the payload limit",
        429 => "throttled: a token bucket was empty",
        402 | 405..=412 | 414..=428 | 430..=499 => "refused as the client's fault",
        500 => "the function or the gateway failed",
        502 => "the integration's answer was malformed",
        503 => "unavailable; HTTP API: or timed out",
        504 => "the integration timed out (REST API)",
        501 | 505..=599 => "failed as the server's fault",
        _ => "not a status of HTTP",
    }
}

/// Whose fault, as a word to stand in a column; nobody's is empty.
pub(super) fn blame(word: &str) -> &str {
    if word == "nobody" { "" } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_has_room_in_its_column() {
        let of_statuses = (0..=700).map(|status| meaning("answered", Some(status)));
        let of_words = Outcome::ALL.iter().map(|it| meaning(it.as_str(), None));
        assert!(of_statuses.chain(of_words).all(|text| text.chars().count() <= 40));
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
