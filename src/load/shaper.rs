//! Hard ceilings on what is sent, whatever the profile says: per target, per series, per identity.
//!
//! Owns the limits and their state, which all lanes share without a lock. Refuses to pace (the script does, by the nanosecond)
//! and to keep what it holds back (`held` does). Asked by `sim` and `engine` at the moment a connection is at hand, so that
//! what it admits is sent at once.
//!
//! The arithmetic is governor's (GCRA). Three things are ours: the burst is explicit and small (10 ms of the rate, at least 1;
//! governor's default is a whole second's), the interval is rounded *up* to whole nanoseconds (governor truncates), and time is
//! the caller's `now`, real or virtual. In any window a ceiling lets at most `rate * window + burst` pass.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::{Instant, Span};

use crate::traffic::SeriesId;

/// What no traffic may exceed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// Of all actions together.
    pub target: Option<PerSecond>,
    /// Of single series.
    pub series: Vec<(SeriesId, PerSecond)>,
    /// Of each identity.
    pub identity: Option<PerSecond>,
}

/// Identities that are told apart; two that are equal modulo this share one ceiling, which makes it stricter, never looser.
pub const IDENTITIES_MAX: u32 = 1 << 16;

/// Length of the burst that a ceiling allows.
const BURST: Span = Span::from_ms(10);

/// Longest time between two actions, so that sums of nanoseconds do not overflow: two years.
const INTERVAL_MAX_NS: u128 = 1 << 56;

/// The ceilings at work. A clone is a handle for another lane: the state is shared, the clock is not.
#[derive(Debug)]
pub struct Shaper {
    clock: LaneClock,
    target: Option<Ceiling>,
    /// Sorted by series.
    series: Vec<(SeriesId, Ceiling)>,
    identity: Option<Ceiling>,
}

impl Shaper {
    /// Ceilings that have not admitted anything yet.
    pub fn new(ceilings: &Ceilings) -> Self {
        let clock = LaneClock::default();
        let ceiling = |rate: PerSecond, keys: u32| Ceiling::new(rate, keys, &clock);
        let target = ceilings.target.map(|rate| ceiling(rate, 1));
        let mut series: Vec<_> = ceilings.series.iter().map(|(series, rate)| (*series, ceiling(*rate, 1))).collect();
        series.sort_by_key(|(series, _)| *series);
        let identity = ceilings.identity.map(|rate| ceiling(rate, IDENTITIES_MAX));
        Self { clock, target, series, identity }
    }

    /// Admits one action at `now`, or says when to ask again.
    ///
    /// All ceilings of the action are looked at before any token is taken, so a refusal costs nothing; the instant is the latest
    /// that any of them names. Only if another lane takes the last token between the look and the taking is a token lost: a
    /// ceiling is then kept a little below itself, never exceeded.
    pub fn admit(&self, now: Instant, series: SeriesId, identity: u32) -> Result<(), Instant> {
        self.clock.set(now);
        let ceilings = || {
            let from = self.series.partition_point(|(other, _)| *other < series);
            let of_series =
                self.series[from..].iter().take_while(move |(other, _)| *other == series).map(|(_, ceiling)| (ceiling, 0));
            let of_identity = self.identity.iter().map(move |ceiling| (ceiling, identity % IDENTITIES_MAX));
            of_identity.chain(of_series).chain(self.target.iter().map(|ceiling| (ceiling, 0)))
        };
        match ceilings().filter_map(|(ceiling, key)| ceiling.look(key).err()).max() {
            Some(until) => Err(until),
            None => ceilings().try_for_each(|(ceiling, key)| ceiling.take(key)),
        }
    }

    /// Whether there is any ceiling at all.
    pub const fn is_limiting(&self) -> bool {
        self.target.is_some() || !self.series.is_empty() || self.identity.is_some()
    }

    /// Whether identities have ceilings of their own.
    pub const fn limits_identities(&self) -> bool {
        self.identity.is_some()
    }
}

impl Clone for Shaper {
    fn clone(&self) -> Self {
        let clock = LaneClock::default();
        let handle = |ceiling: &Ceiling| ceiling.handle(&clock);
        let target = self.target.as_ref().map(handle);
        let series = self.series.iter().map(|(series, ceiling)| (*series, handle(ceiling))).collect();
        let identity = self.identity.as_ref().map(handle);
        Self { clock, target, series, identity }
    }
}

type Limiter = RateLimiter<u32, Slots, LaneClock, NoOpMiddleware<Nanos>>;

/// One ceiling, seen through two limiters over the same state: one looks, one takes.
#[derive(Debug)]
struct Ceiling {
    quota: Quota,
    slots: Arc<[InMemoryState]>,
    looking: Limiter,
    taking: Limiter,
}

impl Ceiling {
    fn new(rate: PerSecond, keys: u32, clock: &LaneClock) -> Self {
        let slots = (0..keys).map(|_| InMemoryState::default()).collect();
        Self::over(quota(rate), slots, clock)
    }

    fn over(quota: Quota, slots: Arc<[InMemoryState]>, clock: &LaneClock) -> Self {
        let limiter = |access| RateLimiter::new(quota, Slots { slots: Arc::clone(&slots), access }, clock.clone());
        let (looking, taking) = (limiter(Access::Look), limiter(Access::Take));
        Self { quota, slots, looking, taking }
    }

    fn handle(&self, clock: &LaneClock) -> Self {
        Self::over(self.quota, Arc::clone(&self.slots), clock)
    }

    fn look(&self, key: u32) -> Result<(), Instant> {
        ask(&self.looking, key)
    }

    fn take(&self, key: u32) -> Result<(), Instant> {
        ask(&self.taking, key)
    }
}

fn ask(limiter: &Limiter, key: u32) -> Result<(), Instant> {
    limiter.check_key(&key).map_err(|refusal| Instant::from_ns(refusal.earliest_possible().into()))
}

fn quota(rate: PerSecond) -> Quota {
    let per = u128::from(rate.per.as_ns());
    let interval = per.div_ceil(u128::from(rate.tokens.max(1))).clamp(1, INTERVAL_MAX_NS) as u64;
    let burst = u128::from(BURST.as_ns()) * u128::from(rate.tokens) / per.max(1);
    let burst = NonZeroU32::new(u32::try_from(burst).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(Duration::from_nanos(interval)).expect("the interval is at least one nanosecond").allow_burst(burst)
}

/// The `now` of the handle's owner.
#[derive(Clone, Debug, Default)]
struct LaneClock(Arc<AtomicU64>);

impl LaneClock {
    fn set(&self, now: Instant) {
        self.0.store(now.as_ns(), Ordering::Relaxed);
    }
}

impl Clock for LaneClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.load(Ordering::Relaxed).into()
    }
}

/// The states of one ceiling, one for each key.
#[derive(Debug)]
struct Slots {
    slots: Arc<[InMemoryState]>,
    access: Access,
}

#[derive(Clone, Copy, Debug)]
enum Access {
    /// Decides and changes nothing.
    Look,
    /// Decides and takes a token.
    Take,
}

impl StateStore for Slots {
    type Key = u32;

    fn measure_and_replace<T, F, E>(&self, key: &u32, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let slot = &self.slots[*key as usize];
        match self.access {
            Access::Take => slot.measure_and_replace(&NotKeyed::NonKey, decide),
            Access::Look => {
                // An error is what leaves the state as it is; the type says that there is nothing else.
                match slot.measure_and_replace(&NotKeyed::NonKey, |state| Err::<(Infallible, Nanos), _>(decide(state))) {
                    Err(decided) => decided.map(|(answer, _)| answer),
                    Ok(never) => match never {},
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: SeriesId = SeriesId(0);
    const B: SeriesId = SeriesId(1);

    fn per_second(tokens: u64) -> PerSecond {
        PerSecond { tokens, per: Span::from_secs(1) }
    }

    fn target(tokens: u64) -> Ceilings {
        Ceilings { target: Some(per_second(tokens)), ..Ceilings::default() }
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    /// Asks until admitted; the instants of `n` admissions.
    fn admitted(shaper: &Shaper, n: usize) -> Vec<Instant> {
        let mut now = Instant::ZERO;
        let next = |_| {
            while let Err(until) = shaper.admit(now, A, 0) {
                assert!(until > now);
                now = until;
            }
            now
        };
        (0..n).map(next).collect()
    }

    #[test]
    fn no_ceiling_holds_nothing_back() {
        let shaper = Shaper::new(&Ceilings::default());
        assert!(!shaper.is_limiting());
        assert!((0..1_000).all(|_| shaper.admit(Instant::ZERO, A, 0).is_ok()));
    }

    #[test]
    fn the_burst_is_ten_milliseconds_and_not_a_second() {
        let shaper = Shaper::new(&target(1_000));
        let first_second = admitted(&shaper, 2_000).into_iter().filter(|at| at.second() == 0).count();
        assert_eq!(first_second, 1_009, "10 at once, and one for each later millisecond");
    }

    #[test]
    fn a_refusal_names_the_instant_at_which_it_passes() {
        let shaper = Shaper::new(&target(10));
        assert_eq!(shaper.admit(at(0), A, 0), Ok(()));
        assert_eq!(shaper.admit(at(1), A, 0), Err(at(100)));
        assert_eq!(shaper.admit(Instant::from_ns(99_999_999), A, 0), Err(at(100)));
        assert_eq!(shaper.admit(at(100), A, 0), Ok(()));
    }

    #[test]
    fn an_interval_is_rounded_up_so_that_the_rate_is_not_exceeded() {
        let admitted = admitted(&Shaper::new(&target(3)), 30_000);
        let last = admitted.last().copied().unwrap();
        assert!(last.as_ns() >= 29_999 * 1_000_000_000 / 3, "{last:?}");
    }

    #[test]
    fn what_one_ceiling_refuses_takes_no_token_of_another() {
        let ceilings = Ceilings { target: Some(per_second(2)), series: vec![(B, per_second(1))], identity: None };
        let shaper = Shaper::new(&ceilings);
        assert_eq!(shaper.admit(at(0), B, 0), Ok(()));
        // The target has a token again, the series has not: asking does not use it up.
        for _ in 0..10 {
            assert_eq!(shaper.admit(at(500), B, 0), Err(at(1_000)));
        }
        assert_eq!(shaper.admit(at(500), A, 0), Ok(()));
    }

    #[test]
    fn every_identity_has_a_ceiling_of_its_own() {
        let shaper = Shaper::new(&Ceilings { identity: Some(per_second(1)), ..Ceilings::default() });
        assert_eq!(shaper.admit(at(0), A, 1), Ok(()));
        assert_eq!(shaper.admit(at(0), A, 2), Ok(()));
        assert_eq!(shaper.admit(at(0), B, 1), Err(at(1_000)));
    }

    #[test]
    fn handles_of_all_lanes_share_one_ceiling() {
        let first = Shaper::new(&target(10));
        let second = first.clone();
        assert_eq!(first.admit(at(0), A, 0), Ok(()));
        assert_eq!(second.admit(at(50), A, 0), Err(at(100)));
    }

    #[test]
    fn lanes_that_ask_at_once_do_not_exceed_it_together() {
        let shaper = Shaper::new(&target(1_000));
        let lane = |shaper: Shaper| (0..1_000).filter(|ms| shaper.admit(at(*ms), A, 0).is_ok()).count();
        let passed: usize = std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..4).map(|_| scope.spawn(|| lane(shaper.clone()))).collect();
            lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
        });
        assert!(passed <= 1_010, "{passed}");
    }

    #[test]
    fn absurd_rates_do_not_panic() {
        for rate in [(0, 0), (u64::MAX, 1), (1, u64::MAX), (0, u64::MAX), (u64::MAX, u64::MAX)] {
            let rate = PerSecond { tokens: rate.0, per: Span::from_ns(rate.1) };
            let shaper = Shaper::new(&Ceilings { target: Some(rate), ..Ceilings::default() });
            let _ = shaper.admit(at(0), A, 0);
            let _ = shaper.admit(at(1), A, 0);
        }
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_rate_times_window_plus_burst(
            tokens in 1_u64..20_000,
            gaps in prop::collection::vec(0_u64..3_000_000, 1..400),
        ) {
            let shaper = Shaper::new(&target(tokens));
            let mut now = 0;
            let mut passed = Vec::new();
            for gap in gaps {
                now += gap;
                if shaper.admit(Instant::from_ns(now), A, 0).is_ok() {
                    passed.push(now);
                }
            }
            let burst = (tokens / 100).max(1);
            for (from, start) in passed.iter().enumerate() {
                for (to, end) in passed.iter().enumerate().skip(from) {
                    prop_assert!((to - from + 1) as u64 <= (end - start) * tokens / 1_000_000_000 + burst);
                }
            }
        }
    }
}
