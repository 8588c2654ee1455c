//! The head of an answer, as far as it says where the answer ends.
//!
//! Owns which framing is plain enough to be read here. Refuses everything else to whom it may concern ([`Read::Unusual`]): it is
//! neither wrong nor right, but hyper's to say. Reads with the parser that hyper reads with, in the same way.

use std::mem::MaybeUninit;

use httparse::{EMPTY_HEADER, Header, ParserConfig, Response, Status};

use crate::engine::transport::clue::{Clue, Heed};

/// Headers that an answer may have here.
const HEADERS_MAX: usize = 64;
/// Bytes that a head may have here.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What some bytes are.
#[derive(Debug)]
pub(super) enum Read {
    /// The beginning of a head.
    Partial,
    /// Something that is not read here.
    Unusual,
    /// A head, with what follows from it.
    Head(Head),
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes of the head itself.
    pub(super) length: usize,
    pub(super) framing: Framing,
    /// The peer closes the connection after this answer.
    pub(super) last: bool,
    /// Of an error.
    pub(super) clue: Option<Clue>,
    /// What the gateway calls the request, if somebody wants to know.
    pub(super) id: Option<Box<str>>,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    Chunked,
}

/// Reads a head; `bodiless` where the answer to this request has no body, whatever it says of one.
pub(super) fn read(bytes: &[u8], bodiless: bool, heed: Heed) -> Read {
    let mut room = [MaybeUninit::<Header<'_>>::uninit(); HEADERS_MAX];
    let mut none = [EMPTY_HEADER; 0];
    let mut response = Response::new(&mut none);
    match ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut room) {
        Ok(Status::Complete(length)) => of(&response, length, bodiless, heed).map_or(Read::Unusual, Read::Head),
        Ok(Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => Read::Partial,
        Ok(Status::Partial) | Err(_) => Read::Unusual,
    }
}

fn of(response: &Response<'_, '_>, length: usize, bodiless: bool, heed: Heed) -> Option<Head> {
    let status = response.code.filter(|status| (200..600).contains(status))?;
    if response.version != Some(1) {
        return None;
    }
    let (mut lengths, mut codings, mut last) = (Said::Nothing, Said::Nothing, false);
    for Header { name, value } in &*response.headers {
        // The names that matter differ in length, so that most headers cost one comparison.
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => lengths = lengths.and(value),
            17 if name.eq_ignore_ascii_case("transfer-encoding") => codings = codings.and(value),
            10 if name.eq_ignore_ascii_case("connection") => last |= says_close(value),
            _ => {}
        }
    }
    // Whatever the head says of a body (RFC 9112, section 6.3).
    let bodiless = bodiless || status == 204 || status == 304;
    let framing = match (lengths, codings) {
        (Said::Once(length), Said::Nothing) => Some(Framing::Length(number(length)?)),
        (Said::Nothing, Said::Once(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Some(Framing::Chunked),
        (Said::Nothing, Said::Nothing) => None,
        _ => return None,
    };
    let framing = if bodiless { Framing::Length(0) } else { framing? };
    let header =
        |name: &str| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
    let clue = Clue::of(status, header, heed.answers);
    Some(Head { status, length, framing, last, clue, id: heed.id(header) })
}

/// How often a header was there that may be there once.
#[derive(Clone, Copy, Debug)]
enum Said<'a> {
    Nothing,
    Once(&'a [u8]),
    Again,
}

impl<'a> Said<'a> {
    const fn and(self, value: &'a [u8]) -> Self {
        match self {
            Self::Nothing => Self::Once(value),
            Self::Once(_) | Self::Again => Self::Again,
        }
    }
}

/// Eighteen digits fit into 64 bits.
fn number(value: &[u8]) -> Option<u64> {
    let plain = !value.is_empty() && value.len() < 19 && value.iter().all(u8::is_ascii_digit);
    plain.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn says_close(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
}
