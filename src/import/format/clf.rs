//! The common and the combined log format of Apache and nginx, by bytes.
//!
//! `client ident user [time] "request" status bytes`, and for combined `"referrer" "user agent"`. The time is to the second.
//! It has no latency, so whether its time is the start (Apache's `%t`) or the end (nginx) cannot matter.

use std::borrow::Cow;
use std::cell::Cell;

use super::super::fields;
use super::super::parsed::{LineFormat, Parsed, Part, Rejected, Stamp, StampIs};
use super::super::request_line::{closing_quote, unescape};
use super::super::stamp;

/// Common or combined.
#[derive(Debug)]
pub(in crate::import) struct Clf {
    tail: Tail,
    /// The stamp of the line before: many in a row have the same.
    last: Cell<Option<([u8; STAMP_BYTES], Stamp)>>,
}

/// What follows the length of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Nothing, or unquoted words (API Gateway adds a request id).
    Common,
    /// Referrer and user agent; what follows them is ignored (many logs add fields).
    Combined,
}

/// Bytes of a stamp with its offset: `17/May/2015:10:05:03 +0000`.
const STAMP_BYTES: usize = 26;

impl Clf {
    pub(in crate::import) const fn common() -> Self {
        Self { tail: Tail::Common, last: Cell::new(None) }
    }

    pub(in crate::import) const fn combined() -> Self {
        Self { tail: Tail::Combined, last: Cell::new(None) }
    }

    fn stamp(&self, text: &[u8]) -> Result<Stamp, Rejected> {
        let Ok(whole) = <[u8; STAMP_BYTES]>::try_from(text) else { return stamp::clf(text) };
        match self.last.get() {
            Some((last, stamp)) if last == whole => Ok(stamp),
            _ => {
                let stamp = stamp::clf(text)?;
                self.last.set(Some((whole, stamp)));
                Ok(stamp)
            }
        }
    }
}

impl LineFormat for Clf {
    fn parse<'a>(&self, line: &'a [u8]) -> Result<Parsed<'a>, Rejected> {
        let mut rest = Words(line);
        let client = rest.word(Part::Client)?;
        let when = self.stamp(rest.bracketed()?)?;
        let request = rest.quoted(Part::Request)?;
        let status = rest.word(Part::Status)?;
        let bytes = rest.word(Part::Bytes)?;
        match self.tail {
            Tail::Common if rest.0.contains(&b'"') => return Err(Rejected::MoreFollows),
            Tail::Common => {}
            Tail::Combined => {
                rest.quoted(Part::Referrer)?;
                rest.quoted(Part::Agent)?;
            }
        }
        let (method, target) = fields::request(unescape(request))?;
        Ok(Parsed {
            when,
            stamp_is: StampIs::Start,
            method,
            target,
            status: absent(status).map(fields::status).transpose()?,
            latency: None,
            bytes: absent(bytes).map(fields::bytes).transpose()?,
            client: absent(client).map(Cow::Borrowed),
        })
    }
}

fn absent(text: &[u8]) -> Option<&[u8]> {
    (text != b"-").then_some(text)
}

/// What is left of a line.
pub(super) struct Words<'a>(pub(super) &'a [u8]);

impl<'a> Words<'a> {
    /// The next word, up to a space or the end.
    pub(super) fn word(&mut self, part: Part) -> Result<&'a [u8], Rejected> {
        let text = self.0.trim_ascii_start();
        // Words are short: looking at each byte is faster than a call that looks at many.
        let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
        if end == 0 {
            return Err(Rejected::Missing(part));
        }
        self.0 = &text[end..];
        Ok(&text[..end])
    }

    /// The time in brackets. User names before it may hold spaces, so the bracket is looked for.
    fn bracketed(&mut self) -> Result<&'a [u8], Rejected> {
        let mut brackets = memchr::memchr_iter(b'[', self.0).filter_map(|at| at.checked_sub(1));
        let open = brackets.find(|before| self.0[*before] == b' ').ok_or(Rejected::Missing(Part::Time))?;
        if self.0[..open].trim_ascii().is_empty() {
            return Err(Rejected::Missing(Part::User));
        }
        let text = &self.0[open + 2..];
        let close = memchr::memchr(b']', text).ok_or(Rejected::Unclosed(Part::Time))?;
        self.0 = &text[close + 1..];
        Ok(&text[..close])
    }

    /// The next quoted text, without its quotes, its escapes as they are.
    pub(super) fn quoted(&mut self, part: Part) -> Result<&'a [u8], Rejected> {
        let text = self.0.trim_ascii_start();
        let text = text.strip_prefix(b"\"").ok_or(Rejected::Missing(part))?;
        let close = closing_quote(text).ok_or(Rejected::Unclosed(part))?;
        self.0 = &text[close + 1..];
        Ok(&text[..close])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::time::Span;

    const HEAD: &str = r#"192.0.2.7 - frank [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 203"#;

    #[test]
    fn a_common_line_tells_its_call() {
        let parsed = Clf::common().parse(HEAD.as_bytes()).unwrap();
        assert_eq!((&*parsed.method, &*parsed.target), ("GET", "/a?b"));
        assert_eq!((parsed.status, parsed.bytes, parsed.latency), (Some(200), Some(203), None));
        assert_eq!(parsed.client.as_deref(), Some(&b"192.0.2.7"[..]));
        assert_eq!((parsed.when.ns, parsed.when.resolution), (1_431_857_103_000_000_000, Span::from_secs(1)));
    }

    #[test]
    fn stamps_that_change_and_come_again_are_each_read() {
        let clf = Clf::common();
        for second in ["03", "03", "04", "xx", "04", "03"] {
            let line = HEAD.replace(":03 ", &format!(":{second} "));
            assert_eq!(clf.parse(line.as_bytes()).ok(), Clf::common().parse(line.as_bytes()).ok(), "{second}");
        }
    }

    #[test]
    fn a_combined_line_may_hold_escapes_absences_and_more_fields() {
        for tail in [r#""-" "agent""#, r#""r" "a \"quoted\" agent" 0.123 "more""#] {
            let line = format!("{HEAD} {tail}");
            assert!(Clf::combined().parse(line.as_bytes()).is_ok(), "{line}");
            assert_eq!(Clf::common().parse(line.as_bytes()), Err(Rejected::MoreFollows));
        }
        let line = br#"- - - [17/May/2015:10:05:03 +0000] "GET /\x22\"" - - "-" "-""#;
        let parsed = Clf::combined().parse(line).unwrap();
        assert_eq!((&*parsed.target, parsed.status, parsed.bytes, parsed.client), ("/%22%22", None, None, None));
        let request_id = format!("{HEAD} c6af9ac6-7b61");
        assert!(Clf::common().parse(request_id.as_bytes()).is_ok());
    }

    #[test]
    fn a_cut_line_says_where_it_is_cut() {
        let whole = format!("{HEAD} \"-\" \"agent\"");
        for (bytes, why) in [
            (whole.len() - 1, Rejected::Unclosed(Part::Agent)),
            (HEAD.len() + 4, Rejected::Missing(Part::Agent)),
            (HEAD.len() + 2, Rejected::Unclosed(Part::Referrer)),
            (HEAD.len(), Rejected::Missing(Part::Referrer)),
            (HEAD.len() - 4, Rejected::Missing(Part::Bytes)),
            (60, Rejected::Unclosed(Part::Request)),
            (30, Rejected::Unclosed(Part::Time)),
            (15, Rejected::Missing(Part::Time)),
            (0, Rejected::Missing(Part::Client)),
        ] {
            assert_eq!(Clf::combined().parse(&whole.as_bytes()[..bytes]), Err(why), "{}", &whole[..bytes]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..120), cut in 0_usize..90, more in any::<u8>()) {
            let mut close = HEAD.as_bytes().to_vec();
            close[cut % HEAD.len()] = more;
            for format in [Clf::common(), Clf::combined()] {
                let _ = (format.parse(&line), format.parse(&close), format.parse(&close[..cut % HEAD.len()]));
            }
        }
    }
}
