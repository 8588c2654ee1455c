//! Method and path: a route key (`GET /orders/{id}`, `ANY /x`, `$default`; of a WebSocket API `$connect`, `sendMessage`), or the request line of a described request.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, text_scalar};

/// The key of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct RouteKey {
    /// The method; `None` is `ANY`, and what is no path has none.
    pub(in crate::config) method: Option<String>,
    /// The path pattern, `$default`, or what messages of a WebSocket API are selected by.
    pub(in crate::config) path: String,
}

/// Method and path of a described request; the path may hold fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct RequestLine {
    /// The method, in capitals.
    pub(in crate::config) method: String,
    /// The path, with fields as `{name}`.
    pub(in crate::config) path: String,
}

text_scalar!(
    RouteKey,
    "a route",
    "write a method in capitals (or ANY) and a path, e.g. \"GET /orders/{id}\", or \"$default\"; for a WebSocket API e.g. $connect or sendMessage",
    r"^(\s*\$(default|connect|disconnect)\s*|[^/$\r\n][^\r\n]*)$"
);
text_scalar!(
    RequestLine,
    "a request",
    "write a method in capitals and a path, e.g. \"GET /orders/{id}\"",
    r"^\s*[A-Z]+\s+/\S*\s*$"
);

/// The keys that the gateway itself has a meaning for.
const RESERVED: [&str; 3] = ["$default", "$connect", "$disconnect"];

fn method_and_path(text: &str) -> Option<(&str, &str)> {
    let (method, path) = text.trim().split_once(char::is_whitespace)?;
    let path = path.trim_start();
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_path = path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_method && is_path).then_some((method, path))
}

impl FromStr for RouteKey {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let keyed = |path: &str| Self { method: None, path: path.to_owned() };
        if RESERVED.contains(&text.trim()) {
            return Ok(keyed(text.trim()));
        }
        if let Some((method, path)) = method_and_path(text) {
            return Ok(Self { method: (method != "ANY").then(|| method.to_owned()), path: path.to_owned() });
        }
        // Whether there is such a thing depends on the kind of API, which is not known here.
        let is_key = !text.trim().is_empty() && !text.starts_with(['/', '$']) && !text.contains(['\r', '\n']);
        is_key.then(|| keyed(text)).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl RouteKey {
    /// Whether it is a method and a path.
    pub(in crate::config) fn is_path(&self) -> bool {
        self.path.starts_with('/')
    }

    /// Why it is no route of an API whose routes are paths.
    pub(in crate::config) fn not_a_path(&self) -> Unreadable {
        Unreadable::new::<Self>(&self.to_string())
    }
}

impl FromStr for RequestLine {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let found = method_and_path(text).filter(|(method, _)| *method != "ANY");
        let (method, path) = found.ok_or_else(|| Unreadable::new::<Self>(text))?;
        Ok(Self { method: method.to_owned(), path: path.to_owned() })
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.method {
            None if !self.is_path() => f.write_str(&self.path),
            method => write!(f, "{} {}", method.as_deref().unwrap_or("ANY"), self.path),
        }
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_and_keys_read_back_as_they_were_written(text in "(GET|POST|ANY|PATCH) /[a-z{}+/]{0,20}") {
            let key: RouteKey = text.parse().unwrap();
            prop_assert_eq!(key.to_string(), text.clone());
            if let Ok(line) = text.parse::<RequestLine>() {
                prop_assert_eq!(line.to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in ["", "GET", "/orders", "get /orders", "GET orders", "GET /a b", "ANY /x", "$default", "GET /\u{7}"] {
            assert!(text.parse::<RequestLine>().is_err(), "{text}");
        }
        for text in ["$default", "$connect", "sendMessage", "get orders", "a/b"] {
            assert_eq!(text.parse::<RouteKey>().unwrap().to_string(), text);
        }
        for text in ["", " ", "/orders", "$other", "send\nMessage"] {
            assert!(text.parse::<RouteKey>().is_err(), "{text}");
        }
    }
}
