//! The `Date` of answers, made once a second.
//!
//! Owns the text for the current second. Refuses to read a clock: the wall instant comes in. Asked by the connections.

use std::cell::Cell;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use sluicegate_policy::time::Span;

/// A date as RFC 9110 writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) type DateText = [u8; 29];

/// The text of the last second that was asked for.
#[derive(Debug)]
pub(crate) struct Dates {
    last: Cell<(u64, DateText)>,
}

impl Dates {
    /// No second yet.
    pub(crate) const fn new() -> Self {
        Self { last: Cell::new((u64::MAX, *b"Thu, 01 Jan 1970 00:00:00 GMT")) }
    }

    /// The date at `wall` since 1970.
    pub(crate) fn at(&self, wall: Span) -> DateText {
        let second = wall.as_ns() / 1_000_000_000;
        let (known, text) = self.last.get();
        if known == second {
            return text;
        }
        let text = written(second).unwrap_or(text);
        self.last.set((second, text));
        text
    }
}

fn written(second: u64) -> Option<DateText> {
    let timestamp = Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()?.into_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_writes_it() {
        let dates = Dates::new();
        let at = |seconds| String::from_utf8(dates.at(Span::from_secs(seconds)).to_vec()).unwrap();
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
