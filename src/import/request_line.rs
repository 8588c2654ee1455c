//! The request line as a log quotes it, and the target in it.
//!
//! Owns the reading of `GET /path HTTP/1.1` in all its accidents (no version, spaces in the path, escapes, absolute form) and
//! the cleaning of a target into bytes that may be sent. Refuses to guess a request from garbage.

use std::borrow::Cow;

use super::parsed::{Part, Rejected, TARGET_BYTES_MAX};

/// Method and cleaned target of a request line. A second method (or `ANY`) before the path is dropped: API Gateway's own CLF
/// prints `"GET GET /pets HTTP/1.1"` for HTTP APIs, because their route key holds the method.
pub(super) fn split(line: &[u8]) -> Result<(&str, Cow<'_, str>), Rejected> {
    const BAD: Rejected = Rejected::Bad(Part::Request);
    let line = line.trim_ascii();
    if line.is_empty() || line == b"-" {
        return Err(Rejected::NoRequest);
    }
    let space = memchr::memchr(b' ', line).ok_or(BAD)?;
    let method = method(&line[..space]).map_err(|_| BAD)?;
    let mut rest = line[space..].trim_ascii_start();
    if let Some(last) = memchr::memrchr(b' ', rest)
        && rest[last + 1..].starts_with(b"HTTP/")
    {
        rest = rest[..last].trim_ascii_end();
    }
    let again = rest.strip_prefix(method.as_bytes()).or_else(|| rest.strip_prefix(b"ANY"));
    if let Some(again) = again.filter(|again| again.starts_with(b" ")) {
        rest = again.trim_ascii_start();
    }
    // Where a gateway's log has the route, and the request met none, or the one for all the rest.
    if matches!(rest, b"-" | b"$default") {
        return Err(Rejected::Missing(Part::Path));
    }
    Ok((method, target(rest)?))
}

/// A method: capitals (and `-`, `_`), at most 20 of them.
pub(super) fn method(text: &[u8]) -> Result<&str, Rejected> {
    // First what is most frequent.
    match text {
        b"GET" => return Ok("GET"),
        b"POST" => return Ok("POST"),
        _ => {}
    }
    let fits = (1..=20).contains(&text.len()) && text.iter().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'));
    std::str::from_utf8(text).ok().filter(|_| fits).ok_or(Rejected::Bad(Part::Method))
}

/// A target that may be sent: absolute form loses its host, bytes that may not stand in a request line are percent-encoded.
pub(super) fn target(text: &[u8]) -> Result<Cow<'_, str>, Rejected> {
    let text = origin_form(text)?;
    if text.len() > TARGET_BYTES_MAX {
        return Err(Rejected::TargetTooLong);
    }
    // Without a way out at the first that does not fit: nearly all do, and this loop is unrolled.
    if text.iter().fold(true, |fits, byte| fits & SENDABLE[usize::from(*byte)])
        && let Ok(text) = std::str::from_utf8(text)
    {
        return Ok(Cow::Borrowed(text));
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for &byte in text {
        if SENDABLE[usize::from(byte)] {
            clean.push(char::from(byte));
        } else {
            clean.push('%');
            clean.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            clean.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    if clean.len() > TARGET_BYTES_MAX {
        return Err(Rejected::TargetTooLong);
    }
    Ok(Cow::Owned(clean))
}

fn origin_form(text: &[u8]) -> Result<&[u8], Rejected> {
    if text.starts_with(b"/") {
        return Ok(text);
    }
    let after_scheme = text.strip_prefix(b"http://").or_else(|| text.strip_prefix(b"https://")).ok_or(Rejected::NotAPath)?;
    Ok(memchr::memchr(b'/', after_scheme).map_or(b"/", |slash| &after_scheme[slash..]))
}

/// Bytes of a path and query as they are (RFC 3986, 3.3 and 3.4, with `%` for what is encoded already).
const SENDABLE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"-._~!$&'()*+,;=:@/?%";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// Undoes the escapes that Apache, nginx and JSON use inside quotes: `\"`, `\\`, `\n`, `\t`, `\xhh`, `\uhhhh`.
pub(super) fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', text) else { return Cow::Borrowed(text) };
    let mut plain = text[..first].to_vec();
    let mut rest = &text[first..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match rest {
            [b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                plain.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'u', digits @ ..] if code_point(digits).is_some() => {
                plain.extend_from_slice(code_point(digits).unwrap_or_default().encode_utf8(&mut [0; 4]).as_bytes());
                rest = &digits[4..];
            }
            [escaped, after @ ..] => {
                plain.push(match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                });
                rest = after;
            }
            [] => plain.push(b'\\'),
        }
    }
    Cow::Owned(plain)
}

/// The character of four hexadecimal digits; halves of a pair are none.
fn code_point(text: &[u8]) -> Option<char> {
    let digits = text.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    char::from_u32(digits.iter().fold(0, |n, digit| n << 4 | u32::from(hex(*digit))))
}

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

/// Where a quoted text that starts at `text[0]` ends: the place of its closing quote, not of an escaped one.
pub(super) fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &text[from..]) {
        let at = from + found;
        if text[at] == b'"' {
            return Some(at);
        }
        // The byte after a backslash is never the closing one.
        from = at + 2;
        if from > text.len() {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn request_lines_are_split_in_all_their_accidents() {
        for (line, method, target) in [
            ("GET /a?b=1 HTTP/1.1", "GET", "/a?b=1"),
            ("GET /", "GET", "/"),
            ("GET /a b/c HTTP/1.0", "GET", "/a%20b/c"),
            ("GET http://h:80/p?q HTTP/1.1", "GET", "/p?q"),
            ("GET http://h HTTP/1.1", "GET", "/"),
            ("GET GET /pets HTTP/1.1", "GET", "/pets"),
            ("GET ANY /pets HTTP/1.1", "GET", "/pets"),
            ("PROPFIND /d\u{e4}v HTTP/2.0", "PROPFIND", "/d%C3%A4v"),
            ("GET /{id}#x HTTP/1.1", "GET", "/%7Bid%7D%23x"),
        ] {
            assert_eq!(split(line.as_bytes()), Ok((method, Cow::from(target))), "{line}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_reason() {
        for (line, why) in [
            ("-", Rejected::NoRequest),
            ("", Rejected::NoRequest),
            ("\u{16}\u{3}\u{1}", Rejected::Bad(Part::Request)),
            ("get / HTTP/1.1", Rejected::Bad(Part::Request)),
            ("GET", Rejected::Bad(Part::Request)),
            ("OPTIONS * HTTP/1.1", Rejected::NotAPath),
            ("CONNECT h:443 HTTP/1.1", Rejected::NotAPath),
            ("GET - HTTP/1.1", Rejected::Missing(Part::Path)),
            ("GET $default HTTP/1.1", Rejected::Missing(Part::Path)),
        ] {
            assert_eq!(split(line.as_bytes()), Err(why), "{line}");
        }
        let long = format!("GET /{} HTTP/1.1", "a".repeat(TARGET_BYTES_MAX));
        assert_eq!(split(long.as_bytes()), Err(Rejected::TargetTooLong));
    }

    #[test]
    fn escapes_inside_quotes_are_undone() {
        assert_eq!(&*unescape(br#"a\"b\\c\x41\xZZ\t"#), b"a\"b\\cAxZZ\t");
        assert_eq!(&*unescape(br"\u00e9\u2028\ud800\u12"), "\u{e9}\u{2028}ud800u12".as_bytes());
        assert_eq!(closing_quote(br#"a\"b" x"#), Some(4));
        assert_eq!(closing_quote(br#"a\\" x"#), Some(3));
        assert_eq!(closing_quote(br#"a\""#), None);
        assert_eq!(closing_quote(br"a\"), None);
    }

    proptest! {
        #[test]
        fn a_clean_target_is_a_uri_and_stays_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut text = b"/".to_vec();
            text.extend(&bytes);
            let clean = target(&text).unwrap().into_owned();
            prop_assert!(clean.parse::<http::uri::PathAndQuery>().is_ok(), "{}", clean);
            prop_assert_eq!(&*target(clean.as_bytes()).unwrap(), clean.as_str());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (split(&bytes), unescape(&bytes), closing_quote(&bytes));
        }
    }
}
