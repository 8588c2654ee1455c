//! How a client keeps its connections: the same rules for the engine's and the simulator's.
//!
//! Owns when a connection has had its last request. Refuses sockets and clocks: ages and counts are told. Real clients keep
//! connections, but not for ever: browsers and load balancers close idle ones (nginx after 75 s, AWS's load balancers after 60 s), pools
//! retire old ones so that names are asked for again, and some clients open a connection for each request.

use sluicegate_policy::seed::mix;
use sluicegate_policy::time::{Instant, Span};

use super::Share;

/// When connections are closed by their client. By default never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Requests after which their connection is kept, in millionths of a whole million.
    pub share: u32,
    /// Requests that a connection carries at most; at least one.
    pub requests: u32,
    /// A connection older than this begins no request.
    pub lifetime: Span,
    /// A connection that was idle for longer than this is closed.
    pub idle: Span,
    /// So long after one connection was closed for it, that of the next request is: a rate of new connections.
    pub renewal: Span,
}

/// When the next connection is to be closed so that a new one is opened. What traffic has left out is not made good by a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewals {
    every: Span,
    next: Instant,
}

/// The whole of a share.
pub const WHOLE: u32 = 1_000_000;

impl Keeping {
    /// Connections are kept until the peer closes them.
    pub const FOR_EVER: Self =
        Self { share: WHOLE, requests: u32::MAX, lifetime: Span::MAX, idle: Span::MAX, renewal: Span::MAX };

    /// Whether time has any part in it.
    pub fn is_timed(&self) -> bool {
        self.lifetime != Span::MAX || self.idle != Span::MAX
    }

    /// Whether a request is the last one on a connection that carried `before` others. Drawn from the request's place in the script
    /// alone, so that both worlds and any number of lanes agree.
    pub fn is_last(&self, session: u32, seq: u32, before: u32) -> bool {
        before >= self.requests - 1 || !self.is_kept_after(session, seq)
    }

    /// Whether a connection that was opened at `opened`, and is free since `since`, is closed rather than used at `now`.
    pub fn is_over(&self, opened: Instant, since: Instant, now: Instant) -> bool {
        now.since(opened) >= self.lifetime || now.since(since) >= self.idle
    }

    fn is_kept_after(&self, session: u32, seq: u32) -> bool {
        /// Other draws are made from the same names.
        const SALT: u64 = 0xB5AD_4ECE_DA1C_E2A9;
        if self.share >= WHOLE {
            return true;
        }
        let draw = mix(mix((u64::from(session) << 32) | u64::from(seq)) ^ SALT);
        // The upper 32 bits as a share of all there are.
        ((draw >> 32) * u64::from(WHOLE)) >> 32 < u64::from(self.share)
    }
}

impl Renewals {
    /// Those of one share of the script, of whose connections every so-many-th is renewed.
    pub fn of(keeping: &Keeping, share: Share) -> Self {
        let times = |n: u16| Span::from_ns(keeping.renewal.as_ns().saturating_mul(u64::from(n)));
        Self { every: times(share.of), next: Instant::ZERO + times(share.index + 1) }
    }

    /// Whether the connection of a request that begins now is to be closed after it.
    pub fn take(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        let next = self.next + self.every;
        self.next = if next > now { next } else { now + self.every };
        true
    }
}

impl Default for Keeping {
    fn default() -> Self {
        Self::FOR_EVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_a_connection_is_kept_for_ever() {
        let keeping = Keeping::default();
        assert!(!keeping.is_last(1, 2, u32::MAX - 2) && !keeping.is_timed());
        assert!(!keeping.is_over(Instant::ZERO, Instant::ZERO, Instant::ZERO + Span::from_secs(86_400 * 365)));
    }

    #[test]
    fn so_many_are_kept_as_was_said() {
        for share in [0, 100_000, 500_000, 900_000, WHOLE] {
            let keeping = Keeping { share, ..Keeping::FOR_EVER };
            let kept = (0..100_000).filter(|n| !keeping.is_last(*n, n % 3, 0)).count();
            assert!(kept.abs_diff(share as usize / 10) < 600, "{kept} of 100000 at {share}");
        }
    }

    #[test]
    fn the_last_request_of_a_connection_is_counted_from_its_first() {
        let keeping = Keeping { requests: 3, ..Keeping::FOR_EVER };
        assert_eq!([0, 1, 2, 3].map(|before| keeping.is_last(0, 0, before)), [false, false, true, true]);
        assert!(Keeping { requests: 1, ..Keeping::FOR_EVER }.is_last(0, 0, 0));
    }

    #[test]
    fn connections_are_renewed_at_their_rate_and_a_pause_is_no_debt() {
        let at = |ms| Instant::ZERO + Span::from_ms(ms);
        let keeping = Keeping { renewal: Span::from_ms(10), ..Keeping::FOR_EVER };
        let renewed = |share, instants: &[u64]| {
            let mut renewals = Renewals::of(&keeping, share);
            instants.iter().filter(|ms| renewals.take(at(**ms))).count()
        };
        let always: Vec<u64> = (0..1_000).collect();
        assert_eq!(renewed(Share::ALL, &always), 99);
        let lanes: usize = (0..4).map(|index| renewed(Share { index, of: 4 }, &always)).sum();
        assert!((96..=99).contains(&lanes), "{lanes}");
        assert_eq!(renewed(Share::ALL, &[5, 500, 501, 502, 509, 510, 511]), 2);
        let mut never = Renewals::of(&Keeping::FOR_EVER, Share { index: 3, of: 4 });
        assert!(!never.take(at(1 << 40)));
    }

    #[test]
    fn age_and_idleness_count_apart() {
        let at = |ms| Instant::ZERO + Span::from_ms(ms);
        let old = Keeping { lifetime: Span::from_ms(10), ..Keeping::FOR_EVER };
        assert_eq!([9, 10].map(|now| old.is_over(at(0), at(now), at(now))), [false, true]);
        let idle = Keeping { idle: Span::from_ms(10), ..Keeping::FOR_EVER };
        assert_eq!([14, 15].map(|now| idle.is_over(at(0), at(5), at(now))), [false, true]);
    }
}
