//! How far the observed may lie from the predicted: `15%`, `1 point`, `5ms`, `15% or 2ms`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::time::Span;

use super::percent::{decimal, millionths};
use super::{Percent, Unreadable, text_scalar};

/// A margin as it is written: relative, absolute, or the larger of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Within {
    /// Share of the predicted value.
    pub(in crate::config) relative: Option<Percent>,
    /// In the metric's own unit.
    pub(in crate::config) absolute: Option<Absolute>,
}

/// An absolute margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Absolute {
    /// Of a latency.
    Time(Span),
    /// Of a share, in millionths of a percentage point.
    Points(u64),
}

text_scalar!(
    Within,
    "a margin",
    "write e.g. \"15%\", \"5ms\", \"1 point\" or \"15% or 2ms\"",
    r"^\s*[0-9.]+\s*(%|points?|ns|us|ms|s)(\s+or\s+[0-9.]+\s*(%|points?|ns|us|ms|s))?\s*$"
);

impl Absolute {
    /// In the unit that [`crate::measure::assumption::Margin`] has: nanoseconds, or a share.
    pub(in crate::config) fn in_unit(self) -> f64 {
        match self {
            Self::Time(span) => span.as_ns() as f64,
            Self::Points(points) => points as f64 / 1e8,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let points = text.strip_suffix("points").or_else(|| text.strip_suffix("point"));
        match points {
            Some(number) => millionths(number).filter(|points| *points <= 100_000_000).map(Self::Points),
            None => text.parse().ok().map(Self::Time),
        }
    }
}

impl FromStr for Within {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut margin = Self { relative: None, absolute: None };
        for part in text.split(" or ").map(str::trim) {
            let slot_taken = match part.parse::<Percent>() {
                Ok(percent) => margin.relative.replace(percent).is_some(),
                Err(_) => {
                    let absolute = Absolute::read(part).ok_or_else(|| Unreadable::new::<Self>(text))?;
                    margin.absolute.replace(absolute).is_some()
                }
            };
            if slot_taken {
                return Err(Unreadable::new::<Self>(text));
            }
        }
        Ok(margin)
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(relative) = self.relative {
            relative.fmt(f)?;
        }
        if self.relative.is_some() && self.absolute.is_some() {
            f.write_str(" or ")?;
        }
        match self.absolute {
            Some(Absolute::Time(span)) => span.fmt(f),
            Some(Absolute::Points(1_000_000)) => f.write_str("1 point"),
            Some(Absolute::Points(points)) => write!(f, "{} points", decimal(points)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn absolute() -> impl Strategy<Value = Absolute> {
        prop_oneof![
            (0_u64..1 << 52).prop_map(|ns| Absolute::Time(Span::from_ns(ns))),
            (0_u64..=100_000_000).prop_map(Absolute::Points)
        ]
    }

    proptest! {
        #[test]
        fn a_margin_reads_back_as_it_was_written(share in 0.0..=1.0_f64, absolute in absolute(), which in 0..3) {
            let relative = (which != 1).then(|| Percent::nearest(share));
            let margin = Within { relative, absolute: (which != 0).then_some(absolute) };
            prop_assert_eq!(margin.to_string().parse(), Ok(margin));
        }
    }

    #[test]
    fn margins_are_written_in_words() {
        for text in ["15%", "1 point", "0.5 points", "5ms", "15% or 2ms"] {
            assert_eq!(text.parse::<Within>().unwrap().to_string(), text);
        }
        for text in ["", "15", "15% or 10%", "2ms or 3ms", "a bit", "200 points", "15% or"] {
            assert!(text.parse::<Within>().is_err(), "{text}");
        }
    }
}
