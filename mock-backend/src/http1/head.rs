//! Where a request's head ends, and what stands in it. Pure.
//!
//! Owns the search for the end of a head, its bounds, and its split into request line and headers, raw and without a copy.
//! Refuses to read from a socket, and what a head means for the rest of the connection (`framing`). Called by `connection`.
//!
//! What is let through: exactly RFC 9112 without its tolerances. Bare line feeds, folded lines, white space before a colon and
//! control characters are refused, because two readers who tolerate them differently can be made to see different requests. How
//! the real front ends treat each of them is UNCONFIRMED.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use httparse::{Error, Header, Request, Status};
use sluicegate_render::request::{Field, Head};

use super::framing::{Framed, understand};
use crate::malformed::Malformed;

/// Most bytes of a head. Far above every limit of the policy, so that its answer is the one seen; above this one the head is not
/// even kept.
pub(crate) const HEAD_BYTES_MAX: usize = 65_536;

/// Headers for which no memory is taken.
const FIELDS_INLINE: usize = 48;

/// The version that a request line names; nothing else is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// A whole head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// As it came.
    pub(crate) head: Head,
    /// What it means for the bytes that follow.
    pub(crate) framed: Framed,
}

/// How far the end of a head has been looked for; each byte is looked at once, however slowly they come.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Up to here there is no further line feed.
    searched: usize,
    /// Where the line begins that has no end yet.
    line: usize,
    /// Lines that have one.
    lines: usize,
}

impl Scan {
    /// The head that `input` begins with, taken out of it; `None` if its end is not there yet.
    pub(crate) fn take(&mut self, input: &mut BytesMut) -> Result<Option<Received>, Malformed> {
        if self.lines == 0 && skip_empty_lines(input) {
            self.searched = 0;
        }
        while let Some(at) = memchr::memchr(b'\n', &input[self.searched..]) {
            let at = self.searched + at;
            if at >= HEAD_BYTES_MAX {
                return Err(Malformed::HeadTooLarge);
            }
            if self.on_line(input, at)? {
                let Self { lines, .. } = std::mem::take(self);
                return split(input.split_to(at + 1).freeze(), lines).map(Some);
            }
        }
        self.searched = input.len();
        if input.len() >= HEAD_BYTES_MAX { Err(Malformed::HeadTooLarge) } else { Ok(None) }
    }

    /// A line feed stands at `at`; whether it ends the head.
    fn on_line(&mut self, input: &[u8], at: usize) -> Result<bool, Malformed> {
        let line = &input[self.line..at];
        let Some(line) = line.strip_suffix(b"\r") else { return Err(Malformed::Line) };
        // Nonsense is known as such by its first line: it need not end like a head to be answered.
        if self.lines == 0 {
            check_request_line(&input[..=at])?;
        }
        self.searched = at + 1;
        self.line = at + 1;
        self.lines += 1;
        Ok(line.is_empty())
    }
}

/// Empty lines before a request are left out (RFC 9112, section 2.2); whether there were any.
fn skip_empty_lines(input: &mut BytesMut) -> bool {
    let before = input.len();
    while input.starts_with(b"\r\n") {
        input.advance(2);
    }
    input.len() < before
}

fn check_request_line(line: &[u8]) -> Result<(), Malformed> {
    // The line alone is at most part of a head, so that only an error says something.
    Request::new(&mut []).parse(line).map(|_| ()).map_err(malformed)
}

/// Splits a whole head of this many lines.
fn split(bytes: Bytes, lines: usize) -> Result<Received, Malformed> {
    let mut inline = [const { MaybeUninit::uninit() }; FIELDS_INLINE];
    let mut more = Vec::new();
    let headers = if lines <= FIELDS_INLINE {
        &mut inline[..]
    } else {
        more.resize(lines, MaybeUninit::uninit());
        &mut more[..]
    };
    let mut request = Request::new(&mut []);
    match request.parse_with_uninit_headers(&bytes, headers).map_err(malformed)? {
        Status::Complete(_) => {}
        Status::Partial => return Err(Malformed::Line),
    }
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(Malformed::Line);
    };
    let version = if version == 0 { Version::Http10 } else { Version::Http11 };
    let place = Place(bytes.as_ptr() as usize);
    let understood = understand(method, target, version, request.headers)?;
    let (framed, authority) = (understood.framed, understood.authority);
    let fields = request.headers.iter().map(|header| place.of_field(header, authority)).collect();
    let (method, target) = (place.of(method.as_bytes()), place.of(understood.target.as_bytes()));
    let head = Head::parsed(bytes, method, target, fields).map_err(|_| Malformed::Line)?;
    Ok(Received { head, framed })
}

/// Where a buffer stands in memory.
#[derive(Clone, Copy)]
struct Place(usize);

impl Place {
    /// Where in the buffer this part of it is. A head is far shorter than 4 GB.
    fn of(self, part: &[u8]) -> Range<u32> {
        let start = (part.as_ptr() as usize - self.0) as u32;
        start..start + part.len() as u32
    }

    /// A header's place; the value of `Host` stands in the target if that names an authority (RFC 9112, section 3.2.2).
    fn of_field(self, header: &Header<'_>, authority: Option<&str>) -> Field {
        let host = authority.filter(|_| header.name.eq_ignore_ascii_case("host"));
        Field { name: self.of(header.name.as_bytes()), value: self.of(host.map_or(header.value, str::as_bytes)) }
    }
}

fn malformed(error: Error) -> Malformed {
    match error {
        Error::Version => Malformed::Version,
        Error::HeaderName | Error::HeaderValue | Error::TooManyHeaders => Malformed::Field,
        Error::NewLine | Error::Status | Error::Token => Malformed::Line,
    }
}
