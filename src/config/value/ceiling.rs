//! The most that may be observed: `0.5%`, `200ms`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::time::Span;

use super::{Percent, Unreadable, text_scalar};

/// A ceiling as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Ceiling {
    /// Of a share.
    Share(Percent),
    /// Of a latency.
    Time(Span),
}

text_scalar!(
    Ceiling,
    "a ceiling",
    "write e.g. \"0.5%\" (of a share) or \"200ms\" (of a latency)",
    r"^\s*[0-9.]+\s*(%|ns|us|ms|s)\s*$"
);

impl Ceiling {
    /// In the metric's own unit: a share, or nanoseconds.
    pub(in crate::config) fn in_unit(self) -> f64 {
        match self {
            Self::Share(percent) => percent.share(),
            Self::Time(span) => span.as_ns() as f64,
        }
    }
}

impl FromStr for Ceiling {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let share = text.parse().map(Self::Share);
        share.or_else(|_| text.trim().parse().map(Self::Time)).map_err(|_| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(percent) => percent.fmt(f),
            Self::Time(span) => span.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_ceiling_reads_back_as_it_was_written(share in 0.0..=1.0_f64, ns in 0_u64..1 << 52, is_share in any::<bool>()) {
            let ceiling = if is_share { Ceiling::Share(Percent::nearest(share)) } else { Ceiling::Time(Span::from_ns(ns)) };
            prop_assert_eq!(ceiling.to_string().parse(), Ok(ceiling));
        }
    }

    #[test]
    fn a_ceiling_has_a_unit() {
        for text in ["0.5%", "200ms"] {
            assert_eq!(text.parse::<Ceiling>().unwrap().to_string(), text);
        }
        for text in ["", "5", "1 point", "101%", "-1ms"] {
            assert!(text.parse::<Ceiling>().is_err(), "{text}");
        }
    }
}
