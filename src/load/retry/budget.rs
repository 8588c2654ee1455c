//! A retry budget: retries in proportion to first attempts, so that a target that fails is not buried under repetitions.
//!
//! Owns the window. Refuses to know why something is retried. Called by [`retry`](super) alone.
//!
//! As in Finagle (`RetryBudget`: a share of 20 %, a minimum of 10 a second, over 10 s) and Linkerd (`retryBudget`: `retryRatio`,
//! `minRetriesPerSecond`, `ttl`): within the last ten seconds there are at most so many retries as the share of the first attempts that
//! ended in them, and a minimum. That is one a second here, for a load of a few requests a second must be able to use up its budget, too.

use sluicegate_policy::time::{Instant, Span};

/// Over which time a budget is counted, in whole seconds of the run: the current one and those before it.
pub const WINDOW: Span = Span::from_secs(SLOTS as u64);

/// Retries that a window has whatever its share allows, of all lanes together.
pub const MINIMUM: u64 = 10;

const SLOTS: usize = 10;
const MILLION: u64 = 1_000_000;

/// What was counted in the last seconds.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Retries for each first attempt, in millionths.
    millionths: u32,
    /// Lanes that the minimum is shared by.
    lanes: u16,
    /// First attempts and retries of a second, by the second modulo their number.
    slots: [(u64, u64); SLOTS],
    second: u64,
}

impl Window {
    pub(super) const fn new(millionths: u32, lanes: u16) -> Self {
        Self { millionths, lanes: if lanes == 0 { 1 } else { lanes }, slots: [(0, 0); SLOTS], second: 0 }
    }

    /// A first attempt has ended.
    pub(super) fn on_first_attempt(&mut self, now: Instant) {
        self.slot(now).0 += 1;
    }

    /// Takes a retry out of the budget; false if there is none left.
    pub(super) fn try_take(&mut self, now: Instant) -> bool {
        self.slot(now);
        let (firsts, retries) = self.slots.iter().fold((0, 0), |(firsts, retries), slot| (firsts + slot.0, retries + slot.1));
        let allowed = firsts * u64::from(self.millionths) * u64::from(self.lanes) + MINIMUM * MILLION;
        let is_allowed = (retries + 1) * MILLION * u64::from(self.lanes) <= allowed;
        if is_allowed {
            self.slot(now).1 += 1;
        }
        is_allowed
    }

    /// The counts of this second; what is older than the window is forgotten. An instant before the last one counts as that.
    fn slot(&mut self, now: Instant) -> &mut (u64, u64) {
        let gone = now.second().saturating_sub(self.second).min(SLOTS as u64);
        for passed in 0..gone {
            self.slots[((now.second() - passed) % SLOTS as u64) as usize] = (0, 0);
        }
        self.second = self.second.max(now.second());
        &mut self.slots[(self.second % SLOTS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    /// The same by the whole history.
    fn is_within(history: &[(u64, bool)], now: u64, (millionths, lanes): (u32, u16)) -> bool {
        let from = (now / 1_000).saturating_sub(9);
        let of = |retry| history.iter().filter(|(ms, is_retry)| ms / 1_000 >= from && *is_retry == retry).count() as f64;
        of(true) + 1.0 <= of(false) * f64::from(millionths) / 1e6 + 10.0 / f64::from(lanes) + 1e-9
    }

    proptest! {
        #[test]
        fn a_retry_is_granted_exactly_as_long_as_the_last_ten_seconds_have_room_for_it(
            gaps in prop::collection::vec((0_u64..700, any::<bool>()), 1..400),
            millionths in 0_u32..=1_000_000,
            lanes in 1_u16..=256,
        ) {
            let mut window = Window::new(millionths, lanes);
            let mut history: Vec<(u64, bool)> = Vec::new();
            let mut now = 0;
            for (gap, is_retry) in gaps {
                now += gap * gap / 100;
                if is_retry {
                    let granted = window.try_take(at(now));
                    prop_assert_eq!(granted, is_within(&history, now, (millionths, lanes)));
                    history.extend(granted.then_some((now, true)));
                } else {
                    window.on_first_attempt(at(now));
                    history.push((now, false));
                }
            }
        }
    }

    #[test]
    fn a_fifth_of_a_thousand_first_attempts_may_be_retried_and_the_minimum_beside_it() {
        let mut window = Window::new(200_000, 1);
        let granted = (0..1_000).filter(|_| {
            window.on_first_attempt(at(0));
            window.try_take(at(0))
        });
        assert_eq!(granted.count(), 210);
        assert!(!window.try_take(at(9_999)));
        assert_eq!((0..20).filter(|_| window.try_take(at(10_000))).count(), 10, "what is older than the window counts no more");
    }
}
