//! An answer: status, headers in their order and spelling, body.
//!
//! Owns the shape. Refuses to choose (the policy did) and to write to a socket (the mock's connections do).

use std::borrow::Cow;

use bytes::Bytes;

/// A whole answer. Length, date and connection headers are the connection's own business.
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
}
