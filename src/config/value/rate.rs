//! A rate: `200/s`, `12000/min`, `0.5/s`, `1/1500ms`; kept as whole numbers.
//!
//! Owns its text form, exact to the token, and exact scaling. Refuses to relate rates to each other (`prove`). Read by the
//! types in `raw`, by `cli` and by drifts.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;

use super::{Unreadable, exact_number, text_scalar};

/// A rate above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub PerSecond);

/// A rate, or none at all: a ramp may begin at `0/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Level(pub(in crate::config) PerSecond);

text_scalar!(
    Rate,
    "a rate",
    "write a number above zero, e.g. \"50/s\"",
    r"^\s*[0-9.]+\s*/\s*(s|sec|min|m|h|d|[0-9.]+\s*(ns|us|ms|s|m|h|d))\s*$"
);
text_scalar!(
    Level,
    "a rate",
    "write a number, e.g. \"50/s\" or \"0/s\"",
    r"^\s*[0-9.]+\s*/\s*(s|sec|min|m|h|d|[0-9.]+\s*(ns|us|ms|s|m|h|d))\s*$"
);

/// Above this a rate is a slip of the pen, and sums of tokens could leave 64 bits.
const TOKENS_PER_SECOND_MAX: f64 = 1e9;
/// The longest time in which tokens may be counted.
const PER_MAX: Span = Span::from_secs(366 * 86_400);

const UNITS: [(&str, Span); 4] =
    [("s", Span::from_secs(1)), ("min", Span::from_secs(60)), ("h", Span::from_secs(3_600)), ("d", Span::from_secs(86_400))];

fn read(text: &str) -> Option<PerSecond> {
    let (number, unit) = text.split_once('/')?;
    let (tokens, places) = exact_number(number.trim())?;
    let unit = unit.trim();
    let unit = match unit {
        "sec" => Span::from_secs(1),
        "m" => Span::from_secs(60),
        _ => UNITS.iter().find(|(name, _)| *name == unit).map_or_else(|| unit.parse::<Span>(), |(_, span)| Ok(*span)).ok()?,
    };
    // 0.5/s is 5 in ten seconds, which is 1 in two: decimals become a longer time, and the fraction is shortened.
    let stretch = 10_u64.checked_pow(places)?;
    let common = if places == 0 { 1 } else { gcd(tokens, stretch) };
    let per = Span::from_ns(unit.as_ns().checked_mul(stretch / common)?);
    let rate = PerSecond { tokens: tokens / common, per };
    let plausible = per > Span::ZERO && per <= PER_MAX && rate.as_f64() <= TOKENS_PER_SECOND_MAX;
    plausible.then_some(rate)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

fn wide_gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a.max(1) } else { wide_gcd(b, a % b) }
}

/// Exact: `12000/min` stays so, `0.5/s` is written for 1 in 2 s, and what no unit fits is written as `7/1500ms`.
fn write(rate: PerSecond, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let PerSecond { tokens, per } = rate;
    if let Some((name, _)) = UNITS.iter().find(|(_, unit)| *unit == per) {
        return f.pad(&format!("{tokens}/{name}"));
    }
    let decimal = format!("{}/s", rate.as_f64());
    let text = if read(&decimal) == Some(rate) { decimal } else { format!("{tokens}/{per}") };
    f.pad(&text)
}

impl Rate {
    /// This rate times `times / by`, for scaling a whole arrival process to another peak. Exact where 64 bits can hold it.
    pub(in crate::config) fn rescaled(rate: PerSecond, times: PerSecond, by: PerSecond) -> PerSecond {
        let wide = u128::from;
        let [tokens, per] = [[rate.tokens, times.tokens, by.per.as_ns()], [rate.per.as_ns(), times.per.as_ns(), by.tokens]];
        let product = |factors: [u64; 3]| factors.iter().try_fold(1_u128, |all, factor| all.checked_mul(wide(*factor)));
        let exact = || {
            let (above, below) = (product(tokens)?, product(per)?);
            let common = wide_gcd(above, below);
            let (above, below) = (above / common, below / common);
            // Whole seconds read better, where they fit.
            let second = 1_000_000_000 / wide_gcd(below, 1_000_000_000);
            let stretched = above.checked_mul(second).zip(below.checked_mul(second));
            let fits = |(above, below): (u128, u128)| {
                let per = u64::try_from(below).ok().filter(|ns| Span::from_ns(*ns) <= PER_MAX)?;
                Some(PerSecond { tokens: u64::try_from(above).ok()?, per: Span::from_ns(per) })
            };
            stretched.and_then(fits).or_else(|| fits((above, below)))
        };
        exact().unwrap_or_else(|| Self::nearest(rate.as_f64() * times.as_f64() / by.as_f64()))
    }

    /// The rate nearest to a number of tokens per second, to six digits behind the point.
    pub(in crate::config) fn nearest(tokens_per_second: f64) -> PerSecond {
        let million = (tokens_per_second * 1e6).round() as u64;
        let common = gcd(million, 1_000_000);
        PerSecond { tokens: million / common, per: Span::from_secs(1_000_000 / common) }
    }
}

impl FromStr for Rate {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        read(text).filter(|rate| rate.tokens > 0).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl FromStr for Level {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        read(text).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, f)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(tokens: u64, per: Span) -> PerSecond {
        PerSecond { tokens, per }
    }

    proptest! {
        #[test]
        fn a_rate_reads_back_as_it_was_written(tokens in 1_u64..1_000_000, ns in 1_000_000_u64..1 << 52) {
            let rate = Rate(rate(tokens, Span::from_ns(ns)));
            prop_assume!(rate.0.as_f64() <= TOKENS_PER_SECOND_MAX);
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_panics(text in "[0-9./smhdin ]{0,24}") {
            let _ = text.parse::<Level>();
        }
    }

    #[test]
    fn rates_are_whole_numbers_and_written_as_people_do() {
        for (text, tokens, per, shown) in [
            ("200/s", 200, Span::from_secs(1), "200/s"),
            ("12000/min", 12_000, Span::from_secs(60), "12000/min"),
            ("0.5/s", 1, Span::from_secs(2), "0.5/s"),
            ("2.50 / s", 5, Span::from_secs(2), "2.5/s"),
            ("100/h", 100, Span::from_secs(3_600), "100/h"),
            ("7/1500ms", 7, Span::from_ms(1_500), "7/1500ms"),
        ] {
            let read: Rate = text.parse().unwrap();
            assert_eq!((read.0, read.to_string()), (rate(tokens, per), shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in
            ["0/s", "-1/s", "50", "50/x", "/s", "1e3/s", "1./s", "9999999999/s", "0.0000000000000000001/s", "5/0s", "1/900d"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert!("0/s".parse::<Level>().is_ok());
    }

    #[test]
    fn scaling_to_another_peak_is_exact() {
        let second = Span::from_secs(1);
        assert_eq!(Rate::rescaled(rate(50, second), rate(300, second), rate(200, second)), rate(75, second));
        assert_eq!(Rate::rescaled(rate(0, second), rate(300, second), rate(200, second)).tokens, 0);
        assert_eq!(Rate::rescaled(rate(1, second), rate(1, second), rate(3, second)), rate(1, Span::from_secs(3)));
    }
}
