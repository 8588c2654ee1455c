//! Memory of a function: `512 MB`, `1 GB`.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, text_scalar};

/// Memory in megabytes, as the provider counts them: 128 to 10,240 (Lambda developer guide, "Quotas", 2026).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Memory(pub(in crate::config) u32);

text_scalar!(
    Memory,
    "the memory of a function",
    "write 128 MB to 10240 MB, e.g. \"512 MB\" or \"1 GB\"",
    r"^\s*[0-9]+\s*(MB|GB)\s*$"
);

impl FromStr for Memory {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let unit = [("MB", 1_u32), ("GB", 1_024)];
        let number = |(name, size): (&str, u32)| text.trim().strip_suffix(name)?.trim().parse::<u32>().ok()?.checked_mul(size);
        let megabytes = unit.into_iter().find_map(number).filter(|megabytes| (128..=10_240).contains(megabytes));
        megabytes.map(Self).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn memory_reads_back_as_it_was_written(megabytes in 128_u32..=10_240) {
            prop_assert_eq!(Memory(megabytes).to_string().parse(), Ok(Memory(megabytes)));
        }
    }

    #[test]
    fn memory_has_a_unit_and_the_bounds_of_the_provider() {
        assert_eq!("1GB".parse(), Ok(Memory(1_024)));
        for text in ["512", "64 MB", "11 GB", "0.5 GB", "MB", "512 KB", "9999999 GB"] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
    }
}
