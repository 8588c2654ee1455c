//! What of a recorded handshake is replayed, and what is a secret of whoever recorded it.
//!
//! Owns the choice: of headers those are kept that an API may look at and that name nobody; of query and subprotocols all but what is a
//! credential by its name or by its look. Refuses to look into messages: what was said is kept as it was said.
//!
//! Credentials of a replay come from its profile (`run.auth`, API keys) or from `-H`.

use percent_encoding::percent_decode_str;

use super::talk::Left;
use crate::import::summary::excerpt;

/// Headers that are kept.
const KEPT: [&str; 4] = ["origin", "user-agent", "accept-language", PROTOCOL];
/// Subprotocols.
pub(super) const PROTOCOL: &str = "sec-websocket-protocol";

/// Headers that are left out, and that nobody misses: every client writes its own.
const USUAL: [&str; 16] = [
    "host",
    "connection",
    "upgrade",
    "pragma",
    "cache-control",
    "accept",
    "accept-encoding",
    "content-length",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "dnt",
    "priority",
];

/// Names of query parameters, as they are compared: small letters, without `-` and `_`.
const SECRET: [&str; 22] = [
    "token",
    "accesstoken",
    "idtoken",
    "refreshtoken",
    "authtoken",
    "sessiontoken",
    "bearer",
    "jwt",
    "auth",
    "authorization",
    "apikey",
    "xapikey",
    "key",
    "secret",
    "password",
    "passwd",
    "ticket",
    "credential",
    "credentials",
    "signature",
    "sig",
    "code",
];

/// A subprotocol that is longer is none: some clients hide a token there.
const PROTOCOL_BYTES_MAX: usize = 40;

/// The headers that are kept; what is left out and may be missed is told.
pub(super) fn headers(recorded: Vec<(String, String)>, left: &mut Vec<(Left, u64)>) -> Vec<(String, String)> {
    let mut kept = Vec::new();
    for (name, value) in recorded {
        let name = name.to_ascii_lowercase();
        if name == PROTOCOL {
            let offered: Vec<&str> = value.split(',').map(str::trim).collect();
            let public: Vec<&str> = offered.iter().copied().filter(|one| !looks_secret(one)).collect();
            if public.len() < offered.len() {
                left.push((Left::Protocol, (offered.len() - public.len()) as u64));
            }
            if !public.is_empty() {
                kept.push((name, public.join(", ")));
            }
        } else if KEPT.contains(&name.as_str()) {
            kept.push((name, value));
        } else if !USUAL.contains(&name.as_str()) && !name.starts_with(':') && !name.starts_with("sec-ch-") {
            left.push((Left::Header(excerpt(name.as_bytes())), 1));
        }
    }
    kept
}

/// The query that is kept, with its `?`; nothing of none.
pub(super) fn query(recorded: &str, left: &mut Vec<(Left, u64)>) -> String {
    let mut kept = String::new();
    for part in recorded.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let decoded = percent_decode_str(name).decode_utf8_lossy();
        let plain: String = decoded.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
        if SECRET.contains(&plain.as_str()) || plain.starts_with("xamz") || is_token(value) {
            left.push((Left::Query(excerpt(decoded.as_bytes())), 1));
            continue;
        }
        kept.push(if kept.is_empty() { '?' } else { '&' });
        kept.push_str(part);
    }
    kept
}

fn looks_secret(protocol: &str) -> bool {
    protocol.len() > PROTOCOL_BYTES_MAX || is_token(protocol)
}

/// A JSON Web Token begins with an object in base64 (RFC 7519, section 3.1).
fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn no_header_is_kept_that_says_who_somebody_is() {
        let mut left = Vec::new();
        let recorded = [
            ("Host", "a.example"),
            (":authority", "a.example"),
            ("Cookie", "sid=hunter2"),
            ("Authorization", "Bearer hunter2"),
            ("X-Api-Key", "hunter2"),
            ("X-Session", "hunter2"),
            ("Sec-WebSocket-Key", "aaa="),
            ("Origin", "https://a.example"),
            ("Sec-WebSocket-Protocol", "chat.v2, eyJhbGciOiJub25lIn0.e30., base64url.bearer.authorization.k8s.io.c2VjcmV0"),
        ];
        let kept = headers(strings(&recorded), &mut left);
        assert_eq!(kept, strings(&[("origin", "https://a.example"), ("sec-websocket-protocol", "chat.v2")]));
        let header = |name: &str| (Left::Header(name.to_owned()), 1);
        let named = ["cookie", "authorization", "x-api-key", "x-session"].map(header);
        assert_eq!(left, [named.to_vec(), vec![(Left::Protocol, 2)]].concat());
    }

    #[test]
    fn credentials_in_a_query_are_left_out_and_the_rest_is_kept_as_it_was() {
        let mut left = Vec::new();
        let kept = query("room=1&access_token=x&a=%20&X-Amz-Signature=x&API-Key=x&t=eyJhIjoxfQ.e30.s&b", &mut left);
        assert_eq!(kept, "?room=1&a=%20&b");
        assert_eq!(left.len(), 4, "{left:?}");
        assert_eq!(query("", &mut left), "");
        assert_eq!(query("token=x", &mut left), "");
    }
}
