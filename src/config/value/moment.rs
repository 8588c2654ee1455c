//! An instant of the wall clock: `2026-11-30T23:59:00Z`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sluicegate_policy::time::Span;

use super::{Unreadable, text_scalar};

/// An instant of the wall clock, as the time since 1 January 1970, 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Moment(pub(in crate::config) Span);

text_scalar!(
    Moment,
    "an instant",
    "write date and time with their offset, e.g. \"2026-11-30T23:59:00Z\"",
    r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})\s*$"
);

impl FromStr for Moment {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let instant = text.trim().parse::<Timestamp>().ok();
        let since_1970 = instant.and_then(|instant| u64::try_from(instant.as_nanosecond()).ok());
        since_1970.map(|ns| Self(Span::from_ns(ns))).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_nanosecond(i128::from(self.0.as_ns())) {
            Ok(instant) => write!(f, "{instant}"),
            // 64 bits of nanoseconds end in the year 2554, long before the calendar does.
            Err(_) => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_instant_reads_back_as_it_was_written(ns: u64) {
            let moment = Moment(Span::from_ns(ns));
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }
    }

    #[test]
    fn an_instant_has_an_offset_and_lies_after_1970() {
        assert_eq!("1970-01-02T00:00:00Z".parse(), Ok(Moment(Span::from_secs(86_400))));
        assert_eq!("1970-01-01T01:00:00+01:00".parse(), Ok(Moment(Span::ZERO)));
        for text in ["", "tomorrow", "2026-11-30", "2026-11-30T23:59:00", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
