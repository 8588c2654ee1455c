//! An address of a machine: `127.0.0.2`, `::1`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to know whose it is (`engine`). Read by the types in `raw`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Unreadable, text_scalar};

/// An address of IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Address(pub(in crate::config) IpAddr);

text_scalar!(
    Address,
    "an address",
    "write an address of this machine, e.g. 127.0.0.2 or \"::1\"",
    r"^\s*([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\s*$"
);

impl FromStr for Address {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        text.trim().parse().map(Self).map_err(|_| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for Address {
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
        fn an_address_reads_back_as_it_was_written(address: IpAddr) {
            prop_assert_eq!(Address(address).to_string().parse(), Ok(Address(address)));
        }
    }

    #[test]
    fn names_and_ports_are_no_addresses() {
        for text in ["localhost", "127.0.0.1:80", "127.0.0.0/8", "256.0.0.1", "", "[::1]"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
