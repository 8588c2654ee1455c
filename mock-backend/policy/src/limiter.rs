//! Limiters: who passes, who passes later, and who is refused.
//!
//! Owns one limiter of each kind, in whole numbers. Refuses clocks (`now` comes in, and never goes back) and to know what passes. The
//! gateway's own throttles are [`throttle`](crate::throttle); these are the others that are met before gateways and behind them.

use std::collections::VecDeque;

use crate::bucket::Bucket;
use crate::model;
use crate::time::{Instant, Span};

/// A limiter at work.
#[derive(Clone, Debug)]
pub struct Limiter(State);

#[derive(Clone, Debug)]
enum State {
    Buckets(Vec<Bucket>),
    Meter(Meter),
    Refill(Refill),
    Window(Window),
}

/// Who comes is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// By which of several buckets: the first that has no token.
    pub by: usize,
}

impl Refused {
    const ALONE: Self = Self { by: 0 };
}

/// In parts of a nanosecond, of which one has as many as the rate has tokens, so that the time of one token is a whole number of them.
#[derive(Clone, Debug)]
struct Meter {
    parts_per_ns: u128,
    parts_per_token: u128,
    burst: u128,
    delays: bool,
    /// When all that was admitted has leaked.
    empty_at: u128,
}

#[derive(Clone, Debug)]
struct Refill {
    tokens: u64,
    every: u64,
    room: u64,
    level: u64,
    /// Periods of which the tokens are there.
    periods: u64,
}

#[derive(Clone, Debug)]
struct Window {
    limit: usize,
    length: Span,
    /// When each of the last ones was admitted.
    admitted: VecDeque<Instant>,
}

impl Limiter {
    /// One that nobody has passed.
    pub fn new(limiter: model::Limiter) -> Self {
        Self(match limiter {
            model::Limiter::Buckets(throttles) => State::Buckets(throttles.into_iter().map(Bucket::new).collect()),
            model::Limiter::Meter { rate, burst, delays } => State::Meter(Meter {
                parts_per_ns: u128::from(rate.tokens),
                parts_per_token: u128::from(rate.per.as_ns()),
                burst: u128::from(burst),
                delays,
                empty_at: 0,
            }),
            model::Limiter::Refill { tokens, every, room } => State::Refill(Refill {
                tokens: tokens.into(),
                every: every.as_ns().max(1),
                room: room.into(),
                level: room.into(),
                periods: 0,
            }),
            model::Limiter::Window { limit, length } => {
                State::Window(Window { limit: limit as usize, length, admitted: VecDeque::new() })
            }
        })
    }

    /// Somebody comes at `now`: how long it has to wait here, or that it is refused.
    pub fn pass(&mut self, now: Instant) -> Result<Span, Refused> {
        match &mut self.0 {
            State::Buckets(buckets) => {
                if let Some(by) = buckets.iter_mut().position(|bucket| bucket.check(now, 1).is_err()) {
                    return Err(Refused { by });
                }
                for bucket in buckets {
                    bucket.try_take(now, 1).expect("a token was seen there");
                }
                Ok(Span::ZERO)
            }
            State::Meter(meter) => meter.pass(now),
            State::Refill(refill) => refill.pass(now),
            State::Window(window) => window.pass(now),
        }
    }
}

impl Meter {
    fn pass(&mut self, now: Instant) -> Result<Span, Refused> {
        let now = u128::from(now.as_ns()) * self.parts_per_ns;
        let ahead = self.empty_at.saturating_sub(now);
        if ahead > self.burst * self.parts_per_token {
            return Err(Refused::ALONE);
        }
        self.empty_at = now.max(self.empty_at) + self.parts_per_token;
        let wait = if self.delays { ahead.checked_div(self.parts_per_ns).unwrap_or(0) } else { 0 };
        Ok(Span::from_ns(u64::try_from(wait).unwrap_or(u64::MAX)))
    }
}

impl Refill {
    fn pass(&mut self, now: Instant) -> Result<Span, Refused> {
        let periods = now.as_ns() / self.every;
        let brought = (periods - self.periods).saturating_mul(self.tokens);
        (self.level, self.periods) = (self.level.saturating_add(brought).min(self.room), periods);
        self.level = self.level.checked_sub(1).ok_or(Refused::ALONE)?;
        Ok(Span::ZERO)
    }
}

impl Window {
    fn pass(&mut self, now: Instant) -> Result<Span, Refused> {
        while self.admitted.front().is_some_and(|at| now.since(*at) >= self.length) {
            self.admitted.pop_front();
        }
        if self.admitted.len() >= self.limit {
            return Err(Refused::ALONE);
        }
        self.admitted.push_back(now);
        Ok(Span::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Burst, PerSecond, Throttle};
    use proptest::prelude::*;

    const fn per_second(tokens: u64) -> PerSecond {
        PerSecond { tokens, per: Span::from_secs(1) }
    }

    /// What becomes of each of these arrivals.
    fn passed(limiter: model::Limiter, ms: &[u64]) -> Vec<Option<u64>> {
        let mut limiter = Limiter::new(limiter);
        let mut pass = |ms: &u64| limiter.pass(Instant::from_ns(ms * 1_000_000)).ok().map(Span::as_ns);
        ms.iter().map(&mut pass).collect()
    }

    fn arrivals() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(0_u64..40, 1..200).prop_map(|gaps| {
            let mut at = 0;
            gaps.into_iter()
                .map(|gap| {
                    at += gap;
                    at
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_meter_refuses_as_a_bucket_of_one_more(tokens in 1_u64..300, burst in 0_u32..20, ms in arrivals()) {
            let rate = per_second(tokens);
            let bucket = model::Limiter::Buckets(vec![Throttle { rate, burst: Burst(u64::from(burst) + 1) }]);
            let meter = model::Limiter::Meter { rate, burst, delays: false };
            prop_assert_eq!(passed(meter, &ms), passed(bucket, &ms));
        }

        #[test]
        fn what_a_meter_delays_leaves_at_its_rate(tokens in 1_u64..300, burst in 0_u32..20, ms in arrivals()) {
            let meter = model::Limiter::Meter { rate: per_second(tokens), burst, delays: true };
            let leaves: Vec<u64> = ms.iter().zip(passed(meter, &ms)).filter_map(|(ms, wait)| Some(ms * 1_000_000 + wait?)).collect();
            let gap = 1_000_000_000 / tokens;
            prop_assert!(leaves.windows(2).all(|pair| pair[1] + 1 >= pair[0] + gap), "{:?}", leaves);
        }

        #[test]
        fn a_window_admits_no_more_in_any_stretch_and_refuses_only_then(limit in 1_u32..10, length in 1_u64..200, ms in arrivals()) {
            let window = model::Limiter::Window { limit, length: Span::from_ms(length) };
            let mut admitted: Vec<u64> = Vec::new();
            for (ms, passes) in ms.iter().zip(passed(window, &ms)) {
                let within = admitted.iter().filter(|at| ms - **at < length).count();
                prop_assert_eq!(passes.is_some(), within < limit as usize);
                admitted.extend(passes.map(|_| *ms));
            }
        }

        #[test]
        fn a_refill_as_large_as_its_room_counts_anew_in_each_period(tokens in 1_u32..10, every in 1_u64..200, ms in arrivals()) {
            let refill = model::Limiter::Refill { tokens, every: Span::from_ms(every), room: tokens };
            let passes = passed(refill, &ms);
            for at in 0..ms.len() {
                let before = (0..at).filter(|before| ms[*before] / every == ms[at] / every && passes[*before].is_some()).count();
                prop_assert_eq!(passes[at].is_some(), before < tokens as usize);
            }
        }
    }

    #[test]
    fn of_several_buckets_a_token_of_all_is_taken_or_of_none() {
        let bucket = |tokens, burst| Throttle { rate: per_second(tokens), burst: Burst(burst) };
        let mut both = Limiter::new(model::Limiter::Buckets(vec![bucket(1, 3), bucket(1, 2)]));
        let mut pass = || both.pass(Instant::ZERO).map_err(|refused| refused.by);
        assert_eq!(
            [pass(), pass(), pass(), pass()],
            [Ok(Span::ZERO), Ok(Span::ZERO), Err(1), Err(1)],
            "the first keeps its token"
        );
    }
}
