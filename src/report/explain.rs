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
        None => "(a word that this version does not know)",
        Some(Outcome::Answered) => status.map_or("a complete answer", meaning_of_status),
        Some(Outcome::TimedOut) => "no complete answer within the time-out",
        Some(Outcome::Unresolved) => "the host name could not be resolved",
        Some(Outcome::Refused) => "connection refused: nothing listens there",
        Some(Outcome::Unreachable) => "no connection in time, or no way to the host",
        Some(Outcome::TlsFailed) => "the TLS handshake failed",
        Some(Outcome::NoSockets) => "this machine had no descriptor, port or memory left",
        Some(Outcome::Reset) => "the peer reset the connection",
        Some(Outcome::Closed) => "the peer closed before a complete head",
        Some(Outcome::Truncated) => "the peer closed within the body",
        Some(Outcome::Malformed) => "the answer was not HTTP",
        Some(Outcome::Dropped) => "never sent: no room in the queue, or policy drop",
        Some(Outcome::Shed) => "never sent: older than the policy's deadline",
        Some(Outcome::Abandoned) => "the run ended first",
    }
}

fn meaning_of_status(status: u16) -> &'static str {
    match status {
        200..=399 => "",
        400 => "bad request",
        401 => "no or wrong credentials",
        403 => "forbidden; at a REST API also: no such route",
        404 => "not found; at an HTTP API also: no such route",
        413 => "body above the payload limit",
        429 => "throttled: a token bucket was empty",
        402 | 405..=412 | 414..=428 | 430..=499 => "refused as the client's fault",
        500 => "the function or the gateway failed",
        502 => "the integration's answer was malformed",
        503 => "the integration was unavailable, or timed out (HTTP API)",
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
    fn every_outcome_is_explained() {
        for outcome in Outcome::ALL {
            assert!(!meaning(outcome.as_str(), Some(500)).is_empty(), "{outcome:?}");
            assert!(!meaning(outcome.as_str(), None).contains("does not know"), "{outcome:?}");
        }
        assert!(meaning("evaporated", None).contains("does not know"));
    }
}
