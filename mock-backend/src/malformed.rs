//! Requests that break before they have a route, and what is said to them.
//!
//! Owns the ways in which a request can be no request, and the status and words for each. Refuses to find them (`http1` and
//! `http` do) and to send. Called by `http`.
//!
//! What the real gateway says to such requests is not recorded anywhere that we know of: UNCONFIRMED, all of it. Statuses are
//! settings; by default those that RFC 9110 and 9112 name. Chosen here: the JSON message that the API's other errors have, the request ids (they are counted
//! and can be found), `BadRequestException` for a REST API (where it is the wrong host `ForbiddenException`), and the end of the connection, because nobody knows where the next
//! request would begin. They reach no stage, and so no access log (a report of 2024 says of a 400 for a query string that
//! nothing was logged: github.com/aws/aws-sam-cli/issues/7170).

use sluicegate_policy::model::{ApiKind, MalformedStatus, Unconfirmed};
use sluicegate_render::answer::Answer;

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum Malformed {
    /// The request line, or the way in which lines end.
    #[error("it is no HTTP")]
    Line,
    /// A version that is not spoken here.
    #[error("its version of HTTP is unknown")]
    Version,
    /// A header: its name, its value, or a folded line.
    #[error("one of its headers is none")]
    Field,
    /// The target of the request line.
    #[error("its target is none")]
    Target,
    /// No host, two of them, or none that could be one.
    #[error("its host is missing or unclear")]
    Host,
    /// A content length that is none, or one too many.
    #[error("its length is unclear")]
    Length,
    /// A transfer coding other than `chunked`.
    #[error("its transfer coding is unknown")]
    Coding,
    /// A chunk, or what follows the last one.
    #[error("one of its chunks is none")]
    Chunk,
    /// An expectation other than `100-continue`.
    #[error("it expects what is not done here")]
    Expectation,
    /// The head is longer than is even looked at.
    #[error("its head is too large")]
    HeadTooLarge,
    /// Its host is a custom domain that asks for a certificate, and the connection came by another name.
    #[error("its connection was made for another host")]
    Misdirected,
    /// The rest of it did not come in time.
    #[error("the rest of it did not come in time")]
    Late,
    /// There is no room for its body: too many others are being read.
    #[error("there is no room for its body now")]
    Crowded,
}

impl Malformed {
    /// The status that says so; that of too large a head is a setting, whoever finds out.
    const fn status(self, unconfirmed: &Unconfirmed) -> u16 {
        let by_rfc = match self {
            Self::Misdirected => return unconfirmed.misdirected,
            Self::HeadTooLarge => return unconfirmed.headers_too_large,
            // The mock's own: the real gateway is not known to run out of room.
            Self::Crowded => return 503,
            Self::Line | Self::Field | Self::Target | Self::Host | Self::Length | Self::Chunk => 400,
            Self::Late => 408,
            Self::Expectation => 417,
            Self::Coding => 501,
            Self::Version => 505,
        };
        match unconfirmed.malformed {
            MalformedStatus::Rfc => by_rfc,
            MalformedStatus::BadRequest => 400,
        }
    }

    const fn message(self, status: u16) -> &'static str {
        match status {
            400 => "Bad Request",
            403 => "Forbidden",
            408 => "Request Timeout",
            413 => "Request Entity Too Large",
            421 => "Misdirected Request",
            417 => "Expectation Failed",
            _ if matches!(self, Self::HeadTooLarge) => "Request Header Fields Too Large",
            501 => "Not Implemented",
            503 => "Service Unavailable",
            505 => "HTTP Version Not Supported",
            _ => "Bad Request",
        }
    }

    /// The name of the error, as a REST API gives it.
    pub(crate) const fn error_type(self) -> &'static str {
        match self {
            Self::Misdirected => "ForbiddenException",
            Self::Line
            | Self::Version
            | Self::Field
            | Self::Target
            | Self::Host
            | Self::Length
            | Self::Coding
            | Self::Chunk
            | Self::Expectation
            | Self::HeadTooLarge
            | Self::Late
            | Self::Crowded => "BadRequestException",
        }
    }

    /// The answer, without what identifies it.
    pub(crate) fn answer(self, unconfirmed: &Unconfirmed) -> Answer {
        let status = self.status(unconfirmed);
        let mut answer = Answer::new(status, format!(r#"{{"message":"{}"}}"#, self.message(status)));
        answer.push("Content-Type", "application/json");
        answer
    }
}

/// Characters of a query string that a REST API takes only percent-encoded (developer guide, "Known issues", 2026).
const ENCODED_ONLY: [char; 3] = ['|', '{', '}'];

/// Whether an API of this kind takes path and query of `target` as they are.
///
/// An HTTP API is not said to refuse raw characters; that both refuse a percent sign without two hexadecimal digits is
/// UNCONFIRMED.
pub(crate) fn check_target(kind: ApiKind, target: &str) -> Result<(), Malformed> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    if kind == ApiKind::Rest && query.contains(ENCODED_ONLY) {
        return Err(Malformed::Target);
    }
    let escaped = |after: &str| after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if target.split('%').skip(1).all(escaped) { Ok(()) } else { Err(Malformed::Target) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_takes_some_characters_only_encoded_and_only_of_a_rest_api() {
        for raw in ["/x?a=|", "/x?a={", "/x?}"] {
            assert_eq!(check_target(ApiKind::Rest, raw), Err(Malformed::Target), "{raw}");
            assert_eq!(check_target(ApiKind::Http, raw), Ok(()), "{raw}");
        }
        assert_eq!(check_target(ApiKind::Rest, "/a|b{c}?q=%7C;%7b"), Ok(()));
    }

    #[test]
    fn a_percent_sign_needs_its_digits() {
        for (target, sound) in [("/%41%2f", true), ("/100%", false), ("/%4", false), ("/x?q=%zz", false), ("/%%41", false)] {
            assert_eq!(check_target(ApiKind::Http, target).is_ok(), sound, "{target}");
        }
    }

    #[test]
    fn too_large_a_head_has_the_status_that_the_api_is_set_to() {
        let told = |headers_too_large| {
            let answer = Malformed::HeadTooLarge.answer(&Unconfirmed { headers_too_large, ..Unconfirmed::default() });
            (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
        };
        assert_eq!(told(431), (431, r#"{"message":"Request Header Fields Too Large"}"#.to_owned()));
        assert_eq!(told(494), (494, r#"{"message":"Request Header Fields Too Large"}"#.to_owned()));
        assert_eq!(told(400), (400, r#"{"message":"Bad Request"}"#.to_owned()));
    }

    #[test]
    fn every_message_is_json_of_its_own_status() {
        let answer = Malformed::Chunk.answer(&Unconfirmed::default());
        assert_eq!((answer.status, &answer.body[..]), (400, br#"{"message":"Bad Request"}"#.as_slice()));
    }
}
