//! The token bucket, in whole numbers.
//!
//! Owns one bucket: its level, its refill, and when a refused request would be accepted. Refuses floating point, which rejects
//! 405 of 1,000 requests that come exactly at the bucket's rate, and any clock: `now` comes in. Called by
//! [`throttle`](crate::throttle), which knows what each bucket stands for.

use crate::model::Throttle;
use crate::time::{Instant, Span};

/// A bucket that starts full and refills continuously, exactly.
///
/// The level is counted in parts of a token: one token is as many parts as `per` has nanoseconds, so that each nanosecond
/// brings exactly `tokens` parts, whatever the rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    parts_per_token: u64,
    parts_per_ns: u64,
    capacity: u128,
    level: u128,
    /// When `level` was true.
    last: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(throttle: Throttle) -> Self {
        let parts_per_token = throttle.rate.per.as_ns();
        let capacity = u128::from(throttle.burst.0) * u128::from(parts_per_token);
        Self { parts_per_token, parts_per_ns: throttle.rate.tokens, capacity, level: capacity, last: Instant::ZERO }
    }

    /// Takes `n` tokens, or says the first instant at which they would be there if nobody else took any; [`Instant::MAX`] if
    /// never, because the bucket is too small. An earlier `now` than before counts as the one before.
    pub fn try_take(&mut self, now: Instant, n: u64) -> Result<(), Instant> {
        self.check(now, n)?;
        self.level -= self.parts(n);
        Ok(())
    }

    /// As [`Self::try_take`], but takes nothing.
    pub fn check(&mut self, now: Instant, n: u64) -> Result<(), Instant> {
        self.refill(now);
        let needed = self.parts(n);
        if needed <= self.level {
            return Ok(());
        }
        Err(if needed > self.capacity { Instant::MAX } else { self.last + self.time_for(needed - self.level) })
    }

    fn refill(&mut self, now: Instant) {
        let brought = u128::from(now.since(self.last).as_ns()) * u128::from(self.parts_per_ns);
        self.level = self.level.saturating_add(brought).min(self.capacity);
        self.last = self.last.max(now);
    }

    fn parts(&self, tokens: u64) -> u128 {
        u128::from(tokens) * u128::from(self.parts_per_token)
    }

    /// How long the refill takes to bring these parts, rounded up; without a refill forever.
    fn time_for(&self, parts: u128) -> Span {
        let ns = parts.checked_add(u128::from(self.parts_per_ns.saturating_sub(1)));
        let ns = ns.and_then(|parts| parts.checked_div(u128::from(self.parts_per_ns)));
        Span::from_ns(ns.and_then(|ns| u64::try_from(ns).ok()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Burst, PerSecond};
    use proptest::prelude::*;

    fn bucket(tokens: u64, per: Span, burst: u64) -> Bucket {
        Bucket::new(Throttle { rate: PerSecond { tokens, per }, burst: Burst(burst) })
    }

    fn per_second(tokens: u64, burst: u64) -> Bucket {
        bucket(tokens, Span::from_secs(1), burst)
    }

    /// The obvious bucket: it remembers every request it admitted and, when asked, plays all of time again in fractions of a
    /// token with the common denominator `per`.
    struct Oracle {
        tokens: u128,
        per: u128,
        burst: u128,
        admitted: Vec<(u64, u64)>,
    }

    impl Oracle {
        fn numerator_at(&self, now: u64) -> u128 {
            let mut level = self.burst * self.per;
            let mut last = 0;
            for (at, n) in self.admitted.iter().copied().chain([(now, 0)]) {
                level = (level + u128::from(at - last) * self.tokens).min(self.burst * self.per);
                level -= u128::from(n) * self.per;
                last = at;
            }
            level
        }

        fn accepts(&mut self, now: u64, n: u64) -> bool {
            let accepts = self.numerator_at(now) >= u128::from(n) * self.per;
            if accepts {
                self.admitted.push((now, n));
            }
            accepts
        }
    }

    /// Rates whose nanoseconds per token are not whole are the interesting ones.
    fn settings() -> impl Strategy<Value = (u64, u64, u64)> {
        (1_u64..5_000, prop_oneof![Just(1_000_000_000_u64), Just(60_000_000_000), 1_u64..1_000_000], 0_u64..20)
    }

    fn asks() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((prop_oneof![0_u64..10, 0_u64..1_000_000, 0_u64..50_000_000], 0_u64..4), 1..60)
    }

    proptest! {
        #[test]
        fn it_decides_as_the_obvious_bucket_does((tokens, per, burst) in settings(), asks in asks()) {
            let mut bucket = bucket(tokens, Span::from_ns(per), burst);
            let mut oracle = Oracle { tokens: tokens.into(), per: per.into(), burst: burst.into(), admitted: Vec::new() };
            let mut now = 0;
            for (gap, n) in asks {
                now += gap;
                prop_assert_eq!(bucket.try_take(Instant::from_ns(now), n).is_ok(), oracle.accepts(now, n));
            }
        }

        #[test]
        fn it_refuses_before_the_instant_it_promised_and_accepts_at_it(
            (tokens, per, burst) in settings(), asks in asks(), share in 0.0_f64..1.0,
        ) {
            let mut bucket = bucket(tokens, Span::from_ns(per), burst);
            let mut now = Instant::ZERO;
            for (gap, n) in asks {
                now += Span::from_ns(gap);
                let Err(promised) = bucket.try_take(now, n) else { continue };
                if promised == Instant::MAX {
                    prop_assert!(n > burst);
                    continue;
                }
                prop_assert!(promised > now);
                let wait = promised.since(now).as_ns();
                for before in [0, (share * wait as f64) as u64, wait - 1] {
                    let early = now + Span::from_ns(before.min(wait - 1));
                    prop_assert_eq!(bucket.clone().try_take(early, n), Err(promised));
                }
                prop_assert_eq!(bucket.clone().try_take(promised, n), Ok(()));
            }
        }

        #[test]
        fn no_window_sees_more_than_burst_and_refill((tokens, per, burst) in settings(), asks in asks()) {
            let mut bucket = bucket(tokens, Span::from_ns(per), burst);
            let mut now = 0_u64;
            let mut admitted = Vec::new();
            for (gap, n) in asks {
                now += gap;
                if bucket.try_take(Instant::from_ns(now), n).is_ok() {
                    admitted.push((now, n));
                }
            }
            for (from, (start, _)) in admitted.iter().enumerate() {
                let mut taken = 0_u128;
                for (end, n) in &admitted[from..] {
                    taken += u128::from(*n);
                    let allowed = u128::from(burst) * u128::from(per) + u128::from(end - start) * u128::from(tokens);
                    prop_assert!(taken * u128::from(per) <= allowed);
                }
            }
        }
    }

    #[test]
    fn a_thousand_requests_exactly_at_the_rate_all_pass() {
        let mut bucket = per_second(100, 1);
        for k in 0..1_000 {
            assert_eq!(bucket.try_take(Instant::from_ns(k * 10_000_000), 1), Ok(()), "{k}");
        }
    }

    #[test]
    fn a_full_bucket_gives_its_burst_at_once_and_then_at_its_rate() {
        let mut bucket = per_second(2, 3);
        let passes = (0..5).filter(|_| bucket.try_take(Instant::ZERO, 1).is_ok()).count();
        assert_eq!(passes, 3);
        assert_eq!(bucket.try_take(Instant::ZERO, 1), Err(Instant::ZERO + Span::from_ms(500)));
    }

    #[test]
    fn time_that_runs_backwards_brings_nothing() {
        let mut bucket = per_second(1, 1);
        let second = Instant::ZERO + Span::from_secs(1);
        assert_eq!(bucket.try_take(second, 1), Ok(()));
        assert_eq!(bucket.try_take(Instant::ZERO, 1), Err(second + Span::from_secs(1)));
        assert_eq!(bucket.try_take(second + Span::from_secs(1), 1), Ok(()));
    }

    #[test]
    fn numbers_at_the_end_of_their_range_neither_wrap_nor_panic() {
        for (tokens, per, burst) in
            [(u64::MAX, 1, u64::MAX), (1, u64::MAX, u64::MAX), (0, 1, 1), (1, 0, 1), (u64::MAX, u64::MAX, 1)]
        {
            let mut bucket = bucket(tokens, Span::from_ns(per), burst);
            for n in [0, 1, 1, u64::MAX, u64::MAX] {
                let _ = bucket.try_take(Instant::ZERO, n);
                let _ = bucket.try_take(Instant::MAX, n);
            }
        }
        assert_eq!(per_second(1, 0).try_take(Instant::MAX, 1), Err(Instant::MAX));
    }
}
