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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::framing::{Expectation, Length, Persistence};
    use proptest::prelude::*;

    /// What a scan makes of `bytes`, cut at `cuts`: the heads that they hold, and the fault if there is one.
    fn scanned(bytes: &[u8], cuts: &[usize]) -> (Vec<Received>, Option<Malformed>) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        let (mut scan, mut input, mut heads) = (Scan::default(), BytesMut::new(), Vec::new());
        for part in at.windows(2) {
            input.extend_from_slice(&bytes[part[0]..part[1]]);
            loop {
                match scan.take(&mut input) {
                    Ok(Some(received)) => heads.push(received),
                    Ok(None) => break,
                    Err(malformed) => return (heads, Some(malformed)),
                }
            }
            assert!(input.len() < HEAD_BYTES_MAX);
        }
        (heads, None)
    }

    fn one(head: &str) -> Result<Received, Malformed> {
        match scanned(head.as_bytes(), &[]) {
            (_, Some(malformed)) => Err(malformed),
            (mut heads, None) => Ok(heads.pop().unwrap()),
        }
    }

    #[test]
    fn a_head_is_kept_as_it_was_spelled() {
        let received = one("GET /prod/a%20b?q=|1 HTTP/1.1\r\nHOST: h:8\r\nX-a:  1 \r\nx-A:\t2\r\n\r\n").unwrap();
        let head = &received.head;
        assert_eq!((head.method(), head.target()), ("GET", "/prod/a%20b?q=|1"));
        let headers: Vec<_> = head.headers().collect();
        assert_eq!(headers, [("HOST", b"h:8".as_slice()), ("X-a", b"1"), ("x-A", b"2")]);
        let (length, persistence, expectation) = (Length::Known(0), Persistence::KeepAlive, Expectation::None);
        assert_eq!(received.framed, Framed { version: Version::Http11, length, persistence, expectation });
    }

    #[test]
    fn heads_follow_each_other() {
        let (heads, malformed) = scanned(b"\r\n\r\nGET /1 HTTP/1.0\r\n\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET", &[]);
        let targets: Vec<_> = heads.iter().map(|received| received.head.target()).collect();
        assert_eq!((targets, malformed), (vec!["/1", "/2"], None));
    }

    #[test]
    fn a_head_may_have_many_headers() {
        let headers: Vec<_> = (0..1_000).map(|at| format!("X-{at}: {at}\r\n")).collect();
        let headers = headers.concat();
        let received = one(&format!("GET / HTTP/1.1\r\nHost: h\r\n{headers}\r\n")).unwrap();
        assert_eq!(received.head.header("x-999"), Some(b"999".as_slice()));
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        for (rest, malformed) in [
            ("GET / HTTP/1.1\nHost: h\n\n", Malformed::Line),
            ("GET / HTTP/1.1\r\nHost: h\n\r\n", Malformed::Line),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\n 2\r\n\r\n", Malformed::Field),
            ("GET / HTTP/1.1\r\nHost: h\r\nX : 1\r\n\r\n", Malformed::Field),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n", Malformed::Field),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", Malformed::Field),
            ("GET / HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n", Malformed::Field),
            ("GET / HTTP/1.1\r\nHost: h\r\nnothing\r\n\r\n", Malformed::Field),
            ("GET  / HTTP/1.1\r\n", Malformed::Line),
            ("GET /\r\n", Malformed::Line),
            ("G\u{e9}T / HTTP/1.1\r\n", Malformed::Line),
            ("GET / HTTP/2.0\r\n", Malformed::Version),
            ("GET / HTTP/0.9\r\n", Malformed::Version),
            ("\u{16}\u{3}\u{1} hello\r\n", Malformed::Line),
        ] {
            assert_eq!(one(rest), Err(malformed), "{rest:?}");
        }
    }

    #[test]
    fn a_host_is_named_once() {
        for (headers, sound) in [
            ("Host: h\r\n", true),
            ("Host:\r\n", true),
            ("", false),
            ("Host: a\r\nHost: a\r\n", false),
            ("Host: a, b\r\n", false),
            ("Host: a b\r\n", false),
            ("Host: u@h\r\n", false),
        ] {
            let head = one(&format!("GET / HTTP/1.1\r\n{headers}\r\n"));
            assert_eq!(head.is_ok(), sound, "{headers:?}");
            assert!(sound || head == Err(Malformed::Host));
        }
        assert!(one("GET / HTTP/1.0\r\n\r\n").is_ok());
    }

    #[test]
    fn a_length_is_said_once_and_in_one_way() {
        for (headers, expected) in [
            ("Content-Length: 12\r\n", Ok(Length::Known(12))),
            ("Transfer-Encoding: Chunked\r\n", Ok(Length::Chunked)),
            ("Content-Length: 12\r\ncontent-length: 12\r\n", Err(Malformed::Length)),
            ("Content-Length: 12, 12\r\n", Err(Malformed::Length)),
            ("Content-Length: +12\r\n", Err(Malformed::Length)),
            ("Content-Length: -1\r\n", Err(Malformed::Length)),
            ("Content-Length:\r\n", Err(Malformed::Length)),
            ("Content-Length: 18446744073709551616\r\n", Err(Malformed::Length)),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Err(Malformed::Length)),
            ("Transfer-Encoding: gzip, chunked\r\n", Err(Malformed::Coding)),
            ("Transfer-Encoding: identity\r\n", Err(Malformed::Coding)),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(Malformed::Coding)),
        ] {
            let framed = one(&format!("POST / HTTP/1.1\r\nHost: h\r\n{headers}\r\n")).map(|received| received.framed.length);
            assert_eq!(framed, expected, "{headers:?}");
        }
        let old = one("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(old, Err(Malformed::Coding));
    }

    #[test]
    fn a_target_may_name_the_host_and_then_it_holds() {
        let received = one("GET http://real:81/x?q=/ HTTP/1.1\r\nhost: other\r\n\r\n").unwrap();
        assert_eq!((received.head.target(), received.head.header("host")), ("/x?q=/", Some(b"real:81".as_slice())));
        let bare = one("GET HTTPS://real?q HTTP/1.1\r\nhost: other\r\n\r\n").unwrap();
        assert_eq!((bare.head.path(), bare.head.query()), ("", Some("q")));
        for target in ["x", "ftp://h/", "http:///x", "http://a@b/", "*"] {
            assert!(one(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).is_err(), "{target}");
        }
        assert!(one("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").is_ok());
        assert!(one("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n").is_ok());
    }

    #[test]
    fn whether_another_request_may_follow() {
        for (version, headers, expected) in [
            ("1.1", "", Persistence::KeepAlive),
            ("1.1", "Connection: Close\r\n", Persistence::Close),
            ("1.1", "Connection: x, close\r\n", Persistence::Close),
            ("1.0", "", Persistence::Close),
            ("1.0", "Connection: Keep-Alive\r\n", Persistence::KeepAlive),
        ] {
            let received = one(&format!("GET / HTTP/{version}\r\nHost: h\r\n{headers}\r\n")).unwrap();
            assert_eq!(received.framed.persistence, expected, "{version} {headers:?}");
        }
    }

    #[test]
    fn a_client_may_wait_for_leave_to_send_and_for_nothing_else() {
        let asked = |headers: &str| {
            let head = format!("POST / HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
            one(&head).map(|received| received.framed.expectation)
        };
        assert_eq!(asked("Content-Length: 1\r\nExpect: 100-Continue\r\n"), Ok(Expectation::Continue));
        assert_eq!(asked("Content-Length: 0\r\nExpect: 100-continue\r\n"), Ok(Expectation::None));
        assert_eq!(asked("Expect: a miracle\r\n"), Err(Malformed::Expectation));
    }

    #[test]
    fn a_head_has_a_bound_whatever_it_is_made_of() {
        let long = "x".repeat(HEAD_BYTES_MAX);
        for head in [
            format!("GET /{long} HTTP/1.1\r\n"),
            format!("GET / HTTP/1.1\r\nX: {long}\r\n"),
            format!("GET / HTTP/1.1\r\n{}", "A:1\r\n".repeat(HEAD_BYTES_MAX / 5)),
        ] {
            assert_eq!(scanned(head.as_bytes(), &[]).1, Some(Malformed::HeadTooLarge));
            assert_eq!(scanned(head.as_bytes(), &[100, 5_000, HEAD_BYTES_MAX - 1]).1, Some(Malformed::HeadTooLarge));
        }
    }

    fn requests() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"GET /a HTTP/1.1\r\n".to_vec()),
            Just(b"POST http://h/b?c HTTP/1.0\r\n".to_vec()),
            Just(b"Host: h\r\n".to_vec()),
            Just(b"Content-Length: 3\r\n".to_vec()),
            Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..12),
        ];
        proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn it_makes_no_difference_how_the_bytes_are_split(
            bytes in requests(),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            prop_assert_eq!(scanned(&bytes, &cuts), scanned(&bytes, &[]));
        }
    }
}
