//! One event: its line, its limit, and what it must not tell.
//!
//! Owns the level at which an event is written, the cut at 1,024 bytes, and the masks. Refuses wording (the parent's).

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use sluicegate_policy::model::ExecutionLog;

use crate::keys::masked;

/// Longest event, its request id counted (developer guide, "Set up `CloudWatch` logging for REST APIs").
pub const EVENT_BYTES_MAX: usize = 1_024;

/// How the real one ends an event that was cut (recorded).
const TRUNCATED: &str = " [TRUNCATED]";

/// Headers whose values are masked: "authorization headers, API key values, and similar sensitive request parameters"
/// (developer guide, as above).
const SECRETS: [&str; 5] = ["authorization", "proxy-authorization", "x-api-key", "x-amz-security-token", "cookie"];

/// Writes the events of one request.
pub(super) struct Events<'o> {
    prefix: String,
    level: ExecutionLog,
    count: u64,
    out: &'o mut Vec<u8>,
}

impl<'o> Events<'o> {
    pub(super) fn new(request_id: &str, level: ExecutionLog, out: &'o mut Vec<u8>) -> Self {
        Self { prefix: format!("({request_id}) "), level, count: 0, out }
    }

    /// An event of a request that failed.
    pub(super) fn error(&mut self, text: &str) {
        self.write(text);
    }

    /// An event of any request.
    pub(super) fn info(&mut self, text: &str) {
        if self.level >= ExecutionLog::Info {
            self.write(text);
        }
    }

    /// An event with what was sent.
    pub(super) fn data(&mut self, text: impl FnOnce() -> String) {
        if self.level >= ExecutionLog::Full {
            self.write(&text());
        }
    }

    /// How many were written.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    fn write(&mut self, text: &str) {
        self.count += 1;
        let text = one_line(text);
        let room = EVENT_BYTES_MAX.saturating_sub(self.prefix.len());
        let (text, end) =
            if text.len() <= room { (&*text, "") } else { (beginning(&text, room.saturating_sub(TRUNCATED.len())), TRUNCATED) };
        // Writing to a Vec cannot fail.
        let _ = writeln!(self.out, "{}{text}{end}", self.prefix);
    }
}

/// The first `bytes` of a text, or as many as are whole characters.
fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}

/// A line break in a body would look like another event.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A body; what is no text is not shown.
pub(super) fn body(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("[Binary Data]")
}

/// Names and values as the real one prints a map: `{a=1, b=2}`; secrets masked.
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let secret = SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
            let value = if secret { Cow::Owned(masked(value)) } else { Cow::Borrowed(value.as_str()) };
            write!(f, "{comma}{name}={value}")?;
        }
        f.write_char('}')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_map_is_printed_without_its_secrets() {
        let pairs = [("Accept", "*/*"), ("Authorization", "Bearer abcdefghijkl"), ("X-API-Key", "0123456789012345678901")];
        let pairs = Pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        assert_eq!(pairs.to_string(), "{Accept=*/*, Authorization=*************ghijkl, X-API-Key=****************678901}");
        assert_eq!(Pairs(Vec::new()).to_string(), "{}");
    }

    proptest! {
        #[test]
        fn any_event_is_one_line_of_at_most_1024_bytes(text in "\\PC{0,40}|[\\x00-\\xff]{0,2000}|\u{1f980}{0,400}") {
            let mut out = Vec::new();
            Events::new("id", ExecutionLog::Info, &mut out).info(&text);
            let line = String::from_utf8(out).unwrap();
            prop_assert!(line.starts_with("(id) ") && line.ends_with('\n'));
            prop_assert!(line.len() <= EVENT_BYTES_MAX + 1 && line.lines().count() == 1);
        }
    }
}
