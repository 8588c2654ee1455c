//! A request as the client sent it.
//!
//! Owns the raw head (spelling and order of header names, the undecoded path) and how it is asked. Refuses to read it from a
//! socket and to judge it. Made by the mock's connections and by the simulator; read by everything that examines a request.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_policy::call::Size;

use crate::secured::Secured;

/// A whole request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its head.
    pub head: Head,
    /// Its body, transfer coding removed.
    pub body: Bytes,
    /// Whence it came.
    pub source: IpAddr,
    /// The TLS connection by which it came; `None` without TLS.
    pub secured: Option<Arc<Secured>>,
}

/// Request line and headers: ranges of one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    bytes: Bytes,
    method: Range<u32>,
    target: Range<u32>,
    fields: Vec<Field>,
}

/// A header: where its name and its value stand in the head's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, as it was spelled.
    pub name: Range<u32>,
    /// The value, without white space around it.
    pub value: Range<u32>,
}

/// A head whose method, target and header names are not all UTF-8, or whose ranges leave the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the head is not text")]
pub struct NotText;

impl Head {
    /// A head that stands in `bytes` as these ranges say.
    pub fn parsed(bytes: Bytes, method: Range<u32>, target: Range<u32>, fields: Vec<Field>) -> Result<Self, NotText> {
        let is_text = |range: &Range<u32>| {
            bytes.get(range.start as usize..range.end as usize).is_some_and(|text| std::str::from_utf8(text).is_ok())
        };
        let inside = |range: &Range<u32>| bytes.get(range.start as usize..range.end as usize).is_some();
        let sound =
            is_text(&method) && is_text(&target) && fields.iter().all(|field| is_text(&field.name) && inside(&field.value));
        if sound { Ok(Self { bytes, method, target, fields }) } else { Err(NotText) }
    }

    /// A head with these parts; `target` is path and query.
    pub fn new<'a>(method: &str, target: &str, headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        // Room for an ordinary head: the simulator makes one for each request that it looks at.
        let mut bytes = Vec::with_capacity(256);
        let mut put = |part: &[u8]| {
            let start = bytes.len() as u32;
            bytes.extend_from_slice(part);
            start..bytes.len() as u32
        };
        let method = put(method.as_bytes());
        let target = put(target.as_bytes());
        let fields = headers.into_iter().map(|(name, value)| Field { name: put(name.as_bytes()), value: put(value) }).collect();
        Self { bytes: bytes.into(), method, target, fields }
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.text(&self.method)
    }

    /// Path and query, as they came.
    pub fn target(&self) -> &str {
        self.text(&self.target)
    }

    /// The path, with its stage, not decoded.
    pub fn path(&self) -> &str {
        self.target().split_once('?').map_or(self.target(), |(path, _)| path)
    }

    /// The query, not decoded; `None` without a question mark.
    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// Headers in their order, names as they were spelled.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (self.text(&field.name), self.slice(&field.value)))
    }

    /// The first header of this name, however it is spelled.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The last header that is spelled exactly like this.
    pub fn header_spelled(&self, name: &str) -> Option<&[u8]> {
        self.headers().filter(|(given, _)| *given == name).last().map(|(_, value)| value)
    }

    /// Its lengths as HTTP/1.1 would send it; the body is not known here.
    pub fn size(&self) -> Size {
        const AROUND_LINE: u64 = "  HTTP/1.1\r\n".len() as u64;
        const AROUND_FIELD: u64 = ": \r\n".len() as u64;
        let length = |range: &Range<u32>| u64::from(range.end - range.start);
        let url = length(&self.target);
        let headers = self.fields.iter().map(|field| length(&field.name) + length(&field.value) + AROUND_FIELD).sum();
        Size { url, line: length(&self.method) + url + AROUND_LINE, headers, body: 0 }
    }

    fn text(&self, range: &Range<u32>) -> &str {
        std::str::from_utf8(self.slice(range)).expect("a head's names were found to be text when it was made")
    }

    fn slice(&self, range: &Range<u32>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head::new("GET", "/prod/a%20b?q=1?2", [("X-One", b"1".as_slice()), ("x-one", b"2"), ("Host", b"h")])
    }

    #[test]
    fn names_keep_their_spelling_and_order() {
        let head = head();
        let names: Vec<_> = head.headers().map(|(name, _)| name).collect();
        assert_eq!(names, ["X-One", "x-one", "Host"]);
        assert_eq!(head.header("X-ONE"), Some(b"1".as_slice()));
        assert_eq!(head.header_spelled("x-one"), Some(b"2".as_slice()));
        assert_eq!(head.header_spelled("X-ONE"), None);
    }

    #[test]
    fn the_first_question_mark_ends_the_path() {
        let head = head();
        assert_eq!((head.path(), head.query()), ("/prod/a%20b", Some("q=1?2")));
    }

    #[test]
    fn its_size_is_what_http_1_would_send() {
        let sent = "GET /prod/a%20b?q=1?2 HTTP/1.1\r\nX-One: 1\r\nx-one: 2\r\nHost: h\r\n";
        let size = head().size();
        assert_eq!(size.line + size.headers, sent.len() as u64);
        assert_eq!(size.url, "/prod/a%20b?q=1?2".len() as u64);
    }

    #[test]
    fn ranges_that_leave_the_buffer_and_names_that_are_no_text_are_refused() {
        let bytes = Bytes::from_static(b"GET /\xff");
        assert_eq!(
            Head::parsed(bytes.clone(), 0..3, 4..5, Vec::new()).map(|head| head.method().to_owned()),
            Ok("GET".to_owned())
        );
        assert_eq!(Head::parsed(bytes.clone(), 0..3, 4..6, Vec::new()), Err(NotText));
        assert_eq!(Head::parsed(bytes, 0..3, 4..9, Vec::new()), Err(NotText));
    }
}
