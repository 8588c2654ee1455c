//! Whole numbers: how many, a seed, an HTTP status.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`
//! and by drifts.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, number_scalar, text_scalar};

/// How many of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Count(pub(in crate::config) u32);

/// The number from which every random choice comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Seed(pub(in crate::config) u64);

/// Any HTTP status: of an integration response, or of a gateway response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct StatusCode(pub(in crate::config) u16);

/// An HTTP status that is a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct StatusKey(pub(in crate::config) u16);

/// The HTTP status of a final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Status(pub(in crate::config) u16);

number_scalar!(Count, "a whole number", "write one from 0 to 4294967295, e.g. 64", "integer", 0, 4_294_967_295_u64);
number_scalar!(
    Seed,
    "a seed",
    "write a whole number from 0 to 18446744073709551615, e.g. 1",
    "integer",
    0,
    18_446_744_073_709_551_615_u64
);
number_scalar!(Status, "the HTTP status of an answer", "write a number from 200 to 599, e.g. 200", "integer", 200, 599);
number_scalar!(StatusCode, "an HTTP status", "write a number from 100 to 599, e.g. 200", "integer", 100, 599);
text_scalar!(StatusKey, "an HTTP status", "write a number from 200 to 599, e.g. 200", r"^[2-5][0-9][0-9]$");

fn whole<T: FromStr>(text: &str) -> Option<T> {
    // `u32::from_str` would take "+5", which YAML and JSON Schema see differently.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl FromStr for Count {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        whole(text).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl FromStr for Seed {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        whole(text).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl FromStr for Status {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        whole(text).filter(|status| (200..600).contains(status)).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl FromStr for StatusCode {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        whole(text).filter(|status| (100..600).contains(status)).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl FromStr for StatusKey {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        whole(text).filter(|status| (200..600).contains(status)).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for StatusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Status {
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
        fn whole_numbers_read_back_as_they_were_written(count: u32, seed: u64, status in 200_u16..600) {
            prop_assert_eq!(Count(count).to_string().parse(), Ok(Count(count)));
            prop_assert_eq!(Seed(seed).to_string().parse(), Ok(Seed(seed)));
            prop_assert_eq!(Status(status).to_string().parse(), Ok(Status(status)));
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        for text in ["", "-1", "+5", "1.5", "4294967296", "1e3", "0x10"] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
        assert!("100".parse::<Status>().is_err());
    }
}
