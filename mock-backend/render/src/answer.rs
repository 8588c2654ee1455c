//! An answer: status, headers in their order and spelling, body.
//!
//! Owns the shape, and which statuses and header names there can be. Refuses to choose (the policy did) and to write to a socket (the mock's connections do).

use std::borrow::Cow;

use bytes::Bytes;

/// A whole answer. Length, date and connection headers are the connection's own business; only the answer to a `HEAD` request,
/// which has no body, says its length itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers in their order, as they are to be spelled.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The first header of this name, however it is spelled.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Adds a header after the others.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) {
        self.headers.push((name.into(), value.into()));
    }

    /// Sets a header, in the place of those of the same name.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) {
        let name = name.into();
        self.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(&name));
        self.push(name, value);
    }

    /// Adds a header that a template or a mapping made up. A name that is no token leaves it out; control characters leave the
    /// value, so that it stays on its line.
    pub(crate) fn push_made(&mut self, name: &str, value: &str) {
        if is_token(name) {
            self.push(name.to_owned(), clean(value));
        }
    }

    /// The same, in the place of those of the same name.
    pub(crate) fn set_made(&mut self, name: &str, value: &str) {
        if is_token(name) {
            self.set(name.to_owned(), clean(value));
        }
    }

    /// As a `HEAD` request gets it: told how long the body would be, and spared the body.
    pub fn without_body(mut self) -> Self {
        self.set("Content-Length", self.body.len().to_string());
        self.body = Bytes::new();
        self
    }

    /// `/ping` and `/sping` at the root belong to the provider's health check and never reach an API (developer guide, "Known
    /// issues"). What they say is not documented: a plain `healthy` here.
    pub fn health() -> Self {
        let mut answer = Self::new(200, "healthy");
        answer.push("Content-Type", "text/plain");
        answer
    }
}

/// A status that no final answer can carry (1xx, or above 999) is the integration's mistake, as the real gateway sees it.
pub const fn final_status(status: u16) -> u16 {
    if matches!(status, 200..=999) { status } else { 500 }
}

/// Whether an answer with this status has no body and tells no length (RFC 9110, section 6.4.1).
pub const fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 304)
}

/// Whether a text can be a header's name (RFC 9110, section 5.6.2).
pub fn is_token(name: &str) -> bool {
    let holds = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(holds)
}

fn clean(value: &str) -> String {
    value.trim().chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_left_out_is_still_measured() {
        let spared = Answer::new(200, "four").without_body();
        assert_eq!((spared.header("content-length"), spared.body.len()), (Some("4"), 0));
    }

    #[test]
    fn a_status_that_cannot_end_a_request_becomes_500() {
        assert_eq!([99, 100, 101, 200, 204, 599, 999, 1_000].map(final_status), [500, 500, 500, 200, 204, 599, 999, 500]);
        assert_eq!([200, 204, 304, 400].map(is_bodiless), [false, true, true, false]);
    }

    #[test]
    fn a_made_up_header_stays_on_its_line() {
        let mut answer = Answer::new(200, "");
        answer.push_made("X-A", "one\r\nX-B: two");
        answer.push_made("X A", "no token");
        answer.push_made("", "no name");
        assert_eq!(answer.headers, [("X-A".into(), "oneX-B: two".into())]);
    }
}
