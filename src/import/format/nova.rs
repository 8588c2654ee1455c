//! The log of `OpenStack`'s nova-api: `2017-05-16 00:00:00.008 ... "GET /v2/... HTTP/1.1" status: 200 len: 1893 time: 0.2477829`.
//!
//! Its time is the end of the call (eventlet's WSGI server writes the line after the answer) and its latency is in seconds.
//! The same file holds lines of other services and of the API's own doings: they are skipped, not rejected.

use std::borrow::Cow;

use super::super::fields;
use super::super::parsed::{LineFormat, Parsed, Part, Rejected, StampIs};
use super::super::request_line::unescape;
use super::super::stamp::{self, TimeFormat, Unit};
use super::clf::Words;

/// Lines of nova-api.
#[derive(Clone, Copy, Debug)]
pub(in crate::import) struct Nova;

impl LineFormat for Nova {
    fn parse<'a>(&self, line: &'a [u8]) -> Result<Parsed<'a>, Rejected> {
        // `[request-id user project - - -] client "request" status: ...`
        let Some(after_context) = memchr::memmem::find(line, b"] ") else { return Err(Rejected::NotACall) };
        let mut rest = Words(&line[after_context + 2..]);
        let client = rest.word(Part::Client).map_err(|_| Rejected::NotACall)?;
        if !rest.0.starts_with(b" \"") {
            return Err(Rejected::NotACall);
        }
        let request = rest.quoted(Part::Request)?;
        let status = labelled(&mut rest, b"status:", Part::Status)?;
        let bytes = labelled(&mut rest, b"len:", Part::Bytes)?;
        let latency = labelled(&mut rest, b"time:", Part::Latency)?;
        let when = TimeFormat::Auto.read(stamp_of(line).ok_or(Rejected::Missing(Part::Time))?)?;
        let (method, target) = fields::request(unescape(request))?;
        Ok(Parsed {
            when,
            stamp_is: StampIs::End,
            method,
            target,
            status: Some(fields::status(status)?),
            latency: stamp::latency(latency, Unit::Seconds)?,
            bytes: Some(fields::bytes(bytes)?),
            // A proxy's own address follows the client's after a comma.
            client: client.split(|byte| *byte == b',').next().map(Cow::Borrowed),
        })
    }
}

/// The time stands first, or after the name of the file that a collector put before it.
fn stamp_of(line: &[u8]) -> Option<&[u8]> {
    let looks = |text: &[u8]| text.len() >= 19 && text[4] == b'-' && text[7] == b'-' && text[10] == b' ' && text[13] == b':';
    let start = if looks(line) { 0 } else { memchr::memchr(b' ', line)? + 1 };
    let text = &line[start..];
    let end = 11 + memchr::memchr(b' ', text.get(11..)?)?;
    looks(text).then(|| &text[..end])
}

fn labelled<'a>(rest: &mut Words<'a>, label: &[u8], part: Part) -> Result<&'a [u8], Rejected> {
    if rest.word(part)? != label {
        return Err(Rejected::Missing(part));
    }
    rest.word(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::time::Span;

    const CALL: &str = r#"2017-05-16 00:00:00.008 257 INFO nova.wsgi [req-1 u p - - -] 192.0.2.1,192.0.2.9 "GET /v2/5/servers HTTP/1.1" status: 200 len: 1893 time: 0.2477829"#;

    #[test]
    fn a_call_has_its_end_and_its_latency() {
        for line in [CALL.to_owned(), format!("nova-api.log.1 {CALL}")] {
            let parsed = Nova.parse(line.as_bytes()).unwrap();
            assert_eq!((&*parsed.method, &*parsed.target), ("GET", "/v2/5/servers"));
            assert_eq!((parsed.stamp_is, parsed.latency), (StampIs::End, Some(Span::from_ns(247_782_900))));
            assert_eq!(parsed.when.ns, 1_494_892_800_008_000_000);
            assert_eq!(parsed.client.as_deref(), Some(&b"192.0.2.1"[..]));
        }
    }

    #[test]
    fn other_lines_are_no_calls_and_broken_calls_are_rejected() {
        for line in ["", "2017-05-16 00:00:00.008 25746 INFO nova.compute [req-1 - - - - -] VM Started", "free text"] {
            assert_eq!(Nova.parse(line.as_bytes()), Err(Rejected::NotACall), "{line}");
        }
        let cut = CALL.len() - 18;
        assert_eq!(Nova.parse(&CALL.as_bytes()[..cut]), Err(Rejected::Missing(Part::Latency)));
        assert_eq!(Nova.parse(CALL.replace("0.24", "-0.24").as_bytes()), Err(Rejected::NegativeLatency));
        assert_eq!(Nova.parse(CALL.replace("2017-", "20x7-").as_bytes()), Err(Rejected::Bad(Part::Time)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..120), at in any::<usize>(), with in any::<u8>()) {
            let mut close = CALL.as_bytes().to_vec();
            let at = at % close.len();
            close[at] = with;
            let _ = (Nova.parse(&line), Nova.parse(&close), Nova.parse(&close[..at]));
        }
    }
}
