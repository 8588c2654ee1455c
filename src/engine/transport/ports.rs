//! The port that a connection comes from, where there are very many of them.
//!
//! Owns one turn through the ports that the system gives to clients, shared by all lanes. Refuses to open anything (`connect`).
//!
//! Linux looks for a free port of a connection by trying every second one of its range first, and the others when all of those are taken
//! (`__inet_hash_connect`): from 14,000 connections to one target on, each new one tries 14,000 ports, which takes half a millisecond
//! and more. One that is named is found at once.
//!
//! It is named as the only one of the socket's range (`IP_LOCAL_PORT_RANGE`, Linux 6.3), rather than by a bind: what is bound without a
//! target may not share its port with what another program has open, or left a minute ago, to any other target. `connect` looks at
//! both ends, as it does where the system chooses.

use std::fs;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::socket::setsockopt;
use nix::{libc, setsockopt_impl, sockopt_impl};

/// The range of the system, and the ports in it that are not to be given away.
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// From `linux/in.h`; neither `libc` nor `nix` names it.
const IP_LOCAL_PORT_RANGE: libc::c_int = 51;

sockopt_impl!(
    /// The ports that a socket may be given when it connects: the last one in the high 16 bits, the first in the low.
    LocalPortRange,
    SetOnly,
    libc::IPPROTO_IP,
    IP_LOCAL_PORT_RANGE,
    u32
);

/// Ports in turn.
#[derive(Debug)]
pub(in crate::engine) struct Ports {
    first: u16,
    count: u16,
    next: AtomicU32,
}

impl Ports {
    /// The ports of this system, from somewhere on, so that the next run does not meet those that the last one has just left. `None` where the
    /// system does not tell them, or has set some of them aside.
    pub(in crate::engine) fn of_the_system() -> Option<Self> {
        let reserved = fs::read_to_string(RESERVED).ok()?;
        if !reserved.trim().is_empty() {
            return None;
        }
        let (first, last) = range(&fs::read_to_string(RANGE).ok()?)?;
        // Any number does that differs from process to process; 7,919 is a prime.
        let next = AtomicU32::new(std::process::id().wrapping_mul(7_919));
        Some(Self { first, count: last - first + 1, next })
    }

    /// How many there are.
    pub(in crate::engine) const fn count(&self) -> u16 {
        self.count
    }

    /// The next one.
    pub(super) fn take(&self) -> u16 {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.first + (turn % u32::from(self.count)) as u16
    }
}

/// Has a socket that is not bound to a port get this one, and no other, when it connects; of IPv6, too. `false` where the system has no such
/// option.
pub(super) fn allow_only(port: u16, socket: &impl AsFd) -> bool {
    let port = u32::from(port);
    setsockopt(socket, LocalPortRange, &(port << 16 | port)).is_ok()
}

/// The first and the last port, as the system writes them.
fn range(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_whitespace().map(str::parse::<u16>);
    let (first, last) = (words.next()?.ok()?, words.next()?.ok()?);
    // The whole of all ports would be one more than 16 bits hold.
    (0 < first && first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_take_turns_within_the_range() {
        let ports = Ports { first: 65_533, count: 3, next: AtomicU32::new(u32::MAX - 1) };
        let taken: Vec<u16> = (0..5).map(|_| ports.take()).collect();
        assert!(taken.iter().all(|port| *port >= 65_533), "{taken:?}");
        assert_eq!(taken[2..], [65_533, 65_534, 65_535]);
    }

    #[test]
    fn a_range_is_two_ports_in_order() {
        assert_eq!(range("32768\t60999\n"), Some((32_768, 60_999)));
        for bad in ["", "1", "5 4", "0 9", "1 70000", "a b"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
