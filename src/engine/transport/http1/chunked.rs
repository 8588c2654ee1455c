//! Where a chunked body ends (RFC 9112, section 7.1).
//!
//! Owns the decoder's place in the body. Refuses to keep any content: parts are handed on as they lie in the caller's buffer. As hyper
//! does, it takes white space and extensions after a size, reads trailers once they are complete, and bounds both.

use std::ops::Range;

use httparse::{EMPTY_HEADER, Status, parse_headers};

/// Bytes of extensions in one body, and of trailers.
const EXTRA_BYTES_MAX: usize = 16 * 1024;
/// Trailers of one body.
const TRAILERS_MAX: usize = 100;

/// A body that is being read.
#[derive(Clone, Debug)]
pub(super) struct Chunked {
    place: Place,
    /// Bytes of extensions so far.
    extensions: usize,
    trailers: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first digit of a size.
    Start,
    Size(u64),
    /// White space after a size.
    AfterSize(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// At the start of a line after the last chunk.
    EndCr,
    Trailer,
    TrailerLf,
    EndLf,
    Over,
}

/// What the next bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// All were read, and there is more to come.
    More,
    /// This part of them is content.
    Part(Range<usize>),
    /// The body ended before this byte.
    End(usize),
    /// This is no chunked body.
    Malformed,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self { place: Place::Start, extensions: 0, trailers: Vec::new() }
    }

    /// Reads on from byte `at`; after [`Next::Part`] the next call begins at the part's end.
    pub(super) fn next(&mut self, bytes: &[u8], mut at: usize) -> Next {
        while let Some(&byte) = bytes.get(at) {
            if let Place::Data(left) = self.place {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                self.place = if here as u64 == left { Place::DataCr } else { Place::Data(left - here as u64) };
                return Next::Part(at..at + here);
            }
            let Some(place) = self.step(byte) else { return Next::Malformed };
            self.place = place;
            at += 1;
            if place == Place::Over {
                return Next::End(at);
            }
        }
        Next::More
    }

    fn step(&mut self, byte: u8) -> Option<Place> {
        Some(match (self.place, byte) {
            (Place::Start, _) => Place::Size(digit(byte)?),
            (Place::Size(size), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                Place::Size(size.checked_mul(16)?.checked_add(digit(byte)?)?)
            }
            (Place::Size(size) | Place::AfterSize(size), b'\t' | b' ') => Place::AfterSize(size),
            (Place::Size(size) | Place::AfterSize(size), b';') => Place::Extension(size),
            (Place::Size(size) | Place::AfterSize(size) | Place::Extension(size), b'\r') => Place::SizeLf(size),
            (Place::Extension(_), b'\n') => return None,
            (Place::Extension(size), _) => {
                self.extensions += 1;
                (self.extensions <= EXTRA_BYTES_MAX).then_some(Place::Extension(size))?
            }
            (Place::SizeLf(0), b'\n') => Place::EndCr,
            (Place::SizeLf(size), b'\n') => Place::Data(size),
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Start,
            // Nearly always there are none.
            (Place::EndCr, b'\r') if self.trailers.is_empty() => Place::EndLf,
            (Place::EndLf, b'\n') if self.trailers.is_empty() => Place::Over,
            (Place::EndCr, b'\r') => self.keep(byte, Place::EndLf)?,
            (Place::Trailer, b'\r') => self.keep(byte, Place::TrailerLf)?,
            (Place::EndCr | Place::Trailer, _) => self.keep(byte, Place::Trailer)?,
            (Place::TrailerLf, b'\n') => self.keep(byte, Place::EndCr)?,
            (Place::EndLf, b'\n') => {
                self.keep(byte, Place::Over)?;
                let mut room = [EMPTY_HEADER; TRAILERS_MAX];
                matches!(parse_headers(&self.trailers, &mut room), Ok(Status::Complete(_))).then_some(Place::Over)?
            }
            _ => return None,
        })
    }

    fn keep(&mut self, byte: u8, place: Place) -> Option<Place> {
        self.trailers.push(byte);
        (self.trailers.len() <= EXTRA_BYTES_MAX).then_some(place)
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content of a body that comes in pieces of `step` bytes, and what follows it; `None` if it is malformed or does not end.
    fn read(body: &[u8], step: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut chunked = Chunked::new();
        let mut content = Vec::new();
        for (number, piece) in body.chunks(step).enumerate() {
            let mut at = 0;
            loop {
                match chunked.next(piece, at) {
                    Next::More => break,
                    Next::Part(part) => {
                        at = part.end;
                        content.extend_from_slice(&piece[part]);
                    }
                    Next::End(end) => return Some((content, body[number * step + end..].to_vec())),
                    Next::Malformed => return None,
                }
            }
        }
        None
    }

    #[test]
    fn a_body_is_the_same_in_whatever_pieces_it_comes() {
        let body = b"5\r\nhello\r\n1a ;name=\"v\"\r\nabcdefghijklmnopqrstuvwxyz\r\n000\r\nx-sum: 1\r\n\r\nHTTP";
        for step in 1..body.len() {
            let (content, rest) = read(body, step).unwrap();
            assert_eq!((content.as_slice(), rest.as_slice()), (&b"helloabcdefghijklmnopqrstuvwxyz"[..], &b"HTTP"[..]));
        }
    }

    #[test]
    fn nonsense_is_malformed() {
        for body in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"5\nhello",
            b"5\r\nhello!",
            b"5\r\nhello\rx",
            b"fffffffffffffffff\r\n",
            b"0\r\n: v\r\n\r\n",
            b"0\r\na b: v\r\n\r\n",
            b"0\r\n\rx",
            b"1;\x0a",
        ] {
            let mut chunked = Chunked::new();
            let mut at = 0;
            let last = loop {
                match chunked.next(body, at) {
                    Next::Part(part) => at = part.end,
                    other => break other,
                }
            };
            assert_eq!(last, Next::Malformed, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_skipped_has_a_bound() {
        let mut chunked = Chunked::new();
        let endless = [b"1;".as_slice(), &vec![b'x'; EXTRA_BYTES_MAX + 1]].concat();
        assert_eq!(chunked.next(&endless, 0), Next::Malformed);
        let mut chunked = Chunked::new();
        let endless = [b"0\r\n".as_slice(), &b"a: b\r\n".repeat(EXTRA_BYTES_MAX / 6 + 1)].concat();
        assert_eq!(chunked.next(&endless, 0), Next::Malformed);
    }
}
