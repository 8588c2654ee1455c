//! A length of time: `500us`, `20ms`, `1m30s`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::time::Span;

use super::{Unreadable, text_scalar};

/// A length of time, written as [`Span`] reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub Span);

text_scalar!(
    Duration,
    "a duration",
    "write a number and a unit (ns, us, ms, s, m, h, d), e.g. \"20ms\" or \"1m30s\"",
    r"^\s*([0-9.]+\s*(ns|us|µs|ms|s|secs?|m|mins?|h|d)\s*)+$"
);

impl FromStr for Duration {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        text.parse().map(Self).map_err(|_| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_duration_reads_back_as_it_was_written(ns in 0_u64..1 << 52) {
            let duration = Duration(Span::from_ns(ns));
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_the_cure() {
        let refused = "20".parse::<Duration>().unwrap_err().to_string();
        assert_eq!(
            refused,
            "\"20\" is not a duration; write a number and a unit (ns, us, ms, s, m, h, d), e.g. \"20ms\" or \"1m30s\""
        );
    }
}
