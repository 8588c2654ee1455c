//! How a pause is spread: `full`, `none`, or the share of it that is, `20%`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to draw (`load::dialogue` does). Read by `raw::session`.

use std::fmt;
use std::str::FromStr;

use super::percent::Percent;
use super::{Unreadable, text_scalar};

/// A share of a pause: from the whole pause less that share, to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Spread(Percent);

text_scalar!(
    Spread,
    "how a pause is spread",
    "write full, none, or the share of it that is spread, e.g. \"20%\"",
    r"^\s*([0-9.]+\s*%|full|none)\s*$"
);

impl Spread {
    /// From nothing to all of it.
    pub(in crate::config) fn full() -> Self {
        Self(Percent::nearest(1.0))
    }

    /// The share, 0 to 1.
    pub(in crate::config) fn share(self) -> f64 {
        self.0.share()
    }
}

impl FromStr for Spread {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        match text.trim() {
            "full" => Ok(Self::full()),
            "none" => Ok(Self(Percent::nearest(0.0))),
            share => share.parse().map(Self).map_err(|_| Unreadable::new::<Self>(text)),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            full if *full == Self::full() => f.pad("full"),
            none if *none == Self(Percent::nearest(0.0)) => f.pad("none"),
            Self(share) => share.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_reads_back_as_it_was_written() {
        for text in ["full", "none", "20%", "12.5%"] {
            assert_eq!(text.parse::<Spread>().map(|spread| spread.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("100%".parse::<Spread>(), Ok(Spread::full()));
        for text in ["", "20", "101%", "equal"] {
            assert!(text.parse::<Spread>().is_err(), "{text}");
        }
    }
}
