//! The bytes of an answer. Pure.
//!
//! Owns the status line, the order in which the connection's own headers stand, and that nothing in a value can end a line.
//! Refuses to choose headers and to send. Called by `connection`.
//!
//! Order: date, content type, length, connection, then the rest, as the real gateway's answers were seen to have it (the order
//! itself is UNCONFIRMED; no client should look).

use std::io::Write as _;

use http::StatusCode;
use sluicegate_render::answer::{Answer, final_status, is_bodiless, is_token};

use super::date::DateText;
use super::framing::Persistence;
use super::head::Version;
use crate::streamed::Streamed;
use crate::websocket::Upgrade;

/// What a client that waits for leave gets before its answer.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The end of a body that comes in chunks.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// An answer as it goes out: the status is one that can end a request, the body is left out where there may be none.
pub(crate) struct Outgoing {
    pub(crate) answer: Answer,
    /// The length to tell; `None` where a status has no body at all, and of one whose end is not known before.
    pub(crate) length: Option<usize>,
    /// The body, if it comes bit by bit.
    pub(crate) rest: Option<Streamed>,
    /// Whether it is the connection's last.
    pub(crate) persistence: Persistence,
    /// What becomes of the connection, if it is no longer HTTP after this answer.
    pub(crate) upgrade: Option<Upgrade>,
}

impl Outgoing {
    /// The answer to a request of this method.
    pub(crate) fn to(method: &str, mut answer: Answer) -> Self {
        answer.status = final_status(answer.status);
        // An answer to HEAD that has left its body out already says itself how long it was.
        let said = answer.header("content-length").filter(|_| method == "HEAD").and_then(|length| length.parse().ok());
        let length = (!is_bodiless(answer.status)).then_some(said.unwrap_or(answer.body.len()));
        if length.is_none() || method == "HEAD" {
            answer.body.clear();
        }
        Self { answer, length, rest: None, persistence: Persistence::KeepAlive, upgrade: None }
    }

    /// The answer after which the connection is a WebSocket's.
    pub(crate) const fn upgrade(answer: Answer, upgrade: Upgrade) -> Self {
        Self { answer, length: None, rest: None, persistence: Persistence::KeepAlive, upgrade: Some(upgrade) }
    }

    /// The same, and the end of the connection.
    pub(crate) fn last(self) -> Self {
        Self { persistence: Persistence::Close, ..self }
    }

    /// The same without what follows it.
    pub(crate) fn head(&self) -> Self {
        Self { answer: self.answer.clone(), length: self.length, rest: None, persistence: self.persistence, upgrade: None }
    }
}

/// Appends a chunk of a body that comes bit by bit; an empty one would be its end.
pub(crate) fn write_chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    let _ = write!(out, "{:x}\r\n", bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends everything of an answer but its body.
pub(crate) fn write_head(
    out: &mut Vec<u8>,
    outgoing: &Outgoing,
    date: &DateText,
    (version, persistence): (Version, Persistence),
) {
    let answer = &outgoing.answer;
    out.extend_from_slice(b"HTTP/1.1 ");
    write_decimal(out, usize::from(answer.status));
    out.push(b' ');
    out.extend_from_slice(reason(answer.status).as_bytes());
    out.extend_from_slice(b"\r\nDate: ");
    out.extend_from_slice(date);
    out.extend_from_slice(b"\r\n");
    for (name, value) in answer.headers.iter().filter(|(name, _)| is_content_type(name)) {
        write_field(out, name, value);
    }
    match (&outgoing.length, &outgoing.rest, version) {
        (Some(length), ..) => {
            out.extend_from_slice(b"Content-Length: ");
            write_decimal(out, *length);
            out.extend_from_slice(b"\r\n");
        }
        (None, Some(_), Version::Http11) => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        // To a client of HTTP/1.0 the end of the connection is the end of the body.
        (None, Some(_), Version::Http10) | (None, None, _) => {}
    }
    out.extend_from_slice(match persistence {
        _ if outgoing.upgrade.is_some() => b"Connection: upgrade\r\nUpgrade: websocket\r\n".as_slice(),
        Persistence::KeepAlive => b"Connection: keep-alive\r\n".as_slice(),
        Persistence::Close => b"Connection: close\r\n".as_slice(),
    });
    for (name, value) in answer.headers.iter().filter(|(name, _)| !is_content_type(name) && !is_own(name)) {
        write_field(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a header is the connection's own business.
pub(crate) fn is_own(name: &str) -> bool {
    const OWN: [&str; 7] = ["date", "content-length", "connection", "transfer-encoding", "keep-alive", "upgrade", "trailer"];
    OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// A byte of a header's value: what would end the line, or is no text, becomes a space.
pub(crate) const fn value_byte(byte: u8) -> u8 {
    if byte == b'\t' || (byte >= b' ' && byte != 0x7f) { byte } else { b' ' }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &str) {
    if !is_token(name) {
        return;
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend(value.bytes().map(value_byte));
    out.extend_from_slice(b"\r\n");
}

fn is_content_type(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-type")
}

fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("")
}

fn write_decimal(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&digits[first..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: DateText = *b"Sun, 06 Nov 1994 08:49:37 GMT";

    fn written(method: &str, answer: Answer) -> String {
        let mut out = Vec::new();
        write_head(&mut out, &Outgoing::to(method, answer), &DATE, (Version::Http11, Persistence::KeepAlive));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_keeps_the_spelling_of_its_headers() {
        let mut answer = Answer::new(200, "four");
        answer.push("x-amzn-RequestId", "1");
        answer.push("Content-Type", "text/plain");
        let expected = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n\
            Content-Length: 4\r\nConnection: keep-alive\r\nx-amzn-RequestId: 1\r\n\r\n";
        assert_eq!(written("GET", answer), expected);
    }

    #[test]
    fn no_value_ends_a_line_and_no_header_takes_the_connections_place() {
        let mut answer = Answer::new(200, "");
        for (name, value) in [("X-A", "1\r\nX-B: 2\0"), ("X B", "3"), ("content-length", "9"), ("Transfer-Encoding", "chunked")] {
            answer.push(name, value);
        }
        let text = written("GET", answer);
        assert!(text.contains("\r\nContent-Length: 0\r\n"), "{text}");
        assert!(text.ends_with("\r\nX-A: 1  X-B: 2 \r\n\r\n"), "{text}");
        assert!(!text.contains("chunked") && !text.contains("9\r\n"), "{text}");
    }

    #[test]
    fn what_has_no_body_tells_no_length_unless_it_was_only_left_out() {
        assert!(!written("GET", Answer::new(204, "x")).contains("Content-Length"));
        assert!(written("HEAD", Answer::new(200, "four")).contains("Content-Length: 4"));
        assert!(Outgoing::to("HEAD", Answer::new(200, "four")).answer.body.is_empty());
    }

    #[test]
    fn a_status_that_cannot_end_a_request_becomes_500() {
        assert!(written("GET", Answer::new(101, "")).starts_with("HTTP/1.1 500 "));
        assert!(written("GET", Answer::new(799, "")).starts_with("HTTP/1.1 799 \r\n"));
    }
}
