//! The opening of a WebSocket connection: the request for an upgrade goes out, and its answer is read (RFC 6455, section 4).
//!
//! Owns what makes an answer a consent: 101, both upgrade headers, the key's counterpart, no subprotocol or extension that was not asked
//! for. Refuses frames, and to give up by time (its caller drops it). Everything that is read is bounded. A refusal is an answer
//! like any other: it keeps its status and its kind.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Header, Response, Status};
use sluicegate_policy::seed::mix;
use sluicegate_policy::time::Instant;
use sluicegate_timer::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::engine::job::Ending;
use crate::engine::transport::clue::{Clue, Heed};
use crate::engine::transport::failure::{self, Reached};
use crate::engine::transport::stamp::Stream;
use crate::measure::Outcome;
use crate::measure::shown::BODY_BYTES_MAX;

/// Bytes that the head of an answer may have.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// Status of an answer that consents.
pub(in crate::engine) const CONSENT: u16 = 101;

/// What is asked of the other side.
#[derive(Debug)]
pub(in crate::engine) struct Asking {
    /// The request, as it goes out.
    pub(in crate::engine) bytes: Vec<u8>,
    /// Its key.
    pub(in crate::engine) key: String,
    /// The subprotocols that it offers, as they stand in its header.
    pub(in crate::engine) protocols: String,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::engine) struct Asked {
    pub(in crate::engine) ending: Ending,
    /// What was read behind the head of a consent: the beginning of the first frame.
    pub(in crate::engine) rest: Vec<u8>,
}

/// When the request's bytes were out and the answer's first byte came in; [`Instant::MAX`] for what did not happen.
#[derive(Debug)]
pub(in crate::engine) struct Noted {
    clock: Clock,
    pub(in crate::engine) sent: Cell<Instant>,
    pub(in crate::engine) first_byte: Cell<Instant>,
}

impl Noted {
    pub(in crate::engine) const fn new(clock: Clock) -> Self {
        Self { clock, sent: Cell::new(Instant::MAX), first_byte: Cell::new(Instant::MAX) }
    }
}

/// What the head of an answer says.
struct Head {
    status: u16,
    length: usize,
    consents: bool,
    clue: Option<Clue>,
    body: Body,
}

/// Where the body of a refusal ends.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// After so many bytes.
    Length(usize),
    /// It says nothing worth waiting for.
    Unread,
}

/// A key that is another for every connection; nobody has to be surprised by it (RFC 6455, section 10.3, speaks of masks).
pub(in crate::engine) fn key_of(session: u32, seq: u32, salt: u64) -> String {
    let first = mix(u64::from(session) << 32 | u64::from(seq)) ^ salt;
    STANDARD.encode([first.to_be_bytes(), mix(first).to_be_bytes()].concat())
}

/// Asks, and reads the answer.
pub(in crate::engine) async fn ask(stream: &mut Stream, asking: &Asking, noted: &Noted, heed: Heed) -> Asked {
    // A request this small is not cut in two: it is out when it is written.
    let written = match stream.write_all(&asking.bytes).await {
        Ok(()) => stream.flush().await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        return Asked::without_answer(failure::of_io(&error, Reached::Nothing));
    }
    noted.sent.set(noted.clock.now());
    let mut read = Vec::with_capacity(1024);
    let head = loop {
        if let Err(outcome) = more(stream, &mut read, Reached::Nothing).await {
            return Asked::without_answer(outcome);
        }
        if noted.first_byte.get() == Instant::MAX {
            noted.first_byte.set(noted.clock.now());
        }
        match head(&read, asking, heed) {
            Ok(Some(head)) => break head,
            Ok(None) if read.len() <= HEAD_BYTES_MAX => {}
            Ok(None) | Err(()) => return Asked::without_answer(Outcome::Malformed),
        }
    };
    match (head.status, head.consents) {
        (CONSENT, true) => {
            let ending = Ending { outcome: Outcome::Answered, status: CONSENT, kind: None };
            Asked { ending, rest: read.split_off(head.length) }
        }
        (CONSENT, false) => Asked::without_answer(Outcome::Malformed),
        _ => Asked { ending: refusal(stream, head, read).await, rest: Vec::new() },
    }
}

impl Asked {
    const fn without_answer(outcome: Outcome) -> Self {
        Self { ending: Ending::unanswered(outcome), rest: Vec::new() }
    }
}

/// Reads the body of a refusal, as far as it can say more than the head did.
async fn refusal(stream: &mut Stream, mut head: Head, mut read: Vec<u8>) -> Ending {
    if let Body::Length(length) = head.body {
        while read.len() - head.length < length {
            if let Err(outcome) = more(stream, &mut read, Reached::Head).await {
                return Ending::unanswered(outcome);
            }
        }
        if let Some(clue) = &mut head.clue {
            clue.read(&read[head.length..head.length + length]);
        }
    }
    let kind = head.clue.and_then(|clue| clue.kind(head.status));
    Ending { outcome: Outcome::Answered, status: head.status, kind }
}

async fn more(stream: &mut Stream, read: &mut Vec<u8>, reached: Reached) -> Result<(), Outcome> {
    match stream.read_buf(read).await {
        Ok(0) => Err(failure::of_end(reached)),
        Ok(_) => Ok(()),
        Err(error) => Err(failure::of_io(&error, reached)),
    }
}

/// The head of an answer; nothing of one that is not complete.
fn head(bytes: &[u8], asking: &Asking, heed: Heed) -> Result<Option<Head>, ()> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut response = Response::new(&mut headers);
    let Status::Complete(length) = response.parse(bytes).map_err(|_| ())? else { return Ok(None) };
    let status = response.code.filter(|status| (100..600).contains(status)).ok_or(())?;
    if response.version != Some(1) {
        return Err(());
    }
    let headers: &[Header<'_>] = response.headers;
    let value = |name: &str| headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
    let length_of_body = value("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
    let body = match length_of_body {
        Some(length) if length <= BODY_BYTES_MAX => Body::Length(length),
        Some(_) | None => Body::Unread,
    };
    let clue = Clue::of(status, value, heed.answers);
    Ok(Some(Head { status, length, consents: consents(asking, headers), clue, body }))
}

/// Whether the headers are those of a consent (RFC 6455, section 4.1, the client's checks 2 to 6).
fn consents(asking: &Asking, headers: &[Header<'_>]) -> bool {
    let values = |name: &'static str| headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    let has =
        |name, token: &str| values(name).any(|header| tokens(header.value).any(|it| it.eq_ignore_ascii_case(token.as_bytes())));
    let accepts = values("sec-websocket-accept").map(|header| header.value.trim_ascii());
    let accepted = accepts.eq([derive_accept_key(asking.key.as_bytes()).as_bytes()]);
    let offered = |protocol: &[u8]| tokens(asking.protocols.as_bytes()).any(|it| it == protocol);
    has("upgrade", "websocket")
        && has("connection", "upgrade")
        && accepted
        && values("sec-websocket-extensions").next().is_none()
        && values("sec-websocket-protocol").count() <= 1
        && values("sec-websocket-protocol").all(|header| offered(header.value.trim_ascii()))
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking() -> Asking {
        Asking { bytes: Vec::new(), key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned(), protocols: "v2, v1".to_owned() }
    }

    fn judged(lines: &str) -> Option<(u16, bool)> {
        let bytes = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n");
        head(bytes.as_bytes(), &asking(), Heed::default()).unwrap().map(|head| (head.status, head.consents))
    }

    /// The key and its counterpart stand in RFC 6455, section 1.3.
    const GOOD: &str =
        "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    #[test]
    fn a_consent_has_both_upgrade_headers_and_the_counterpart_of_the_key() {
        assert_eq!(judged(GOOD), Some((101, true)));
        for missing in ["Upgrade: WebSocket\r\n", "Connection: keep-alive, Upgrade\r\n", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="] {
            assert_eq!(judged(&GOOD.replace(missing, "")), Some((101, false)), "{missing}");
        }
        assert_eq!(judged(&GOOD.replace("s3p", "S3p")), Some((101, false)));
    }

    #[test]
    fn what_was_not_asked_for_is_no_consent() {
        assert_eq!(judged(&format!("{GOOD}Sec-WebSocket-Protocol: v1\r\n")), Some((101, true)));
        assert_eq!(judged(&format!("{GOOD}Sec-WebSocket-Protocol: v3\r\n")), Some((101, false)));
        assert_eq!(judged(&format!("{GOOD}Sec-WebSocket-Extensions: permessage-deflate\r\n")), Some((101, false)));
    }

    #[test]
    fn a_head_that_is_not_complete_is_waited_for_and_one_that_is_none_is_refused() {
        assert!(head(b"HTTP/1.1 101 Swi", &asking(), Heed::default()).unwrap().is_none());
        for bad in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.0 101 No\r\n\r\n", b"HTTP/1.1 999 No\r\n\r\n", b"\x16\x03\x01"] {
            assert!(head(bad, &asking(), Heed::default()).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn keys_are_sixteen_bytes_and_differ() {
        let keys = [key_of(1, 0, 7), key_of(1, 1, 7), key_of(2, 0, 7), key_of(1, 0, 8)];
        assert!(keys.iter().all(|key| STANDARD.decode(key).unwrap().len() == 16));
        assert_eq!(std::collections::BTreeSet::from(keys).len(), 4);
    }
}
