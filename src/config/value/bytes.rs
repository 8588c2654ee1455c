//! A size in bytes: `10 MB`, `20 KB`, `600 B`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, exact_number, text_scalar};

/// A size, in units of 1,024 as the provider counts them (its 10 MB are 10,485,760 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Bytes(pub(in crate::config) u64);

text_scalar!(
    Bytes,
    "a size",
    "write a number and a unit (B, KB, MB, GB), e.g. \"10 MB\" or \"20 KB\"",
    r"^\s*[0-9.]+\s*(B|KB|MB|GB)\s*$"
);

const UNITS: [(&str, u64); 4] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

impl FromStr for Bytes {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        // Every unit ends in the B of the last, so they are tried from the largest.
        let found = UNITS.iter().find_map(|(name, size)| Some((text.trim().strip_suffix(name)?, *size)));
        let whole = |(number, size): (&str, u64)| {
            let (digits, places) = exact_number(number.trim())?;
            let parts = 10_u64.checked_pow(places)?;
            let bytes = digits.checked_mul(size)?;
            bytes.is_multiple_of(parts).then_some(bytes / parts)
        };
        found.and_then(whole).map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, size) = UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size)).unwrap_or(&("B", 1));
        write!(f, "{} {name}", self.0 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_size_reads_back_as_it_was_written(bytes in 0_u64..1 << 50) {
            prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }
    }

    #[test]
    fn a_size_has_a_unit_and_whole_bytes() {
        assert_eq!("10 MB".parse(), Ok(Bytes(10_485_760)));
        assert_eq!("0.5KB".parse(), Ok(Bytes(512)));
        for text in ["", "10", "MB", "0.3 B", "1.5", "-1 KB", "10 kb", "99999999999 GB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
