//! A share of something: `15%`, `0.1%`.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, exact_number, text_scalar};

/// A share in millionths of a percent, so that it is written back exactly; 0 to 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Percent(u32);

text_scalar!(Percent, "a percentage", "write 0% to 100%, e.g. \"15%\" or \"0.1%\"", r"^\s*[0-9.]+\s*%\s*$");

/// Digits behind the point that are kept.
pub(super) const PLACES: u32 = 6;
const WHOLE: u32 = 100_000_000;

impl Percent {
    /// As a share, 0 to 1.
    pub(in crate::config) fn share(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// The nearest percentage to a share, 0 to 1.
    pub(in crate::config) fn nearest(share: f64) -> Self {
        Self(((share * f64::from(WHOLE)).round() as u32).min(WHOLE))
    }
}

/// Reads `15` or `0.1` as millionths.
pub(super) fn millionths(number: &str) -> Option<u64> {
    let (digits, places) = exact_number(number.trim())?;
    digits.checked_mul(10_u64.checked_pow(PLACES.checked_sub(places)?)?)
}

/// Writes millionths as the shortest decimal.
pub(super) fn decimal(millionths: u64) -> String {
    let unit = 10_u64.pow(PLACES);
    let text = format!("{}.{:06}", millionths / unit, millionths % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl FromStr for Percent {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let number = text.trim().strip_suffix('%').and_then(millionths);
        let share = number.and_then(|number| u32::try_from(number).ok()).filter(|share| *share <= WHOLE);
        share.map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", decimal(u64::from(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_percentage_reads_back_as_it_was_written(share in 0..=WHOLE) {
            prop_assert_eq!(Percent(share).to_string().parse(), Ok(Percent(share)));
        }
    }

    #[test]
    fn a_percentage_has_its_sign_and_is_at_most_a_hundred() {
        assert!(("0.1%".parse::<Percent>().unwrap().share() - 0.001).abs() < 1e-12);
        for text in ["15", "101%", "-1%", "%", "1e1%", "0.0000001%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
