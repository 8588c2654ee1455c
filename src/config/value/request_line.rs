//! Method and path: a route key (`GET /orders/{id}`, `ANY /x`, `$default`), or the request line of a described request.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, text_scalar};

/// The key of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct RouteKey {
    /// The method; `None` is `ANY`, and `$default` has none.
    pub(in crate::config) method: Option<String>,
    /// The path pattern, or `$default`.
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
    "write a method in capitals (or ANY) and a path, e.g. \"GET /orders/{id}\", or \"$default\"",
    r"^\s*([A-Z]+\s+/\S*|\$default)\s*$"
);
text_scalar!(
    RequestLine,
    "a request",
    "write a method in capitals and a path, e.g. \"GET /orders/{id}\"",
    r"^\s*[A-Z]+\s+/\S*\s*$"
);

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
        if text.trim() == "$default" {
            return Ok(Self { method: None, path: "$default".to_owned() });
        }
        let (method, path) = method_and_path(text).ok_or_else(|| Unreadable::new::<Self>(text))?;
        Ok(Self { method: (method != "ANY").then(|| method.to_owned()), path: path.to_owned() })
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
            None if self.path == "$default" => f.write_str(&self.path),
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
        assert_eq!("$default".parse::<RouteKey>().unwrap().to_string(), "$default");
    }
}
