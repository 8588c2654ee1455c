//! A plain number with a point: the sigma or the shape of a distribution.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, number_scalar};

/// A number that is finite and not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::config) struct Decimal(pub(in crate::config) f64);

number_scalar!(Decimal, "a number", "write one that is not negative, e.g. 0.5", "number", 0, 1e300);

impl FromStr for Decimal {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let number = text.parse().ok().filter(|number| (0.0..=1e300).contains(number));
        number.map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Decimal {
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
        fn a_number_reads_back_as_it_was_written(number in 0.0..1e300_f64) {
            prop_assert_eq!(Decimal(number).to_string().parse(), Ok(Decimal(number)));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "nan", "inf", "-0.5", "half"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }
}
