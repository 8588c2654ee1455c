//! The one time type of the product: whole nanoseconds in a `u64`.
//!
//! Owns [`Instant`] (a point on the run's own clock, zero at its start) and [`Span`] (a length), their arithmetic and how
//! people write them. Refuses to read any clock. Everybody uses it: policy, traffic, engine, simulator, report.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::str::FromStr;

/// A point in time: nanoseconds since the start of the run, on a monotonic clock (real or virtual).
///
/// `u64` nanoseconds last 584 years; arithmetic saturates rather than wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Instant {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// Later than everything; also "absent" in a sample.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `ns` nanoseconds after the start of the run.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the start of the run.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The whole second this instant falls into, counted from the start of the run.
    pub const fn second(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Seconds since the start of the run, for display and for statistics.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than everything.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `ns` nanoseconds.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// A span of `us` microseconds.
    pub const fn from_us(us: u64) -> Self {
        Self(us.saturating_mul(1_000))
    }

    /// A span of `ms` milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The span nearest to `secs` seconds; negative and NaN become zero, too large becomes [`Span::MAX`].
    pub fn from_secs_f64(secs: f64) -> Self {
        // `as` saturates and sends NaN to zero, which is what is promised.
        Self((secs * 1e9).round() as u64)
    }

    /// Length in nanoseconds.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// Length in seconds, for display and for statistics.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Length in milliseconds, for display and for statistics.
    pub fn as_ms_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// This span times `k`, rounded to the nanosecond; negative and NaN factors give zero.
    pub fn scaled(self, k: f64) -> Self {
        Self((self.0 as f64 * k).round() as u64)
    }

    /// The shorter by `other`, not below zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Instant {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Instant {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Span {
    type Output = Self;
    fn mul(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, |a, b| a + b)
    }
}

/// Units from the largest to the smallest; the text of a span uses the first that divides it.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Exact: the largest unit that divides the span, so that `FromStr` reads the same span back (`90s`, `1500ms`, `2h`).
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.pad("0s");
        }
        let (unit, size) =
            UNITS.into_iter().find(|(_, size)| self.0.is_multiple_of(*size)).expect("every span is a multiple of 1 ns");
        f.pad(&format!("{}{unit}", self.0 / size))
    }
}

/// Why a text is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a duration; write a number and a unit (ns, us, ms, s, m, h, d), e.g. \"500us\", \"20ms\", \"1.5s\" or \"2m\""
)]
pub struct ParseSpanError(pub String);

/// Reads `500us`, `20 ms`, `1.5s`, `1m30s`. A bare number is refused: its unit would be a guess.
impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, ParseSpanError> {
        let refuse = || ParseSpanError(text.to_owned());
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(refuse());
        }
        let mut total = 0_f64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(refuse)?;
            let number: f64 = rest[..digits].parse().map_err(|_| refuse())?;
            rest = rest[digits..].trim_start();
            let letters = rest.find(|c: char| !(c.is_ascii_alphabetic() || c == 'µ')).unwrap_or(rest.len());
            total += number * unit_ns(&rest[..letters]).ok_or_else(refuse)? as f64;
            rest = rest[letters..].trim_start();
        }
        if total >= u64::MAX as f64 {
            return Err(refuse());
        }
        Ok(Self(total.round() as u64))
    }
}

fn unit_ns(unit: &str) -> Option<u64> {
    let unit = match unit {
        "µs" => "us",
        "sec" | "secs" => "s",
        "min" | "mins" => "m",
        other => other,
    };
    UNITS.into_iter().find(|(name, _)| *name == unit).map(|(_, size)| size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_span_reads_back_as_it_was_written(ns in 0_u64..1 << 52) {
            let span = Span::from_ns(ns);
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = text.parse::<Span>();
        }
    }

    #[test]
    fn spans_are_written_as_people_write_them() {
        for (text, span) in [
            ("500us", Span::from_us(500)),
            ("20 ms", Span::from_ms(20)),
            ("1.5s", Span::from_ms(1_500)),
            ("1m30s", Span::from_secs(90)),
            ("2h", Span::from_secs(7_200)),
        ] {
            assert_eq!(text.parse(), Ok(span), "{text}");
        }
        for bad in ["", "10", "ms", "-1s", "1 fortnight", "1e3s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Instant::ZERO.since(Instant::MAX), Span::ZERO);
        assert_eq!(Instant::MAX + Span::from_secs(1), Instant::MAX);
    }
}
