//! What a body is made on its way through a REST API: text, or bytes.
//!
//! Owns the two tables, of the way in and of the way out. Refuses media types ([`media`](crate::media)) and templates, which see
//! what comes out of here. Called for each body that an integration of a REST API gets or gives.
//!
//! Source: developer guide, "Content type conversions in API Gateway", 2023; each row was recorded of the real service.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sluicegate_policy::model::ContentHandling;

/// What a body is taken for, by a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// UTF-8; what is not is replaced.
    Text,
    /// Whatever it is.
    Binary,
}

/// A body that is to be decoded is no base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecodable;

impl Form {
    pub(crate) const fn binary_if(is_binary: bool) -> Self {
        if is_binary { Self::Binary } else { Self::Text }
    }
}

/// A request's body as the integration gets it, by its `Content-Type`.
pub(crate) fn incoming(body: &Bytes, of: Form, handling: ContentHandling) -> Result<Bytes, Undecodable> {
    match (of, handling) {
        (Form::Binary, ContentHandling::ByType | ContentHandling::ToBinary) => Ok(body.clone()),
        (Form::Binary, ContentHandling::ToText) => Ok(encoded(body)),
        (Form::Text, ContentHandling::ByType | ContentHandling::ToText) => Ok(text(body)),
        (Form::Text, ContentHandling::ToBinary) => decoded(body),
    }
}

/// An integration's body as the client gets it, by its `Content-Type` and by what the client accepts.
pub(crate) fn outgoing(body: &Bytes, of: Form, accepted: Form, handling: ContentHandling) -> Result<Bytes, Undecodable> {
    match (of, handling, accepted) {
        (Form::Binary, ContentHandling::ToBinary, _) | (Form::Binary, ContentHandling::ByType, Form::Binary) => Ok(body.clone()),
        (Form::Binary, ContentHandling::ToText, _) | (Form::Binary, ContentHandling::ByType, Form::Text) => Ok(encoded(body)),
        (Form::Text, ContentHandling::ToBinary, _) | (Form::Text, ContentHandling::ByType, Form::Binary) => decoded(body),
        (Form::Text, ContentHandling::ToText, _) | (Form::Text, ContentHandling::ByType, Form::Text) => Ok(text(body)),
    }
}

/// What a template sees of a body: text; bytes as base64.
pub(crate) fn for_template(body: &Bytes) -> Cow<'_, str> {
    str::from_utf8(body).map_or_else(|_| Cow::Owned(STANDARD.encode(body)), Cow::Borrowed)
}

fn encoded(body: &Bytes) -> Bytes {
    STANDARD.encode(body).into()
}

fn decoded(body: &Bytes) -> Result<Bytes, Undecodable> {
    STANDARD.decode(body.trim_ascii()).map(Bytes::from).map_err(|_| Undecodable)
}

/// Text that is UTF-8 already is not copied.
fn text(body: &Bytes) -> Bytes {
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(_) => body.clone(),
        Cow::Owned(mended) => mended.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: Bytes = Bytes::from_static(b"\x1f\x8b");
    const ENCODED: Bytes = Bytes::from_static(b"H4s=");

    #[test]
    fn a_request_is_what_its_type_says_unless_it_is_converted() {
        use ContentHandling::{ByType, ToBinary, ToText};
        assert_eq!(incoming(&RAW, Form::Binary, ByType), Ok(RAW));
        assert_eq!(incoming(&RAW, Form::Text, ByType), Ok("\u{1f}\u{fffd}".into()));
        assert_eq!(incoming(&RAW, Form::Binary, ToText), Ok(ENCODED));
        assert_eq!(incoming(&ENCODED, Form::Text, ToBinary), Ok(RAW));
        assert_eq!(incoming(&ENCODED, Form::Binary, ToBinary), Ok(ENCODED));
        assert_eq!(incoming(&"no base64!".into(), Form::Text, ToBinary), Err(Undecodable));
    }

    #[test]
    fn an_answer_follows_what_the_client_accepts_unless_it_is_converted() {
        use ContentHandling::{ByType, ToBinary, ToText};
        assert_eq!(outgoing(&RAW, Form::Binary, Form::Binary, ByType), Ok(RAW));
        assert_eq!(outgoing(&RAW, Form::Binary, Form::Text, ByType), Ok(ENCODED));
        assert_eq!(outgoing(&ENCODED, Form::Text, Form::Binary, ByType), Ok(RAW));
        assert_eq!(outgoing(&ENCODED, Form::Text, Form::Text, ByType), Ok(ENCODED));
        assert_eq!(outgoing(&RAW, Form::Binary, Form::Text, ToBinary), Ok(RAW));
        assert_eq!(outgoing(&RAW, Form::Binary, Form::Binary, ToText), Ok(ENCODED));
        assert_eq!(outgoing(&"text".into(), Form::Text, Form::Text, ToText), Ok("text".into()));
        assert_eq!(outgoing(&"no base64!".into(), Form::Text, Form::Binary, ByType), Err(Undecodable));
    }
}
