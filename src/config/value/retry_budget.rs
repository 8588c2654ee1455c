//! How many retries there may be: `20%` of the first attempts, or `none`, which is no budget.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use super::percent::Percent;
use super::{Unreadable, text_scalar};

/// A share of the first attempts; `None` is as many retries as there are failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct RetryBudget(pub(in crate::config) Option<Percent>);

text_scalar!(
    RetryBudget,
    "a retry budget",
    "write 0% to 100% of the first attempts, e.g. \"20%\", or none for no bound",
    r"^\s*([0-9.]+\s*%|none)\s*$"
);

impl FromStr for RetryBudget {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        if text.trim() == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|share| Self(Some(share))).map_err(|_| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(share) => share.fmt(f),
            None => f.pad("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_reads_back_as_it_was_written() {
        for text in ["20%", "0%", "100%", "12.5%", "none"] {
            assert_eq!(text.parse::<RetryBudget>().map(|budget| budget.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "20", "101%", "-1%", "no"] {
            assert!(text.parse::<RetryBudget>().is_err(), "{text}");
        }
    }
}
