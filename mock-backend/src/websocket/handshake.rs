//! What makes a request a handshake, and the answer that makes it a connection.
//!
//! Owns the headers of RFC 6455, section 4.2. Refuses to decide whether the connection is opened (the policy does). Called by `http`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_render::answer::Answer;
use sluicegate_render::request::Head;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::malformed::Malformed;

/// Which version is spoken.
const VERSION: &[u8] = b"13";

/// The header by which client and server agree on what they say within messages.
const SUBPROTOCOL: &str = "sec-websocket-protocol";

/// That a client asks for a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// What the server answers to the client's key.
    accept: String,
}

impl Handshake {
    /// What a request asks for; `None` if it is no handshake.
    pub(crate) fn of(head: &Head) -> Result<Option<Self>, Malformed> {
        if !is_one(head) {
            return Ok(None);
        }
        let key = head.header("sec-websocket-key").ok_or(Malformed::Field)?;
        let is_key = STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16);
        if !is_key || head.header("sec-websocket-version") != Some(VERSION) {
            return Err(Malformed::Field);
        }
        Ok(Some(Self { accept: derive_accept_key(key) }))
    }

    /// The answer that opens the connection; of the integration's own it keeps the subprotocol, which a browser asks for (developer guide,
    /// "Set up a $connect route that requires a WebSocket subprotocol", 2023), and what tells the request.
    pub(crate) fn answer(self, of_integration: &Answer) -> Answer {
        let mut answer = Answer::new(101, "");
        answer.push("Sec-WebSocket-Accept", self.accept);
        let kept = of_integration.headers.iter().filter(|(name, _)| {
            [SUBPROTOCOL, "x-amzn-requestid", "x-amz-apigw-id"].iter().any(|kept| name.eq_ignore_ascii_case(kept))
        });
        answer.headers.extend(kept.cloned());
        answer
    }
}

/// Whether a request asks for a WebSocket connection at all.
pub(crate) fn is_one(head: &Head) -> bool {
    let names = |header: &str, wanted: &str| {
        let value = head.header(header).and_then(|value| str::from_utf8(value).ok()).unwrap_or("");
        value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    head.method() == "GET" && names("upgrade", "websocket") && names("connection", "upgrade")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &str)]) -> Result<Option<Handshake>, Malformed> {
        let whole = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "WebSocket")];
        let headers = whole.iter().chain(headers).map(|(name, value)| (*name, value.as_bytes()));
        Handshake::of(&Head::new("GET", "/prod", headers))
    }

    #[test]
    fn the_answer_to_a_key_is_that_of_the_standard() {
        let asked = of(&[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]);
        let mut own = Answer::new(200, "ignored");
        own.push("Sec-WebSocket-Protocol", "chat");
        own.push("X-Other", "left out");
        let answer = asked.unwrap().unwrap().answer(&own);
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!((answer.header("sec-websocket-protocol"), answer.header("x-other"), answer.status), (Some("chat"), None, 101));
    }

    #[test]
    fn a_handshake_without_a_key_or_of_another_version_is_broken_and_another_request_is_none() {
        assert_eq!(of(&[]), Err(Malformed::Field));
        assert_eq!(of(&[("Sec-WebSocket-Key", "short"), ("Sec-WebSocket-Version", "13")]), Err(Malformed::Field));
        assert_eq!(
            of(&[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "8")]),
            Err(Malformed::Field)
        );
        let plain = Head::new("GET", "/", [("Upgrade", b"websocket".as_slice())]);
        assert_eq!(Handshake::of(&plain), Ok(None));
    }
}
