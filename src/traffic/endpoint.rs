//! Where traffic goes: the base URL of a target, taken apart.
//!
//! Owns parsing and display of `http(s)://host[:port][/base]` (or `ws(s)`) and the question whether it is this machine. Refuses DNS and
//! sockets (`engine`), and the decision whether it is allowed (`config::safety`).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The base URL of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// Port; the scheme's own if the URL named none.
    pub port: u16,
    /// Path that every request's path is appended to; empty, or `/base` without a trailing slash.
    pub base_path: String,
}

/// How the target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// Why a text is not a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a target: {why}; write e.g. \"http://127.0.0.1:8080/prod\" or \"https://api.example.com\"")]
pub struct ParseEndpointError {
    text: String,
    why: &'static str,
}

impl Endpoint {
    /// The host is a loopback address, or the name `localhost`.
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.address().is_some_and(|address| address.is_loopback())
    }

    /// The host, if it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The value of a `Host` header: host, and port unless it is the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl Scheme {
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.base_path)
    }
}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        let refuse = |why| ParseEndpointError { text: text.to_owned(), why };
        let uri: http::Uri = text.trim().parse().map_err(|_| refuse("it is not a URL"))?;
        let scheme = match uri.scheme_str() {
            // A WebSocket connection begins with a request.
            Some("http" | "ws") => Scheme::Http,
            Some("https" | "wss") => Scheme::Https,
            Some(_) => return Err(refuse("its scheme is none of http, https, ws and wss")),
            None => return Err(refuse("it has no scheme")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it holds a user name or password; send credentials as a header by reference (${env:NAME})"));
        }
        if uri.query().is_some() {
            return Err(refuse("it has a query"));
        }
        let (host, port) = taken_apart(authority.as_str()).map_err(refuse)?;
        let port = port.unwrap_or(scheme.port());
        Ok(Self { scheme, host, port, base_path: uri.path().trim_end_matches('/').to_owned() })
    }
}

/// Host without brackets, and port if one is written. The URL's own parser lets both be nearly anything.
fn taken_apart(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed.split_once(']').ok_or("a bracket is open")?;
            address.parse::<Ipv6Addr>().map_err(|_| "what stands in brackets is no IPv6 address")?;
            (address, rest)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':')) {
        return Err("its host holds what no host name does");
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => return Ok((host.to_owned(), None)),
        None => return Err("something stands between its host and its port"),
        // RFC 3986 allows a colon with nothing behind it, and lets it mean the scheme's own port.
        Some("") => return Ok((host.to_owned(), None)),
        Some(port) => port,
    };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("its port is not a number");
    }
    match port.parse() {
        Ok(port) if port > 0 => Ok((host.to_owned(), Some(port))),
        Ok(_) | Err(_) => Err("its port is none of 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_a_target_that_reads_back_or_refused(text in "(https?://)?[a-z0-9.:@/?#%\\[\\]]{0,24}|\\PC{0,24}") {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                proptest::prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            }
        }
    }

    #[test]
    fn a_target_reads_back_as_it_was_written() {
        for text in ["http://127.0.0.1:8080/prod", "https://api.example.com", "http://[::1]:9000", "http://localhost/a/b"] {
            assert_eq!(text.parse::<Endpoint>().expect("a target").to_string(), text);
        }
    }

    #[test]
    fn the_url_of_a_websocket_api_is_where_its_connections_begin() {
        for (text, same) in
            [("ws://[::1]:9000/prod", "http://[::1]:9000/prod"), ("wss://api.example.com/v1", "https://api.example.com/v1")]
        {
            assert_eq!(text.parse::<Endpoint>(), same.parse(), "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_the_reason() {
        for (text, why) in [
            ("127.0.0.1:80", "no scheme"),
            ("ftp://x", "scheme is none of"),
            ("http://", "not a URL"),
            ("", "not a URL"),
            ("http://u:p@h", "user name"),
            ("http://h/?q=1", "query"),
            ("http://[%]", "no IPv6 address"),
            ("http://[1]", "no IPv6 address"),
            ("http://0[:]", "no host name"),
            ("http://a%20b", "not a URL"),
            ("http://a!b", "no host name"),
            ("http://[::1]9", "between its host and its port"),
            ("http://h:http", "not a number"),
            ("http://h:+1", "not a number"),
            ("http://h:0", "1 to 65535"),
            ("http://h:99999", "1 to 65535"),
            ("nonsense", "no scheme"),
        ] {
            let refused = text.parse::<Endpoint>().expect_err(text).to_string();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, loopback) in [
            ("http://127.8.9.1", true),
            ("http://[::1]:1", true),
            ("http://LOCALHOST", true),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.evil.com", false),
        ] {
            assert_eq!(text.parse::<Endpoint>().expect("a target").is_loopback(), loopback, "{text}");
        }
    }
}
