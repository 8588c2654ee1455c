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

/// Headers whose values are masked whole: "authorization headers, API key values, and similar sensitive request parameters"
/// (developer guide, as above).
const SECRETS: [&str; 5] = ["authorization", "proxy-authorization", "x-amz-security-token", "cookie", "set-cookie"];
/// The header whose value is masked but for its end.
const KEY: &str = "x-api-key";

/// Writes the events of one request.
pub(super) struct Events<'o> {
    prefix: String,
    level: ExecutionLog,
    count: u64,
    secret: Option<Secret>,
    out: &'o mut Vec<u8>,
}

/// What no event may hold.
pub(super) struct Secret {
    /// As an event would hold it.
    value: String,
    masked: String,
}

impl Secret {
    /// This value; nothing if it is empty.
    pub(super) fn of(value: &str) -> Option<Self> {
        (!value.is_empty()).then(|| Self { value: one_line(value).into_owned(), masked: masked(value) })
    }

    /// How much of a text it takes to fill an event: a mask has a byte for each character, of which none has more than four, and
    /// the last value may be cut.
    fn enough(&self) -> usize {
        4 * (EVENT_BYTES_MAX + self.value.len())
    }

    /// The text with the value masked, wherever it stands.
    fn hidden<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        if !text.contains(&self.value) {
            return text;
        }
        let hidden = text.replace(&self.value, &self.masked);
        // Values that overlap, and the end of a mask with what follows, can make the value again.
        Cow::Owned(if hidden.contains(&self.value) { String::new() } else { hidden })
    }
}

impl<'o> Events<'o> {
    pub(super) fn new(request_id: &str, level: ExecutionLog, out: &'o mut Vec<u8>) -> Self {
        Self { prefix: format!("({request_id}) "), level, count: 0, secret: None, out }
    }

    /// The same, but none holds this.
    pub(super) fn hiding(self, secret: Option<Secret>) -> Self {
        Self { secret, ..self }
    }

    /// An event of a request that failed.
    pub(super) fn error(&mut self, text: &str) {
        self.write(text);
    }

    /// An event of any request.
    pub(super) fn info(&mut self, text: impl FnOnce() -> String) {
        if self.level >= ExecutionLog::Info {
            self.write(&text());
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
        let text = match &self.secret {
            Some(secret) => secret.hidden(one_line(beginning(text, secret.enough()))),
            None => one_line(text),
        };
        let room = EVENT_BYTES_MAX.saturating_sub(self.prefix.len());
        let (text, end) =
            if text.len() <= room { (&*text, "") } else { (beginning(&text, room.saturating_sub(TRUNCATED.len())), TRUNCATED) };
        // Writing to a Vec cannot fail.
        let _ = writeln!(self.out, "{}{text}{end}", self.prefix);
    }
}

/// The first `bytes` of a text, or as many as are whole characters.
fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
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
            write!(f, "{comma}{name}={}", shown(name, value))?;
        }
        f.write_char('}')
    }
}

/// The value of this name as a log may show it.
fn shown<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    let is = |secret: &str| name.eq_ignore_ascii_case(secret);
    if is(KEY) {
        Cow::Owned(masked(value))
    } else if SECRETS.into_iter().any(is) {
        Cow::Owned("*".repeat(value.chars().count()))
    } else {
        Cow::Borrowed(value)
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
        assert_eq!(pairs.to_string(), "{Accept=*/*, Authorization=*******************, X-API-Key=****************678901}");
        assert_eq!(Pairs(Vec::new()).to_string(), "{}");
    }

    proptest! {
        #[test]
        fn any_event_is_one_line_of_at_most_1024_bytes(text in "\\PC{0,40}|[\\x00-\\xff]{0,2000}|\u{1f980}{0,400}") {
            let mut out = Vec::new();
            Events::new("id", ExecutionLog::Info, &mut out).info(|| text.clone());
            let line = String::from_utf8(out).unwrap();
            prop_assert!(line.starts_with("(id) ") && line.ends_with('\n'));
            prop_assert!(line.len() <= EVENT_BYTES_MAX + 1 && line.lines().count() == 1);
        }

        #[test]
        fn no_event_holds_a_secret_whatever_is_around_it(
            value in "[ab*\n\u{e9}]{1,30}",
            around in ("[ab*\n\u{e9}]{0,1200}", "[ab*\n\u{e9}]{0,40}"),
        ) {
            let mut out = Vec::new();
            let mut events = Events::new("", ExecutionLog::Full, &mut out).hiding(Secret::of(&value));
            events.info(|| format!("{}{value}{}", around.0, around.1));
            let line = String::from_utf8(out).unwrap();
            let text = line.strip_prefix("() ").unwrap().strip_suffix('\n').unwrap();
            prop_assert!(!text.contains(&value), "{value} in {text}");
        }
    }

    #[test]
    fn no_event_ends_in_the_beginning_of_a_secret() {
        let value = "0123456789abcdefghij0123456789";
        for before in 900..1_100 {
            let mut out = Vec::new();
            let mut events = Events::new("", ExecutionLog::Full, &mut out).hiding(Secret::of(value));
            events.info(|| format!("{}{value}{}", "x".repeat(before), "y".repeat(9_000)));
            let line = String::from_utf8(out).unwrap();
            assert!(!line.contains('0') && line.ends_with(" [TRUNCATED]\n"), "{line}");
        }
    }
}
