//! What a head means for the connection: how long the body is, what the client waits for, and whether another request may follow.
//!
//! Owns the rules of RFC 9112 on host, target form, content length, transfer coding, `Connection` and `Expect`, in their strict
//! reading: whatever could let two readers disagree on where a request ends is refused. Refuses everything else that headers
//! say. Called by `head` for each whole head.
//!
//! That the real front ends answer each of these with 400 is UNCONFIRMED (the provider's load balancers do in their strictest
//! desync mitigation mode; Elastic Load Balancing guide, "Desync mitigation mode").

use httparse::Header;

use super::head::Version;
use crate::malformed::Malformed;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// It has this many bytes; none without a body.
    Known(u64),
    /// The last chunk ends it.
    Chunked,
}

/// Whether another request may follow on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// It may.
    KeepAlive,
    /// The answer is the last.
    Close,
}

/// What the client waits for before it sends its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Nothing.
    None,
    /// Leave to send it.
    Continue,
}

/// What a head means for the bytes that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    pub(crate) version: Version,
    pub(crate) length: Length,
    pub(crate) persistence: Persistence,
    pub(crate) expectation: Expectation,
}

/// The same, and what the target says of the request's address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Understood<'b> {
    pub(super) framed: Framed,
    /// Path and query.
    pub(super) target: &'b str,
    /// The host, if the target names one; it holds instead of the header's.
    pub(super) authority: Option<&'b str>,
}

/// The headers that matter here.
#[derive(Default)]
struct Found<'b> {
    host: Option<&'b [u8]>,
    content_length: Option<u64>,
    chunked: bool,
    /// What `Connection` says; `close` holds, whatever else it says.
    connection: Option<Persistence>,
    expects: bool,
}

/// Reads a head with these parts.
pub(super) fn understand<'b>(
    method: &str,
    target: &'b str,
    version: Version,
    headers: &[Header<'b>],
) -> Result<Understood<'b>, Malformed> {
    let found = find(headers)?;
    if version == Version::Http11 && found.host.is_none() {
        return Err(Malformed::Host);
    }
    let (authority, target) = form(method, target)?;
    let length = match (found.chunked, found.content_length) {
        (true, Some(_)) => return Err(Malformed::Length),
        // A server of HTTP/1.0 between here and the client may have passed on what it did not understand (RFC 9112, 6.1).
        (true, None) if version == Version::Http10 => return Err(Malformed::Coding),
        (true, None) => Length::Chunked,
        (false, length) => Length::Known(length.unwrap_or(0)),
    };
    let persistence = found.connection.unwrap_or(match version {
        Version::Http11 => Persistence::KeepAlive,
        Version::Http10 => Persistence::Close,
    });
    // A client of HTTP/1.0 cannot mean it (RFC 9110, section 10.1.1).
    let waits = found.expects && version == Version::Http11 && length != Length::Known(0);
    let expectation = if waits { Expectation::Continue } else { Expectation::None };
    Ok(Understood { framed: Framed { version, length, persistence, expectation }, target, authority })
}

fn find<'b>(headers: &[Header<'b>]) -> Result<Found<'b>, Malformed> {
    let mut found = Found::default();
    for header in headers {
        let named = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            4 if named("host") => {
                if found.host.is_some() || !is_host(header.value) {
                    return Err(Malformed::Host);
                }
                found.host = Some(header.value);
            }
            6 if named("expect") => {
                if !header.value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Malformed::Expectation);
                }
                found.expects = true;
            }
            10 if named("connection") => found.on_connection(header.value),
            14 if named("content-length") => {
                // Two of them are refused even if they agree: not everybody reads the same one.
                if found.content_length.is_some() {
                    return Err(Malformed::Length);
                }
                found.content_length = Some(decimal(header.value).ok_or(Malformed::Length)?);
            }
            17 if named("transfer-encoding") => {
                if found.chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed::Coding);
                }
                found.chunked = true;
            }
            _ => {}
        }
    }
    Ok(found)
}

impl Found<'_> {
    fn on_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                self.connection = Some(Persistence::Close);
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.connection.get_or_insert(Persistence::KeepAlive);
            }
        }
    }
}

/// The authority that a target names, if any, and its path and query (RFC 9112, section 3.2).
fn form<'t>(method: &str, target: &'t str) -> Result<(Option<&'t str>, &'t str), Malformed> {
    // A gateway is no proxy: the target of CONNECT is a path like none that a route has.
    if target.starts_with('/') || method == "CONNECT" || (target == "*" && method == "OPTIONS") {
        return Ok((None, target));
    }
    let (scheme, rest) = target.split_once("://").ok_or(Malformed::Target)?;
    if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
        return Err(Malformed::Target);
    }
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.is_empty() || !is_host(authority.as_bytes()) {
        return Err(Malformed::Host);
    }
    Ok((Some(authority), target))
}

/// Whether this may be a host with or without a port. Empty is allowed: the target's scheme may have none (RFC 9112, 3.2).
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b',' | b'\\'))
}

/// A number in digits alone: no sign, no space, no list.
fn decimal(digits: &[u8]) -> Option<u64> {
    let number = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0').filter(|n| *n < 10)?));
    if digits.is_empty() { None } else { digits.iter().try_fold(0, number) }
}
